package server_test

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// surface is every route of the server with its variables filled in, once.
func surface(t testing.TB, d *deputytest.Deputy) (paths []string, offered map[string][]string) {
	t.Helper()
	offered = map[string][]string{}
	for _, r := range d.Server.Handler().(*gin.Engine).Routes() {
		path := strings.NewReplacer(":provider/*path", "github/user/repos", ":provider", "github", ":receipt", "receipt_x", ":connection", "connection_x", ":grant", "grant_x",
			":client", "app_x", ":picture", "AAAA", ":link", "link_x", "*name", "none.css", ":logo", "none.png").Replace(r.Path)
		if strings.ContainsAny(path, ":*") {
			t.Fatalf("%s has a variable this test does not know", r.Path)
		}
		offered[path] = append(offered[path], r.Method)
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	if len(paths) < 35 {
		t.Fatalf("only %d routes", len(paths))
	}
	return paths, offered
}

// oauthCodes are the registered error codes that this server may answer with
// outside the broker: RFC 6749, 6750, 7009, 7591, 8628, 8707, 9126, 9396, 9449.
var oauthCodes = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_token", "insufficient_scope",
	"temporarily_unavailable", "invalid_redirect_uri", "invalid_client_metadata", "authorization_pending", "slow_down", "access_denied", "expired_token",
	"invalid_target", "invalid_authorization_details", "invalid_dpop_proof", "use_dpop_nonce", "unauthorized",
}

// inside are words that only somebody inside should ever read.
var inside = []string{"goroutine ", "runtime/", ".go:", "panic", "fosite", "gorm", "sqlite", "SQLSTATE", "constraint", "SELECT ", "byte sequence"}

// decent checks what holds for every answer to a request that nobody should
// send: not our fault, kept by no cache, a challenge where one belongs, in a
// registered word, and nothing of the inside or of the request as markup.
func decent(t testing.TB, what, path string, a deputytest.Answer) {
	t.Helper()
	complain := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: %s (%d %.200s)", what, fmt.Sprintf(format, args...), a.Status, a.Raw)
	}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type")) // none, for an empty answer
	switch {
	case a.Status >= 500:
		complain("is our fault")
	case a.Status >= 400 && path != "/healthz" && path != "/readyz" && a.Header.Get("Cache-Control") != "no-store":
		complain("may be cached: %q", a.Header.Get("Cache-Control"))
	}
	if a.Status == http.StatusUnauthorized && a.Header.Get("WWW-Authenticate") == "" {
		complain("has no challenge")
	}
	if a.Status >= 400 && kind == "application/json" && !strings.HasPrefix(what, "HEAD ") {
		code := a.Text("error")
		if !slices.Contains(oauthCodes, code) && !strings.HasPrefix(path, "/api") {
			complain("%q is no registered code", code)
		}
		if code == "" || strings.ContainsAny(a.Text("error_description"), "\"\\") {
			complain("has no code, or a description with characters that may not stand in one")
		}
	}
	for _, word := range inside {
		if strings.Contains(a.Raw, word) {
			complain("says %q", word)
		}
	}
	if strings.Contains(a.Raw, "<script") || strings.HasPrefix(a.Header.Get("Location"), "https://evil.example") {
		complain("repeats what was sent")
	}
}

// bad are queries and bodies that no honest client sends.
var bad = map[string]string{
	"nothing":          "",
	"half an escape":   "client_id=%zz&flow=%",
	"bad UTF-8":        everywhere("%ff%fe"),
	"NUL":              everywhere("a%00b"),
	"markup":           everywhere("%3Cscript%3Ealert(1)%3C/script%3E"),
	"another site":     everywhere("https://evil.example/"),
	"line ends":        everywhere("a%0d%0aSet-Cookie:%20x=y"),
	"a long value":     everywhere(strings.Repeat("A", 9<<10)),
	"twice everything": everywhere("x") + "&" + everywhere("y"),
	"two thousand":     strings.Repeat("x=1&", 2000),
	"semicolons":       strings.ReplaceAll(everywhere("x"), "&", ";"),
	"JSON":             `{"client_id":["x"],"token":{}}`,
	"brackets":         "client_id[]=x&token[a]=b&grant_type[$ne]=1",
	"a number":         everywhere("-1e999"),
}

// everywhere gives every parameter that some endpoint knows the same value.
func everywhere(value string) string {
	var b strings.Builder
	for _, name := range []string{
		"client_id", "client_secret", "redirect_uri", "scope", "state", "resource", "response_type", "response_mode", "code_challenge", "code_challenge_method", "nonce",
		"prompt", "max_age", "acr_values", "login_hint", "dpop_jkt", "request", "request_uri", "grant_type", "code", "code_verifier", "refresh_token", "device_code",
		"user_code", "token", "token_type_hint", "authorization_details", "flow", "csrf", "do", "return", "next", "email", "password", "allow", "shown", "pick",
		"cursor", "q", "page", "link", "name", "want", "before", "app", "kind", "id", "error", "error_description", "iss", "installation_id", "id_token_hint", "post_logout_redirect_uri", "why", "ask", "petition", "keep", "days",
	} {
		b.WriteString("&" + name + "=" + value)
	}
	return b.String()[1:]
}

// TestBadInputEverywhere sends to every route what no honest client sends, as a
// stranger and as a person who is signed in (standards b.1 to b.4).
func TestBadInputEverywhere(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		cookies := "deputy_session=" + ana.Cookie("deputy_session") + "; deputy_browser=" + ana.Cookie("deputy_browser")
		paths, offered := surface(t, d)
		for _, path := range paths {
			if path == "/signout" {
				continue // it would end the sign-in
			}
			for name, content := range bad {
				what := path + ", " + name
				for _, cookie := range []string{"", cookies} {
					if slices.Contains(offered[path], "GET") {
						decent(t, "GET "+what, path, d.Send("GET", path+"?"+strings.ReplaceAll(content, `"`, "%22"), "", "Cookie", cookie))
					}
					if slices.Contains(offered[path], "POST") {
						decent(t, "POST "+what, path, d.Send("POST", path, content, "Cookie", cookie, "Content-Type", "application/x-www-form-urlencoded", "Origin", d.URL))
					}
				}
				for _, kind := range []string{"", "application/json", "multipart/form-data; boundary=x", "text/plain", "application/x-www-form-urlencoded; charset=utf-7"} {
					decent(t, "POST "+kind+" "+what, path, d.Send("POST", path, content, "Content-Type", kind, "Authorization", "Basic %%%"))
				}
			}
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"} {
				decent(t, method+" "+path, path, d.Send(method, path, ""))
			}
			for _, header := range []string{"Basic", "Basic =", "Basic Og==", "Basic " + strings.Repeat("A", 9<<10), "Bearer", "Bearer \xff", "DPoP x", "Negotiate x", "Bearer dpa_x dpa_y"} {
				for _, method := range offered[path] {
					decent(t, method+" "+path+" with "+header[:min(len(header), 20)], path, d.Send(method, path, "", "Authorization", header, "DPoP", header, "Content-Type", "application/x-www-form-urlencoded"))
				}
			}
			// A megabyte and a half, of which nothing is needed.
			decent(t, "a large body to "+path, path, d.Send("POST", path, "x="+strings.Repeat("A", 3<<19), "Content-Type", "application/x-www-form-urlencoded"))
		}
		for _, odd := range []string{"%00", "%ff", "%2e%2e%2fx", "..%5cx", "%0d%0aX:y", strings.Repeat("a", 9<<10), "<script>", "'", "%25%32%66"} {
			for _, path := range []string{"/apps/", "/apps/x/remove", "/services/x/disconnect", "/connect/x/callback", "/connect/x/start", "/oauth/register/", "/assets/", "/api/", "/api/github/", "/"} {
				at := strings.Replace(path, "x", odd, 1)
				if !strings.Contains(path, "x") {
					at = path + odd
				}
				for _, method := range []string{"GET", "POST", "DELETE"} {
					decent(t, method+" "+at[:min(len(at), 60)], path, d.Send(method, at, "", "Cookie", cookies, "Origin", d.URL, "Authorization", "Bearer x"))
				}
			}
		}
	})
}
