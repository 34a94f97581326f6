package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

const (
	handbook = "1a000000-0000-4000-8000-000000000001"
	finance  = "1a000000-0000-4000-8000-000000000004"
	project  = "1a000000-0000-4000-8000-000000000007"
	tasksDB  = "1a000000-0000-4000-8000-000000000008"
	tasks    = "1a000000-0000-4000-8000-000000000009"
)

// wiki is a running Notion with one registered app.
type wiki struct {
	t       *testing.T
	sim     *simulator.Notion
	srv     *httptest.Server
	clock   *clock
	version string
}

func newWiki(t *testing.T, quirks simulator.Quirks) *wiki {
	t.Helper()
	c := newClock()
	sim := simulator.NewNotion(simulator.Config{
		ClientID: "app", ClientSecret: "s3cret", RedirectURIs: []string{returnURI}, Now: c.now, Quirks: quirks,
	})
	return &wiki{t: t, sim: sim, srv: start(t, sim), clock: c, version: "2025-09-03"}
}

func notionAsk() url.Values {
	return url.Values{"client_id": {"app"}, "redirect_uri": {returnURI}, "response_type": {"code"}, "owner": {"user"}, "state": {"st&te"}}
}

// code goes the whole way as somebody who picks these pages.
func (w *wiki) code(who string, picked ...string) string {
	w.t.Helper()
	p := newPerson(w.t, w.srv)
	shown := p.submit(p.signIn(p.open("/v1/oauth/authorize", notionAsk()), who), url.Values{"authorize": {"1"}, "picked": picked})
	if shown.sentTo == nil || shown.sentTo.Query().Get("code") == "" {
		w.t.Fatalf("no code: %d %s", shown.status, shown.body)
	}
	return shown.sentTo.Query().Get("code")
}

// post sends the app's own credentials and a JSON body.
func (w *wiki) post(path string, body map[string]string) (int, map[string]any) {
	w.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	req := request(w.t, "POST", w.srv.URL+path, "", string(encoded))
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth("app", "s3cret")
	return do(w.t, req)
}

func (w *wiki) redeem(code string) (int, map[string]any) {
	w.t.Helper()
	return w.post("/v1/oauth/token", map[string]string{"grant_type": "authorization_code", "code": code, "redirect_uri": returnURI})
}

func (w *wiki) refresh(token any) (int, map[string]any) {
	w.t.Helper()
	return w.post("/v1/oauth/token", map[string]string{"grant_type": "refresh_token", "refresh_token": token.(string)})
}

// token is ana's token for these pages.
func (w *wiki) token(picked ...string) string {
	w.t.Helper()
	_, answer := w.redeem(w.code("ana", picked...))
	return answer["access_token"].(string)
}

func (w *wiki) api(method, path, token, body string) (int, map[string]any) {
	w.t.Helper()
	req := request(w.t, method, w.srv.URL+"/v1"+path, token, body)
	if w.version != "" {
		req.Header.Set("Notion-Version", w.version)
	}
	return do(w.t, req)
}

func TestNotionDance(t *testing.T) {
	w := newWiki(t, simulator.Quirks{})
	p := newPerson(t, w.srv)
	consent := p.signIn(p.open("/v1/oauth/authorize", notionAsk()), "ana")
	for _, words := range []string{"Choose what it may see", "Handbook / Holidays", "Finance / Budget", `value="` + tasksDB + `"`} {
		if !strings.Contains(consent.body, words) {
			t.Errorf("the picker does not say %q", words)
		}
	}
	denied := p.submit(consent, url.Values{"authorize": {"0"}}).sentTo.Query()
	if denied.Get("error") != "access_denied" || denied.Get("state") != "st&te" || denied.Get("code") != "" {
		t.Errorf("after Cancel: %v", denied)
	}
	code := w.code("ana", handbook)
	status, answer := w.redeem(code)
	access, _ := answer["access_token"].(string)
	refresh, _ := answer["refresh_token"].(string)
	if status != 200 || !strings.HasPrefix(access, "ntn_") || !strings.HasPrefix(refresh, "nrt_") {
		t.Fatalf("token answer %d %v", status, answer)
	}
	for _, random := range []string{"access_token", "refresh_token", "request_id"} {
		delete(answer, random)
	}
	want := map[string]any{
		"token_type": "bearer", "bot_id": "3a000000-0000-4000-8000-000000000001", "workspace_id": "9a000000-0000-4000-8000-000000000001",
		"workspace_name": "Northwind", "workspace_icon": nil, "duplicated_template_id": nil,
		"owner": map[string]any{"type": "user", "user": map[string]any{"object": "user", "id": "2a000000-0000-4000-8000-000000000001", "name": "Ana Ferreira",
			"avatar_url": nil, "type": "person", "person": map[string]any{"email": "ana@northwind.example"}}},
	}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Errorf("token answer: %s", diff)
	}
	status, again := w.redeem(code)
	if status != 400 || again["code"] != "invalid_grant" {
		t.Errorf("a code the second time: %d %v", status, again)
	}
	bens := newPerson(t, w.srv)
	if page := bens.signIn(bens.open("/v1/oauth/authorize", notionAsk()), "ben"); strings.Contains(page.body, "Finance") {
		t.Error("ben's picker shows ana's private page")
	}
	_, ben := w.redeem(w.code("ben", finance))
	if status, _ = w.api("GET", "/pages/"+finance, ben["access_token"].(string), ""); status != 404 {
		t.Errorf("ben picked ana's private page and got %d", status)
	}
}

func TestNotionRefreshIntrospectRevoke(t *testing.T) {
	w := newWiki(t, simulator.Quirks{})
	_, first := w.redeem(w.code("ana", handbook))
	_, second := w.refresh(first["refresh_token"])
	status, reused := w.refresh(first["refresh_token"])
	if second["refresh_token"] == nil || status != 400 || reused["code"] != "invalid_grant" {
		t.Errorf("refreshed %v; the used one gives %d %v", second, status, reused)
	}
	_, about := w.post("/v1/oauth/introspect", map[string]string{"token": first["access_token"].(string)})
	wantText(t, "the old access token is active", about["active"], true)
	w.clock.advance(time.Hour)
	_, about = w.post("/v1/oauth/introspect", map[string]string{"token": second["access_token"].(string)})
	wantText(t, "an hour later the new one is active", about["active"], false)
	status, _ = w.api("GET", "/users/me", second["access_token"].(string), "")
	wantText(t, "and an API call gives", status, 401)
	_, third := w.refresh(second["refresh_token"])
	status, _ = w.post("/v1/oauth/revoke", map[string]string{"token": third["access_token"].(string)})
	gone, _ := w.refresh(third["refresh_token"])
	if status != 200 || gone != 400 {
		t.Errorf("revoke %d, then a refresh %d", status, gone)
	}
	w.sim.ExpireTokens()
	w.sim.RevokeAll("ana")
}

func TestNotionTokenProblems(t *testing.T) {
	w := newWiki(t, simulator.Quirks{})
	status, answer := post(t, w.srv.URL+"/v1/oauth/token", url.Values{"grant_type": {"authorization_code"}})
	if status != 400 || answer["code"] != "invalid_json" {
		t.Errorf("a form: %d %v", status, answer)
	}
	req := request(t, "POST", w.srv.URL+"/v1/oauth/token", "", `{"grant_type":"authorization_code","client_id":"app","client_secret":"s3cret"}`)
	req.Header.Set("Content-Type", "application/json")
	status, answer = do(t, req)
	if status != 401 || answer["code"] != "invalid_client" {
		t.Errorf("credentials in the body: %d %v", status, answer)
	}
	status, answer = w.post("/v1/oauth/token", map[string]string{"grant_type": "authorization_code", "code": w.code("ana"), "redirect_uri": "https://x.example"})
	if status != 400 || answer["code"] != "invalid_grant" {
		t.Errorf("another return address: %d %v", status, answer)
	}
	p := newPerson(t, w.srv)
	for name, change := range map[string]string{"client_id": "x", "owner": "workspace", "response_type": "token", "redirect_uri": "https://x.example"} {
		query := notionAsk()
		query.Set(name, change)
		if shown := p.open("/v1/oauth/authorize", query); shown.status != http.StatusBadRequest || shown.sentTo != nil {
			t.Errorf("%s=%s: %d", name, change, shown.status)
		}
	}
}

func TestNotionTokenQuirks(t *testing.T) {
	w := newWiki(t, simulator.Quirks{SecondConnectEnds: true})
	_, first := w.redeem(w.code("ana", handbook))
	w.redeem(w.code("ana", handbook))
	status, _ := w.refresh(first["refresh_token"])
	alive, _ := w.api("GET", "/users/me", first["access_token"].(string), "")
	if status != 400 || alive != 200 {
		t.Errorf("second-connect-ends: the first refresh token gives %d, its access token %d", status, alive)
	}
	w.sim.SetQuirks(simulator.Quirks{LongLived: true})
	_, long := w.redeem(w.code("ana", handbook))
	w.clock.advance(1000 * time.Hour)
	if status, _ = w.api("GET", "/users/me", long["access_token"].(string), ""); status != 200 || long["refresh_token"] != nil {
		t.Errorf("long-lived: %v, and six weeks later %d", long, status)
	}
	w.sim.SetQuirks(simulator.Quirks{OddErrors: true})
	if _, answer := w.refresh("nrt_x"); answer["error"] != "invalid_grant" || answer["code"] != nil {
		t.Errorf("odd-errors: %v", answer)
	}
	w.sim.SetQuirks(simulator.Quirks{OldAccessDies: true, FamilyRevoke: true, NoRefreshToken: true, SwitchAccount: "ben"})
	_, odd := w.redeem(w.code("ana"))
	_, renewed := w.refresh(odd["refresh_token"])
	status, _ = w.api("GET", "/users/me", odd["access_token"].(string), "")
	if status != 401 || renewed["refresh_token"] != nil || renewed["bot_id"] != "3a000000-0000-4000-8000-000000000002" {
		t.Errorf("the old access token gives %d; the answer is %v", status, renewed)
	}
	w.refresh(odd["refresh_token"])
	if status, _ = w.api("GET", "/users/me", renewed["access_token"].(string), ""); status != 401 {
		t.Errorf("family-revoke: the new access token gives %d", status)
	}
}

func TestNotionAPIQuirks(t *testing.T) {
	w := newWiki(t, simulator.Quirks{})
	token := w.token(handbook, project)
	for _, k := range []struct {
		quirks     simulator.Quirks
		method     string
		path, body string
		status     int
		code       any
	}{
		{simulator.Quirks{RateLimited: true}, "GET", "/users/me", "", 429, "rate_limited"},
		{simulator.Quirks{Overloaded: true}, "GET", "/users/me", "", 529, "service_overload"},
		{simulator.Quirks{ReadOnly: true}, "PATCH", "/pages/" + handbook, "{}", 403, "restricted_resource"},
		{simulator.Quirks{ReadOnly: true}, "POST", "/search", "{}", 200, nil},
		{simulator.Quirks{LoseReply: true}, "POST", "/search", "{}", 200, nil},
	} {
		w.sim.SetQuirks(k.quirks)
		status, answer := w.api(k.method, k.path, token, k.body)
		if status != k.status || answer["code"] != k.code {
			t.Errorf("%+v: %d %v", k.quirks, status, answer)
		}
	}
	w.sim.SetQuirks(simulator.Quirks{ShortSearch: true})
	_, short := w.api("POST", "/search", token, `{"query":"task"}`)
	_, whole := w.api("POST", "/search", token, `{"query":"task","start_cursor":"`+short["results"].([]any)[0].(map[string]any)["id"].(string)+`"}`)
	if status, has := whole["request_status"].(map[string]any); !has || status["type"] != "incomplete" || len(whole["results"].([]any)) != 61 {
		t.Errorf("short-search: %d results, %v", len(whole["results"].([]any)), whole["request_status"])
	}
}
