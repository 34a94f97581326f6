package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

// till is a running Stripe with one registered app.
type till struct {
	t     *testing.T
	sim   *simulator.Stripe
	srv   *httptest.Server
	clock *clock
}

func newTill(t *testing.T, quirks simulator.Quirks) *till {
	t.Helper()
	c := newClock()
	sim := simulator.NewStripe(simulator.Config{ClientID: "app", ClientSecret: "sk_test_app", RedirectURIs: []string{returnURI}, Now: c.now, Quirks: quirks})
	return &till{t: t, sim: sim, srv: start(t, sim), clock: c}
}

func stripeAsk() url.Values {
	return url.Values{"client_id": {"app"}, "redirect_uri": {returnURI}, "state": {"st&te"}}
}

func (s *till) code(who string) string {
	s.t.Helper()
	p := newPerson(s.t, s.srv)
	shown := p.submit(p.signIn(p.open("/oauth/v2/authorize", stripeAsk()), who), url.Values{"authorize": {"1"}})
	if shown.sentTo == nil || shown.sentTo.Query().Get("code") == "" {
		s.t.Fatalf("no code: %d %s", shown.status, shown.body)
	}
	return shown.sentTo.Query().Get("code")
}

// exchange posts to the token endpoint with a secret key as the Basic user.
func (s *till) exchange(key string, form url.Values) (int, map[string]any) {
	s.t.Helper()
	req := request(s.t, "POST", s.srv.URL+"/v1/oauth/token", "", form.Encode())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(key, "")
	return do(s.t, req)
}

func (s *till) redeem(code string) (int, map[string]any) {
	s.t.Helper()
	return s.exchange("sk_test_app", url.Values{"grant_type": {"authorization_code"}, "code": {code}})
}

func (s *till) refresh(token any) (int, map[string]any) {
	s.t.Helper()
	return s.exchange("sk_test_app", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}})
}

func (s *till) token() string {
	s.t.Helper()
	_, answer := s.redeem(s.code("ana"))
	return answer["access_token"].(string)
}

// api calls the API; what is sent is a form, name=value&name=value.
func (s *till) api(method, path, token, form string, headers ...string) (int, map[string]any) {
	s.t.Helper()
	req := request(s.t, method, s.srv.URL+"/v1"+path, token, form)
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return do(s.t, req)
}

// problem is the code of an error, or its type when it has none.
func problem(answer map[string]any) string {
	about, _ := answer["error"].(map[string]any)
	if code, has := about["code"].(string); has {
		return code
	}
	kind, _ := about["type"].(string)
	return kind
}

func TestStripeDance(t *testing.T) {
	s := newTill(t, simulator.Quirks{})
	p := newPerson(t, s.srv)
	consent := p.signIn(p.open("/oauth/v2/authorize", stripeAsk()), "ana")
	if !strings.Contains(consent.body, "Northwind Shop (test mode)") || !strings.Contains(consent.body, "customer_write") {
		t.Errorf("the page shows %s", consent.body)
	}
	denied := p.submit(consent, url.Values{"authorize": {"0"}}).sentTo.Query()
	if denied.Get("error") != "access_denied" || denied.Get("state") != "st&te" {
		t.Errorf("after Cancel: %v", denied)
	}
	code := s.code("ana")
	status, first := s.redeem(code)
	if status != 200 || first["stripe_user_id"] != "acct_1NorthwindShop001" || first["scope"] != "stripe_apps" || first["livemode"] != false || first["expires_in"] != nil {
		t.Errorf("token answer %d %v", status, first)
	}
	_, second := s.refresh(first["refresh_token"])
	if second["account_id"] != "acct_1NorthwindShop001" || second["stripe_user_id"] != nil || second["refresh_token"] == first["refresh_token"] {
		t.Errorf("refreshed: %v", second)
	}
	for name, k := range map[string]struct {
		key    string
		form   url.Values
		status int
		want   string
	}{
		"the code again":          {"sk_test_app", url.Values{"grant_type": {"authorization_code"}, "code": {code}}, 400, "invalid_grant"},
		"the used refresh token":  {"sk_test_app", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first["refresh_token"].(string)}}, 400, "invalid_grant"},
		"another key":             {"sk_test_x", url.Values{"grant_type": {"authorization_code"}}, 401, "invalid_client"},
		"a client_id in the form": {"sk_test_app", url.Values{"grant_type": {"authorization_code"}, "client_id": {"app"}}, 400, "invalid_request"},
		"another grant":           {"sk_test_app", url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
	} {
		status, answer := s.exchange(k.key, k.form)
		if status != k.status || answer["error"] != k.want {
			t.Errorf("%s: %d %v, want %d %s", name, status, answer, k.status, k.want)
		}
	}
	late := s.code("ana")
	s.clock.advance(6 * time.Minute)
	if status, _ = s.redeem(late); status != 400 {
		t.Errorf("a code after six minutes: %d", status)
	}
	for name, value := range map[string]string{"client_id": "x", "redirect_uri": "https://x.example"} {
		query := stripeAsk()
		query.Set(name, value)
		if shown := p.open("/oauth/v2/authorize", query); shown.status != http.StatusBadRequest || shown.sentTo != nil {
			t.Errorf("%s=%s: %d", name, value, shown.status)
		}
	}
}

func TestStripeKeysThatDoNotWork(t *testing.T) {
	s := newTill(t, simulator.Quirks{})
	_, answer := s.redeem(s.code("ana"))
	token := answer["access_token"].(string)
	want := func(name string, status int, code string, got int, answer map[string]any) {
		t.Helper()
		if got != status || problem(answer) != code {
			t.Errorf("%s: %d %v, want %d %s", name, got, answer, status, code)
		}
	}
	status, said := s.api("GET", "/account", "", "")
	want("no key", 401, "invalid_request_error", status, said)
	status, said = s.api("GET", "/account", "sk_test_made_up", "")
	want("a made-up key", 401, "invalid_request_error", status, said)
	status, said = s.api("GET", "/account", token, "", "Stripe-Account", "acct_1BensBooks0000001")
	want("another account", 403, "account_invalid", status, said)
	req := request(t, "GET", s.srv.URL+"/v1/account", "", "")
	req.SetBasicAuth(token, "")
	if status, said = do(t, req); status != 200 || said["business_profile"].(map[string]any)["name"] != "Northwind Shop" {
		t.Errorf("the key as Basic user: %d %v", status, said)
	}
	s.clock.advance(time.Hour)
	status, said = s.api("GET", "/account", token, "")
	want("after an hour", 401, "api_key_expired", status, said)
	_, renewed := s.refresh(answer["refresh_token"])
	s.sim.RevokeAll("ana")
	status, said = s.api("GET", "/account", renewed["access_token"].(string), "")
	want("after the app was uninstalled", 403, "account_invalid", status, said)
	if status, _ = s.refresh(renewed["refresh_token"]); status != 400 {
		t.Errorf("a refresh after that: %d", status)
	}
}

func TestStripeTokenQuirks(t *testing.T) {
	s := newTill(t, simulator.Quirks{OldAccessDies: true, NoRefreshToken: true, FamilyRevoke: true, SwitchAccount: "ben"})
	_, first := s.redeem(s.code("ana"))
	wantText(t, "the account that agreed", first["stripe_user_id"], "acct_1BensBooks0000001")
	_, second := s.refresh(first["refresh_token"])
	old, _ := s.api("GET", "/account", first["access_token"].(string), "")
	if old != 401 || second["refresh_token"] != nil {
		t.Errorf("the old key gives %d, the answer is %v", old, second)
	}
	s.refresh(first["refresh_token"])
	if status, _ := s.api("GET", "/account", second["access_token"].(string), ""); status != 403 {
		t.Errorf("family-revoke: the new key gives %d", status)
	}
}

func TestStripeAPIQuirks(t *testing.T) {
	s := newTill(t, simulator.Quirks{})
	token := s.token()
	for _, k := range []struct {
		quirks       simulator.Quirks
		method, path string
		status       int
		code         string
		header, text string
	}{
		{simulator.Quirks{RateLimited: true}, "GET", "/balance", 429, "rate_limit", "Stripe-Rate-Limited-Reason", "global-rate"},
		{simulator.Quirks{LockTimeout: true}, "POST", "/customers", 429, "lock_timeout", "Stripe-Should-Retry", "true"},
		{simulator.Quirks{LockTimeout: true}, "GET", "/customers", 200, "", "", ""},
		{simulator.Quirks{ReadOnly: true}, "POST", "/refunds", 403, "more_permissions_required_for_application", "", ""},
		{simulator.Quirks{NoExpand: true}, "GET", "/charges?expand[]=data.customer", 403, "more_permissions_required_for_application", "", ""},
	} {
		s.sim.SetQuirks(k.quirks)
		req := request(t, k.method, s.srv.URL+"/v1"+k.path, token, "")
		_, header, _ := raw(t, req)
		status, answer := s.api(k.method, k.path, token, "")
		if status != k.status || problem(answer) != k.code || k.header != "" && header.Get(k.header) != k.text {
			t.Errorf("%+v: %d %v %v", k.quirks, status, answer, header)
		}
	}
}
