package store

import (
	"context"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/authserver/keys"
)

// firstKeyMark names the row of meta that lets one replica make the first key.
const firstKeyMark = "first_signing_key"

// signingKeyRow is a row of signing_keys.
type signingKeyRow struct {
	Kid       string
	Alg       string
	Private   []byte
	Public    string
	CreatedAt int64
	ActiveAt  int64
	ExpiresAt *int64
}

// SigningKeys returns every key, in the order they were made.
func (s *Store) SigningKeys(ctx context.Context) ([]keys.Key, error) {
	var rows []signingKeyRow
	err := s.DB.Read(ctx).Raw("SELECT kid, alg, private, public, created_at, active_at, expires_at FROM signing_keys ORDER BY created_at, kid").Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("select signing keys: %w", err)
	}
	out := make([]keys.Key, len(rows))
	for i, r := range rows {
		out[i] = keys.Key{
			ID: r.Kid, Alg: r.Alg, Private: r.Private, Public: r.Public,
			Created: time.UnixMilli(r.CreatedAt).UTC(), Active: time.UnixMilli(r.ActiveAt).UTC(),
		}
		if r.ExpiresAt != nil {
			out[i].Expires = time.UnixMilli(*r.ExpiresAt).UTC()
		}
	}
	return out, nil
}

// AddFirstSigningKey adds k, unless a first key was added before. The mark's
// primary key decides between replicas: the later one waits for the earlier to
// commit and then finds the mark.
func (s *Store) AddFirstSigningKey(ctx context.Context, k keys.Key) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		mark := s.DB.Read(ctx).Exec("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", firstKeyMark, k.ID)
		if mark.Error != nil || mark.RowsAffected == 0 {
			return mark.Error
		}
		return s.insertSigningKey(ctx, k)
	})
}

// AddNextSigningKey adds k and sets the end of last, unless it has one. The
// conditional UPDATE decides between replicas: the later one waits for the row and
// then finds the end.
func (s *Store) AddNextSigningKey(ctx context.Context, k keys.Key, last string, lastEnd time.Time) (added bool, err error) {
	err = s.DB.Tx(ctx, func(ctx context.Context) error {
		end := s.DB.Read(ctx).Exec("UPDATE signing_keys SET expires_at = ? WHERE kid = ? AND expires_at IS NULL", lastEnd.UnixMilli(), last)
		if added = end.RowsAffected == 1; end.Error != nil || !added {
			return end.Error
		}
		return s.insertSigningKey(ctx, k)
	})
	if err != nil {
		return false, fmt.Errorf("add the next signing key: %w", err)
	}
	return added, nil
}

// DropSigningKeys deletes the keys that have ended. There are few: no index.
func (s *Store) DropSigningKeys(ctx context.Context, now time.Time) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := s.DB.Read(ctx).Exec("DELETE FROM signing_keys WHERE expires_at <= ?", now.UnixMilli()).Error; err != nil {
			return fmt.Errorf("drop signing keys: %w", err)
		}
		return nil
	})
}

func (s *Store) insertSigningKey(ctx context.Context, k keys.Key) error {
	var expires *int64
	if !k.Expires.IsZero() {
		ms := k.Expires.UnixMilli()
		expires = &ms
	}
	err := s.DB.Read(ctx).Exec("INSERT INTO signing_keys (kid, alg, private, public, created_at, active_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		k.ID, k.Alg, k.Private, k.Public, k.Created.UnixMilli(), k.Active.UnixMilli(), expires).Error
	if err != nil {
		return fmt.Errorf("insert signing key: %w", err)
	}
	return nil
}
