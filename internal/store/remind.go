package store

import (
	"context"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
)

// Reminder records that what a person agreed to ends soon.
type Reminder struct {
	Store *Store
	Audit RevokeAudit
}

// endRow is what is recorded of a row of grant_items.
type endRow struct {
	GrantID      consent.GrantID
	Scope        consent.ScopeName
	ConnectionID consent.ConnectionID
	Until        int64
}

// Remind records the end of a few items for which consent.Item.EndsSoon holds, each
// once for each end, whichever replica is first. It reports whether there may be
// more.
func (r *Reminder) Remind(ctx context.Context) (more bool, err error) {
	err = r.Store.DB.Tx(ctx, func(ctx context.Context) error {
		due, err := r.due(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		more = len(due) == expireBatch
		ids := make([]consent.GrantID, len(due))
		for i, d := range due {
			ids[i] = d.GrantID
		}
		var grants []heldRow
		if err := r.Store.DB.Read(ctx).Raw("SELECT id, user_id, app_id FROM grants WHERE id IN ? AND revoked_at IS NULL", ids).Scan(&grants).Error; err != nil {
			return fmt.Errorf("read grants: %w", err)
		}
		of := map[consent.GrantID]heldRow{}
		for _, g := range grants {
			of[g.ID] = g
		}
		for _, d := range due {
			if g, stands := of[d.GrantID]; stands {
				if err := r.Audit.InTx(ctx, ending(g, d, r.Store.Now())); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return more, err
}

// due marks a few items whose end is near and was not recorded, and returns them.
func (r *Reminder) due(ctx context.Context) ([]endRow, error) {
	lock := " FOR UPDATE SKIP LOCKED"
	if r.Store.DB.SQLite() {
		lock = ""
	}
	now := r.Store.Now()
	var due []endRow
	err := r.Store.DB.Read(ctx).Raw(`UPDATE grant_items SET reminded = until WHERE (grant_id, scope, connection_id) IN (
			SELECT grant_id, scope, connection_id FROM grant_items
			WHERE reminded < until AND until > ? AND until <= ? AND until - ? <= (until - since) / 4 ORDER BY until LIMIT ?`+lock+`)
		RETURNING grant_id, scope, connection_id, until`, now.UnixMilli(), now.Add(consent.Soonest).UnixMilli(), now.UnixMilli(), expireBatch).Scan(&due).Error
	if err != nil {
		return nil, fmt.Errorf("find what ends soon: %w", err)
	}
	return due, nil
}

func ending(g heldRow, it endRow, now time.Time) audit.Event {
	return audit.Event{
		At: now, Kind: audit.GrantEnding, User: g.UserID, App: g.AppID, Grant: g.ID, Connection: it.ConnectionID, Scope: it.Scope,
		Outcome: audit.Done, Detail: "until " + time.UnixMilli(it.Until).UTC().Format(time.DateOnly),
	}
}
