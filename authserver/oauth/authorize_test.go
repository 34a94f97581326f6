package oauth_test

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

// changed is an authorization request with parameters replaced ("" removes one)
// and raw query text added.
func changed(app deputytest.App, raw string, pairs ...string) string {
	q := app.Query(profile)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
			continue
		}
		q.Set(pairs[i], pairs[i+1])
	}
	return q.Encode() + raw
}

// TestThreat_O9_RequestsThatTheAppIsToldAbout: the registered code goes back to the app
// with iss and its state, but only once somebody is signed in (OAuth 2.1 sections
// 4.1.2.1 and 7.13.2, RFC 9207).
func TestThreat_O9_RequestsThatTheAppIsToldAbout(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	d.ResourceServer("https://notes.example/mcp", "mcp:read")
	app, own := d.App(deputytest.Public), d.Register(server.NewApp{
		Name: "Robot", Confidential: true, GrantTypes: []string{"client_credentials"}, RedirectURIs: []string{"https://robot.example/callback"},
	})
	ana, nobody := d.SignedIn("ana"), d.Browser()
	challenge := deputytest.Challenge(app.Verifier)
	for _, c := range []struct{ name, query, code string }{
		{"no response_type", changed(app, "", "response_type", ""), "invalid_request"},
		{"token", changed(app, "", "response_type", "token"), "unsupported_response_type"},
		{"code and token", changed(app, "", "response_type", "code token"), "unsupported_response_type"},
		{"an ID token", changed(app, "", "response_type", "id_token"), "unsupported_response_type"},
		{"another case", changed(app, "", "response_type", "CODE"), "unsupported_response_type"},
		{"fragment mode", changed(app, "", "response_mode", "fragment"), "invalid_request"},
		{"form_post mode", changed(app, "", "response_mode", "form_post"), "invalid_request"},
		{"web_message mode", changed(app, "", "response_mode", "web_message"), "invalid_request"},
		{"no PKCE", changed(app, "", "code_challenge", "", "code_challenge_method", ""), "invalid_request"},
		{"no method", changed(app, "", "code_challenge_method", ""), "invalid_request"},
		{"plain", changed(app, "", "code_challenge_method", "plain"), "invalid_request"},
		{"s256", changed(app, "", "code_challenge_method", "s256"), "invalid_request"},
		{"S256 and a space", changed(app, "", "code_challenge_method", "S256 "), "invalid_request"},
		{"a short challenge", changed(app, "", "code_challenge", challenge[:42]), "invalid_request"},
		{"a long challenge", changed(app, "", "code_challenge", challenge+"A"), "invalid_request"},
		{"a challenge that no hash gives", changed(app, "", "code_challenge", strings.Repeat("_", 43)), "invalid_request"},
		{"a challenge with odd characters", changed(app, "", "code_challenge", challenge[:42]+"+"), "invalid_request"},
		{"two challenges", changed(app, "&code_challenge="+challenge), "invalid_request"},
		{"an unknown scope", changed(app, "", "scope", "services.nobody.read"), "invalid_scope"},
		{"another case of a scope", changed(app, "", "scope", "Identity.Profile.Read"), "invalid_scope"},
		{"a scope of a provider without its name", changed(app, "", "scope", "repo"), "invalid_scope"},
		{"two scopes parameters", changed(app, "&scope=identity.email.read"), "invalid_request"},
		{"41 scopes", changed(app, "", "scope", strings.Repeat(profile+" ", 41)), "invalid_scope"},
		{"an unknown resource", changed(app, "", "resource", "https://evil.example"), "invalid_target"},
		{"a resource with a fragment", changed(app, "", "resource", d.URL+"/api#x"), "invalid_target"},
		{"a relative resource", changed(app, "", "resource", "/api"), "invalid_target"},
		{"two resources", changed(app, "&resource="+url.QueryEscape("https://notes.example/mcp"), "resource", d.URL+"/api"), "invalid_target"},
		{"scopes of two resources", changed(app, "", "scope", "mcp:read services.github.repositories.read"), "invalid_target"},
		{"an unknown prompt", changed(app, "", "prompt", "create"), "invalid_request"},
		{"none with login", changed(app, "", "prompt", "none login"), "invalid_request"},
		{"a max_age that is no number", changed(app, "", "max_age", "soon"), "invalid_request"},
		{"a negative max_age", changed(app, "", "max_age", "-1"), "invalid_request"},
		{"a request object", changed(app, "", "request", "eyJhbGciOiJub25lIn0.e30."), "request_not_supported"},
		{"nothing but a request object", changed(app, "", "request", "eyJhbGciOiJub25lIn0.e30.", "response_type", "", "code_challenge", "", "code_challenge_method", ""), "request_not_supported"},
		{"a parameter twice", changed(app, "&nonce=a&nonce=b"), "invalid_request"},
		{"an unknown parameter twice", changed(app, "&x=1&x=2"), "invalid_request"},
		{"a NUL", changed(app, "", "nonce", "a\x00b"), "invalid_request"},
		{"a long value", changed(app, "", "nonce", strings.Repeat("a", 9<<10)), "invalid_request"},
		{"an app that may not", changed(own, ""), "unauthorized_client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ana.Get("/oauth/authorize?" + c.query)
			if !got.Away() || got.Status != 303 {
				t.Fatalf("%d %s: %s", got.Status, got.URL, got.Text())
			}
			if got.Answer("error") != c.code || got.Answer("error_description") == "" {
				t.Errorf("error %q, want %q: %s", got.Answer("error"), c.code, got.Answer("error_description"))
			}
			if got.Answer("iss") != d.URL || got.Answer("state") != "state-of-the-app" || got.Answer("code") != "" {
				t.Errorf("the answer is %s", got.URL)
			}
			if c.name == "a long value" {
				return // too long to be kept for the time after a sign-in
			}
			if held := nobody.Get("/oauth/authorize?" + c.query); held.Away() || !held.HasForm("/signin") {
				t.Errorf("before anybody signed in: %d %s", held.Status, held.URL)
			}
		})
	}
}

func TestAStateThatIsRefusedIsNotEchoed(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Public), d.SignedIn("ana")
	for name, query := range map[string]string{
		"twice": changed(app, "&state=other"), "40 KiB": changed(app, "", "state", strings.Repeat("s", 40<<10)),
	} {
		got := ana.Get("/oauth/authorize?" + query)
		if got.Answer("error") != "invalid_request" || got.URL.Query().Has("state") {
			t.Errorf("%s: %.200s", name, got.URL)
		}
	}
}

// TestThreat_O7_O9_RequestsThatNobodyIsToldAbout: with an unknown app or return address there
// is nobody to tell: a page, and never a redirect (threats O7, O9).
func TestThreat_O7_O9_RequestsThatNobodyIsToldAbout(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app := d.App(deputytest.Public)
	two := d.Register(server.NewApp{Name: "Two", RedirectURIs: []string{"https://two.example/a", "https://two.example/b"}})
	gone := d.App(deputytest.Public)
	d.Exec("UPDATE apps SET disabled_at = 1 WHERE id = ?", gone.ID)
	queries := map[string]string{
		"nothing":                          "",
		"no client_id":                     changed(app, "", "client_id", ""),
		"an unknown client_id":             changed(app, "", "client_id", "app_nobody"),
		"a URL as client_id":               changed(app, "", "client_id", "http://127.0.0.1:9/metadata"),
		"two client_ids":                   changed(app, "&client_id="+string(two.ID)),
		"a disabled app":                   changed(gone, ""),
		"two redirect_uris":                changed(app, "&redirect_uri="+url.QueryEscape(app.RedirectURI)),
		"none of two registered addresses": changed(two, "", "redirect_uri", ""),
		"broken encoding":                  changed(app, "&x=%zz"),
		"semicolons":                       strings.ReplaceAll(changed(app, ""), "&", ";"),
		"64 KiB":                           changed(app, "", "nonce", strings.Repeat("a", 65<<10)),
	}
	for _, evil := range []string{
		"https://evil.example/callback", "https://scout.example/callback/", "https://scout.example/callback?x=1", "https://scout.example/callback#x",
		"https://scout.example/Callback", "https://scout.example/callback/../evil", "https://scout.example/callbackevil", "https://SCOUT.example/callback",
		"https://scout.example:443/callback", "https://scout.example.evil.example/callback", "https://scout.example@evil.example/callback",
		"https://evil.example/https://scout.example/callback", `https:\\evil.example/callback`, "//evil.example/callback", "http://scout.example/callback",
		"javascript:alert(1)//https://scout.example/callback", "data:text/html,x", "https://scout.example./callback", "https://scout.example/%63allback",
		"https://scout.example/callback\t", "https://scout.example/callback%00", "https://scout.example/callback\n", " https://scout.example/callback",
	} {
		queries["redirect_uri "+evil] = changed(app, "", "redirect_uri", evil)
	}
	ana, nobody := d.SignedIn("ana"), d.Browser()
	for name, query := range queries {
		for who, b := range map[string]*deputytest.Browser{"ana": ana, "nobody": nobody} {
			got := b.Do("GET", "/oauth/authorize?"+query, nil)
			if (got.Status != 400 && got.Status != 431) || got.Header.Get("Location") != "" {
				t.Errorf("%s, %s: %d, Location %q", name, who, got.Status, got.Header.Get("Location"))
			}
			if got.Status == 400 && !got.Says("Nothing was shared") {
				t.Errorf("%s, %s: %s", name, who, got.Text())
			}
			if strings.Contains(got.Body, "evil.example") {
				t.Errorf("%s, %s: the page repeats the address", name, who)
			}
		}
	}
}

func TestLoopbackAddressesMayHaveAnotherPort(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app := d.Register(server.NewApp{Name: "Tool", RedirectURIs: []string{"http://127.0.0.1/callback", "http://localhost:1234/callback", "com.example.tool:/callback"}})
	ana := d.SignedIn("ana")
	for uri, fine := range map[string]bool{
		"http://127.0.0.1:1/callback": true, "http://localhost:65535/callback": true, "com.example.tool:/callback": true,
		"http://127.0.0.1:1/callback2": false, "http://127.0.0.2:1/callback": false, "http://[::1]:1/callback": false, "https://127.0.0.1:1/callback": false,
		"com.example.tool:/callback2": false, "http://localhost.evil.example:1/callback": false,
	} {
		got := ana.Do("GET", "/oauth/authorize?"+changed(app, "", "redirect_uri", uri), nil)
		if fine != (got.Status == 303) {
			t.Errorf("%s: %d", uri, got.Status)
		}
	}
}

// OpenID Connect Core 3.1.2.1: prompt=none shows nobody anything.
func TestPromptNone(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, public := d.App(deputytest.Confidential), d.App(deputytest.Public)
		ana, nobody := d.SignedIn("ana"), d.Browser()
		silent := func(b *deputytest.Browser, a deputytest.App, pairs ...string) deputytest.Page {
			return b.Get("/oauth/authorize?" + changed(a, "", append(pairs, "prompt", "none")...))
		}
		told := func(what string, p deputytest.Page, code string) {
			t.Helper()
			if !p.Away() || p.Answer("error") != code || p.Answer("iss") != d.URL || p.Answer("state") != "state-of-the-app" {
				t.Errorf("%s: %d %s, want %s", what, p.Status, p.URL, code)
			}
		}
		told("nobody", silent(nobody, app), "login_required")
		told("nobody, with an error", silent(nobody, app, "response_type", "token"), "unsupported_response_type")
		told("before consent", silent(ana, app), "consent_required")
		told("a provider is not connected", silent(ana, app, "scope", "services.github.repositories.read"), "interaction_required")
		ana.Authorize(app, profile)
		if p := silent(ana, app); !p.Away() || p.Answer("code") == "" {
			t.Errorf("after consent: %s", p.URL)
		}
		told("more than was agreed", silent(ana, app, "scope", profile+" "+email), "consent_required")
		told("an old sign-in", func() deputytest.Page { d.Clock.Add(time.Hour); return silent(ana, app, "max_age", "60") }(), "login_required")
		ana.Authorize(public, profile)
		// OAuth 2.1 section 7.3.1: a public client cannot prove that it is the same.
		told("a public client, after consent", silent(ana, public), "consent_required")
	})
}

func TestThreat_O44_SigningInAgain(t *testing.T) {
	for _, prompt := range []string{"prompt=login", "prompt=login%20select_account", "max_age=0", "max_age=60"} {
		t.Run(prompt, func(t *testing.T) {
			d := deputytest.New(t, deputytest.Options{})
			user, ana, app := d.User("ana"), d.Browser(), d.App(deputytest.Confidential, profile)
			ana.SignIn(user)
			ana.Authorize(app, profile)
			d.Clock.Add(2 * time.Minute)
			asks := ana.Get("/oauth/authorize?" + changed(app, "&"+prompt, "scope", "openid"))
			if !asks.HasForm("/signin") || !asks.Says("Repo Scout") {
				t.Fatalf("%s: %s", asks.URL, asks.Text())
			}
			code := ana.Code(asks.SignIn(user).Agree())
			if d.Redeem(app, code).ID == "" {
				t.Error("no ID token")
			}
		})
	}
}

func TestWhoAsksForNothingGetsItsUsualScopes(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	ana := d.SignedIn("ana")
	for usual, want := range map[string]string{"": profile, email: email, profile + " " + email: profile + " " + email} {
		app := d.App(deputytest.Confidential, strings.Fields(usual)...)
		if got := d.Redeem(app, ana.Authorize(app)).Scope; got != want {
			t.Errorf("registered with %q: %q, want %q", usual, got, want)
		}
	}
}

func TestOneCodeForEachRequestAndItsParametersStay(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	ana.Authorize(app, profile)
	seen := map[string]bool{}
	for i := range 5 {
		q := app.Query(profile)
		q.Set("state", fmt.Sprintf("s %d&=é", i))
		p := ana.Ask(q)
		if p.Answer("state") != q.Get("state") {
			t.Errorf("state %q came back as %q", q.Get("state"), p.Answer("state"))
		}
		seen[ana.Code(p)] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d codes for 5 requests", len(seen))
	}
	q := app.Query(profile)
	maps.DeleteFunc(q, func(name string, _ []string) bool { return name == "state" })
	if p := ana.Ask(q); !p.Away() || p.URL.Query().Has("state") || p.Answer("code") == "" {
		t.Errorf("without a state: %s", p.URL)
	}
}
