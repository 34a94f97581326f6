package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// farewellRow is a row of revocations with what its connection says.
type farewellRow struct {
	ConnectionID   consent.ConnectionID
	UserID         consent.UserID
	RegistrationID provider.RegistrationID
	Provider       consent.ProviderID
	Granted        string
	Version        int64
	AccessToken    []byte
	RefreshToken   []byte
	IssuedAt       int64
	ExpiresAt      *int64
	Tries          int
	NextTryAt      int64
	GivenUpAt      int64
	Again          bool
}

func (r farewellRow) farewell() connect.Farewell {
	return connect.Farewell{
		User: r.UserID, Connection: r.ConnectionID, Provider: r.Provider, Tries: r.Tries, Due: time.UnixMilli(r.NextTryAt), Ends: time.UnixMilli(r.GivenUpAt), Again: r.Again,
		Tokens: provider.Credential{
			Connection: r.ConnectionID, Registration: r.RegistrationID, Health: consent.Disconnected, Version: r.Version,
			Sealed: provider.Sealed{Access: r.AccessToken, Refresh: r.RefreshToken}, Granted: strings.Fields(r.Granted), IssuedAt: time.UnixMilli(r.IssuedAt), ExpiresAt: maybe(r.ExpiresAt),
		},
	}
}

// PutFarewell implements connect.Farewells.
func (s *Store) PutFarewell(ctx context.Context, f connect.Farewell) error {
	_, err := s.changedOne(ctx, `INSERT INTO revocations (connection_id, version, access_token, refresh_token, issued_at, expires_at, tries, next_try_at, given_up_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, f.Connection, f.Tokens.Version, f.Tokens.Sealed.Access, f.Tokens.Sealed.Refresh, f.Tokens.IssuedAt.UnixMilli(),
		end(f.Tokens.ExpiresAt), f.Tries, f.Due.UnixMilli(), f.Ends.UnixMilli())
	if err != nil {
		return fmt.Errorf("keep tokens for a revocation: %w", err)
	}
	return nil
}

// TakeFarewell implements connect.Farewells.
func (s *Store) TakeFarewell(ctx context.Context, now, until time.Time) (f connect.Farewell, found bool, err error) {
	lock := " FOR UPDATE SKIP LOCKED"
	if s.DB.SQLite() {
		lock = ""
	}
	err = s.DB.Tx(ctx, func(ctx context.Context) error {
		tx := s.DB.Read(ctx)
		id, err := db.One[consent.ConnectionID](tx, `UPDATE revocations SET tries = tries + 1, next_try_at = ? WHERE connection_id =
			(SELECT connection_id FROM revocations WHERE next_try_at <= ? ORDER BY next_try_at LIMIT 1`+lock+`) RETURNING connection_id`, until.UnixMilli(), now.UnixMilli())
		if errors.Is(err, db.ErrNone) {
			return nil
		}
		if err != nil {
			return err
		}
		r, err := db.One[farewellRow](tx, `SELECT r.*, c.user_id, c.registration_id, c.provider, c.granted,
				EXISTS (SELECT 1 FROM connections o WHERE o.registration_id = c.registration_id AND o.subject = c.subject AND o.ended_at IS NULL) AS again
			FROM revocations r JOIN connections c ON c.id = r.connection_id WHERE r.connection_id = ?`, id)
		f, found = r.farewell(), err == nil
		return err
	})
	if err != nil {
		return connect.Farewell{}, false, fmt.Errorf("take a revocation: %w", err)
	}
	return f, found, nil
}

// PutFarewellOff implements connect.Farewells.
func (s *Store) PutFarewellOff(ctx context.Context, id consent.ConnectionID, due time.Time) error {
	_, err := s.changedOne(ctx, "UPDATE revocations SET next_try_at = ? WHERE connection_id = ?", due.UnixMilli(), id)
	if err != nil {
		return fmt.Errorf("put a revocation off: %w", err)
	}
	return nil
}

// KeepFarewell implements connect.Farewells.
func (s *Store) KeepFarewell(ctx context.Context, next provider.Credential) error {
	kept, err := s.changedOne(ctx, "UPDATE revocations SET version = ?, access_token = ?, refresh_token = ?, issued_at = ?, expires_at = ? WHERE connection_id = ? AND version = ?",
		next.Version, next.Sealed.Access, next.Sealed.Refresh, next.IssuedAt.UnixMilli(), end(next.ExpiresAt), next.Connection, next.Version-1)
	if err == nil && !kept {
		err = db.ErrNone
	}
	if err != nil {
		return fmt.Errorf("keep refreshed tokens for a revocation: %w", err)
	}
	return nil
}

// EndFarewell implements connect.Farewells.
func (s *Store) EndFarewell(ctx context.Context, id consent.ConnectionID, confirmed bool) error {
	reason := ""
	if !confirmed {
		reason = provider.NotConfirmed
	}
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		tx := s.DB.Read(ctx)
		return errors.Join(
			tx.Exec("DELETE FROM revocations WHERE connection_id = ?", id).Error,
			tx.Exec("UPDATE connections SET reason = ? WHERE id = ? AND ended_at IS NOT NULL", reason, id).Error,
		)
	})
	if err != nil {
		return fmt.Errorf("end a revocation: %w", err)
	}
	return nil
}
