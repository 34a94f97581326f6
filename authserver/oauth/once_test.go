package oauth_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

// Who holds a device code that was used is the device or a stranger: nobody can
// tell which, so that both lose what it gave.
func TestThreat_O5_ADeviceCodeComesBack(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, other, ana := cli(d), cli(d), d.SignedIn("ana")
		code, user := start(t, d, app, "scope", "profile")
		enter(ana, user).Form("/device/confirm").Submit("yes").Agree()
		tokens := d.Tokens(polling(app, code))
		refused(t, "another app", d.Token(polling(other, code)), 400, "invalid_grant")
		if me := d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+tokens.Access); me.Status != 200 {
			t.Fatalf("another app's try ended the token: %d", me.Status)
		}
		refused(t, "the same app again", d.Token(polling(app, code)), 400, "invalid_grant")
		if me := d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+tokens.Access); me.Status != 401 {
			t.Errorf("the token lives on: %d", me.Status)
		}
		refused(t, "its refresh token", d.Token(app.Refreshing(tokens.Refresh)), 400, "invalid_grant")
		if n := d.Count("SELECT count(*) FROM audit WHERE kind = 'token.replayed' AND detail = 'device code'"); n != 1 {
			t.Errorf("%d records, want one", n)
		}
	})
}

// A no is an answer: the request that it was given to is used up.
func TestThreat_O40_ANoUsesTheRequestUp(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		uri := push(t, d, pushing(app, "profile"))
		if no := ana.Ask(referring(app, uri)).Form("/consent").Submit("deny"); no.Answer("error") != "access_denied" {
			t.Fatalf("the no: %d %s", no.Status, no.URL)
		}
		if again := ana.Ask(referring(app, uri)); again.Away() || again.Status != 409 {
			t.Errorf("asked again: %d %s", again.Status, again.URL)
		}
	})
}

// An app that changed what the yes rested on gets nothing for its code, either.
func TestThreat_O26_ACodeOfAChangedApp(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		code := ana.Authorize(app, profile)
		d.Exec("UPDATE grants SET app_digest = 'of other return addresses'")
		refused(t, "the code", d.Token(app.Redemption(code)), 400, "invalid_grant")
	})
}

// A code for a program on this computer that is redeemed from far away is given
// what it stands for, and told of.
func TestThreat_O11_ACodeRedeemedFromElsewhere(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		local := d.Register(server.NewApp{Name: "Scout CLI", RedirectURIs: []string{"http://127.0.0.1:7777/callback"}})
		web := d.App(deputytest.Confidential)
		for _, c := range []struct {
			name, network string
			app           deputytest.App
			want          int
		}{
			{"the same network", "127.0.0.0/16", local, 0},
			{"another", "203.0.0.0/16", local, 1},
			{"another kind of address", "2001:db8::/32", local, 0},
			{"a website, which is never where the browser is", "", web, 0},
		} {
			code := ana.Authorize(c.app, profile)
			if got := d.Words("SELECT network FROM codes WHERE used_at IS NULL"); (got == "127.0.0.0/16") != (c.app.ID == local.ID) {
				t.Errorf("%s: kept of the browser's address: %q", c.name, got)
			}
			d.Exec("UPDATE codes SET network = ? WHERE used_at IS NULL", c.network)
			d.Exec("DELETE FROM audit")
			d.Redeem(c.app, code)
			if n := d.Count("SELECT count(*) FROM audit WHERE kind = 'token.elsewhere'"); n != c.want {
				t.Errorf("%s: %d records, want %d", c.name, n, c.want)
			}
		}
	})
}

// Guesses at a client's secret stop, at every endpoint that takes one, and lock out
// no other client.
func TestThreat_O36_GuessesAtAClientsSecret(t *testing.T) {
	for _, path := range []string{"/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/par", "/oauth/device_authorization"} {
		d := deputytest.New(t, deputytest.Options{})
		app, other := d.App(deputytest.Confidential), d.App(deputytest.Confidential)
		guess := func(a deputytest.App, id string) url.Values {
			f := a.Form("grant_type", "client_credentials", "token", "x")
			f.Set("client_id", id)
			return f
		}
		for range 30 {
			refused(t, path, d.Post(path, guess(other, string(app.ID))), 401, "invalid_client")
		}
		held := d.Post(path, guess(other, string(app.ID)))
		refused(t, path, held, 429, "temporarily_unavailable")
		if held.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
		if got := d.Post("/oauth/token", guess(other, string(other.ID))); got.Status != 200 {
			t.Errorf("%s: another client: %d %s", path, got.Status, got.Raw)
		}
		// Nobody is told whether there is such a client.
		for range 30 {
			d.Post(path, guess(other, "app_none"))
		}
		if got := d.Post(path, guess(other, "app_none")); got.Raw != held.Raw {
			t.Errorf("%s: an unknown client: %s", path, got.Raw)
		}
		d.Clock.Add(15 * time.Minute)
		if got := d.Post("/oauth/token", guess(app, string(app.ID))); got.Status != 200 {
			t.Errorf("%s: after the window: %d %s", path, got.Status, got.Raw)
		}
	}
	d := deputytest.New(t, deputytest.Options{Registration: "public"})
	var last deputytest.Answer
	for range 31 {
		last = d.Send("GET", "/oauth/register/app_none", "", "Authorization", "Bearer "+strings.Repeat("x", 43))
	}
	refused(t, "a registration", last, 429, "temporarily_unavailable")
}
