package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/authserver/identity/passkey"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// passkeyRow is a row of passkeys.
type passkeyRow struct {
	ID           string
	UserID       string
	CredentialID []byte
	PublicKey    []byte
	Counter      int64
	Flags        int64
	Transports   string
	Name         string
	CreatedAt    int64
	UsedAt       *int64
	CopiedAt     *int64
}

func (r passkeyRow) key() passkey.Key {
	return passkey.Key{
		ID:         r.ID,
		User:       consent.UserID(r.UserID),
		Credential: r.CredentialID,
		Public:     r.PublicKey,
		Counter:    uint32(r.Counter),
		Flags:      byte(r.Flags),
		Transports: strings.Fields(r.Transports),
		Name:       r.Name,
		Created:    time.UnixMilli(r.CreatedAt).UTC(),
		Used:       maybe(r.UsedAt),
		Copied:     maybe(r.CopiedAt),
	}
}

// AddPasskey implements passkey.Keys.
func (s *Store) AddPasskey(ctx context.Context, k passkey.Key, most int) error {
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		have, err := s.countPasskeys(ctx, k.User)
		if err != nil {
			return err
		}
		if have >= most {
			return fault.New(fault.Conflict, "You have %d passkeys already. Remove one first.", have)
		}
		return s.DB.Read(ctx).Exec("INSERT INTO passkeys (id, credential_id, public_key, user_id, counter, flags, transports, name, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			k.ID, k.Credential, k.Public, string(k.User), int64(k.Counter), int64(k.Flags), strings.Join(k.Transports, " "), k.Name, k.Created.UnixMilli()).Error
	})
	if db.Duplicate(err) {
		return fault.Wrap(fault.Conflict, err, "This passkey was added already.")
	}
	return err
}

// countPasskeys counts a person's passkeys and holds other changes of them back
// until the transaction ends.
func (s *Store) countPasskeys(ctx context.Context, user consent.UserID) (int, error) {
	if err := s.holdAccount(ctx, string(user)); err != nil {
		return 0, err
	}
	n, err := db.One[int](s.DB.Read(ctx), "SELECT count(*) FROM passkeys WHERE user_id = ?", string(user))
	if err != nil {
		return 0, fmt.Errorf("count passkeys: %w", err)
	}
	return n, nil
}

// PasskeysOf implements passkey.Keys.
func (s *Store) PasskeysOf(ctx context.Context, user consent.UserID) ([]passkey.Key, error) {
	var rows []passkeyRow
	if err := s.DB.Read(ctx).Raw("SELECT * FROM passkeys WHERE user_id = ? ORDER BY created_at, id", string(user)).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("read passkeys: %w", err)
	}
	keys := make([]passkey.Key, len(rows))
	for i, r := range rows {
		keys[i] = r.key()
	}
	return keys, nil
}

// PasskeyByCredential implements passkey.Keys.
func (s *Store) PasskeyByCredential(ctx context.Context, credential []byte) (passkey.Key, bool, error) {
	r, err := db.One[passkeyRow](s.DB.Read(ctx), "SELECT * FROM passkeys WHERE credential_id = ?", credential)
	if errors.Is(err, db.ErrNone) {
		return passkey.Key{}, false, nil
	}
	if err != nil {
		return passkey.Key{}, false, fmt.Errorf("read passkey: %w", err)
	}
	return r.key(), true, nil
}

// UsePasskey implements passkey.Keys.
func (s *Store) UsePasskey(ctx context.Context, k passkey.Key) (bool, error) {
	n := int64(k.Counter)
	return s.changedOne(ctx, "UPDATE passkeys SET counter = ?, flags = ?, used_at = ? WHERE id = ? AND (counter < ? OR (counter = 0 AND ? = 0))",
		n, int64(k.Flags), k.Used.UnixMilli(), k.ID, n, n)
}

// MarkCopied implements passkey.Keys.
func (s *Store) MarkCopied(ctx context.Context, id string, at time.Time) error {
	_, err := s.changedOne(ctx, "UPDATE passkeys SET copied_at = ? WHERE id = ?", at.UnixMilli(), id)
	return err
}

// RemovePasskey implements passkey.Keys.
func (s *Store) RemovePasskey(ctx context.Context, user consent.UserID, id string) (bool, error) {
	removed := false
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		err := s.holdAccount(ctx, string(user))
		if err != nil {
			return err
		}
		if removed, err = s.changedOne(ctx, "DELETE FROM passkeys WHERE id = ? AND user_id = ?", id, string(user)); err != nil {
			return fmt.Errorf("delete passkey: %w", err)
		}
		if !removed {
			return nil
		}
		return s.keepsAWay(ctx, user)
	})
	return removed && err == nil, err
}

// RemovePasskeysOf takes all passkeys of a person away and says how many.
func (s *Store) RemovePasskeysOf(ctx context.Context, user consent.UserID) (int, error) {
	var n int64
	err := s.DB.Once(ctx, func(ctx context.Context) error {
		res := s.DB.Read(ctx).Exec("DELETE FROM passkeys WHERE user_id = ?", string(user))
		n = res.RowsAffected
		return res.Error
	})
	return int(n), err
}
