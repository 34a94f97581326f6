// Package store keeps our rows; one short file a table. It owns how a row is
// read and written, in SQL that both databases understand, and which writes
// belong into one transaction.
//
// It decides nothing about who may do what, and nobody but the assembly imports
// it: each consumer declares the few methods it needs.
package store

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/deputy-oauth/deputy/internal/db"
)

// maybe is a time that may be absent: zero then.
func maybe(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms).UTC()
}

// Store reads and writes our rows. It is safe for concurrent use.
type Store struct {
	DB  *db.DB
	Now func() time.Time

	made atomic.Uint64 // how often AddMade was called
}

// changedOne makes one conditional write and reports whether its condition held.
func (s *Store) changedOne(ctx context.Context, statement string, args ...any) (bool, error) {
	changed := false
	err := s.DB.Once(ctx, func(ctx context.Context) error {
		res := s.DB.Read(ctx).Exec(statement, args...)
		changed = res.RowsAffected == 1
		return res.Error
	})
	return changed, err
}
