package store

import (
	"context"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// mostMade is how many things that apps made under one grant are remembered, and
// madeSweep after how many new ones the oldest beyond it go, madeBatch at most.
const (
	mostMade  = 10_000
	madeSweep = 64
	madeBatch = 1000
)

// AddMade remembers until a time that something was made under a grant. Of a grant that
// ended meanwhile nothing is remembered.
func (s *Store) AddMade(ctx context.Context, id string, grant consent.GrantID, until time.Time) error {
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		tx := s.DB.Read(ctx)
		if err := s.deleteExpired(ctx, "made", "id", s.Now().UnixMilli()); err != nil {
			return err
		}
		if s.made.Add(1)%madeSweep == 0 {
			if err := tx.Exec("DELETE FROM made WHERE id IN (SELECT id FROM made WHERE grant_id = ? ORDER BY expires_at DESC LIMIT ? OFFSET ?)", grant, madeBatch, mostMade).Error; err != nil {
				return err
			}
		}
		return tx.Exec("INSERT INTO made (id, grant_id, expires_at) SELECT ?, id, ? FROM grants WHERE id = ? ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at",
			id, until.UnixMilli(), grant).Error
	})
	if err != nil {
		return fmt.Errorf("remember what grant %s made: %w", grant, err)
	}
	return nil
}

// IsMade reports whether what was made is remembered.
func (s *Store) IsMade(ctx context.Context, id string) (bool, error) {
	var n int64
	err := s.DB.Read(ctx).Raw("SELECT count(*) FROM made WHERE id = ? AND expires_at > ?", id, s.Now().UnixMilli()).Scan(&n).Error
	if err != nil {
		return false, fmt.Errorf("look for what was made: %w", err)
	}
	return n == 1, nil
}
