package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/templates"
)

// MailsPath is the page on which people choose which mails they get.
const MailsPath = "/mails"

const mailsStep = "mails"

// Mails knows which mails a person does not want.
type Mails interface {
	Muted(ctx context.Context, user consent.UserID) ([]string, error)
	Mute(ctx context.Context, user consent.UserID, kinds []string) error
}

// choosable lists the mails that a person may do without. All others tell of what
// lets somebody act in the person's place.
func choosable() []templates.LetterKind {
	return []templates.LetterKind{templates.LetterAllowed, templates.LetterEnding}
}

// MailsPage is GET /mails.
func (d *Dashboard) MailsPage(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	page := templates.Mails{Frame: d.frame(v, MailsPath, d.token(v, mailsStep)), Notices: d.notices(v, nil), Sent: d.cfg.Mails != nil}
	if page.Sent {
		muted, err := d.cfg.Mails.Muted(v.ctx(), v.user())
		if err != nil {
			return fmt.Errorf("load which mails %s wants: %w", v.user(), err)
		}
		for _, kind := range choosable() {
			page.Choices = append(page.Choices, templates.MailChoice{Kind: kind, Wanted: !slices.Contains(muted, string(kind))})
		}
	}
	return d.cfg.Site.Render(c, http.StatusOK, page)
}

// ChooseMails is POST /mails with the fields csrf and want, one for each kind.
func (d *Dashboard) ChooseMails(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	if err := d.form(v); err != nil {
		return err
	}
	if err := d.check(v, mailsStep); err != nil {
		return err
	}
	if d.cfg.Mails == nil {
		return absent()
	}
	var muted []string
	for _, kind := range choosable() {
		if !slices.Contains(v.Request.PostForm["want"], string(kind)) {
			muted = append(muted, string(kind))
		}
	}
	if err := d.cfg.Mails.Mute(v.ctx(), v.user(), muted); err != nil {
		return fmt.Errorf("store which mails %s wants: %w", v.user(), err)
	}
	return d.done(v, MailsPath, note{kind: templates.NoticeMails})
}
