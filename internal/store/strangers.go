package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// Rows of apps that no operator registered: they come when a person answers or
// when they register themselves, and go when nobody uses them.

// How long an app that no operator registered stays without a living grant.
const (
	keepUntried = 24 * time.Hour      // it registered itself, and that was all
	keepIdle    = 30 * 24 * time.Hour // since its last use
)

// Document implements clients.Known.
func (s *Store) Document(ctx context.Context, id consent.AppID) (clients.Stored, error) {
	r, err := db.One[appRow](s.DB.Read(ctx), "SELECT * FROM apps WHERE id = ?", id)
	if errors.Is(err, db.ErrNone) {
		return clients.Stored{}, nil
	}
	if err != nil {
		return clients.Stored{}, fmt.Errorf("read app: %w", err)
	}
	return clients.Stored{
		Known: true, Disabled: r.DisabledAt != nil, Approved: r.Approved, ApprovedName: r.ApprovedName, LogoURI: r.LogoURI, Logo: r.Logo,
	}, nil
}

// Adopt implements flow.Decisions: the app that a person answers gets a row, as it
// is now, in the transaction of the answer.
func (s *Store) Adopt(ctx context.Context, c clients.Client) error {
	if c.ByOperator() {
		return nil
	}
	if c.Origin != clients.Document {
		return s.inUse(ctx, c.ID)
	}
	r, err := newAppRow(c, s.Now())
	if err != nil {
		return err
	}
	res := s.DB.Read(ctx).Exec(`INSERT INTO apps (id, name, claimed, publisher, kind, origin, auth_method, jwks, jwks_uri, redirect_uris, grant_types, scopes, website, logo_uri, digest, created_at, used_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, claimed = excluded.claimed, kind = excluded.kind, auth_method = excluded.auth_method, jwks = excluded.jwks, jwks_uri = excluded.jwks_uri,
			redirect_uris = excluded.redirect_uris, grant_types = excluded.grant_types, website = excluded.website,
			logo = CASE WHEN apps.logo_uri = excluded.logo_uri THEN apps.logo ELSE '' END, logo_uri = excluded.logo_uri, digest = excluded.digest, used_at = excluded.used_at
		WHERE apps.origin = excluded.origin AND apps.disabled_at IS NULL`,
		r.ID, r.Name, r.Claimed, r.Publisher, r.Kind, r.Origin, r.AuthMethod, r.JWKS, r.JWKSURI, r.RedirectURIs, r.GrantTypes, r.Scopes, r.Website, r.LogoURI, r.Digest, r.CreatedAt, r.UsedAt)
	if res.Error != nil {
		return fmt.Errorf("adopt app: %w", res.Error)
	}
	if res.RowsAffected == 0 {
		return gone()
	}
	return s.sweepApps(ctx)
}

// inUse notes that somebody answers an app that registered itself. It also keeps
// the sweep of another replica from taking the row away meanwhile.
func (s *Store) inUse(ctx context.Context, id consent.AppID) error {
	res := s.DB.Read(ctx).Exec("UPDATE apps SET used_at = ? WHERE id = ? AND disabled_at IS NULL", s.Now().UnixMilli(), id)
	if res.Error != nil {
		return fmt.Errorf("note the use of app: %w", res.Error)
	}
	if res.RowsAffected == 0 {
		return gone()
	}
	return nil
}

func gone() error {
	return fault.New(fault.Conflict, "The app that asked is no longer registered here. Nothing was shared. Start again in the app.")
}

// Used implements clients.Uses.
func (s *Store) Used(ctx context.Context, id consent.AppID) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		return s.DB.Read(ctx).Exec("UPDATE apps SET used_at = ? WHERE id = ?", s.Now().UnixMilli(), id).Error
	})
}

// ChangeApp implements clients.Registrations.
func (s *Store) ChangeApp(ctx context.Context, c clients.Client) error {
	r, err := newAppRow(c, s.Now())
	if err != nil {
		return err
	}
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		res := s.DB.Read(ctx).Exec(`UPDATE apps SET name = ?, claimed = ?, logo = CASE WHEN logo_uri = ? THEN logo ELSE '' END, logo_uri = ?, jwks = ?, jwks_uri = ?, redirect_uris = ?, post_logout_uris = ?, grant_types = ?, scopes = ?, required = ?, detail_types = ?, must_push = ?, must_prove = ?, website = ?, metadata = ?, digest = ?, used_at = ?
			WHERE id = ? AND origin = ?`,
			r.Name, r.Claimed, r.LogoURI, r.LogoURI, r.JWKS, r.JWKSURI, r.RedirectURIs, r.LogoutURIs, r.GrantTypes, r.Scopes, r.Required, r.DetailTypes, r.MustPush, r.MustProve, r.Website, r.Metadata, r.Digest, r.UsedAt, r.ID, clients.Dynamic)
		if res.Error != nil {
			return fmt.Errorf("change app: %w", res.Error)
		}
		if res.RowsAffected == 0 {
			return clients.ErrUnknown
		}
		return nil
	})
}

// sweepApps takes away a few apps that no operator registered and nobody uses. It
// goes by last use, never by how many there are: a crowd of registrations pushes
// nobody else's out.
func (s *Store) sweepApps(ctx context.Context) error {
	lock := " FOR UPDATE OF apps SKIP LOCKED"
	if s.DB.SQLite() {
		lock = ""
	}
	now := s.Now()
	err := s.DB.Read(ctx).Exec(`DELETE FROM apps WHERE id IN (
		SELECT id FROM apps WHERE origin IN (?, ?) AND approved = '' AND used_at < ? AND (used_at < ? OR (origin = ? AND used_at = created_at))
			AND NOT EXISTS (SELECT 1 FROM grants g JOIN grant_items i ON i.grant_id = g.id WHERE g.app_id = apps.id AND g.revoked_at IS NULL AND i.until > ?)
		ORDER BY used_at LIMIT ?`+lock+")",
		clients.Dynamic, clients.Document, now.Add(-keepUntried).UnixMilli(), now.Add(-keepIdle).UnixMilli(), clients.Dynamic, now.UnixMilli(), expireBatch).Error
	if err != nil {
		return fmt.Errorf("delete unused apps: %w", err)
	}
	return nil
}

// RemoveApp ends everything people agreed to for an app that registered itself,
// each with its audit record, and deletes it. What hung on its grants goes with
// them; receipts and records stay.
func (r *Revoker) RemoveApp(ctx context.Context, id consent.AppID) error {
	var ended []consent.GrantID
	err := r.Store.DB.Tx(ctx, func(ctx context.Context) error {
		ended = nil
		tx := r.Store.DB.Read(ctx)
		// The row first: whoever agrees meanwhile waits for it, and finds it gone.
		if err := r.Store.inUse(ctx, id); err != nil {
			return err
		}
		var live []heldRow
		if err := tx.Raw("SELECT id, user_id FROM grants WHERE app_id = ? AND revoked_at IS NULL", id).Scan(&live).Error; err != nil {
			return fmt.Errorf("read grants of app: %w", err)
		}
		for _, g := range live {
			if err := r.revoke(ctx, g.UserID, g.ID, id, audit.ByApp); err != nil {
				return err
			}
			ended = append(ended, g.ID)
		}
		if err := tx.Exec("DELETE FROM apps WHERE id = ? AND origin = ?", id, clients.Dynamic).Error; err != nil {
			return fmt.Errorf("delete app: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, g := range ended {
		r.Changed(g)
	}
	return nil
}
