package provider_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

const spent = `{"error":"invalid_grant"}`

// A rest is in the row: no other replica asks a provider that is down either, and
// the rests grow, but never beyond six hours.
func TestRestsAreSharedAndGrow(t *testing.T) {
	s := &scripted{answers: []string{"503"}}
	w := old(t, s)
	other := w.replica()
	var longest time.Duration
	for range 30 {
		_, _, err := call(t.Context(), w.client, "c1", "/x")
		wantClass(t, err, catalog.ProviderDown)
		asked := len(s.asked())
		_, _, err = call(t.Context(), other, "c1", "/x")
		wantClass(t, err, catalog.ProviderDown)
		if len(s.asked()) != asked {
			t.Fatal("another replica did not keep the rest")
		}
		rest := w.mem.get("c1").Rest
		wait := rest.Until.Sub(w.now())
		if wait <= 0 || wait > 6*time.Hour+time.Second || rest.Class != catalog.ProviderDown {
			t.Fatalf("rest %+v at %s", rest, w.now())
		}
		longest = max(longest, wait)
		w.advance(wait)
	}
	if longest < 10*time.Minute {
		t.Errorf("the longest of 30 rests is %s", longest)
	}
	s.answer(renewed)
	if status, _, err := call(t.Context(), other, "c1", "/x"); err != nil || status != http.StatusOK {
		t.Errorf("after the outage: %d %v", status, err)
	}
	w.wantCredential(2, consent.Healthy)
	if got := w.mem.get("c1"); got.Unsure || got.Rest != (provider.Rest{}) {
		t.Errorf("after new tokens: %+v", got)
	}
}

// Whoever finds an attempt that nobody ended tries the old token once. A provider
// that gives the same successor again heals it; one that refuses had spent it.
func TestThreat_C17_AnAttemptThatNobodyEndedIsInDoubt(t *testing.T) {
	for answer, want := range map[string]struct {
		health consent.Health
		reason string
	}{
		renewed: {consent.Healthy, ""},
		spent:   {consent.NeedsPerson, provider.AnswerLost},
	} {
		s := &scripted{answers: []string{answer}}
		w := old(t, s)
		won, _, err := w.mem.Lease(t.Context(), provider.Claim{Connection: "c1", Version: 1, Attempt: "of the dead", Now: w.now(), For: time.Second})
		if err != nil || !won {
			t.Fatal(won, err)
		}
		w.advance(2 * time.Second)
		_, _, _ = call(t.Context(), w.client, "c1", "/x")
		if asked := s.asked(); len(asked) != 1 || asked[0] != "refresh-1" {
			t.Errorf("%s: asked with %v, want the old token once", answer, asked)
		}
		if got, reason := w.mem.get("c1"), w.mem.reason("c1"); got.Health != want.health || reason != want.reason {
			t.Errorf("%s: %s because of %q, want %s because of %q", answer, got.Health, reason, want.health, want.reason)
		}
	}
}

// A refusal without any doubt is the person's: its reason says so.
func TestThreat_C23_ARefusedTokenIsAskedForOnce(t *testing.T) {
	s := &scripted{answers: []string{spent}}
	w := old(t, s)
	for range 20 {
		_, _, err := call(t.Context(), w.client, "c1", "/x")
		wantClass(t, err, catalog.ReauthRequired)
	}
	if asked := s.asked(); len(asked) != 1 {
		t.Errorf("%d refreshes of a refused token, want 1", len(asked))
	}
	if reason := w.mem.reason("c1"); reason != string(catalog.ReauthRequired) {
		t.Errorf("reason %q", reason)
	}
}

// A changed client secret looks to some providers' answers like many people who
// took their yes back. They are not given up, and come back when it is repaired.
func TestThreat_C23_ManyRefusalsAreOurs(t *testing.T) {
	s := &scripted{answers: []string{spent}}
	w := old(t, s)
	reg := w.mem.get("c1").Registration
	for i := 2; i <= 20; i++ {
		id := consent.ConnectionID(fmt.Sprintf("c%d", i))
		w.store(id, provider.Registration{ID: reg}, provider.Tokens{
			Access: secret.New("access"), Refresh: secret.New("refresh"), IssuedAt: w.now().Add(-time.Hour), ExpiresAt: w.now(),
		})
	}
	var dead []consent.ConnectionID
	for i := 1; i <= 20; i++ {
		id := consent.ConnectionID(fmt.Sprintf("c%d", i))
		_, _, err := call(t.Context(), w.client, id, "/x")
		if w.mem.get(id).Health == consent.NeedsPerson {
			dead = append(dead, id)
			wantClass(t, err, catalog.ReauthRequired)
			continue
		}
		wantClass(t, err, catalog.Misconfigured)
	}
	if len(dead) != 4 {
		t.Fatalf("%v were given up, want the first four", dead)
	}
	s.answer(renewed)
	w.advance(time.Minute)
	for i := 5; i <= 20; i++ {
		if status, _, err := call(t.Context(), w.client, consent.ConnectionID(fmt.Sprintf("c%d", i)), "/x"); err != nil || status != http.StatusOK {
			t.Errorf("c%d after the repair: %d %v", i, status, err)
		}
	}
}

// Judge against its sentences: only reauth_required ends a connection, never in the
// ten minutes after the registration was in doubt, and never nine in ten minutes
// without a refresh between that went well.
func TestOnlyUndoubtedRefusalsEndAConnection(t *testing.T) {
	classes := []catalog.ErrorClass{catalog.ReauthRequired, catalog.ReauthRequired, catalog.ReauthRequired, catalog.Misconfigured, catalog.ProviderDown, ""}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_795_000_000, 0)
		var trouble provider.Trouble
		var doubted, deaths []time.Time
		for range rapid.IntRange(1, 60).Draw(t, "refusals") {
			now = now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "seconds")) * time.Second)
			class := rapid.SampledFrom(classes).Draw(t, "class")
			if class == "" { // a refresh went well
				trouble, doubted, deaths = provider.Trouble{}, nil, nil
				continue
			}
			var dead bool
			dead, trouble = trouble.Judge(class, now)
			if class == catalog.Misconfigured {
				doubted = append(doubted, now)
			}
			if !dead {
				continue
			}
			deaths = append(deaths, now)
			if class != catalog.ReauthRequired {
				t.Fatalf("%s ended a connection", class)
			}
			if n := len(doubted); n > 0 && now.Sub(doubted[n-1]) < 10*time.Minute {
				t.Fatalf("given up %s after the client was refused", now.Sub(doubted[n-1]))
			}
			if n := len(deaths); n >= 9 && now.Sub(deaths[n-9]) < 10*time.Minute {
				t.Fatal("nine were given up within ten minutes")
			}
		}
	})
}
