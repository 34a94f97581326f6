package store_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/store"
)

// agreeTo stores a grant with the named modifiers.
func agreeTo(t *testing.T, s *store.Store, names ...consent.ScopeName) consent.GrantID {
	t.Helper()
	g := consent.Grant{User: "ana", App: "scout"}
	for _, name := range names {
		g.Items = append(g.Items, consent.Item{Scope: name, Since: at(), Until: at().Add(30 * 24 * time.Hour), Rate: consent.Rate{Daily: 7, Every: time.Hour}})
	}
	id, err := s.SaveGrant(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestARateIsKept(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		g, err := s.Grant(t.Context(), agreeTo(t, s, consent.Recurring))
		if err != nil || g.Items[0].Rate != (consent.Rate{Daily: 7, Every: time.Hour}) {
			t.Errorf("%+v, %v", g, err)
		}
	})
}

// Of calls at the same time exactly as many pass as there is room for; and a call
// that needs two budgets uses up none when one of them has no room.
func TestABudgetIsExact(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		id := agreeTo(t, s, consent.Background, consent.UnattendedWrites)
		many, few := consent.Budget{Scope: consent.Background, Rate: consent.Rate{Daily: 100}}, consent.Budget{Scope: consent.UnattendedWrites, Rate: consent.Rate{Daily: 7}}
		passed := race(t, func(i int) (bool, error) {
			budgets := []consent.Budget{many, few}
			if i%2 == 0 {
				budgets = budgets[1:]
			}
			short, err := s.Spend(t.Context(), id, budgets)
			if short != (consent.Shortage{}) && (short.Scope != few.Scope || short.Denial != consent.DailyLimit || short.Wait != consent.RateDay) {
				t.Errorf("%+v", short)
			}
			return short.Denial == consent.Permitted, err
		})
		if passed != 7 {
			t.Errorf("%d calls passed, want 7", passed)
		}
		var counted []int
		if err := s.DB.Read(t.Context()).Raw("SELECT day_calls FROM grant_items WHERE grant_id = ? ORDER BY scope", id).Scan(&counted).Error; err != nil {
			t.Fatal(err)
		}
		if counted[0] > 7 || counted[1] != 7 {
			t.Errorf("counted %v", counted)
		}
	})
}

// TestTheDatabaseCountsLikeTheRule: whatever happens when, the conditional update
// lets through what consent.Rate.Room lets through.
func TestTheDatabaseCountsLikeTheRule(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		id := agreeTo(t, s, consent.Recurring)
		rapid.Check(t, func(t *rapid.T) {
			now := at()
			s := &store.Store{DB: s.DB, Now: func() time.Time { return now }}
			reset := func(ctx context.Context) error {
				return s.DB.Read(ctx).Exec("UPDATE grant_items SET day_began = 0, day_calls = 0, visit_began = 0, until = ? WHERE grant_id = ?", at().Add(30*24*time.Hour).UnixMilli(), id).Error
			}
			if err := s.DB.Tx(context.Background(), reset); err != nil {
				t.Fatal(err)
			}
			var use consent.Use
			rate := consent.Rate{
				Daily: rapid.IntRange(0, 4).Draw(t, "daily"),
				Every: rapid.SampledFrom([]time.Duration{0, time.Hour, 24 * time.Hour}).Draw(t, "every"),
			}
			for range rapid.IntRange(1, 12).Draw(t, "calls") {
				now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Minute, consent.Visit, 50 * time.Minute, time.Hour, 23 * time.Hour, 24 * time.Hour}).Draw(t, "later"))
				want, wait := rate.Room(use, now)
				got, err := s.Spend(context.Background(), id, []consent.Budget{{Scope: consent.Recurring, Rate: rate}})
				if err != nil || got.Denial != want || got.Wait != wait {
					t.Fatalf("%+v after %+v at %s: the database says %+v (%v), the rule %q after %s", rate, use, now, got, err, want, wait)
				}
				if want == consent.Permitted {
					use = count(use, now)
				}
			}
		})
	})
}

// count adds a call that there was room for.
func count(u consent.Use, now time.Time) consent.Use {
	if !now.Before(u.Day.Add(consent.RateDay)) {
		u.Day, u.Calls = now, 0
	}
	if !now.Before(u.Visit.Add(consent.Visit)) {
		u.Visit = now
	}
	u.Calls++
	return u
}

func TestABudgetEndsWithItsAgreement(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		id := agreeTo(t, s, consent.Background)
		budget := []consent.Budget{{Scope: consent.Background, Rate: consent.Rate{Daily: 5}}}
		gone := consent.Shortage{Scope: consent.Background, Denial: consent.ScopeMissing}
		late := &store.Store{DB: s.DB, Now: func() time.Time { return at().Add(30 * 24 * time.Hour) }}
		if got, err := late.Spend(t.Context(), id, budget); err != nil || got != gone {
			t.Errorf("after its end: %+v, %v", got, err)
		}
		if got, err := s.Spend(t.Context(), "grant_other", budget); err != nil || got != gone {
			t.Errorf("of another grant: %+v, %v", got, err)
		}
		if got, err := s.Spend(t.Context(), id, budget); err != nil || got != (consent.Shortage{}) {
			t.Errorf("before its end: %+v, %v", got, err)
		}
	})
}
