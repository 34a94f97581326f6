package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// SetPicture implements profile.Rows.
func (s *Store) SetPicture(ctx context.Context, user consent.UserID, id string, png []byte) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		tx := s.DB.Read(ctx)
		if err := tx.Exec("DELETE FROM pictures WHERE user_id = ?", user).Error; err != nil {
			return fmt.Errorf("delete the picture before: %w", err)
		}
		if id != "" {
			err := tx.Exec("INSERT INTO pictures (id, user_id, created_at, png) VALUES (?, ?, ?, ?)", id, user, s.Now().UnixMilli(), png).Error
			if err != nil {
				return fmt.Errorf("insert a picture: %w", err)
			}
		}
		if err := tx.Exec("UPDATE users SET picture = ? WHERE id = ?", id, user).Error; err != nil {
			return fmt.Errorf("note the picture of %s: %w", user, err)
		}
		return nil
	})
}

// Picture implements profile.Rows.
func (s *Store) Picture(ctx context.Context, id string) ([]byte, bool, error) {
	png, err := db.One[[]byte](s.DB.Read(ctx), "SELECT png FROM pictures WHERE id = ?", id)
	if errors.Is(err, db.ErrNone) {
		return nil, false, nil
	}
	return png, err == nil, err
}
