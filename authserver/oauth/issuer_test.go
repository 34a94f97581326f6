package oauth_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// RFC 9207 section 2: every answer to an authorization request, good or bad,
// asked or silent, names who answers, byte for byte as discovery does.
func TestThreat_O12_EveryAnswerNamesTheIssuer(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		meta := d.Send("GET", "/.well-known/oauth-authorization-server", "")
		if meta.Text("issuer") != d.URL || meta.JSON["authorization_response_iss_parameter_supported"] != true {
			t.Fatalf("discovery: %s", meta.Raw)
		}
		app, ana, nobody := d.App(deputytest.Confidential), d.SignedIn("ana"), d.Browser()
		names := func(what, member string, p deputytest.Page) {
			t.Helper()
			if !p.Away() || p.Answer(member) == "" || len(p.URL.Query()["iss"]) != 1 || p.Answer("iss") != d.URL {
				t.Errorf("%s: %d %s", what, p.Status, p.URL)
			}
		}
		silent := func(b *deputytest.Browser, pairs ...string) deputytest.Page {
			return b.Get("/oauth/authorize?" + changed(app, "", append(pairs, "prompt", "none")...))
		}
		names("nobody is signed in", "error", silent(nobody))
		names("nothing is agreed", "error", silent(ana))
		names("a no", "error", ana.Ask(app.Query(profile)).Form("/consent").Submit("deny"))
		names("a yes", "code", ana.Ask(app.Query(profile)).Agree())
		names("nothing is left to ask", "code", ana.Ask(app.Query(profile)))
		names("silently", "code", silent(ana))
		names("a refused request", "error", ana.Get("/oauth/authorize?"+changed(app, "", "response_type", "token")))
		names("an unknown scope", "error", ana.Get("/oauth/authorize?"+changed(app, "", "scope", "no.such.scope")))
		pushed := d.Post("/oauth/par", func() url.Values {
			q := app.Query(profile)
			q.Set("client_secret", app.Secret)
			return q
		}())
		names("a pushed request", "code", ana.Ask(url.Values{"client_id": {string(app.ID)}, "request_uri": {pushed.Text("request_uri")}}))
		d.Clock.Add(time.Hour)
		names("an old sign-in", "error", silent(ana, "max_age", "60"))
	})
}
