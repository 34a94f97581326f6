package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// postgresLedger counts in PostgreSQL. Transactions that wrote are counted by
// their ids, which only those take; the rest comes from the server's statistics,
// which are of the whole server: nobody else may use it meanwhile.
type postgresLedger struct {
	url string
	db  *sql.DB
}

func (l *postgresLedger) open(ctx context.Context) (err error) {
	if l.db, err = sql.Open("pgx", l.url); err != nil {
		return err
	}
	l.db.SetMaxOpenConns(1)
	return l.db.PingContext(ctx)
}

func (l *postgresLedger) close() error { return l.db.Close() }

func (l *postgresLedger) books(ctx context.Context) (b books, err error) {
	if b.rows, err = count(ctx, l.db, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"); err != nil {
		return b, err
	}
	for into, query := range map[*int64]string{
		&b.size:     "SELECT pg_database_size(current_database())",
		&b.logBytes: "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint",
		&b.commits:  "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
		&b.logSyncs: "SELECT wal_sync FROM pg_stat_wal",
	} {
		if *into, err = one(ctx, l.db, query); err != nil {
			return b, err
		}
	}
	return b, nil
}

// createDatabase makes a database of its own on the server of a URL, and returns
// its URL with what removes it.
func createDatabase(ctx context.Context, base, name string) (string, func() error, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", nil, errors.New("DEPUTY_TEST_POSTGRES is not a URL")
	}
	run := func(ctx context.Context, statement string) error {
		d, err := sql.Open("pgx", base)
		if err != nil {
			return err
		}
		_, err = d.ExecContext(ctx, statement)
		return errors.Join(err, d.Close())
	}
	if err := run(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, fmt.Errorf("create database: %w", err)
	}
	u.Path = "/" + name
	return u.String(), func() error { return run(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)") }, nil
}

// postgresVersion says which PostgreSQL it is and whether it is durable: without
// that its figures would mean nothing.
func postgresVersion(ctx context.Context, base string) (string, error) {
	d, err := sql.Open("pgx", base)
	if err != nil {
		return "", err
	}
	defer d.Close()
	var version, fsync, commit string
	err = d.QueryRowContext(ctx, "SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')").Scan(&version, &fsync, &commit)
	if err != nil {
		return "", fmt.Errorf("ask PostgreSQL for its version: %w", err)
	}
	if fsync != "on" || commit != "on" {
		return "", errors.New("this PostgreSQL does not wait for the disk; start it with DEPUTY_POSTGRES_FSYNC=on")
	}
	version, _, _ = strings.Cut(version, " ")
	return "PostgreSQL " + version, nil
}
