package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// RFC 8707 section 2, and how clients really spell a resource: the token has one
// audience, in one spelling.
func TestOneResourceInAllItsSpellings(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		rs := d.ResourceServer("https://notes.example/mcp", "mcp:read")
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		for spelling, want := range map[string]string{
			"": rs.Identifier, rs.Identifier: rs.Identifier, rs.Identifier + "/": rs.Identifier, "https://NOTES.example/mcp": rs.Identifier, "HTTPS://notes.example:443/mcp/": rs.Identifier,
			"https://notes.example/MCP": "", "https://notes.example": "", "https://notes.example/mcp/x": "", "http://notes.example/mcp": "", "https://notes.example/mcp?x=1": "",
			"https://notes.example/mcp#x": "", "https://user@notes.example/mcp": "", "notes.example/mcp": "",
		} {
			q := app.Query("mcp:read")
			q.Set("resource", spelling)
			page := ana.Ask(q)
			if want == "" {
				if page.Answer("error") != "invalid_target" {
					t.Errorf("%q: %s", spelling, page.URL)
				}
				continue
			}
			form := app.Redemption(ana.Code(page.Agree()))
			form.Set("resource", spelling) // clients send it here as well
			if got := d.Introspect(rs.ID, rs.Secret, d.Tokens(form).Access); got.Text("aud") != want {
				t.Errorf("%q: %s", spelling, got.Raw)
			}
		}
		for _, spelling := range []string{d.URL, d.URL + "/", d.URL + "/api", d.URL + "/api/", d.URL + "/api/github"} {
			q := app.Query(profile)
			q.Set("resource", spelling)
			token := d.Redeem(app, ana.Code(ana.Ask(q).Agree())).Access
			if got := d.Introspect(string(app.ID), app.Secret, token); got.Text("aud") != d.URL+"/api" {
				t.Errorf("%q: %s", spelling, got.Raw)
			}
		}
	})
}

// OpenID Connect Core sections 2 and 3.1.3.7: an ID token is about one sign-in, for
// one client, in answer to one request.
func TestAnIDTokenAnswersItsRequest(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		signedIn := d.Clock.Now().Unix()
		for _, nonce := range []string{"n-0S6_WzA2Mj", ""} {
			q := app.Query("openid", profile)
			q.Set("nonce", nonce)
			q.Set("max_age", "3600")
			tokens := d.Redeem(app, ana.Code(ana.Ask(q).Agree()))
			raw, err := base64.RawURLEncoding.DecodeString(strings.Split(tokens.ID, ".")[1])
			if err != nil {
				t.Fatal(err)
			}
			var claims map[string]any
			if err := json.Unmarshal(raw, &claims); err != nil {
				t.Fatal(err)
			}
			is, has := claims["nonce"]
			if has != (nonce != "") || (has && is != nonce) {
				t.Errorf("nonce %q came back as %v", nonce, is)
			}
			user := d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+tokens.Access)
			if claims["iss"] != d.URL || claims["aud"] != string(app.ID) || claims["sub"] != user.Text("sub") || claims["auth_time"] != float64(signedIn) {
				t.Errorf("claims: %s", raw)
			}
			if exp, _ := claims["exp"].(float64); exp <= float64(d.Clock.Now().Unix()) || exp > float64(d.Clock.Now().Unix()+3600) {
				t.Errorf("it ends at %v", claims["exp"])
			}
		}
	})
}
