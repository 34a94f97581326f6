package server

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/templates"
)

// CreateUser adds an account.
func (f *Foundation) CreateUser(ctx context.Context, email, name string, password secret.Text) (consent.UserID, error) {
	people, err := identity.New(identity.Config{Users: f.Store, Now: f.Now})
	if err != nil {
		return "", err
	}
	return people.CreateUser(ctx, email, name, password)
}

// Invitation is how somebody gets to an account that waits for them.
type Invitation struct {
	User  consent.UserID
	Link  string // "" when it was sent by mail
	Until time.Time
	// Unsent says why it could not be sent; nil when it was, or when no mail is.
	Unsent error
}

// Invite adds an account that waits for its person, and sends its link by mail. When
// that cannot be done the link is in the answer.
func (f *Foundation) Invite(ctx context.Context, email, name, language string) (Invitation, error) {
	pages, err := f.pages()
	if err != nil {
		return Invitation{}, err
	}
	if all := pages.Languages(); language != "" && !slices.Contains(all, language) {
		return Invitation{}, fault.New(fault.Invalid, "There are no mails in %q, only in %s. Nobody was invited.", language, strings.Join(all, " and "))
	}
	people, err := f.linker()
	if err != nil {
		return Invitation{}, err
	}
	a, err := people.Invite(ctx, email, name, language)
	if err != nil {
		return Invitation{}, err
	}
	path, until, err := people.InvitationLink(a)
	if err != nil {
		return Invitation{}, err
	}
	in := Invitation{User: a.ID, Link: f.Config.ExternalURL.String() + path, Until: until}
	l, err := f.letters(slog.New(slog.DiscardHandler))
	if err != nil || l == nil {
		return in, err
	}
	if in.Unsent = l.sendNow(ctx, a, templates.Letter{Kind: templates.LetterInvitation, Link: in.Link, Until: until}); in.Unsent == nil {
		in.Link = ""
	}
	return in, nil
}

// ResetSignIn is for somebody who lost their devices: it takes passkeys and codes
// of an account away and ends its sign-ins, so that only the password is left. It
// says how many passkeys there were, and whether codes were on.
func (f *Foundation) ResetSignIn(ctx context.Context, email string) (passkeys int, codes bool, err error) {
	a, found, err := f.Store.AccountByEmail(ctx, identity.Canonical(email))
	if err != nil {
		return 0, false, err
	}
	if !found {
		return 0, false, fault.New(fault.NotFound, "There is no account with this e-mail address.")
	}
	if a.Hash == "" {
		return 0, false, fault.New(fault.Conflict, "This account has no password: nobody could sign in to it any more. Nothing was changed.")
	}
	err = f.recording(func(records *audit.Recorder) error {
		return f.DB.Tx(ctx, func(ctx context.Context) error {
			if passkeys, err = f.Store.RemovePasskeysOf(ctx, a.ID); err != nil {
				return err
			}
			if codes, err = f.Store.RemoveOneTime(ctx, a.ID); err != nil {
				return err
			}
			if _, err := f.Store.EndSessions(ctx, a.ID, "", true); err != nil {
				return err
			}
			return records.InTx(ctx, audit.Event{At: f.Now(), Kind: audit.SignInReset, User: a.ID, Outcome: audit.Done})
		})
	})
	return passkeys, codes, err
}
