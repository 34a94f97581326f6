package store

import (
	"context"
	"fmt"

	"github.com/deputy-oauth/deputy/consent"
)

type ruleRow struct {
	AppID   consent.AppID
	Scope   consent.ScopeName
	Risk    int
	Decider consent.Decider
}

// Rules implements flow.Admins and live.Operators.
func (s *Store) Rules(ctx context.Context) (consent.Rules, error) {
	var rows []ruleRow
	if err := s.DB.Read(ctx).Raw("SELECT * FROM rules ORDER BY app_id, scope, risk").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("read who decides: %w", err)
	}
	var out consent.Rules
	for _, r := range rows {
		out = append(out, consent.Rule{App: r.AppID, Scope: r.Scope, Risk: r.Risk, Who: r.Decider})
	}
	return out, nil
}

// SetRule stores a rule in the place of an earlier one about the same.
func (s *Store) SetRule(ctx context.Context, r consent.Rule) error {
	_, err := s.changedOne(ctx, "INSERT INTO rules (app_id, scope, risk, decider) VALUES (?, ?, ?, ?) ON CONFLICT (app_id, scope, risk) DO UPDATE SET decider = excluded.decider",
		r.App, r.Scope, r.Risk, r.Who)
	return err
}

// RemoveRule reports false when there is none about the same.
func (s *Store) RemoveRule(ctx context.Context, r consent.Rule) (bool, error) {
	return s.changedOne(ctx, "DELETE FROM rules WHERE app_id = ? AND scope = ? AND risk = ?", r.App, r.Scope, r.Risk)
}
