package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// userRow is a row of users.
type userRow struct {
	ID           string
	Email        string
	Name         string
	Picture      string
	PasswordHash string
	CreatedAt    int64
	DisabledAt   *int64
	InvitedAt    *int64
	Language     string
	Muted        string
}

func (r userRow) account() identity.Account {
	return identity.Account{
		ID:       consent.UserID(r.ID),
		Email:    r.Email,
		Name:     r.Name,
		Picture:  r.Picture,
		Hash:     r.PasswordHash,
		Created:  time.UnixMilli(r.CreatedAt).UTC(),
		Disabled: r.DisabledAt != nil,
		Invited:  maybe(r.InvitedAt),
		Language: r.Language,
		Muted:    strings.Fields(r.Muted),
	}
}

// AddAccount stores a new account under the canonical e-mail address key.
func (s *Store) AddAccount(ctx context.Context, a identity.Account, key string) error {
	var invited *int64
	if !a.Invited.IsZero() {
		at := a.Invited.UnixMilli()
		invited = &at
	}
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		return s.DB.Read(ctx).Exec("INSERT INTO users (id, email, email_key, name, password_hash, created_at, invited_at, language) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			string(a.ID), a.Email, key, a.Name, a.Hash, a.Created.UnixMilli(), invited, a.Language).Error
	})
	if db.Duplicate(err) {
		return fault.Wrap(fault.Conflict, err, "There is an account with this e-mail address already.")
	}
	if err != nil {
		return fmt.Errorf("insert user: %w", err)
	}
	return nil
}

// AccountByEmail finds an account by its canonical e-mail address.
func (s *Store) AccountByEmail(ctx context.Context, key string) (identity.Account, bool, error) {
	return s.account(ctx, "SELECT * FROM users WHERE email_key = ?", key)
}

// AccountByID finds an account by its id.
func (s *Store) AccountByID(ctx context.Context, id consent.UserID) (identity.Account, bool, error) {
	return s.account(ctx, "SELECT * FROM users WHERE id = ?", string(id))
}

func (s *Store) account(ctx context.Context, query, arg string) (identity.Account, bool, error) {
	r, err := db.One[userRow](s.DB.Read(ctx), query, arg)
	switch {
	case errors.Is(err, db.ErrNone):
		return identity.Account{}, false, nil
	case err != nil:
		return identity.Account{}, false, fmt.Errorf("read user: %w", err)
	}
	return r.account(), true, nil
}

// holdAccount lets only one change of what an account consists of run at a time,
// until the transaction ends. SQLite has one writer anyway.
func (s *Store) holdAccount(ctx context.Context, user string) error {
	if s.DB.SQLite() {
		return nil
	}
	if _, err := db.One[string](s.DB.Read(ctx), "SELECT id FROM users WHERE id = ? FOR UPDATE", user); err != nil {
		return fmt.Errorf("lock account: %w", err)
	}
	return nil
}

// ChangePassword implements identity.Users.
func (s *Store) ChangePassword(ctx context.Context, id consent.UserID, old, hash string) (bool, error) {
	return s.changedOne(ctx, "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ? AND disabled_at IS NULL", hash, string(id), old)
}

// RenameAccount implements identity.Users.
func (s *Store) RenameAccount(ctx context.Context, id consent.UserID, name string) error {
	return s.DB.Once(ctx, func(ctx context.Context) error {
		return s.DB.Read(ctx).Exec("UPDATE users SET name = ? WHERE id = ?", name, id).Error
	})
}

// InviteAgain implements identity.Users.
func (s *Store) InviteAgain(ctx context.Context, a identity.Account, before time.Time) (bool, error) {
	return s.changedOne(ctx, "UPDATE users SET invited_at = ?, name = ?, language = ? WHERE id = ? AND invited_at = ? AND disabled_at IS NULL",
		a.Invited.UnixMilli(), a.Name, a.Language, a.ID, before.UnixMilli())
}

// JoinAccount makes an account that was invited at a time its person's own: of two
// who follow its link one does.
func (s *Store) JoinAccount(ctx context.Context, id consent.UserID, invited time.Time, name, hash string) (bool, error) {
	return s.changedOne(ctx, "UPDATE users SET name = ?, password_hash = ?, invited_at = NULL WHERE id = ? AND invited_at = ? AND disabled_at IS NULL",
		name, hash, string(id), invited.UnixMilli())
}

// Muted implements dashboard.Mails.
func (s *Store) Muted(ctx context.Context, id consent.UserID) ([]string, error) {
	a, _, err := s.AccountByID(ctx, id)
	return a.Muted, err
}

// Mute stores which kinds of mails a person does not want.
func (s *Store) Mute(ctx context.Context, id consent.UserID, kinds []string) error {
	return s.DB.Once(ctx, func(ctx context.Context) error {
		return s.DB.Read(ctx).Exec("UPDATE users SET muted = ? WHERE id = ?", strings.Join(kinds, " "), string(id)).Error
	})
}
