package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

// What must not happen, over HTTP, against the built program.
func TestBadInput(t *testing.T) {
	p := start(t, options{githubVariant: "oauth_app"})
	w := bad{t: t, p: p, app: p.app("Careless App"), verifier: oauth2.GenerateVerifier()}
	for name, test := range map[string]func(bad){
		"an unknown app or return address gets a page, never a redirect": bad.noRedirect,
		"other errors go back to the app, with iss and state":            bad.errorsGoBack,
		"nobody is bounced to an app who is not signed in":               bad.noBouncer,
		"the token endpoint says what is wrong":                          bad.tokenErrors,
		"the wrong method is 405":                                        bad.methods,
		"forms from elsewhere do nothing":                                bad.foreignForms,
		"a no is access_denied":                                          bad.deny,
		"reloading and going back grant nothing":                         bad.twice,
		"a code works once, with its own verifier":                       bad.codes,
		"the broker wants a token, in its place":                         bad.broker,
	} {
		t.Run(name, func(t *testing.T) {
			w := w
			w.t = t
			test(w)
		})
	}
}

type bad struct {
	t        *testing.T
	p        *program
	app      credentials
	verifier string
}

// request is a good authorization request, changed by pairs; an empty value
// takes a parameter away.
func (w bad) request(pairs ...string) string {
	sum := sha256.Sum256([]byte(w.verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {w.app.ID}, "redirect_uri": {callback}, "scope": {"identity.email.read"}, "state": {"state-42"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(pairs); i += 2 {
		if q.Del(pairs[i]); pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return w.p.url + "/oauth/authorize?" + q.Encode()
}

// signedIn is a browser in which the person is signed in.
func (w bad) signedIn() *person {
	w.t.Helper()
	ana := newPerson(w.t, &recorder{})
	if at := ana.signIn(ana.open(w.p.url + "/signin")); at.status != http.StatusOK || at.offers("Sign in") {
		w.t.Fatalf("signing in should work, got %d: %s", at.status, text(at.root))
	}
	return ana
}

func (w bad) noRedirect() {
	for name, request := range map[string]string{
		"unknown app":           w.request("client_id", "app_nobody"),
		"no app":                w.request("client_id", ""),
		"other address":         w.request("redirect_uri", "https://evil.example/callback"),
		"longer address":        w.request("redirect_uri", callback+"/more"),
		"address with a query":  w.request("redirect_uri", callback+"?a=b"),
		"address with userinfo": w.request("redirect_uri", "https://app.example@evil.example/callback"),
		"two apps":              w.request() + "&client_id=app_other",
		"two addresses":         w.request() + "&redirect_uri=https%3A%2F%2Fevil.example",
		"not decodable":         w.request() + "&%zz=1",
		"script for an address": w.request("redirect_uri", "javascript:alert(1)"),
		"app that is too long":  w.request("client_id", strings.Repeat("a", 9000)),
	} {
		w.t.Run(name, func(t *testing.T) {
			ana := w.signedIn()
			ana.t = t
			at := ana.open(request)
			if at.away() {
				t.Fatalf("there should be a page, but the browser was sent to %s", at.url)
			}
			if at.status < 400 || at.status > 499 || at.url.String() != request || !at.says("Nothing was shared") {
				t.Errorf("there should be a page with a status of 4xx that says that nothing was shared, got %d: %s", at.status, text(at.root))
			}
		})
	}
}

func (w bad) errorsGoBack() {
	for name, c := range map[string]struct{ request, code string }{
		"implicit":            {w.request("response_type", "token"), "unsupported_response_type"},
		"no response type":    {w.request("response_type", ""), "invalid_request"},
		"no challenge":        {w.request("code_challenge", "", "code_challenge_method", ""), "invalid_request"},
		"plain challenge":     {w.request("code_challenge_method", "plain"), "invalid_request"},
		"short challenge":     {w.request("code_challenge", "abc"), "invalid_request"},
		"unknown scope":       {w.request("scope", "services.github.everything"), "invalid_scope"},
		"provider's scope":    {w.request("scope", "repo"), "invalid_scope"},
		"two scopes":          {w.request() + "&scope=openid", "invalid_request"},
		"fragment mode":       {w.request("response_mode", "fragment"), "invalid_request"},
		"request object":      {w.request("request", "eyJhbGciOiJub25lIn0.e30."), "request_not_supported"},
		"unknown resource":    {w.request("resource", "https://nobody.example"), "invalid_target"},
		"silent without a no": {w.request("prompt", "none"), "consent_required"},
	} {
		w.t.Run(name, func(t *testing.T) {
			ana := w.signedIn()
			ana.t = t
			at := ana.open(c.request)
			if !at.away() {
				t.Fatalf("the app should be told, but there is a page (%d): %s", at.status, text(at.root))
			}
			got := at.url.Query()
			if got.Get("error") != c.code || got.Get("iss") != w.p.url || got.Get("state") != "state-42" || got.Get("code") != "" || got.Get("error_description") == "" {
				t.Errorf("want %s with a sentence, iss and state, got %v", c.code, got)
			}
		})
	}
}

func (w bad) noBouncer() {
	ana := newPerson(w.t, &recorder{})
	at := ana.open(w.request("scope", "nonsense"))
	if at.away() || !at.offers("Sign in") {
		w.t.Fatalf("somebody who is not signed in should be asked to, got %s", at.url)
	}
	if at = ana.signIn(at); !at.away() || at.url.Query().Get("error") != "invalid_scope" {
		w.t.Errorf("then the app should be told, got %s", at.url)
	}
}

// post sends form to path and returns the answer.
func (w bad) post(path string, form url.Values, headers ...string) (int, map[string]any, http.Header) {
	w.t.Helper()
	return w.send("POST", path, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

func (w bad) send(method, path, body string, headers ...string) (int, map[string]any, http.Header) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.p.url+path, strings.NewReader(body))
	must(w.t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	must(w.t, err)
	defer res.Body.Close()
	var members map[string]any
	if err := json.NewDecoder(res.Body).Decode(&members); err != nil {
		members = nil // not JSON: whoever expects members will see none
	}
	return res.StatusCode, members, res.Header
}

func (w bad) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(w.app.ID+":"+w.app.Secret))
}

func (w bad) tokenErrors() {
	good := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"dpr_nothing"}}
	with := func(pairs ...string) url.Values {
		form := maps.Clone(good)
		for i := 0; i < len(pairs); i += 2 {
			form[pairs[i]] = append([]string(nil), strings.Split(pairs[i+1], "|")...)
		}
		return form
	}
	for name, c := range map[string]struct {
		form   url.Values
		header []string
		status int
		code   string
	}{
		"unknown token":        {good, []string{"Authorization", w.basic()}, 400, "invalid_grant"},
		"nobody":               {good, nil, 401, "invalid_client"},
		"wrong secret":         {with("client_id", w.app.ID, "client_secret", "wrong"), nil, 401, "invalid_client"},
		"no secret":            {with("client_id", w.app.ID), nil, 401, "invalid_client"},
		"broken header":        {good, []string{"Authorization", "Basic !!!"}, 401, "invalid_client"},
		"twice the same":       {with("refresh_token", "a|a"), []string{"Authorization", w.basic()}, 400, "invalid_request"},
		"unknown grant":        {with("grant_type", "password"), []string{"Authorization", w.basic()}, 400, "unsupported_grant_type"},
		"no grant":             {url.Values{}, []string{"Authorization", w.basic()}, 400, "invalid_request"},
		"not its grant":        {with("grant_type", "client_credentials"), []string{"Authorization", w.basic()}, 400, "unauthorized_client"},
		"JSON":                 {good, []string{"Authorization", w.basic(), "Content-Type", "application/json"}, 400, "invalid_request"},
		"oversized value":      {with("refresh_token", strings.Repeat("a", 20_000)), []string{"Authorization", w.basic()}, 400, "invalid_request"},
		"oversized altogether": {with("refresh_token", strings.Repeat("a", 200_000)), []string{"Authorization", w.basic()}, 413, "invalid_request"},
		"NUL":                  {with("refresh_token", "a\x00b"), []string{"Authorization", w.basic()}, 400, "invalid_request"},
	} {
		w.t.Run(name, func(t *testing.T) {
			inner := w
			inner.t = t
			status, got, header := inner.post("/oauth/token", c.form, c.header...)
			if status != c.status || got["error"] != c.code || fmt.Sprint(got["error_description"]) == "" {
				t.Errorf("want %d %s with a sentence, got %d %v", c.status, c.code, status, got)
			}
			if header.Get("Cache-Control") != "no-store" || status == 401 != (header.Get("WWW-Authenticate") != "") {
				t.Errorf("want no-store, and a challenge with 401 only, got %v", header)
			}
		})
	}
	if status, got, _ := w.post("/oauth/introspect", url.Values{"token": {"x"}}); status != 401 || got["error"] != "invalid_client" {
		w.t.Errorf("introspection without credentials should be 401, got %d %v", status, got)
	}
	if status, got, _ := w.post("/oauth/revoke", url.Values{"token": {"dpr_nothing"}}, "Authorization", w.basic()); status != 200 || len(got) != 0 {
		w.t.Errorf("revoking what is unknown should be 200 (RFC 7009 section 2.2), got %d %v", status, got)
	}
}

func (w bad) methods() {
	for _, c := range []struct{ method, path string }{
		{"GET", "/oauth/token"}, {"PUT", "/oauth/token"}, {"GET", "/oauth/introspect"}, {"GET", "/oauth/revoke"},
		{"DELETE", "/oauth/introspect"}, {"PUT", "/oauth/revoke"}, {"POST", "/oauth/authorize"}, {"DELETE", "/signin"}, {"PUT", "/consent"},
		{"POST", "/.well-known/jwks.json"}, {"GET", "/signout"}, {"GET", "/connect/github/start"},
	} {
		if status, _, _ := w.send(c.method, c.path, ""); status != http.StatusMethodNotAllowed {
			w.t.Errorf("%s %s should be 405, got %d", c.method, c.path, status)
		}
	}
	if status, _, _ := w.send("GET", "/no/such/page", ""); status != http.StatusNotFound {
		w.t.Errorf("an unknown page should be 404, got %d", status)
	}
}

func (w bad) foreignForms() {
	w.app = w.p.app("Elsewhere App")
	ana := w.signedIn()
	at := ana.open(w.request("scope", "identity.email.read identity.profile.read"))
	action, form := ana.form(at, "Allow")
	form.Del("csrf")
	if got := ana.send("POST", action, form); got.away() || got.status != http.StatusForbidden {
		w.t.Errorf("a form without its token should be 403, got %d at %s", got.status, got.url)
	}
	action, form = ana.form(at, "Allow")
	req, err := http.NewRequestWithContext(w.t.Context(), "POST", action, strings.NewReader(form.Encode()))
	must(w.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	req.Header.Set("Origin", "https://evil.example")
	res, err := ana.http.Do(req)
	must(w.t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden || res.Header.Get("Location") != "" {
		w.t.Errorf("a form from another site should be 403, got %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	if got := w.signedIn().send("POST", action, form); got.away() || got.status < 400 {
		w.t.Errorf("a form from another browser should be refused, got %d at %s", got.status, got.url)
	}
	if home := ana.open(w.p.url + "/"); home.says("Elsewhere App") {
		w.t.Errorf("nothing should have been granted: %s", text(home.root))
	}
}

func (w bad) deny() {
	ana := w.signedIn()
	at := ana.press(ana.open(w.request("scope", "identity.email.read identity.profile.read")), "Do not allow", nil)
	if got := at.url.Query(); !at.away() || got.Get("error") != "access_denied" || got.Get("iss") != w.p.url || got.Get("state") != "state-42" || got.Get("code") != "" {
		w.t.Errorf("want access_denied with iss and state, got %s", at.url)
	}
}

func (w bad) twice() {
	w.app = w.p.app("Twice App")
	ana := w.signedIn()
	at := ana.open(w.request())
	action, form := ana.form(at, "Do not allow")
	if got := ana.send("POST", action, form); !got.away() {
		w.t.Fatalf("a no should be told to the app, got %s", got.url)
	}
	for name, again := range map[string]func() page{
		"reloading the page": func() page { return ana.open(at.url.String()) },
		"sending it again":   func() page { return ana.send("POST", action, form) },
		"changing the answer": func() page {
			action, form := ana.form(at, "Allow")
			return ana.send("POST", action, form)
		},
	} {
		if got := again(); got.away() || got.status != http.StatusConflict || !got.says("You have answered this already") {
			w.t.Errorf("%s should say that it is answered, got %d at %s", name, got.status, got.url)
		}
	}
	if home := ana.open(w.p.url + "/"); home.says("Twice App") && !home.says("You said no to Twice App") {
		w.t.Errorf("nothing should have been granted: %s", text(home.root))
	}
}

func (w bad) codes() {
	w.app = w.p.app("Code App")
	ana := w.signedIn()
	code := ana.complete(w.request(), nil, nil).Get("code")
	redeem := func(pairs ...string) (int, map[string]any) {
		form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {w.verifier}}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		status, got, _ := w.post("/oauth/token", form, "Authorization", w.basic())
		return status, got
	}
	status, got := redeem()
	if status != 200 || got["access_token"] == nil {
		w.t.Fatalf("a code should be redeemed, got %d %v", status, got)
	}
	first := got["access_token"]
	if status, got := redeem(); status != 400 || got["error"] != "invalid_grant" {
		w.t.Errorf("a code should work once, got %d %v", status, got)
	}
	if _, got, _ := w.post("/oauth/introspect", url.Values{"token": {fmt.Sprint(first)}}, "Authorization", w.basic()); got["active"] != false {
		w.t.Errorf("what a code gave should end when it comes twice (RFC 6749 section 4.1.2), got %v", got)
	}
	for name, pairs := range map[string][]string{
		"another verifier": {"code_verifier", oauth2.GenerateVerifier()}, "no verifier": {"code_verifier", ""}, "another address": {"redirect_uri", callback + "2"},
	} {
		code = ana.complete(w.request(), nil, nil).Get("code")
		if status, got := redeem(pairs...); status != 400 || got["access_token"] != nil {
			w.t.Errorf("%s should be refused, got %d %v", name, status, got)
		}
	}
}

func (w bad) broker() {
	for name, c := range map[string]struct {
		method, path, authorization string
		status                      int
	}{
		"no token":          {"GET", "/api/github/repos/acme/web", "", 401},
		"not a token":       {"GET", "/api/github/repos/acme/web", "Bearer nonsense", 401},
		"refresh token":     {"GET", "/api/github/repos/acme/web", "Bearer dpr_nonsense", 401},
		"basic":             {"GET", "/api/github/repos/acme/web", w.basic(), 401},
		"token in the path": {"GET", "/api/github/repos/acme/web?access_token=dpa_x", "", 401},
		"no operation":      {"GET", "/api/github/repos/acme/web/keys", "Bearer nonsense", 401},
		"no provider":       {"GET", "/api/gitlab/projects", "Bearer nonsense", 401},
	} {
		status, got, header := w.send(c.method, c.path, "", "Authorization", c.authorization)
		if status != c.status || got["message"] == nil {
			w.t.Errorf("%s: want %d with a message, got %d %v", name, c.status, status, got)
		}
		if challenge := header.Get("WWW-Authenticate"); status == 401 && (!strings.HasPrefix(challenge, "Bearer ") || !strings.Contains(challenge, "resource_metadata=")) {
			w.t.Errorf("%s: want a challenge with resource_metadata (RFC 9728 section 5.1), got %q", name, challenge)
		}
	}
}
