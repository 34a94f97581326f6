package identity

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// Passkeys checks keys of people's devices. Package passkey implements it.
type Passkeys interface {
	// Offer is what a page needs to ask for a passkey; it is good in one browser.
	Offer(browser string) (templates.Ceremony, error)
	// Check says whose passkey answered an offer. The error is a fault.Conflict when
	// the offer has ended, and a fault.Denied when the answer proves nothing.
	Check(ctx context.Context, browser, ticket, answer string) (consent.UserID, error)
	// Has reports whether a person has a passkey.
	Has(ctx context.Context, user consent.UserID) (bool, error)
	// BeginFor is what a page needs to make a passkey for an account that nobody is
	// signed in to; it is good in one browser.
	BeginFor(a Account, browser string) (templates.Ceremony, error)
	// AddFor adds the passkey that answered, in the transaction of ctx. The error is a
	// fault.
	AddFor(ctx context.Context, a Account, browser, ticket, answer, name string) error
}

// offerPasskey lets the page of c ask for a passkey; zero when it cannot.
func (i *Identity) offerPasskey(c *gin.Context) (templates.Ceremony, error) {
	if i.cfg.Passkeys == nil {
		return templates.Ceremony{}, nil
	}
	web.AllowScript(c)
	return i.cfg.Passkeys.Offer(i.Browser(c))
}

// SignInWithPasskey is POST /signin/passkey with the fields csrf, return, ticket
// and answer.
func (i *Identity) SignInWithPasskey(c *gin.Context) error {
	form, next, err := i.entering(c)
	if err != nil {
		return err
	}
	a, tried, err := i.checkPasskey(c, form)
	if err != nil {
		return err
	}
	if a.ID == "" {
		return i.showSignIn(c, refusal(c, tried), templates.SignIn{Tried: tried}, next)
	}
	return i.enter(c, a, consent.LevelPasskey, next)
}

// checkPasskey returns the account whose passkey answered; the zero Account when
// none did, with what a page says about it. Nobody guesses a signature: tries are
// counted by network only, for the load they are.
func (i *Identity) checkPasskey(c *gin.Context, form url.Values) (Account, templates.Tried, error) {
	if i.cfg.Passkeys == nil {
		return Account{}, templates.Tried{}, fault.New(fault.NotFound, "Nobody can sign in with a passkey here.")
	}
	ctx, place := c.Request.Context(), networkLimits(c.ClientIP())
	if wait, err := i.countEach(ctx, place); err != nil || wait > 0 {
		return Account{}, templates.Tried{Wait: wait}, err
	}
	user, err := i.cfg.Passkeys.Check(ctx, i.cookie(c, browserName), form.Get("ticket"), form.Get("answer"))
	switch {
	case fault.Is(err, fault.Conflict):
		web.Note(c, slog.String("cause", err.Error()))
		return Account{}, templates.Tried{Late: true}, nil
	case fault.Is(err, fault.Denied):
		web.Note(c, slog.String("cause", err.Error()))
		return Account{}, templates.Tried{WrongKey: true}, i.refuse(ctx, "")
	case err != nil:
		return Account{}, templates.Tried{}, fmt.Errorf("check a passkey: %w", err)
	}
	a, found, err := i.cfg.Users.AccountByID(ctx, user)
	if err != nil {
		return Account{}, templates.Tried{}, fmt.Errorf("load the account that signs in: %w", err)
	}
	if !found || a.Disabled {
		return Account{}, templates.Tried{WrongKey: true}, i.refuse(ctx, user)
	}
	if err := i.cfg.Attempts.ForgiveTries(ctx, nil, subjects(place)); err != nil {
		return Account{}, templates.Tried{}, fmt.Errorf("forgive the try of a sign-in: %w", err)
	}
	return a, templates.Tried{}, nil
}

// refuse records a try that did not sign in.
func (i *Identity) refuse(ctx context.Context, user consent.UserID) error {
	return i.cfg.Audit.Record(ctx, audit.Event{At: i.cfg.Now(), Kind: audit.SignInRefused, User: user, Outcome: audit.Denied})
}
