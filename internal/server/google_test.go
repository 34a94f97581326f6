package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/simulator"
)

const (
	changeEvents = "services.google.calendar.events.write"
	teamCalendar = "c_team0northwind@group.calendar.google.com"
)

// sent asks the broker with a JSON body.
func sent(d *deputytest.Deputy, token, method, path, body string) deputytest.Answer {
	return d.Send(method, path, body, "Authorization", "Bearer "+token, "Content-Type", "application/json")
}

// A person connects Google on the way, picks one of their calendars, and an app adds
// an event there and nowhere else, also when Google's token has ended: its token
// endpoint is on a host of its own.
func TestAnAppAddsAnEventToTheCalendarThatWasPicked(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		tokens := d.Redeem(app, ana.Code(ana.Ask(app.Query(changeEvents, "agents.writes.unattended", "agents.jobs.background", "offline_access")).Agree(teamCalendar)))
		event := `{"summary":"Planning","start":{"dateTime":"2026-12-01T09:00:00Z"},"end":{"dateTime":"2026-12-01T10:00:00Z"}}`
		added := sent(d, tokens.Access, "POST", "/api/google/calendar/v3/calendars/"+strings.ReplaceAll(teamCalendar, "@", "%40")+"/events", event)
		if added.Status != http.StatusOK || added.Text("summary") != "Planning" {
			t.Fatalf("adding: %d %s", added.Status, added.Raw)
		}
		for _, other := range []string{"primary", "ana@northwind.example", "nobody@northwind.example"} {
			if got := sent(d, tokens.Access, "POST", "/api/google/calendar/v3/calendars/"+other+"/events", event); got.Status != http.StatusNotFound {
				t.Errorf("adding to %s: %d %s", other, got.Status, got.Raw)
			}
		}
		before := d.Google.TokenRequests()
		d.Clock.Add(2 * time.Hour)
		tokens = d.Refresh(app, tokens.Refresh)
		got := d.API(tokens.Access, "GET", "/api/google/calendar/v3/calendars/"+teamCalendar+"/events?q=planning")
		if items, _ := got.JSON["items"].([]any); got.Status != http.StatusOK || len(items) != 1 {
			t.Errorf("two hours later: %d %s", got.Status, got.Raw)
		}
		if n := d.Google.TokenRequests() - before; n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
	})
}

// Google gives what people ticked. What they did not tick is missing, and the page
// says so instead of going on.
func TestWhatAPersonDoesNotTickAtGoogleIsMissing(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	d.Google.SetQuirks(simulator.Quirks{FewerScopes: true})
	ana, app := d.SignedIn("ana"), d.App(deputytest.Confidential)
	ana.Connect("google", "ana")
	page := ana.Ask(app.Query(changeEvents))
	if missing := page.Missing(); page.Away() || len(missing) == 0 || slices.ContainsFunc(missing, func(s string) bool { return strings.HasPrefix(s, "pick:") }) {
		t.Errorf("what is missing: %q: %s", missing, page.Text())
	}
}

// The second account is a choice at Google, and what Google asked before it asks
// again: without its page there is no refresh token.
func TestASecondGoogleAccountIsASecondConnection(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	ana := d.SignedIn("ana")
	for _, account := range []string{"ana", "ben"} {
		if p := ana.Connect("google", account); p.Status != http.StatusOK || !p.Says(account+"@northwind.example") {
			t.Errorf("%s: %d %s", account, p.Status, p.Text())
		}
	}
	if n := d.Count("SELECT count(*) FROM connections c JOIN credentials k ON k.connection_id = c.id WHERE c.provider = 'google' AND k.refresh_token IS NOT NULL"); n != 2 {
		t.Errorf("%d accounts with a refresh token, want 2", n)
	}
}
