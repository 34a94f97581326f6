package bearer_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

// tokens is a verifier that knows a few tokens.
type tokens map[string]bearer.Authority

func (t tokens) Verify(_ context.Context, token string) (bearer.Authority, error) {
	if token == "unreachable" {
		return bearer.Authority{}, errors.New("the endpoint is down")
	}
	return t[token], nil
}

func TestMiddlewareLetsThroughOrChallenges(t *testing.T) {
	const metadata = "https://notes.example/.well-known/oauth-protected-resource/mcp"
	verifier := tokens{
		"reads":  {Active: true, Subject: "user_ana", Scopes: []string{"mcp:read"}},
		"writes": {Active: true, Subject: "user_ana", Scopes: []string{"mcp:write"}},
		"mails":  {Active: true, Subject: "user_ana", Scopes: []string{"mcp:mail"}},
		"bound":  {Active: true, Subject: "user_ana", Scopes: []string{"mcp:read"}, Thumbprint: "abc"},
		"dead":   {Subject: "user_ana", Scopes: []string{"mcp:read"}},
	}
	h := bearer.Middleware(func(w http.ResponseWriter, _ *http.Request, who bearer.Authority) {
		io.WriteString(w, "hello "+who.Subject)
	}, bearer.Config{
		Verifier: verifier, Realm: "notes", Metadata: metadata, Scopes: []string{"mcp:read"},
		Covers: func(have, want string) bool { return have == "mcp:write" && want == "mcp:read" },
		Log:    slog.New(slog.DiscardHandler),
	})
	const rest = `scope="mcp:read", resource_metadata="` + metadata + `"`
	const dead = `Bearer realm="notes", error="invalid_token", error_description="The access token is expired, revoked or not for this resource.", ` + rest
	for _, c := range []struct {
		name      string
		headers   []string
		status    int
		challenge string
		body      string
	}{
		{"has the scope", []string{"Bearer reads"}, 200, "", "hello user_ana"},
		{"has a scope that gives it", []string{"bearer writes"}, 200, "", "hello user_ana"},
		{"no token", nil, 401, `Bearer realm="notes", ` + rest, `{"error":"unauthorized","error_description":"This resource needs an access token."}`},
		{
			"two headers", []string{"Bearer reads", "Bearer reads"}, 400,
			`Bearer realm="notes", error="invalid_request", error_description="The Authorization header must be there once and hold one bearer token.", ` + rest,
			`{"error":"invalid_request","error_description":"The Authorization header must be there once and hold one bearer token."}`,
		},
		{
			"unknown", []string{"Bearer nobody"}, 401, dead,
			`{"error":"invalid_token","error_description":"The access token is expired, revoked or not for this resource."}`,
		},
		{
			"dead", []string{"Bearer dead"}, 401, dead,
			`{"error":"invalid_token","error_description":"The access token is expired, revoked or not for this resource."}`,
		},
		{
			"bound to a key", []string{"Bearer bound"}, 401,
			`Bearer realm="notes", error="invalid_token", error_description="The access token is bound to a key and cannot be used as a bearer token.", ` + rest,
			`{"error":"invalid_token","error_description":"The access token is bound to a key and cannot be used as a bearer token."}`,
		},
		{
			"another scope", []string{"Bearer mails"}, 403,
			`Bearer realm="notes", error="insufficient_scope", error_description="The access token lacks a scope this request needs.", ` + rest,
			`{"error":"insufficient_scope","error_description":"The access token lacks a scope this request needs."}`,
		},
		{
			"cannot be verified", []string{"Bearer unreachable"}, 503, "",
			`{"error":"temporarily_unavailable","error_description":"The token could not be verified just now."}`,
		},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(c.headers...))
		if w.Code != c.status || w.Header().Get("WWW-Authenticate") != c.challenge || w.Body.String() != c.body {
			t.Errorf("%s: %d\n%s\n%s\nwant %d\n%s\n%s", c.name, w.Code, w.Header().Get("WWW-Authenticate"), w.Body, c.status, c.challenge, c.body)
		}
	}
}

func FuzzChallengeStaysOneHeader(f *testing.F) {
	f.Add(`a", error="b`, "c\r\nd", `e"f`)
	f.Fuzz(func(t *testing.T, realm, description, scope string) {
		got := bearer.Challenge{Realm: realm, Error: bearer.InvalidToken, Description: description, Scope: []string{scope}, Metadata: realm}.String()
		quotes := 0
		for _, b := range []byte(got) {
			if b < ' ' || b > '~' || b == '\\' {
				t.Fatalf("byte %#x in %q", b, got)
			}
			if b == '"' {
				quotes++
			}
		}
		want := 2 // error
		for _, s := range []string{realm, realm, description} {
			if s != "" {
				want += 2
			}
		}
		if quotes != want && quotes != want+2 { // scope, when it is one
			t.Fatalf("%d quotes in %q", quotes, got)
		}
	})
}
