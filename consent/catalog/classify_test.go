package catalog_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

func TestClassify(t *testing.T) {
	c := load(t)
	head := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	date := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC).Format(http.TimeFormat)
	for _, tt := range []struct {
		says     string
		provider consent.ProviderID
		status   int
		header   http.Header
		body     string
		class    catalog.ErrorClass
		wait     time.Duration
	}{
		{"an answer", "github", 200, nil, `{"id":1}`, "", 0},
		{"nothing new", "github", 304, nil, ``, "", 0},
		{"dead key", "github", 401, nil, `{"message":"Bad credentials"}`, catalog.TokenInvalid, 0},
		{"organisation says no", "github", 403, nil, `{"message":"the org has enabled OAuth App access restrictions, ..."}`, catalog.OrgBlocked, 0},
		{"single sign-on", "github", 403, head("X-GitHub-SSO", "required; url=https://github.com/orgs/a/sso"), `{}`, catalog.SSORequired, 0},
		{"short list", "github", 200, head("X-GitHub-SSO", "partial-results; organizations=1,2"), `[]`, catalog.Incomplete, 0},
		{"used up", "github", 403, head("X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1795521690", "Date", date), `{}`, catalog.RateLimited, 90 * time.Second},
		{"used up, no Date", "github", 429, head("X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1795521660"), `{}`, catalog.RateLimited, time.Minute},
		{"used up until the far future", "github", 429, head("X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "99999999999", "Date", date), `{}`, catalog.RateLimited, 6 * time.Hour},
		{"secondary limit", "github", 403, head("Retry-After", "7"), `{"message":"You have exceeded a secondary rate limit"}`, catalog.RateLimited, 7 * time.Second},
		{"secondary limit without a time", "github", 403, nil, `{"message":"You have exceeded a secondary rate limit"}`, catalog.RateLimited, time.Minute},
		{"app permission", "github", 403, nil, `{"message":"Resource not accessible by integration"}`, catalog.UpgradeNeeded, 0},
		{"absent", "github", 404, nil, `{"message":"Not Found"}`, catalog.ResourceGone, 0},
		{"moved", "github", 301, head("Location", "https://evil.example"), ``, catalog.ResourceGone, 0},
		{"content refused", "github", 422, nil, `{"message":"Validation Failed"}`, catalog.CallerFault, 0},
		{"out of order", "github", 502, nil, `<html>`, catalog.ProviderDown, 0},

		{"an answer", "slack", 200, nil, `{"ok":true,"error":"token_revoked"}`, "", 0},
		{"dead key", "slack", 200, nil, `{"ok":false,"error":"token_revoked"}`, catalog.ReauthRequired, 0},
		{"old key", "slack", 200, nil, `{"ok":false,"error":"token_expired"}`, catalog.TokenInvalid, 0},
		{"more needed", "slack", 200, nil, `{"ok":false,"error":"missing_scope","needed":"x","provided":"y"}`, catalog.UpgradeNeeded, 0},
		{"absent", "slack", 200, nil, `{"ok":false,"error":"channel_not_found"}`, catalog.ResourceGone, 0},
		{"slow down", "slack", 429, head("Retry-After", "30"), ``, catalog.RateLimited, 30 * time.Second},
		{"no sense", "slack", 200, nil, `{"ok":false,"error":"no_text"}`, catalog.CallerFault, 0},
		{"ok is not true", "slack", 200, nil, `{"ok":"true"}`, catalog.ProviderDown, 0},
		{"not even JSON", "slack", 200, nil, `<html>`, catalog.ProviderDown, 0},
		{"refused by status, in no words", "slack", 400, nil, `<html>`, catalog.CallerFault, 0},
		{"broken", "slack", 200, nil, `{"ok":false,"error":"fatal_error"}`, catalog.ProviderDown, 0},
	} {
		class, wait, ok := c.Providers[tt.provider].Classify(tt.status, tt.header, []byte(tt.body))
		if class != tt.class || wait != tt.wait || ok != (tt.class != "") {
			t.Errorf("%s, %s: got %q after %s (%v), want %q after %s", tt.provider, tt.says, class, wait, ok, tt.class, tt.wait)
		}
	}
}

func TestClassifyToken(t *testing.T) {
	c := load(t)
	for _, tt := range []struct {
		provider consent.ProviderID
		status   int
		code     string
		want     catalog.ErrorClass
	}{
		{"github", 200, "bad_refresh_token", catalog.ReauthRequired},
		{"github", 200, "incorrect_client_credentials", catalog.Misconfigured},
		{"github", 200, "bad_verification_code", catalog.CallerFault},
		{"github", 503, "", catalog.ProviderDown},
		{"slack", 200, "invalid_refresh_token", catalog.ReauthRequired},
		{"slack", 429, "", catalog.RateLimited},
		{"slack", 401, "", catalog.CallerFault},
	} {
		if got := c.Providers[tt.provider].ClassifyToken(tt.status, tt.code); got != tt.want {
			t.Errorf("%s %d %q is %s, want %s", tt.provider, tt.status, tt.code, got, tt.want)
		}
	}
}
