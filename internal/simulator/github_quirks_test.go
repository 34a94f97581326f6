package simulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

func TestGitHubAppTokensExpireAndRotate(t *testing.T) {
	h := newHub(t, simulator.Quirks{Expiring: true})
	first := h.redeem(url.Values{"code": {h.code(nil)}})
	access, refresh := first["access_token"].(string), first["refresh_token"].(string)
	if !strings.HasPrefix(access, "ghu_") || !strings.HasPrefix(refresh, "ghr_") || first["scope"] != "" ||
		first["expires_in"] != float64(28800) || first["refresh_token_expires_in"] != float64(15811200) {
		t.Errorf("a GitHub App's answer is %v", first)
	}
	second := h.redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	status, _ := h.api("GET", "/user", access, "")
	if second["access_token"] == nil || status != 401 {
		t.Errorf("after a refresh (%v) the old access token gives %d, want 401 at once", second, status)
	}
	wantText(t, "using a refresh token twice", h.redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})["error"], "bad_refresh_token")

	newAccess, newRefresh := second["access_token"].(string), second["refresh_token"].(string)
	status, _ = h.api("GET", "/repos/acme/web", newAccess, "")
	if status != 200 {
		t.Errorf("the new token gives %d", status)
	}
	if diff := cmp.Diff(h.sim.IssuedTokens(), []string{access, refresh, newAccess, newRefresh}); diff != "" {
		t.Errorf("issued tokens: %s", diff)
	}
	h.clock.advance(8 * time.Hour)
	status, _ = h.api("GET", "/user", newAccess, "")
	if status != 401 {
		t.Errorf("after eight hours: %d", status)
	}
	h.clock.advance(15811200 * time.Second)
	wantText(t, "a refresh token after six months", h.redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {newRefresh}})["error"], "bad_refresh_token")
}

func TestGitHubAppInstallations(t *testing.T) {
	h := newHub(t, simulator.Quirks{Expiring: true})
	token := h.token("")
	_, answer := h.api("GET", "/user/installations", token, "")
	installations := answer["installations"].([]any)
	if len(installations) != 2 || answer["total_count"] != float64(2) {
		t.Fatalf("installations are %v", answer)
	}
	_, repos := h.api("GET", "/user/installations/90210001/repositories?per_page=5", token, "")
	if repos["total_count"] != float64(8) || len(repos["repositories"].([]any)) != 5 {
		t.Errorf("acme has %v repositories, %d on the page; want 8 and 5", repos["total_count"], len(repos["repositories"].([]any)))
	}
	status, _ := h.api("GET", "/user/installations/1/repositories", token, "")
	if status != 404 {
		t.Errorf("an unknown installation gives %d", status)
	}
}

func TestGitHubExpireAndRevoke(t *testing.T) {
	h := newHub(t, simulator.Quirks{Expiring: true})
	answer := h.redeem(url.Values{"code": {h.code(nil)}})
	h.sim.ExpireTokens()
	status, _ := h.api("GET", "/user", answer["access_token"].(string), "")
	renewed := h.redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {answer["refresh_token"].(string)}})
	if status != 401 || renewed["access_token"] == nil {
		t.Errorf("after ExpireTokens: access %d, refresh %v; want only the access token dead", status, renewed)
	}
	h.sim.RevokeAll("583231")
	gone := h.redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {renewed["refresh_token"].(string)}})
	wantText(t, "refresh after RevokeAll", gone["error"], "bad_refresh_token")

	h.sim.SetQuirks(simulator.Quirks{})
	token := h.token("repo")
	h.sim.ExpireTokens()
	status, _ = h.api("GET", "/user", token, "")
	if status != 401 {
		t.Errorf("an OAuth App's token after ExpireTokens: %d", status)
	}
}

func TestGitHubRefusingQuirks(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	token := h.token("repo read:org")
	for _, c := range []struct {
		name         string
		quirks       simulator.Quirks
		path         string
		want         int
		message      string
		header, text string
	}{
		{"organisation keeps apps out", simulator.Quirks{OrgBlocked: "acme"}, "/repos/acme/web", 403, "OAuth App access restrictions", "", ""},
		{"its list too", simulator.Quirks{OrgBlocked: "acme"}, "/orgs/acme/repos", 403, "OAuth App access restrictions", "", ""},
		{"others are fine", simulator.Quirks{OrgBlocked: "acme"}, "/repos/octocat/hello-world", 200, "", "", ""},
		{"organisation wants a sign-in", simulator.Quirks{SSORequired: "acme"}, "/repos/acme/web", 403, "SAML enforcement", "X-GitHub-SSO", "required; url=" + h.srv.URL},
		{"secondary limit", simulator.Quirks{SecondaryLimit: true}, "/user", 403, "secondary rate limit", "Retry-After", ""},
		{"primary limit", simulator.Quirks{RateLimited: true}, "/user", 403, "API rate limit exceeded", "X-RateLimit-Remaining", "0"},
	} {
		h.sim.SetQuirks(c.quirks)
		status, header, body := raw(t, request(t, "GET", h.srv.URL+"/api/v3"+c.path, token, ""))
		if status != c.want || !strings.Contains(string(body), c.message) {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
		if c.header != "" && !strings.HasPrefix(header.Get(c.header), c.text) || c.text == "" && header.Get(c.header) != "" {
			t.Errorf("%s: %s is %q, want %q", c.name, c.header, header.Get(c.header), c.text)
		}
	}
}

func TestGitHubShortLists(t *testing.T) {
	h := newHub(t, simulator.Quirks{SSOPartial: true})
	token := h.token("repo")
	for _, c := range []struct {
		name   string
		quirks simulator.Quirks
		sso    string
	}{
		{"with a word in a header", simulator.Quirks{SSOPartial: true}, "partial-results; organizations=90210001"},
		{"without a word", simulator.Quirks{OrgBlocked: "acme"}, ""},
	} {
		h.sim.SetQuirks(c.quirks)
		_, header, items := h.list("/user/repos?per_page=100", token)
		if len(items) != 37 || header.Get("X-GitHub-SSO") != c.sso {
			t.Errorf("%s: %d repositories, header %q", c.name, len(items), header.Get("X-GitHub-SSO"))
		}
	}
}

func TestGitHubConsentQuirks(t *testing.T) {
	h := newHub(t, simulator.Quirks{FewerScopes: true})
	answer := h.redeem(url.Values{"code": {h.code(nil)}})
	wantText(t, "scope when the person unticks one", answer["scope"], "repo")

	h.sim.SetQuirks(simulator.Quirks{SwitchAccount: "hubot"})
	_, user := h.api("GET", "/user", h.token("gist"), "")
	wantText(t, "the account that agreed", user["login"], "hubot")
}

func TestGitHubTokenReplyQuirks(t *testing.T) {
	h := newHub(t, simulator.Quirks{Expiring: true, StringExpiry: true, NoRefreshToken: true})
	first := h.redeem(url.Values{"code": {h.code(nil)}})
	wantText(t, "expires_in", first["expires_in"], "28800")
	second := h.redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first["refresh_token"].(string)}})
	if second["access_token"] == nil || second["refresh_token"] != nil {
		t.Errorf("the refresh answer is %v, want no new refresh token", second)
	}

	h.sim.SetQuirks(simulator.Quirks{LoseTokenReply: true})
	code := h.code(nil)
	form := url.Values{"client_id": {"app"}, "client_secret": {"s3cret"}, "code": {code}}
	resp, err := http.PostForm(h.srv.URL+"/login/oauth/access_token", form)
	if err == nil {
		resp.Body.Close()
		t.Fatal("the reply arrived, want a dropped connection")
	}
	h.sim.SetQuirks(simulator.Quirks{SlowToken: 80 * time.Millisecond})
	begun := time.Now()
	wantText(t, "the code after a lost reply", h.redeem(url.Values{"code": {code}})["error"], "bad_verification_code")
	if time.Since(begun) < 80*time.Millisecond {
		t.Errorf("a slow token endpoint answered after %v", time.Since(begun))
	}
	if h.sim.TokenRequests() != 4 {
		t.Errorf("%d token requests counted, want 4", h.sim.TokenRequests())
	}
}

func TestDownAndCalls(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	token := h.token("repo")
	before := len(h.sim.Calls())
	h.sim.SetDown(true)
	for _, path := range []string{"/", "/login/oauth/authorize", "/api/v3/user"} {
		status, _, _ := raw(t, request(t, "GET", h.srv.URL+path, "", ""))
		if status != http.StatusServiceUnavailable {
			t.Errorf("%s answers %d while down", path, status)
		}
	}
	h.sim.SetDown(false)
	h.api("GET", "/user", token, "")
	calls := h.sim.Calls()[before:]
	want := []simulator.Call{{"GET", "/", false}, {"GET", "/login/oauth/authorize", false}, {"GET", "/api/v3/user", false}, {"GET", "/api/v3/user", true}}
	if diff := cmp.Diff(calls, want); diff != "" {
		t.Errorf("calls: %s", diff)
	}
}

func TestGitHubOneCodeManyHands(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	code := h.code(nil)
	var wait sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 20 {
		wait.Go(func() {
			answer := h.redeem(url.Values{"code": {code}})
			mu.Lock()
			defer mu.Unlock()
			if answer["access_token"] != nil {
				won++
			}
		})
	}
	wait.Wait()
	if won != 1 {
		t.Errorf("one code was redeemed %d times", won)
	}
}
