package audit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// touchLimit is how many different uses are collected before they are written
// ahead of time, and touchBatch how many rows one statement changes.
const (
	touchLimit = 4096
	touchBatch = 64
)

// use is one row of grant_items that was used.
type use struct {
	grant      consent.GrantID
	scope      consent.ScopeName
	connection consent.ConnectionID
}

type touches struct {
	sync.Mutex
	last map[use]time.Time
}

// Touch remembers that the agreed scope was used now, on the connection ("" for
// scopes without one). scope names the item of the grant, not the operation's
// scope where that is only implied. It costs no write of its own: the latest time
// is written every few seconds and on Close, so that after a crash "last used"
// may be a few seconds behind.
func (r *Recorder) Touch(grant consent.GrantID, scope consent.ScopeName, connection consent.ConnectionID) {
	now := r.cfg.Now()
	r.touches.Lock()
	if r.touches.last == nil {
		r.touches.last = map[use]time.Time{}
	}
	r.touches.last[use{grant, scope, connection}] = now
	full := len(r.touches.last) >= touchLimit
	r.touches.Unlock()
	if full {
		select {
		case r.early <- struct{}{}:
		default: // asked already
		}
	}
}

// flush writes the collected times. What could not be written stays for the next
// time, unless something newer came.
func (r *Recorder) flush(ctx context.Context) error {
	r.touches.Lock()
	last := r.touches.last
	r.touches.last = nil
	r.touches.Unlock()
	if len(last) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Patience)
	defer cancel()
	if err := r.touch(ctx, last); err != nil {
		r.keep(last)
		return fmt.Errorf("write last-used times: %w", err)
	}
	return nil
}

func (r *Recorder) keep(last map[use]time.Time) {
	r.touches.Lock()
	defer r.touches.Unlock()
	if r.touches.last == nil {
		r.touches.last = map[use]time.Time{}
	}
	for u, at := range last {
		if len(r.touches.last) >= 2*touchLimit {
			return // memory is worth more than a time nobody could store
		}
		if at.After(r.touches.last[u]) {
			r.touches.last[u] = at
		}
	}
}

func (r *Recorder) touch(ctx context.Context, last map[use]time.Time) error {
	connections := map[consent.ConnectionID]time.Time{}
	var items, accounts [][]any
	for u, at := range last {
		items = append(items, []any{string(u.grant), string(u.scope), string(u.connection), at.UnixMilli()})
		if u.connection != "" && at.After(connections[u.connection]) {
			connections[u.connection] = at
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(connections), cmp.Compare) {
		accounts = append(accounts, []any{string(id), connections[id].UnixMilli()})
	}
	if err := r.update(ctx, r.itemsUsed, items); err != nil {
		return err
	}
	return r.update(ctx, r.connectionsUsed, accounts)
}

// update runs a statement over rows of values, in portions.
func (r *Recorder) update(ctx context.Context, statement func(n int) string, rows [][]any) error {
	for len(rows) > 0 {
		n := portion(len(rows), touchBatch)
		err := r.cfg.DB.Tx(ctx, func(ctx context.Context) error {
			return r.cfg.DB.Read(ctx).Exec(statement(n), slices.Concat(rows[:n]...)...).Error
		})
		if err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (r *Recorder) itemsUsed(n int) string {
	return "UPDATE grant_items SET used_at = found.used FROM (" +
		"SELECT i.grant_id, i.scope, i.connection_id, w.column4 AS used FROM grant_items AS i JOIN (VALUES " +
		repeat("(?, ?, ?, CAST(? AS BIGINT))", n) + ") AS w ON i.grant_id = w.column1 AND i.scope = w.column2 AND i.connection_id = w.column3" +
		r.skipLocked("i") + ") AS found WHERE grant_items.grant_id = found.grant_id AND grant_items.scope = found.scope" +
		" AND grant_items.connection_id = found.connection_id AND (grant_items.used_at IS NULL OR grant_items.used_at < found.used)"
}

func (r *Recorder) connectionsUsed(n int) string {
	return "UPDATE connections SET used_at = found.used FROM (" +
		"SELECT c.id, w.column2 AS used FROM connections AS c JOIN (VALUES " + repeat("(?, CAST(? AS BIGINT))", n) +
		") AS w ON c.id = w.column1" + r.skipLocked("c") +
		") AS found WHERE connections.id = found.id AND (connections.used_at IS NULL OR connections.used_at < found.used)"
}

// skipLocked makes PostgreSQL pass over rows somebody is changing this moment: a
// statement that never waits for a row cannot be part of a deadlock, and a time
// on a page is no reason to make a consent fail.
func (r *Recorder) skipLocked(table string) string {
	if r.cfg.DB.SQLite() {
		return ""
	}
	return " FOR UPDATE OF " + table + " SKIP LOCKED"
}
