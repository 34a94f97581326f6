package identity

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

const (
	invitationPath = "/invitation"
	invitationStep = "invitation"
)

// InvitationPage is GET /invitation with link.
func (i *Identity) InvitationPage(c *gin.Context) error {
	link := c.Query("link")
	a, err := i.openLink(c.Request.Context(), invitationLink, link)
	if err != nil {
		return err
	}
	page := templates.Invitation{Link: link}
	if a.Name != a.Email {
		page.Name = a.Name
	}
	return i.showInvitation(c, http.StatusOK, a, page)
}

// showInvitation shows the forms for a, or that the link is over when a is nobody.
func (i *Identity) showInvitation(c *gin.Context, status int, a Account, page templates.Invitation) error {
	if page.Over = a.ID == ""; page.Over {
		status, page.Link = http.StatusGone, ""
	}
	page.Frame, page.Email, page.Mail = i.linkFrame(c, invitationPath, invitationStep, page.Link), a.Email, i.cfg.Letters != nil
	if !page.Over && i.cfg.Passkeys != nil {
		var err error
		if page.Ceremony, err = i.cfg.Passkeys.BeginFor(a, i.Browser(c)); err != nil {
			return err
		}
		web.AllowScript(c)
	}
	return i.cfg.Site.Render(c, status, page)
}

// Join is POST /invitation with the fields csrf, link, name and password: the person
// takes the account over, and is signed in.
func (i *Identity) Join(c *gin.Context) error {
	form, a, err := i.withLink(c, invitationLink, invitationStep)
	if err != nil {
		return err
	}
	page, password := joining(form), secret.New(form.Get("password"))
	if page.Bad == "" {
		page.Bad = sentence(checkNewPassword(password))
	}
	if a.ID == "" || page.Bad != "" {
		return i.showInvitation(c, http.StatusBadRequest, a, page)
	}
	hash, err := i.hasher.hash(c.Request.Context(), password)
	if err != nil {
		return fmt.Errorf("hash the password of %s: %w", a.ID, err)
	}
	return i.join(c, a, page, hash, consent.LevelPassword, nil)
}

// JoinWithPasskey is POST /invitation/passkey with the fields csrf, link, name, ticket
// and answer.
func (i *Identity) JoinWithPasskey(c *gin.Context) error {
	if i.cfg.Passkeys == nil {
		return fault.New(fault.NotFound, "Nobody can sign in with a passkey here.")
	}
	form, a, err := i.withLink(c, invitationLink, invitationStep)
	if err != nil {
		return err
	}
	page := joining(form)
	if a.ID == "" || page.Bad != "" {
		return i.showInvitation(c, http.StatusBadRequest, a, page)
	}
	return i.join(c, a, page, "", consent.LevelPasskey, func(ctx context.Context) error {
		device := Session{UserAgent: c.Request.UserAgent()}.Device()
		return i.cfg.Passkeys.AddFor(ctx, a, i.cookie(c, browserName), form.Get("ticket"), form.Get("answer"), device)
	})
}

// joining reads what both forms of the page say.
func joining(form url.Values) templates.Invitation {
	name := strings.TrimSpace(form.Get("name"))
	return templates.Invitation{Link: form.Get("link"), Name: cut(name, 200), Bad: sentence(checkName(name))}
}

// join makes the waiting account a the person's own, together with what more does,
// which may be nil.
func (i *Identity) join(c *gin.Context, a Account, page templates.Invitation, hash string, level consent.Level, more func(context.Context) error) error {
	joined := false
	err := i.cfg.Tx(c.Request.Context(), func(ctx context.Context) error {
		var err error
		if joined, err = i.cfg.Users.JoinAccount(ctx, a.ID, a.Invited, page.Name, hash); err != nil || !joined {
			return err
		}
		if more != nil {
			if err := more(ctx); err != nil {
				return err
			}
		}
		return i.cfg.Audit.InTx(ctx, audit.Event{At: i.cfg.Now(), Kind: audit.Joined, User: a.ID, Outcome: audit.Done})
	})
	if err != nil {
		return fmt.Errorf("take over the account %s: %w", a.ID, err)
	}
	if !joined {
		return i.showInvitation(c, http.StatusGone, Account{}, page)
	}
	a.Name, a.Hash, a.Invited = page.Name, hash, time.Time{}
	return i.enter(c, a, level, "/")
}
