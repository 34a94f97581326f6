package flow_test

import (
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

const (
	background = "agents.jobs.background"
	unattended = "agents.writes.unattended"
)

// TestWhatEndsSoonIsOfferedAgain: a request that asks for nothing new goes through;
// the page, when the app wants it, offers to make it last longer, and only that.
func TestWhatEndsSoonIsOfferedAgain(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, who, ana := d.App(deputytest.Confidential), d.User("ana"), d.Browser()
		ana.SignIn(who)
		ana.Code(ana.Ask(app.Query(profile)).Form("/consent").Set("days.see", "30").Submit("allow"))
		until := func() time.Time { return time.UnixMilli(int64(d.Count("SELECT until FROM grant_items"))) }
		end := until()
		again := app.Query(profile)
		again.Set("prompt", "consent")
		back := func(later time.Duration) {
			d.Clock.Add(later)
			ana = d.Browser()
			ana.SignIn(who)
		}

		back(20 * 24 * time.Hour)
		if page := ana.Ask(again); !page.Says("Nothing new.") || ana.Get("/").Says("Ends soon") {
			t.Errorf("ten days before the end: %s", page.Text())
		}
		back(5 * 24 * time.Hour)
		ana.Code(ana.Ask(app.Query(profile)))
		says(t, ana.Ask(again), 200, "asks to go on with what ends soon", "You allow this until", "Ticked, it lasts longer.", "Keep as it is")
		says(t, ana.Get("/"), 200, "Ends soon", "An app that needs it longer asks you again.", app.Name)
		if err := d.Server.Remind(t.Context()); err != nil {
			t.Fatal(err)
		}
		says(t, ana.Get("/activity"), 200, "What you allow "+app.Name+" ends soon: “See your name and picture”.")

		if got := ana.Ask(again).Form("/consent").Submit("deny"); got.Answer("error") != "access_denied" || !until().Equal(end) {
			t.Errorf("a no: %s, until %s", got.URL, until())
		}
		ana.Code(ana.Ask(app.Query(profile)))
		ana.Code(ana.Ask(again).Form("/consent").Set("allow").Submit("allow"))
		if !until().Equal(end) {
			t.Errorf("unticked, but until %s", until())
		}
		ana.Code(ana.Ask(again).Form("/consent").Set("days.see", "180").Submit("allow"))
		if want := d.Clock.Now().AddDate(0, 0, 180); !until().Equal(want) {
			t.Errorf("until %s, want %s", until(), want)
		}
		says(t, ana.Ask(again), 200, "Nothing new.")
	})
}

// TestWhatAnAppCannotWorkWithout is given with what else is ticked, or nothing is.
func TestWhatAnAppCannotWorkWithout(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app := d.Register(server.NewApp{
			Name: "Repo Scout", Confidential: true, RedirectURIs: []string{"https://scout.example/callback"},
			Required: []string{profile, "services.github.issues.write"},
		})
		ana := d.SignedIn("ana")
		page := ana.Ask(app.Query(profile, email, "services.github.issues.read", "services.github.issues.write")).Complete("700100001")
		says(t, page, 200, "Fixed: Repo Scout says it cannot work without this.", "Comes along with: Open, edit and close issues")
		f := page.Form("/consent")
		if sent := strings.Join(f.Values["allow"], " "); !strings.Contains(sent, profile) || strings.Contains(sent, "issues.write") {
			t.Errorf("untouched, the form sends %s", sent)
		}
		says(t, f.Copy().Submit("allow"), 409, "It says it cannot work without “Open, edit and close issues", "Nothing was shared.")
		says(t, f.Copy().Set("allow", email).Submit("allow"), 409, "It says it cannot work without 2 things, “See your name and picture” among them.")
		if n := shared(d); n != 0 {
			t.Fatalf("%d things were given without what is required", n)
		}
		scope := d.Redeem(app, ana.Code(f.Set("allow", profile, "services.github.issues.write").Submit("allow"))).Scope
		if want := profile + " services.github.issues.read services.github.issues.write"; scope != want {
			t.Errorf("given %s, want %s: writing issues brings reading them along", scope, want)
		}
	})
}

// TestARequiredScopeOfNoRequestAsksForNothing, and an app that asks for nothing it
// cannot do without is asked about like any other.
func TestARequiredScopeOfNoRequestAsksForNothing(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app := d.Register(server.NewApp{Name: "Repo Scout", Confidential: true, RedirectURIs: []string{"https://scout.example/callback"}, Required: []string{profile}})
	ana := d.SignedIn("ana")
	page := ana.Ask(app.Query(email))
	if page.Says("cannot work without") {
		t.Error(page.Text())
	}
	if scope := d.Redeem(app, ana.Code(page.Agree())).Scope; scope != email {
		t.Errorf("given %s", scope)
	}
}

// TestEachTrustHasItsOwnEnd: what an app may do on its own is agreed to row by row.
func TestEachTrustHasItsOwnEnd(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	f := ana.Ask(app.Query(profile, offline, background, unattended)).Form("/consent")
	f.Set("allow", f.Boxes("allow")...).Set("days."+background, "1").Set("days."+unattended, "30").Set("daily."+unattended, "5").Set("days.away", "30")
	ana.Code(f.Submit("allow"))
	for scope, days := range map[string]int{offline: 7, background: 1, unattended: 30} {
		if until := time.UnixMilli(int64(d.Count("SELECT until FROM grant_items WHERE scope = ?", scope))); !until.Equal(d.Clock.Now().AddDate(0, 0, days)) {
			t.Errorf("%s until %s, want %d days", scope, until, days)
		}
	}
	if n := d.Count("SELECT daily FROM grant_items WHERE scope = ?", unattended); n != 5 {
		t.Errorf("%d changes a day, want 5", n)
	}
	if body := d.Words("SELECT body FROM receipts"); !strings.Contains(body, `"daily":5`) {
		t.Errorf("the receipt does not say the limit: %s", body)
	}
}
