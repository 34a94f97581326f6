package bearer_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

func request(headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "/notes", nil)
	r.Header["Authorization"] = headers
	if len(headers) == 0 {
		delete(r.Header, "Authorization")
	}
	return r
}

func TestTheTokenIsTakenFromOneHeader(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers []string
		want    string
		err     error
	}{
		{"a token", []string{"Bearer dpa_abc"}, "dpa_abc", nil},
		{"in lower case", []string{"bearer dpa_abc"}, "dpa_abc", nil},
		{"in upper case", []string{"BEARER dpa_abc"}, "dpa_abc", nil},
		{"with every character", []string{"Bearer aZ09-._~+/=="}, "aZ09-._~+/==", nil},
		{"after two spaces", []string{"Bearer  dpa_abc"}, "dpa_abc", nil},
		{"nothing", nil, "", bearer.ErrNone},
		{"an empty header", []string{""}, "", bearer.ErrNone},
		{"another scheme", []string{"Basic YTpi"}, "", bearer.ErrNone},
		{"a scheme that begins alike", []string{"BearerX dpa_abc"}, "", bearer.ErrNone},
		{"a bound token", []string{"DPoP dpa_abc"}, "", bearer.ErrNone},
		{"two headers", []string{"Bearer dpa_abc", "Bearer dpa_abc"}, "", bearer.ErrMalformed},
		{"two headers, one of them ours", []string{"Basic YTpi", "Bearer dpa_abc"}, "", bearer.ErrMalformed},
		{"the scheme alone", []string{"Bearer"}, "", bearer.ErrMalformed},
		{"two tokens", []string{"Bearer a b"}, "", bearer.ErrMalformed},
		{"a list", []string{"Bearer a, Bearer b"}, "", bearer.ErrMalformed},
		{"padding alone", []string{"Bearer =="}, "", bearer.ErrMalformed},
		{"padding inside", []string{"Bearer a=b"}, "", bearer.ErrMalformed},
		{"quotes", []string{`Bearer "abc"`}, "", bearer.ErrMalformed},
		{"a tab", []string{"Bearer\tdpa_abc"}, "", bearer.ErrNone},
		{"beyond ASCII", []string{"Bearer ä"}, "", bearer.ErrMalformed},
		{"a NUL", []string{"Bearer a\x00"}, "", bearer.ErrMalformed},
		{"9 KB", []string{"Bearer " + strings.Repeat("a", 9<<10)}, "", bearer.ErrMalformed},
	} {
		got, err := bearer.Token(request(c.headers...))
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v; want %q, %v", c.name, got, err, c.want, c.err)
		}
	}
}

func TestTheTokenIsNeverTakenFromElsewhere(t *testing.T) {
	form := httptest.NewRequest("POST", "/notes?access_token=abc", strings.NewReader("access_token=abc"))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	form.Header.Set("X-Authorization", "Bearer abc")
	form.Header.Set("Proxy-Authorization", "Bearer abc")
	form.AddCookie(&http.Cookie{Name: "access_token", Value: "abc"})
	if got, err := bearer.Token(form); !errors.Is(err, bearer.ErrNone) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFurtherSchemesMustBeAskedFor(t *testing.T) {
	r := request("Token dpa_abc")
	if _, err := bearer.Token(r); !errors.Is(err, bearer.ErrNone) {
		t.Errorf("not asked for: %v", err)
	}
	if got, err := bearer.Token(r, "token"); err != nil || got != "dpa_abc" {
		t.Errorf("asked for: %q, %v", got, err)
	}
}

func TestChallenges(t *testing.T) {
	const metadata = "https://deputy.example/.well-known/oauth-protected-resource/api/github"
	for _, c := range []struct {
		name      string
		challenge bearer.Challenge
		status    int
		want      string
	}{
		{"nothing to say", bearer.Challenge{}, 401, `Bearer`},
		{
			"no token", bearer.Challenge{Realm: "deputy", Scope: []string{"a", "b"}, Metadata: metadata}, 401,
			`Bearer realm="deputy", scope="a b", resource_metadata="` + metadata + `"`,
		},
		{
			"a dead token", bearer.Challenge{Realm: "deputy", Error: bearer.InvalidToken, Description: "It expired.", Metadata: metadata}, 401,
			`Bearer realm="deputy", error="invalid_token", error_description="It expired.", resource_metadata="` + metadata + `"`,
		},
		{
			"too little", bearer.Challenge{Realm: "deputy", Error: bearer.InsufficientScope, Scope: []string{"services.github.issues.write", "agents.writes.unattended"}, Metadata: metadata}, 403,
			`Bearer realm="deputy", error="insufficient_scope", scope="services.github.issues.write agents.writes.unattended", resource_metadata="` + metadata + `"`,
		},
		{"nonsense", bearer.Challenge{Error: bearer.InvalidRequest}, 400, `Bearer error="invalid_request"`},
		{
			"hostile values", bearer.Challenge{
				Realm: `a", error="x`, Description: "b\r\nSet-Cookie: c\\ü\x00", Scope: []string{`a"b`, "c d", "", "ok", `e\f`, "ü"}, Metadata: `https://x/"`,
			}, 401,
			`Bearer realm="a', error='x", error_description="b  Set-Cookie: c   ", scope="ok", resource_metadata="https://x/'"`,
		},
	} {
		if diff := cmp.Diff(c.want, c.challenge.String()); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if got := c.challenge.Status(); got != c.status {
			t.Errorf("%s: status %d, want %d", c.name, got, c.status)
		}
	}
}

func TestMetadataStandsBetweenHostAndPath(t *testing.T) {
	for resource, want := range map[string]string{
		"https://deputy.example":                "https://deputy.example/.well-known/oauth-protected-resource",
		"https://deputy.example/":               "https://deputy.example/.well-known/oauth-protected-resource",
		"https://deputy.example/api":            "https://deputy.example/.well-known/oauth-protected-resource/api",
		"https://deputy.example/api/github":     "https://deputy.example/.well-known/oauth-protected-resource/api/github",
		"https://deputy.example:8443/mcp?t=1":   "https://deputy.example:8443/.well-known/oauth-protected-resource/mcp?t=1",
		"http://localhost:8080/deputy/a%2Fb":    "http://localhost:8080/.well-known/oauth-protected-resource/deputy/a%2Fb",
		"https://deputy.example/api#part":       "",
		"https://ana:secret@deputy.example/api": "",
		"/api":                                  "",
		"ftp://deputy.example/api":              "",
		"urn:example:api":                       "",
		"https:///api":                          "",
		"https://deputy.example/\x7f":           "",
	} {
		got, err := bearer.MetadataURL(resource)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", resource, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats a password: %v", err)
		}
	}
}

func TestMetadataDocument(t *testing.T) {
	m := bearer.Metadata{
		Resource: "https://notes.example/mcp", AuthorizationServers: []string{"https://deputy.example"}, Scopes: []string{"mcp:read"}, Name: "Notes",
	}
	h, err := m.Handler()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/oauth-protected-resource/mcp", nil))
	want := `{"resource":"https://notes.example/mcp","authorization_servers":["https://deputy.example"],"scopes_supported":["mcp:read"],` +
		`"bearer_methods_supported":["header"],"resource_name":"Notes"}`
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Error(diff)
	}
	if got := w.Header().Get("Content-Type") + " " + w.Header().Get("Access-Control-Allow-Origin"); got != "application/json *" {
		t.Errorf("headers %q", got)
	}
	for name, broken := range map[string]func(*bearer.Metadata){
		"no server":      func(m *bearer.Metadata) { m.AuthorizationServers = nil },
		"no resource":    func(m *bearer.Metadata) { m.Resource = "" },
		"offline_access": func(m *bearer.Metadata) { m.Scopes = []string{"mcp:read", "offline_access"} },
	} {
		b := m
		broken(&b)
		if _, err := b.Handler(); err == nil {
			t.Errorf("%s: a document was made", name)
		}
	}
}
