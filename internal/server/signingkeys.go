package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/deputy-oauth/deputy/authserver/keys"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// ring opens the signing keys. A key is published for a day before it signs and
// for a day after the next one took over: verifiers keep the document for an
// hour, replicas keep the keys for a minute, and nothing signed lives longer than
// accessLife.
func (f *Foundation) ring(ctx context.Context, log *slog.Logger) (*keys.Ring, error) {
	r, err := keys.Open(ctx, keys.Config{
		Store: f.Store, Sealer: sealer{f.Vault, "signing_keys"}, Now: f.Now, Log: log, Every: time.Duration(f.Config.KeyRotation) * 24 * time.Hour,
	})
	if err != nil {
		return nil, fmt.Errorf("open the signing keys: %w", err)
	}
	return r, nil
}

// RotateKey publishes the next signing key. Servers that run learn of it within
// a minute.
func (f *Foundation) RotateKey(ctx context.Context) (keys.Key, error) {
	r, err := f.ring(ctx, nil)
	if err != nil {
		return keys.Key{}, err
	}
	next, err := r.Rotate(ctx)
	if errors.Is(err, keys.ErrWaiting) {
		return keys.Key{}, fault.New(fault.Conflict, "The next key is published already. Another one can follow when it signs; see deputy key list.")
	}
	return next, err
}

// SigningKeys returns the published keys, newest first.
func (f *Foundation) SigningKeys(ctx context.Context) ([]keys.Staged, error) {
	r, err := f.ring(ctx, nil)
	if err != nil {
		return nil, err
	}
	return r.Keys(ctx), nil
}
