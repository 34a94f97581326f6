package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// mostOutcomes is how many keys of one grant are remembered.
const mostOutcomes = 10_000

// Outcome is what became of a write under a key. Its texts are the caller's.
type Outcome struct {
	ID      string // of grant, app and key
	Grant   consent.GrantID
	Request string
	Stage   string
	Answer  string // sealed
	Began   time.Time
}

// BeginOutcome stores o until a time. When there is one of its ID that has not ended,
// it returns that one; nil when o was stored, and false when too many of the grant are.
func (s *Store) BeginOutcome(ctx context.Context, o Outcome, until time.Time) (before *Outcome, room bool, err error) {
	// One that is there and then is not was forgotten just now: its key is free.
	for range 2 {
		if before, room, err = s.beginOutcome(ctx, o, until); err != nil || room {
			break
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("note a write under a key: %w", err)
	}
	return before, room, nil
}

func (s *Store) beginOutcome(ctx context.Context, o Outcome, until time.Time) (before *Outcome, room bool, err error) {
	err = s.DB.Tx(ctx, func(ctx context.Context) error {
		tx, now := s.DB.Read(ctx), s.Now().UnixMilli()
		if err := s.deleteExpired(ctx, "outcomes", "id", now); err != nil {
			return err
		}
		res := tx.Exec(`INSERT INTO outcomes (id, grant_id, request, stage, answer, began_at, expires_at)
			SELECT ?, ?, ?, ?, '', ?, ? WHERE (SELECT count(*) FROM outcomes WHERE grant_id = ?) < ?
			ON CONFLICT (id) DO UPDATE SET request = excluded.request, stage = excluded.stage, answer = '', began_at = excluded.began_at, expires_at = excluded.expires_at
			WHERE outcomes.expires_at <= ?`,
			o.ID, o.Grant, o.Request, o.Stage, o.Began.UnixMilli(), until.UnixMilli(), o.Grant, mostOutcomes, now)
		if res.Error != nil || res.RowsAffected == 1 {
			room = true
			return res.Error
		}
		r, err := db.One[outcomeRow](tx, "SELECT * FROM outcomes WHERE id = ?", o.ID)
		if errors.Is(err, db.ErrNone) {
			return nil
		}
		found := r.outcome()
		before, room = &found, true
		return err
	})
	return before, room, err
}

// EndOutcome stores the stage and answer of o, unless it ended or began anew.
func (s *Store) EndOutcome(ctx context.Context, o Outcome) error {
	there, err := s.changedOne(ctx, "UPDATE outcomes SET stage = ?, answer = ? WHERE id = ? AND began_at = ? AND answer = ''", o.Stage, o.Answer, o.ID, o.Began.UnixMilli())
	if err == nil && !there {
		err = db.ErrNone
	}
	if err != nil {
		return fmt.Errorf("note what became of a write: %w", err)
	}
	return nil
}

// ForgetOutcome removes o, unless it began anew.
func (s *Store) ForgetOutcome(ctx context.Context, o Outcome) error {
	_, err := s.changedOne(ctx, "DELETE FROM outcomes WHERE id = ? AND began_at = ?", o.ID, o.Began.UnixMilli())
	if err != nil {
		return fmt.Errorf("forget a write: %w", err)
	}
	return nil
}

type outcomeRow struct {
	ID      string
	GrantID consent.GrantID
	Request string
	Stage   string
	Answer  string
	BeganAt int64
}

func (r outcomeRow) outcome() Outcome {
	return Outcome{ID: r.ID, Grant: r.GrantID, Request: r.Request, Stage: r.Stage, Answer: r.Answer, Began: time.UnixMilli(r.BeganAt)}
}
