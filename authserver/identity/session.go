package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// How long a sign-in lasts. The package comment says how the two meet.
const (
	IdleLifetime  = 12 * time.Hour      // without a page
	TotalLifetime = 30 * 24 * time.Hour // since the sign-in

	seenEvery = time.Minute            // how often a page is written down
	believed  = 500 * time.Millisecond // how old a read may be
)

// Session is one signed-in browser.
type Session struct {
	ID        consent.SessionID
	User      consent.UserID
	Level     consent.Level // how surely the sign-in showed who the person is
	Created   time.Time     // the sign-in
	Proved    time.Time     // when the person last showed who they are; see Prove
	Seen      time.Time     // the last page, up to a minute old
	Expires   time.Time     // the earlier of both limits
	UserAgent string        // what the browser said at the sign-in
	Address   string        // where it was at the sign-in
	Language  string        // of the page it was made on; only at the sign-in
}

// Device names the browser for people: "Firefox on Linux".
func (s Session) Device() string { return device(s.UserAgent) }

// digest is the SHA-256 of a session's token: high-entropy, so no salt.
type digest [sha256.Size]byte

// remembered is a session as it was read at a time.
type remembered struct {
	session Session
	account Account
	read    time.Time
}

// Sessions keeps the sessions. A session lives while its end is in the future;
// ending one moves its end to now.
type Sessions interface {
	// StartSession stores s under the hash of its token and ends the sessions of
	// the hashes replaced. It writes down the language for the account. It reports
	// false, and does nothing, when the account's password hash is not password any
	// more or it was disabled.
	StartSession(ctx context.Context, s Session, password string, hash []byte, replaced [][]byte) (bool, error)
	// SessionByToken returns the session of a hash and its account. Sessions that
	// ended and accounts that are disabled are not found.
	SessionByToken(ctx context.Context, hash []byte) (Session, Account, bool, error)
	// ProveSession writes down that the person of a living session showed who they
	// are once more, at a level, and gives it another token. It reports false when
	// the session ended or its token is not the one of the hash any more.
	ProveSession(ctx context.Context, id consent.SessionID, level consent.Level, at time.Time, hash, next []byte) (bool, error)
	// SeeSession moves a living session's last page and end.
	SeeSession(ctx context.Context, id consent.SessionID, seen, expires time.Time) error
	// SessionsOf lists the living sessions of a user, the latest seen first.
	SessionsOf(ctx context.Context, user consent.UserID) ([]Session, error)
	// EndSessions ends the living sessions of a user: the one of the id, or all
	// but it when others is true. It returns the hashes of those it ended.
	EndSessions(ctx context.Context, user consent.UserID, id consent.SessionID, others bool) ([][]byte, error)
}

// Person is who is at the browser.
type Person struct {
	User       consent.UserID
	Session    consent.SessionID
	Email      string
	Name       string
	Browser    string        // the anonymous browser cookie
	SignedInAt time.Time     // when they last showed who they are
	Level      consent.Level // how surely they showed who they are; never ""
}

// Levels are the levels that a sign-in here can reach, the weakest first.
func (i *Identity) Levels() []consent.Level {
	levels := []consent.Level{consent.LevelPassword}
	if i.cfg.Codes != nil {
		levels = append(levels, consent.LevelTwoStep)
	}
	if i.cfg.Passkeys != nil {
		levels = append(levels, consent.LevelPasskey)
	}
	return levels
}

// Person returns who is signed in at the browser that sent the request; false
// when nobody is.
func (i *Identity) Person(c *gin.Context) (Person, bool, error) {
	token := i.sessionCookie(c)
	if token == "" {
		return Person{}, false, nil
	}
	ctx, key := c.Request.Context(), digest(sha256.Sum256([]byte(token)))
	r, found, err := i.recall(ctx, key)
	if err != nil || !found {
		return Person{}, false, err
	}
	if err := i.see(ctx, key, r); err != nil {
		return Person{}, false, err
	}
	return r.person(i.Browser(c)), true, nil
}

// person is whose session it is, in a browser.
func (r remembered) person(browser string) Person {
	return Person{
		User:       r.session.User,
		Session:    r.session.ID,
		Email:      r.account.Email,
		Name:       r.account.Name,
		Browser:    browser,
		SignedInAt: r.session.Proved,
		Level:      r.session.Level,
	}
}

// Require is Person for pages that need one: when nobody is signed in it sends
// the browser to the sign-in page, which comes back here, and returns false. A
// form cannot be sent again by a redirect: after one, the way leads home.
func (i *Identity) Require(c *gin.Context) (Person, bool, error) {
	p, ok, err := i.Person(c)
	if err != nil || ok {
		return p, ok, err
	}
	next := "/"
	if c.Request.Method == "GET" || c.Request.Method == "HEAD" {
		next = c.Request.URL.RequestURI()
	}
	return Person{}, false, i.Ask(c, next)
}

// recall finds a session by its token, believing what was read a moment ago.
func (i *Identity) recall(ctx context.Context, key digest) (remembered, bool, error) {
	now := i.cfg.Now()
	r, hit := i.cache.GetIfPresent(key)
	if !hit || now.Sub(r.read) >= believed || now.Before(r.read) {
		s, a, found, err := i.cfg.Sessions.SessionByToken(ctx, key[:])
		if err != nil {
			return remembered{}, false, fmt.Errorf("load session: %w", err)
		}
		if !found {
			return remembered{}, false, nil
		}
		r = remembered{session: s, account: a, read: now}
		i.cache.Set(key, r)
	}
	// A sign-in that has not reached a level is not one yet (threat O44).
	return r, now.Before(r.session.Expires) && r.session.Level.Meets(""), nil
}

// see writes down that the session was used and moves its idle end.
func (i *Identity) see(ctx context.Context, key digest, r remembered) error {
	now := i.cfg.Now()
	if now.Sub(r.session.Seen) < seenEvery {
		return nil
	}
	if err := i.cfg.Sessions.SeeSession(ctx, r.session.ID, now, endOf(r.session.Created, now)); err != nil {
		return fmt.Errorf("write down a page of session %s: %w", r.session.ID, err)
	}
	i.cache.Invalidate(key)
	return nil
}

// endOf is when a session that was seen now ends.
func endOf(created, now time.Time) time.Time {
	idle, total := now.Add(IdleLifetime), created.Add(TotalLifetime)
	if idle.Before(total) {
		return idle
	}
	return total
}

// start signs an account in at this browser, at the level it has shown. The session is new whatever the
// browser had before, so that nobody can prepare one for somebody else. Other accounts that are signed
// in here are set aside.
func (i *Identity) start(c *gin.Context, a Account, level consent.Level) error {
	now, token := i.cfg.Now(), secret.Random()
	s := Session{
		ID:        consent.SessionID("session_" + uuid.Must(uuid.NewV7()).String()),
		User:      a.ID,
		Level:     level,
		Created:   now,
		Proved:    now,
		Seen:      now,
		Expires:   endOf(now, now),
		UserAgent: cut(c.Request.UserAgent(), 256),
		Address:   c.ClientIP(),
		Language:  i.cfg.Site.Language(c),
	}
	list, err := i.present(c)
	if err != nil {
		return err
	}
	others, replaced := room(list, a.ID)
	hash := sha256.Sum256([]byte(token.Reveal()))
	started, err := i.cfg.Sessions.StartSession(c.Request.Context(), s, a.Hash, hash[:], replaced)
	if err != nil {
		return fmt.Errorf("start session: %w", err)
	}
	if !started { // who set another password meanwhile meant to end every sign-in
		return fault.New(fault.Denied, "This account was changed just now. You are not signed in. Go back and sign in again.")
	}
	for _, old := range replaced {
		i.cache.Invalidate(digest(old))
	}
	e := audit.Event{At: now, Kind: audit.SignedIn, User: a.ID, Outcome: audit.Done, Detail: s.Device()}
	if err := i.cfg.Audit.Record(c.Request.Context(), e); err != nil {
		return err // the session stands, but nobody has its token
	}
	i.setSessionCookie(c, token)
	i.setAside(c, others)
	return nil
}

// Sessions lists where a user is signed in, the latest seen first.
func (i *Identity) Sessions(ctx context.Context, user consent.UserID) ([]Session, error) {
	list, err := i.cfg.Sessions.SessionsOf(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("list sessions of %s: %w", user, err)
	}
	return list, nil
}

// End ends one session of a user. It is in force in this process when End
// returns, and everywhere within a second. The error is a fault.NotFound when
// the user has no such session.
func (i *Identity) End(ctx context.Context, user consent.UserID, id consent.SessionID) error {
	n, err := i.end(ctx, user, id, false)
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "This sign-in has ended already, or it is not yours.")
	}
	return err
}

// EndOthers ends all sessions of a user but one, and says how many.
func (i *Identity) EndOthers(ctx context.Context, user consent.UserID, keep consent.SessionID) (int, error) {
	return i.end(ctx, user, keep, true)
}

func (i *Identity) end(ctx context.Context, user consent.UserID, id consent.SessionID, others bool) (int, error) {
	hashes, err := i.cfg.Sessions.EndSessions(ctx, user, id, others)
	if err != nil {
		return 0, fmt.Errorf("end sessions of %s: %w", user, err)
	}
	for _, h := range hashes {
		i.cache.Invalidate(digest(h))
	}
	if len(hashes) == 0 {
		return 0, nil
	}
	if i.cfg.Ended != nil {
		i.cfg.Ended(user)
	}
	e := audit.Event{At: i.cfg.Now(), Kind: audit.SignedOut, User: user, Outcome: audit.Done}
	return len(hashes), i.cfg.Audit.Record(ctx, e)
}
