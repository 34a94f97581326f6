package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// standingRow is a family with everything it depends on, read in one query.
type standingRow struct {
	oauth.Family `gorm:"embedded"`
	AppDigest    string
	GrantRevoked *int64
	UserDisabled *int64
	AppDisabled  *int64
	SessionEnds  *int64 // NULL when the session is gone
	Denied       *string
}

// Standing implements oauth.Authority.
func (s *Store) Standing(ctx context.Context, id consent.FamilyID) (oauth.Standing, error) {
	var rows []standingRow
	err := s.DB.Read(ctx).Raw(`SELECT f.*, g.app_digest, g.revoked_at AS grant_revoked, u.disabled_at AS user_disabled, a.disabled_at AS app_disabled,
			s.expires_at AS session_ends, d.id AS denied
		FROM families f
		JOIN grants g ON g.id = f.grant_id
		JOIN users u ON u.id = f.user_id
		JOIN apps a ON a.id = f.app_id
		LEFT JOIN sessions s ON s.id = f.session_id
		LEFT JOIN denials d ON d.owner = f.id
		WHERE f.id = ?`, id).Scan(&rows).Error
	if err != nil {
		return oauth.Standing{}, fmt.Errorf("read family: %w", err)
	}
	if len(rows) == 0 {
		return oauth.Standing{}, db.ErrNone
	}
	first := rows[0]
	st := oauth.Standing{Family: first.Family, Agreed: first.AppDigest, Present: first.SessionEnds != nil && *first.SessionEnds > s.Now().UnixMilli()}
	switch {
	case first.GrantRevoked != nil:
		st.Dead = "the grant was revoked"
	case first.UserDisabled != nil:
		st.Dead = "the account is disabled"
	case first.AppDisabled != nil:
		st.Dead = "the app is disabled"
	}
	for _, r := range rows {
		if r.Denied != nil {
			st.Denied = append(st.Denied, *r.Denied)
		}
	}
	return st, nil
}

// SignedIn implements oauth.Authority.
func (s *Store) SignedIn(ctx context.Context, id consent.SessionID) (bool, error) {
	_, err := db.One[int](s.DB.Read(ctx), "SELECT 1 FROM sessions WHERE id = ? AND expires_at > ?", id, s.Now().UnixMilli())
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	return err == nil, err
}

// Denials returns the access tokens that were taken back, most at most.
func (s *Store) Denials(ctx context.Context, most int) ([]string, error) {
	var ids []string
	if err := s.DB.Read(ctx).Raw("SELECT id FROM denials LIMIT ?", most).Scan(&ids).Error; err != nil {
		return nil, fmt.Errorf("read taken back tokens: %w", err)
	}
	return ids, nil
}

// Denied reports whether a single access token was taken back.
func (s *Store) Denied(ctx context.Context, token string) (bool, error) {
	_, err := db.One[int](s.DB.Read(ctx), "SELECT 1 FROM denials WHERE id = ?", token)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	return err == nil, err
}
