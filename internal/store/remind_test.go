package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/store"
)

// notes keeps what was recorded.
type notes struct {
	mu   sync.Mutex
	told map[string]int
}

func (n *notes) InTx(_ context.Context, e audit.Event) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told[string(e.User)+" "+string(e.App)+" "+string(e.Scope)+" "+e.Detail]++
	return nil
}

// Each end is recorded once, whoever looks how often at the same time; a renewed
// one again when it is near; that of a grant which was taken away never.
func TestAnEndIsRecordedOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		const day = 24 * time.Hour
		item := func(name consent.ScopeName, left time.Duration) consent.Item {
			return consent.Item{Scope: name, Since: at().Add(-60 * day), Until: at().Add(left)}
		}
		save := func(app consent.AppID, id consent.GrantID, items ...consent.Item) consent.GrantID {
			id, err := s.SaveGrant(t.Context(), consent.Grant{ID: id, User: "ana", App: app, Items: items})
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		fresh := item("fresh", 3*day)
		fresh.Since = at().Add(-4 * day) // agreed to for a week: more than a quarter is left
		id := save("scout", "", item("soon", 7*day), item("later", 8*day), item("over", -day), fresh)
		gone := save("other", "", item("gone", day))
		if err := s.DB.Tx(t.Context(), func(ctx context.Context) error {
			return s.DB.Read(ctx).Exec("UPDATE grants SET revoked_at = 1 WHERE id = ?", gone).Error
		}); err != nil {
			t.Fatal(err)
		}
		n := &notes{told: map[string]int{}}
		remind := func() {
			race(t, func(int) (bool, error) { return (&store.Reminder{Store: s, Audit: n}).Remind(t.Context()) })
		}
		remind()
		want := map[string]int{"ana scout soon until " + at().Add(7*day).UTC().Format(time.DateOnly): 1}
		if diff := cmp.Diff(want, n.told); diff != "" {
			t.Fatalf("-want +got\n%s", diff)
		}
		save("scout", id, item("soon", 40*day))
		remind()
		if diff := cmp.Diff(want, n.told); diff != "" {
			t.Fatalf("forty days before its new end: -want +got\n%s", diff)
		}
		s = &store.Store{DB: s.DB, Now: func() time.Time { return at().Add(35 * day) }}
		remind()
		want["ana scout soon until "+at().Add(40*day).UTC().Format(time.DateOnly)] = 1
		if diff := cmp.Diff(want, n.told); diff != "" {
			t.Errorf("five days before its new end: -want +got\n%s", diff)
		}
	})
}

// More than a few are recorded in turns, and the turns end.
func TestManyEnds(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		g := consent.Grant{User: "ana", App: "scout"}
		for i := range 70 {
			g.Items = append(g.Items, consent.Item{Scope: consent.ScopeName(time.Duration(i).String()), Since: at().Add(-time.Hour), Until: at().Add(time.Minute)})
		}
		if _, err := s.SaveGrant(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		n := &notes{told: map[string]int{}}
		for turns := 1; ; turns++ {
			more, err := (&store.Reminder{Store: s, Audit: n}).Remind(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				if turns != 3 || len(n.told) != 70 {
					t.Errorf("%d ends in %d turns", len(n.told), turns)
				}
				return
			}
		}
	})
}
