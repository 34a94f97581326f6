package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

const bye = "https://scout.example/bye"

// leaver registers an app that people can be sent back to after a sign-out.
func leaver(d *deputytest.Deputy) deputytest.App {
	return d.Register(server.NewApp{
		Name: "Repo Scout", Confidential: true, RedirectURIs: []string{"https://scout.example/callback"}, LogoutURIs: []string{bye, "http://127.0.0.1/bye", "https://scout.example/bye?from=deputy"},
	})
}

func leaving(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return "/oauth/logout?" + q.Encode()
}

// The whole way: the app has an ID token, asks, the person says yes and is back in
// the app. What works only while the person is here ends, the rest goes on (OpenID
// Connect Core section 11).
func TestAnAppAsksForASignOut(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := leaver(d), d.SignedIn("ana")
		here := d.Redeem(app, ana.Authorize(app, "openid", profile))
		lasting := d.Redeem(app, ana.Authorize(app, "openid", profile, offline, "agents.jobs.background"))
		d.Clock.Add(time.Hour) // an ID token that has ended still says whom it is about
		page := ana.Get(leaving("id_token_hint", here.ID, "post_logout_redirect_uri", bye, "state", "of the app", "ui_locales", "xx", "logout_hint", "ana"))
		if page.Status != 200 || !page.Says("Repo Scout asks you to sign out here as well.") || !page.Says("You go back to scout.example") || page.Says("another sign-in") || !page.Says("Repo Scout, because you allowed it") {
			t.Fatalf("%d %s", page.Status, page.Text())
		}
		if d.Token(app.Refreshing(here.Refresh)).Status != 200 {
			t.Error("the question alone ended something")
		}
		away := page.Form("/signout/app").Submit("")
		if away.Status != 303 || away.URL.String() != bye+"?state=of+the+app" {
			t.Errorf("%d, sent to %s", away.Status, away.URL)
		}
		if p := ana.Get("/sessions"); !p.HasForm("/signin") {
			t.Error("still signed in")
		}
		refused(t, "a refresh token that ends with the sign-in", d.Token(app.Refreshing(here.Refresh)), 400, "invalid_grant")
		if got := d.Token(app.Refreshing(lasting.Refresh)); got.Status != 200 {
			t.Errorf("a refresh token that outlives the sign-in: %d %s", got.Status, got.Raw)
		}
		// Nobody is signed in any more: nothing to ask, straight back.
		if p := ana.Get(leaving("id_token_hint", here.ID, "post_logout_redirect_uri", "https://scout.example/bye?from=deputy", "state", "s")); p.URL.String() != "https://scout.example/bye?from=deputy&state=s" {
			t.Errorf("without a sign-in: %s", p.URL)
		}
	})
}

// A link alone ends nothing, whatever it brings; a page that belongs to somebody
// else's sign-in says so.
func TestThreat_O13_ALinkAloneSignsNobodyOut(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana, bob := leaver(d), d.SignedIn("ana"), d.SignedIn("bob")
	token := d.Redeem(app, ana.Authorize(app, "openid")).ID
	other := d.Browser()
	other.SignIn(d.User("eve"))
	for what, c := range map[string]struct {
		browser *deputytest.Browser
		link    string
		another bool
	}{
		"her own token":         {ana, leaving("id_token_hint", token, "post_logout_redirect_uri", bye), false},
		"nothing":               {ana, "/oauth/logout", false},
		"only the app":          {ana, leaving("client_id", string(app.ID), "post_logout_redirect_uri", bye), false},
		"somebody else's token": {bob, leaving("id_token_hint", token), true},
		"and a third's":         {other, leaving("id_token_hint", token, "client_id", string(app.ID)), true},
	} {
		p := c.browser.Get(c.link)
		if p.Status != 200 || !p.HasForm("/signout/app") || p.Says("This was asked for another sign-in than yours.") != c.another {
			t.Errorf("%s: %d %s", what, p.Status, p.Text())
		}
		if p := c.browser.Get("/sessions"); p.HasForm("/signin") {
			t.Errorf("%s signed somebody out", what)
		}
	}
	// The form is bound to this sign-in and to where it leads.
	form := ana.Get(leaving("id_token_hint", token, "post_logout_redirect_uri", bye)).Form("/signout/app")
	if p := form.Copy().Set("to", "https://evil.example/").Send(""); p.Status != 403 {
		t.Errorf("another address: %d %s", p.Status, p.Text())
	}
	if p := form.In(bob).Send(""); p.Status != 403 {
		t.Errorf("in another browser: %d", p.Status)
	}
	if p := ana.Do("POST", "/signout/app", url.Values{"to": {bye}}); p.Status != 403 {
		t.Errorf("without a token: %d", p.Status)
	}
	if p := form.Submit(""); p.URL.String() != bye {
		t.Errorf("her own yes: %d %s", p.Status, p.URL)
	}
	if p := form.Send(""); p.Status != 200 || p.Header.Get("Location") != "" || !p.Says("You are signed out") {
		t.Errorf("the same form again: %d %s", p.Status, p.Text())
	}
}

// A form of the app's own site brings no cookie of ours (SameSite=Lax). The
// browser comes again by itself, with the same request.
func TestALogoutByForm(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := leaver(d), d.SignedIn("ana")
	hint := d.Redeem(app, ana.Authorize(app, "openid")).ID
	form := url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {bye}, "state": {"x"}}
	got := d.Post("/oauth/logout", form, "Origin", "https://scout.example", "Sec-Fetch-Site", "cross-site")
	if got.Status != 303 {
		t.Fatalf("%d %s", got.Status, got.Raw)
	}
	if p := ana.Get(got.Header.Get("Location")).Form("/signout/app").Submit(""); p.URL.String() != bye+"?state=x" {
		t.Errorf("sent to %s", p.URL)
	}
	if got := d.Post("/oauth/logout", url.Values{"state": {strings.Repeat("x", 70<<10)}}); got.Status != 400 || got.Header.Get("Location") != "" {
		t.Errorf("a long form: %d", got.Status)
	}
}

// On an error the browser is sent nowhere (section 4).
func TestThreat_O9_LogoutIsNobodysBouncer(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Registration: "public"})
	app, other, off, ana := leaver(d), leaver(d), leaver(d), d.SignedIn("ana")
	d.Exec("UPDATE apps SET disabled_at = 1 WHERE id = ?", off.ID)
	tokens := d.Redeem(app, ana.Authorize(app, "openid"))
	id := string(app.ID)
	twice := leaving("client_id", id, "post_logout_redirect_uri", bye)
	for what, link := range map[string]string{
		"an address without an app":     leaving("post_logout_redirect_uri", bye),
		"an app nobody knows":           leaving("client_id", "app_none", "post_logout_redirect_uri", bye),
		"an app that is switched off":   leaving("client_id", string(off.ID), "post_logout_redirect_uri", bye),
		"an address of nobody":          leaving("client_id", id, "post_logout_redirect_uri", "https://evil.example/"),
		"its return address":            leaving("client_id", id, "post_logout_redirect_uri", app.RedirectURI),
		"an address with more":          leaving("client_id", id, "post_logout_redirect_uri", bye+"/"),
		"another port of this computer": leaving("client_id", id, "post_logout_redirect_uri", "http://127.0.0.1:81/bye"),
		"a token of another app":        leaving("client_id", string(other.ID), "id_token_hint", tokens.ID, "post_logout_redirect_uri", bye),
		"a changed token":               leaving("id_token_hint", tokens.ID[:len(tokens.ID)-4]+"AAAA", "post_logout_redirect_uri", bye),
		"an access token":               leaving("id_token_hint", tokens.Access, "post_logout_redirect_uri", bye),
		"an unsigned token":             leaving("id_token_hint", unsigned(t, tokens.ID), "post_logout_redirect_uri", bye),
		"an address twice":              twice + "&post_logout_redirect_uri=" + url.QueryEscape(bye),
		"an app twice":                  twice + "&client_id=",
		"a token twice":                 leaving("id_token_hint", tokens.ID, "id_token_hint", tokens.ID),
		"a NUL":                         leaving("client_id", id, "post_logout_redirect_uri", bye, "state", "a\x00"),
		"something too long":            leaving("client_id", id, "state", strings.Repeat("a", 9<<10)),
		"a broken query":                "/oauth/logout?client_id=%zz",
	} {
		for who, browser := range map[string]*deputytest.Browser{"signed in": ana, "nobody": d.Browser()} {
			if p := browser.Get(link); p.Away() || p.Status != 400 || p.HasForm("/signout/app") {
				t.Errorf("%s, %s: %d %s", what, who, p.Status, p.URL)
			}
		}
	}
	// An app that nobody vouches for gets the browser by a click only.
	stranger := d.Send("POST", "/oauth/register", `{"redirect_uris":["https://stranger.example/cb"],"post_logout_redirect_uris":["https://stranger.example/bye"]}`, "Content-Type", "application/json")
	if uris, _ := stranger.JSON["post_logout_redirect_uris"].([]any); len(uris) != 1 || uris[0] != "https://stranger.example/bye" {
		t.Fatalf("register: %d %s", stranger.Status, stranger.Raw)
	}
	p := d.Browser().Get(leaving("client_id", stranger.Text("client_id"), "post_logout_redirect_uri", "https://stranger.example/bye", "state", "s"))
	if p.Away() || !p.Says("Go back to stranger.example") || !strings.Contains(p.Body, `href="https://stranger.example/bye?state=s"`) {
		t.Fatalf("%d %s %s", p.Status, p.URL, p.Text())
	}
}

// unsigned returns the token with the algorithm none (RFC 8725 section 3.2).
func unsigned(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no ID token: %q", token)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
}

// sid names the sign-in: the same for one app, different for another app and for
// another sign-in, and never the session's own id.
func TestAnIDTokenNamesItsSignIn(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, other := leaver(d), leaver(d)
	user := d.User("ana")
	first, second := d.Browser(), d.Browser()
	first.SignIn(user)
	second.SignIn(user)
	sid := func(a deputytest.App, b *deputytest.Browser) string {
		var claims struct{ SID string }
		raw, err := base64.RawURLEncoding.DecodeString(strings.Split(d.Redeem(a, b.Authorize(a, "openid")).ID, ".")[1])
		if err == nil {
			err = json.Unmarshal(raw, &claims)
		}
		if err != nil || len(claims.SID) != 22 {
			t.Fatalf("claims %s: %v", raw, err)
		}
		return claims.SID
	}
	one := sid(app, first)
	if again := sid(app, first); again != one {
		t.Errorf("the same sign-in is %s and %s", one, again)
	}
	if sid(app, second) == one || sid(other, first) == one {
		t.Error("another sign-in, or another app, has the same sid")
	}
	doc := d.Send("GET", "/.well-known/openid-configuration", "")
	if doc.Text("end_session_endpoint") != d.URL+"/oauth/logout" || !strings.Contains(doc.Raw, `"sid"`) {
		t.Errorf("discovery: %s", doc.Raw)
	}
}
