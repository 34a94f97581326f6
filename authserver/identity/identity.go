// Package identity knows who is at the browser: accounts with a password, the
// sessions of signed-in browsers, and the pages to sign in, to show once more who
// one is, and to sign out.
//
// The hard part, once. A session is 256 random bits in a cookie; the database
// has only their SHA-256. It ends when the person or somebody else of theirs
// ends it, after 12 hours without a page, and 30 days after the sign-in in any
// case. Both times are folded into one column: every page moves the end to the
// earlier of "now plus 12 hours" and "sign-in plus 30 days", at most once a
// minute, so that everybody who asks whether a session lives compares one time.
// A session that was read is believed for half a second: an end is in force at
// once in this process and within a second in every other.
//
// Several accounts can be signed in in one browser; one of them acts, the others are
// set aside until the person chooses (see present).
//
// Another cookie names the browser. It is set before anybody signs in, it is
// stored nowhere, and forms and conversations that begin before the sign-in are
// bound to it. It gives no authority.
//
// Guessing is bounded by counters that all replicas share: per account, per
// network, and per pair of both. A try is counted before the password is looked
// at, and an unknown account costs and answers the same as a known one.
//
// A person can turn on a second step: after the password, a code. Between the two
// there is no session, only a sealed note in the page that the password was right.
//
// A link that came by mail proves who reads the mail of an account: with it a person
// takes over an account they were invited to, or sets a new password (see mailed.go).
//
// Some things need more than a session that lives: a change of how one signs in,
// for example. For them the person shows once more who they are (see Prove), as
// surely as they can. The session stays what it is, with another token, so that
// nothing that was begun under it is lost.
//
// It does not own what a signed-in person may do, nor grants, nor any token of
// an app, how passkeys and codes are checked (packages passkey
// and onetime), and it writes no SQL.
package identity

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/web"
)

// Account is one person who can sign in.
type Account struct {
	ID       consent.UserID
	Email    string // as it was typed
	Name     string
	Picture  string // id of their picture; "" for none
	Hash     string // PHC string of the password
	Created  time.Time
	Disabled bool
	Invited  time.Time // when, while the person has not come yet; zero otherwise
	Language string    // in which the person last read a page; "" when nobody knows
	Muted    []string  // kinds of mails the person does not want
}

// Users keeps the accounts.
type Users interface {
	// AddAccount stores a new account. The error is a fault.Conflict when the key,
	// the canonical e-mail address, is taken.
	AddAccount(ctx context.Context, a Account, key string) error
	// AccountByEmail finds an account by its canonical e-mail address.
	AccountByEmail(ctx context.Context, key string) (Account, bool, error)
	// AccountByID finds an account by its id.
	AccountByID(ctx context.Context, id consent.UserID) (Account, bool, error)
	// ChangePassword stores a new password hash. It reports false, and does nothing,
	// when the old one is not there any more or the account was disabled.
	ChangePassword(ctx context.Context, id consent.UserID, old, hash string) (bool, error)
	// InviteAgain stores time, name and language of an invitation that nobody has followed yet, and
	// reports false when it is not the one of before any more.
	InviteAgain(ctx context.Context, a Account, before time.Time) (bool, error)
	// JoinAccount gives an account that was invited at a time its name and password
	// hash, which may be "", and reports false when it does not wait for that any more.
	JoinAccount(ctx context.Context, id consent.UserID, invited time.Time, name, hash string) (bool, error)
	// RenameAccount gives an account another name.
	RenameAccount(ctx context.Context, id consent.UserID, name string) error
}

// Config is what identity is made of. Users and Now are always needed; the rest
// only by those who serve pages.
type Config struct {
	Users     Users
	Sessions  Sessions
	Attempts  Attempts
	Audit     Audit
	Asking    Conversations // nil when no conversation can ask for a sign-in
	Away      Away          // nil when nothing goes on after a sign-out
	Leavings  Leavings      // nil when no app can ask for a sign-out
	Passkeys  Passkeys      // nil when browsers cannot use passkeys here
	Codes     Codes         // nil when a password has no second step
	Box       Sealer        // of what travels through a page, a cookie or a mail
	Letters   Letters       // nil when no mail can be sent
	Companies Companies     // nil when nobody signs in with an account elsewhere
	// Tx runs fn in one transaction.
	Tx func(ctx context.Context, fn func(ctx context.Context) error) error

	Site  *web.Site
	Forms web.Forms
	// HTTPS is true when browsers reach us by https: cookies are then Secure and
	// carry the __Host- prefix.
	HTTPS bool
	// Ended is called after sessions of a user were ended, for other caches in
	// this process. It may be nil.
	Ended func(consent.UserID)
	// Hashes bounds how many passwords are hashed at the same time, 19 MiB each;
	// 0 means 4.
	Hashes int
	Now    func() time.Time
}

// Identity answers who is at the browser. It is safe for concurrent use.
type Identity struct {
	cfg    Config
	hasher *hasher
	cache  *otter.Cache[digest, remembered]
}

// New returns an Identity.
func New(cfg Config) (*Identity, error) {
	if cfg.Hashes == 0 {
		cfg.Hashes = 4
	}
	cache, err := otter.New(&otter.Options[digest, remembered]{
		MaximumSize:      20_000,
		ExpiryCalculator: otter.ExpiryWriting[digest, remembered](believed),
	})
	if err != nil {
		return nil, fmt.Errorf("make the session cache: %w", err)
	}
	return &Identity{cfg: cfg, hasher: newHasher(cfg.Hashes), cache: cache}, nil
}

// CreateUser adds an account. The password has 8 characters or more and at most
// 1024 bytes. The error is a fault.Invalid for what cannot be an account, and a
// fault.Conflict when the address has one already.
func (i *Identity) CreateUser(ctx context.Context, email, name string, password secret.Text) (consent.UserID, error) {
	if err := checkNewPassword(password); err != nil {
		return "", err
	}
	hash, err := i.hasher.hash(ctx, password)
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	return i.add(ctx, email, name, hash)
}

// CreateWithoutPassword is CreateUser for somebody who signs in another way.
func (i *Identity) CreateWithoutPassword(ctx context.Context, email, name string) (consent.UserID, error) {
	return i.add(ctx, email, name, "")
}

func (i *Identity) add(ctx context.Context, email, name, hash string) (consent.UserID, error) {
	a, err := newAccount(email, name, i.cfg.Now())
	if err != nil {
		return "", err
	}
	a.Hash = hash
	if err := i.cfg.Users.AddAccount(ctx, a, Canonical(a.Email)); err != nil {
		return "", fmt.Errorf("add account: %w", err)
	}
	return a.ID, nil
}

// newAccount makes an account without a password; the error is a fault.Invalid.
func newAccount(email, name string, now time.Time) (Account, error) {
	email, name = strings.TrimSpace(email), strings.TrimSpace(name)
	if err := checkEmail(email); err != nil {
		return Account{}, err
	}
	if err := checkName(name); err != nil {
		return Account{}, err
	}
	return Account{ID: consent.UserID("user_" + uuid.Must(uuid.NewV7()).String()), Email: email, Name: name, Created: now}, nil
}

// Profile returns what apps may learn about a person who allowed it. The error is
// a fault.NotFound when there is no such account or it is disabled.
func (i *Identity) Profile(ctx context.Context, user consent.UserID) (name, email, picture string, err error) {
	a, found, err := i.cfg.Users.AccountByID(ctx, user)
	if err != nil {
		return "", "", "", fmt.Errorf("load account %s: %w", user, err)
	}
	if !found || a.Disabled {
		return "", "", "", fault.New(fault.NotFound, "There is no such account.")
	}
	return a.Name, a.Email, a.Picture, nil
}

// Canonical is the form of an e-mail address that is compared and counted, so
// that spelling an address differently gives no fresh tries.
func Canonical(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// checkEmail looks at the shape only: whether mail arrives is not ours to know.
func checkEmail(email string) error {
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > 254 || !utf8.ValidString(email) {
		return fault.New(fault.Invalid, "This is not an e-mail address: write it like ana@example.com.")
	}
	return nil
}

func checkName(name string) error {
	bad := func(r rune) bool { return !unicode.IsPrint(r) }
	if name == "" || utf8.RuneCountInString(name) > 200 || !utf8.ValidString(name) || strings.IndexFunc(name, bad) >= 0 {
		return fault.New(fault.Invalid, "A name has 1 to 200 printable characters.")
	}
	return nil
}
