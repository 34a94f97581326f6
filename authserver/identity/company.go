package identity

import (
	"context"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/templates"
)

// Companies signs people in with accounts they have elsewhere. Package upstream
// implements it.
type Companies interface {
	// List names the providers, for the sign-in page.
	List(ctx context.Context) ([]templates.Company, error)
	// Begin returns the address at a provider to send the browser to. With again the
	// provider is to ask the person whatever it remembers.
	Begin(ctx context.Context, provider, browser, next string, again bool) (string, error)
	// Finish reads a provider's answer: whose account here it is for, and where the
	// person was going. It is nobody's when somebody who is signed in wants to connect
	// the account there; then nobody signs in. The error is a fault.
	Finish(ctx context.Context, provider, browser string, answer url.Values) (consent.UserID, string, error)
}

// companies lists the providers for a page; none when there are none.
func (i *Identity) companies(ctx context.Context) ([]templates.Company, error) {
	if i.cfg.Companies == nil {
		return nil, nil
	}
	return i.cfg.Companies.List(ctx)
}

// SignInWith is GET /signin/with/:provider with next: a link of the sign-in page,
// because the policy of a page would have to name wherever a form leads.
func (i *Identity) SignInWith(c *gin.Context) error {
	next, err := Next(c.Query("next"))
	if err != nil {
		return err
	}
	wait, err := i.countEach(c.Request.Context(), networkLimits(c.ClientIP()))
	if err != nil {
		return err
	}
	if wait > 0 {
		tried := templates.Tried{Wait: wait}
		return i.showSignIn(c, refusal(c, tried), templates.SignIn{Tried: tried}, next)
	}
	_, in, err := i.Person(c)
	if err != nil {
		return err
	}
	target, err := i.cfg.Companies.Begin(c.Request.Context(), c.Param("provider"), i.Browser(c), next, in)
	if err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, target)
	return nil
}

// SignInBack is GET /signin/with/:provider/callback: the provider's answer. It says
// who somebody is as surely as a password does; who turned on a second step takes it
// here as well.
func (i *Identity) SignInBack(c *gin.Context) error {
	ctx := c.Request.Context()
	user, next, err := i.cfg.Companies.Finish(ctx, c.Param("provider"), i.cookie(c, browserName), c.Request.URL.Query())
	if fault.Is(err, fault.Denied) {
		if err := i.refuse(ctx, user); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if user == "" {
		c.Redirect(http.StatusSeeOther, next)
		return nil
	}
	a, found, err := i.cfg.Users.AccountByID(ctx, user)
	if err != nil {
		return err
	}
	if !found || a.Disabled {
		return fault.New(fault.Denied, "You have no account here. Ask whoever runs this server for one.")
	}
	if err := i.cfg.Attempts.ForgiveTries(ctx, nil, subjects(networkLimits(c.ClientIP()))); err != nil {
		return err
	}
	two, err := i.hasCodes(ctx, a.ID)
	if err != nil {
		return err
	}
	if two {
		return i.askCode(c, a, next)
	}
	return i.enter(c, a, consent.LevelPassword, next)
}
