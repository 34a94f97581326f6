package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/templates"
)

const (
	provePath = "/signin/again"
	proveStep = "prove"
)

// ways are what a person can show beside the password.
type ways struct {
	passkey, codes bool
}

func (i *Identity) ways(ctx context.Context, user consent.UserID) (ways, error) {
	codes, err := i.hasCodes(ctx, user)
	if err != nil || i.cfg.Passkeys == nil {
		return ways{codes: codes}, err
	}
	passkey, err := i.cfg.Passkeys.Has(ctx, user)
	if err != nil {
		return ways{}, fmt.Errorf("find out how %s signs in: %w", user, err)
	}
	return ways{passkey, codes}, nil
}

// asks is how surely a person who can do w shows who they are once more, in a
// session at level: a password that somebody stole must not be enough to add
// another way in, or to take the surer one away. It never asks for less than what
// the session has, so that its level stays true.
func (w ways) asks(level consent.Level) consent.Level {
	switch {
	case w.passkey && level == consent.LevelPasskey:
		return consent.LevelPasskey
	case w.passkey, w.codes:
		return consent.LevelTwoStep
	}
	return consent.LevelPassword
}

// Prove is Require for what needs the person to have shown who they are just now,
// as surely as they can. When they have not, it sends the browser to a page that
// asks, says what for and goes on to next, and returns false.
func (i *Identity) Prove(c *gin.Context, what templates.Purpose, next string) (Person, bool, error) {
	p, ok, err := i.Require(c)
	if err != nil || !ok {
		return Person{}, false, err
	}
	w, err := i.ways(c.Request.Context(), p.User)
	if err != nil {
		return Person{}, false, err
	}
	return p, i.shown(c, p, w, what, next), nil
}

// ProveIfAble is Prove for what a person who has only a password may do with what
// they have shown.
func (i *Identity) ProveIfAble(c *gin.Context, p Person, what templates.Purpose, next string) (bool, error) {
	w, err := i.ways(c.Request.Context(), p.User)
	if err != nil {
		return false, err
	}
	return w == ways{} || i.shown(c, p, w, what, next), nil
}

func (i *Identity) shown(c *gin.Context, p Person, w ways, what templates.Purpose, next string) bool {
	if p.Level.Lacks(w.asks(p.Level), p.SignedInAt, i.cfg.Now()) == consent.LacksNothing {
		return true
	}
	c.Redirect(http.StatusSeeOther, proveAddress(what, next))
	return false
}

func proveAddress(what templates.Purpose, next string) string {
	return provePath + "?for=" + url.QueryEscape(string(what)) + "&next=" + url.QueryEscape(next)
}

// ProvePage is GET /signin/again with for and next.
func (i *Identity) ProvePage(c *gin.Context) error {
	p, what, next, err := i.proving(c, c.Query("for"), c.Query("next"))
	if err != nil || p.User == "" {
		return err
	}
	return i.showProve(c, http.StatusOK, p, templates.Prove{For: what}, next)
}

// proving reads what the page and both its forms are asked with. The Person is
// zero when nobody is signed in and the answer is written.
func (i *Identity) proving(c *gin.Context, what, next string) (Person, templates.Purpose, string, error) {
	next, err := Next(next)
	if err != nil {
		return Person{}, "", "", err
	}
	if !templates.Purpose(what).Known() {
		return Person{}, "", "", fault.New(fault.Invalid, "This address is not complete. Nothing was changed. Go back and try again.")
	}
	p, _, err := i.Require(c)
	return p, templates.Purpose(what), next, err
}

func (i *Identity) showProve(c *gin.Context, status int, p Person, page templates.Prove, next string) error {
	w, err := i.ways(c.Request.Context(), p.User)
	if err != nil {
		return err
	}
	want := w.asks(p.Level)
	page.Code, page.Weak = w.codes && want == consent.LevelTwoStep, !p.Level.Meets(want)
	page.Password = page.Code || want == consent.LevelPassword
	a, _, err := i.cfg.Users.AccountByID(c.Request.Context(), p.User)
	if err != nil {
		return fmt.Errorf("load the account of %s: %w", p.User, err)
	}
	if a.Hash == "" { // a new sign-in does what a password would
		page.Password, page.Code = false, false
		if page.Companies, err = i.companies(c.Request.Context()); err != nil {
			return err
		}
	}
	if w.passkey {
		if page.Passkey, err = i.offerPasskey(c); err != nil {
			return err
		}
	}
	asks, err := i.asking(c, next)
	if err != nil {
		return err
	}
	page.AppName = asks.App
	if i.cfg.Asking != nil {
		page.Stakes = i.cfg.Asking.Stakes(next)
	}
	page.Frame = templates.Frame{
		Account: p.Email, SignOut: i.SignOutToken(p), CSRF: i.proveToken(p, page.For, next), Path: provePath, Return: next, Now: i.cfg.Now(),
		Here: proveAddress(page.For, next),
	}
	return i.cfg.Site.Render(c, status, page)
}

func (i *Identity) proveToken(p Person, what templates.Purpose, next string) string {
	return i.cfg.Forms.Token(string(p.Session), proveStep, string(what), next)
}

// Proof is POST /signin/again with the fields csrf, for, return and password, and
// code when the page asks for one.
func (i *Identity) Proof(c *gin.Context) error {
	level := consent.LevelPassword
	if c.Request.PostForm.Has("code") {
		level = consent.LevelTwoStep
	}
	return i.proof(c, level, func(p Person, form url.Values) (Account, templates.Tried, error) {
		a, tried, err := i.checkPassword(c, p.Email, secret.New(form.Get("password")))
		if err != nil || a.ID == "" || level == consent.LevelPassword {
			return a, tried, err
		}
		if tried, err = i.checkCode(c, a, form.Get("code")); tried != (templates.Tried{}) {
			a = Account{}
		}
		return a, tried, err
	})
}

// ProofByPasskey is POST /signin/again/passkey with the fields csrf, for, return,
// ticket and answer.
func (i *Identity) ProofByPasskey(c *gin.Context) error {
	return i.proof(c, consent.LevelPasskey, func(_ Person, form url.Values) (Account, templates.Tried, error) {
		return i.checkPasskey(c, form)
	})
}

// proof checks what the person shows and goes on.
func (i *Identity) proof(c *gin.Context, level consent.Level, check func(Person, url.Values) (Account, templates.Tried, error)) error {
	if err := c.Request.ParseForm(); err != nil {
		return fault.Wrap(fault.Invalid, err, "This form could not be read. Nothing was changed. Go back and try again.")
	}
	form := c.Request.PostForm
	p, what, next, err := i.proving(c, form.Get("for"), form.Get("return"))
	if err != nil || p.User == "" {
		return err
	}
	if err := i.cfg.Forms.Check(form.Get("csrf"), string(p.Session), proveStep, string(what), next); err != nil {
		return err
	}
	w, err := i.ways(c.Request.Context(), p.User)
	if err != nil {
		return err
	}
	if !level.Meets(w.asks(p.Level)) {
		return fault.New(fault.Denied, "This is not enough to show that it is you. Nothing was changed. Go back and use what the page offers.")
	}
	a, tried, err := check(p, form)
	if err != nil {
		return err
	}
	if a.ID != "" && a.ID != p.User {
		a, tried = Account{}, templates.Tried{WrongKey: true} // a passkey of somebody else's account
	}
	if a.ID == "" {
		return i.showProve(c, refusal(c, tried), p, templates.Prove{For: what, Tried: tried}, next)
	}
	if err := i.proved(c, p, level); err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, next)
	return nil
}

// proved writes down that p showed who they are. The session gets another token:
// whoever holds the old one must show it, too.
func (i *Identity) proved(c *gin.Context, p Person, level consent.Level) error {
	ctx, now, token := c.Request.Context(), i.cfg.Now(), secret.Random()
	old, next := sha256.Sum256([]byte(i.sessionCookie(c))), sha256.Sum256([]byte(token.Reveal()))
	alive, err := i.cfg.Sessions.ProveSession(ctx, p.Session, level, now, old[:], next[:])
	if err != nil {
		return fmt.Errorf("write down a proof in session %s: %w", p.Session, err)
	}
	if !alive {
		return fault.New(fault.Conflict, "Your sign-in ended meanwhile. Nothing was changed. Sign in again.")
	}
	i.cache.Invalidate(digest(old))
	if err := i.cfg.Audit.Record(ctx, audit.Event{At: now, Kind: audit.Proved, User: p.User, Outcome: audit.Done, Detail: string(level)}); err != nil {
		return err // the session stands, but nobody has its token
	}
	i.setSessionCookie(c, token)
	return nil
}
