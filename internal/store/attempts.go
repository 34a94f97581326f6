package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/authserver/identity"
)

// expireBatch is how many dead rows a write takes away: more than it adds, so
// that what is there shrinks, and few enough to go unnoticed.
const expireBatch = 32

// CountTries adds one try to each subject and returns what stands, in the same
// order. A counter whose window is over starts again. Subjects must be in the
// same order whoever counts, the narrower ones last.
func (s *Store) CountTries(ctx context.Context, subjects []string, until time.Time) ([]identity.Tries, error) {
	now, rows := s.Now().UnixMilli(), strings.Repeat(", (?, 1, ?)", len(subjects))[2:]
	var args []any
	for _, name := range subjects {
		args = append(args, name, until.UnixMilli())
	}
	var found []struct {
		Subject   string
		Tries     int64
		ExpiresAt int64
	}
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		err := s.DB.Read(ctx).Raw("INSERT INTO attempts (subject, tries, expires_at) VALUES "+rows+" ON CONFLICT (subject) DO UPDATE SET"+
			" tries = CASE WHEN attempts.expires_at <= ? THEN 1 ELSE attempts.tries + 1 END,"+
			" expires_at = CASE WHEN attempts.expires_at <= ? THEN excluded.expires_at ELSE attempts.expires_at END"+
			" RETURNING subject, tries, expires_at", append(args, now, now)...).Scan(&found).Error
		if err != nil {
			return fmt.Errorf("count tries: %w", err)
		}
		return s.deleteExpired(ctx, "attempts", "subject", now)
	})
	if err != nil {
		return nil, err
	}
	tries := make([]identity.Tries, len(subjects))
	for _, f := range found {
		for i, name := range subjects {
			if name == f.Subject {
				tries[i] = identity.Tries{Count: f.Tries, Until: time.UnixMilli(f.ExpiresAt).UTC()}
			}
		}
	}
	return tries, nil
}

// ForgiveTries forgets the counters of some subjects and takes one try back from
// those of others.
func (s *Store) ForgiveTries(ctx context.Context, forget, less []string) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		tx := s.DB.Read(ctx)
		// In the order in which tries are counted: networks first.
		for _, name := range less {
			if err := tx.Exec("UPDATE attempts SET tries = tries - 1 WHERE subject = ? AND tries > 0", name).Error; err != nil {
				return fmt.Errorf("take a try back: %w", err)
			}
		}
		for _, name := range forget {
			if err := tx.Exec("DELETE FROM attempts WHERE subject = ?", name).Error; err != nil {
				return fmt.Errorf("forget tries: %w", err)
			}
		}
		return nil
	})
}

// deleteExpired takes away a few rows of a table whose expires_at is not after
// end. Tables stay small by it without a clock of their own. Rows somebody else
// holds are left to them: this never waits and is part of no deadlock.
func (s *Store) deleteExpired(ctx context.Context, table, key string, end int64) error {
	lock := " FOR UPDATE SKIP LOCKED"
	if s.DB.SQLite() {
		lock = ""
	}
	err := s.DB.Read(ctx).Exec("DELETE FROM "+table+" WHERE "+key+" IN (SELECT "+key+" FROM "+table+
		" WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"+lock+")", end, expireBatch).Error
	if err != nil {
		return fmt.Errorf("delete expired rows of %s: %w", table, err)
	}
	return nil
}
