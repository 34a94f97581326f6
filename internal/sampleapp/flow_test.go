package sampleapp_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/sampleapp"
)

func TestConnect(t *testing.T) {
	b := newBrowser(t, nil)
	b.says(b.get("/"), 200, "Find outdated packages", "Connect with Deputy", b.deputy.URL)
	asked := b.ask("github")
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "scout", "redirect_uri": b.app.URL + "/callback", "code_challenge_method": "S256",
		"scope": "services.github.repositories.read services.github.issues.read identity.profile.read",
	} {
		if asked.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, asked.Get(name), want)
		}
	}
	shown := b.back(b.good(asked))
	b.says(shown, 200, "You are connected", "services.github.repositories.read", "never saw a GitHub token", "Asked for and not given", "services.github.issues.read", "We stop when you sign out of Deputy")
	if strings.Contains(shown.body, "dpa_access_token_1") || strings.Contains(shown.body, "dpr_") {
		t.Error("the page shows a whole token")
	}
	if b.deputy.forms[0].Get("client_secret") != "s3cret" {
		t.Error("the secret is not in the form (client_secret_post)")
	}
	if strings.Contains(b.get("/").body, "Connected. Deputy gave") {
		t.Error("the news is told twice")
	}
}

func TestAskingForMoreKeepsWhatIsThere(t *testing.T) {
	b := newBrowser(t, nil)
	basic := "services.github.repositories.read services.github.issues.read identity.profile.read "
	if got := b.ask("away").Get("scope"); got != basic+"offline_access agents.jobs.background" {
		t.Errorf("going on while away asks for %q", got)
	}
	b.deputy.set(func(s *server) { s.scope = "" })
	shown := b.connect("slack")
	b.says(shown, 200, "services.slack.messages.read")
	if strings.Contains(shown.body, "not given") {
		t.Error("an answer without scope counts as a refusal, want all of what was asked")
	}
	if got := b.ask("away").Get("scope"); got != basic+"offline_access agents.jobs.background services.slack.channels.read services.slack.messages.read" {
		t.Errorf("after Slack, going on while away asks for %q", got)
	}
}

func TestAnswersThatDoNotCount(t *testing.T) {
	for _, c := range []struct {
		name   string
		change url.Values
		status int
		words  string
	}{
		{"a no", url.Values{"code": {""}, "error": {"access_denied"}}, 200, "You said no. Nothing was shared."},
		{"another error", url.Values{"code": {""}, "error": {"invalid_scope"}, "error_description": {"<b>odd</b>"}}, 400, "invalid_scope <b>odd</b>"},
		{"another state", url.Values{"state": {"forged"}}, 400, "We did not expect this answer"},
		{"no state", url.Values{"state": {""}}, 400, "We did not expect this answer"},
		{"another issuer", url.Values{"iss": {"https://evil.example"}}, 400, "not from Deputy"},
		{"no issuer", url.Values{"iss": {""}}, 400, "not from Deputy"},
		{"a no from another issuer", url.Values{"iss": {"https://evil.example"}, "error": {"access_denied"}}, 400, "not from Deputy"},
		{"a code Deputy does not know", url.Values{"code": {"bad"}}, 502, "invalid_grant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBrowser(t, nil)
			answer := b.good(b.ask("github"))
			for name := range c.change {
				answer.Set(name, c.change.Get(name))
			}
			shown := b.back(answer)
			b.says(shown, c.status, c.words)
			if strings.Contains(shown.body, "<b>odd") || strings.Contains(shown.body, "secret details") {
				t.Error("the page passes on what it should not")
			}
			if strings.Contains(b.get("/").body, "You are connected") {
				t.Error("connected all the same")
			}
		})
	}
}

func TestAnAnswerCountsOnceAndInItsBrowser(t *testing.T) {
	b := newBrowser(t, nil)
	answer := b.good(b.ask("github"))
	other := b.http.Jar
	b.http.Jar = nil
	b.says(b.back(answer), 400, "We did not expect this answer")
	b.http.Jar = other
	b.says(b.back(answer), 200, "You are connected")
	b.says(b.back(answer), 400, "We did not expect this answer")
	if len(b.deputy.forms) != 1 {
		t.Errorf("%d token requests, want one", len(b.deputy.forms))
	}
}

func TestAnswersComeTooLate(t *testing.T) {
	var mu sync.Mutex
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	b := newBrowser(t, func() time.Time { mu.Lock(); defer mu.Unlock(); return at })
	later := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); at = at.Add(d) }
	answer := b.good(b.ask("github"))
	later(31 * time.Minute)
	b.says(b.back(answer), 400, "We did not expect this answer")
	b.connect("github")
	later(9 * time.Hour)
	if strings.Contains(b.get("/").body, "You are connected") {
		t.Error("still connected after nine hours")
	}
}

func TestTheCookieChangesWithTheToken(t *testing.T) {
	b := newBrowser(t, nil)
	asked := b.ask("github")
	home, err := url.Parse(b.app.URL)
	if err != nil {
		t.Fatal(err)
	}
	before := b.http.Jar.Cookies(home)[0]
	b.back(b.good(asked))
	after := b.http.Jar.Cookies(home)[0]
	if before.Value == after.Value {
		t.Fatal("the cookie from before connecting is still the one")
	}
	b.http.Jar.SetCookies(home, []*http.Cookie{{Name: before.Name, Value: before.Value, Path: "/"}})
	if strings.Contains(b.get("/").body, "You are connected") {
		t.Error("the old cookie opens the connected page")
	}
}

func TestRefresh(t *testing.T) {
	b := newBrowser(t, nil)
	b.deputy.set(func(s *server) { s.life = 1; s.answer = reply(200, "", "", `{}`) })
	b.connect("github")
	b.deputy.set(func(s *server) { s.scope = "" })
	b.says(b.press("/call", "call", "web"), 200, "Asked for and not given")
	b.deputy.set(func(s *server) { s.life = 3600 })
	b.press("/call", "call", "web")
	b.press("/call", "call", "web")
	var used []string
	for _, r := range b.deputy.calls {
		used = append(used, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	}
	if diff := cmp.Diff(used, []string{"dpa_access_token_2", "dpa_access_token_3", "dpa_access_token_3"}); diff != "" {
		t.Errorf("tokens used: %s", diff)
	}
}

func TestRefreshRefused(t *testing.T) {
	b := newBrowser(t, nil)
	b.deputy.set(func(s *server) { s.life = 1 })
	b.connect("github")
	b.deputy.set(func(s *server) { s.refuse = "temporarily_unavailable" })
	b.says(b.press("/call", "call", "web"), 502, "Deputy did not renew our token", "temporarily_unavailable")
	b.deputy.set(func(s *server) { s.refuse = "invalid_grant" })
	b.says(b.press("/call", "call", "web"), 403, "Your permission has ended")
	b.says(b.get("/"), 200, "Connect with Deputy")
}

func TestSignOut(t *testing.T) {
	b := newBrowser(t, nil)
	b.connect("github")
	b.says(b.press("/signout", "", ""), 200, "Find outdated packages")
	if diff := cmp.Diff(b.deputy.revoked, []string{"refresh_token dpr_1"}); diff != "" {
		t.Errorf("revoked: %s", diff)
	}
	b.connect("github")
	b.deputy.Close()
	b.says(b.press("/signout", "", ""), 502, "You are signed out here", "could not tell Deputy")
	b.says(b.get("/"), 200, "Find outdated packages")
}

func TestDeputyUnreachable(t *testing.T) {
	b := newBrowser(t, nil)
	b.connect("github")
	asked := b.ask("github")
	b.deputy.Close()
	b.says(b.press("/call", "call", "web"), 502, "Deputy cannot be reached")
	b.says(b.back(b.good(asked)), 502, "Deputy cannot be reached")
}

func TestOtherWebsitesCannotPressButtons(t *testing.T) {
	b := newBrowser(t, nil)
	for _, path := range []string{"/connect", "/call", "/signout"} {
		req, err := http.NewRequest("POST", b.app.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if shown := b.read(b.http.Do(req)); shown.status != http.StatusForbidden {
			t.Errorf("%s from elsewhere gives %d", path, shown.status)
		}
	}
}

func TestNewNeedsAddresses(t *testing.T) {
	for _, cfg := range []sampleapp.Config{
		{DeputyURL: "", BaseURL: "http://127.0.0.1:1"}, {DeputyURL: "http://127.0.0.1:1", BaseURL: "localhost:1"}, {DeputyURL: "ftp://x", BaseURL: "http://x"},
	} {
		_, err := sampleapp.New(cfg)
		if err == nil {
			t.Errorf("%q and %q are taken as addresses", cfg.DeputyURL, cfg.BaseURL)
		}
	}
}
