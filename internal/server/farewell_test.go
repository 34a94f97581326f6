package server_test

import (
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// disconnect takes a person's newest connection at GitHub away and returns what the
// page says.
func disconnect(d *deputytest.Deputy, ana *deputytest.Browser) deputytest.Page {
	id := d.Words("SELECT id FROM connections WHERE ended_at IS NULL AND provider = 'github'")
	return ana.Get("/services/" + id + "/disconnect").Form("/services/" + id + "/disconnect").Submit("")
}

// A provider that is down when a person disconnects is told again, until it has
// confirmed; the person reads how it stands. The tokens are of no other use meanwhile.
func TestThreat_C22_DisconnectRevokesUpstreamLater(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		ana.Connect("github", "octocat")
		d.GitHub.SetDown(true)
		if p := disconnect(d, ana); !p.Says("We tell it again for a day") {
			t.Errorf("the page says %s", p.Text())
		}
		if n := d.Count("SELECT count(*) FROM credentials"); n != 0 {
			t.Errorf("%d credentials are left", n)
		}
		tellAgain(t, d)
		if n := revoked(d); n != 1 {
			t.Errorf("told %d times at once, want 1", n)
		}
		d.Clock.Add(time.Minute)
		tellAgain(t, d)
		if n := revoked(d); n != 2 {
			t.Errorf("told %d times after a minute, want 2", n)
		}
		if p := ana.Get("/services"); !p.Says("GitHub has not confirmed yet") {
			t.Errorf("the services page says %s", p.Text())
		}
		d.GitHub.SetDown(false)
		d.Clock.Add(2 * time.Hour)
		tellAgain(t, d)
		if p := ana.Get("/services"); p.Says("has not confirmed") || d.Count("SELECT count(*) FROM revocations") != 0 {
			t.Errorf("after it confirmed: %s", p.Text())
		}
		if got := d.Words("SELECT detail FROM audit WHERE kind = 'connection.told' ORDER BY id DESC LIMIT 1"); got != "revoked" {
			t.Errorf("recorded %q", got)
		}
	})
}

// After a day nobody tries any more, and the person reads that.
func TestThreat_C22_AProviderThatNeverConfirms(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		who, ana := d.User("ana"), d.Browser()
		ana.SignIn(who)
		ana.Connect("github", "octocat")
		d.GitHub.SetDown(true)
		disconnect(d, ana)
		for range 26 {
			d.Clock.Add(time.Hour)
			tellAgain(t, d)
		}
		before := revoked(d)
		d.Clock.Add(24 * time.Hour)
		tellAgain(t, d)
		if n := revoked(d); n != before || d.Count("SELECT count(*) FROM revocations") != 0 {
			t.Errorf("told %d times, then %d", before, n)
		}
		later := d.Browser()
		later.SignIn(who)
		if p := later.Get("/services"); !p.Says("GitHub did not confirm") {
			t.Errorf("the services page says %s", p.Text())
		}
	})
}

// GitHub ends everything of a person at once: a late revocation must not take what
// they connected again since.
func TestThreat_C22_WhatIsConnectedAgainStays(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		ana.Connect("github", "octocat")
		d.GitHub.SetDown(true)
		disconnect(d, ana)
		d.GitHub.SetDown(false)
		ana.Connect("github", "octocat")
		told := revoked(d)
		d.Clock.Add(time.Hour)
		tellAgain(t, d)
		if n := revoked(d); n != told || d.Count("SELECT count(*) FROM revocations") != 0 {
			t.Errorf("told %d times, then %d", told, n)
		}
	})
}

func tellAgain(t *testing.T, d *deputytest.Deputy) {
	t.Helper()
	if err := d.Server.TellAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// revoked is how often GitHub was told.
func revoked(d *deputytest.Deputy) int {
	n := 0
	for _, call := range d.GitHub.Calls() {
		if call.Method == "DELETE" && call.Path == "/api/v3/applications/simulated-app/grant" {
			n++
		}
	}
	return n
}
