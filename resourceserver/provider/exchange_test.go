package provider_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/simulator"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

func TestAPersonConnectsGitHub(t *testing.T) {
	h := newHub(t, "oauth_app", simulator.Quirks{})
	tokens := h.link("c1", "octocat", "repo", "public_repo")
	if !strings.HasPrefix(tokens.Access.Reveal(), "gho_") || !tokens.Refresh.Empty() || !tokens.ExpiresAt.IsZero() {
		t.Errorf("tokens %+v, want an access token without an end", tokens)
	}
	for _, want := range []string{"repo", "public_repo", "repo:status", "read:user"} {
		if !slices.Contains(tokens.Granted, want) {
			t.Errorf("granted %v, want %s too", tokens.Granted, want)
		}
	}
	account, err := h.client.Identify(t.Context(), h.reg, tokens)
	if err != nil || account.Subject != "583231" || account.Login != "octocat" {
		t.Errorf("account %+v, %v", account, err)
	}
}

func TestTheAuthorizationURLAsksForNoMoreThanNeeded(t *testing.T) {
	h := newHub(t, "oauth_app", simulator.Quirks{})
	ask := provider.Ask{
		Scopes: []string{"public_repo", "repo", "repo"}, State: secret.New("s"), Verifier: secret.New("v"),
		RedirectURI: callback, Account: "octocat",
	}
	raw, err := h.client.AuthorizeURL(h.reg, ask)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"client_id": {"app"}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"s"}, "login": {"octocat"},
		"scope": {"read:user repo"}, "code_challenge_method": {"S256"},
		"code_challenge": {"TJRIXgwhrmxBzh3-e2v6zupato5AokdvUCCOUm9QYIA"}, // SHA-256 of v
	}
	if diff := cmp.Diff(want, u.Query()); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	if strings.Contains(raw, "code_verifier") || strings.Contains(raw, "s3cret") {
		t.Errorf("the URL gives a secret away: %s", raw)
	}
	origin, err := h.client.AuthorizeOrigin(h.reg)
	if err != nil || origin != h.srv.URL {
		t.Errorf("origin %q, %v; want %q", origin, err, h.srv.URL)
	}
}

// Slack lists direct messages by the ids of whom they are with; a person picks among
// names. What has none is not offered.
func TestAPersonPicksDirectMessagesByName(t *testing.T) {
	w := newWorld(t, defaultCatalog(t))
	sim := simulator.NewSlack(simulator.Config{ClientID: "app", ClientSecret: "s3cret", Now: w.now})
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	reg := w.register(provider.Registration{ID: "s1", Provider: "slack", ClientID: "app", Secret: secret.New("s3cret"), WebURL: srv.URL, APIURL: srv.URL + "/api"})
	code, verifier := dance(t, w.client, reg, "ana", []string{"im:read", "users:read"})
	tokens, err := w.client.Exchange(t.Context(), reg, provider.Redemption{Code: secret.New(code), Verifier: verifier, RedirectURI: callback})
	if err != nil {
		t.Fatal(err)
	}
	w.store("c1", reg, tokens)
	names := w.cat.Providers["slack"].Pickers["slack.dm"].Names
	for _, step := range []struct {
		limit string
		want  []string
	}{{"999", []string{"D01ANABEN1 Ben Okafor", "D01ANANOTE Ana Ferreira"}}, {"1", []string{"D01ANABEN1 Ben Okafor", "D01ANANOTE Ana Ferreira"}}} {
		names.Call.Query["limit"] = step.limit
		page, err := w.client.ListResources(t.Context(), "c1", "slack.dm", "")
		if err != nil || page.Incomplete || page.Next != "" {
			t.Fatalf("%+v, %v", page, err)
		}
		var got []string
		for _, item := range page.Items {
			got = append(got, item.ID+" "+item.Name)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", step.limit, diff)
		}
	}
	names.Items = "/nobody"
	page, err := w.client.ListResources(t.Context(), "c1", "slack.dm", "")
	if err != nil || !page.Incomplete || len(page.Items) != 0 {
		t.Errorf("without names: %+v, %v", page, err)
	}
}

func TestAPersonConnectsSlack(t *testing.T) {
	for _, variant := range []string{"user_token", "user_scope"} {
		t.Run(variant, func(t *testing.T) { connectSlack(t, variant) })
	}
}

func connectSlack(t *testing.T, variant string) {
	w := newWorld(t, defaultCatalog(t))
	sim := simulator.NewSlack(simulator.Config{ClientID: "app", ClientSecret: "s3cret", Now: w.now, Quirks: simulator.Quirks{Rotate: true}})
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	reg := w.register(provider.Registration{
		ID: "s1", Provider: "slack", Variant: variant, ClientID: "app", Secret: secret.New("s3cret"), WebURL: srv.URL, APIURL: srv.URL + "/api",
	})
	code, verifier := dance(t, w.client, reg, "ana", []string{"channels:read"})
	tokens, err := w.client.Exchange(t.Context(), reg, provider.Redemption{Code: secret.New(code), Verifier: verifier, RedirectURI: callback})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"channels:read", "team:read"}, tokens.Granted); diff != "" {
		t.Errorf("granted (-want +got):\n%s", diff)
	}
	if tokens.Refresh.Empty() || !tokens.ExpiresAt.Equal(w.now().Add(12*time.Hour)) {
		t.Errorf("tokens end at %s, want in 12 hours and with a refresh token", tokens.ExpiresAt)
	}
	account, err := w.client.Identify(t.Context(), reg, tokens)
	if err != nil || !strings.HasPrefix(account.Subject, "T") || !strings.Contains(account.Subject, "/U") {
		t.Errorf("account %+v, %v; want workspace/person", account, err)
	}
	w.store("c1", reg, tokens)
	w.advance(11 * time.Hour) // within the two hours in which Slack tokens are replaced
	if status, body, err := call(t.Context(), w.client, "c1", "/users.conversations"); err != nil || status != 200 || !strings.Contains(body, `"ok":true`) {
		t.Errorf("call after a rotation: %d %.80s %v", status, body, err)
	}
	if got := w.mem.get("c1").Version; got != 2 {
		t.Errorf("generation %d, want 2", got)
	}
	sim.RevokeAll("ana")
	_, _, err = call(t.Context(), w.client, "c1", "/users.conversations")
	wantClass(t, err, catalog.ReauthRequired)
	if got := w.mem.get("c1").Health; got != "needs_person" {
		t.Errorf("health %s after a revocation at Slack", got)
	}
}

func TestThreat_C8_FewerScopesAreNotRoundedUp(t *testing.T) {
	h := newHub(t, "oauth_app", simulator.Quirks{FewerScopes: true})
	tokens := h.link("c1", "octocat", "repo")
	if slices.Contains(tokens.Granted, "repo") {
		t.Errorf("granted %v, although GitHub left repo out", tokens.Granted)
	}
}

func TestACodeIsRefusedWithoutItsSecrets(t *testing.T) {
	h := newHub(t, "oauth_app", simulator.Quirks{})
	code, verifier := dance(t, h.client, h.reg, "octocat", []string{"repo"})
	good := provider.Redemption{Code: secret.New(code), Verifier: verifier, RedirectURI: callback}
	for name, change := range map[string]func(*provider.Redemption){
		"another verifier":       func(r *provider.Redemption) { r.Verifier = provider.NewVerifier() },
		"another return address": func(r *provider.Redemption) { r.RedirectURI = "https://deputy.example/connect/r2/callback" },
		"another code":           func(r *provider.Redemption) { r.Code = secret.New("wrong-code-canary") },
	} {
		r := good
		change(&r)
		_, err := h.client.Exchange(t.Context(), h.reg, r)
		if err == nil {
			t.Errorf("%s: redeemed", name)
		} else if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), verifier.Reveal()) {
			t.Errorf("%s: the error quotes a secret: %v", name, err)
		}
	}
	wrong := h.reg
	wrong.Secret = secret.New("other")
	_, err := h.client.Exchange(t.Context(), wrong, good)
	wantClass(t, err, catalog.Misconfigured)
	h.sim.SetDown(true)
	_, err = h.client.Exchange(t.Context(), h.reg, good)
	wantClass(t, err, catalog.ProviderDown)
}

// plain is a provider made for one test.
func plain(t *testing.T, handler http.HandlerFunc, change func(*catalog.Provider)) (*world, provider.Registration) {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	p := &catalog.Provider{
		ID: "plain", Name: "Plain", WebURL: srv.URL, APIURL: srv.URL + "/api",
		Variants: []catalog.Variant{{
			ID: "v", Authorize: "{web}/authorize", Token: "{web}/token", ClientAuth: "form", ScopeParam: "scope", ScopeSeparator: " ",
			Reply: catalog.Reply{
				Access: []string{"/access_token", "/authed_user/access_token"}, Refresh: []string{"/refresh_token"},
				ExpiresIn: []string{"/expires_in"}, Scope: []string{"/scope"},
			},
			AssumeAccess: time.Hour, Rotates: true, KillsOldAccess: true,
		}},
		Identity: catalog.Identity{Call: catalog.Call{Method: "GET", Path: "/me"}, Subject: "/id", Login: "/login"},
	}
	if change != nil {
		change(p)
	}
	w := newWorld(t, &catalog.Catalog{Providers: map[consent.ProviderID]*catalog.Provider{"plain": p}})
	reg := w.register(provider.Registration{ID: "r1", Provider: "plain", ClientID: "app", Secret: secret.New("s3cret-canary")})
	return w, reg
}

func TestTokenRepliesAreReadLeniently(t *testing.T) {
	for name, c := range map[string]struct {
		kind, body string
		want       time.Duration // life of the access token
		granted    []string
	}{
		"number":           {"", `{"access_token":"a","expires_in":60}`, time.Minute, []string{"asked"}},
		"string":           {"", `{"access_token":"a","expires_in":"60"}`, time.Minute, []string{"asked"}},
		"fraction":         {"", `{"access_token":"a","expires_in":59.5}`, 59500 * time.Millisecond, []string{"asked"}},
		"absent":           {"", `{"access_token":"a"}`, time.Hour, []string{"asked"}},
		"zero":             {"", `{"access_token":"a","expires_in":0}`, time.Hour, []string{"asked"}},
		"negative":         {"", `{"access_token":"a","expires_in":-5}`, time.Hour, []string{"asked"}},
		"null":             {"", `{"access_token":"a","expires_in":null}`, time.Hour, []string{"asked"}},
		"for ever and one": {"", `{"access_token":"a","expires_in":1e300}`, 10 * 365 * 24 * time.Hour, []string{"asked"}},
		"nested":           {"", `{"authed_user":{"access_token":"a"},"scope":"x y"}`, time.Hour, []string{"x", "y"}},
		"nothing granted":  {"", `{"access_token":"a","scope":""}`, time.Hour, nil},
		"form":             {"application/x-www-form-urlencoded", `access_token=a&expires_in=60&scope=x`, time.Minute, []string{"x"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, reg := plain(t, func(rw http.ResponseWriter, _ *http.Request) {
				if c.kind != "" {
					rw.Header().Set("Content-Type", c.kind)
				}
				fmt.Fprint(rw, c.body)
			}, nil)
			got, err := w.client.Exchange(t.Context(), reg, provider.Redemption{Code: secret.New("c"), Asked: []string{"asked"}})
			if err != nil {
				t.Fatal(err)
			}
			if got.Access.Reveal() != "a" || got.ExpiresAt.Sub(w.now()) != c.want {
				t.Errorf("token lives %s, want %s", got.ExpiresAt.Sub(w.now()), c.want)
			}
			if diff := cmp.Diff(c.granted, got.Granted); diff != "" {
				t.Errorf("granted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestThreat_C18_TokenRefusalsAreClassedAndNeverQuoted(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   catalog.ErrorClass
		sent   bool
	}{
		"refused with 200":        {200, `{"error":"invalid_client","error_description":"s3cret-canary"}`, catalog.Misconfigured, false},
		"refused with 400":        {400, `{"error":"invalid_grant"}`, catalog.ReauthRequired, false},
		"refused with words":      {400, `{"error":"the code code-canary is wrong"}`, catalog.CallerFault, false},
		"both":                    {200, `{"access_token":"token-canary","error":"invalid_grant"}`, catalog.ReauthRequired, false},
		"no token":                {200, `{"token_type":"bearer"}`, catalog.ProviderDown, true},
		"a page":                  {200, `<html>token-canary</html>`, catalog.ProviderDown, true},
		"half a reply":            {200, `{"access_token":"token-can`, catalog.ProviderDown, true},
		"an outage":               {503, `token-canary`, catalog.ProviderDown, true},
		"too often":               {429, `{}`, catalog.RateLimited, false},
		"a token in an error":     {400, `{"access_token":"token-canary"}`, catalog.Misconfigured, false},
		"an outage with a reason": {500, `{"error":"server_error"}`, catalog.ProviderDown, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, reg := plain(t, func(rw http.ResponseWriter, _ *http.Request) {
				rw.WriteHeader(c.status)
				fmt.Fprint(rw, c.body)
			}, nil)
			_, err := w.client.Exchange(t.Context(), reg, provider.Redemption{Code: secret.New("code-canary")})
			wantClass(t, err, c.want)
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "canary") {
				t.Errorf("the error quotes a secret: %#v", err)
			}
		})
	}
}

func TestARedirectOfTheTokenEndpointIsNotFollowed(t *testing.T) {
	var elsewhere int
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	t.Cleanup(trap.Close)
	w, reg := plain(t, func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, trap.URL, http.StatusTemporaryRedirect)
	}, nil)
	_, err := w.client.Exchange(t.Context(), reg, provider.Redemption{Code: secret.New("c")})
	wantClass(t, err, catalog.Misconfigured)
	if elsewhere != 0 {
		t.Error("the client secret was sent to where the redirect pointed")
	}
}

func TestAGrantIsSentOnceInOneWay(t *testing.T) {
	for _, style := range []string{"form", "basic"} {
		var requests []string
		w, reg := plain(t, func(rw http.ResponseWriter, r *http.Request) {
			id, _, basic := r.BasicAuth()
			requests = append(requests, fmt.Sprintf("basic=%v %s form=%v", basic, id, r.FormValue("client_secret") != ""))
			rw.WriteHeader(http.StatusUnauthorized)
		}, func(p *catalog.Provider) { p.Variants[0].ClientAuth = style })
		_, err := w.client.Exchange(t.Context(), reg, provider.Redemption{Code: secret.New("c")})
		wantClass(t, err, catalog.Misconfigured)
		want := map[string]string{"form": "basic=false  form=true", "basic": "basic=true app form=false"}[style]
		if diff := cmp.Diff([]string{want}, requests); diff != "" {
			t.Errorf("%s (-want +got):\n%s", style, diff)
		}
	}
}
