package flow_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// Attack: somebody holds a stolen session, or only the password, of a person who
// has more to show.
func TestThreat_O44_WhatIsAtStakeNeedsAProof(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, user := d.App(deputytest.Confidential), d.User("ana")
		ana := d.Browser()
		ana.SignIn(user)
		codes, _ := ana.TurnCodesOn()

		form := ana.Ask(app.Query(profile, unattended)).Form("/consent")
		asked := form.Set("allow", form.Boxes("allow")...).Set("days.agents.writes.unattended", "1").Submit("allow")
		says(t, asked, 200, "Show that it is you", "Repo Scout", "Make changes without asking you each time", "Nothing was shared.")
		if asked.URL.Path != "/signin/again" || shared(d) != 0 {
			t.Fatalf("%s, %d things shared", asked.URL, shared(d))
		}
		back := asked.Link("Go back")
		says(t, back, 200, "Your choices are kept. Nothing was shared.")
		if f := back.Form("/consent"); !slices.Contains(f.Values["allow"], unattended) || f.Values.Get("days.agents.writes.unattended") != "1" {
			t.Errorf("the choices were lost: %v", f.Values)
		}

		d.Clock.Add(30 * time.Second)
		proven := asked.Form("/signin/again").Set("password", user.Password).Set("code", codes.Code()).Submit("")
		says(t, proven, 200, "Your choices are kept. Nothing was shared.")
		if shared(d) != 0 {
			t.Error("the proof itself allowed something")
		}
		tokens := d.Redeem(app, ana.Code(proven.Form("/consent").Submit("allow")))
		if !strings.Contains(tokens.Scope, unattended) {
			t.Errorf("the app got %q", tokens.Scope)
		}

		// Who has only a password shows no more than that; nor does who allows little.
		bob := d.SignedIn("bob")
		d.Clock.Add(time.Hour)
		if code := bob.Authorize(app, profile, unattended); code == "" {
			t.Error("a person with a password only is asked for more")
		}
		if code := ana.Authorize(d.App(deputytest.Confidential), profile); code == "" {
			t.Error("a small thing needs a proof")
		}
	})
}

// A link words nothing but what the catalogue has words for.
func TestAnAddressPutsNoWordsOnThePage(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	ana := d.SignedIn("ana")
	d.Clock.Add(time.Hour)
	page := ana.Get("/signin/again?for=allow&next=%2Fconsent%3Fflow%3Dx%26stakes%3DCall%2B555-1234%2B" + profile)
	says(t, page, 200, "See your name and picture")
	if page.Says("555") {
		t.Errorf("the page says %s", page.Text())
	}
	says(t, ana.Get("/signin/again?for=nothing&next=%2F"), 400)
	says(t, ana.Get("/signin/again?for=allow&next=%2F%2Fevil.example"), 400)
}
