package store_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// connected saves a connection of Ana's, generation 1.
func connected(t *testing.T, s *store.Store, id consent.ConnectionID) {
	t.Helper()
	saved, err := s.SaveConnection(t.Context(), connect.Link{
		ID: id, User: "ana", Registration: "github", Provider: "github", Variant: "oauth_app",
		Account: provider.Account{Subject: string(id), Login: string(id)}, Granted: []string{"repo"},
		Sealed: provider.Sealed{Access: []byte("access"), Refresh: []byte("refresh")}, IssuedAt: at(), At: at(),
	})
	if err != nil || !saved {
		t.Fatal(saved, err)
	}
}

// credentials are the tokens of s, with records of what happens to them.
func credentials(s *store.Store) store.Credentials {
	return store.Credentials{Rows: s, Audit: audit.New(audit.Config{DB: s.DB, Now: at, Log: slog.New(slog.DiscardHandler)})}
}

func claim(id consent.ConnectionID, attempt string, now time.Time) provider.Claim {
	return provider.Claim{Connection: id, Version: 1, Attempt: attempt, Now: now, For: time.Minute}
}

// Of many who want to refresh one gets the lease. Who comes after a holder that
// never ended it is told of the doubt; new tokens end attempt, doubt and rest.
func TestThreat_C17_OneHolderAndItsDoubt(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		connected(t, s, "conn")
		c := credentials(s)
		if won := race(t, func(i int) (bool, error) {
			won, cred, err := c.Lease(t.Context(), claim("conn", fmt.Sprint("holder", i), at()))
			if won && cred.Unsure {
				t.Error("the first attempt is in doubt")
			}
			return won, err
		}); won != 1 {
			t.Fatalf("%d got the lease, want 1", won)
		}
		later := at().Add(time.Minute)
		if won, cred, err := c.Lease(t.Context(), claim("conn", "heir", later)); err != nil || !won || !cred.Unsure {
			t.Fatalf("after the lease: %v, %+v, %v; want it, in doubt", won, cred, err)
		}
		rest := provider.Rest{Class: catalog.ProviderDown, Failures: 1, Until: later.Add(time.Hour)}
		verdict, err := c.Fail(t.Context(), provider.Failure{Connection: "conn", Version: 1, Attempt: "holder", Class: catalog.ProviderDown, Rest: rest, At: later})
		if err != nil || verdict != provider.Overtaken {
			t.Errorf("somebody else's failure: %s, %v", verdict, err)
		}
		verdict, err = c.Fail(t.Context(), provider.Failure{Connection: "conn", Version: 1, Attempt: "heir", Class: catalog.ProviderDown, Rest: rest, At: later})
		if err != nil || verdict != provider.Resting {
			t.Errorf("its own failure: %s, %v", verdict, err)
		}
		if won, _, err := c.Lease(t.Context(), claim("conn", "early", later.Add(time.Minute))); err != nil || won {
			t.Errorf("during the rest: %v, %v", won, err)
		}
		got, err := c.Load(t.Context(), "conn")
		if err != nil || !got.Unsure || !got.LeaseUntil.IsZero() {
			t.Errorf("at rest: %+v, %v", got, err)
		}
		if diff := cmp.Diff(rest, got.Rest); diff != "" {
			t.Error(diff)
		}
		if won, _, err := c.Lease(t.Context(), claim("conn", "last", later.Add(time.Hour))); err != nil || !won {
			t.Fatalf("after the rest: %v, %v", won, err)
		}
		ok, err := c.Store(t.Context(), provider.Renewal{
			Connection: "conn", Version: 1, Attempt: "last", Sealed: provider.Sealed{Access: []byte("a2"), Refresh: []byte("r2")}, Granted: []string{"repo"}, IssuedAt: later,
		})
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		got, err = c.Load(t.Context(), "conn")
		want := provider.Credential{
			Connection: "conn", Registration: "github", Health: consent.Healthy, Version: 2, Granted: []string{"repo"}, IssuedAt: later,
			Sealed: provider.Sealed{Access: []byte("a2"), Refresh: []byte("r2")},
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

// A refusal ends a connection with its reason, but not while the registration
// itself is in doubt.
func TestThreat_C23_ARefusalEndsAConnectionUnlessItIsOurs(t *testing.T) {
	type ended struct {
		Health consent.Health
		Reason string
	}
	each(t, func(t *testing.T, s *store.Store) {
		c := credentials(s)
		fail := func(id consent.ConnectionID, class catalog.ErrorClass, unsure bool) (provider.Verdict, ended) {
			t.Helper()
			connected(t, s, id)
			if won, _, err := c.Lease(t.Context(), claim(id, "try", at())); err != nil || !won {
				t.Fatal(won, err)
			}
			verdict, err := c.Fail(t.Context(), provider.Failure{
				Connection: id, Version: 1, Attempt: "try", Class: class, Unsure: unsure, At: at(),
				Rest: provider.Rest{Class: class, Failures: 1, Until: at().Add(time.Minute)},
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := db.One[ended](s.DB.Read(t.Context()), "SELECT health, reason FROM connections WHERE id = ?", id)
			if err != nil {
				t.Fatal(err)
			}
			return verdict, got
		}
		verdict, got := fail("refused", catalog.ReauthRequired, false)
		if verdict != provider.Dead || got.Health != consent.NeedsPerson || got.Reason != string(catalog.ReauthRequired) {
			t.Errorf("refused: %s, %+v", verdict, got)
		}
		verdict, got = fail("lost", catalog.ReauthRequired, true)
		if verdict != provider.Dead || got.Health != consent.NeedsPerson || got.Reason != provider.AnswerLost {
			t.Errorf("after a lost answer: %s, %+v", verdict, got)
		}
		for _, class := range []catalog.ErrorClass{catalog.ProviderDown, catalog.Misconfigured, catalog.ReauthRequired} {
			verdict, got = fail(consent.ConnectionID(class), class, false)
			if verdict != provider.Resting || got.Health != consent.Healthy || got.Reason != "" {
				t.Errorf("%s after the client was refused: %s, %+v", class, verdict, got)
			}
		}
	})
}
