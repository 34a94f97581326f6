package identity

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// Audit records what happened before the browser learns of it.
type Audit interface {
	Record(ctx context.Context, e audit.Event) error
	// InTx does it in the transaction of ctx.
	InTx(ctx context.Context, e audit.Event) error
}

// Asking says which app made somebody come to sign in.
type Asking struct {
	App, Host string
	// ReturnURL is where the app wants the person back: the conversation can end
	// there in the redirects that follow a sign-in.
	ReturnURL string
	Hint      string // the address of whom the app expects (login_hint); "" for nobody
}

// Conversations knows which paths of ours belong to an app's request.
type Conversations interface {
	Asking(ctx context.Context, next string) (Asking, bool, error)
	// Stakes words what the person is about to allow on a page that needs a proof.
	Stakes(next string) []string
}

// Away knows which apps go on when a person signs out.
type Away interface {
	AppsAway(ctx context.Context, user consent.UserID) ([]string, error)
}

const (
	signInStep  = "signin"
	signOutStep = "signout"
)

// Ask sends the browser to the sign-in page, which goes on to next.
func (i *Identity) Ask(c *gin.Context, next string) error {
	next, err := Next(next)
	if err != nil {
		return err
	}
	target := "/signin"
	if next != "/" {
		target += "?next=" + url.QueryEscape(next)
	}
	c.Redirect(http.StatusSeeOther, target)
	return nil
}

// SignOutToken is the form token of the sign-out form in the header of every page
// of p.
func (i *Identity) SignOutToken(p Person) string {
	return i.cfg.Forms.Token(string(p.Session), signOutStep)
}

// SignInPage is GET /signin. It asks also those who are signed in, so that an app
// can have it asked again.
func (i *Identity) SignInPage(c *gin.Context) error {
	next, err := Next(c.Query("next"))
	if err != nil {
		return err
	}
	p, in, err := i.Person(c)
	if err != nil {
		return err
	}
	page := templates.SignIn{Ended: i.sessionCookie(c) != "" && !in}
	if in {
		page.Account, page.SignOut = p.Email, i.SignOutToken(p)
	}
	return i.showSignIn(c, http.StatusOK, page, next)
}

// SignIn is POST /signin with the fields csrf, return, email and password.
func (i *Identity) SignIn(c *gin.Context) error {
	form, next, err := i.entering(c)
	if err != nil {
		return err
	}
	email := form.Get("email")
	a, tried, err := i.checkPassword(c, email, secret.New(form.Get("password")))
	if err != nil {
		return err
	}
	if a.ID == "" {
		return i.showSignIn(c, refusal(c, tried), templates.SignIn{Email: cut(email, 254), Tried: tried}, next)
	}
	two, err := i.hasCodes(c.Request.Context(), a.ID)
	if err != nil {
		return err
	}
	if two {
		return i.askCode(c, a, next)
	}
	return i.enter(c, a, consent.LevelPassword, next)
}

// entering reads what every form of the sign-in page sends: where it leads, and
// that it is ours and this browser's.
func (i *Identity) entering(c *gin.Context) (form url.Values, next string, err error) {
	if err := c.Request.ParseForm(); err != nil {
		return nil, "", fault.Wrap(fault.Invalid, err, "This form could not be read. You are not signed in. Go back and try again.")
	}
	form = c.Request.PostForm
	next, err = Next(form.Get("return"))
	if err != nil {
		return nil, "", err
	}
	browser := i.cookie(c, browserName)
	if browser == "" {
		return nil, "", fault.New(fault.Denied, "Your browser did not send back our cookie. You are not signed in. Allow cookies for this site and try again.")
	}
	return form, next, i.cfg.Forms.Check(form.Get("csrf"), browser, signInStep)
}

// enter signs somebody in and goes on to next.
func (i *Identity) enter(c *gin.Context, a Account, level consent.Level, next string) error {
	if err := i.start(c, a, level); err != nil {
		return err
	}
	web.Note(c, slog.String("user", string(a.ID)))
	c.Redirect(http.StatusSeeOther, next)
	return nil
}

// refusal is the status of a page that tells that a try did not sign in.
func refusal(c *gin.Context, tried templates.Tried) int {
	if tried.Wait > 0 {
		c.Header("Retry-After", strconv.Itoa(int(tried.Wait/time.Second)+1))
		return http.StatusTooManyRequests
	}
	return http.StatusForbidden
}

func (i *Identity) showSignIn(c *gin.Context, status int, page templates.SignIn, next string) error {
	page.CSRF = i.cfg.Forms.Token(i.Browser(c), signInStep)
	page.Path, page.Return, page.Now = "/signin", next, i.cfg.Now()
	page.Here = "/signin?next=" + url.QueryEscape(next)
	var err error
	if page.Passkey, err = i.offerPasskey(c); err != nil {
		return err
	}
	if page.Companies, err = i.companies(c.Request.Context()); err != nil {
		return err
	}
	asks, err := i.asking(c, next)
	if err != nil {
		return err
	}
	page.AppName, page.AppHost = asks.App, asks.Host
	others, err := i.Others(c)
	if err != nil {
		return err
	}
	page.Others = page.Account == "" && len(others) > 0
	return i.cfg.Site.Render(c, status, page)
}

// asking says which app's request a sign-in leads on to, and lets the page's forms
// end at that app; zero when none does.
func (i *Identity) asking(c *gin.Context, next string) (Asking, error) {
	if i.cfg.Asking == nil {
		return Asking{}, nil
	}
	a, asked, err := i.cfg.Asking.Asking(c.Request.Context(), next)
	if err != nil {
		return Asking{}, fmt.Errorf("find who asks for the sign-in: %w", err)
	}
	if asked {
		web.AllowFormTo(c, a.ReturnURL)
	}
	return a, nil
}

// checkPassword is check for the browser of c, and tells a page what was wrong.
func (i *Identity) checkPassword(c *gin.Context, email string, password secret.Text) (Account, templates.Tried, error) {
	a, wait, err := i.check(c.Request.Context(), email, password, c.ClientIP())
	return a, templates.Tried{Wait: wait, Wrong: wait == 0 && a.ID == ""}, err
}

// check compares a password and returns the account it belongs to; the zero
// Account when there is no such account, it is disabled or the password is wrong:
// nobody can tell which. wait is how long no try is possible.
func (i *Identity) check(ctx context.Context, email string, password secret.Text, address string) (a Account, wait time.Duration, err error) {
	key := Canonical(email)
	if wait, err := i.count(ctx, key, address); err != nil || wait > 0 {
		return Account{}, wait, err
	}
	a, found, err := i.cfg.Users.AccountByEmail(ctx, key)
	if err != nil {
		return Account{}, 0, fmt.Errorf("load the account that signs in: %w", err)
	}
	found = found && a.Hash != "" // some people have no password
	if !found {
		a = Account{Hash: i.hasher.decoy} // the same work as for a known one
	}
	match, stale, err := false, false, error(nil)
	if len(password.Reveal()) <= longestPassword {
		match, stale, err = i.hasher.verify(ctx, a.Hash, password)
	}
	if err != nil {
		return Account{}, 0, fmt.Errorf("check the password of %s: %w", a.ID, err)
	}
	if !match || !found || a.Disabled {
		return Account{}, 0, i.refuse(ctx, a.ID)
	}
	if stale {
		if a.Hash, err = i.renew(ctx, a, password); err != nil {
			return Account{}, 0, err
		}
	}
	return a, 0, i.forgive(ctx, key, address)
}

// renew hashes a right password at today's cost, and returns the hash. A change of
// the password that came in between wins.
func (i *Identity) renew(ctx context.Context, a Account, password secret.Text) (string, error) {
	hash, err := i.hasher.hash(ctx, password)
	if err != nil {
		return "", fmt.Errorf("hash the password of %s again: %w", a.ID, err)
	}
	if _, err := i.cfg.Users.ChangePassword(ctx, a.ID, a.Hash, hash); err != nil {
		return "", fmt.Errorf("store the new hash of %s: %w", a.ID, err)
	}
	return hash, nil
}

// SignOut is POST /signout with the fields csrf and return.
func (i *Identity) SignOut(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return fault.Wrap(fault.Invalid, err, "This form could not be read. You are still signed in. Go back and try again.")
	}
	next, err := Next(c.Request.PostForm.Get("return"))
	if err != nil {
		return err
	}
	p, in, err := i.Person(c)
	if err != nil {
		return err
	}
	page := i.signedOut(next)
	if in {
		if err := i.cfg.Forms.Check(c.Request.PostForm.Get("csrf"), string(p.Session), signOutStep); err != nil {
			return err
		}
		if page.Away, err = i.signOut(c.Request.Context(), p); err != nil {
			return err
		}
	}
	return i.goodbye(c, page)
}

// signedOut is the goodbye, from which a new sign-in leads to next.
func (i *Identity) signedOut(next string) templates.SignedOut {
	return templates.SignedOut{Frame: templates.Frame{Path: "/signout", Return: next, Now: i.cfg.Now()}}
}

func (i *Identity) signOut(ctx context.Context, p Person) (away []string, err error) {
	if _, err := i.end(ctx, p.User, p.Session, false); err != nil {
		return nil, err
	}
	return i.away(ctx, p)
}

// away names what goes on when p is not here.
func (i *Identity) away(ctx context.Context, p Person) ([]string, error) {
	if i.cfg.Away == nil {
		return nil, nil
	}
	away, err := i.cfg.Away.AppsAway(ctx, p.User)
	if err != nil {
		return nil, fmt.Errorf("list what goes on without %s: %w", p.User, err)
	}
	return away, nil
}
