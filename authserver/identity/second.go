package identity

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/templates"
)

// Codes checks codes from an app and recovery codes. Package onetime implements
// it.
type Codes interface {
	// Has reports whether a person has them turned on.
	Has(ctx context.Context, user consent.UserID) (bool, error)
	// Check uses a code up; false when it is none, or was used.
	Check(ctx context.Context, user consent.UserID, typed string) (bool, error)
}

// Sealer seals what travels through a page.
type Sealer interface {
	Seal(plain []byte, bound ...string) string
	Open(sealed string, bound ...string) ([]byte, error)
}

const (
	secondStep = "second step"
	// secondLife is how long after the password the code may come.
	secondLife = 5 * time.Minute
)

// half is a sign-in whose password was right, on its way to the code. It is no
// session: nothing is stored, and it is good in one browser.
type half struct {
	User  consent.UserID
	Hash  []byte // SHA-256 of the password's hash: a new password ends it
	Until int64  // milliseconds
}

// askCode shows the page that asks for the second step.
func (i *Identity) askCode(c *gin.Context, a Account, next string) error {
	sum := sha256.Sum256([]byte(a.Hash))
	plain, err := json.Marshal(half{a.ID, sum[:], i.cfg.Now().Add(secondLife).UnixMilli()})
	if err != nil {
		return err
	}
	ticket := i.cfg.Box.Seal(plain, secondStep, i.Browser(c))
	return i.showCode(c, http.StatusOK, templates.SignInCode{Ticket: ticket}, next)
}

func (i *Identity) showCode(c *gin.Context, status int, page templates.SignInCode, next string) error {
	page.Frame = templates.Frame{CSRF: i.cfg.Forms.Token(i.Browser(c), signInStep), Path: "/signin", Return: next, Now: i.cfg.Now()}
	asks, err := i.asking(c, next)
	if err != nil {
		return err
	}
	page.AppName, page.AppHost = asks.App, asks.Host
	return i.cfg.Site.Render(c, status, page)
}

// SignInCode is POST /signin/code with the fields csrf, return, ticket and code.
func (i *Identity) SignInCode(c *gin.Context) error {
	form, next, err := i.entering(c)
	if err != nil {
		return err
	}
	ticket := form.Get("ticket")
	a, err := i.openHalf(c, ticket)
	if err != nil {
		return err
	}
	if a.ID == "" {
		return i.showSignIn(c, http.StatusForbidden, templates.SignIn{Tried: templates.Tried{Late: true}}, next)
	}
	tried, err := i.checkCode(c, a, form.Get("code"))
	if err != nil {
		return err
	}
	if tried != (templates.Tried{}) {
		return i.showCode(c, refusal(c, tried), templates.SignInCode{Ticket: ticket, Tried: tried}, next)
	}
	return i.enter(c, a, consent.LevelTwoStep, next)
}

// openHalf returns the account of a sign-in that is half done; the zero Account
// when it has ended.
func (i *Identity) openHalf(c *gin.Context, ticket string) (Account, error) {
	var h half
	plain, err := i.cfg.Box.Open(ticket, secondStep, i.cookie(c, browserName))
	if err == nil {
		err = json.Unmarshal(plain, &h)
	}
	if err != nil || !i.cfg.Now().Before(time.UnixMilli(h.Until)) {
		return Account{}, nil // nobody's, another browser's, or too old
	}
	a, found, err := i.cfg.Users.AccountByID(c.Request.Context(), h.User)
	if err != nil {
		return Account{}, fmt.Errorf("load the account that signs in: %w", err)
	}
	if sum := sha256.Sum256([]byte(a.Hash)); !found || a.Disabled || string(sum[:]) != string(h.Hash) {
		return Account{}, nil
	}
	return a, nil
}

// checkCode checks the second step of a. Its tries are counted apart from those of
// the password: who knows the password must not get fresh guesses by it.
func (i *Identity) checkCode(c *gin.Context, a Account, typed string) (templates.Tried, error) {
	ctx, key := c.Request.Context(), "code:"+Canonical(a.Email)
	if wait, err := i.count(ctx, key, c.ClientIP()); err != nil || wait > 0 {
		return templates.Tried{Wait: wait}, err
	}
	right, err := i.cfg.Codes.Check(ctx, a.ID, typed)
	if err != nil {
		return templates.Tried{}, fmt.Errorf("check a code of %s: %w", a.ID, err)
	}
	if !right {
		return templates.Tried{WrongCode: true}, i.refuse(ctx, a.ID)
	}
	return templates.Tried{}, i.forgive(ctx, key, c.ClientIP())
}

// hasCodes reports whether a sign-in of this person has a second step.
func (i *Identity) hasCodes(ctx context.Context, user consent.UserID) (bool, error) {
	if i.cfg.Codes == nil {
		return false, nil
	}
	on, err := i.cfg.Codes.Has(ctx, user)
	if err != nil {
		return false, fmt.Errorf("find out how %s signs in: %w", user, err)
	}
	return on, nil
}
