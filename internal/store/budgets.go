package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

var errShort = errors.New("a budget has no room")

// Spend uses up one call of each budget of a grant, or of none: then it says which
// one has no room. One conditional update counts and decides, so that of calls at
// the same time, on any replica, exactly as many pass as there is room for.
func (s *Store) Spend(ctx context.Context, grant consent.GrantID, budgets []consent.Budget) (consent.Shortage, error) {
	run := s.DB.Tx
	if len(budgets) == 1 {
		run = s.DB.Once
	}
	var short consent.Budget
	err := run(ctx, func(ctx context.Context) error {
		for _, b := range budgets {
			short = b
			if err := s.spend(ctx, grant, b); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, errShort):
		return s.shortage(ctx, grant, short)
	case err != nil:
		return consent.Shortage{}, fmt.Errorf("spend a call of grant %s: %w", grant, err)
	}
	return consent.Shortage{}, nil
}

// spend is the condition of consent.Rate.Room and the count, in one statement.
func (s *Store) spend(ctx context.Context, grant consent.GrantID, b consent.Budget) error {
	now := s.Now()
	at, day, visit := now.UnixMilli(), now.Add(-consent.RateDay).UnixMilli(), now.Add(-consent.Visit).UnixMilli()
	daily := b.Rate.Daily
	if daily == 0 {
		daily = math.MaxInt32
	}
	res := s.DB.Read(ctx).Exec(`UPDATE grant_items SET
			day_calls = CASE WHEN day_began > ? THEN day_calls + 1 ELSE 1 END,
			day_began = CASE WHEN day_began > ? THEN day_began ELSE ? END,
			visit_began = CASE WHEN visit_began > ? THEN visit_began ELSE ? END
		WHERE grant_id = ? AND scope = ? AND connection_id = '' AND until > ?
			AND (day_began <= ? OR day_calls < ?) AND (visit_began > ? OR visit_began <= ?)`,
		day, day, at, visit, at, grant, b.Scope, at, day, daily, visit, now.Add(-b.Rate.Every).UnixMilli())
	if res.Error == nil && res.RowsAffected == 0 {
		return errShort
	}
	return res.Error
}

// shortage says why there was no room.
func (s *Store) shortage(ctx context.Context, grant consent.GrantID, b consent.Budget) (consent.Shortage, error) {
	now := s.Now()
	r, err := db.One[struct {
		DayBegan, VisitBegan int64
		DayCalls             int
	}](s.DB.Read(ctx), "SELECT day_began, day_calls, visit_began FROM grant_items WHERE grant_id = ? AND scope = ? AND connection_id = '' AND until > ?",
		grant, b.Scope, now.UnixMilli())
	if errors.Is(err, db.ErrNone) {
		return consent.Shortage{Scope: b.Scope, Denial: consent.ScopeMissing}, nil
	}
	if err != nil {
		return consent.Shortage{}, fmt.Errorf("read what was counted: %w", err)
	}
	why, wait := b.Rate.Room(consent.Use{Day: time.UnixMilli(r.DayBegan), Calls: r.DayCalls, Visit: time.UnixMilli(r.VisitBegan)}, now)
	if why == consent.Permitted {
		// There was none a moment ago.
		why, wait = consent.RateExceeded, time.Second
	}
	return consent.Shortage{Scope: b.Scope, Denial: why, Wait: wait}, nil
}
