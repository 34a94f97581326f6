package onetime

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/templates"
)

// People knows who is at the browser. Package identity implements it.
type People interface {
	Require(c *gin.Context) (identity.Person, bool, error)
	// Prove is Require for pages that need a sign-in made just now.
	Prove(c *gin.Context, what templates.Purpose, next string) (identity.Person, bool, error)
	SignOutToken(p identity.Person) string
}

// The pages.
const (
	Path         = "/sessions/codes"
	NewPath      = Path + "/new"
	RecoveryPath = Path + "/recovery"
	RemovePath   = Path + "/remove"
)

// What forms do.
const (
	newStep      = "codes on"
	recoveryStep = "recovery codes"
	removeStep   = "codes off"
)

// setUpLife is how long a person may take to scan the square and type a code.
const setUpLife = 15 * time.Minute

// Page is GET /sessions/codes.
func (o *OneTime) Page(c *gin.Context) error {
	who, ok, err := o.cfg.People.Require(c)
	if err != nil || !ok {
		return err
	}
	page := templates.Codes{Frame: o.frame(who, "")}
	if page.On, err = o.Has(c.Request.Context(), who.User); err != nil {
		return err
	}
	if page.Left, err = o.cfg.Codes.RecoveryCodesLeft(c.Request.Context(), who.User); err != nil {
		return fmt.Errorf("count the recovery codes of %s: %w", who.User, err)
	}
	return o.cfg.Site.Render(c, http.StatusOK, page)
}

// setUp is a secret that is not in force yet, as it travels through the page.
type setUp struct {
	Secret string
	Until  int64 // milliseconds
}

// NewPage is GET /sessions/codes/new.
func (o *OneTime) NewPage(c *gin.Context) error {
	who, ok, err := o.cfg.People.Prove(c, templates.ToChangeCodes, NewPath)
	if err != nil || !ok {
		return err
	}
	key := newSecret()
	plain, err := json.Marshal(setUp{key.Reveal(), o.cfg.Now().Add(setUpLife).UnixMilli()})
	if err != nil {
		return err
	}
	return o.showNew(c, http.StatusOK, who, key, templates.NewCodes{Ticket: o.cfg.Box.Seal(plain, newStep, string(who.Session))})
}

func (o *OneTime) showNew(c *gin.Context, status int, who identity.Person, key secret.Text, page templates.NewCodes) error {
	issuer := o.cfg.Operator
	if issuer == "" {
		issuer = "Deputy"
	}
	target, err := link(issuer, who.Email, key)
	if err != nil {
		return err
	}
	if page.Side, page.Square, err = square(target); err != nil {
		return err
	}
	page.Frame, page.Key = o.frame(who, o.token(who, newStep)), groups(key)
	return o.cfg.Site.Render(c, status, page)
}

// TurnOn is POST /sessions/codes with the fields csrf, ticket and code. It shows
// the recovery codes.
func (o *OneTime) TurnOn(c *gin.Context) error {
	who, ok, err := o.cfg.People.Prove(c, templates.ToChangeCodes, NewPath)
	if err != nil || !ok {
		return err
	}
	form := c.Request.PostForm
	if err := o.check(who, form.Get("csrf"), newStep); err != nil {
		return err
	}
	key, err := o.openSetUp(form.Get("ticket"), who)
	if err != nil {
		return err
	}
	step, right, err := matching(key, plain(form.Get("code")), o.cfg.Now())
	if err != nil {
		return err
	}
	if !right {
		return o.showNew(c, http.StatusForbidden, who, key, templates.NewCodes{Ticket: form.Get("ticket"), Wrong: true})
	}
	sealed, err := o.cfg.Sealer.Seal(string(who.User), column, key)
	if err != nil {
		return fmt.Errorf("seal the secret of %s: %w", who.User, err)
	}
	return o.give(c, who, audit.CodesOn, func(ctx context.Context) error {
		added, err := o.cfg.Codes.AddOneTime(ctx, who.User, sealed, step)
		if err != nil {
			return fmt.Errorf("turn codes on for %s: %w", who.User, err)
		}
		if !added {
			return fault.New(fault.Conflict, "Codes from an app are on already. Nothing was changed. Turn them off first to use another app.")
		}
		return nil
	})
}

func (o *OneTime) openSetUp(ticket string, who identity.Person) (secret.Text, error) {
	var s setUp
	plain, err := o.cfg.Box.Open(ticket, newStep, string(who.Session))
	if err == nil {
		err = json.Unmarshal(plain, &s)
	}
	if err != nil || !o.cfg.Now().Before(time.UnixMilli(s.Until)) {
		return secret.Text{}, fault.Wrap(fault.Conflict, err, "This page is too old. Nothing was changed. Go back to your codes and start again.")
	}
	return secret.New(s.Secret), nil
}

// Renew is POST /sessions/codes/recovery with the field csrf: new recovery codes
// in the place of the old.
func (o *OneTime) Renew(c *gin.Context) error {
	who, ok, err := o.cfg.People.Prove(c, templates.ToChangeCodes, RecoveryPath)
	if err != nil || !ok {
		return err
	}
	if err := o.check(who, c.Request.PostForm.Get("csrf"), recoveryStep); err != nil {
		return err
	}
	return o.give(c, who, audit.RecoveryCodesMade, func(ctx context.Context) error {
		on, err := o.Has(ctx, who.User)
		if err == nil && !on {
			err = off()
		}
		return err
	})
}

// RenewPage is GET /sessions/codes/recovery. It asks once.
func (o *OneTime) RenewPage(c *gin.Context) error {
	return o.ask(c, RecoveryPath, recoveryStep, templates.ChangeCodes{Renew: true})
}

// RemovePage is GET /sessions/codes/remove. It asks once.
func (o *OneTime) RemovePage(c *gin.Context) error {
	return o.ask(c, RemovePath, removeStep, templates.ChangeCodes{})
}

func (o *OneTime) ask(c *gin.Context, path, step string, page templates.ChangeCodes) error {
	who, ok, err := o.cfg.People.Prove(c, templates.ToChangeCodes, path)
	if err != nil || !ok {
		return err
	}
	page.Frame = o.frame(who, o.token(who, step))
	return o.cfg.Site.Render(c, http.StatusOK, page)
}

// TurnOff is POST /sessions/codes/remove with the field csrf.
func (o *OneTime) TurnOff(c *gin.Context) error {
	who, ok, err := o.cfg.People.Prove(c, templates.ToChangeCodes, RemovePath)
	if err != nil || !ok {
		return err
	}
	if err := o.check(who, c.Request.PostForm.Get("csrf"), removeStep); err != nil {
		return err
	}
	err = o.cfg.Tx(c.Request.Context(), func(ctx context.Context) error {
		removed, err := o.cfg.Codes.RemoveOneTime(ctx, who.User)
		if err != nil {
			return fmt.Errorf("turn codes off for %s: %w", who.User, err)
		}
		if !removed {
			return off()
		}
		return o.record(ctx, who, audit.CodesOff)
	})
	if err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, Path)
	return nil
}

// give does the change and shows new recovery codes, this once.
func (o *OneTime) give(c *gin.Context, who identity.Person, kind audit.Kind, change func(ctx context.Context) error) error {
	page := templates.RecoveryCodes{Frame: o.frame(who, ""), Host: o.cfg.Host}
	var hashes [][]byte
	for range recovery {
		code := newRecoveryCode()
		page.Codes = append(page.Codes, shownCode(code))
		hashes = append(hashes, o.hash(who.User, code))
	}
	err := o.cfg.Tx(c.Request.Context(), func(ctx context.Context) error {
		if err := change(ctx); err != nil {
			return err
		}
		if err := o.cfg.Codes.ReplaceRecoveryCodes(ctx, who.User, hashes); err != nil {
			return fmt.Errorf("store the recovery codes of %s: %w", who.User, err)
		}
		return o.record(ctx, who, kind)
	})
	if err != nil {
		return err
	}
	return o.cfg.Site.Render(c, http.StatusOK, page)
}

func (o *OneTime) record(ctx context.Context, who identity.Person, kind audit.Kind) error {
	return o.cfg.Audit.InTx(ctx, audit.Event{At: o.cfg.Now(), Kind: kind, User: who.User, Outcome: audit.Done})
}

func off() error {
	return fault.New(fault.Conflict, "Codes from an app are off. Nothing was changed.")
}

func (o *OneTime) token(who identity.Person, step string) string {
	return o.cfg.Forms.Token(string(who.Session), step)
}

func (o *OneTime) check(who identity.Person, token, step string) error {
	return o.cfg.Forms.Check(token, string(who.Session), step)
}

func (o *OneTime) frame(who identity.Person, csrf string) templates.Frame {
	return templates.Frame{Account: who.Email, SignOut: o.cfg.People.SignOutToken(who), Return: "/", CSRF: csrf, Path: Path, Now: o.cfg.Now()}
}
