// Package dbtest gives tests real, migrated, empty databases of both kinds. It
// owns nothing that the program itself uses.
package dbtest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/migrations"
)

// Each runs test once on SQLite and once on PostgreSQL.
func Each(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite returns an empty SQLite database in a temporary folder.
func SQLite(t testing.TB) *db.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deputy.db")
	SQLiteFile(t, path)
	return open(t, db.Config{Path: path})
}

// SQLiteFile makes an empty, migrated SQLite database at path.
func SQLiteFile(t testing.TB, path string) {
	t.Helper()
	file, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// migrated is the file of an empty SQLite database after all migrations. They are
// run once a process: a test would spend more on them than on what it is about.
var migrated = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "deputy-migrated-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	path := filepath.Join(dir, "deputy.db")
	d, err := db.Open(ctx, db.Config{Path: path})
	if err != nil {
		return nil, err
	}
	// Closing the last connection writes the log into the file.
	if err := errors.Join(d.Migrate(ctx, migrations.Files), d.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func open(t testing.TB, cfg db.Config) *db.DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d, err := db.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.Migrate(ctx, migrations.Files); err != nil {
		t.Fatal(err)
	}
	return d
}

// Migrations returns the program's migrations.
func Migrations() fs.FS { return migrations.Files }
