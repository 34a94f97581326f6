package store

import (
	"context"
	"fmt"
	"time"
)

// First reports whether an id is presented for the first time, and remembers it
// until the given time. The one statement decides between replicas: of two that
// ask at the same time, one inserts the row.
func (s *Store) First(ctx context.Context, id string, until time.Time) (bool, error) {
	var first bool
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		now := s.Now().UnixMilli()
		// A row that has ended and was not swept yet counts for nothing.
		res := s.DB.Read(ctx).Exec(`INSERT INTO seen (id, expires_at) VALUES (?, ?)
			ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at WHERE seen.expires_at <= ?`, id, until.UnixMilli(), now)
		if res.Error != nil {
			return fmt.Errorf("remember what was seen: %w", res.Error)
		}
		first = res.RowsAffected == 1
		return s.deleteExpired(ctx, "seen", "id", now)
	})
	return first, err
}
