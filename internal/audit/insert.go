package audit

import (
	"context"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/internal/db"
)

const (
	columns = "(id, at, kind, user_id, app_id, grant_id, family_id, connection_id, scope, operation, resource, outcome, detail, actors, bytes)"
	oneRow  = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

	// expireLimit is how many old rows one statement removes, and expirePause how
	// long nobody looks for more once there were fewer.
	expireLimit = 1000
	expirePause = time.Minute
)

// insert writes events with one statement per power of two, so that whatever the
// size of a batch the databases prepare few statements.
func insert(ctx context.Context, d *db.DB, events []Event) error {
	for len(events) > 0 {
		n := portion(len(events), batchLimit)
		args := make([]any, 0, n*15)
		for _, e := range events[:n] {
			id, err := uuid.NewV7() // sorted by time, so that a page begins after an id
			if err != nil {
				return fmt.Errorf("make an id: %w", err)
			}
			args = append(append(args, id.String()), e.values()...)
		}
		if err := d.Read(ctx).Exec("INSERT INTO audit "+columns+" VALUES "+repeat(oneRow, n), args...).Error; err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// portion is the greatest power of two that is at most n and at most limit.
func portion(n, limit int) int { return 1 << (bits.Len(uint(min(n, limit))) - 1) }

func repeat(row string, n int) string { return row + strings.Repeat(", "+row, n-1) }

// expire removes rows that are older than Keep, where rows are written and never
// faster than needed: twice as many as came in, so that what is there shrinks.
func (r *Recorder) expire(added int) {
	now := r.cfg.Now()
	if !r.written.Load() || now.Before(r.purge) {
		return
	}
	limit := max(expireLimit, 2*added)
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Patience)
	defer cancel()
	var gone int64
	err := r.cfg.DB.Tx(ctx, func(ctx context.Context) error {
		result := r.cfg.DB.Read(ctx).Exec("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? ORDER BY at LIMIT ?)",
			now.Add(-r.cfg.Keep).UnixMilli(), limit)
		gone = result.RowsAffected
		return result.Error
	})
	if err != nil {
		r.cfg.Log.Warn("old audit rows are still there", "error", err)
	}
	if err != nil || gone < int64(limit) {
		r.purge = now.Add(expirePause)
		r.written.Store(false)
	}
}
