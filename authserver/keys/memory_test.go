package keys_test

import (
	"context"
	"slices"
	"time"

	"github.com/deputy-oauth/deputy/authserver/keys"
)

// memory is a store for a benchmark that is not about the database.
type memory struct{ keys []keys.Key }

func (m *memory) SigningKeys(context.Context) ([]keys.Key, error) { return slices.Clone(m.keys), nil }

func (m *memory) AddFirstSigningKey(_ context.Context, k keys.Key) error {
	m.keys = append(m.keys, k)
	return nil
}

func (m *memory) AddNextSigningKey(_ context.Context, k keys.Key, _ string, _ time.Time) (bool, error) {
	m.keys = append(m.keys, k)
	return true, nil
}

func (m *memory) DropSigningKeys(context.Context, time.Time) error { return nil }
