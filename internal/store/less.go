package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db"
)

// LowerItems takes less than all out of scopes on one connection ("" for scopes
// that need none). A scope of which nothing is left goes.
func (r *Revoker) LowerItems(ctx context.Context, user consent.UserID, grant consent.GrantID, scopes []consent.ScopeName, on consent.ConnectionID, less consent.Less) error {
	err := r.Store.DB.Tx(ctx, func(ctx context.Context) error {
		app, err := r.hold(ctx, user, grant)
		if err != nil {
			return notYours(err)
		}
		g, err := r.Store.Grant(ctx, grant)
		if err != nil {
			return err
		}
		now, found := r.Store.Now(), false
		for _, it := range g.Items {
			if !it.Live(now) || it.Connection != on || !slices.Contains(scopes, it.Scope) {
				continue
			}
			found = true
			e := audit.Event{At: now, Kind: audit.GrantNarrowed, User: user, App: app, Grant: grant, Connection: on, Scope: it.Scope, Outcome: audit.Done}
			if err := r.lower(ctx, it, it.Lower(less), e); err != nil {
				return err
			}
		}
		if !found {
			return notYours(db.ErrNone)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.Changed(grant)
	return nil
}

// lower stores what an item is now, with the record of it; nothing when it is what
// it was.
func (r *Revoker) lower(ctx context.Context, was, is consent.Item, e audit.Event) error {
	switch {
	case is.Until.Equal(was.Until) && len(is.Limit.Resources) == len(was.Limit.Resources):
		return nil
	case is.Limit.Empty() && !was.Limit.Empty():
		err := r.Store.DB.Read(ctx).Exec("DELETE FROM grant_items WHERE grant_id = ? AND scope = ? AND connection_id = ?", e.Grant, is.Scope, is.Connection).Error
		if err != nil {
			return fmt.Errorf("delete grant item: %w", err)
		}
		return r.Audit.InTx(ctx, e)
	}
	if err := r.Store.saveItem(ctx, e.Grant, is); err != nil {
		return err
	}
	e.Detail = audit.Less
	return r.Audit.InTx(ctx, e)
}
