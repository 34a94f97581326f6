package provider_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/simulator"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

func post(t *testing.T, w *world, id consent.ConnectionID, path, body string) (*http.Response, error) {
	t.Helper()
	base, err := w.client.APIBase(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.client.Do(t.Context(), id, req)
	if err == nil {
		t.Cleanup(func() { resp.Body.Close() })
	}
	return resp, err
}

func TestARefusedWriteIsSentOnceMoreWithItsBody(t *testing.T) {
	h := newHub(t, "github_app", simulator.Quirks{Expiring: true})
	h.link("c1", "octocat")
	before, had := h.sim.TokenRequests(), len(h.sim.Issues("acme/web"))
	h.sim.ExpireTokens()
	resp, err := post(t, h.world, "c1", "/repos/acme/web/issues", `{"title":"Written once"}`)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("write: %v %v", resp, err)
	}
	if got := h.sim.TokenRequests() - before; got != 1 {
		t.Errorf("%d refreshes, want 1", got)
	}
	if got := len(h.sim.Issues("acme/web")) - had; got != 1 {
		t.Errorf("%d issues written, want 1", got)
	}
}

func TestASecondRefusalNeedsThePerson(t *testing.T) {
	h := newHub(t, "github_app", simulator.Quirks{Expiring: true})
	h.link("c1", "octocat")
	h.link("c2", "hubot")
	h.sim.RevokeAll("octocat")
	before := h.sim.TokenRequests()
	_, _, err := call(t.Context(), h.client, "c1", "/user")
	wantClass(t, err, catalog.ReauthRequired)
	if got := h.sim.TokenRequests() - before; got != 1 {
		t.Errorf("%d refreshes, want 1", got)
	}
	h.wantCredential(1, consent.NeedsPerson)
	if status, _, err := call(t.Context(), h.client, "c2", "/user"); err != nil || status != 200 {
		t.Errorf("another person's connection: %d %v", status, err)
	}
}

func TestARefusedNewTokenIsNotRefreshedAgain(t *testing.T) {
	s := &scripted{answers: []string{renewed}, refuse: map[string]bool{"Bearer access-1": true, "Bearer access-2": true}}
	w, reg := plain(t, s.ServeHTTP, nil)
	w.store("c1", reg, provider.Tokens{Access: secret.New("access-1"), Refresh: secret.New("refresh-1")})
	_, _, err := call(t.Context(), w.client, "c1", "/x")
	wantClass(t, err, catalog.ReauthRequired)
	if diff := cmp.Diff([]string{"refresh-1"}, s.asked()); diff != "" {
		t.Errorf("refreshed (-want +got):\n%s", diff)
	}
	// The call, the call with the new token, and the question whose account it is.
	if diff := cmp.Diff([]string{"Bearer access-1", "Bearer access-2", "Bearer access-2"}, s.called()); diff != "" {
		t.Errorf("called with (-want +got):\n%s", diff)
	}
	w.wantCredential(2, consent.NeedsPerson)
}

func TestATokenWithoutARefreshIsConfirmedDead(t *testing.T) {
	h := newHub(t, "oauth_app", simulator.Quirks{})
	h.link("c1", "octocat", "repo")
	h.sim.RevokeAll("octocat")
	calls := len(h.sim.Calls())
	_, _, err := call(t.Context(), h.client, "c1", "/user/repos")
	wantClass(t, err, catalog.ReauthRequired)
	var paths []string
	for _, c := range h.sim.Calls()[calls:] {
		paths = append(paths, c.Path)
	}
	if diff := cmp.Diff([]string{"/api/v3/user/repos", "/api/v3/user"}, paths); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	h.wantCredential(1, consent.NeedsPerson)
}

func TestARefusalOfOneEndpointDoesNotEndTheConnection(t *testing.T) {
	s := &scripted{answers: []string{renewed}, refuse: map[string]bool{"/api/odd": true}}
	w, reg := plain(t, s.ServeHTTP, nil)
	w.store("c1", reg, provider.Tokens{Access: secret.New("access-1")})
	_, _, err := call(t.Context(), w.client, "c1", "/odd")
	wantClass(t, err, catalog.UpgradeNeeded)
	w.wantCredential(1, consent.Healthy)
	if status, _, err := call(t.Context(), w.client, "c1", "/even"); err != nil || status != 200 {
		t.Errorf("another endpoint: %d %v", status, err)
	}
}

func TestATokenInMemoryMayBeAGenerationBehind(t *testing.T) {
	s := &scripted{answers: []string{renewed}, refuse: map[string]bool{"Bearer access-1": true, "Bearer access-b": true}}
	w, reg := plain(t, s.ServeHTTP, nil)
	w.store("c1", reg, provider.Tokens{Access: secret.New("access-1"), Refresh: secret.New("refresh-1")})
	if _, err := w.client.APIBase(t.Context(), "c1"); err != nil { // now it is in memory
		t.Fatal(err)
	}
	sealed, err := w.client.Seal("c1", 2, provider.Tokens{Access: secret.New("access-b"), Refresh: secret.New("refresh-b")})
	if err != nil {
		t.Fatal(err)
	}
	w.mem.change("c1", func(c *provider.Credential) { c.Version, c.Sealed = 2, sealed })
	if status, _, err := call(t.Context(), w.client, "c1", "/x"); err != nil || status != 200 {
		t.Errorf("call: %d %v", status, err)
	}
	if diff := cmp.Diff([]string{"refresh-b"}, s.asked()); diff != "" {
		t.Errorf("refreshed (-want +got):\n%s", diff)
	}
	w.wantCredential(3, consent.Healthy)
}

func TestThreat_B14_ATokenGoesNowhereElse(t *testing.T) {
	var seen atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen.Add(1) }))
	t.Cleanup(other.Close)
	s := &scripted{answers: []string{renewed}}
	w, reg := plain(t, s.ServeHTTP, nil)
	w.store("c1", reg, provider.Tokens{Access: secret.New("access-1")})
	base, err := w.client.APIBase(t.Context(), "c1")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{other.URL + "/api/x", strings.TrimSuffix(base, "/api") + "/x", base + "x", base, strings.Replace(base, "http://", "http://u@", 1) + "/x"} {
		req, err := http.NewRequest(http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := w.client.Do(t.Context(), "c1", req); err == nil {
			resp.Body.Close()
			t.Errorf("%s was called", target)
		}
	}
	if seen.Load() != 0 || len(s.called()) != 0 {
		t.Errorf("%d foreign calls and %v", seen.Load(), s.called())
	}
}

func TestThreat_B14_RedirectsComeBackAsAnswers(t *testing.T) {
	var followed atomic.Bool
	w, reg := plain(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/there" {
			followed.Store(true)
		}
		http.Redirect(rw, r, "/api/there", http.StatusMovedPermanently)
	}, nil)
	w.store("c1", reg, provider.Tokens{Access: secret.New("access-1")})
	status, _, err := call(t.Context(), w.client, "c1", "/here")
	if err != nil || status != http.StatusMovedPermanently || followed.Load() {
		t.Errorf("%d %v, followed: %v", status, err, followed.Load())
	}
}

func TestLongAnswersArriveWhole(t *testing.T) {
	long := `{"ok":true,"text":"` + strings.Repeat("x", 300<<10) + `"}`
	for _, body := range []string{`{"ok":true}`, long} {
		w, reg := plain(t, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, body) },
			func(p *catalog.Provider) { p.OK, p.Fault = "/ok", "/error" })
		w.store("c1", reg, provider.Tokens{Access: secret.New("access-1")})
		if _, got, err := call(t.Context(), w.client, "c1", "/x"); err != nil || got != body {
			t.Errorf("%d of %d bytes, %v", len(got), len(body), err)
		}
	}
}

func TestAProviderThatIsDownHarmsNobodyElse(t *testing.T) {
	h := newHub(t, "oauth_app", simulator.Quirks{})
	h.link("c1", "octocat", "repo")
	s := &scripted{answers: []string{renewed}}
	srv := httptest.NewServer(s)
	h.cat.Providers["other"] = &catalog.Provider{ID: "other", WebURL: srv.URL, APIURL: srv.URL, Variants: []catalog.Variant{{ID: "v"}}}
	other := h.register(provider.Registration{ID: "r2", Provider: "other", ClientID: "app", Secret: secret.New("x")})
	h.store("c2", other, provider.Tokens{Access: secret.New("access-1")})
	if status, _, err := call(t.Context(), h.client, "c2", "/x"); err != nil || status != 200 {
		t.Fatalf("%d %v", status, err)
	}
	srv.Close()
	if _, err := post(t, h.world, "c2", "/x", "{}"); err == nil { // a kept connection may swallow this one
		t.Error("a closed server answered")
	}
	_, err := post(t, h.world, "c2", "/x", "{}")
	wantClass(t, err, catalog.ProviderDown)
	var e *provider.Error
	if !errors.As(err, &e) || e.MayHaveHappened() {
		t.Errorf("%v: nothing was sent, so nothing can have happened", err)
	}
	if got := h.mem.get("c2").Health; got != consent.Healthy {
		t.Errorf("health %s after an outage", got)
	}
	if status, _, err := call(t.Context(), h.client, "c1", "/user"); err != nil || status != 200 {
		t.Errorf("the other provider: %d %v", status, err)
	}
	h.sim.SetDown(true)
	if status, _, err := call(t.Context(), h.client, "c1", "/user"); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("%d %v, want the provider's own 503", status, err)
	}
}

func TestAnUnansweredWriteMayHaveHappened(t *testing.T) {
	w, reg := plain(t, func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}, nil)
	w.store("c1", reg, provider.Tokens{Access: secret.New("access-canary")})
	_, err := post(t, w, "c1", "/x?q=query-canary", "body-canary")
	var e *provider.Error
	if !errors.As(err, &e) || !e.MayHaveHappened() || e.Class() != catalog.ProviderDown {
		t.Errorf("%v, want an unknown outcome", err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v", err, err), "canary") {
		t.Errorf("the error quotes what was sent: %v", err)
	}
}

func TestABodyThatCannotBeRepeatedIsRefused(t *testing.T) {
	s := &scripted{answers: []string{renewed}}
	w, reg := plain(t, s.ServeHTTP, nil)
	w.store("c1", reg, provider.Tokens{Access: secret.New("access-1")})
	req, err := http.NewRequest(http.MethodPost, "http://example.com", io.NopCloser(bytes.NewReader([]byte("x"))))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := w.client.Do(t.Context(), "c1", req); err == nil {
		resp.Body.Close()
		t.Error("sent")
	}
}

func TestADisconnectedConnectionCallsNobody(t *testing.T) {
	s := &scripted{answers: []string{renewed}}
	w, reg := plain(t, s.ServeHTTP, nil)
	if _, _, err := call(t.Context(), w.client, "gone", "/x"); !errors.Is(err, provider.ErrDisconnected) {
		t.Errorf("unknown connection: %v", err)
	}
	w.store("c1", reg, provider.Tokens{Access: secret.New("access-1")})
	w.mem.change("c1", func(c *provider.Credential) { c.Health = consent.Disconnected })
	if _, _, err := call(t.Context(), w.client, "c1", "/x"); !errors.Is(err, provider.ErrDisconnected) {
		t.Errorf("disconnected connection: %v", err)
	}
	if len(s.called()) != 0 {
		t.Errorf("called with %v", s.called())
	}
}

func TestThreat_C5_OnlyAllowedAddressesAreCalled(t *testing.T) {
	s := &scripted{answers: []string{renewed}}
	w, reg := plain(t, s.ServeHTTP, nil)
	for _, raw := range []string{"http://10.0.0.1", "http://example.com", "ftp://x", "https://u:p@example.com", "https://example.com?x=1", "x", ""} {
		if raw != "" && provider.CheckURL(raw, true) == nil {
			t.Errorf("%q may be called", raw)
		}
	}
	if err := provider.CheckURL("https://github.example.com/api/v3/", true); err != nil {
		t.Error(err)
	}
	strict, err := provider.New(provider.Config{
		Catalog: w.cat, Registrations: w.mem, Credentials: w.mem, Vault: w.vault, Now: w.now, Log: discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := strict.AuthorizeURL(reg, provider.Ask{}); err == nil {
		t.Error("loopback is allowed without being asked for")
	}
	reg.WebURL, reg.APIURL = "https://127.0.0.1:1", "https://127.0.0.1:1"
	_, err = strict.Exchange(t.Context(), reg, provider.Redemption{Code: secret.New("c")})
	if err == nil || !strings.Contains(err.Error(), "not a permitted destination") {
		t.Errorf("a loopback address behind https: %v", err)
	}
}

func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	w := newWorld(t, defaultCatalog(t))
	good := provider.Config{Catalog: w.cat, Registrations: w.mem, Credentials: w.mem, Vault: w.vault, Now: w.now, Log: discard()}
	for name, change := range map[string]func(*provider.Config){
		"no vault":     func(c *provider.Config) { c.Vault = nil },
		"short lease":  func(c *provider.Config) { c.Lease = 15 * time.Second },
		"long memory":  func(c *provider.Config) { c.Keep = time.Minute },
		"slow request": func(c *provider.Config) { c.TokenTimeout = 20 * time.Second },
	} {
		bad := good
		change(&bad)
		if _, err := provider.New(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAPersonPicksFromEveryPage(t *testing.T) {
	h := newHub(t, "oauth_app", simulator.Quirks{})
	h.link("c1", "octocat", "repo")
	p := h.cat.Providers["github"]
	picker := p.Pickers["github.repository"]
	picker.Call.Query["per_page"] = "10"
	var names []string
	cursor := ""
	for range 20 {
		page, err := h.client.ListResources(t.Context(), "c1", "github.repository", cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			if item.Type != "github.repository" || item.ID == "" || item.Updated.IsZero() {
				t.Errorf("item %+v is not complete", item)
			}
			names = append(names, item.Name)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(names) < 30 || !slices.Contains(names, "acme/web") {
		t.Errorf("%d repositories: %v", len(names), names)
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("a repository is there twice")
	}
	for _, bad := range []string{"per_page=1", "affiliation=owner&page=2", "page=1&page=2", "%zz", strings.Repeat("x", 2000)} {
		if _, err := h.client.ListResources(t.Context(), "c1", "github.repository", bad); err == nil {
			t.Errorf("cursor %.20q was accepted", bad)
		}
	}
	if _, err := h.client.ListResources(t.Context(), "c1", "github.gist", ""); err == nil {
		t.Error("there is a picker for gists")
	}
	h.sim.SetQuirks(simulator.Quirks{SSOPartial: true})
	page, err := h.client.ListResources(t.Context(), "c1", "github.repository", "")
	if err != nil || !page.Incomplete {
		t.Errorf("incomplete: %v, %v", page.Incomplete, err)
	}
}

func TestAProviderIsToldAndSaysWhatHappened(t *testing.T) {
	told := func(h *hub, tokens provider.Tokens) provider.Revocation {
		got, _ := h.client.Revoke(t.Context(), h.reg, tokens, keepNothing)
		return got
	}
	h := newHub(t, "oauth_app", simulator.Quirks{})
	tokens := h.link("c1", "octocat", "repo")
	if got := told(h, tokens); got != provider.Revoked {
		t.Errorf("first: %s", got)
	}
	if status, _, err := call(t.Context(), h.client, "c1", "/user"); err == nil {
		t.Errorf("the token still works: %d", status)
	}
	if got := told(h, tokens); got != provider.AlreadyGone {
		t.Errorf("again: %s", got)
	}
	h.sim.SetDown(true)
	if got := told(h, tokens); got != provider.Unreachable {
		t.Errorf("while down: %s", got)
	}
	h = newHub(t, "github_app", simulator.Quirks{Expiring: true})
	tokens = h.link("c1", "octocat")
	h.advance(24 * time.Hour)
	if got := told(h, tokens); got != provider.Revoked {
		t.Errorf("with an access token that ran out: %s", got)
	}
	w, reg := plain(t, (&scripted{}).ServeHTTP, nil)
	if got, err := w.client.Revoke(t.Context(), reg, tokens, keepNothing); got != provider.NotOffered || err != nil {
		t.Errorf("without such a call: %s %v", got, err)
	}
}
