package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// RevokeAudit records what was taken away in the transaction that does it.
type RevokeAudit interface {
	InTx(ctx context.Context, e audit.Event) error
}

// Revoker takes away what a person agreed to. Each method is one transaction with
// its audit record, and touches no provider.
type Revoker struct {
	Store *Store
	Audit RevokeAudit
	// Changed is called after the commit, so that what this process remembers of
	// the grant is read again.
	Changed func(consent.GrantID)
}

// RevokeGrant ends a grant and every refresh chain under it. Codes and access
// tokens end with the grant: each use of one asks whether it stands.
func (r *Revoker) RevokeGrant(ctx context.Context, user consent.UserID, grant consent.GrantID) error {
	return r.end(ctx, user, grant, "")
}

// GiveBack is RevokeGrant at the wish of the app itself.
func (r *Revoker) GiveBack(ctx context.Context, user consent.UserID, grant consent.GrantID) error {
	return r.end(ctx, user, grant, audit.ByApp)
}

// end is RevokeGrant; who is for the record, "" for the person.
func (r *Revoker) end(ctx context.Context, user consent.UserID, grant consent.GrantID, who string) error {
	err := r.Store.DB.Tx(ctx, func(ctx context.Context) error {
		app, err := r.hold(ctx, user, grant)
		if errors.Is(err, db.ErrNone) {
			return r.endedBefore(ctx, user, grant)
		}
		if err != nil {
			return err
		}
		return r.revoke(ctx, user, grant, app, who)
	})
	if err != nil {
		return err
	}
	r.Changed(grant)
	return nil
}

// hold locks a person's living grant, which is going to be changed, until the
// transaction ends and returns its app: whoever else changes it waits.
func (r *Revoker) hold(ctx context.Context, user consent.UserID, grant consent.GrantID) (consent.AppID, error) {
	app, err := db.One[consent.AppID](r.Store.DB.Read(ctx),
		"UPDATE grants SET updated_at = ? WHERE user_id = ? AND id = ? AND revoked_at IS NULL RETURNING app_id", r.Store.Now().UnixMilli(), user, grant)
	if err != nil {
		return "", fmt.Errorf("hold grant: %w", err)
	}
	return app, nil
}

// endedBefore tells a second click from somebody else's grant.
func (r *Revoker) endedBefore(ctx context.Context, user consent.UserID, grant consent.GrantID) error {
	_, err := db.One[int](r.Store.DB.Read(ctx), "SELECT 1 FROM grants WHERE user_id = ? AND id = ?", user, grant)
	return notYours(err)
}

func (r *Revoker) revoke(ctx context.Context, user consent.UserID, grant consent.GrantID, app consent.AppID, who string) error {
	tx, now := r.Store.DB.Read(ctx), r.Store.Now()
	if err := tx.Exec("UPDATE grants SET revoked_at = ? WHERE user_id = ? AND id = ?", now.UnixMilli(), user, grant).Error; err != nil {
		return fmt.Errorf("revoke grant: %w", err)
	}
	err := tx.Exec("UPDATE families SET revoked_at = ? WHERE user_id = ? AND grant_id = ? AND revoked_at IS NULL", now.UnixMilli(), user, grant).Error
	if err != nil {
		return fmt.Errorf("revoke families: %w", err)
	}
	return r.Audit.InTx(ctx, audit.Event{At: now, Kind: audit.GrantRevoked, User: user, App: app, Grant: grant, Outcome: audit.Done, Detail: who})
}

// RemoveItems takes scopes on one connection ("" for scopes that need none) out
// of a grant, and ends the grant when nothing that lives is left.
func (r *Revoker) RemoveItems(ctx context.Context, user consent.UserID, grant consent.GrantID, scopes []consent.ScopeName, on consent.ConnectionID) error {
	err := r.Store.DB.Tx(ctx, func(ctx context.Context) error {
		app, err := r.hold(ctx, user, grant)
		if err != nil {
			return notYours(err)
		}
		now := r.Store.Now()
		var gone []consent.ScopeName
		err = r.Store.DB.Read(ctx).Raw("DELETE FROM grant_items WHERE grant_id = ? AND connection_id = ? AND scope IN ? RETURNING scope", grant, on, scopes).Scan(&gone).Error
		if err != nil {
			return fmt.Errorf("delete grant items: %w", err)
		}
		if len(gone) == 0 {
			return notYours(db.ErrNone)
		}
		if err := r.narrowed(ctx, audit.Event{At: now, User: user, App: app, Grant: grant, Connection: on}, gone); err != nil {
			return err
		}
		left, err := db.One[int](r.Store.DB.Read(ctx), "SELECT count(*) FROM grant_items WHERE grant_id = ? AND until > ?", grant, now.UnixMilli())
		if err != nil {
			return fmt.Errorf("count what is left of grant: %w", err)
		}
		if left > 0 {
			return nil
		}
		return r.revoke(ctx, user, grant, app, "")
	})
	if err != nil {
		return err
	}
	r.Changed(grant)
	return nil
}

// narrowed records what was taken out of a grant. Without offline_access, what
// was to outlive the sign-in ends with it after all (OpenID Connect Core 11).
func (r *Revoker) narrowed(ctx context.Context, e audit.Event, gone []consent.ScopeName) error {
	for _, scope := range gone {
		e.Kind, e.Scope, e.Outcome = audit.GrantNarrowed, scope, audit.Done
		if err := r.Audit.InTx(ctx, e); err != nil {
			return err
		}
	}
	if !slices.Contains(gone, consent.OfflineAccess) {
		return nil
	}
	err := r.Store.DB.Read(ctx).Exec("UPDATE families SET offline = ? WHERE user_id = ? AND grant_id = ?", false, e.User, e.Grant).Error
	if err != nil {
		return fmt.Errorf("tie families to the sign-in: %w", err)
	}
	return nil
}

// RevokeFamily ends one refresh chain. Ending one that has ended is no error.
func (r *Revoker) RevokeFamily(ctx context.Context, user consent.UserID, family consent.FamilyID) error {
	var changed consent.GrantID
	err := r.Store.DB.Tx(ctx, func(ctx context.Context) error {
		now := r.Store.Now()
		row, err := db.One[struct {
			GrantID consent.GrantID
			AppID   consent.AppID
		}](r.Store.DB.Read(ctx), "UPDATE families SET revoked_at = ? WHERE user_id = ? AND id = ? AND revoked_at IS NULL RETURNING grant_id, app_id",
			now.UnixMilli(), user, family)
		if errors.Is(err, db.ErrNone) {
			changed, err = db.One[consent.GrantID](r.Store.DB.Read(ctx), "SELECT grant_id FROM families WHERE user_id = ? AND id = ?", user, family)
			return notYours(err)
		}
		if err != nil {
			return fmt.Errorf("revoke family: %w", err)
		}
		changed = row.GrantID
		return r.Audit.InTx(ctx, audit.Event{
			At: now, Kind: audit.GrantNarrowed, User: user, App: row.AppID, Grant: row.GrantID, Family: family, Outcome: audit.Done,
		})
	})
	if err != nil {
		return err
	}
	r.Changed(changed)
	return nil
}

// notYours makes a sentence of "no such row": absent and somebody else's are the
// same.
func notYours(err error) error {
	if errors.Is(err, db.ErrNone) {
		return fault.Wrap(fault.NotFound, err, "This was removed already, or it never was yours.")
	}
	return err
}
