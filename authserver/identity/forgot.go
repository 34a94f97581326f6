package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/templates"
)

const (
	forgotPath = "/forgot"
	resetPath  = "/reset"
	forgotStep = "forgot"
	resetStep  = "reset"
)

// mailWindow is how long requests for mail count, from the first one.
const mailWindow = time.Hour

// mailLimits bound how many mails one place has sent, and how many come to one
// address.
func mailLimits(key, address string) (network, account []limit) {
	for _, l := range networkLimits(address) {
		network = append(network, limit{"mail-" + l.subject, l.most / 5})
	}
	return network, []limit{{subject("mail", key), 3}}
}

// ForgotPage is GET /forgot.
func (i *Identity) ForgotPage(c *gin.Context) error {
	return i.showForgot(c, http.StatusOK, templates.Forgot{})
}

func (i *Identity) showForgot(c *gin.Context, status int, page templates.Forgot) error {
	page.Frame = templates.Frame{Path: forgotPath, CSRF: i.cfg.Forms.Token(i.Browser(c), forgotStep), Now: i.cfg.Now(), Here: forgotPath}
	page.Mail = i.cfg.Letters != nil
	return i.cfg.Site.Render(c, status, page)
}

// Forgot is POST /forgot with the fields csrf and email. It looks at no account, so
// that nobody learns from the answer, or from how long it takes, who has one.
func (i *Identity) Forgot(c *gin.Context) error {
	form, browser := c.Request.PostForm, i.cookie(c, browserName)
	if err := i.cfg.Forms.Check(form.Get("csrf"), browser, forgotStep); err != nil {
		return err
	}
	if i.cfg.Letters == nil {
		return i.showForgot(c, http.StatusOK, templates.Forgot{})
	}
	ctx, key := c.Request.Context(), Canonical(form.Get("email"))
	if checkEmail(key) != nil {
		return i.showForgot(c, http.StatusBadRequest, templates.Forgot{Email: cut(form.Get("email"), 254), NoAddress: true})
	}
	network, account := mailLimits(key, c.ClientIP())
	wait, err := i.countWithin(ctx, mailWindow, network, account)
	if err != nil {
		return err
	}
	if tried := (templates.Tried{Wait: wait}); wait > 0 {
		return i.showForgot(c, refusal(c, tried), templates.Forgot{Email: cut(form.Get("email"), 254), Tried: tried})
	}
	if err := i.cfg.Letters.Forgotten(ctx, key, i.cfg.Site.Language(c)); err != nil {
		return fmt.Errorf("ask for a link: %w", err)
	}
	return i.showForgot(c, http.StatusOK, templates.Forgot{Sent: true})
}

// ResetPage is GET /reset with link: the page that a mail leads to.
func (i *Identity) ResetPage(c *gin.Context) error {
	link := c.Query("link")
	a, err := i.openLink(c.Request.Context(), forgottenLink, link)
	if err != nil {
		return err
	}
	return i.showReset(c, http.StatusOK, a, templates.Reset{Link: link})
}

// showReset shows the form for a, or that the link is over when a is nobody.
func (i *Identity) showReset(c *gin.Context, status int, a Account, page templates.Reset) error {
	if page.Over = a.ID == ""; page.Over {
		status, page.Link = http.StatusGone, ""
	}
	page.Frame, page.Email = i.linkFrame(c, resetPath, resetStep, page.Link), a.Email
	var err error
	if page.Code, err = i.hasCodes(c.Request.Context(), a.ID); err != nil {
		return err
	}
	return i.cfg.Site.Render(c, status, page)
}

// linkFrame is the frame of a page whose form uses a link: it is this browser's,
// and for this link.
func (i *Identity) linkFrame(c *gin.Context, path, step, link string) templates.Frame {
	return templates.Frame{Path: path, CSRF: i.cfg.Forms.Token(i.Browser(c), step, link), Now: i.cfg.Now()}
}

// withLink reads what every form sends that uses a link of a kind.
func (i *Identity) withLink(c *gin.Context, kind, step string) (form url.Values, a Account, err error) {
	form = c.Request.PostForm
	if err := i.cfg.Forms.Check(form.Get("csrf"), i.cookie(c, browserName), step, form.Get("link")); err != nil {
		return nil, Account{}, err
	}
	a, err = i.openLink(c.Request.Context(), kind, form.Get("link"))
	return form, a, err
}

// Reset is POST /reset with the fields csrf, link and password, and code when the
// person has codes. A mail alone is not enough for who has a second step.
func (i *Identity) Reset(c *gin.Context) error {
	form, a, err := i.withLink(c, forgottenLink, resetStep)
	if err != nil {
		return err
	}
	page, password := templates.Reset{Link: form.Get("link")}, secret.New(form.Get("password"))
	if a.ID == "" {
		return i.showReset(c, http.StatusGone, a, page)
	}
	if page.Bad = sentence(checkNewPassword(password)); page.Bad != "" {
		return i.showReset(c, http.StatusBadRequest, a, page)
	}
	two, err := i.hasCodes(c.Request.Context(), a.ID)
	if err != nil {
		return err
	}
	if two {
		if page.Tried, err = i.checkCode(c, a, form.Get("code")); err != nil {
			return err
		}
		if page.Tried != (templates.Tried{}) {
			return i.showReset(c, refusal(c, page.Tried), a, page)
		}
	}
	changed, err := i.setPassword(c.Request.Context(), a, password)
	if err != nil {
		return err
	}
	if !changed {
		return i.showReset(c, http.StatusGone, Account{}, page)
	}
	return i.showSignIn(c, http.StatusOK, templates.SignIn{Email: a.Email, Changed: true}, "/")
}

// setPassword changes the password of a and ends all its sign-ins; false when a is
// not any more what it was.
func (i *Identity) setPassword(ctx context.Context, a Account, password secret.Text) (changed bool, err error) {
	hash, err := i.hasher.hash(ctx, password)
	if err != nil {
		return false, fmt.Errorf("hash the password of %s: %w", a.ID, err)
	}
	var ended [][]byte
	err = i.cfg.Tx(ctx, func(ctx context.Context) error {
		if changed, err = i.cfg.Users.ChangePassword(ctx, a.ID, a.Hash, hash); err != nil || !changed {
			return err
		}
		if ended, err = i.cfg.Sessions.EndSessions(ctx, a.ID, "", true); err != nil {
			return err
		}
		return i.cfg.Audit.InTx(ctx, audit.Event{At: i.cfg.Now(), Kind: audit.PasswordChanged, User: a.ID, Outcome: audit.Done})
	})
	if err != nil {
		return false, fmt.Errorf("change the password of %s: %w", a.ID, err)
	}
	for _, h := range ended {
		i.cache.Invalidate(digest(h))
	}
	if len(ended) > 0 && i.cfg.Ended != nil {
		i.cfg.Ended(a.ID)
	}
	return changed, nil
}

// sentence is what a fault says to people; "" without one.
func sentence(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Message
	}
	return ""
}
