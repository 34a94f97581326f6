package store

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/resourceserver/events"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// Hear implements events.Connections.
func (s Credentials) Hear(ctx context.Context, m events.Message, most int) (heard events.Heard, err error) {
	err = s.Rows.DB.Tx(ctx, func(ctx context.Context) error {
		first, err := s.Rows.First(ctx, "event "+string(m.Registration)+" "+m.ID, m.Until)
		if err != nil || !first {
			return err
		}
		who, args := accountsOf(m)
		if !m.Before.IsZero() {
			old := " AND EXISTS (SELECT 1 FROM credentials k WHERE k.connection_id = connections.id AND k.issued_at < ?)"
			if heard.Ended, err = s.broken(ctx, who+old, append(args, m.Before.UnixMilli()), provider.EndedThere); err != nil {
				return err
			}
		}
		return s.Rows.DB.Read(ctx).Raw("SELECT id FROM connections WHERE "+who+" AND health = ? ORDER BY id LIMIT ?",
			append(args, consent.Healthy, most)...).Scan(&heard.Doubt).Error
	})
	if err != nil {
		return events.Heard{}, fmt.Errorf("end connections: %w", err)
	}
	return heard, nil
}

// accountsOf finds the connections to the accounts that a message means.
func accountsOf(m events.Message) (where string, args []any) {
	if m.Realm != "" {
		return "registration_id = ? AND ended_at IS NULL AND substr(subject, 1, ?) = ?", []any{m.Registration, utf8.RuneCountInString(m.Realm), m.Realm}
	}
	return "registration_id = ? AND ended_at IS NULL AND subject IN ?", []any{m.Registration, m.Subjects}
}

// broken marks healthy connections as needing the person, each with its record. The
// caller has a transaction.
func (s Credentials) broken(ctx context.Context, where string, args []any, reason string) ([]consent.ConnectionID, error) {
	var rows []struct {
		ID     consent.ConnectionID
		UserID consent.UserID
	}
	err := s.Rows.DB.Read(ctx).Raw("UPDATE connections SET health = ?, reason = ? WHERE "+where+" AND health = ? RETURNING id, user_id",
		append(append([]any{consent.NeedsPerson, reason}, args...), consent.Healthy)...).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("give connections up: %w", err)
	}
	var ids []consent.ConnectionID
	for _, r := range rows {
		ids = append(ids, r.ID)
		e := audit.Event{At: s.Rows.Now(), Kind: audit.ConnectionBroken, User: r.UserID, Connection: r.ID, Outcome: audit.Done, Detail: reason}
		if err := s.Audit.InTx(ctx, e); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
