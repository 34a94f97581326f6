package identity

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// Links that people get by mail: whoever follows one reads the mail of an account.
//
// A link is stored nowhere. It is sealed, and holds the account, an end, and a
// digest of what the account was when the link was made. Using it changes that by
// one conditional write, so that it counts once, and every other link of the account
// ends with it; so does a new address, or a password changed in another way.
//
// Programs that look through mails follow links: a page that a link opens changes
// nothing, its form does. Nothing of a request is in a link, which is made for the
// external URL, and no page sends on where it was read (Referrer-Policy).

// The kinds of links. One is never good as another.
const (
	forgottenLink  = "forgotten password"
	invitationLink = "invitation"
)

// How long they are good.
const (
	ForgottenLife  = time.Hour
	InvitationLife = 7 * 24 * time.Hour
)

// mailed is what a link holds.
type mailed struct {
	User  consent.UserID
	State []byte
	Until int64 // milliseconds
}

// Letters has mails sent. What waits to be sent is stored in the transaction of ctx.
type Letters interface {
	// Forgotten has a link sent to whoever has an account with this address, in the
	// language of the account or else in this one. It does the same when nobody has:
	// an answer that waits for it tells nothing.
	Forgotten(ctx context.Context, email, language string) error
}

// ForgottenLink returns a path of ours with which whoever has it sets a new password
// for a, and its end.
func (i *Identity) ForgottenLink(a Account) (path string, until time.Time, err error) {
	return i.link(forgottenLink, resetPath, a, ForgottenLife)
}

// InvitationLink returns a path of ours with which whoever has it takes a over, and
// its end. The account is one that waits for its person.
func (i *Identity) InvitationLink(a Account) (path string, until time.Time, err error) {
	return i.link(invitationLink, invitationPath, a, InvitationLife)
}

func (i *Identity) link(kind, page string, a Account, life time.Duration) (string, time.Time, error) {
	until := i.cfg.Now().Add(life)
	plain, err := json.Marshal(mailed{a.ID, stateOf(a), until.UnixMilli()})
	if err != nil {
		return "", time.Time{}, err
	}
	return page + "?link=" + url.QueryEscape(i.cfg.Box.Seal(plain, kind)), until, nil
}

// stateOf is a digest of what a link must not outlive. Of times, databases keep the
// milliseconds.
func stateOf(a Account) []byte {
	sum := sha256.New()
	for _, part := range []string{Canonical(a.Email), a.Hash, strconv.FormatInt(a.Invited.UnixMilli(), 10)} {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return sum.Sum(nil)[:16]
}

// openLink returns the account that a link is for; the zero Account when it is
// nobody's, was used, or has ended.
func (i *Identity) openLink(ctx context.Context, kind, link string) (Account, error) {
	var m mailed
	plain, err := i.cfg.Box.Open(link, kind)
	if err == nil {
		err = json.Unmarshal(plain, &m)
	}
	if err != nil || !i.cfg.Now().Before(time.UnixMilli(m.Until)) {
		return Account{}, nil
	}
	a, found, err := i.cfg.Users.AccountByID(ctx, m.User)
	if err != nil {
		return Account{}, fmt.Errorf("load the account of a link: %w", err)
	}
	if !found || a.Disabled || string(stateOf(a)) != string(m.State) {
		return Account{}, nil
	}
	return a, nil
}
