package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
)

func put(ctx context.Context, d *db.DB, name string) error {
	return d.Read(ctx).Exec("INSERT INTO meta (name, value) VALUES (?, 'x')", name).Error
}

func count(t *testing.T, d *db.DB) int {
	t.Helper()
	n, err := db.One[int](d.Read(t.Context()), "SELECT count(*) FROM meta")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A transaction that fails takes back its own writes and nobody else's, although
// on SQLite many share one commit.
func TestTxFailingAloneAmongMany(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		sorry := errors.New("sorry")
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				err := d.Tx(t.Context(), func(ctx context.Context) error {
					if err := put(ctx, d, fmt.Sprint("row ", i)); err != nil {
						return err
					}
					switch i % 3 {
					case 1:
						return sorry
					case 2:
						panic("oh")
					}
					return nil
				})
				if (i%3 == 0) != (err == nil) {
					t.Errorf("transaction %d: %v", i, err)
				}
				if i%3 == 1 && !errors.Is(err, sorry) {
					t.Errorf("transaction %d lost its reason: %v", i, err)
				}
			})
		}
		wg.Wait()
		if n := count(t, d); n != 20 {
			t.Errorf("%d rows are there, want the 20 of the transactions that succeeded", n)
		}
	})
}

// One that is alone takes everything back, and the next begins anew.
func TestTxFailingWithNobodyBesideIt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		sorry := errors.New("sorry")
		for i := range 3 {
			for name, fails := range map[string]func() error{"an error": func() error { return sorry }, "a panic": func() error { panic("oh") }} {
				err := d.Tx(t.Context(), func(ctx context.Context) error {
					return errors.Join(put(ctx, d, fmt.Sprint(name, i)), fails())
				})
				if err == nil {
					t.Errorf("%s is gone", name)
				}
			}
			if err := d.Tx(t.Context(), func(ctx context.Context) error { return put(ctx, d, fmt.Sprint("row ", i)) }); err != nil {
				t.Error(err)
			}
			if n := count(t, d); n != i+1 {
				t.Errorf("%d rows are there, want %d", n, i+1)
			}
		}
		left, end := context.WithCancel(t.Context())
		end()
		if err := d.Tx(left, func(ctx context.Context) error { return put(ctx, d, "left") }); !errors.Is(err, context.Canceled) {
			t.Errorf("one whose caller has left: %v", err)
		}
		if n := count(t, d); n != 3 {
			t.Errorf("%d rows are there, want 3", n)
		}
	})
}

func TestTxJoinsTheOneInTheContext(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		sorry := errors.New("sorry")
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			if err := d.Tx(ctx, func(ctx context.Context) error { return put(ctx, d, "inner") }); err != nil {
				return err
			}
			return sorry
		})
		if !errors.Is(err, sorry) {
			t.Fatal(err)
		}
		if n := count(t, d); n != 0 {
			t.Errorf("%d rows are there: the inner transaction did not join the outer one", n)
		}
	})
}

func TestReadInsideSeesTheWriteOutsideDoesNot(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			if err := put(ctx, d, "a"); err != nil {
				return err
			}
			in, err := db.One[int](d.Read(ctx), "SELECT count(*) FROM meta")
			if err != nil {
				return err
			}
			out, err := db.One[int](d.Read(t.Context()), "SELECT count(*) FROM meta")
			if err != nil {
				return err
			}
			if in != 1 || out != 0 {
				t.Errorf("inside %d, outside %d rows; want 1 and 0", in, out)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestDuplicateIsRecognised(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		insert := func(ctx context.Context) error { return put(ctx, d, "same") }
		if err := d.Tx(t.Context(), insert); err != nil {
			t.Fatal(err)
		}
		if err := d.Tx(t.Context(), insert); !db.Duplicate(err) {
			t.Errorf("second insert: %v, want a duplicate", err)
		}
	})
}

func TestForeignKeysAreOn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			return d.Read(ctx).Exec("INSERT INTO refusals (user_id, app_id, scope, refused_at) VALUES ('nobody', 'nothing', 's', 1)").Error
		})
		if err == nil {
			t.Error("a refusal of nobody was stored")
		}
	})
}

func TestOneWithoutARow(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if _, err := db.One[string](d.Read(t.Context()), "SELECT value FROM meta WHERE name = ?", "none"); !errors.Is(err, db.ErrNone) {
			t.Errorf("got %v, want ErrNone", err)
		}
	})
}

func TestMigrateTwiceAndTogether(t *testing.T) {
	url := dbtest.BarePostgresURL(t)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			d, err := db.Open(t.Context(), db.Config{URL: url})
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			if err := d.Migrate(t.Context(), dbtest.Migrations()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestSQLiteOpensTheFileItWasTold(t *testing.T) {
	for _, name := range []string{"plain.db", "a b.db", "a#b.db", "a?b.db", "a%20b.db"} {
		path := filepath.Join(t.TempDir(), name)
		d, err := db.Open(t.Context(), db.Config{Path: path})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := d.Migrate(t.Context(), dbtest.Migrations()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("another file was opened: %v", err)
		}
		if err := d.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
