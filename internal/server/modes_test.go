package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/live"
)

const (
	readRepos  = "services.github.repositories.read"
	background = "agents.jobs.background"
	recurring  = "agents.sync.recurring"
	web        = "/api/github/repositories/700100001" // acme/web
)

// TestAScheduleIsAgreedToLoweredKeptAndHeld goes from the page to the refused call
// and to what the person reads about it.
func TestAScheduleIsAgreedToLoweredKeptAndHeld(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, who, ana := d.App(deputytest.Confidential), d.User("ana"), d.Browser()
		ana.SignIn(who)
		page := ana.Ask(app.Query(readRepos, "offline_access", background, recurring)).Complete("700100001")
		for _, words := range []string{"Come back on a schedule while you are away", "Once an hour", "1,000 times a day", "Comes back"} {
			if !page.Says(words) {
				t.Errorf("the page does not say %q", words)
			}
		}
		f := page.Form("/consent")
		if ticked := strings.Join(f.Values["allow"], " "); ticked != readRepos {
			t.Errorf("ticked at first: %s", ticked)
		}
		f.Set("allow", f.Boxes("allow")...).Set("hours."+recurring, "6").Set("daily."+recurring, "5").Set("daily."+background, "500").Set("days."+recurring, "30")
		tokens := d.Redeem(app, ana.Code(f.Submit("allow")))
		kept := d.Words("SELECT daily || ' ' || every || ' ' || (until - since) FROM grant_items WHERE scope = ?", recurring)
		if kept != "5 21600000 2592000000" {
			t.Errorf("kept of the schedule: %s", kept)
		}
		if n := d.Count("SELECT daily FROM grant_items WHERE scope = ?", background); n != 100 {
			t.Errorf("a form that says 500 calls a day got %d", n)
		}
		if got := d.API(tokens.Access, "GET", web); got.Status != 200 || counted(d, recurring) != 0 {
			t.Errorf("while she is there: %d, %d counted", got.Status, counted(d, recurring))
		}

		ana.SignOut()
		for range 5 {
			if got := d.API(tokens.Access, "GET", web); got.Status != 200 {
				t.Fatalf("while she is away: %d %v", got.Status, got.JSON)
			}
		}
		full := d.API(tokens.Access, "GET", web)
		if full.Status != 429 || full.Text("error") != "daily_limit" || full.Header.Get("Retry-After") != "86400" {
			t.Errorf("the sixth call: %d %v after %s", full.Status, full.JSON, full.Header.Get("Retry-After"))
		}
		d.Clock.Add(24 * time.Hour)
		again := d.Refresh(app, tokens.Refresh)
		if got := d.API(again.Access, "GET", web); got.Status != 200 {
			t.Errorf("the next day: %d %v", got.Status, got.JSON)
		}
		d.Clock.Add(9 * time.Minute)
		if got := d.API(again.Access, "GET", web); got.Status != 200 {
			t.Errorf("in the same visit: %d %v", got.Status, got.JSON)
		}
		d.Clock.Add(2 * time.Minute)
		again = d.Refresh(app, again.Refresh)
		soon := d.API(again.Access, "GET", web)
		if soon.Status != 429 || soon.Text("error") != "rate_exceeded" || soon.Header.Get("Retry-After") != "20940" {
			t.Errorf("after the visit: %d %v after %s", soon.Status, soon.JSON, soon.Header.Get("Retry-After"))
		}

		ana.SignIn(who)
		if log := ana.Get("/activity"); !log.Says("It had used up what you allow it in a day.") || !log.Says("It came back sooner than you allow.") {
			t.Errorf("the activity says %s", log.Text())
		}
		detail := ana.Get("/").Link(app.Name)
		if !detail.Says("Comes back: Once in 6 hours. Acts at most: 5 times a day") || !detail.Says("Acts at most: 100 times a day") {
			t.Errorf("the app's page says %s", detail.Text())
		}
	})
}

func counted(d *deputytest.Deputy, scope string) int {
	return d.Count("SELECT day_calls FROM grant_items WHERE scope = ?", scope)
}

// TestSessionModeEndsWithTheSignIn: what an app has only while the person is there
// ends with the sign-in, on the replica that ended it at once and on every other
// within the second that a revocation takes. What is also for when they are away
// goes on.
func TestSessionModeEndsWithTheSignIn(t *testing.T) {
	for name, end := range map[string]func(d *deputytest.Deputy, ana *deputytest.Browser){
		"signed out": func(_ *deputytest.Deputy, ana *deputytest.Browser) { ana.SignOut() },
		"the sign-in ended": func(d *deputytest.Deputy, _ *deputytest.Browser) {
			d.Exec("UPDATE sessions SET expires_at = ?", d.Clock.Now().Add(time.Minute).UnixMilli())
			d.Clock.Add(time.Minute)
		},
		"somebody ended it": func(d *deputytest.Deputy, _ *deputytest.Browser) {
			d.Exec("UPDATE sessions SET expires_at = ?", d.Clock.Now().UnixMilli())
		},
		"the account is gone": func(d *deputytest.Deputy, _ *deputytest.Browser) { d.Exec("DELETE FROM sessions") },
	} {
		t.Run(name, func(t *testing.T) {
			d := deputytest.New(t, deputytest.Options{Postgres: true})
			other := d.Replica()
			app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
			here := d.Redeem(app, ana.Authorize(app, readRepos))
			always := d.App(deputytest.Confidential)
			away := d.Redeem(always, ana.Authorize(always, readRepos, "offline_access", background))
			for _, replica := range []*deputytest.Deputy{d, other} {
				if got := replica.API(here.Access, "GET", web); got.Status != 200 || !replica.Active(app, here.Access) {
					t.Fatalf("before: %d %v", got.Status, got.JSON)
				}
			}
			end(d, ana)
			time.Sleep(live.Fresh + 50*time.Millisecond)
			for i, replica := range []*deputytest.Deputy{d, other} {
				if got := replica.API(here.Access, "GET", web); got.Status != 401 || got.Text("error") != "invalid_token" {
					t.Errorf("replica %d: a call: %d %v", i, got.Status, got.JSON)
				}
				if replica.Active(app, here.Access) {
					t.Errorf("replica %d: the access token is active", i)
				}
				if got := replica.Token(app.Refreshing(here.Refresh)); got.Text("error") != "invalid_grant" {
					t.Errorf("replica %d: a refresh: %d %v", i, got.Status, got.JSON)
				}
				if got := replica.API(away.Access, "GET", web); got.Status != 200 || !replica.Active(always, away.Access) {
					t.Errorf("replica %d: in the background: %d %v", i, got.Status, got.JSON)
				}
			}
		})
	}
}
