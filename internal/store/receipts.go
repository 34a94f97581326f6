package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/dashboard"
	"github.com/deputy-oauth/deputy/internal/db"
)

type receiptRow struct {
	ID        string
	GrantID   consent.GrantID
	Decision  string
	Body      string
	Digest    string
	DecidedAt int64
}

func (r receiptRow) answer() dashboard.Answer {
	return dashboard.Answer{ID: r.ID, Grant: r.GrantID, Yes: r.Decision == "yes", Body: r.Body, Digest: r.Digest, At: time.UnixMilli(r.DecidedAt)}
}

// Answers implements dashboard.Answers.
func (d Dashboard) Answers(ctx context.Context, user consent.UserID, app consent.AppID, most int) ([]dashboard.Answer, error) {
	var rows []receiptRow
	err := d.DB.Read(ctx).Raw("SELECT id, grant_id, decision, body, digest, decided_at FROM receipts WHERE user_id = ? AND app_id = ? ORDER BY decided_at DESC, id DESC LIMIT ?", user, app, most).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read receipts: %w", err)
	}
	out := make([]dashboard.Answer, len(rows))
	for i, r := range rows {
		out[i] = r.answer()
	}
	return out, nil
}

// Answer implements dashboard.Answers.
func (d Dashboard) Answer(ctx context.Context, user consent.UserID, id string) (dashboard.Answer, bool, error) {
	r, err := db.One[receiptRow](d.DB.Read(ctx), "SELECT id, grant_id, decision, body, digest, decided_at FROM receipts WHERE id = ? AND user_id = ?", id, user)
	if errors.Is(err, db.ErrNone) {
		return dashboard.Answer{}, false, nil
	}
	if err != nil {
		return dashboard.Answer{}, false, fmt.Errorf("read receipt: %w", err)
	}
	return r.answer(), true, nil
}
