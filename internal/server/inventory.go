package server

import (
	"context"

	"github.com/deputy-oauth/deputy/internal/store"
)

// Which and Held are what operators ask the vault for, and are told.
type (
	Which = store.Which
	Held  = store.Held
)

// Inventory tells each live connection that is meant, by its id, until one is
// refused.
func (f *Foundation) Inventory(ctx context.Context, w Which, tell func(Held) error) error {
	return f.Store.Inventory(ctx, w, tell)
}
