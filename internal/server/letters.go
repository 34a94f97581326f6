package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/dashboard"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/mail"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/templates"
)

// letters has people told by mail what happens to their account, and sends the
// links they ask for.
type letters struct {
	*Foundation
	pages  *templates.Set
	people *identity.Identity // only for its links
	outbox *mail.Outbox
}

const (
	noticeEnds   = 3 * 24 * time.Hour // a notice that is older is none
	endingLinger = time.Minute        // what ends on the same day is told together
)

// letters is nil when no mail can be sent.
func (f *Foundation) letters(log *slog.Logger) (*letters, error) {
	if !f.Config.Mail.On() {
		return nil, nil
	}
	l := &letters{Foundation: f}
	var err error
	if l.pages, err = f.pages(); err != nil {
		return nil, err
	}
	if l.people, err = f.linker(); err != nil {
		return nil, err
	}
	l.outbox = &mail.Outbox{Rows: f.Store, Box: f.Key.Box("letter"), Write: l.write, Carrier: carrier(f.Config.Mail), Now: f.Now, Log: log}
	return l, nil
}

// linker makes links that are sent by mail, for people whom it signs in nowhere.
func (f *Foundation) linker() (*identity.Identity, error) {
	return identity.New(identity.Config{Users: f.Store, Box: f.Key.Box(signInBox), Now: f.Now})
}

func carrier(m config.Mail) mail.Carrier {
	if !m.Print {
		return mail.SMTP{Host: m.Host, Port: m.Port, TLS: m.TLS, User: m.User, Password: m.Password, From: m.From}
	}
	if m.Out == nil {
		m.Out = os.Stderr
	}
	return &mail.Console{Out: m.Out}
}

// note is what a letter is about, as it waits.
type note struct {
	Forgotten string // an address that somebody typed; the rest is empty then but Language
	Language  string // of who typed it
	Kind      templates.LetterKind
	User      consent.UserID
	App       consent.AppID
	Grant     consent.GrantID
	Scopes    []consent.ScopeName
	At        time.Time
}

// letterOf is the letter that tells of a record; "" when none does.
func letterOf(k audit.Kind) templates.LetterKind {
	switch k {
	case audit.GrantAgreed:
		return templates.LetterAllowed
	case audit.GrantEnding:
		return templates.LetterEnding
	case audit.PasswordChanged:
		return templates.LetterPassword
	case audit.PasskeyAdded:
		return templates.LetterPasskeyAdded
	case audit.PasskeyRemoved:
		return templates.LetterPasskeyRemoved
	case audit.PasskeyCopied:
		return templates.LetterPasskeyCopied
	case audit.CompanyLinked:
		return templates.LetterCompany
	case audit.CodesOn:
		return templates.LetterCodesOn
	case audit.CodesOff:
		return templates.LetterCodesOff
	case audit.RecoveryCodeUsed:
		return templates.LetterRecoveryUsed
	case audit.SignInReset:
		return templates.LetterReset
	}
	return ""
}

// tell puts the letter about a record into the outbox, in the record's transaction.
func (l *letters) tell(ctx context.Context, e audit.Event) error {
	n := note{Kind: letterOf(e.Kind), User: e.User, App: e.App, Grant: e.Grant, At: e.At}
	if n.Kind == "" || n.User == "" {
		return nil
	}
	letter := mail.Letter{For: string(e.User), Due: e.At, Ends: e.At.Add(noticeEnds)}
	switch n.Kind {
	case templates.LetterAllowed:
		for _, s := range strings.Fields(e.Detail) {
			n.Scopes = append(n.Scopes, consent.ScopeName(s))
		}
		if len(n.Scopes) == 0 {
			return nil // the same as before
		}
	case templates.LetterEnding:
		letter.About, letter.Due = "ending "+string(e.Grant), e.At.Add(endingLinger)
	}
	return l.put(ctx, letter, n)
}

// Forgotten implements identity.Letters. Whose address it is, if anybody's, is found
// out when the letter is written.
func (l *letters) Forgotten(ctx context.Context, email, language string) error {
	sum, now := sha256.Sum256([]byte(identity.Canonical(email))), l.Now()
	who := hex.EncodeToString(sum[:])
	return l.put(ctx, mail.Letter{For: who, About: "forgotten " + who, Due: now, Ends: now.Add(identity.ForgottenLife)}, note{Forgotten: email, Language: language})
}

func (l *letters) put(ctx context.Context, letter mail.Letter, n note) error {
	var err error
	if letter.Content, err = json.Marshal(n); err != nil {
		return err
	}
	return l.outbox.Put(ctx, letter)
}

// write is the outbox's Writer.
func (l *letters) write(ctx context.Context, content []byte) (mail.Message, bool, error) {
	var n note
	if err := json.Unmarshal(content, &n); err != nil {
		return mail.Message{}, false, fmt.Errorf("%w: read the letter: %w", mail.ErrRefused, err)
	}
	find := func() (identity.Account, bool, error) { return l.Store.AccountByID(ctx, n.User) }
	if n.Forgotten != "" {
		find = func() (identity.Account, bool, error) {
			return l.Store.AccountByEmail(ctx, identity.Canonical(n.Forgotten))
		}
	}
	a, found, err := find()
	if err != nil || !found || a.Disabled {
		return mail.Message{}, false, err
	}
	letter := templates.Letter{Kind: n.Kind, At: n.At, Link: l.address("/sessions")}
	switch {
	case n.Forgotten != "":
		letter, err = l.linkFor(a)
	case n.App != "":
		if err = l.aboutApp(ctx, n, &letter); err == nil && !wanted(a, letter) {
			return mail.Message{}, false, nil
		}
	case n.Kind == templates.LetterPassword:
		letter.Link = l.address("/forgot")
	}
	if err != nil {
		return mail.Message{}, false, err
	}
	m, err := l.message(a, letter, n.Language)
	return m, err == nil, err
}

// message writes a letter to a, in the language of a or else in this one.
func (l *letters) message(a identity.Account, letter templates.Letter, language string) (mail.Message, error) {
	subject, text, err := l.pages.Letter(letter, l.pages.Language(a.Language, language))
	return mail.Message{To: a.Email, Subject: subject, Text: text}, err
}

// sendNow sends a letter without the outbox: an operator waits for it.
func (l *letters) sendNow(ctx context.Context, a identity.Account, letter templates.Letter) error {
	m, err := l.message(a, letter, "")
	if err != nil {
		return err
	}
	return l.outbox.Carrier.Carry(ctx, m)
}

// linkFor is the letter that helps a, who forgot the password.
func (l *letters) linkFor(a identity.Account) (templates.Letter, error) {
	switch {
	case !a.Invited.IsZero():
		path, until, err := l.people.InvitationLink(a)
		return templates.Letter{Kind: templates.LetterInvitation, Link: l.address(path), Until: until}, err
	case a.Hash == "":
		return templates.Letter{Kind: templates.LetterNoPassword, Link: l.address("/signin")}, nil
	}
	path, until, err := l.people.ForgottenLink(a)
	return templates.Letter{Kind: templates.LetterForgotten, Link: l.address(path), Until: until}, err
}

// address is a page of ours, whole: of the external URL, never of a request.
func (l *letters) address(path string) string { return l.Config.ExternalURL.String() + path }

// aboutApp fills in what a letter tells of an app. What ends is read now: it may have
// been renewed.
func (l *letters) aboutApp(ctx context.Context, n note, letter *templates.Letter) error {
	words, err := l.Store.Words(ctx, l.Catalog.Scopes)
	if err != nil {
		return err
	}
	names, err := l.Store.AppNames(ctx, []consent.AppID{n.App})
	if err != nil {
		return err
	}
	held, _, err := store.Dashboard{Store: l.Store}.App(ctx, n.User, n.Grant)
	if err != nil {
		return err
	}
	letter.App, letter.Host, letter.Link = cmp.Or(names[n.App], string(n.App)), held.Host, l.address("/apps/"+string(n.Grant))
	if letter.Kind == templates.LetterEnding {
		n.Scopes = nil
		for _, it := range held.Grant.Items {
			if it.EndsSoon(l.Now()) {
				n.Scopes = append(n.Scopes, it.Scope)
				if letter.Until.IsZero() || it.Until.Before(letter.Until) {
					letter.Until = it.Until
				}
			}
		}
	}
	always := false
	for _, name := range n.Scopes {
		s := words[name]
		letter.What = append(letter.What, cmp.Or(s.Words, string(name)))
		always = always || s.Modifier || s.Access != consent.Read
	}
	if letter.Kind == templates.LetterEnding || !always {
		letter.Choose = l.address(dashboard.MailsPath)
	}
	return nil
}

// wanted reports whether a wants a letter about an app. What lets one change things,
// or act while the person is away, is always told.
func wanted(a identity.Account, letter templates.Letter) bool {
	if len(letter.What) == 0 {
		return false // what was to end does not
	}
	return letter.Choose == "" || !slices.Contains(a.Muted, string(letter.Kind))
}
