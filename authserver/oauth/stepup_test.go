package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

const byPassword = "urn:deputy:acr:password"

// claimed reads the claims of an ID token that came straight from the server.
func claimed(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("ID token %q", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// RFC 9470 section 6: how and when the person signed in is told with every token,
// and a refresh does not make it younger.
func TestTheSignInIsToldWithEveryToken(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		signedIn := float64(d.Clock.Now().Unix())
		d.Clock.Add(10 * time.Minute)
		tokens := d.Redeem(app, ana.Authorize(app, "openid", "offline_access"))
		told := func(what, token string) {
			t.Helper()
			got := d.Introspect(string(app.ID), app.Secret, token).JSON
			if got["acr"] != byPassword || got["auth_time"] != signedIn {
				t.Errorf("%s: acr %v, auth_time %v, want %v", what, got["acr"], got["auth_time"], signedIn)
			}
		}
		told("the first token", tokens.Access)
		if id := claimed(t, tokens.ID); id["acr"] != byPassword || id["auth_time"] != signedIn {
			t.Errorf("the ID token says %v", id)
		}
		d.Clock.Add(time.Hour)
		tokens = d.Refresh(app, tokens.Refresh)
		told("a refreshed token", tokens.Access)
		ana.SignOut()
		d.Clock.Add(time.Hour)
		told("a token refreshed after the sign-out", d.Refresh(app, tokens.Refresh).Access)
	})
}

func TestADeviceIsToldHowThePersonSignedIn(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		rs := d.ResourceServer("https://notes.example/mcp", "mcp:read")
		app, ana := cli(d), d.SignedIn("ana")
		signedIn := float64(d.Clock.Now().Unix())
		d.Clock.Add(time.Minute)
		code, user := start(t, d, app, "scope", "mcp:read")
		enter(ana, user).Form("/device/confirm").Submit("yes").Agree()
		d.Clock.Add(10 * time.Second)
		tokens := d.Tokens(polling(app, code))
		for _, token := range []string{tokens.Access, d.Refresh(app, tokens.Refresh).Access} {
			if got := d.Introspect(rs.ID, rs.Secret, token).JSON; got["acr"] != byPassword || got["auth_time"] != signedIn {
				t.Errorf("acr %v, auth_time %v, want %v", got["acr"], got["auth_time"], signedIn)
			}
		}
	})
}

// acr_values is voluntary: what nobody can reach is answered with what was.
func TestAcrValuesAreAnsweredWithWhatWasReached(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	ana.Authorize(app, "openid")
	for _, values := range []string{byPassword, "urn:deputy:acr:passkey", "phr urn:deputy:acr:passkey", "urn:deputy:acr:passkey " + byPassword, "0"} {
		code := ana.Code(ana.Get("/oauth/authorize?" + changed(app, "", "scope", "openid", "acr_values", values)))
		if got := claimed(t, d.Redeem(app, code).ID)["acr"]; got != byPassword {
			t.Errorf("acr_values=%s: %v", values, got)
		}
	}
	doc := d.Send("GET", "/.well-known/openid-configuration", "").JSON
	// An address without a name has no passkeys (WebAuthn Level 3 section 5.1.2).
	if diff := cmp.Diff([]any{byPassword, "urn:deputy:acr:two-step"}, doc["acr_values_supported"]); diff != "" {
		t.Errorf("acr_values_supported: %s", diff)
	}
	got := ana.Get("/oauth/authorize?" + changed(app, "&acr_values=a&acr_values=b"))
	if got.Answer("error") != "invalid_request" {
		t.Errorf("acr_values twice: %s", got.URL)
	}
}

// TestThreat_O44_HalfASignInIsNone: a session that has not reached a level opens
// nothing, whatever was asked.
func TestThreat_O44_HalfASignInIsNone(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		ana.Authorize(app, profile)
		for _, level := range []string{"", "urn:deputy:acr:first-half"} {
			d.Exec("UPDATE sessions SET acr = ?", level)
			d.Clock.Add(2 * time.Second)
			if p := ana.Get("/oauth/authorize?" + changed(app, "")); !p.HasForm("/signin") {
				t.Errorf("level %q: %s %s", level, p.URL, p.Text())
			}
			if p := ana.Get("/oauth/authorize?" + changed(app, "&prompt=none")); p.Answer("error") != "login_required" {
				t.Errorf("level %q, silent: %s", level, p.URL)
			}
			if p := ana.Get("/services"); !p.HasForm("/signin") {
				t.Errorf("level %q: %s", level, p.URL)
			}
		}
		d.Exec("UPDATE sessions SET acr = ?", byPassword)
		d.Clock.Add(2 * time.Second)
		if p := ana.Get("/oauth/authorize?" + changed(app, "")); p.Answer("code") == "" {
			t.Errorf("the whole sign-in: %s", p.URL)
		}
	})
}

// A page that was opened under an old sign-in cannot answer once that is too old,
// and after the new sign-in the very same request goes on.
func TestAStalePageDoesNotAnswerWithAnOldSignIn(t *testing.T) {
	for _, ends := range []string{"max_age=300", "max_age=1"} {
		d := deputytest.New(t, deputytest.Options{})
		user, ana, app := d.User("ana"), d.Browser(), d.App(deputytest.Confidential)
		ana.SignIn(user)
		d.Clock.Add(time.Second)
		page := ana.Get("/oauth/authorize?" + changed(app, "&"+ends, "scope", "openid", "nonce", "n-of-this-request"))
		stale := page.Form("/consent")
		d.Clock.Add(6 * time.Minute)
		again := stale.Copy().Set("allow", stale.Boxes("allow")...).Submit("allow")
		if again.Away() || !again.HasForm("/signin") {
			t.Fatalf("%s: the stale page is answered with %s", ends, again.URL)
		}
		d.Clock.Add(time.Minute)
		signedIn := float64(d.Clock.Now().Unix())
		done := again.SignIn(user)
		if p := stale.Copy().Set("allow", stale.Boxes("allow")...).Submit("allow"); p.Away() {
			t.Errorf("%s: the old page is answered after the new sign-in: %s", ends, p.URL)
		}
		id := claimed(t, d.Redeem(app, ana.Code(done.Agree())).ID)
		if id["auth_time"] != signedIn || id["nonce"] != "n-of-this-request" {
			t.Errorf("%s: auth_time %v, want %v; nonce %v", ends, id["auth_time"], signedIn, id["nonce"])
		}
	}
}
