package simulator_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

const gapi = "https://www.googleapis.com/auth/"

// campus is a running Google with one registered app.
type campus struct {
	t     *testing.T
	sim   *simulator.Google
	srv   *httptest.Server
	clock *clock
}

func newCampus(t *testing.T, quirks simulator.Quirks) *campus {
	t.Helper()
	c := newClock()
	sim := simulator.NewGoogle(simulator.Config{
		ClientID: "app", ClientSecret: "s3cret", RedirectURIs: []string{returnURI}, Now: c.now, Quirks: quirks,
	})
	return &campus{t: t, sim: sim, srv: start(t, sim), clock: c}
}

// ask is a request for scopes, short names without what Google's begin with.
func (c *campus) ask(scopes string, change url.Values) url.Values {
	var list []string
	for scope := range strings.FieldsSeq(scopes) {
		if scope != "openid" && scope != "email" && scope != "profile" {
			scope = gapi + scope
		}
		list = append(list, scope)
	}
	query := url.Values{"client_id": {"app"}, "redirect_uri": {returnURI}, "response_type": {"code"}, "scope": {strings.Join(list, " ")},
		"state": {"st&te"}, "access_type": {"offline"}, "prompt": {"consent"}}
	for name := range change {
		query.Set(name, change.Get(name))
	}
	return query
}

// agree goes the whole way as ana, ticking these boxes.
func (c *campus) agree(scopes string, change url.Values, ticked ...string) url.Values {
	c.t.Helper()
	p := newPerson(c.t, c.srv)
	shown := p.signIn(p.open("/o/oauth2/v2/auth", c.ask(scopes, change)), "ana")
	if shown.sentTo == nil {
		shown = p.submit(shown, url.Values{"authorize": {"1"}, "ticked": ticked})
	}
	if shown.sentTo == nil {
		c.t.Fatalf("not sent back: %d %s", shown.status, shown.body)
	}
	return shown.sentTo.Query()
}

func (c *campus) post(path string, change url.Values) (int, map[string]any) {
	c.t.Helper()
	form := url.Values{"client_id": {"app"}, "client_secret": {"s3cret"}, "redirect_uri": {returnURI}, "grant_type": {"authorization_code"}}
	for name := range change {
		form.Set(name, change.Get(name))
	}
	return post(c.t, c.srv.URL+path, form)
}

// tokens are what ana's yes to these scopes gives.
func (c *campus) tokens(scopes string) map[string]any {
	c.t.Helper()
	status, answer := c.post("/token", url.Values{"code": {c.agree(scopes, nil, "all").Get("code")}})
	if status != 200 {
		c.t.Fatalf("no token: %d %v", status, answer)
	}
	return answer
}

func (c *campus) token(scopes string) string { return c.tokens(scopes)["access_token"].(string) }

func (c *campus) refresh(token any) (int, map[string]any) {
	c.t.Helper()
	return c.post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}})
}

func (c *campus) api(method, path, token, body string) (int, map[string]any) {
	c.t.Helper()
	return do(c.t, request(c.t, method, c.srv.URL+path, token, body))
}

// reason is what an error body says, in either of its places.
func reason(answer map[string]any) string {
	problem, _ := answer["error"].(map[string]any)
	list, _ := problem["errors"].([]any)
	if len(list) == 0 {
		return ""
	}
	text, _ := list[0].(map[string]any)["reason"].(string)
	return text
}

func TestGoogleDance(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	p := newPerson(t, c.srv)
	consent := p.signIn(p.open("/o/oauth2/v2/auth", c.ask("openid email drive.readonly calendar.events", nil)), "ana")
	for _, words := range []string{"See and download all your Google Drive files", `value="` + gapi + `calendar.events"`, "Select all", "ana@northwind.example"} {
		if !strings.Contains(consent.body, words) {
			t.Errorf("the consent page does not say %q", words)
		}
	}
	if strings.Contains(consent.body, `value="openid"`) || strings.Contains(consent.body, "checked") {
		t.Error("sign-in has a box, or a box is ticked beforehand")
	}
	denied := p.submit(consent, url.Values{"authorize": {"0"}}).sentTo.Query()
	if denied.Get("error") != "access_denied" || denied.Get("state") != "st&te" {
		t.Errorf("after Cancel: %v", denied)
	}
	back := c.agree("openid email drive.readonly calendar.events", url.Values{"nonce": {"n-1"}}, gapi+"calendar.events")
	wantText(t, "scope in the answer", back.Get("scope"), "openid "+gapi+"userinfo.email "+gapi+"calendar.events")
	status, answer := c.post("/token", url.Values{"code": {back.Get("code")}})
	if status != 200 || answer["scope"] != back.Get("scope") || answer["expires_in"] != float64(3599) || answer["refresh_token"] == nil {
		t.Fatalf("token answer %d: %v", status, answer)
	}
	claims := c.verified(answer["id_token"].(string))
	for name, want := range map[string]any{"sub": "104000000000000000001", "email": "ana@northwind.example", "nonce": "n-1", "aud": "app", "iss": c.srv.URL, "hd": "northwind.example", "name": nil} {
		wantText(t, "claim "+name, claims[name], want)
	}
	status, again := c.post("/token", url.Values{"code": {back.Get("code")}})
	if status != 400 || again["error"] != "invalid_grant" {
		t.Errorf("a code the second time: %d %v", status, again)
	}
	_, info := c.api("GET", "/tokeninfo?access_token="+answer["access_token"].(string), "", "")
	if info["sub"] != "104000000000000000001" || info["scope"] != answer["scope"] || info["expires_in"] != "3599" {
		t.Errorf("tokeninfo: %v", info)
	}
	_, user := c.api("GET", "/v1/userinfo", answer["access_token"].(string), "")
	wantText(t, "userinfo's address", user["email"], "ana@northwind.example")
}

// verified checks an ID token with the published key.
func (c *campus) verified(idToken string) map[string]any {
	c.t.Helper()
	_, keys := c.api("GET", "/oauth2/v3/certs", "", "")
	key := keys["keys"].([]any)[0].(map[string]any)
	part := func(text any) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(text.(string))
		if err != nil {
			c.t.Fatal(err)
		}
		return raw
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(part(key["n"])), E: int(new(big.Int).SetBytes(part(key["e"])).Int64())}
	parts := strings.Split(idToken, ".")
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], part(parts[2]))
	if err != nil {
		c.t.Errorf("the ID token is not signed by the published key: %v", err)
	}
	var claims map[string]any
	err = json.Unmarshal(part(parts[1]), &claims)
	if err != nil {
		c.t.Fatal(err)
	}
	return claims
}

func TestGoogleOfflineAndConsent(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	first := c.tokens("drive.readonly")
	_, silent := c.post("/token", url.Values{"code": {c.agree("drive.readonly", url.Values{"prompt": {""}}).Get("code")}})
	if first["refresh_token"] == nil || silent["access_token"] == nil || silent["refresh_token"] != nil {
		t.Errorf("first %v, without the page %v: want a refresh token only when the person was asked", first["refresh_token"] != nil, silent["refresh_token"])
	}
	_, online := c.post("/token", url.Values{"code": {c.agree("drive.readonly", url.Values{"access_type": {"online"}}).Get("code")}})
	wantText(t, "a refresh token without access_type=offline", online["refresh_token"], nil)
	merged := c.agree("calendar.freebusy", url.Values{"include_granted_scopes": {"true"}})
	wantText(t, "merged scopes", merged.Get("scope"), gapi+"calendar.freebusy "+gapi+"drive.readonly")
	p := newPerson(t, c.srv)
	wantText(t, "prompt=none signed out", p.open("/o/oauth2/v2/auth", c.ask("drive", url.Values{"prompt": {"none"}})).sentTo.Query().Get("error"), "login_required")
	p.signIn(p.open("/signin", nil), "ana")
	wantText(t, "prompt=none for something new", p.open("/o/oauth2/v2/auth", c.ask("drive", url.Values{"prompt": {"none"}})).sentTo.Query().Get("error"), "consent_required")
	other := p.open("/o/oauth2/v2/auth", c.ask("drive", url.Values{"login_hint": {"104000000000000000002"}}))
	if other.path != "/signin" || !strings.Contains(other.body, `value="ben"`) {
		t.Errorf("a hint at ben shows %s", other.path)
	}
}

func TestGoogleRefreshAndRevoke(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	first := c.tokens("drive.readonly")
	c.sim.ExpireTokens()
	status, dead := c.api("GET", "/drive/v3/files", first["access_token"].(string), "")
	if status != 401 || reason(dead) != "authError" || dead["error"].(map[string]any)["status"] != "UNAUTHENTICATED" {
		t.Errorf("an expired token: %d %v", status, dead)
	}
	_, second := c.refresh(first["refresh_token"])
	if second["access_token"] == nil || second["refresh_token"] != nil {
		t.Errorf("a refresh answers %v, want no refresh token", second)
	}
	other := c.tokens("calendar.freebusy")
	status, _ = post(t, c.srv.URL+"/revoke", url.Values{"token": {second["access_token"].(string)}})
	gone, answer := c.refresh(other["refresh_token"])
	if status != 200 || gone != 400 || answer["error_description"] != "Token has been expired or revoked." {
		t.Errorf("revoke %d; the other consent's refresh token: %d %v, want all of the project gone", status, gone, answer)
	}
	status, answer = post(t, c.srv.URL+"/revoke", url.Values{"token": {"ya29.unknown"}})
	if status != 400 || answer["error"] != "invalid_token" {
		t.Errorf("revoking nothing: %d %v", status, answer)
	}
}

func TestGoogleTokenProblems(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	for _, k := range []struct {
		name   string
		form   url.Values
		status int
		want   string
	}{
		{"another app", url.Values{"client_id": {"x"}}, 401, "invalid_client"},
		{"a wrong secret", url.Values{"client_secret": {"x"}}, 401, "invalid_client"},
		{"another grant", url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		{"a made-up code", url.Values{"code": {"4/x"}}, 400, "invalid_grant"},
		{"another return address", url.Values{"code": {c.agree("drive", nil).Get("code")}, "redirect_uri": {"https://x.example"}}, 400, "redirect_uri_mismatch"},
		{"no verifier", url.Values{"code": {c.agree("drive", url.Values{"code_challenge": {"abc"}, "code_challenge_method": {"S256"}}).Get("code")}}, 400, "invalid_grant"},
	} {
		status, answer := c.post("/token", k.form)
		if status != k.status || answer["error"] != k.want {
			t.Errorf("%s: %d %v, want %d %s", k.name, status, answer, k.status, k.want)
		}
	}
	p := newPerson(t, c.srv)
	for name, query := range map[string]url.Values{
		"another app": {"client_id": {"x"}}, "another address": {"redirect_uri": {"https://x.example"}}, "no code": {"response_type": {"token"}},
		"an unknown scope": {"scope": {"everything"}}, "plain PKCE": {"code_challenge": {"x"}, "code_challenge_method": {"plain"}},
	} {
		shown := p.open("/o/oauth2/v2/auth", c.ask("drive", query))
		if shown.status != http.StatusBadRequest || shown.sentTo != nil {
			t.Errorf("%s: %d, sent to %v", name, shown.status, shown.sentTo)
		}
	}
}

func TestGoogleTokenQuirks(t *testing.T) {
	c := newCampus(t, simulator.Quirks{TokenLimit: 1})
	first, second := c.tokens("drive"), c.tokens("drive")
	status, _ := c.refresh(first["refresh_token"])
	kept, _ := c.refresh(second["refresh_token"])
	if status != 400 || kept != 200 {
		t.Errorf("token-limit: the older gives %d, the newer %d", status, kept)
	}
	c.sim.SetQuirks(simulator.Quirks{Testing: true})
	young := c.tokens("drive")
	wantText(t, "refresh_token_expires_in", young["refresh_token_expires_in"], float64(604799))
	c.clock.advance(7 * 24 * time.Hour)
	if status, _ = c.refresh(young["refresh_token"]); status != 400 {
		t.Errorf("testing: after seven days %d", status)
	}
	c.sim.SetQuirks(simulator.Quirks{SessionControl: true})
	_, answer := c.refresh(second["refresh_token"])
	if answer["error"] != "invalid_grant" || answer["error_subtype"] != "invalid_rapt" {
		t.Errorf("session-control: %v", answer)
	}
	c.sim.SetQuirks(simulator.Quirks{FewerScopes: true, SwitchAccount: "ben", StringExpiry: true})
	odd := c.tokens("openid email drive calendar")
	claims := c.verified(odd["id_token"].(string))
	if claims["email"] != "ben@northwind.example" || strings.Contains(odd["scope"].(string), "calendar") || odd["expires_in"] != "3599" {
		t.Errorf("account %v, answer %v", claims["email"], odd)
	}
	for name, k := range map[string]struct {
		quirks simulator.Quirks
		reason string
		detail any
	}{
		"rate-limited": {simulator.Quirks{RateLimited: true}, "rateLimitExceeded", nil},
		"switched-off": {simulator.Quirks{SwitchedOff: true}, "accessNotConfigured", "SERVICE_DISABLED"},
	} {
		c.sim.SetQuirks(k.quirks)
		status, answer := c.api("GET", "/drive/v3/files", odd["access_token"].(string), "")
		var detail any
		if list, has := answer["error"].(map[string]any)["details"].([]any); has {
			detail = list[0].(map[string]any)["reason"]
		}
		if status != 403 || reason(answer) != k.reason || detail != k.detail {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
}

func TestGoogleHundredTokens(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	var tokens []any
	for range 101 {
		tokens = append(tokens, c.tokens("drive")["refresh_token"])
	}
	oldest, _ := c.refresh(tokens[0])
	next, _ := c.refresh(tokens[1])
	if diff := cmp.Diff([]int{400, 200}, []int{oldest, next}); diff != "" {
		t.Errorf("the oldest and the next of 101: %s", diff)
	}
}
