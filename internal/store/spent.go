package store

import (
	"context"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

type spentRow struct {
	Minute, Day                int64
	MinuteCalls, MinuteChanges int
	DayCalls, DayChanges       int
}

// Take implements meter.Rows. The row is locked while the rule is asked, so that of
// replicas that take at the same time none takes what another did.
func (s *Store) Take(ctx context.Context, grant consent.GrantID, a consent.Allowance, want, back consent.Amount, now time.Time) (spent consent.Spent, got consent.Amount, err error) {
	err = s.DB.Tx(ctx, func(ctx context.Context) error {
		tx := s.DB.Read(ctx)
		if err := tx.Exec("INSERT INTO spent_calls (grant_id, minute, minute_calls, minute_changes, day, day_calls, day_changes) VALUES (?, 0, 0, 0, 0, 0, 0) ON CONFLICT (grant_id) DO NOTHING", grant).Error; err != nil {
			return err
		}
		lock := " FOR UPDATE"
		if s.DB.SQLite() {
			lock = "" // its writers come one after the other
		}
		r, err := db.One[spentRow](tx, "SELECT minute, minute_calls, minute_changes, day, day_calls, day_changes FROM spent_calls WHERE grant_id = ?"+lock, grant)
		if err != nil {
			return err
		}
		spent, got = a.Take(consent.Spent{
			Minute: r.Minute, InMinute: consent.Amount{Calls: r.MinuteCalls, Changes: r.MinuteChanges},
			Day: r.Day, InDay: consent.Amount{Calls: r.DayCalls, Changes: r.DayChanges},
		}, want, back, now)
		return tx.Exec("UPDATE spent_calls SET minute = ?, minute_calls = ?, minute_changes = ?, day = ?, day_calls = ?, day_changes = ? WHERE grant_id = ?",
			spent.Minute, spent.InMinute.Calls, spent.InMinute.Changes, spent.Day, spent.InDay.Calls, spent.InDay.Changes, grant).Error
	})
	if err != nil {
		return spent, got, fmt.Errorf("count calls of grant %s: %w", grant, err)
	}
	return spent, got, nil
}
