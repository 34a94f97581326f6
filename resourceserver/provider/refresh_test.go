package provider_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/simulator"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

func TestThreat_C17_ManyCallsOnThreeReplicasRefreshOnce(t *testing.T) {
	h := newHub(t, "github_app", simulator.Quirks{Expiring: true, SlowToken: 20 * time.Millisecond})
	h.link("c1", "octocat")
	before := h.sim.TokenRequests()
	h.advance(7*time.Hour + 50*time.Minute) // ten minutes before the end
	replicas := []*provider.Client{h.client, h.replica(), h.replica()}
	var wg sync.WaitGroup
	var failed atomic.Int64
	for i := range 200 {
		wg.Go(func() {
			status, _, err := call(t.Context(), replicas[i%3], "c1", "/user")
			if err != nil || status != http.StatusOK {
				failed.Add(1)
				t.Errorf("call %d: %d %v", i, status, err)
			}
		})
	}
	wg.Wait()
	if got := h.sim.TokenRequests() - before; got != 1 {
		t.Errorf("%d refreshes, want 1", got)
	}
	if got := h.mem.get("c1"); got.Version != 2 || got.Health != consent.Healthy {
		t.Errorf("credential is generation %d and %s, want 2 and healthy", got.Version, got.Health)
	}
}

func TestManyRefusedCallsRefreshOnce(t *testing.T) {
	h := newHub(t, "github_app", simulator.Quirks{Expiring: true})
	h.link("c1", "octocat")
	before := h.sim.TokenRequests()
	h.sim.ExpireTokens() // early: the clock does not tell
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			status, _, err := call(t.Context(), h.client, "c1", "/user")
			if err != nil || status != http.StatusOK {
				t.Errorf("call %d: %d %v", i, status, err)
			}
		})
	}
	wg.Wait()
	if got := h.sim.TokenRequests() - before; got != 1 {
		t.Errorf("%d refreshes, want 1", got)
	}
}

func TestACallerWhoLeavesDoesNotLoseTheToken(t *testing.T) {
	h := newHub(t, "github_app", simulator.Quirks{Expiring: true, SlowToken: 100 * time.Millisecond})
	h.link("c1", "octocat")
	h.advance(9 * time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := call(ctx, h.client, "c1", "/user"); err == nil {
		t.Fatal("the call did not wait for the slow provider")
	}
	h.client.Drain()
	if got := h.mem.get("c1").Version; got != 2 {
		t.Fatalf("generation %d after the caller left, want 2", got)
	}
	if status, _, err := call(t.Context(), h.client, "c1", "/user"); err != nil || status != 200 {
		t.Errorf("next call: %d %v", status, err)
	}
}

// scripted is a token endpoint that answers what the test says, in order; the
// last answer repeats. An answer "lost" drops the connection.
type scripted struct {
	mu      sync.Mutex
	answers []string
	seen    []string // refresh tokens
	calls   []string // Authorization headers of API calls
	refuse  map[string]bool
	during  func()
}

func (s *scripted) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != "/token" {
		auth := r.Header.Get("Authorization")
		s.calls = append(s.calls, auth)
		if s.refuse[auth] || s.refuse[r.URL.Path] {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(rw, `{"id":1,"login":"me"}`)
		return
	}
	s.seen = append(s.seen, r.FormValue("refresh_token"))
	if s.during != nil {
		s.during()
	}
	answer := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	switch {
	case answer == "lost":
		panic(http.ErrAbortHandler)
	case strings.HasPrefix(answer, "5"):
		rw.WriteHeader(http.StatusServiceUnavailable)
	default:
		fmt.Fprint(rw, answer)
	}
}

func (s *scripted) answer(answers ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = answers
}

// asked returns the refresh tokens that came in.
func (s *scripted) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// called returns the Authorization headers of API calls.
func (s *scripted) called() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

const renewed = `{"access_token":"access-2","refresh_token":"refresh-2","expires_in":3600}`

// old is a world with a connection whose access token has just ended.
func old(t *testing.T, s *scripted) *world {
	t.Helper()
	w, reg := plain(t, s.ServeHTTP, nil)
	w.store("c1", reg, provider.Tokens{
		Access: secret.New("access-1"), Refresh: secret.New("refresh-1"), Granted: []string{"x"},
		IssuedAt: w.now(), ExpiresAt: w.now().Add(time.Hour),
	})
	w.advance(time.Hour)
	return w
}

func (w *world) wantCredential(version int64, health consent.Health) {
	w.t.Helper()
	got := w.mem.get("c1")
	if got.Version != version || got.Health != health {
		w.t.Errorf("credential is generation %d and %s, want %d and %s", got.Version, got.Health, version, health)
	}
}

func TestALostAnswerIsAskedForOnceMore(t *testing.T) {
	for name, first := range map[string]string{"dropped": "lost", "outage after the effect": "503", "unreadable": "{"} {
		t.Run(name, func(t *testing.T) {
			s := &scripted{answers: []string{first, renewed}}
			w := old(t, s)
			if status, _, err := call(t.Context(), w.client, "c1", "/x"); err != nil || status != 200 {
				t.Errorf("call: %d %v", status, err)
			}
			if len(s.asked()) != 2 || s.asked()[0] != "refresh-1" || s.asked()[1] != "refresh-1" {
				t.Errorf("token endpoint saw %v, want the same token twice", s.asked())
			}
			w.wantCredential(2, consent.Healthy)
		})
	}
}

func TestThreat_C17_ALostAnswerOfAStrictProviderNeedsThePerson(t *testing.T) {
	s := &scripted{answers: []string{"lost", `{"error":"invalid_grant"}`}}
	w := old(t, s)
	_, _, err := call(t.Context(), w.client, "c1", "/x")
	wantClass(t, err, catalog.ReauthRequired)
	w.wantCredential(1, consent.NeedsPerson)
	if _, _, err = call(t.Context(), w.client, "c1", "/x"); len(s.asked()) != 2 {
		t.Errorf("a dead connection was tried again: %v", err)
	}
	wantClass(t, err, catalog.ReauthRequired)
}

func TestOnlyReauthRequiredEndsAConnection(t *testing.T) {
	for answer, want := range map[string]catalog.ErrorClass{
		"503":                             catalog.ProviderDown,
		"lost":                            catalog.ProviderDown,
		"<html>":                          catalog.ProviderDown,
		`{"error":"invalid_client"}`:      catalog.Misconfigured,
		`{"error":"never heard of"}`:      catalog.Misconfigured,
		`{"error":"server_error"}`:        catalog.ProviderDown,
		`{"error":"unauthorized_client"}`: catalog.Misconfigured,
	} {
		s := &scripted{answers: []string{answer}}
		w := old(t, s)
		_, _, err := call(t.Context(), w.client, "c1", "/x")
		wantClass(t, err, want)
		w.wantCredential(1, consent.Healthy)
		asked := len(s.asked())
		_, _, err = call(t.Context(), w.client, "c1", "/x")
		wantClass(t, err, want)
		if len(s.asked()) != asked {
			t.Errorf("%s: no pause after the failure", answer)
		}
		s.answer(renewed)
		w.advance(31 * time.Second) // the longest that a first rest is
		if status, _, err := call(t.Context(), w.client, "c1", "/x"); err != nil || status != 200 {
			t.Errorf("%s: after the pause: %d %v", answer, status, err)
		}
		w.wantCredential(2, consent.Healthy)
	}
}

func TestAnOutageBeforeTheEndIsNotNoticed(t *testing.T) {
	s := &scripted{answers: []string{"503"}}
	w := old(t, s)
	w.advance(-3 * time.Minute) // six minutes are the tenth of an hour
	if status, _, err := call(t.Context(), w.client, "c1", "/x"); err != nil || status != 200 {
		t.Errorf("call: %d %v", status, err)
	}
	if len(s.asked()) == 0 || s.called()[0] != "Bearer access-1" {
		t.Errorf("refreshes %v, calls %v; want a try, then the old token", s.asked(), s.called())
	}
}

func TestALoserDoesNotEndWhatSomebodyElseRenewed(t *testing.T) {
	s := &scripted{answers: []string{`{"error":"invalid_grant"}`}}
	w := old(t, s)
	s.during = func() { // the person reconnects while the provider refuses
		sealed, err := w.client.Seal("c1", 2, provider.Tokens{Access: secret.New("access-new"), Refresh: secret.New("refresh-new")})
		if err != nil {
			t.Error(err)
		}
		w.mem.change("c1", func(c *provider.Credential) {
			c.Version, c.Sealed, c.IssuedAt, c.ExpiresAt = 2, sealed, w.now(), w.now().Add(time.Hour)
		})
	}
	if status, _, err := call(t.Context(), w.client, "c1", "/x"); err != nil || status != 200 {
		t.Errorf("call: %d %v", status, err)
	}
	if len(s.called()) != 1 || s.called()[0] != "Bearer access-new" {
		t.Errorf("called with %v, want the person's new token", s.called())
	}
	w.wantCredential(2, consent.Healthy)
}

func TestNewTokensAreStoredBeforeTheyAreUsed(t *testing.T) {
	s := &scripted{answers: []string{renewed}}
	w := old(t, s)
	w.mem.failStore = 3
	if status, _, err := call(t.Context(), w.client, "c1", "/x"); err != nil || status != 200 {
		t.Errorf("call: %d %v", status, err)
	}
	if w.mem.stores != 4 || len(s.asked()) != 1 {
		t.Errorf("%d stores and %d refreshes, want 4 and 1", w.mem.stores, len(s.asked()))
	}
	w.wantCredential(2, consent.Healthy)

	s = &scripted{answers: []string{renewed}}
	w = old(t, s)
	w.mem.failStore = 1 << 30
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := call(ctx, w.client, "c1", "/x"); err == nil {
		t.Error("an unstored token was used")
	}
	if len(s.called()) != 0 {
		t.Errorf("the API was called with %v although nothing was stored", s.called())
	}
}

func TestALeaseHeldElsewhereIsWaitedFor(t *testing.T) {
	s := &scripted{answers: []string{renewed}}
	w := old(t, s)
	w.mem.change("c1", func(c *provider.Credential) { c.LeaseUntil = w.now().Add(time.Minute) })
	done := make(chan error, 1)
	go func() {
		_, _, err := call(t.Context(), w.client, "c1", "/x")
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	w.advance(2 * time.Minute) // its holder died
	if err := <-done; err != nil {
		t.Errorf("after the lease ended: %v", err)
	}
	if len(s.asked()) != 1 {
		t.Errorf("%d refreshes, want 1", len(s.asked()))
	}
}

func TestAForgottenRefreshTokenIsAnAlarmAndTheOldOneStays(t *testing.T) {
	s := &scripted{answers: []string{`{"access_token":"access-2"}`}}
	w := old(t, s)
	if _, _, err := call(t.Context(), w.client, "c1", "/x"); err != nil {
		t.Fatal(err)
	}
	got, err := w.client.Unseal(w.mem.get("c1"))
	if err != nil || got.Refresh.Reveal() != "refresh-1" {
		t.Errorf("refresh token %q, %v", got.Refresh.Reveal(), err)
	}
	if got.Granted[0] != "x" {
		t.Errorf("granted %v, want what was granted before", got.Granted)
	}
	if !strings.Contains(w.log.String(), "level=ERROR") || strings.Contains(w.log.String(), "refresh-1") {
		t.Errorf("log %q, want an alarm without the token", w.log)
	}
}

func TestThreat_C11_AMovedTokenIsNotUsed(t *testing.T) {
	s := &scripted{answers: []string{renewed}}
	w := old(t, s)
	w.mem.put(provider.Credential{ // somebody copies c1's ciphertext into their own row
		Connection: "c2", Registration: "r1", Health: consent.Healthy, Version: 1, Sealed: w.mem.get("c1").Sealed,
		IssuedAt: w.now(), ExpiresAt: w.now().Add(time.Hour),
	})
	if _, _, err := call(t.Context(), w.client, "c2", "/x"); err == nil {
		t.Error("another row's token was used")
	}
	if len(s.called())+len(s.asked()) != 0 {
		t.Errorf("the provider saw %v %v", s.called(), s.asked())
	}
}
