package resourceserver_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
)

// attackHeaders are headers that some proxy or framework has obeyed once.
var attackHeaders = []string{
	// B4: who is asked
	"X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Port: 1", "Forwarded: host=evil.example",
	"X-Real-Ip: 127.0.0.1", "X-Original-Url: /user", "X-Rewrite-Url: /user", "X-Host: evil.example", "X-Forwarded-Server: evil.example", "Via: 1.1 evil",
	"X-Forwarded-Prefix: /evil", "X-Envoy-Original-Path: /user", "Destination: http://evil.example/", "Referer: http://evil.example/", "Origin: http://evil.example",
	// B5: which headers count
	"Connection: X-Deputy, Authorization", "Keep-Alive: timeout=1", "Te: trailers", "Upgrade: h2c", "Proxy-Connection: close", "Trailer: X-Late",
	"X_Forwarded_Host: evil.example", "Content_Type: text/evil", "X-Github-Api-Version: 1970-01-01", "User-Agent: evil", "Accept-Encoding: evil",
	"Range: bytes=0-1", "If-Match: \"evil\"", "If-Modified-Since: Tue, 03 Nov 2026 12:00:00 GMT", "If-Range: \"evil\"", "Accept-Language: evil",
	"X-Github-Media-Type: evil", "Time-Zone: evil",
	// B6: whose authority counts
	"Cookie: user_session=evil", "X-Api-Key: evil", "Proxy-Authorization: Basic ZXZpbA==", "X-Authorization: Bearer evil", "X-Auth-Token: evil",
	"X-Access-Token: evil", "X-Github-Otp: 123456", "Private-Token: evil", "X-Slack-User: evil", "X-Oauth-Scopes: repo",
	// B7: what is done
	"X-Http-Method-Override: DELETE", "X-Http-Method: DELETE", "X-Method-Override: DELETE", "X-Http-Method-Override: POST",
}

// Whatever an app sends, the provider sees the broker's own headers only.
func TestThreat_B4_B5_B6_B7_NoHeaderOfAnAppReachesTheProvider(t *testing.T) {
	w := newWorld(t).agree(readRepos).start(t)
	allowed := map[string]string{
		"Accept": "application/vnd.github+json", "User-Agent": "deputy", "X-Github-Api-Version": "2022-11-28", "Authorization": "Bearer gho_provider",
		"Accept-Encoding": "gzip",
	}
	for _, attack := range append(attackHeaders, "If-None-Match: \"mine\"") {
		before := len(w.upstream.calls())
		lines := []string{"GET /api/github/repos/acme/web HTTP/1.1", "Host: deputy.example", "Authorization: Bearer good", attack}
		if !strings.HasPrefix(attack, "Connection") {
			lines = append(lines, "Connection: close")
		}
		got := w.raw(t, lines...)
		if got.status != http.StatusOK {
			t.Errorf("%s: %d %s", attack, got.status, got.text)
			continue
		}
		for _, sent := range w.upstream.calls()[before:] {
			want := maps.Clone(allowed)
			if strings.HasPrefix(attack, "If-None-Match") && strings.HasPrefix(sent.URL.Path, "/repositories/") {
				want["If-None-Match"] = `"mine"`
			}
			have := map[string]string{}
			for name, values := range sent.Header {
				have[name] = strings.Join(values, " | ")
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("%s: the provider was sent %s", attack, diff)
			}
			if sent.Method != http.MethodGet || "http://"+sent.Host != w.upstream.URL {
				t.Errorf("%s: the provider got %s for %s", attack, sent.Method, sent.Host)
			}
		}
	}
	// A resolved name is remembered, so not every round has two calls.
	if n := len(w.upstream.calls()); n < len(attackHeaders) {
		t.Errorf("the provider was called %d times in %d rounds", n, len(attackHeaders))
	}
}

// No header of the provider's reaches the app but those the broker chose.
func TestNoHeaderOfTheProviderReachesTheApp(t *testing.T) {
	w := newWorld(t).agree(readRepos).start(t)
	got := w.get(t, "/api/github/repos/acme/web", "Authorization: Bearer good")
	want := []string{"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Content-Length", "Content-Type", "Date", "Etag"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got.header))); diff != "" {
		t.Error(diff)
	}
	if got.status != 200 || got.body["full_name"] != "acme/web" {
		t.Errorf("%d %s", got.status, got.text)
	}
}

func TestThreat_B6_ACredentialElsewhereIsNone(t *testing.T) {
	w := newWorld(t).agree(readRepos).start(t)
	for _, c := range []struct {
		name, path string
		headers    []string
		status     int
	}{
		{"in the query", "/api/github/repos/acme/web?access_token=good", nil, 401},
		{"in a cookie", "/api/github/repos/acme/web", []string{"Cookie: access_token=good"}, 401},
		{"in another header", "/api/github/repos/acme/web", []string{"X-Authorization: Bearer good"}, 401},
		{"under a proxy's name", "/api/github/repos/acme/web", []string{"Proxy-Authorization: Bearer good"}, 401},
		{"as a password", "/api/github/repos/acme/web", []string{"Authorization: Basic Z29vZDo="}, 401},
		{"twice", "/api/github/repos/acme/web", []string{"Authorization: Bearer good", "Authorization: Bearer good"}, 400},
		{"beside another", "/api/github/repos/acme/web", []string{"Authorization: Bearer bad", "Authorization: Bearer good"}, 400},
		{"and a second one in the query", "/api/github/repos/acme/web?access_token=other", []string{"Authorization: Bearer good"}, 400},
	} {
		if got := w.get(t, c.path, c.headers...); got.status != c.status {
			t.Errorf("%s: %d, want %d: %s", c.name, got.status, c.status, got.text)
		}
	}
	if n := len(w.upstream.calls()); n != 0 {
		t.Errorf("the provider was called %d times", n)
	}
}

func TestThreat_O20_ATokenForSomebodyElseIsNone(t *testing.T) {
	w := newWorld(t).agree(readRepos).start(t)
	for _, aud := range [][]string{
		nil, {}, {""}, {external}, {audience + "/"}, {audience + "/github"}, {"https://notes.example/mcp"}, {audience, "https://notes.example/mcp"},
		{"HTTPS://deputy.example/api"},
	} {
		other := w.tokens["good"]
		other.Audience = aud
		w.tokens["other"] = other
		if got := w.get(t, "/api/github/repos/acme/web", "Authorization: Bearer other"); got.status != 401 || got.body["error"] != "invalid_token" {
			t.Errorf("audience %q: %d %s", aud, got.status, got.text)
		}
	}
	bound := w.tokens["good"]
	bound.Thumbprint = "abc"
	w.tokens["bound"] = bound
	if got := w.get(t, "/api/github/repos/acme/web", "Authorization: Bearer bound"); got.status != 401 {
		t.Errorf("a token bound to a key: %d", got.status)
	}
}

// Nothing turns a read into a write (threat B7).
func TestThreat_B7_TheMethodIsTheRequestLines(t *testing.T) {
	w := newWorld(t).agree(readRepos, readIssues, writeIssues, consent.UnattendedWrites).start(t)
	const issues = "/api/github/repos/acme/web/issues"
	auth := "Authorization: Bearer good"
	for _, c := range []struct {
		method, path, body string
		headers            []string
	}{
		{"GET", issues, "", []string{"X-HTTP-Method-Override: POST"}},
		{"GET", issues + "?_method=POST", "", nil},
		{"GET", issues, `{"title":"t"}`, []string{"X-HTTP-Method-Override: POST", "Content-Type: application/json"}},
		{"HEAD", issues, "", nil},
		{"PUT", issues, `{"title":"t"}`, []string{"Content-Type: application/json"}},
		{"PATCH", issues, `{"title":"t"}`, []string{"Content-Type: application/json"}},
		{"DELETE", issues, "", nil},
		{"post", issues, `{"title":"t"}`, []string{"Content-Type: application/json"}},
		{"Post", issues, `{"title":"t"}`, []string{"Content-Type: application/json"}},
		{"MKCOL", issues, `{"title":"t"}`, []string{"Content-Type: application/json"}},
		{"POST", issues, `_method=GET&title=t`, []string{"Content-Type: application/x-www-form-urlencoded"}},
	} {
		w.do(t, c.method, c.path, c.body, append(c.headers, auth)...)
		if n := w.upstream.writes(); n != 0 {
			t.Fatalf("%s %s %v: the provider was sent %d writes", c.method, c.path, c.headers, n)
		}
	}
	// The same, asked for properly, is one write.
	got := w.do(t, "POST", issues, `{"title":"t"}`, auth, "Content-Type: application/json", "X-HTTP-Method-Override: GET")
	if got.status != 201 || w.upstream.writes() != 1 {
		t.Errorf("%d, %d writes: %s", got.status, w.upstream.writes(), got.text)
	}
}

func TestThreat_B1_B2_B4_OddRequestLines(t *testing.T) {
	w := newWorld(t).agree(readRepos).start(t)
	for _, c := range []struct {
		target string
		status int
	}{
		{"/api/github/repos/acme/web", 200},
		{"http://deputy.example/api/github/repos/acme/web", 400},
		{"http://evil.example/api/github/repos/acme/web", 400},
		{"https://api.github.com/api/github/repos/acme/web", 400},
		{"http://user:pass@deputy.example/api/github/repos/acme/web", 400},
		{"//evil.example/api/github/repos/acme/web", 404},
		{"/api/github%2Frepos/acme/web", 404},
		{"/api/github/repos%2Facme/web", 404},
		{"/api/git%68ub/repos/acme/web", 404},
		{"/api//github/repos/acme/web", 404},
		{"/api/github//repos/acme/web", 400},
		{"/api/github/repos/acme/../acme/web", 400},
		{"/api/github/repos/acme/%2e%2e/acme/web", 400},
		{"/api/github/repos/acme/web;x", 400},
		{"/api/github/repos/acme/web/", 404},
		{"/api/GitHub/repos/acme/web", 404},
		{"/API/github/repos/acme/web", 404},
		{"/api/github", 400},
		{"/api/github/", 400},
		{"/api", 404},
		{"/api/nobody/repos/acme/web", 404},
	} {
		got := w.raw(t, "GET "+c.target+" HTTP/1.1", "Host: deputy.example", "Authorization: Bearer good", "Connection: close")
		if got.status != c.status {
			t.Errorf("%s: %d, want %d: %s", c.target, got.status, c.status, got.text)
		}
	}
}

func TestThreat_B18_BodiesAreBounded(t *testing.T) {
	w := newWorld(t).agree(writeIssues, consent.UnattendedWrites).start(t)
	post := func(body string, headers ...string) answer {
		return w.do(t, "POST", "/api/github/repos/acme/web/issues", body, append(headers, "Authorization: Bearer good", "Content-Type: application/json")...)
	}
	big := fmt.Sprintf(`{"title":"t","body":%q}`, strings.Repeat("x", 1<<20))
	if got := post(big); got.status != 413 || got.body["error"] != "too_large" {
		t.Errorf("more than 1 MiB: %d %s", got.status, got.text)
	}
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(big), big)
	got := w.raw(t, "POST /api/github/repos/acme/web/issues HTTP/1.1", "Host: deputy.example", "Authorization: Bearer good",
		"Content-Type: application/json", "Transfer-Encoding: chunked", "", chunk)
	if got.status != 413 {
		t.Errorf("more than 1 MiB in chunks: %d %s", got.status, got.text)
	}
	if got := post("x", "Content-Encoding: gzip"); got.status != 415 {
		t.Errorf("compressed: %d %s", got.status, got.text)
	}
	if got := post(`{"title":"t"}`, "Content-Type: text/plain"); got.status != 400 {
		t.Errorf("two types: %d %s", got.status, got.text)
	}
	if n := w.upstream.writes(); n != 0 {
		t.Errorf("the provider was sent %d writes", n)
	}
}
