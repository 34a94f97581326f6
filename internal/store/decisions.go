package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/consent/flow"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// Draft implements flow.Decisions.
func (s *Store) Draft(ctx context.Context, p flow.Page) (choices []byte, decided bool, err error) {
	r, err := db.One[struct {
		Choices   string
		DecidedAt *int64
	}](s.DB.Read(ctx), "SELECT choices, decided_at FROM consents WHERE id = ? AND user_id = ?", p.ID, p.User)
	if errors.Is(err, db.ErrNone) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read draft: %w", err)
	}
	return []byte(r.Choices), r.DecidedAt != nil, nil
}

// Keep implements flow.Decisions. A page that was not answered goes over to whoever
// goes on with it: the person may choose another account on the way. (The id is not the first value: gorm spreads a
// slice that follows a parenthesis, bytes too.)
func (s *Store) Keep(ctx context.Context, p flow.Page, choices []byte, until time.Time) error {
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		res := s.DB.Read(ctx).Exec(`INSERT INTO consents (user_id, id, session_id, choices, expires_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET choices = excluded.choices, user_id = excluded.user_id, session_id = excluded.session_id
			WHERE consents.decided_at IS NULL`,
			p.User, p.ID, p.Session, string(choices), until.UnixMilli())
		if res.Error == nil && res.RowsAffected == 0 {
			return fault.New(fault.Conflict, "This was answered already. Nothing was changed. Start again in the app.")
		}
		return errors.Join(res.Error, s.sweepConsents(ctx))
	})
	if err != nil {
		return fmt.Errorf("keep draft: %w", err)
	}
	return nil
}

// Decide implements flow.Decisions.
func (s *Store) Decide(ctx context.Context, p flow.Page, until time.Time) (bool, error) {
	if err := s.holdBack(ctx, string(p.User)); err != nil {
		return false, err
	}
	res := s.DB.Read(ctx).Exec(`INSERT INTO consents (user_id, id, session_id, choices, expires_at, decided_at) VALUES (?, ?, ?, '{}', ?, ?)
		ON CONFLICT (id) DO UPDATE SET decided_at = excluded.decided_at, user_id = excluded.user_id, session_id = excluded.session_id
		WHERE consents.decided_at IS NULL`,
		p.User, p.ID, p.Session, until.UnixMilli(), s.Now().UnixMilli())
	if res.Error != nil {
		return false, fmt.Errorf("decide: %w", res.Error)
	}
	return res.RowsAffected == 1, s.sweepConsents(ctx)
}

// holdBack lets only one decision about a person's grants run at a time. SQLite
// has one writer anyway.
func (s *Store) holdBack(ctx context.Context, user string) error {
	if s.DB.SQLite() {
		return nil
	}
	if err := s.holdAccount(ctx, user); err != nil {
		return err
	}
	tx := s.DB.Read(ctx)
	// A removal holds its grant: what it takes away must not come back with what
	// was read before.
	var held []string
	if err := tx.Raw("SELECT id FROM grants WHERE user_id = ? AND revoked_at IS NULL ORDER BY id FOR UPDATE", user).Scan(&held).Error; err != nil {
		return fmt.Errorf("lock grants: %w", err)
	}
	return nil
}

// sweepConsents deletes a few drafts whose request ended a day ago; until then a
// second answer is still recognised.
func (s *Store) sweepConsents(ctx context.Context) error {
	return s.DB.Read(ctx).Exec("DELETE FROM consents WHERE id IN (SELECT id FROM consents WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
		s.Now().Add(-24*time.Hour).UnixMilli(), sweepBatch).Error
}

// AddReceipt implements flow.Decisions.
func (s *Store) AddReceipt(ctx context.Context, r flow.Receipt) error {
	decision := "no"
	if r.Yes {
		decision = "yes"
	}
	err := s.DB.Read(ctx).Exec("INSERT INTO receipts (id, user_id, app_id, grant_id, decision, body, digest, decided_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		r.ID, r.User, r.App, r.Grant, decision, r.Body, r.Digest, r.Decided.UnixMilli()).Error
	if err != nil {
		return fmt.Errorf("add receipt: %w", err)
	}
	return nil
}
