package store_test

import (
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/store"
)

// Of replicas that take at the same time, no two take the same calls.
func TestTakingIsExact(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		id := agreeTo(t, s, consent.Background)
		a := consent.Allowance{Minute: consent.Amount{Calls: 100, Changes: 9}, Day: consent.Amount{Calls: 50}}
		passed := race(t, func(int) (bool, error) {
			_, got, err := s.Take(t.Context(), id, a, consent.Amount{Calls: 7, Changes: 1}, consent.Amount{}, at())
			return got.Calls == 7, err
		})
		spent, got, err := s.Take(t.Context(), id, a, consent.Amount{Calls: 1, Changes: 1}, consent.Amount{}, at())
		if err != nil || passed != 7 || got != (consent.Amount{}) || spent.InMinute != (consent.Amount{Calls: 50, Changes: 9}) || spent.InDay != spent.InMinute {
			t.Errorf("%d took seven, then %+v were left of %+v, %v", passed, got, spent, err)
		}
		if _, _, err := s.Take(t.Context(), "nobody", a, consent.Amount{Calls: 1}, consent.Amount{}, at()); err == nil {
			t.Error("calls of no grant were counted")
		}
	})
}
