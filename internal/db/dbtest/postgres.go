package dbtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver that creates and drops databases

	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/migrations"
)

// PostgresEnv names a PostgreSQL server whose user may create databases. Without
// it the PostgreSQL half is skipped, but never under CI=true. One database stays
// there, that others are copied from.
const PostgresEnv = "DEPUTY_TEST_POSTGRES"

// Postgres returns an empty PostgreSQL database of its own.
func Postgres(t testing.TB) *db.DB {
	t.Helper()
	return open(t, db.Config{URL: PostgresURL(t), MaxConns: 12})
}

// PostgresURL returns the URL of a new, migrated, empty PostgreSQL database, which
// is dropped when the test ends.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server(t)
	name, err := template()
	if err != nil {
		t.Fatal(err)
	}
	return create(t, " TEMPLATE "+name)
}

// BarePostgresURL is PostgresURL without migrations.
func BarePostgresURL(t testing.TB) string {
	t.Helper()
	return create(t, "")
}

// server is the URL of the PostgreSQL server.
func server(t testing.TB) string {
	t.Helper()
	url := os.Getenv(PostgresEnv)
	if url == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set: under CI the PostgreSQL half must run", PostgresEnv)
		}
		t.Skipf("%s is not set; `make test` starts a server and sets it", PostgresEnv)
	}
	return url
}

func create(t testing.TB, how string) string {
	t.Helper()
	at := server(t)
	name := "deputy_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := admin(at, "CREATE DATABASE "+name+how); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := admin(at, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	u, err := database(at, name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// database is the URL of one database of a server.
func database(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("%s is not a URL: %w", PostgresEnv, err)
	}
	u.Path = "/" + name
	return u.String(), nil
}

// template is the name of a database in which all migrations were run: once for all
// processes that test beside each other, since copying it takes a tenth of the time.
var template = sync.OnceValues(func() (name string, err error) {
	version, err := digest(migrations.Files)
	if err != nil {
		return "", err
	}
	name = "deputy_template_" + version
	server := os.Getenv(PostgresEnv)
	err = alone(server, func(conn *sql.Conn) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var there bool
		if err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil || there {
			return err
		}
		building := name + "_building" // it has its name when it is whole
		if err := admin(server, "DROP DATABASE IF EXISTS "+building, "CREATE DATABASE "+building); err != nil {
			return err
		}
		url, err := database(server, building)
		if err != nil {
			return err
		}
		d, err := db.Open(ctx, db.Config{URL: url, MaxConns: 2})
		if err != nil {
			return err
		}
		if err := errors.Join(d.Migrate(ctx, migrations.Files), d.Close()); err != nil {
			return err
		}
		return admin(server, "ALTER DATABASE "+building+" RENAME TO "+name)
	})
	return name, err
})

// digest is a short hash of all files.
func digest(files fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(files, path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(raw), raw)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}

// alone runs work while no other process does.
func alone(server string, work func(*sql.Conn) error) (err error) {
	pool, err := sql.Open("pgx", server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }() // which ends the lock
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(20251)"); err != nil {
		return err
	}
	return work(conn)
}

func admin(server string, statements ...string) error {
	pool, err := sql.Open("pgx", server)
	if err != nil {
		return err
	}
	defer pool.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, one := range statements {
		if _, err := pool.ExecContext(ctx, one); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(strings.Fields(one)[:3], " "), err)
		}
	}
	return nil
}
