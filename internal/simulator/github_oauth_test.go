package simulator_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

// hub is a running GitHub with one registered app.
type hub struct {
	t     *testing.T
	sim   *simulator.GitHub
	srv   *httptest.Server
	clock *clock
}

func newHub(t *testing.T, quirks simulator.Quirks) *hub {
	t.Helper()
	c := newClock()
	sim := simulator.NewGitHub(simulator.Config{
		ClientID: "app", ClientSecret: "s3cret", RedirectURIs: []string{returnURI}, Now: c.now, Quirks: quirks,
	})
	return &hub{t: t, sim: sim, srv: start(t, sim), clock: c}
}

func (h *hub) ask(change url.Values) url.Values {
	query := url.Values{"client_id": {"app"}, "redirect_uri": {returnURI}, "scope": {"repo read:user"}, "state": {"st&te"}}
	for name := range change {
		query.Set(name, change.Get(name))
	}
	return query
}

// code goes the whole way as octocat and returns the code.
func (h *hub) code(change url.Values) string {
	h.t.Helper()
	p := newPerson(h.t, h.srv)
	shown := p.signIn(p.open("/login/oauth/authorize", h.ask(change)), "octocat")
	if shown.sentTo == nil {
		shown = p.submit(shown, url.Values{"authorize": {"1"}})
	}
	if shown.sentTo == nil || shown.sentTo.Query().Get("code") == "" {
		h.t.Fatalf("no code: %d %s", shown.status, shown.body)
	}
	return shown.sentTo.Query().Get("code")
}

func (h *hub) redeem(change url.Values) map[string]any {
	h.t.Helper()
	form := url.Values{"client_id": {"app"}, "client_secret": {"s3cret"}, "redirect_uri": {returnURI}}
	for name := range change {
		form.Set(name, change.Get(name))
	}
	status, answer := post(h.t, h.srv.URL+"/login/oauth/access_token", form)
	if status != http.StatusOK {
		h.t.Fatalf("token endpoint answered %d, want 200 always", status)
	}
	return answer
}

// token is an access token of octocat with these scopes.
func (h *hub) token(scope string) string {
	h.t.Helper()
	answer := h.redeem(url.Values{"code": {h.code(url.Values{"scope": {scope}})}})
	token, ok := answer["access_token"].(string)
	if !ok {
		h.t.Fatalf("no token: %v", answer)
	}
	return token
}

func (h *hub) api(method, path, token, body string) (int, map[string]any) {
	h.t.Helper()
	return do(h.t, request(h.t, method, h.srv.URL+"/api/v3"+path, token, body))
}

func TestGitHubDance(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	p := newPerson(t, h.srv)
	shown := p.open("/login/oauth/authorize", h.ask(url.Values{"login": {"octocat"}}))
	if shown.path != "/login" || !strings.Contains(shown.body, `value="octocat"`) {
		t.Fatalf("signed out, GitHub shows %s, want its sign-in page with the hint", shown.path)
	}
	wrong := p.submit(shown, url.Values{"login": {"octocat"}, "password": {"nope"}})
	if wrong.status != http.StatusUnauthorized || !strings.Contains(wrong.body, "Incorrect username or password.") {
		t.Errorf("a wrong password gives %d", wrong.status)
	}
	shown = p.signIn(wrong, "octocat")
	for _, words := range []string{"Read and change all your repositories", "Read your whole profile", "app.example", "Simulator.", "Authorize <bdi>Deputy</bdi>"} {
		if !strings.Contains(shown.body, words) {
			t.Errorf("the consent page does not say %q", words)
		}
	}
	denied := p.submit(shown, url.Values{"authorize": {"0"}})
	wantText(t, "error after Cancel", denied.sentTo.Query().Get("error"), "access_denied")
	wantText(t, "state after Cancel", denied.sentTo.Query().Get("state"), "st&te")

	allowed := p.submit(shown, url.Values{"authorize": {"1"}})
	wantText(t, "state", allowed.sentTo.Query().Get("state"), "st&te")
	wantText(t, "return address", allowed.sentTo.Host+allowed.sentTo.Path, "app.example/callback")
	code := allowed.sentTo.Query().Get("code")
	answer := h.redeem(url.Values{"code": {code}})
	wantText(t, "scope", answer["scope"], "repo,read:user")
	wantText(t, "token type", answer["token_type"], "bearer")
	if !strings.HasPrefix(answer["access_token"].(string), "gho_") || answer["expires_in"] != nil {
		t.Errorf("an OAuth App's answer is %v, want a gho_ token without an end", answer)
	}
	status, user := h.api("GET", "/user", answer["access_token"].(string), "")
	if status != 200 || user["login"] != "octocat" || user["id"] != float64(583231) {
		t.Errorf("GET /user gives %d %v", status, user["login"])
	}
	again := p.open("/login/oauth/authorize", h.ask(nil))
	if again.sentTo == nil || again.sentTo.Query().Get("code") == "" {
		t.Error("what was agreed before is asked again")
	}
	more := p.open("/login/oauth/authorize", h.ask(url.Values{"scope": {"repo workflow"}}))
	if more.sentTo != nil {
		t.Error("a new scope is granted without asking")
	}
	if diff := cmp.Diff(h.sim.IssuedTokens(), []string{answer["access_token"].(string)}); diff != "" {
		t.Errorf("issued tokens: %s", diff)
	}
}

func TestGitHubChooseAccount(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	p := newPerson(t, h.srv)
	p.signIn(p.open("/login", nil), "octocat")
	chooser := p.open("/login/oauth/authorize", h.ask(url.Values{"prompt": {"select_account"}}))
	if !strings.Contains(chooser.body, "Continue as octocat") {
		t.Fatalf("select_account shows %s", chooser.body)
	}
	consent := p.signIn(p.submit(chooser, nil), "hubot")
	allowed := p.submit(consent, url.Values{"authorize": {"1"}})
	answer := h.redeem(url.Values{"code": {allowed.sentTo.Query().Get("code")}})
	_, user := h.api("GET", "/user", answer["access_token"].(string), "")
	wantText(t, "the account after switching", user["login"], "hubot")
}

func TestGitHubAuthorizeProblems(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	p := newPerson(t, h.srv)
	unknown := p.open("/login/oauth/authorize", h.ask(url.Values{"client_id": {"other"}}))
	if unknown.status != http.StatusNotFound || unknown.sentTo != nil {
		t.Errorf("an unknown app gets %d", unknown.status)
	}
	mismatch := p.open("/login/oauth/authorize", h.ask(url.Values{"redirect_uri": {"https://evil.example/"}}))
	wantText(t, "error for a foreign address", mismatch.sentTo.Query().Get("error"), "redirect_uri_mismatch")
	wantText(t, "host that is told", mismatch.sentTo.Host, "app.example")
	plain := p.open("/login/oauth/authorize", h.ask(url.Values{"code_challenge": {"x"}, "code_challenge_method": {"plain"}}))
	wantText(t, "error for plain PKCE", plain.sentTo.Query().Get("error"), "invalid_request")
	foreign := p.submit(p.open("/login", url.Values{"return_to": {"https://evil.example/"}}), url.Values{"login": {"octocat"}, "password": {"octocat"}})
	if foreign.path != "/" || foreign.sentTo != nil {
		t.Errorf("the sign-in page sends people to %v", foreign.sentTo)
	}
}

func TestGitHubTokenErrors(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	proof := url.Values{"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}

	used := h.code(nil)
	h.redeem(url.Values{"code": {used}})
	late := h.code(nil)
	h.clock.advance(10*time.Minute + time.Second)
	for _, c := range []struct {
		name   string
		change url.Values
		want   string
	}{
		{"an unknown code", url.Values{"code": {"nope"}}, "bad_verification_code"},
		{"a code used twice", url.Values{"code": {used}}, "bad_verification_code"},
		{"a code after ten minutes", url.Values{"code": {late}}, "bad_verification_code"},
		{"a wrong secret", url.Values{"code": {h.code(nil)}, "client_secret": {"x"}}, "incorrect_client_credentials"},
		{"another return address", url.Values{"code": {h.code(nil)}, "redirect_uri": {returnURI + "/b"}}, "redirect_uri_mismatch"},
		{"no verifier", url.Values{"code": {h.code(proof)}}, "bad_verification_code"},
		{"a wrong verifier", url.Values{"code": {h.code(proof)}, "code_verifier": {"w"}}, "bad_verification_code"},
		{"the right verifier", url.Values{"code": {h.code(proof)}, "code_verifier": {verifier}}, ""},
		{"a refresh token nobody has", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"ghr_x"}}, "bad_refresh_token"},
	} {
		answer := h.redeem(c.change)
		if c.want == "" && answer["access_token"] == nil || c.want != "" && answer["error"] != c.want {
			t.Errorf("%s gives %v, want error %q", c.name, answer, c.want)
		}
	}
}

func TestGitHubAnswersAFormUnlessAskedForJSON(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	form := url.Values{"code": {h.code(nil)}}
	req := request(t, "POST", h.srv.URL+"/login/oauth/access_token", "", form.Encode())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("app", "s3cret")
	_, header, body := raw(t, req)
	reply, err := url.ParseQuery(string(body))
	if err != nil || reply.Get("scope") != "repo,read:user" || !strings.HasPrefix(header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		t.Errorf("without Accept the answer is %q (%s)", body, header.Get("Content-Type"))
	}
}

func TestGitHubScopes(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	scope := func(change url.Values) any { return h.redeem(url.Values{"code": {h.code(change)}})["scope"] }
	wantText(t, "with implied ones", scope(url.Values{"scope": {"public_repo repo read:user user made:up"}}), "repo,user")
	wantText(t, "with commas", scope(url.Values{"scope": {"read:org,gist"}}), "read:org,gist")
	// Left out, GitHub gives everything ever agreed to.
	query := h.ask(nil)
	query.Del("scope")
	p := newPerson(t, h.srv)
	union := p.signIn(p.open("/login/oauth/authorize", query), "octocat")
	if union.sentTo == nil {
		t.Fatal("a request without scope shows a page, want an immediate answer")
	}
	wantText(t, "without scope", h.redeem(url.Values{"code": {union.sentTo.Query().Get("code")}})["scope"], "repo,user,read:org,gist")
}

func TestGitHubKeepsTenTokensPerScopeSet(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	other := h.token("gist")
	var tokens []string
	for range 11 {
		tokens = append(tokens, h.token("repo"))
	}
	works := func(token string) bool {
		status, _ := h.api("GET", "/user", token, "")
		return status == 200
	}
	if works(tokens[0]) || !works(tokens[1]) || !works(tokens[10]) || !works(other) {
		t.Errorf("after eleven tokens: first %t, second %t, last %t, other set %t; want only the first dead",
			works(tokens[0]), works(tokens[1]), works(tokens[10]), works(other))
	}
}

func TestGitHubApplicationEndpoints(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	token, second := h.token("repo"), h.token("repo")
	call := func(method, path, secret, token string) (int, map[string]any) {
		req := request(t, method, h.srv.URL+"/api/v3/applications/app"+path, "", `{"access_token":"`+token+`"}`)
		req.SetBasicAuth("app", secret)
		return do(t, req)
	}
	status, checked := call("POST", "/token", "s3cret", token)
	if status != 200 || checked["user"].(map[string]any)["login"] != "octocat" {
		t.Errorf("checking a token gives %d %v", status, checked)
	}
	for _, c := range []struct {
		name, method, path, secret, token string
		want                              int
	}{
		{"check with a wrong secret", "POST", "/token", "x", token, 404},
		{"check nothing", "POST", "/token", "s3cret", "", 422},
		{"end one token", "DELETE", "/token", "s3cret", token, 204},
		{"check the ended one", "POST", "/token", "s3cret", token, 404},
		{"check the other one", "POST", "/token", "s3cret", second, 200},
		{"end the whole grant", "DELETE", "/grant", "s3cret", second, 204},
		{"check after that", "POST", "/token", "s3cret", second, 404},
	} {
		status, _ := call(c.method, c.path, c.secret, c.token)
		if status != c.want {
			t.Errorf("%s: %d, want %d", c.name, status, c.want)
		}
	}
	p := newPerson(t, h.srv)
	if p.signIn(p.open("/login/oauth/authorize", h.ask(nil)), "octocat").sentTo != nil {
		t.Error("after the grant ended, GitHub does not ask again")
	}
}

func TestAnyReturnAddressWhenNoneIsRegistered(t *testing.T) {
	srv := start(t, simulator.NewGitHub(simulator.Config{}))
	p := newPerson(t, srv)
	p.signIn(p.open("/login", nil), "octocat")
	ask := func(address string) page {
		return p.open("/login/oauth/authorize", url.Values{"client_id": {"simulated-app"}, "redirect_uri": {address}})
	}
	if shown := ask("http://127.0.0.1:9/cb"); shown.status != 200 || !strings.Contains(shown.body, "Authorize") {
		t.Errorf("a web address gives %d", shown.status)
	}
	for _, address := range []string{"javascript:alert(1)", "", "/cb"} {
		if shown := ask(address); shown.status != http.StatusBadRequest {
			t.Errorf("%q gives %d, want 400", address, shown.status)
		}
	}
}
