package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/internal/store"
)

// leaving disconnects a connection of Ana's whose provider has not confirmed.
func leaving(t *testing.T, s *store.Store) {
	t.Helper()
	connected(t, s, "conn")
	err := s.DB.Tx(t.Context(), func(ctx context.Context) error {
		cred, err := s.EndConnection(ctx, "ana", "conn", at())
		if err != nil {
			return err
		}
		return s.PutFarewell(ctx, connect.Farewell{Connection: "conn", Tokens: cred, Due: at(), Ends: at().Add(time.Hour)})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Of replicas that look for what is due one tells the provider, and another only when
// that one died over it.
func TestThreat_C22_OneReplicaTells(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		leaving(t, s)
		if took := race(t, func(int) (bool, error) {
			f, found, err := s.TakeFarewell(t.Context(), at(), at().Add(time.Minute))
			if found && (f.Tries != 1 || f.Again || string(f.Tokens.Sealed.Refresh) != "refresh" || f.Tokens.Registration != "github") {
				t.Errorf("took %+v", f)
			}
			return found, err
		}); took != 1 {
			t.Errorf("%d took it, want 1", took)
		}
		f, found, err := s.TakeFarewell(t.Context(), at().Add(time.Minute), at().Add(2*time.Minute))
		if err != nil || !found || f.Tries != 2 {
			t.Errorf("after its time: %+v, %v, %v", f, found, err)
		}
	})
}

// Refreshed tokens replace the generation that they came from, and no later one.
func TestThreat_C22_RefreshedTokensReplaceTheirOwn(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		leaving(t, s)
		f, _, err := s.TakeFarewell(t.Context(), at(), at())
		if err != nil {
			t.Fatal(err)
		}
		next := f.Tokens
		next.Version++
		next.Sealed.Refresh = []byte("fresh")
		if err := s.KeepFarewell(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		if err := s.KeepFarewell(t.Context(), next); err == nil {
			t.Error("the same generation was replaced twice")
		}
		f, _, err = s.TakeFarewell(t.Context(), at(), at())
		if err != nil || f.Tokens.Version != 2 || string(f.Tokens.Sealed.Refresh) != "fresh" {
			t.Errorf("%+v, %v", f.Tokens, err)
		}
		if err := s.EndFarewell(t.Context(), "conn", false); err != nil {
			t.Fatal(err)
		}
		if _, found, err := s.TakeFarewell(t.Context(), at().Add(time.Hour), at()); found || err != nil {
			t.Errorf("ended, and still there: %v, %v", found, err)
		}
	})
}
