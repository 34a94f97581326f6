package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// Credentials is the part of the store that keeps provider tokens. It implements
// provider.Credentials.
type Credentials struct{ Rows *Store }

// credentialRow is a row of credentials with what its connection says.
type credentialRow struct {
	ConnectionID   consent.ConnectionID
	RegistrationID provider.RegistrationID
	Health         consent.Health
	Granted        string
	Version        int64
	AccessToken    []byte
	RefreshToken   []byte
	IssuedAt       int64
	ExpiresAt      *int64
	LeaseUntil     int64
}

func (r credentialRow) credential() provider.Credential {
	c := provider.Credential{
		Connection: r.ConnectionID, Registration: r.RegistrationID, Health: r.Health, Version: r.Version,
		Sealed: provider.Sealed{Access: r.AccessToken, Refresh: r.RefreshToken}, Granted: strings.Fields(r.Granted),
		IssuedAt: time.UnixMilli(r.IssuedAt),
	}
	if r.ExpiresAt != nil {
		c.ExpiresAt = time.UnixMilli(*r.ExpiresAt)
	}
	if r.LeaseUntil > 0 {
		c.LeaseUntil = time.UnixMilli(r.LeaseUntil)
	}
	return c
}

// Load implements provider.Credentials.
func (s Credentials) Load(ctx context.Context, id consent.ConnectionID) (provider.Credential, error) {
	r, err := db.One[credentialRow](s.Rows.DB.Read(ctx), `SELECT k.connection_id, c.registration_id, c.health, c.granted, k.version,
			k.access_token, k.refresh_token, k.issued_at, k.expires_at, k.lease_until
		FROM credentials k JOIN connections c ON c.id = k.connection_id WHERE k.connection_id = ?`, id)
	if errors.Is(err, db.ErrNone) {
		return provider.Credential{}, fault.Wrap(fault.NotFound, err, "This service is not connected.")
	}
	if err != nil {
		return provider.Credential{}, fmt.Errorf("read credential: %w", err)
	}
	return r.credential(), nil
}

// Lease implements provider.Credentials.
func (s Credentials) Lease(ctx context.Context, claim provider.Claim) (won bool, now provider.Credential, err error) {
	err = s.Rows.DB.Tx(ctx, func(ctx context.Context) error {
		res := s.Rows.DB.Read(ctx).Exec(`UPDATE credentials SET attempt = ?, lease_until = ?
			WHERE connection_id = ? AND version = ? AND lease_until <= ?
			AND EXISTS (SELECT 1 FROM connections c WHERE c.id = credentials.connection_id AND c.health = ?)`,
			claim.Attempt, claim.Now.Add(claim.For).UnixMilli(), claim.Connection, claim.Version, claim.Now.UnixMilli(), consent.Healthy)
		if res.Error != nil || res.RowsAffected == 0 {
			return res.Error
		}
		won = true
		now, err = s.Load(ctx, claim.Connection)
		return err
	})
	if err != nil {
		return false, provider.Credential{}, fmt.Errorf("lease credential: %w", err)
	}
	return won, now, nil
}

// Store implements provider.Credentials: the new tokens and what they were
// granted, in one transaction.
func (s Credentials) Store(ctx context.Context, r provider.Renewal) (ok bool, err error) {
	err = s.Rows.DB.Tx(ctx, func(ctx context.Context) error {
		res := s.Rows.DB.Read(ctx).Exec(`UPDATE credentials SET version = version + 1, access_token = ?, refresh_token = ?, issued_at = ?, expires_at = ?,
				attempt = NULL, lease_until = 0, updated_at = ?
			WHERE connection_id = ? AND version = ? AND attempt = ?
			AND EXISTS (SELECT 1 FROM connections c WHERE c.id = credentials.connection_id AND c.health <> ?)`,
			r.Sealed.Access, r.Sealed.Refresh, r.IssuedAt.UnixMilli(), end(r.ExpiresAt), s.Rows.Now().UnixMilli(),
			r.Connection, r.Version, r.Attempt, consent.Disconnected)
		if res.Error != nil || res.RowsAffected == 0 {
			return res.Error
		}
		ok = true
		return s.Rows.DB.Read(ctx).Exec("UPDATE connections SET granted = ? WHERE id = ?", strings.Join(r.Granted, " "), r.Connection).Error
	})
	if err != nil {
		return false, fmt.Errorf("store credential: %w", err)
	}
	return ok, nil
}

// Fail implements provider.Credentials.
func (s Credentials) Fail(ctx context.Context, f provider.Failure) (ok bool, err error) {
	err = s.Rows.DB.Tx(ctx, func(ctx context.Context) error {
		tx := s.Rows.DB.Read(ctx)
		if f.Attempt != "" {
			res := tx.Exec("UPDATE credentials SET attempt = NULL, lease_until = 0, updated_at = ? WHERE connection_id = ? AND version = ? AND attempt = ?",
				f.At.UnixMilli(), f.Connection, f.Version, f.Attempt)
			ok = res.RowsAffected == 1
			if res.Error != nil || !ok || !f.NeedsPerson {
				return res.Error
			}
		}
		if !f.NeedsPerson {
			return nil
		}
		res := tx.Exec(`UPDATE connections SET health = ?, reason = ? WHERE id = ? AND health = ?
			AND EXISTS (SELECT 1 FROM credentials k WHERE k.connection_id = connections.id AND k.version = ?)`,
			consent.NeedsPerson, string(f.Class), f.Connection, consent.Healthy, f.Version)
		ok = res.RowsAffected == 1
		return res.Error
	})
	if err != nil {
		return false, fmt.Errorf("give credential back: %w", err)
	}
	return ok, nil
}

// end is how an end is stored: NULL when there is none.
func end(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := t.UnixMilli()
	return &ms
}
