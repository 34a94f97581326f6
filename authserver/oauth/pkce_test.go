package oauth_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// OAuth 2.1 section 4.1.1: there is one method, spelled one way, and no client
// without it.
func TestThreat_O2_O3_OnlyS256(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		for _, app := range []deputytest.App{d.App(deputytest.Confidential), d.App(deputytest.Public)} {
			challenge := deputytest.Challenge(app.Verifier)
			for name, query := range map[string]string{
				"plain": changed(app, "", "code_challenge_method", "plain"), "plain, the verifier itself": changed(app, "", "code_challenge_method", "plain", "code_challenge", app.Verifier),
				"lower case": changed(app, "", "code_challenge_method", "s256"), "a space behind": changed(app, "", "code_challenge_method", "S256 "),
				"no method": changed(app, "", "code_challenge_method", ""), "an empty method": changed(app, "&code_challenge_method=", "code_challenge_method", ""),
				"two methods": changed(app, "&code_challenge_method=plain"), "the same method twice": changed(app, "&code_challenge_method=S256"), "an unknown method": changed(app, "", "code_challenge_method", "S512"),
				"no challenge": changed(app, "", "code_challenge", ""), "an empty challenge": changed(app, "&code_challenge=", "code_challenge", ""), "neither": changed(app, "", "code_challenge", "", "code_challenge_method", ""),
				"too short": changed(app, "", "code_challenge", challenge[:42]), "too long": changed(app, "", "code_challenge", challenge+"A"),
				"other characters": changed(app, "", "code_challenge", challenge[:42]+"/"), "padded": changed(app, "", "code_challenge", challenge+"="), "two challenges": changed(app, "&code_challenge="+challenge),
			} {
				got := ana.Get("/oauth/authorize?" + query)
				if !got.Away() || got.Answer("error") != "invalid_request" || got.Answer("code") != "" {
					t.Errorf("%s: %s", name, got.URL)
				}
				values, err := url.ParseQuery(query)
				if err != nil {
					t.Fatal(err)
				}
				for field := range app.Form() {
					values.Set(field, app.Form().Get(field))
				}
				refused(t, name+", pushed", d.Post("/oauth/par", values), 400, "invalid_request")
			}
		}
		if n := d.Count("SELECT (SELECT count(*) FROM codes) + (SELECT count(*) FROM pushed)"); n != 0 {
			t.Errorf("%d codes and pushed requests", n)
		}
		meta := d.Send("GET", "/.well-known/oauth-authorization-server", "")
		if got := fmt.Sprint(meta.JSON["code_challenge_methods_supported"]); got != "[S256]" {
			t.Errorf("discovery offers %s", got)
		}
	})
}

// OAuth 2.1 section 4.1.3, RFC 9700 section 4.8.2: a verifier is needed exactly
// when there was a challenge, and nothing but the right one will do. What is
// refused uses up nothing.
func TestThreat_O2_VerifierExactlyWhenChallenged(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		code := ana.Authorize(app, profile)
		challenge := deputytest.Challenge(app.Verifier)
		redeem := func(verifier string) deputytest.Answer {
			form := app.Redemption(code)
			form.Del("code_verifier")
			if verifier != "" {
				form.Set("code_verifier", verifier)
			}
			return d.Token(form)
		}
		for name, verifier := range map[string]string{
			"none": "", "the challenge": challenge, "a space behind": app.Verifier + " ", "cut": app.Verifier[:42], "longer": app.Verifier + "A", "another case": strings.ToUpper(app.Verifier),
			"of 129 characters": strings.Repeat("v", 129), "another": strings.Repeat("v", 43),
		} {
			refused(t, "verifier: "+name, redeem(verifier), 400, "invalid_grant")
		}
		// A code that somehow has no challenge is worth nothing, with and without one.
		d.Exec("UPDATE codes SET challenge = ''")
		for name, verifier := range map[string]string{"none": "", "the right one": app.Verifier, "an odd one": "x"} {
			refused(t, "without a challenge, verifier: "+name, redeem(verifier), 400, "invalid_grant")
		}
		d.Exec("UPDATE codes SET challenge = ?", challenge)
		if got := redeem(app.Verifier); got.Status != 200 {
			t.Errorf("the right verifier afterwards: %d %s", got.Status, got.Raw)
		}
	})
}
