package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// Credentials is the part of the store that keeps provider tokens. It implements
// provider.Credentials and events.Connections.
type Credentials struct {
	Rows  *Store
	Audit RevokeAudit
}

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
	Unsure         bool
	FailClass      catalog.ErrorClass
	FailCount      int
	NextTryAt      int64
	Locked         bool
}

func (r credentialRow) credential() provider.Credential {
	c := provider.Credential{
		Connection: r.ConnectionID, Registration: r.RegistrationID, Health: r.Health, Version: r.Version,
		Sealed: provider.Sealed{Access: r.AccessToken, Refresh: r.RefreshToken}, Granted: strings.Fields(r.Granted),
		IssuedAt: time.UnixMilli(r.IssuedAt), Unsure: r.Unsure, Locked: r.Locked, Rest: provider.Rest{Class: r.FailClass, Failures: r.FailCount},
	}
	if r.ExpiresAt != nil {
		c.ExpiresAt = time.UnixMilli(*r.ExpiresAt)
	}
	if r.LeaseUntil > 0 {
		c.LeaseUntil = time.UnixMilli(r.LeaseUntil)
	}
	if r.NextTryAt > 0 {
		c.Rest.Until = time.UnixMilli(r.NextTryAt)
	}
	return c
}

// Load implements provider.Credentials.
func (s Credentials) Load(ctx context.Context, id consent.ConnectionID) (provider.Credential, error) {
	r, err := db.One[credentialRow](s.Rows.DB.Read(ctx), `SELECT k.connection_id, c.registration_id, c.health, c.granted, k.version,
			k.access_token, k.refresh_token, k.issued_at, k.expires_at, k.lease_until,
			k.unsure, k.fail_class, k.fail_count, k.next_try_at, EXISTS (SELECT 1 FROM meta WHERE name = 'vault_locked') AS locked
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
		res := s.Rows.DB.Read(ctx).Exec(`UPDATE credentials SET unsure = unsure OR attempt IS NOT NULL, attempt = ?, lease_until = ?
			WHERE connection_id = ? AND version = ? AND lease_until <= ? AND next_try_at <= ?
			AND EXISTS (SELECT 1 FROM connections c WHERE c.id = credentials.connection_id AND c.health = ?)`,
			claim.Attempt, claim.Now.Add(claim.For).UnixMilli(), claim.Connection, claim.Version, claim.Now.UnixMilli(), claim.Now.UnixMilli(), consent.Healthy)
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
				attempt = NULL, lease_until = 0, unsure = FALSE, fail_class = '', fail_count = 0, next_try_at = 0, updated_at = ?
			WHERE connection_id = ? AND version = ? AND attempt = ?
			AND EXISTS (SELECT 1 FROM connections c WHERE c.id = credentials.connection_id AND c.health <> ?)`,
			r.Sealed.Access, r.Sealed.Refresh, r.IssuedAt.UnixMilli(), end(r.ExpiresAt), s.Rows.Now().UnixMilli(),
			r.Connection, r.Version, r.Attempt, consent.Disconnected)
		if res.Error != nil || res.RowsAffected == 0 {
			return res.Error
		}
		ok = true
		tx := s.Rows.DB.Read(ctx)
		return errors.Join(
			tx.Exec("UPDATE connections SET granted = ? WHERE id = ?", strings.Join(r.Granted, " "), r.Connection).Error,
			tx.Exec("UPDATE registrations SET refused_count = 0, trouble_until = 0 WHERE (refused_count > 0 OR trouble_until > 0) AND id = (SELECT registration_id FROM connections WHERE id = ?)", r.Connection).Error,
		)
	})
	if err != nil {
		return false, fmt.Errorf("store credential: %w", err)
	}
	return ok, nil
}

// Fail implements provider.Credentials.
func (s Credentials) Fail(ctx context.Context, f provider.Failure) (verdict provider.Verdict, err error) {
	err = s.Rows.DB.Tx(ctx, func(ctx context.Context) error {
		verdict = provider.Overtaken
		unsure, ok, err := s.rest(ctx, f)
		if err != nil || !ok {
			return err
		}
		verdict = provider.Resting
		dead, err := s.judge(ctx, f)
		if err != nil || !dead {
			return err
		}
		verdict = provider.Dead
		_, err = s.broken(ctx, "id = ?", []any{f.Connection}, f.Reason(unsure))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("give credential back: %w", err)
	}
	return verdict, nil
}

// rest notes a failure in the credential's row, where it is still about what is
// there, and returns whether the row is in doubt.
func (s Credentials) rest(ctx context.Context, f provider.Failure) (unsure, ok bool, err error) {
	statement := "UPDATE credentials SET unsure = unsure OR ?, fail_class = ?, fail_count = ?, next_try_at = ?, updated_at = ?"
	args := []any{f.Unsure, f.Rest.Class, f.Rest.Failures, f.Rest.Until.UnixMilli(), f.At.UnixMilli(), f.Connection, f.Version}
	where := " WHERE connection_id = ? AND version = ?"
	if f.Attempt != "" {
		statement, where, args = statement+", attempt = NULL, lease_until = 0", where+" AND attempt = ?", append(args, f.Attempt)
	}
	var rows []struct{ Unsure bool }
	if err := s.Rows.DB.Read(ctx).Raw(statement+where+" RETURNING unsure", args...).Scan(&rows).Error; err != nil || len(rows) == 0 {
		return false, false, err
	}
	return rows[0].Unsure, true, nil
}

// judge asks the registration's trouble whether a connection is given up.
func (s Credentials) judge(ctx context.Context, f provider.Failure) (dead bool, err error) {
	if f.Class != catalog.ReauthRequired && f.Class != catalog.Misconfigured {
		return false, nil
	}
	lock := " FOR UPDATE"
	if s.Rows.DB.SQLite() {
		lock = ""
	}
	r, err := db.One[struct {
		ID                                       string
		RefusedCount, RefusedSince, TroubleUntil int64
	}](s.Rows.DB.Read(ctx), "SELECT id, refused_count, refused_since, trouble_until FROM registrations WHERE id = (SELECT registration_id FROM connections WHERE id = ?)"+lock, f.Connection)
	if err != nil {
		return false, fmt.Errorf("read a registration's trouble: %w", err)
	}
	trouble := provider.Trouble{Refused: int(r.RefusedCount), Since: time.UnixMilli(r.RefusedSince), Until: time.UnixMilli(r.TroubleUntil)}
	dead, trouble = trouble.Judge(f.Class, f.At)
	return dead, s.Rows.DB.Read(ctx).Exec("UPDATE registrations SET refused_count = ?, refused_since = ?, trouble_until = ? WHERE id = ?",
		trouble.Refused, max(0, trouble.Since.UnixMilli()), max(0, trouble.Until.UnixMilli()), r.ID).Error
}

// end is how an end is stored: NULL when there is none.
func end(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := t.UnixMilli()
	return &ms
}
