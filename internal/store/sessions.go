package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// A session lives while expires_at is in the future. Whoever ends one moves
// expires_at to now and notes it in ended_at, so that one comparison is enough
// everywhere; a row that is gone is a session that ended.

// keepEnded is how long the row of an ended session stays, so that what is just
// under way does not lose what it refers to.
const keepEnded = time.Hour

// sessionRow is a row of sessions, with the account where a query joins it.
type sessionRow struct {
	ID        string
	UserID    string
	Level     consent.Level `gorm:"column:acr"`
	CreatedAt int64
	ProvedAt  int64
	SeenAt    int64
	ExpiresAt int64
	UserAgent string
	Address   string
	Email     string
	Name      string
	Picture   string
}

func (r sessionRow) session() identity.Session {
	return identity.Session{
		ID:        consent.SessionID(r.ID),
		User:      consent.UserID(r.UserID),
		Level:     r.Level,
		Created:   time.UnixMilli(r.CreatedAt).UTC(),
		Proved:    time.UnixMilli(r.ProvedAt).UTC(),
		Seen:      time.UnixMilli(r.SeenAt).UTC(),
		Expires:   time.UnixMilli(r.ExpiresAt).UTC(),
		UserAgent: r.UserAgent,
		Address:   r.Address,
	}
}

// StartSession implements identity.Sessions.
func (s *Store) StartSession(ctx context.Context, n identity.Session, password string, hash []byte, replaced [][]byte) (started bool, err error) {
	now := s.Now().UnixMilli()
	err = s.DB.Tx(ctx, func(ctx context.Context) error {
		if started, err = s.holdPassword(ctx, n.User, password); err != nil || !started {
			return err
		}
		tx := s.DB.Read(ctx)
		for _, old := range replaced {
			err := tx.Exec("UPDATE sessions SET expires_at = ?, ended_at = ? WHERE token_hash = ? AND expires_at > ?", now, now, old, now).Error
			if err != nil {
				return fmt.Errorf("end the session before: %w", err)
			}
		}
		err := tx.Exec("INSERT INTO sessions (id, token_hash, user_id, acr, created_at, proved_at, seen_at, expires_at, user_agent, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			string(n.ID), hash, string(n.User), string(n.Level), n.Created.UnixMilli(), n.Proved.UnixMilli(), n.Seen.UnixMilli(), n.Expires.UnixMilli(), n.UserAgent, n.Address).Error
		if err != nil {
			return fmt.Errorf("insert session: %w", err)
		}
		if n.Language != "" {
			err := tx.Exec("UPDATE users SET language = ? WHERE id = ? AND language <> ?", n.Language, string(n.User), n.Language).Error
			if err != nil {
				return fmt.Errorf("write down the language: %w", err)
			}
		}
		return s.deleteExpired(ctx, "sessions", "id", now-keepEnded.Milliseconds())
	})
	return started, err
}

// holdPassword keeps the password of an account as it is until the transaction ends;
// false when it is another one already. SQLite has one writer anyway.
func (s *Store) holdPassword(ctx context.Context, user consent.UserID, hash string) (bool, error) {
	query := "SELECT id FROM users WHERE id = ? AND password_hash = ? AND disabled_at IS NULL"
	if !s.DB.SQLite() {
		query += " FOR SHARE"
	}
	_, err := db.One[string](s.DB.Read(ctx), query, user, hash)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("hold the password: %w", err)
	}
	return true, nil
}

// SessionByToken returns the living session of a token's hash and its account.
func (s *Store) SessionByToken(ctx context.Context, hash []byte) (identity.Session, identity.Account, bool, error) {
	r, err := db.One[sessionRow](s.DB.Read(ctx),
		"SELECT s.id, s.user_id, s.acr, s.created_at, s.proved_at, s.seen_at, s.expires_at, s.user_agent, s.address, u.email, u.name, u.picture"+
			" FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = ? AND s.expires_at > ? AND u.disabled_at IS NULL",
		hash, s.Now().UnixMilli())
	switch {
	case errors.Is(err, db.ErrNone):
		return identity.Session{}, identity.Account{}, false, nil
	case err != nil:
		return identity.Session{}, identity.Account{}, false, fmt.Errorf("read session: %w", err)
	}
	return r.session(), identity.Account{ID: consent.UserID(r.UserID), Email: r.Email, Name: r.Name, Picture: r.Picture}, true, nil
}

// ProveSession writes down that the person of a living session showed who they
// are once more, and gives it another token. It reports false when the session
// ended or its token is not the one of the hash any more.
func (s *Store) ProveSession(ctx context.Context, id consent.SessionID, level consent.Level, at time.Time, hash, next []byte) (bool, error) {
	return s.changedOne(ctx, "UPDATE sessions SET token_hash = ?, acr = ?, proved_at = ? WHERE id = ? AND token_hash = ? AND expires_at > ?",
		next, string(level), at.UnixMilli(), string(id), hash, s.Now().UnixMilli())
}

// SeeSession moves a living session's last page and end.
func (s *Store) SeeSession(ctx context.Context, id consent.SessionID, seen, expires time.Time) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		return s.DB.Read(ctx).Exec("UPDATE sessions SET seen_at = ?, expires_at = ? WHERE id = ? AND expires_at > ? AND seen_at < ?",
			seen.UnixMilli(), expires.UnixMilli(), string(id), s.Now().UnixMilli(), seen.UnixMilli()).Error
	})
}

// SessionsOf lists the living sessions of a user, the latest seen first.
func (s *Store) SessionsOf(ctx context.Context, user consent.UserID) ([]identity.Session, error) {
	var rows []sessionRow
	err := s.DB.Read(ctx).Raw("SELECT id, user_id, acr, created_at, proved_at, seen_at, expires_at, user_agent, address FROM sessions"+
		" WHERE user_id = ? AND expires_at > ? ORDER BY seen_at DESC, id DESC", string(user), s.Now().UnixMilli()).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	list := make([]identity.Session, len(rows))
	for i, r := range rows {
		list[i] = r.session()
	}
	return list, nil
}

// EndSessions ends the living session of the id, or all of the user's but it, and
// returns the hashes of those it ended.
func (s *Store) EndSessions(ctx context.Context, user consent.UserID, id consent.SessionID, others bool) ([][]byte, error) {
	which := "id = ?"
	if others {
		which = "id <> ?"
	}
	now := s.Now().UnixMilli()
	var rows []struct{ TokenHash []byte }
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		return s.DB.Read(ctx).Raw("UPDATE sessions SET expires_at = ?, ended_at = ? WHERE user_id = ? AND expires_at > ? AND "+which+
			" RETURNING token_hash", now, now, string(user), now, string(id)).Scan(&rows).Error
	})
	if err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(rows))
	for i, r := range rows {
		hashes[i] = r.TokenHash
	}
	return hashes, nil
}
