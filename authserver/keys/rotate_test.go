package keys_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/authserver/keys"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
)

const day = 24 * time.Hour

// stages are the keys as an operator sees them, newest first.
func stages(t *testing.T, r *keys.Ring) []keys.Stage {
	t.Helper()
	var out []keys.Stage
	for _, k := range r.Keys(t.Context()) {
		out = append(out, k.Stage)
	}
	return out
}

// Two replicas tend the same keys for a year: each signs with what verifiers
// know, one key is made every thirty days, and the rows stay few.
func TestKeysAreReplacedInTime(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.cfg.Every = 30 * day
		replicas := []*keys.Ring{w.open(t), w.open(t)}
		used := map[string]int{}
		for today := range 365 {
			cached := published(t, replicas[today%2])
			for _, r := range replicas {
				if err := r.Tend(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			w.clock.forward(time.Hour)
			for i, r := range replicas {
				kid := kidOf(t, sign(t, r, map[string]any{"day": today}, "at+jwt"))
				if used[kid]++; !contains(cached, kid) {
					t.Fatalf("day %d: replica %d signs with a key that a verifier did not know an hour ago", today, i)
				}
			}
			w.clock.forward(23 * time.Hour)
			if rows, err := w.cfg.Store.SigningKeys(t.Context()); err != nil || len(rows) > 3 {
				t.Fatalf("day %d: %d rows, %v", today, len(rows), err)
			}
		}
		if len(used) != 13 {
			t.Errorf("%d keys signed in a year, want 13", len(used))
		}
	})
}

func TestReplicasThatRotateTogetherMakeOneKey(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		var rings []*keys.Ring
		for range 8 {
			rings = append(rings, w.open(t))
		}
		var wg sync.WaitGroup
		var made, waiting atomic.Int64
		for _, r := range rings {
			wg.Go(func() {
				switch _, err := r.Rotate(t.Context()); {
				case err == nil:
					made.Add(1)
				case errors.Is(err, keys.ErrWaiting):
					waiting.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if made.Load() != 1 || waiting.Load() != 7 {
			t.Errorf("%d rotated, %d found it done; want 1, 7", made.Load(), waiting.Load())
		}
		for i, r := range rings {
			if diff := cmp.Diff([]keys.Stage{keys.Waiting, keys.Signing}, stages(t, r)); diff != "" {
				t.Errorf("replica %d: %s", i, diff)
			}
		}
	})
}

func TestAKeyGoesThroughItsStages(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	r := w.open(t)
	if _, err := r.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		want  []keys.Stage
	}{
		{0, []keys.Stage{keys.Waiting, keys.Signing}},
		{day, []keys.Stage{keys.Signing, keys.Retired}},
		{day, []keys.Stage{keys.Signing}},
	} {
		w.clock.forward(step.after)
		if diff := cmp.Diff(step.want, stages(t, r)); diff != "" {
			t.Errorf("%s later: %s", step.after, diff)
		}
		if err := r.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if rows, err := w.cfg.Store.SigningKeys(t.Context()); err != nil || len(rows) != 1 {
		t.Errorf("%d rows are left, %v", len(rows), err)
	}
}

func TestAKeyIsNeverUsedBeforeVerifiersCanKnowIt(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	for name, change := range map[string]func(*keys.Config){
		"a lead as long as the document is kept": func(c *keys.Config) { c.Lead = time.Hour },
		"a lead longer than a key signs":         func(c *keys.Config) { c.Every = 23 * time.Hour },
	} {
		cfg := w.cfg
		change(&cfg)
		if _, err := keys.Open(t.Context(), cfg); err == nil {
			t.Errorf("%s: the ring opened", name)
		}
	}
}
