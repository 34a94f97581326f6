package flow

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// Connect is GET /consent/connect: what a person reads before they go to a
// provider. Its form belongs to package connect and comes back to the
// dispatcher.
func (f *Flow) Connect(c *gin.Context) error {
	v, ok, err := f.enter(c, c.Query("flow"))
	if err != nil || !ok {
		return err
	}
	kind, object, _ := strings.Cut(c.Query("do"), ":")
	step, ok := stepFor(v.plan, consent.Kind(kind), object)
	if !ok {
		return to(c, v.path()) // nothing of that kind is missing any more
	}
	there, err := f.Trips.Destination(c.Request.Context(), step.Provider)
	if err != nil {
		return err
	}
	web.AllowFormTo(c, there)
	needed := ticked(v.plan, step.Scopes)
	page := templates.Connect{
		Frame: f.frameOf(v), Scopes: joined(needed), Connection: string(step.Connection), App: v.ask.Client.Name, Provider: f.provider(step.Provider), State: detour(step.Kind),
		Needs: labels(v.plan, needed), Back: v.path(),
	}
	if step.Kind == consent.Reconnect {
		page.Action = "/services/" + url.PathEscape(string(step.Connection)) + "/reconnect"
		page.CSRF = f.Trips.ReconnectToken(v.person.Session, step.Connection)
	} else {
		page.Action = "/connect/" + url.PathEscape(string(step.Provider)) + "/start"
		page.CSRF = f.Trips.StartToken(v.person.Session, step.Provider)
	}
	for _, name := range needed {
		row, _ := v.plan.Row(name)
		page.Account = row.Connection.Login
		page.OverGrant = page.OverGrant || overGrants(row.Scope)
	}
	return f.Site.Render(c, http.StatusOK, page)
}

// stepFor finds the step that a button stands for. Connecting another account at
// a provider is always possible.
func stepFor(plan consent.Plan, kind consent.Kind, object string) (consent.Step, bool) {
	for _, s := range plan.Steps {
		if s.Kind == kind && (string(s.Provider) == object && kind == consent.Connect || string(s.Connection) == object && kind != consent.Connect) {
			return s, true
		}
	}
	if kind != consent.Connect {
		return consent.Step{}, false
	}
	another := consent.Step{Kind: consent.Connect, Provider: consent.ProviderID(object)}
	for _, r := range plan.Rows {
		if r.Scope.Provider == another.Provider && r.Scope.Provider != "" {
			another.Scopes = append(another.Scopes, r.Scope.Name)
		}
	}
	return another, len(another.Scopes) > 0
}

// ticked keeps the scopes whose rows are ticked, so that a provider is never
// asked for what a person did not want; if none is, the step was taken for them
// all.
func ticked(plan consent.Plan, names []consent.ScopeName) []consent.ScopeName {
	var out []consent.ScopeName
	for _, n := range names {
		if row, _ := plan.Row(n); row.On {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return names
	}
	return out
}

func overGrants(s consent.Scope) bool {
	for _, more := range s.OverGrant {
		if more {
			return true
		}
	}
	return false
}

func detour(k consent.Kind) templates.State {
	switch k {
	case consent.Reconnect:
		return templates.StateReconnect
	case consent.Widen:
		return templates.StateWiden
	}
	return templates.StateConnect
}

// errNoPicker is for addresses that no page of ours links to.
func errNoPicker() error {
	return fault.New(fault.NotFound, "There is nothing to pick here. Nothing was shared.")
}
