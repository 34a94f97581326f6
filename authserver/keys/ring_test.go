package keys_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/authserver/keys"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/resourceserver/vault"
)

// clock is a time that moves only when told.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) forward(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// sealer is the vault, as the assembly gives it to the ring.
type sealer struct{ *vault.Vault }

func (s sealer) Seal(row, column string, text secret.Text) ([]byte, error) {
	return s.Vault.Seal(vault.Place{Table: "signing_keys", Row: row, Column: column}, text)
}

func (s sealer) Open(row, column string, sealed []byte) (secret.Text, error) {
	return s.Vault.Open(vault.Place{Table: "signing_keys", Row: row, Column: column}, sealed)
}

type world struct {
	db    *db.DB
	clock *clock
	cfg   keys.Config
}

func newWorld(t *testing.T, d *db.DB) world {
	t.Helper()
	c := newClock()
	return world{db: d, clock: c, cfg: keys.Config{Store: &store.Store{DB: d, Now: c.now}, Sealer: newSealer(t), Now: c.now}}
}

func (w world) open(t *testing.T) *keys.Ring {
	t.Helper()
	r, err := keys.Open(t.Context(), w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sign(t *testing.T, r *keys.Ring, claims map[string]any, typ string) string {
	t.Helper()
	token, err := r.Sign(t.Context(), claims, typ)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// published returns the key ids in the document a verifier would fetch.
func published(t *testing.T, r *keys.Ring) []string {
	t.Helper()
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest("GET", "/oauth/jwks.json", nil))
	var set struct {
		Keys []struct{ Kid, Kty, Crv, Use, Alg, D string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, k := range set.Keys {
		if k.Kty != "EC" || k.Crv != "P-256" || k.Use != "sig" || k.Alg != "ES256" || k.D != "" {
			t.Errorf("published key is %+v", k)
		}
		ids = append(ids, k.Kid)
	}
	return ids
}

func TestFirstStartMakesOneKeyAndLaterOnesKeepIt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		first := published(t, w.open(t))
		if len(first) != 1 {
			t.Fatalf("%d keys after the first start, want 1", len(first))
		}
		if diff := cmp.Diff(first, published(t, w.open(t))); diff != "" {
			t.Error("the second start made another key: " + diff)
		}
	})
}

func TestReplicasThatStartTogetherShareOneKey(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		rings := make([]*keys.Ring, 8)
		var wg sync.WaitGroup
		for i := range rings {
			wg.Go(func() {
				r, err := keys.Open(t.Context(), w.cfg)
				if err != nil {
					t.Error(err)
					return
				}
				rings[i] = r
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		for i, r := range rings {
			token := sign(t, r, map[string]any{"sub": "ana"}, "JWT")
			if _, err := rings[(i+1)%len(rings)].Hint(t.Context(), token, "JWT"); err != nil {
				t.Errorf("replica %d does not know what replica %d signed: %v", (i+1)%len(rings), i, err)
			}
		}
	})
}

// A verifier that keeps the document for an hour knows every key that signs, and
// what was signed before a rotation stays good.
func TestThreat_O48_RotationIsPublishedBeforeItIsUsed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		signer, replica := w.open(t), w.open(t)
		old := sign(t, signer, map[string]any{"n": "before"}, "JWT")
		made, err := signer.Rotate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		next := made.ID
		if ids := published(t, signer); len(ids) != 2 {
			t.Fatalf("%d keys are published after the rotation, want 2", len(ids))
		}
		cached := published(t, replica) // still without the next key: it was read just before
		for hour := range 47 {
			for name, r := range map[string]*keys.Ring{"signer": signer, "replica": replica} {
				token := sign(t, r, map[string]any{"hour": hour}, "JWT")
				if kid := kidOf(t, token); !contains(cached, kid) {
					t.Fatalf("hour %d: the %s signs with %s, which a verifier does not know yet", hour, name, kid)
				} else if (kid == next) != (hour >= 24) {
					t.Fatalf("hour %d: the %s signs with the new key: %v", hour, name, kid == next)
				}
			}
			w.clock.forward(30 * time.Minute)
			cached = published(t, replica)
			w.clock.forward(30 * time.Minute)
		}
		if _, err := signer.Hint(t.Context(), old, "JWT"); err != nil {
			t.Errorf("a token from before the rotation: %v", err)
		}
		w.clock.forward(time.Hour)
		if diff := cmp.Diff([]string{next}, published(t, replica)); diff != "" {
			t.Error("a day after the next one took over the old key is still there: " + diff)
		}
		if _, err := replica.Hint(t.Context(), old, "JWT"); !errors.Is(err, keys.ErrNotOurs) {
			t.Errorf("a token of a dropped key: %v", err)
		}
	})
}

func TestAKeyMovedToAnotherRowStopsTheStart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for name, damage := range map[string]string{
			"the private part of another": "UPDATE signing_keys SET private = (SELECT private FROM signing_keys ORDER BY kid LIMIT 1)",
			"the public part of another":  "UPDATE signing_keys SET public = (SELECT public FROM signing_keys ORDER BY kid LIMIT 1)",
			"another algorithm":           "UPDATE signing_keys SET alg = 'none'",
		} {
			w := newWorld(t, d)
			if err := exec(t, d, "DELETE FROM signing_keys", "DELETE FROM meta"); err != nil {
				t.Fatal(err)
			}
			if _, err := w.open(t).Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := exec(t, d, damage); err != nil {
				t.Fatal(err)
			}
			if _, err := keys.Open(t.Context(), w.cfg); err == nil || !strings.Contains(err.Error(), "open signing key") {
				t.Errorf("%s: the ring opened, or failed for another reason: %v", name, err)
			}
		}
	})
}

func TestLostKeysAreNotSilentlyReplaced(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.open(t)
	if err := exec(t, w.db, "DELETE FROM signing_keys"); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open(t.Context(), w.cfg); err == nil {
		t.Error("the ring opened with a new key, as if there had never been one")
	}
}

// The database may be away for a while: what is known is still true.
func TestKnownKeysAreUsedWhileTheDatabaseIsAway(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.cfg.Log = slog.New(slog.DiscardHandler)
	r := w.open(t)
	before := published(t, r)
	if err := exec(t, w.db, "ALTER TABLE signing_keys RENAME TO away"); err != nil {
		t.Fatal(err)
	}
	w.clock.forward(time.Hour)
	if diff := cmp.Diff(before, published(t, r)); diff != "" {
		t.Error(diff)
	}
	token := sign(t, r, map[string]any{"sub": "ana"}, "JWT")
	if _, err := r.Hint(t.Context(), token, "JWT"); err != nil {
		t.Error(err)
	}
	if err := r.Reload(t.Context()); err == nil {
		t.Error("Reload found keys in a table that is not there")
	}
}

func TestThePrivatePartIsNotInTheDatabaseInTheClear(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	w.open(t)
	rows, err := w.cfg.Store.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	opened, err := w.cfg.Sealer.Open(rows[0].ID, "private", rows[0].Private)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(rows[0].Private), opened.Reveal()) || strings.Contains(rows[0].Public, `"d"`) {
		t.Error("the private part can be read from the row")
	}
	if _, err := w.cfg.Sealer.Open("another", "private", rows[0].Private); err == nil {
		t.Error("the private part opens in another row")
	}
}

func exec(t *testing.T, d *db.DB, statements ...string) error {
	t.Helper()
	return d.Tx(t.Context(), func(ctx context.Context) error {
		for _, s := range statements {
			if err := d.Read(ctx).Exec(s).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

func contains(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}
