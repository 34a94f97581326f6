package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// SetLogo stores the picture that was made of an app's logo, and where it was
// fetched. It goes with the app.
func (s *Store) SetLogo(ctx context.Context, id consent.AppID, uri string, png []byte) (digest string, err error) {
	sum := sha256.Sum256(png)
	digest = hex.EncodeToString(sum[:])
	return digest, s.DB.Tx(ctx, func(ctx context.Context) error {
		tx := s.DB.Read(ctx)
		res := tx.Exec("UPDATE apps SET logo_uri = ?, logo = ? WHERE id = ?", uri, digest, id)
		if res.Error != nil {
			return fmt.Errorf("note a logo: %w", res.Error)
		}
		if res.RowsAffected == 0 {
			return fault.New(fault.NotFound, "There is no app %s.", id)
		}
		err := tx.Exec("INSERT INTO logos (app_id, digest, png) VALUES (?, ?, ?) ON CONFLICT (app_id) DO UPDATE SET digest = excluded.digest, png = excluded.png", id, digest, png).Error
		if err != nil {
			return fmt.Errorf("store a logo: %w", err)
		}
		return nil
	})
}

// RemoveLogo forgets an app's picture.
func (s *Store) RemoveLogo(ctx context.Context, id consent.AppID) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		known, err := s.changedOne(ctx, "UPDATE apps SET logo = '' WHERE id = ?", id)
		if err == nil && !known {
			return fault.New(fault.NotFound, "There is no app %s.", id)
		}
		return errors.Join(err, s.DB.Read(ctx).Exec("DELETE FROM logos WHERE app_id = ?", id).Error)
	})
}

// Logo implements authserver.Logos.
func (s *Store) Logo(ctx context.Context, digest string) ([]byte, bool, error) {
	png, err := db.One[[]byte](s.DB.Read(ctx), "SELECT png FROM logos WHERE digest = ? LIMIT 1", digest)
	if errors.Is(err, db.ErrNone) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read a logo: %w", err)
	}
	return png, true, nil
}
