package oauth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// OAuth 2.1 section 3.1: a parameter that comes twice makes the request invalid at
// every endpoint, so no two readers can read two different requests
// (CVE-2026-9689); and there is one way to write a list of scopes.
func TestThreat_O19_TwoOfOneParameter(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		device := cli(d)
		tokens := d.Redeem(app, ana.Authorize(app, profile))
		wider := "&scope=" + url.QueryEscape(profile+" "+email)
		post := func(path string, form url.Values, raw string) deputytest.Answer {
			return d.Send("POST", path, form.Encode()+raw, "Content-Type", "application/x-www-form-urlencoded")
		}
		pushing := app.Query(profile)
		pushing.Set("client_secret", app.Secret)
		narrow := app.Refreshing(tokens.Refresh)
		narrow.Set("scope", profile)
		for what, got := range map[string]deputytest.Answer{
			"PAR, scope":             post("/oauth/par", pushing, wider),
			"PAR, redirect_uri":      post("/oauth/par", pushing, "&redirect_uri=https%3A%2F%2Fevil.example"),
			"PAR, client_id":         post("/oauth/par", pushing, "&client_id="+string(device.ID)),
			"device, scope":          post("/oauth/device_authorization", device.Form("scope", profile), wider),
			"device, client_id":      post("/oauth/device_authorization", device.Form("scope", profile), "&client_id="+string(device.ID)),
			"code, code":             post("/oauth/token", app.Redemption("dpc_x"), "&code=dpc_y"),
			"code, code_verifier":    post("/oauth/token", app.Redemption("dpc_x"), "&code_verifier="+app.Verifier),
			"refresh, scope":         post("/oauth/token", narrow, wider),
			"refresh, the same":      post("/oauth/token", narrow, "&scope="+profile),
			"refresh, grant_type":    post("/oauth/token", narrow, "&grant_type=client_credentials"),
			"refresh, unknown":       post("/oauth/token", narrow, "&x=1&x=2"),
			"introspection, token":   post("/oauth/introspect", app.Form("token", tokens.Access), "&token=x"),
			"revocation, token":      post("/oauth/revoke", app.Form("token", tokens.Access), "&token=x"),
			"revocation, the secret": post("/oauth/revoke", app.Form("token", tokens.Access), "&client_secret=x"),
		} {
			refused(t, what, got, 400, "invalid_request")
		}
		for what, raw := range map[string]string{"scope": wider, "the same scope": "&scope=" + profile, "state": "&state=x", "prompt": "&prompt=none&prompt=login", "unknown": "&x=1&x=2"} {
			if got := ana.Get("/oauth/authorize?" + changed(app, raw)); got.Answer("error") != "invalid_request" {
				t.Errorf("authorize, %s: %s", what, got.URL)
			}
		}
		if !d.Active(app, tokens.Access) {
			t.Error("a refused revocation revoked")
		}
		// One list, in one spelling: nothing else adds a scope to it.
		for what, scope := range map[string]string{
			"a comma": profile + "," + email, "a tab": profile + "\t" + email, "a line": profile + "\n" + email, "a plus that stays one": profile + "+" + email,
			"another case": strings.ToUpper(email), "a no-break space": profile + "\u00a0" + email, "quotes": `"` + email + `"`, "percent twice": profile + "%20" + email,
		} {
			got := ana.Get("/oauth/authorize?" + changed(app, "", "scope", scope))
			if code := got.Answer("error"); code != "invalid_scope" && code != "invalid_request" {
				t.Errorf("scope with %s: %s %s", what, got.URL, got.Text())
			}
		}
		array := changed(app, "&scope[]="+email+"&scope%5B0%5D="+email+"&scopes="+email)
		if got := d.Redeem(app, ana.Code(ana.Get("/oauth/authorize?"+array).Agree())).Scope; got != profile {
			t.Errorf("an array of scopes gives %q", got)
		}
		if got := d.Redeem(app, ana.Code(ana.Get("/oauth/authorize?"+changed(app, "", "scope", "  "+profile+"  "+profile+" ")).Agree())).Scope; got != profile {
			t.Errorf("the same scope twice gives %q", got)
		}
	})
}
