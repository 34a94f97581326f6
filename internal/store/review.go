package store

import (
	"context"
	"fmt"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// Approve notes that an operator answers for the app as c is now. A document that
// nobody has answered yet gets its row by it.
func (s *Store) Approve(ctx context.Context, c clients.Client, records RevokeAudit) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := s.Adopt(ctx, c); err != nil {
			return err
		}
		// Only while it is what the operator was shown.
		res := s.DB.Read(ctx).Exec("UPDATE apps SET approved = digest, approved_name = ?, name = ?, claimed = '' WHERE id = ? AND digest = ? AND (name = ? OR claimed = ?)",
			c.OwnName(), c.OwnName(), c.ID, c.Digest(), c.OwnName(), c.OwnName())
		if res.Error != nil {
			return fmt.Errorf("approve app: %w", res.Error)
		}
		if res.RowsAffected == 0 {
			return fault.New(fault.Conflict, "The app changed meanwhile. Nothing was approved. Look at it again.")
		}
		return records.InTx(ctx, audit.Event{At: s.Now(), Kind: audit.AppApproved, App: c.ID, Outcome: audit.Done})
	})
}

// Unapprove takes an approval back. What people have allowed stays. c is the app as
// it is without.
func (s *Store) Unapprove(ctx context.Context, c clients.Client, records RevokeAudit) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		res := s.DB.Read(ctx).Exec("UPDATE apps SET approved = '', approved_name = '', name = ?, claimed = ? WHERE id = ? AND approved <> ''", c.Name, c.Claimed, c.ID)
		if res.Error != nil {
			return fmt.Errorf("take an approval back: %w", res.Error)
		}
		if res.RowsAffected == 0 {
			return fault.New(fault.NotFound, "No app of that id is approved.")
		}
		return records.InTx(ctx, audit.Event{At: s.Now(), Kind: audit.AppUnapproved, App: c.ID, Outcome: audit.Done})
	})
}

// Vouched is an app that an operator answers for.
type Vouched struct {
	ID   consent.AppID
	Name string
}

// VouchedApps lists up to most apps that operators registered, and up to most that
// they approved.
func (s *Store) VouchedApps(ctx context.Context, most int) ([]Vouched, error) {
	var out []Vouched
	// Of those that were approved the name is the approved one, whatever they call
	// themselves since.
	for _, which := range []string{"name FROM apps WHERE origin = 'operator'", "approved_name AS name FROM apps WHERE approved <> ''"} {
		var rows []Vouched
		if err := s.DB.Read(ctx).Raw("SELECT id, "+which+" ORDER BY id LIMIT ?", most).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("list the apps that an operator answers for: %w", err)
		}
		out = append(out, rows...)
	}
	return out, nil
}

// Listed is an app in an operator's list.
type Listed struct {
	clients.Client
	People int // who allow it something, up to a thousand
}

// ListApps returns up to most apps of an origin, those used last first.
func (s *Store) ListApps(ctx context.Context, origin clients.Origin, most int) ([]Listed, error) {
	var rows []struct {
		App    appRow `gorm:"embedded"`
		People int
	}
	err := s.DB.Read(ctx).Raw(`SELECT apps.*, (SELECT count(*) FROM (SELECT 1 FROM grants WHERE app_id = apps.id AND revoked_at IS NULL LIMIT 1000) AS counted) AS people
		FROM apps WHERE origin = ? ORDER BY used_at DESC, id DESC LIMIT ?`, origin, most).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list apps: %w", err)
	}
	out := make([]Listed, len(rows))
	for i, r := range rows {
		c, err := r.App.client()
		if err != nil {
			return nil, err
		}
		c.Disabled = r.App.DisabledAt != nil
		out[i] = Listed{c, r.People}
	}
	return out, nil
}
