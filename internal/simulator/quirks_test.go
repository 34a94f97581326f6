package simulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

func TestQuirksAsPeopleWriteThem(t *testing.T) {
	got, err := simulator.ParseQuirks("github", []string{"rotate", "org-blocked=acme", "token-limit=2", "slow-token=1.5s"})
	want := simulator.Quirks{Expiring: true, OrgBlocked: "acme", TokenLimit: 2, SlowToken: 1500 * time.Millisecond}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("parsed: %v %s", err, diff)
	}
	for _, c := range []struct{ provider, written, says string }{
		{"slack", "org-blocked=acme", `slack has no quirk "org-blocked"`},
		{"github", "nonsense", `github has no quirk "nonsense"`},
		{"github", "rotate=yes", "takes no value"},
		{"github", "org-blocked", "write it with a value"},
		{"github", "token-limit=0", "too small"},
		{"github", "token-limit=few", "invalid syntax"},
		{"github", "slow-token=fast", "invalid duration"},
		{"nobody", "rotate", `nobody has no quirk "rotate"`},
	} {
		_, err := simulator.ParseQuirks(c.provider, []string{c.written})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s at %s: %v, want %q", c.written, c.provider, err, c.says)
		}
	}
}

// Every quirk can be written, is told as it was written, and has its line of help.
func TestEveryQuirkIsTold(t *testing.T) {
	for _, provider := range simulator.Providers() {
		for _, q := range simulator.KnownQuirks(provider.ID) {
			written := strings.NewReplacer("=NUMBER", "=7").Replace(q.Usage())
			set, err := simulator.ParseQuirks(provider.ID, []string{written})
			if err != nil {
				t.Errorf("%s %s: %v", provider.ID, written, err)
				continue
			}
			wantText(t, provider.ID+" tells", q.Written(set), written)
			wantText(t, provider.ID+" without it tells", q.Written(simulator.Quirks{}), "")
			srv := start(t, provider.New(simulator.Config{Quirks: set, ShowSecret: true}))
			home := newPerson(t, srv).open("/", nil).body
			for _, words := range []string{written, "simulated-secret", srv.URL} {
				if !strings.Contains(home, words) {
					t.Errorf("%s with %s: the front page does not say %q", provider.ID, written, words)
				}
			}
		}
	}
}

func TestTheSecretIsNotForEverybody(t *testing.T) {
	for _, provider := range simulator.Providers() {
		home := newPerson(t, start(t, provider.New(simulator.Config{ClientSecret: "pst"}))).open("/", nil)
		if strings.Contains(home.body, "pst") || !strings.Contains(home.body, "No quirks are in force") {
			t.Errorf("%s: %s", provider.ID, home.body)
		}
	}
}

func TestGitHubTokenEndpointQuirks(t *testing.T) {
	h := newHub(t, simulator.Quirks{Expiring: true, FamilyRevoke: true, NoExpiry: true})
	first := h.redeem(url.Values{"code": {h.code(nil)}})
	wantText(t, "no-expires-in", first["expires_in"], nil)
	h.sim.SetQuirks(simulator.Quirks{Expiring: true, FamilyRevoke: true, FloatExpiry: true})
	refresh := func(answer map[string]any) map[string]any {
		return h.redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {answer["refresh_token"].(string)}})
	}
	second := refresh(first)
	wantText(t, "float-expires-in", second["expires_in"], 28800.5)
	wantText(t, "the used refresh token", refresh(first)["error"], "bad_refresh_token")
	wantText(t, "its successor, after the used one came back", refresh(second)["error"], "bad_refresh_token")

	h.sim.SetQuirks(simulator.Quirks{FormReply: true})
	req := request(t, "POST", h.srv.URL+"/login/oauth/access_token", "", "client_id=app&client_secret=s3cret&code=x")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	_, header, body := raw(t, req)
	if !strings.HasPrefix(header.Get("Content-Type"), "application/x-www-form-urlencoded") || !strings.HasPrefix(string(body), "error=bad_verification_code") {
		t.Errorf("form-reply: %s %s", header.Get("Content-Type"), body)
	}
}

func TestGitHubTokenLimit(t *testing.T) {
	h := newHub(t, simulator.Quirks{TokenLimit: 2})
	var tokens []string
	for range 3 {
		tokens = append(tokens, h.token("repo"))
	}
	for i, want := range []int{401, 200, 200} {
		status, _ := h.api("GET", "/user", tokens[i], "")
		if status != want {
			t.Errorf("token %d of three gives %d, want %d", i+1, status, want)
		}
	}
}

func TestGitHubLoginLock(t *testing.T) {
	h := newHub(t, simulator.Quirks{LoginLock: true})
	token := h.token("repo")
	for range 5 {
		status, _ := h.api("GET", "/user", "gho_dead", "")
		if status != 401 {
			t.Fatalf("a bad token gives %d", status)
		}
	}
	status, answer := h.api("GET", "/user", token, "")
	if message, _ := answer["message"].(string); status != 403 || !strings.Contains(message, "Maximum number of login attempts") {
		t.Errorf("a good token after five bad ones gives %d %v", status, answer)
	}
	h.clock.advance(15 * time.Minute)
	if status, _ = h.api("GET", "/user", token, ""); status != 200 {
		t.Errorf("a quarter of an hour later: %d", status)
	}
}

func TestGitHubNameTaken(t *testing.T) {
	h := newHub(t, simulator.Quirks{Renamed: true})
	token := h.token("repo")
	_, old := h.api("GET", "/repositories/700100001", token, "")
	_, taken := h.api("GET", "/repos/acme/web", token, "")
	if old["full_name"] != "acme/storefront" || taken["id"] != float64(700100099) {
		t.Errorf("700100001 is %v, acme/web is %v", old["full_name"], taken["id"])
	}
}

func TestAnAnswerThatIsLost(t *testing.T) {
	h := newHub(t, simulator.Quirks{LoseReply: true, SlowAPI: 50 * time.Millisecond})
	token := h.token("repo")
	before, begun := len(h.sim.Issues("acme/web")), time.Now()
	resp, err := http.DefaultClient.Do(request(t, "POST", h.srv.URL+"/api/v3/repos/acme/web/issues", token, `{"title":"Lost"}`))
	if err == nil {
		resp.Body.Close()
		t.Fatal("the answer arrived")
	}
	if len(h.sim.Issues("acme/web")) != before+1 || time.Since(begun) < 50*time.Millisecond {
		t.Errorf("%d issues after %v, want one more, late", len(h.sim.Issues("acme/web")), time.Since(begun))
	}
	if status, _ := h.api("GET", "/repos/acme/web", token, ""); status != 200 {
		t.Errorf("a read gives %d", status)
	}

	d := newDesk(t, simulator.Quirks{LoseReply: true})
	slack := d.token(everySlackScope)
	wantText(t, "a read by POST", d.call("auth.test", slack, nil)["ok"], true)
	_, err = http.DefaultClient.Do(request(t, "POST", d.srv.URL+"/api/chat.postMessage?channel=C01GENERAL&text=Lost", slack, ""))
	said := d.sim.Messages("general")
	if err == nil || said[len(said)-1].Text != "Lost" {
		t.Errorf("posting: %v, kept %+v", err, said[len(said)-1])
	}
}

func TestSlackRotationQuirks(t *testing.T) {
	d := newDesk(t, simulator.Quirks{Rotate: true, NoGrace: true, OldAccessDies: true, FamilyRevoke: true})
	first := d.redeem("oauth.v2.user.access", url.Values{"code": {d.userCode("channels:read")}})
	second := d.refresh(first["refresh_token"])
	wantText(t, "the old access token", d.call("auth.test", first["access_token"].(string), nil)["error"], "token_expired")
	wantText(t, "the new one", d.call("auth.test", second["access_token"].(string), nil)["ok"], true)
	wantText(t, "the used refresh token", d.refresh(first["refresh_token"])["error"], "invalid_refresh_token")
	wantText(t, "the new one after that", d.call("auth.test", second["access_token"].(string), nil)["error"], "token_revoked")
	wantText(t, "its refresh token", d.refresh(second["refresh_token"])["error"], "invalid_refresh_token")
}
