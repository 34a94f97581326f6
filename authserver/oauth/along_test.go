package oauth_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

const background = "agents.jobs.background"

// including is the app's request with include_granted_scopes.
func including(a deputytest.App, value string, scopes ...string) url.Values {
	q := a.Query(scopes...)
	q.Set("include_granted_scopes", value)
	return q
}

func TestIncludeGrantedScopes(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		scope := func(q url.Values) string {
			t.Helper()
			return d.Redeem(app, ana.Code(ana.Ask(q).Agree("700100001"))).Scope
		}
		for what, c := range map[string]struct{ got, want string }{
			"nothing given yet":     {scope(including(app, "true", repos)), repos},
			"what was given before": {scope(including(app, "true", email)), email + " " + repos},
			"without the parameter": {scope(app.Query(email)), email},
			"false":                 {scope(including(app, "false", email)), email},
			"empty":                 {scope(including(app, "", email)), email},
			"asked and given":       {scope(including(app, "true", repos, email)), repos + " " + email},
		} {
			if c.got != c.want {
				t.Errorf("%s: the token has %q, want %q", what, c.got, c.want)
			}
		}
		if p := ana.Ask(including(app, "yes", email)); p.Answer("error") != "invalid_request" {
			t.Errorf("another value: %s", p.URL)
		}
		// Pushed, it means the same; what a client pushed without it is not widened by
		// whoever sends the browser.
		pushed := push(t, d, with(pushing(app, email), "include_granted_scopes", "true"))
		if got := scope(referring(app, pushed)); got != email+" "+repos {
			t.Errorf("pushed: %q", got)
		}
		plain := push(t, d, pushing(app, email))
		if got := scope(with(referring(app, plain), "include_granted_scopes", "true")); got != email {
			t.Errorf("added to a pushed request: %q", got)
		}
	})
}

func with(form url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// An app that cannot prove itself gets a page each time, and the page shows all
// that the token will carry (OAuth 2.1 section 7.3.1).
func TestThreat_O17_WhatComesAlongIsShown(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Public), d.SignedIn("ana")
	ana.Authorize(app, email)
	ana.Authorize(app, profile)
	page := ana.Ask(including(app, "true", profile))
	if page.Away() || !page.Says("Nothing new.") || !page.Says("See your e-mail address") || !page.Says("See your name and picture") {
		t.Fatalf("%s %s", page.URL, page.Text())
	}
	// What was taken away meanwhile is not given by a page that showed it.
	d.Exec("DELETE FROM grant_items WHERE scope = ?", email)
	if again := page.Form("/consent").Submit("allow"); again.Away() || again.Status != 409 || again.Says("See your e-mail address") {
		t.Errorf("%d %s", again.Status, again.Text())
	}
}

// Only what this app has of this person, living and for the same resource.
func TestThreat_O18_IncludedScopesWidenNothing(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		d.ResourceServer("https://notes.example/mcp", "mcp:read")
		app, other := d.App(deputytest.Confidential), d.App(deputytest.Confidential)
		ana, bob := d.SignedIn("ana"), d.SignedIn("bob")
		ana.Authorize(app, email)
		ana.Authorize(app, repos)
		scope := func(a deputytest.App, b *deputytest.Browser, scopes ...string) string {
			t.Helper()
			return d.Redeem(a, b.Code(b.Ask(including(a, "true", scopes...)).Agree())).Scope
		}
		if got := scope(app, bob, profile); got != profile {
			t.Errorf("somebody else's: %q", got)
		}
		if got := scope(other, ana, profile); got != profile {
			t.Errorf("another app's: %q", got)
		}
		if got := scope(app, ana, "mcp:read"); got != "mcp:read "+email {
			t.Errorf("for another resource: %q", got)
		}
		// A refresh stays within the token it is for.
		plain := d.Redeem(app, ana.Authorize(app, email))
		refused(t, "a refresh with the parameter", d.Token(with(app.Refreshing(plain.Refresh), "include_granted_scopes", "true", "scope", email+" "+repos)), 400, "invalid_scope")
		if got := d.Tokens(with(app.Refreshing(plain.Refresh), "include_granted_scopes", "true")).Scope; got != email {
			t.Errorf("a refresh: %q", got)
		}
		d.Exec("UPDATE grant_items SET until = ? WHERE scope = ?", d.Clock.Now().UnixMilli(), email)
		d.Exec("UPDATE connections SET health = 'needs_person'")
		if got := scope(app, ana, profile); got != profile {
			t.Errorf("what ended, and what waits for the person: %q", got)
		}
	})
}

// On a device nothing comes along that a device could not ask for.
func TestThreat_O29_NothingStrongComesAlongOnADevice(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app := d.Register(server.NewApp{Name: "Scout", RedirectURIs: []string{"https://scout.example/callback"}, GrantTypes: []string{"authorization_code", "refresh_token", deviceGrant}})
	ana := d.SignedIn("ana")
	ana.Authorize(app, email, offline, background)
	code, user := start(t, d, app, "scope", profile, "include_granted_scopes", "true")
	page := enter(ana, user).Form("/device/confirm").Submit("yes")
	if !page.Says("See your e-mail address") || page.Says("Keep working when you are not here") {
		t.Errorf("the page says %s", page.Text())
	}
	page.Agree()
	d.Clock.Add(6 * time.Second)
	if got := d.Tokens(polling(app, code)).Scope; got != profile+" "+email {
		t.Errorf("the token has %q", got)
	}
	refused(t, "another value", d.Post("/oauth/device_authorization", app.Form("include_granted_scopes", "1")), 400, "invalid_request")
}
