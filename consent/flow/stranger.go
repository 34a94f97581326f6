package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// Of an app that nobody here looked at, a page says first who asks, and nothing to
// tick: a consent page is read for what is asked, and a stranger's is only as good as
// the stranger. Nothing is decided there. Continue is kept in the draft of the
// conversation, for the app as it was shown; until then no other page of the
// conversation is shown and no form of it counts.

const (
	strangerStep = "stranger"
	strangerPath = "/consent/app"
)

// caution says whether, and why, the person is warned of the app before they read
// what it asks, and how many people here use it, as far as that was counted.
func (f *Flow) caution(ctx context.Context, v visit) (consent.Caution, int, error) {
	check := v.ask.Client.Check()
	if f.Warning == consent.WarnNone || check == consent.CheckedOperator {
		return consent.NoCaution, 0, nil
	}
	people, err := f.Ledger.AppUsers(ctx, v.ask.Client.ID, peopleShown)
	return f.Warning.Caution(check, people, v.plan), people, err
}

// warned reports whether the person has to read first who asks, and has not.
func (f *Flow) warned(ctx context.Context, v visit) (bool, error) {
	if v.continued == faceOf(v) {
		return false, nil
	}
	why, _, err := f.caution(ctx, v)
	return why != consent.NoCaution, err
}

// faceOf is a digest of the app as people are shown it.
func faceOf(v visit) string {
	encoded, err := json.Marshal(v.ask.Client.App().Face)
	if err != nil {
		panic(err) // strings always encode
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

// Stranger is GET /consent/app: who asks. Whoever has continued and goes back reads it
// again.
func (f *Flow) Stranger(c *gin.Context) error {
	v, ok, err := f.arrive(c, c.Query("flow"))
	if err != nil || !ok {
		return err
	}
	why, people, err := f.caution(c.Request.Context(), v)
	if err != nil {
		return err
	}
	if why == consent.NoCaution {
		return to(c, v.path())
	}
	// Going back ends at the app.
	web.AllowFormTo(c, v.ask.RedirectURI)
	page := templates.Stranger{
		Frame: f.frameOf(v), Flow: v.flow, App: app(v.ask, people), Why: templates.Caution(why), Services: f.services(v.plan),
		Since: v.ask.Client.Created, Returns: returns(v.ask), Expires: v.expires(),
	}
	for _, r := range v.plan.Rows {
		page.Changes = page.Changes || !r.Scope.Modifier && r.Scope.Access != consent.Read
		page.Away = page.Away || r.Scope.Modifier
	}
	page.App.Changes = changes(v.plan.Changes)
	page.CSRF, page.Here = f.strangerToken(string(v.person.Session), v), strangerPath+"?flow="+url.QueryEscape(v.flow)
	return f.Site.Render(c, http.StatusOK, page)
}

func (f *Flow) strangerToken(session string, v visit) string {
	return f.Forms.Token(session, strangerStep, v.flow, faceOf(v))
}

// Meet is POST /consent/app with the fields csrf, flow and do.
func (f *Flow) Meet(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return unreadable(err)
	}
	form := c.Request.PostForm
	v, ok, err := f.arrive(c, form.Get("flow"))
	if err != nil || !ok {
		return err
	}
	check := func(session string) error {
		return f.Forms.Check(form.Get("csrf"), session, strangerStep, v.flow, faceOf(v))
	}
	if err := check(string(v.person.Session)); err != nil {
		return f.otherAccount(c, v, err, check)
	}
	switch form.Get("do") {
	case "back":
		return f.end(c, v, func(ctx context.Context) error { return f.turnedAway(ctx, v) })
	case "continue":
		v.continued = faceOf(v)
		return f.keepAndGo(c, v, v.path())
	}
	return fault.New(fault.Invalid, "This form has no such button. Nothing was shared. Go back and try again.")
}

// turnedAway records that the person went back. They were asked for nothing yet, so no
// refusal is remembered, and there is no receipt of what was not shown.
func (f *Flow) turnedAway(ctx context.Context, v visit) error {
	if err := f.Decisions.Adopt(ctx, v.ask.Client); err != nil {
		return err
	}
	return f.Audit.InTx(ctx, audit.Event{At: f.Now(), Kind: audit.GrantRefused, User: v.person.User, App: v.ask.Client.ID, Grant: v.plan.Grant, Outcome: audit.Denied})
}
