package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/store"
)

// What an app made is remembered for its time, and no longer than its grant is there.
func TestWhatWasMadeIsRemembered(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx, id := t.Context(), agreeTo(t, s, consent.Background)
		is := func(name string, want bool) {
			t.Helper()
			if got, err := s.IsMade(ctx, name); err != nil || got != want {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
		for name, until := range map[string]time.Time{"new": at().Add(time.Hour), "old": at().Add(-time.Hour)} {
			for range 2 { // the same once more is no second one
				if err := s.AddMade(ctx, name, id, until); err != nil {
					t.Fatal(err)
				}
			}
		}
		is("new", true)
		is("old", false)
		is("another", false)
		if err := s.AddMade(ctx, "of no grant", "nobody", at().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		is("of no grant", false)
	})
}

// However much an app makes, what is remembered of it ends, the oldest first.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx, id := t.Context(), agreeTo(t, s, consent.Background)
		err := s.DB.Once(ctx, func(ctx context.Context) error {
			return s.DB.Read(ctx).Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10100)
				INSERT INTO made (id, grant_id, expires_at) SELECT 'm' || i, ?, CAST(? AS BIGINT) + i FROM n`, id, at().UnixMilli()).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 64 {
			if err := s.AddMade(ctx, fmt.Sprint("new ", i), id, at().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		for name, want := range map[string]bool{"m1": false, "m100": false, "m10100": true, "new 0": true, "new 63": true} {
			if got, err := s.IsMade(ctx, name); err != nil || got != want {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
	})
}
