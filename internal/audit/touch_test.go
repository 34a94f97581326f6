package audit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
)

// agreed puts a person, an app, a connection and a grant with n items there.
func agreed(t *testing.T, d *db.DB, n int) {
	t.Helper()
	statements := []string{
		"INSERT INTO users (id, email, email_key, name, password_hash, created_at) VALUES ('user_ana', 'ana@example.com', 'ana@example.com', 'Ana', '-', 1)",
		"INSERT INTO apps (id, name, publisher, kind, redirect_uris, grant_types, scopes, created_at) VALUES ('app_1', 'Scout', 'Labs', 'public', '[]', '', '', 1)",
		"INSERT INTO grants (id, user_id, app_id, created_at) VALUES ('grant_1', 'user_ana', 'app_1', 1)",
		"INSERT INTO registrations (id, provider, variant, client_id, secret, web_url, api_url, updated_at) VALUES ('github', 'github', 'oauth_app', 'i', 's', '', '', 1)",
		"INSERT INTO connections (id, user_id, registration_id, provider, variant, subject, login, name, picture, granted, health, reason, created_at)" +
			" VALUES ('connection_1', 'user_ana', 'github', 'github', 'oauth_app', '1', 'ana', '', '', '', 'healthy', '', 1)",
	}
	for i := range n {
		statements = append(statements, fmt.Sprintf("INSERT INTO grant_items (grant_id, scope, connection_id, everything, resources, since, until)"+
			" VALUES ('grant_1', 'scope.%d', 'connection_1', false, '[]', 1, 1)", i))
	}
	err := d.Tx(t.Context(), func(ctx context.Context) error {
		for _, s := range statements {
			if err := d.Read(ctx).Exec(s).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func scope(i int) consent.ScopeName { return consent.ScopeName(fmt.Sprintf("scope.%d", i)) }

// used returns how many items have each time; never used is 0.
func used(t *testing.T, d *db.DB) map[int64]int {
	t.Helper()
	var times []int64
	if err := d.Read(t.Context()).Raw("SELECT coalesce(used_at, 0) FROM grant_items").Scan(&times).Error; err != nil {
		t.Fatal(err)
	}
	count := map[int64]int{}
	for _, at := range times {
		count[at]++
	}
	return count
}

func TestTouchIsWrittenOnCloseWithTheLatestTime(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		agreed(t, d, 101)
		c := newClock()
		r := audit.New(audit.Config{DB: d, Now: c.now, Every: time.Hour})
		for i := range 100 {
			r.Touch("grant_1", scope(i), "connection_1")
		}
		first := c.ms.Load()
		c.forward(time.Second)
		for i := range 30 {
			r.Touch("grant_1", scope(i), "connection_1")
		}
		r.Touch("grant_gone", "scope.1", "connection_gone")
		if diff := cmp.Diff(map[int64]int{0: 101}, used(t, d)); diff != "" {
			t.Errorf("a touch was written at once: %s", diff)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[int64]int{first: 70, first + 1000: 30, 0: 1}, used(t, d)); diff != "" {
			t.Error(diff)
		}
		at, err := db.One[int64](d.Read(t.Context()), "SELECT used_at FROM connections WHERE id = 'connection_1'")
		if err != nil || at != first+1000 {
			t.Errorf("the connection was used at %d (%v), want %d", at, err, first+1000)
		}
	})
}

func TestTouchIsWrittenAfterAWhileAndNeverGoesBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		agreed(t, d, 1)
		c := newClock()
		write := func() {
			t.Helper()
			r := audit.New(audit.Config{DB: d, Now: c.now, Every: 5 * time.Millisecond})
			r.Touch("grant_1", "scope.0", "connection_1")
			deadline := time.Now().Add(10 * time.Second)
			for used(t, d)[0] == 1 && time.Now().Before(deadline) {
				time.Sleep(5 * time.Millisecond)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		write()
		first := c.ms.Load()
		c.forward(-time.Minute) // another replica's clock is behind
		write()
		if diff := cmp.Diff(map[int64]int{first: 1}, used(t, d)); diff != "" {
			t.Error(diff)
		}
	})
}

// A row somebody else is changing is passed over, not waited for: neither side
// can be the victim of a deadlock.
func TestTouchDoesNotWaitForALockedRow(t *testing.T) {
	d := dbtest.Postgres(t)
	agreed(t, d, 2)
	c := newClock()
	r := audit.New(audit.Config{DB: d, Now: c.now, Every: time.Hour, Patience: 5 * time.Second})
	r.Touch("grant_1", "scope.0", "connection_1")
	r.Touch("grant_1", "scope.1", "connection_1")
	err := d.Tx(t.Context(), func(ctx context.Context) error {
		if err := d.Read(ctx).Exec("UPDATE grant_items SET until = 2 WHERE scope = 'scope.0'").Error; err != nil {
			return err
		}
		return r.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int64]int{0: 1, c.ms.Load(): 1}, used(t, d)); diff != "" {
		t.Error(diff)
	}
}

func TestTimesThatCouldNotBeWrittenAreKept(t *testing.T) {
	d := dbtest.SQLite(t)
	agreed(t, d, 1)
	c := newClock()
	r := audit.New(audit.Config{DB: d, Now: c.now, Every: time.Hour})
	rename := func(from, to string) {
		t.Helper()
		err := d.Tx(t.Context(), func(ctx context.Context) error {
			return d.Read(ctx).Exec("ALTER TABLE " + from + " RENAME TO " + to).Error
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r.Touch("grant_1", "scope.0", "connection_1")
	rename("grant_items", "away")
	if err := r.Close(); err == nil {
		t.Fatal("Close said the times are written; there is no table")
	}
	rename("away", "grant_items")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int64]int{c.ms.Load(): 1}, used(t, d)); diff != "" {
		t.Error(diff)
	}
}
