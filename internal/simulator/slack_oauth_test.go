package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

// desk is a running Slack with one registered app.
type desk struct {
	t     *testing.T
	sim   *simulator.Slack
	srv   *httptest.Server
	clock *clock
}

func newDesk(t *testing.T, quirks simulator.Quirks) *desk {
	t.Helper()
	c := newClock()
	sim := simulator.NewSlack(simulator.Config{
		ClientID: "app", ClientSecret: "s3cret", RedirectURIs: []string{returnURI}, Now: c.now, Quirks: quirks,
	})
	return &desk{t: t, sim: sim, srv: start(t, sim), clock: c}
}

func slackAsk(change url.Values) url.Values {
	query := url.Values{"client_id": {"app"}, "redirect_uri": {returnURI}, "scope": {"channels:read,chat:write"}, "state": {"st&te"}}
	for name := range change {
		query.Set(name, change.Get(name))
	}
	return query
}

// code goes the whole way as ana and returns the code.
func (d *desk) code(path string, change url.Values) string {
	d.t.Helper()
	p := newPerson(d.t, d.srv)
	shown := p.submit(p.signIn(p.open(path, slackAsk(change)), "ana"), url.Values{"authorize": {"1"}})
	if shown.sentTo == nil || shown.sentTo.Query().Get("code") == "" {
		d.t.Fatalf("no code: %d %s", shown.status, shown.body)
	}
	return shown.sentTo.Query().Get("code")
}

func (d *desk) userCode(scope string) string {
	d.t.Helper()
	return d.code("/oauth/v2_user/authorize", url.Values{"scope": {scope}})
}

func (d *desk) redeem(method string, change url.Values) map[string]any {
	d.t.Helper()
	form := url.Values{"client_id": {"app"}, "client_secret": {"s3cret"}, "redirect_uri": {returnURI}}
	for name := range change {
		form.Set(name, change.Get(name))
	}
	status, answer := post(d.t, d.srv.URL+"/api/"+method, form)
	if status != http.StatusOK {
		d.t.Fatalf("%s answered %d, want 200 always", method, status)
	}
	return answer
}

// token is an access token of ana with these scopes.
func (d *desk) token(scope string) string {
	d.t.Helper()
	answer := d.redeem("oauth.v2.user.access", url.Values{"code": {d.userCode(scope)}})
	token, ok := answer["access_token"].(string)
	if !ok {
		d.t.Fatalf("no token: %v", answer)
	}
	return token
}

func (d *desk) refresh(token any) map[string]any {
	d.t.Helper()
	return d.redeem("oauth.v2.user.access", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}})
}

// call calls a method with a form.
func (d *desk) call(method, token string, args url.Values) map[string]any {
	d.t.Helper()
	req := request(d.t, "POST", d.srv.URL+"/api/"+method, token, args.Encode())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, answer := do(d.t, req)
	if status != http.StatusOK {
		d.t.Fatalf("%s answered %d, want 200 always", method, status)
	}
	return answer
}

func TestSlackDance(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	p := newPerson(t, d.srv)
	shown := p.open("/oauth/v2_user/authorize", slackAsk(nil))
	wrong := p.submit(shown, url.Values{"login": {"ana"}, "password": {"ben"}})
	if shown.path != "/signin" || wrong.status != http.StatusUnauthorized {
		t.Errorf("signed out, Slack shows %s; a wrong password gives %d", shown.path, wrong.status)
	}
	shown = p.signIn(wrong, "ana")
	for _, words := range []string{"See the public channels", "Send messages for you", "ana in Northwind", "app.example"} {
		if !strings.Contains(shown.body, words) {
			t.Errorf("the consent page does not say %q", words)
		}
	}
	denied := p.submit(shown, url.Values{"authorize": {"0"}})
	wantText(t, "error after Cancel", denied.sentTo.Query().Get("error"), "access_denied")
	allowed := p.submit(shown, url.Values{"authorize": {"1"}})
	wantText(t, "state", allowed.sentTo.Query().Get("state"), "st&te")

	answer := d.redeem("oauth.v2.user.access", url.Values{"code": {allowed.sentTo.Query().Get("code")}})
	token := answer["access_token"].(string)
	delete(answer, "access_token")
	want := map[string]any{
		"ok": true, "app_id": "A01SIMAPP1", "token_type": "user", "scope": "channels:read,chat:write", "enterprise": nil,
		"is_enterprise_install": false, "team": map[string]any{"id": "T01NORTHWD", "name": "Northwind"},
		"authed_user": map[string]any{"id": "U01ANA0001"},
	}
	if diff := cmp.Diff(answer, want); diff != "" {
		t.Errorf("token answer: %s", diff)
	}
	who := d.call("auth.test", token, nil)
	if who["user"] != "ana" || who["team_id"] != "T01NORTHWD" || !strings.HasPrefix(token, "xoxp-") {
		t.Errorf("auth.test says %v", who)
	}
	if p.open("/oauth/v2_user/authorize", slackAsk(nil)).sentTo != nil {
		t.Error("Slack skipped its page the second time")
	}
}

func TestSlackNestedShape(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	onlyUser := d.redeem("oauth.v2.access", url.Values{"code": {d.code("/oauth/v2/authorize", url.Values{"scope": {""}, "user_scope": {"team:read"}})}})
	inner := onlyUser["authed_user"].(map[string]any)
	if onlyUser["access_token"] != nil || !strings.HasPrefix(inner["access_token"].(string), "xoxp-") || inner["scope"] != "team:read" {
		t.Errorf("user scopes alone give %v, want the token inside authed_user only", onlyUser)
	}
	both := d.redeem("oauth.v2.access", url.Values{"code": {d.code("/oauth/v2/authorize", url.Values{"scope": {"chat:write"}, "user_scope": {"team:read"}})}})
	bot, _ := both["access_token"].(string)
	if !strings.HasPrefix(bot, "xoxb-") || both["token_type"] != "bot" || both["bot_user_id"] == nil || both["authed_user"].(map[string]any)["access_token"] == nil {
		t.Errorf("bot and user scopes give %v", both)
	}
	wantText(t, "a bot where it was not invited", d.call("chat.postMessage", bot, url.Values{"channel": {"C01GENERAL"}, "text": {"hi"}})["error"], "not_in_channel")
}

func TestSlackAuthorizeProblems(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	p := newPerson(t, d.srv)
	for _, c := range []struct {
		want   string
		change url.Values
	}{
		{"invalid_client_id", url.Values{"client_id": {"other"}}},
		{"bad_redirect_uri", url.Values{"redirect_uri": {"https://evil.example/"}}},
		{"pkce_not_allowed", url.Values{"code_challenge": {"x"}, "code_challenge_method": {"S256"}}},
		{"invalid_scope", url.Values{"scope": {"channels:read,made:up"}}},
		{"no_scopes", url.Values{"scope": {""}}},
	} {
		shown := p.open("/oauth/v2_user/authorize", slackAsk(c.change))
		if shown.status != http.StatusBadRequest || shown.sentTo != nil || !strings.Contains(shown.body, c.want) {
			t.Errorf("%s: %d, sent to %v", c.want, shown.status, shown.sentTo)
		}
	}
}

func TestSlackTokenErrors(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	used := d.userCode("team:read")
	d.redeem("oauth.v2.user.access", url.Values{"code": {used}})
	late := d.userCode("team:read")
	d.clock.advance(10*time.Minute + time.Second)
	for _, c := range []struct {
		name   string
		change url.Values
		want   string
	}{
		{"an unknown code", url.Values{"code": {"nope"}}, "invalid_code"},
		{"a code used twice", url.Values{"code": {used}}, "invalid_code"},
		{"a code after ten minutes", url.Values{"code": {late}}, "invalid_code"},
		{"a wrong secret", url.Values{"client_secret": {"x"}}, "bad_client_secret"},
		{"another app", url.Values{"client_id": {"x"}}, "invalid_client_id"},
		{"another return address", url.Values{"code": {d.userCode("team:read")}, "redirect_uri": {returnURI + "/b"}}, "bad_redirect_uri"},
		{"a PKCE verifier", url.Values{"code": {d.userCode("team:read")}, "code_verifier": {"v"}}, "pkce_not_allowed"},
		{"a refresh token nobody has", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"xoxe-1-x"}}, "invalid_refresh_token"},
		{"another grant type", url.Values{"grant_type": {"password"}}, "invalid_grant_type"},
		{"a bot's code at the user's endpoint", url.Values{"code": {d.code("/oauth/v2/authorize", nil)}}, "no_user_scopes"},
	} {
		answer := d.redeem("oauth.v2.user.access", c.change)
		if answer["ok"] != false || answer["error"] != c.want {
			t.Errorf("%s gives %v, want %s", c.name, answer, c.want)
		}
	}
}

func TestSlackScopesPileUp(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	first := d.token("team:read")
	answer := d.redeem("oauth.v2.user.access", url.Values{"code": {d.userCode("chat:write")}})
	if answer["access_token"] != first || answer["scope"] != "team:read,chat:write" {
		t.Errorf("the second authorization gives another token or scope %v", answer["scope"])
	}
	// Revoking without rotation undoes the authorization.
	wantText(t, "revoked", d.call("auth.revoke", first, nil)["revoked"], true)
	wantText(t, "a call after that", d.call("auth.test", first, nil)["error"], "token_revoked")
	again := d.redeem("oauth.v2.user.access", url.Values{"code": {d.userCode("users:read")}})
	wantText(t, "scope of a fresh start", again["scope"], "users:read")
}

func TestSlackRotation(t *testing.T) {
	d := newDesk(t, simulator.Quirks{Rotate: true})
	first := d.redeem("oauth.v2.user.access", url.Values{"code": {d.userCode("team:read")}})
	if !strings.HasPrefix(first["access_token"].(string), "xoxe.xoxp-") || !strings.HasPrefix(first["refresh_token"].(string), "xoxe-") || first["expires_in"] != float64(43200) {
		t.Fatalf("a rotating answer is %v", first)
	}
	state := func(answer map[string]any) any {
		return d.call("auth.test", answer["access_token"].(string), nil)["error"]
	}
	second := d.refresh(first["refresh_token"])
	if state(first) != nil || state(second) != nil {
		t.Errorf("after one refresh: old %v, new %v; want both alive", state(first), state(second))
	}
	third := d.refresh(first["refresh_token"])
	if third["ok"] != true || state(first) != "token_revoked" || state(third) != nil {
		t.Errorf("within the grace: %v; the first token is %v, want token_revoked as the third came", third, state(first))
	}
	d.clock.advance(31 * time.Second)
	wantText(t, "after the grace", d.refresh(first["refresh_token"])["error"], "invalid_refresh_token")
	d.clock.advance(12 * time.Hour)
	wantText(t, "after twelve hours", state(third), "token_expired")
	fourth := d.refresh(third["refresh_token"])
	d.call("auth.revoke", fourth["access_token"].(string), nil)
	wantText(t, "after auth.revoke", state(fourth), "token_revoked")
	if d.refresh(fourth["refresh_token"])["ok"] != true {
		t.Error("with rotation auth.revoke ended more than one token")
	}
}

func TestSlackExpireAndRevoke(t *testing.T) {
	d := newDesk(t, simulator.Quirks{Rotate: true})
	answer := d.redeem("oauth.v2.user.access", url.Values{"code": {d.userCode("team:read")}})
	d.sim.ExpireTokens()
	wantText(t, "after ExpireTokens", d.call("auth.test", answer["access_token"].(string), nil)["error"], "token_expired")
	renewed := d.refresh(answer["refresh_token"])
	d.sim.RevokeAll("ana")
	wantText(t, "after RevokeAll", d.call("auth.test", renewed["access_token"].(string), nil)["error"], "token_revoked")
	wantText(t, "refresh after RevokeAll", d.refresh(renewed["refresh_token"])["error"], "invalid_refresh_token")
	want := []string{answer["access_token"].(string), answer["refresh_token"].(string), renewed["access_token"].(string), renewed["refresh_token"].(string)}
	if diff := cmp.Diff(d.sim.IssuedTokens(), want); diff != "" {
		t.Errorf("issued tokens: %s", diff)
	}
}

func TestSlackQuirks(t *testing.T) {
	d := newDesk(t, simulator.Quirks{FewerScopes: true})
	answer := d.redeem("oauth.v2.user.access", url.Values{"code": {d.userCode("team:read,chat:write")}})
	wantText(t, "scope when the person unticks one", answer["scope"], "team:read")

	d.sim.SetQuirks(simulator.Quirks{SwitchAccount: "ben"})
	wantText(t, "the account that agreed", d.call("auth.test", d.token("team:read"), nil)["user"], "ben")

	d.sim.SetQuirks(simulator.Quirks{Rotate: true, StringExpiry: true, NoRefreshToken: true})
	first := d.redeem("oauth.v2.user.access", url.Values{"code": {d.userCode("team:read")}})
	wantText(t, "expires_in", first["expires_in"], "43200")
	renewed := d.refresh(first["refresh_token"])
	if renewed["access_token"] == nil || renewed["refresh_token"] != nil {
		t.Errorf("the refresh answer is %v, want no new refresh token", renewed)
	}

	d.sim.SetQuirks(simulator.Quirks{RateLimited: true})
	status, header, body := raw(t, request(t, "GET", d.srv.URL+"/api/team.info", first["access_token"].(string), ""))
	if status != http.StatusTooManyRequests || header.Get("Retry-After") != "30" || !strings.Contains(string(body), "ratelimited") {
		t.Errorf("rate limited: %d, Retry-After %q, %s", status, header.Get("Retry-After"), body)
	}

	d.sim.SetQuirks(simulator.Quirks{LoseTokenReply: true})
	code := d.userCode("team:read")
	form := url.Values{"client_id": {"app"}, "client_secret": {"s3cret"}, "code": {code}}
	resp, err := http.PostForm(d.srv.URL+"/api/oauth.v2.user.access", form)
	if err == nil {
		resp.Body.Close()
		t.Fatal("the reply arrived, want a dropped connection")
	}
	d.sim.SetQuirks(simulator.Quirks{})
	wantText(t, "the code after a lost reply", d.redeem("oauth.v2.user.access", url.Values{"code": {code}})["error"], "invalid_code")
}
