package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/deputy-oauth/deputy/internal/db"
)

// Meta returns a fact about the whole database, "" when it is not set.
func (s *Store) Meta(ctx context.Context, name string) (string, error) {
	value, err := db.One[string](s.DB.Read(ctx), "SELECT value FROM meta WHERE name = ?", name)
	if errors.Is(err, db.ErrNone) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s of the database: %w", name, err)
	}
	return value, nil
}

// FirstMeta sets a fact unless it is set, and returns what stands: of several
// that start at once, one sets it.
func (s *Store) FirstMeta(ctx context.Context, name, value string) (string, error) {
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		return s.DB.Read(ctx).Exec("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", name, value).Error
	})
	if err != nil {
		return "", fmt.Errorf("set %s of the database: %w", name, err)
	}
	return s.Meta(ctx, name)
}
