package dashboard

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/templates"
)

const sessionsStep = "sessions"

// SessionsPage is GET /sessions.
func (d *Dashboard) SessionsPage(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	list, err := d.cfg.People.Sessions(v.ctx(), v.user())
	if err != nil {
		return err
	}
	page := templates.Sessions{Frame: d.frame(v, "/sessions", d.token(v, sessionsStep)), Notices: d.notices(v, nil), Passkeys: d.cfg.Passkeys}
	if d.cfg.Companies != nil {
		if page.Companies, err = d.cfg.Companies(v.ctx()); err != nil {
			return err
		}
	}
	for _, s := range list {
		page.Sessions = append(page.Sessions, templates.Session{
			ID: string(s.ID), Device: s.Device(), Place: s.Address, First: s.Created, Last: s.Seen, This: s.ID == v.person.Session,
		})
	}
	return d.cfg.Site.Render(c, http.StatusOK, page)
}

// EndSessions is POST /sessions with the fields csrf and do: "end:ID" for one,
// "end-others" for all but this one.
func (d *Dashboard) EndSessions(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	if err := d.form(v); err != nil {
		return err
	}
	if err := d.check(v, sessionsStep); err != nil {
		return err
	}
	do := v.Request.PostForm.Get("do")
	id, one := strings.CutPrefix(do, "end:")
	ended := 1
	switch {
	case one:
		err = d.cfg.People.End(v.ctx(), v.user(), consent.SessionID(id))
	case do == "end-others":
		ended, err = d.cfg.People.EndOthers(v.ctx(), v.user(), v.person.Session)
	default:
		err = fault.New(fault.Invalid, "This form asked for something the page does not offer. Nothing was changed.")
	}
	if err != nil {
		return err
	}
	return d.done(v, "/sessions", note{kind: templates.NoticeEnded, count: ended})
}
