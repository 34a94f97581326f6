package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// connectionRow is a row of connections.
type connectionRow struct {
	ID             consent.ConnectionID
	UserID         consent.UserID
	RegistrationID string
	Provider       consent.ProviderID
	Variant        string
	Subject        string
	Login          string
	Name           string
	Picture        string
	Granted        string
	Health         consent.Health
	Reason         string
	CreatedAt      int64
	UsedAt         *int64
	EndedAt        *int64
}

// TableName implements gorm's Tabler.
func (connectionRow) TableName() string { return "connections" }

func (r connectionRow) connection() consent.Connection {
	return consent.Connection{
		ID: r.ID, User: r.UserID, Provider: r.Provider, Variant: r.Variant, Subject: r.Subject, Login: r.Login,
		Granted: strings.Fields(r.Granted), Health: r.Health,
	}
}

// ConnectionsOf returns a person's connections that are not disconnected.
func (s *Store) ConnectionsOf(ctx context.Context, user consent.UserID) ([]consent.Connection, error) {
	var rows []connectionRow
	err := s.DB.Read(ctx).Raw("SELECT * FROM connections WHERE user_id = ? AND health <> ? ORDER BY id", user, consent.Disconnected).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	out := make([]consent.Connection, len(rows))
	for i, r := range rows {
		out[i] = r.connection()
	}
	return out, nil
}

// linkedRow is a connection with the generation of its tokens. (gorm passes over
// embedded types that are not exported, hence the field.)
type linkedRow struct {
	Row     connectionRow `gorm:"embedded"`
	Version int64
}

func (r linkedRow) linked() connect.Linked {
	return connect.Linked{Connection: r.Row.connection(), Registration: provider.RegistrationID(r.Row.RegistrationID), Version: r.Version}
}

const selectLinked = `SELECT c.*, COALESCE(k.version, 0) AS version FROM connections c LEFT JOIN credentials k ON k.connection_id = c.id
	WHERE c.user_id = ? AND c.ended_at IS NULL AND `

// ConnectionOf implements connect.Connections.
func (s *Store) ConnectionOf(ctx context.Context, user consent.UserID, id consent.ConnectionID) (connect.Linked, error) {
	r, err := db.One[linkedRow](s.DB.Read(ctx), selectLinked+"c.id = ?", user, id)
	if errors.Is(err, db.ErrNone) {
		return connect.Linked{}, fault.Wrap(fault.NotFound, err, "You have no such service connected.")
	}
	if err != nil {
		return connect.Linked{}, fmt.Errorf("read connection: %w", err)
	}
	return r.linked(), nil
}

// FindConnection implements connect.Connections.
func (s *Store) FindConnection(ctx context.Context, user consent.UserID, reg provider.RegistrationID, subject string) (connect.Linked, bool, error) {
	r, err := db.One[linkedRow](s.DB.Read(ctx), selectLinked+"c.registration_id = ? AND c.subject = ?", user, string(reg), subject)
	if errors.Is(err, db.ErrNone) {
		return connect.Linked{}, false, nil
	}
	if err != nil {
		return connect.Linked{}, false, fmt.Errorf("find connection: %w", err)
	}
	return r.linked(), true, nil
}

// Connected implements connect.Connections.
func (s *Store) Connected(ctx context.Context, user consent.UserID, reg provider.RegistrationID) (bool, error) {
	n, err := db.One[int](s.DB.Read(ctx), "SELECT count(*) FROM connections WHERE user_id = ? AND registration_id = ? AND ended_at IS NULL", user, string(reg))
	if err != nil {
		return false, fmt.Errorf("count connections: %w", err)
	}
	return n > 0, nil
}

// SaveConnection implements connect.Connections.
func (s *Store) SaveConnection(ctx context.Context, l connect.Link) (saved bool, err error) {
	err = s.DB.Tx(ctx, func(ctx context.Context) error {
		if l.Replaces == 0 {
			saved, err = s.addConnection(ctx, l)
			return err
		}
		saved, err = s.replaceConnection(ctx, l)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("save connection: %w", err)
	}
	return saved, nil
}

func (s *Store) addConnection(ctx context.Context, l connect.Link) (bool, error) {
	tx := s.DB.Read(ctx)
	res := tx.Exec(`INSERT INTO connections (id, user_id, registration_id, provider, variant, subject, login, name, picture, granted, health, reason, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?) ON CONFLICT (user_id, registration_id, subject) WHERE ended_at IS NULL DO NOTHING`,
		l.ID, l.User, l.Registration, l.Provider, l.Variant, l.Account.Subject, l.Account.Login, l.Account.Name, l.Account.Picture,
		strings.Join(l.Granted, " "), consent.Healthy, l.At.UnixMilli())
	if res.Error != nil || res.RowsAffected == 0 {
		return false, res.Error
	}
	return true, tx.Exec("INSERT INTO credentials (connection_id, version, access_token, refresh_token, issued_at, expires_at, updated_at) VALUES (?, 1, ?, ?, ?, ?, ?)",
		l.ID, l.Sealed.Access, l.Sealed.Refresh, l.IssuedAt.UnixMilli(), end(l.ExpiresAt), l.At.UnixMilli()).Error
}

func (s *Store) replaceConnection(ctx context.Context, l connect.Link) (bool, error) {
	tx := s.DB.Read(ctx)
	res := tx.Exec(`UPDATE credentials SET version = version + 1, access_token = ?, refresh_token = ?, issued_at = ?, expires_at = ?, attempt = NULL, lease_until = 0,
			unsure = FALSE, fail_class = '', fail_count = 0, next_try_at = 0, updated_at = ?
		WHERE connection_id = ? AND version = ? AND EXISTS (SELECT 1 FROM connections c WHERE c.id = credentials.connection_id AND c.user_id = ? AND c.ended_at IS NULL)`,
		l.Sealed.Access, l.Sealed.Refresh, l.IssuedAt.UnixMilli(), end(l.ExpiresAt), l.At.UnixMilli(), l.ID, l.Replaces, l.User)
	if res.Error != nil || res.RowsAffected == 0 {
		return false, res.Error
	}
	return true, tx.Exec("UPDATE connections SET variant = ?, login = ?, name = ?, picture = ?, granted = ?, health = ?, reason = '' WHERE id = ?",
		l.Variant, l.Account.Login, l.Account.Name, l.Account.Picture, strings.Join(l.Granted, " "), consent.Healthy, l.ID).Error
}

// EndConnection implements connect.Connections.
func (s *Store) EndConnection(ctx context.Context, user consent.UserID, id consent.ConnectionID, at time.Time) (provider.Credential, error) {
	var last provider.Credential
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		if _, err := s.ConnectionOf(ctx, user, id); err != nil {
			return err
		}
		var err error
		if last, err = (Credentials{Rows: s}).Load(ctx, id); err != nil {
			return err
		}
		tx := s.DB.Read(ctx)
		return errors.Join(
			tx.Exec("UPDATE connections SET health = ?, ended_at = ? WHERE id = ? AND user_id = ?", consent.Disconnected, at.UnixMilli(), id, user).Error,
			tx.Exec("DELETE FROM credentials WHERE connection_id = ?", id).Error,
		)
	})
	return last, err
}
