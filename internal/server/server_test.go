package server_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

func TestHealthAndReadiness(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		expect := func(path string, status int, says string) {
			t.Helper()
			if got := d.Send("GET", path, ""); got.Status != status || !strings.Contains(got.Raw, says) {
				t.Errorf("%s: %d %s", path, got.Status, got.Raw)
			}
		}
		expect("/healthz", 200, "ok")
		expect("/readyz", 200, "ok")
		d.Server.Draining()
		expect("/healthz", 200, "ok")
		expect("/readyz", 503, "ending")
	})
}

func TestWithoutADatabaseItIsAliveButNotReady(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		d.BreakDatabase()
		if got := d.Send("GET", "/readyz", ""); got.Status != 503 || !strings.Contains(got.Raw, "the database does not answer") {
			t.Errorf("without a database: %d %s", got.Status, got.Raw)
		}
		if got := d.Send("GET", "/healthz", ""); got.Status != 200 {
			t.Errorf("without a database it is still alive: %d", got.Status)
		}
	})
}

func list(t *testing.T, doc map[string]any, name string) []string {
	t.Helper()
	var out []string
	values, ok := doc[name].([]any)
	if !ok {
		t.Fatalf("%s is %v", name, doc[name])
	}
	for _, v := range values {
		out = append(out, v.(string))
	}
	return out
}

// TestTheDocumentsSayWhatIsThere takes the discovery documents at their word.
func TestTheDocumentsSayWhatIsThere(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	d.ResourceServer("https://notes.example/mcp", "mcp:read")
	app, public, ana := d.App(deputytest.Confidential), d.App(deputytest.Public), d.SignedIn("ana")
	got := d.Send("GET", "/.well-known/oauth-authorization-server", "")
	if other := d.Send("GET", "/.well-known/openid-configuration", ""); cmp.Diff(got.JSON, other.JSON) != "" || got.Status != 200 {
		t.Errorf("the two documents differ: %s", cmp.Diff(got.JSON, other.JSON))
	}
	doc := got.JSON
	if doc["issuer"] != d.URL || got.Header.Get("Content-Type") != "application/json; charset=utf-8" || got.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("issuer %v, headers %v", doc["issuer"], got.Header)
	}

	for _, name := range slices.Sorted(maps.Keys(doc)) {
		at, ok := doc[name].(string)
		if !ok || (!strings.HasSuffix(name, "_endpoint") && name != "jwks_uri") {
			continue
		}
		path, ours := strings.CutPrefix(at, d.URL)
		if !ours {
			t.Errorf("%s is %s", name, at)
			continue
		}
		a := d.Post(path, app.Form())
		if name == "jwks_uri" || name == "authorization_endpoint" || name == "userinfo_endpoint" || name == "grant_management_endpoint" {
			a = d.Send("GET", path, "")
		}
		if a.Status == 404 || a.Status == 405 || a.Status >= 500 {
			t.Errorf("%s: %s answers %d", name, at, a.Status)
		}
	}

	for _, grant := range append(list(t, doc, "grant_types_supported"), "password", "implicit") {
		offered := slices.Contains(list(t, doc, "grant_types_supported"), grant)
		if a := d.Token(app.Form("grant_type", grant)); offered == (a.Text("error") == "unsupported_grant_type") {
			t.Errorf("grant type %s, offered: %v, answers %s", grant, offered, a.Raw)
		}
	}
	for _, scope := range list(t, doc, "scopes_supported") {
		if p := ana.Ask(app.Query(scope)); p.Away() && p.Answer("error") != "" {
			t.Errorf("scope %s: %s", scope, p.URL)
		}
	}
	for _, prompt := range list(t, doc, "prompt_values_supported") {
		q := app.Query(profile)
		q.Set("prompt", prompt)
		if p := ana.Ask(q); p.Away() && p.Answer("error") == "invalid_request" {
			t.Errorf("prompt %s: %s", prompt, p.URL)
		}
	}
	if diff := cmp.Diff([]string{"S256"}, list(t, doc, "code_challenge_methods_supported")); diff != "" {
		t.Error(diff)
	}
	if doc["authorization_response_iss_parameter_supported"] != true {
		t.Error("iss is sent, but not promised")
	}
	for _, method := range []string{"client_secret_post", "client_secret_basic", "none"} {
		if !slices.Contains(list(t, doc, "token_endpoint_auth_methods_supported"), method) {
			t.Errorf("%s works, but is not promised", method)
		}
	}
	d.Redeem(public, ana.Authorize(public, profile))
	id := d.Redeem(app, ana.Authorize(app, "openid")).ID
	if head := strings.Split(id, "."); len(head) != 3 {
		t.Errorf("ID token %s", id)
	}
}

func TestTheBrokersDocumentNamesThisServer(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	for _, path := range []string{"", "/api", "/api/github", "/api/slack"} {
		got := d.Send("GET", "/.well-known/oauth-protected-resource"+path, "")
		if got.Status != 200 || got.JSON["resource"] != d.URL+path {
			t.Errorf("%s: %d %s", path, got.Status, got.Raw)
			continue
		}
		if diff := cmp.Diff([]string{d.URL}, list(t, got.JSON, "authorization_servers")); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	challenge := d.Send("GET", "/api/github/user/repos", "")
	if challenge.Status != 401 || !strings.Contains(challenge.Header.Get("WWW-Authenticate"), d.URL+"/.well-known/oauth-protected-resource/api/github") {
		t.Errorf("the challenge leads nowhere: %d %v", challenge.Status, challenge.Header)
	}
}

// Threats O15, O47: every page forbids frames, scripts and caches.
func TestThreat_O15_O47_HeadersOfEveryPage(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	ana, nobody, app := d.SignedIn("ana"), d.Browser(), d.App(deputytest.Public)
	pages := map[string]deputytest.Page{
		"consent": ana.Ask(app.Query(profile)), "unknown app": ana.Get("/oauth/authorize?client_id=x"), "not found": ana.Get("/nothing"), "sign-in": nobody.Get("/signin"),
		"held": nobody.Ask(app.Query(profile)),
	}
	for _, path := range []string{"/", "/services", "/activity", "/sessions"} {
		pages[path] = ana.Get(path)
	}
	for name, p := range pages {
		h := p.Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy lacks %s: %s", name, want, csp)
			}
		}
		if strings.Contains(csp, "script-src") || strings.Contains(p.Body, "<script") {
			t.Errorf("%s has scripts", name)
		}
		for header, want := range map[string]string{"X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
			if h.Get(header) != want {
				t.Errorf("%s: %s is %q", name, header, h.Get(header))
			}
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may be read by other sites", name)
		}
	}
}

// Threat O37: nothing in an answer comes from what a request says about the host.
func TestThreat_O37_TheHostOfARequestCountsForNothing(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	for _, header := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "Forwarded", "X-Original-Url"} {
		for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource", "/signin", "/oauth/authorize?client_id=x", "/api/github/user"} {
			got := d.Send("GET", path, "", header, "evil.example")
			if strings.Contains(got.Raw, "evil.example") || strings.Contains(strings.Join(got.Header["Location"], " ")+got.Header.Get("Www-Authenticate"), "evil.example") {
				t.Errorf("%s at %s is repeated", header, path)
			}
		}
	}
	for _, host := range []string{"evil.example", "localhost.evil.example", "127.0.0.1.evil.example"} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", d.URL+"/signin", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("Host %s: %d", host, res.StatusCode)
		}
	}
}

// Threat O13: a form of another site changes nothing, whatever it holds.
func TestThreat_O13_FormsOfOtherSites(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	for _, path := range []string{"/signin", "/signout", "/consent", "/consent/pick", "/connect/github/start", "/services/x/disconnect", "/services/x/reconnect", "/apps/x/remove", "/sessions", "/device", "/device/confirm"} {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		} {
			got := d.Post(path, url.Values{}, headers...)
			if got.Status != 403 || !strings.Contains(got.Raw, "another site") {
				t.Errorf("%s with %v: %d", path, headers, got.Status)
			}
		}
	}
}

func TestThreat_O46_ScriptsOfOtherSitesMayUseWhatHasNoCookies(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	for path, open := range map[string]bool{
		"/oauth/token": true, "/oauth/revoke": true, "/oauth/introspect": true, "/.well-known/jwks.json": true, "/.well-known/oauth-authorization-server": true,
		"/oauth/authorize": false, "/": false, "/signin": false, "/consent": false,
	} {
		got := d.Send("OPTIONS", path, "", "Origin", "https://spa.example", "Access-Control-Request-Method", "POST")
		if allowed := got.Header.Get("Access-Control-Allow-Origin") != ""; allowed != open {
			t.Errorf("%s is open to other sites: %v", path, allowed)
		}
		if got.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s lets cookies come along", path)
		}
	}
}
