package flow

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// ConfirmDevice is GET /device/confirm: is this device yours?
func (f *Flow) ConfirmDevice(c *gin.Context) error {
	flow := c.Query("flow")
	d, p, ok, err := f.openDevice(c, flow)
	if err != nil || !ok {
		return err
	}
	if d.Answer != oauth.DeviceOpen || !f.Now().Before(d.Ends) {
		return f.deviceOver(c, d, p)
	}
	people, err := f.Ledger.AppUsers(c.Request.Context(), d.Ask.Client.ID, peopleShown)
	if err != nil {
		return err
	}
	page := templates.DeviceConfirm{
		Frame: f.frame(p), Flow: flow, App: app(d.Ask, people), Code: d.Code, Agent: d.Agent, Place: network(d.Address),
		Near: network(d.Address) == network(c.ClientIP()), Asked: d.Asked, Ends: d.Ends,
	}
	page.Path = oauth.DevicePath
	page.CSRF = f.Forms.Token(string(p.Session), confirmStep, flow)
	return f.Site.Render(c, http.StatusOK, page)
}

// AnswerDevice is POST /device/confirm with the fields csrf, flow and do.
func (f *Flow) AnswerDevice(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return unreadable(err)
	}
	form := c.Request.PostForm
	flow := form.Get("flow")
	d, p, ok, err := f.openDevice(c, flow)
	if err != nil || !ok {
		return err
	}
	if err := f.Forms.Check(form.Get("csrf"), string(p.Session), confirmStep, flow); err != nil {
		return err
	}
	switch form.Get("do") {
	case "no":
		if err := f.Devices.RefuseDevice(c.Request.Context(), d.Ref, p.Session); err != nil {
			return err
		}
		return f.Site.Render(c, http.StatusOK, templates.Done{Frame: f.frame(p), App: app(d.Ask, 0)})
	case "yes":
		if d.Answer != oauth.DeviceOpen || !f.Now().Before(d.Ends) {
			return f.deviceOver(c, d, p)
		}
		// The conversation ends when the code does.
		v, err := f.seal(conversation{ID: uuid.NewString(), Device: d.Ref, Browser: browserHash(c, f.People), Began: d.Asked.UnixMilli()})
		if err != nil {
			return err
		}
		return to(c, v.path())
	}
	return fault.New(fault.Invalid, "This form has no such button. Nothing was shared. Go back and try again.")
}

// deviceOver tells that there is nothing left to answer.
func (f *Flow) deviceOver(c *gin.Context, d oauth.DeviceRequest, p identity.Person) error {
	page := templates.Error{
		Frame: f.frame(p), Title: "You have answered this already.", Lead: "Your answer stands. Nothing was changed now.",
		What: "This page was sent twice", At: f.Now(), Reference: web.Reference(),
	}
	if d.Answer == oauth.DeviceOpen {
		page.Title, page.Lead, page.What = "Nothing was shared.", "The code ended before you answered. Start again on the device.", "The time of the code was over"
	}
	return f.Site.Render(c, http.StatusConflict, page)
}

// leave sends the person on after an answer: to the app, or, when a device waits
// for it, to a page of ours.
func (f *Flow) leave(c *gin.Context, v conversation, target string) error {
	switch {
	case v.Need != nil:
		target = needPath + "/done?flow=" + url.QueryEscape(v.flow)
	case v.Device != "":
		target = oauth.DevicePath + "/done?flow=" + url.QueryEscape(v.flow)
	}
	return to(c, target)
}

// DeviceDone is GET /device/done: what the device gets, as it is stored.
func (f *Flow) DeviceDone(c *gin.Context) error {
	p, in, err := f.People.Person(c)
	if err != nil {
		return err
	}
	v, err := f.open(c.Query("flow"))
	if err != nil {
		return err
	}
	if !in {
		return f.People.Ask(c, oauth.DevicePath)
	}
	d, err := f.Devices.Device(c.Request.Context(), v.Device, p.Session)
	if err != nil {
		return noDevice(err)
	}
	if d.Answer == oauth.DeviceOpen {
		return to(c, v.path())
	}
	page := templates.Done{Frame: f.frame(p), App: app(d.Ask, 0)}
	for _, name := range d.Allowed {
		page.Allowed = append(page.Allowed, d.Ask.Words[name].Words)
	}
	return f.Site.Render(c, http.StatusOK, page)
}
