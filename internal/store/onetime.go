package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// OneTimeSecret implements onetime.Codes.
func (s *Store) OneTimeSecret(ctx context.Context, user consent.UserID) ([]byte, error) {
	sealed, err := db.One[[]byte](s.DB.Read(ctx), "SELECT secret FROM one_time_codes WHERE user_id = ?", string(user))
	if errors.Is(err, db.ErrNone) {
		return nil, nil
	}
	return sealed, err
}

// UseStep implements onetime.Codes.
func (s *Store) UseStep(ctx context.Context, user consent.UserID, step int64) (bool, error) {
	return s.changedOne(ctx, "UPDATE one_time_codes SET last_step = ? WHERE user_id = ? AND last_step < ?", step, string(user), step)
}

// UseRecoveryCode implements onetime.Codes.
func (s *Store) UseRecoveryCode(ctx context.Context, user consent.UserID, hash []byte) (bool, error) {
	return s.changedOne(ctx, "UPDATE recovery_codes SET used_at = ? WHERE hash = ? AND user_id = ? AND used_at IS NULL", s.Now().UnixMilli(), hash, string(user))
}

// RecoveryCodesLeft implements onetime.Codes.
func (s *Store) RecoveryCodesLeft(ctx context.Context, user consent.UserID) (int, error) {
	return db.One[int](s.DB.Read(ctx), "SELECT count(*) FROM recovery_codes WHERE user_id = ? AND used_at IS NULL", string(user))
}

// AddOneTime implements onetime.Codes.
func (s *Store) AddOneTime(ctx context.Context, user consent.UserID, sealed []byte, step int64) (bool, error) {
	return s.changedOne(ctx, "INSERT INTO one_time_codes (user_id, secret, last_step, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (user_id) DO NOTHING",
		string(user), sealed, step, s.Now().UnixMilli())
}

// ReplaceRecoveryCodes implements onetime.Codes.
func (s *Store) ReplaceRecoveryCodes(ctx context.Context, user consent.UserID, hashes [][]byte) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := s.holdAccount(ctx, string(user)); err != nil {
			return err
		}
		tx := s.DB.Read(ctx)
		if err := tx.Exec("DELETE FROM recovery_codes WHERE user_id = ?", string(user)).Error; err != nil {
			return fmt.Errorf("delete old recovery codes: %w", err)
		}
		for _, h := range hashes {
			if err := tx.Exec("INSERT INTO recovery_codes (user_id, hash) VALUES (?, ?)", string(user), h).Error; err != nil {
				return fmt.Errorf("insert recovery code: %w", err)
			}
		}
		return nil
	})
}

// RemoveOneTime implements onetime.Codes.
func (s *Store) RemoveOneTime(ctx context.Context, user consent.UserID) (bool, error) {
	removed := false
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		var err error
		if removed, err = s.changedOne(ctx, "DELETE FROM one_time_codes WHERE user_id = ?", string(user)); err != nil {
			return err
		}
		return s.DB.Read(ctx).Exec("DELETE FROM recovery_codes WHERE user_id = ?", string(user)).Error
	})
	return removed, err
}
