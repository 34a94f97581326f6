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

// tripRow is a row of connect_states: one trip of a person to a provider.
type tripRow struct {
	Hash           []byte
	UserID         consent.UserID
	SessionID      consent.SessionID
	Browser        []byte
	RegistrationID provider.RegistrationID
	Purpose        connect.Purpose
	ConnectionID   consent.ConnectionID
	RedirectURI    string
	Verifier       []byte
	Scopes         string
	ReturnTo       string
	CreatedAt      int64
	ExpiresAt      int64
	UsedAt         *int64
}

// TableName implements gorm's Tabler.
func (tripRow) TableName() string { return "connect_states" }

// sweepBatch is how many ended rows a write takes along.
const sweepBatch = 3

// PutState implements connect.States.
func (s *Store) PutState(ctx context.Context, st connect.State) error {
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		tx := s.DB.Read(ctx)
		return errors.Join(
			tx.Create(&tripRow{
				Hash: st.Hash, UserID: st.User, SessionID: st.Session, Browser: st.Browser, RegistrationID: st.Registration, Purpose: st.Purpose,
				ConnectionID: st.Connection, RedirectURI: st.RedirectURI, Verifier: st.Verifier, Scopes: strings.Join(st.Scopes, " "),
				ReturnTo: st.Return, CreatedAt: st.Created.UnixMilli(), ExpiresAt: st.Expires.UnixMilli(),
			}).Error,
			tx.Exec("DELETE FROM connect_states WHERE hash IN (SELECT hash FROM connect_states WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
				s.Now().Add(-time.Hour).UnixMilli(), sweepBatch).Error,
		)
	})
	if err != nil {
		return fmt.Errorf("store connect state: %w", err)
	}
	return nil
}

// State implements connect.States.
func (s *Store) State(ctx context.Context, hash []byte) (connect.State, error) {
	r, err := db.One[tripRow](s.DB.Read(ctx), "SELECT * FROM connect_states WHERE hash = ?", hash)
	if errors.Is(err, db.ErrNone) {
		return connect.State{}, fault.Wrap(fault.NotFound, err, "We do not know this answer. Nothing was connected.")
	}
	if err != nil {
		return connect.State{}, fmt.Errorf("read connect state: %w", err)
	}
	return connect.State{
		Hash: r.Hash, User: r.UserID, Session: r.SessionID, Browser: r.Browser, Registration: r.RegistrationID, Purpose: r.Purpose,
		Connection: r.ConnectionID, RedirectURI: r.RedirectURI, Verifier: r.Verifier, Scopes: strings.Fields(r.Scopes), Return: r.ReturnTo,
		Created: time.UnixMilli(r.CreatedAt), Expires: time.UnixMilli(r.ExpiresAt),
	}, nil
}

// SpendState implements connect.States.
func (s *Store) SpendState(ctx context.Context, hash []byte, now time.Time) (bool, error) {
	var spent bool
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		res := s.DB.Read(ctx).Exec("UPDATE connect_states SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?",
			now.UnixMilli(), hash, now.UnixMilli())
		spent = res.RowsAffected == 1
		return res.Error
	})
	if err != nil {
		return false, fmt.Errorf("spend connect state: %w", err)
	}
	return spent, nil
}
