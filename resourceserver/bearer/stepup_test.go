package bearer_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

// RFC 9470: a route can ask for a recent or a surer sign-in, and says which.
func TestARouteCanAskForASignIn(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	const password, passkey = "urn:deputy:acr:password", "urn:deputy:acr:passkey"
	at := func(ago time.Duration, acr string) bearer.Authority {
		return bearer.Authority{Active: true, Subject: "user_ana", Scopes: []string{"mcp:read"}, AuthTime: now.Add(-ago), ACR: acr}
	}
	verifier := tokens{
		"passkey": at(time.Minute, passkey), "edge": at(5*time.Minute, passkey), "old": at(5*time.Minute+time.Second, passkey),
		"password": at(time.Minute, password), "unknown": {Active: true, Subject: "user_ana", Scopes: []string{"mcp:read"}},
		"itself": {Active: true, Subject: "app_1", ClientID: "app_1", Scopes: []string{"mcp:read"}}, "mails": {Active: true, Scopes: []string{"mcp:mail"}},
	}
	const words = `error="insufficient_user_authentication", error_description="The user must sign in more recently or more surely for this request.", scope="mcp:read"`
	age, sure := bearer.Config{MaxAge: 5 * time.Minute}, bearer.Config{ACR: []string{passkey, "phr"}}
	both := bearer.Config{MaxAge: 5 * time.Minute, ACR: []string{passkey}}
	for _, c := range []struct {
		name, token string
		cfg         bearer.Config
		status      int
		challenge   string
	}{
		{"nothing is asked", "unknown", bearer.Config{}, 200, ""},
		{"young", "password", age, 200, ""},
		{"as old as may be", "edge", age, 200, ""},
		{"too old", "old", age, 401, "Bearer " + words + `, max_age="300"`},
		{"of unknown age", "unknown", age, 401, "Bearer " + words + `, max_age="300"`},
		{"an app for itself", "itself", age, 401, "Bearer " + words + `, max_age="300"`},
		{"sure", "old", sure, 200, ""},
		{"too weak", "password", sure, 401, "Bearer " + words + `, acr_values="` + passkey + ` phr"`},
		{"of an unknown class", "unknown", sure, 401, "Bearer " + words + `, acr_values="` + passkey + ` phr"`},
		{"both", "passkey", both, 200, ""},
		{"sure but old", "old", both, 401, "Bearer " + words + `, acr_values="` + passkey + `", max_age="300"`},
		{"young but weak", "password", both, 401, "Bearer " + words + `, acr_values="` + passkey + `", max_age="300"`},
		{"without the scope", "mails", both, 403, `Bearer error="insufficient_scope", error_description="The access token lacks a scope this request needs.", scope="mcp:read"`},
	} {
		c.cfg.Verifier, c.cfg.Scopes, c.cfg.Now, c.cfg.Log = verifier, []string{"mcp:read"}, func() time.Time { return now }, slog.New(slog.DiscardHandler)
		w := httptest.NewRecorder()
		bearer.Middleware(func(w http.ResponseWriter, _ *http.Request, _ bearer.Authority) { io.WriteString(w, "ok") }, c.cfg).ServeHTTP(w, request("Bearer "+c.token))
		if w.Code != c.status || w.Header().Get("WWW-Authenticate") != c.challenge {
			t.Errorf("%s: %d\n%s\nwant %d\n%s", c.name, w.Code, w.Header().Get("WWW-Authenticate"), c.status, c.challenge)
		}
	}
}
