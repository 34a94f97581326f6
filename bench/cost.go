package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// cost is what one operation adds, on average over many.
type cost struct {
	Rows     float64 `json:"rows"`
	Where    string  `json:"where"`     // tables, with the rows in each
	Bytes    float64 `json:"bytes"`     // of the database
	LogBytes float64 `json:"log_bytes"` // of the write-ahead log
	// Commits are transactions that wrote, and Alone and Together the syncs of the
	// log, by one client and by sixteen whose commits can share one.
	Commits  float64 `json:"commits"`
	Alone    float64 `json:"syncs_alone"`
	Together float64 `json:"syncs_together"`
}

// Operations made to find the cost, by one client and by many.
const (
	costAlone    = 300
	costTogether = 2_000
	costClients  = 16
)

// books are the counters of a database.
type books struct {
	rows                              map[string]int64
	size, logBytes, commits, logSyncs int64
}

func (b books) minus(o books) books {
	d := books{rows: map[string]int64{}, size: b.size - o.size, logBytes: b.logBytes - o.logBytes, commits: b.commits - o.commits, logSyncs: b.logSyncs - o.logSyncs}
	for table, n := range b.rows {
		if n != o.rows[table] {
			d.rows[table] = n - o.rows[table]
		}
	}
	return d
}

// without takes away what happens without any operation. What is left below
// nothing is the databases' own rhythm.
func (b books) without(idle books) books {
	d := b.minus(idle)
	d.size, d.logBytes, d.commits, d.logSyncs = max(0, d.size), max(0, d.logBytes), max(0, d.commits), max(0, d.logSyncs)
	return d
}

// ledger reads the counters of a world's database.
type ledger interface {
	// open prepares for counting until close. The server is stopped.
	open(ctx context.Context) error
	// books reads the counters. The server is stopped, so that they are all written.
	books(ctx context.Context) (books, error)
	close() error
}

// costOf stops the server, counts, lets the operation happen and counts again.
func costOf(ctx context.Context, w *world, l ledger, o operation) (cost, error) {
	alone, err := counted(ctx, w, l, func() error { return w.perform(o, 1, costAlone) })
	if err != nil {
		return cost{}, err
	}
	together, err := counted(ctx, w, l, func() error { return w.perform(o, costClients, costTogether) })
	if err != nil {
		return cost{}, err
	}
	idle, err := counted(ctx, w, l, func() error { return nil })
	if err != nil {
		return cost{}, err
	}
	alone, together = alone.without(idle), together.without(idle)
	c := cost{
		Bytes: float64(together.size) / costTogether, LogBytes: float64(alone.logBytes) / costAlone,
		Commits: float64(alone.commits) / costAlone, Alone: float64(alone.logSyncs) / costAlone, Together: float64(together.logSyncs) / costTogether,
	}
	var where []string
	for _, table := range slices.Sorted(maps.Keys(together.rows)) {
		n := float64(together.rows[table]) / costTogether
		c.Rows += n
		where = append(where, fmt.Sprintf("%s %s", table, short(n)))
	}
	c.Where = strings.Join(where, ", ")
	return c, nil
}

// perform makes n operations.
func (w *world) perform(o operation, clients, n int) error {
	list, done, err := o.clients(w, clients)
	if err != nil {
		return err
	}
	defer done()
	return repeat(list, n)
}

// counted restarts the server around work, because a PostgreSQL connection writes
// its counters late and for sure only when it ends.
func counted(ctx context.Context, w *world, l ledger, work func() error) (books, error) {
	if err := w.server.stop(); err != nil {
		return books{}, err
	}
	if err := l.open(ctx); err != nil {
		return books{}, fmt.Errorf("open the ledger: %w", err)
	}
	defer l.close()
	before, err := l.books(ctx)
	if err != nil {
		return books{}, fmt.Errorf("count: %w", err)
	}
	if err := w.up(ctx); err != nil {
		return books{}, err
	}
	if err := work(); err != nil {
		return books{}, err
	}
	if err := w.server.stop(); err != nil {
		return books{}, err
	}
	after, err := l.books(ctx)
	if err != nil {
		return books{}, fmt.Errorf("count: %w", err)
	}
	return after.minus(before), w.up(ctx)
}

func one(ctx context.Context, d *sql.DB, query string) (int64, error) {
	var n int64
	err := d.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}

// count counts the rows of the tables that a query names.
func count(ctx context.Context, d *sql.DB, query string) (map[string]int64, error) {
	rows, err := d.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return nil, err
		}
		tables = append(tables, table)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, t := range tables {
		if out[t], err = one(ctx, d, `SELECT count(*) FROM "`+t+`"`); err != nil {
			return nil, err
		}
	}
	return out, nil
}
