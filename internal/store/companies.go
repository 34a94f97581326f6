package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/authserver/identity/upstream"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// signInProviderRow is a row of sign_in_providers.
type signInProviderRow struct {
	ID           string
	Name         string
	Issuer       string
	ClientID     string
	Secret       []byte
	VerifiedMail bool
	Domains      string
}

func (r signInProviderRow) provider() upstream.Provider {
	return upstream.Provider{
		ID: r.ID, Name: r.Name, Issuer: r.Issuer, ClientID: r.ClientID, Sealed: r.Secret, VerifiedMail: r.VerifiedMail, Domains: strings.Fields(r.Domains),
	}
}

// SetSignInProvider stores a provider in the place of an earlier one of its id.
func (s *Store) SetSignInProvider(ctx context.Context, p upstream.Provider) error {
	_, err := s.changedOne(ctx, `INSERT INTO sign_in_providers (id, name, issuer, client_id, secret, verified_mail, domains, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, issuer = excluded.issuer, client_id = excluded.client_id, secret = excluded.secret,
		verified_mail = excluded.verified_mail, domains = excluded.domains, updated_at = excluded.updated_at`,
		p.ID, p.Name, p.Issuer, p.ClientID, p.Sealed, p.VerifiedMail, strings.Join(p.Domains, " "), s.Now().UnixMilli())
	return err
}

// RemoveSignInProvider reports false when there is none. Links stay: the same
// people are known again when it comes back.
func (s *Store) RemoveSignInProvider(ctx context.Context, id string) (bool, error) {
	return s.changedOne(ctx, "DELETE FROM sign_in_providers WHERE id = ?", id)
}

// SignInProviders implements upstream.Rows.
func (s *Store) SignInProviders(ctx context.Context) ([]upstream.Provider, error) {
	var rows []signInProviderRow
	if err := s.DB.Read(ctx).Raw("SELECT * FROM sign_in_providers ORDER BY name, id").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("read sign-in providers: %w", err)
	}
	list := make([]upstream.Provider, len(rows))
	for i, r := range rows {
		list[i] = r.provider()
	}
	return list, nil
}

// SignInProvider implements upstream.Rows.
func (s *Store) SignInProvider(ctx context.Context, id string) (upstream.Provider, bool, error) {
	r, err := db.One[signInProviderRow](s.DB.Read(ctx), "SELECT * FROM sign_in_providers WHERE id = ?", id)
	if errors.Is(err, db.ErrNone) {
		return upstream.Provider{}, false, nil
	}
	return r.provider(), err == nil, err
}

// AddSignInState implements upstream.Rows.
func (s *Store) AddSignInState(ctx context.Context, n upstream.State) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		err := s.DB.Read(ctx).Exec("INSERT INTO sign_in_states (provider, hash, browser, nonce, verifier, return_to, session_id, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			n.Provider, n.Hash, n.Browser, n.Nonce, n.Verifier.Reveal(), n.Return, n.Session, n.Expires.UnixMilli()).Error
		if err != nil {
			return fmt.Errorf("insert sign-in state: %w", err)
		}
		return s.deleteExpired(ctx, "sign_in_states", "hash", s.Now().UnixMilli())
	})
}

// TakeSignInState implements upstream.Rows.
func (s *Store) TakeSignInState(ctx context.Context, hash []byte) (n upstream.State, found bool, err error) {
	type row struct {
		Provider  string
		Browser   []byte
		Nonce     string
		Verifier  string
		ReturnTo  string
		SessionID consent.SessionID
		ExpiresAt int64
	}
	var r row
	err = s.DB.Once(ctx, func(ctx context.Context) error {
		r, err = db.One[row](s.DB.Read(ctx), "DELETE FROM sign_in_states WHERE hash = ? AND expires_at > ? RETURNING provider, browser, nonce, verifier, return_to, session_id, expires_at", hash, s.Now().UnixMilli())
		return err
	})
	if errors.Is(err, db.ErrNone) {
		return upstream.State{}, false, nil
	}
	return upstream.State{
		Hash: hash, Browser: r.Browser, Provider: r.Provider, Nonce: r.Nonce, Verifier: secret.New(r.Verifier), Return: r.ReturnTo, Session: r.SessionID, Expires: time.UnixMilli(r.ExpiresAt).UTC(),
	}, err == nil, err
}

// LinkedUser implements upstream.Rows.
func (s *Store) LinkedUser(ctx context.Context, issuer, subject string) (consent.UserID, bool, error) {
	id, err := db.One[string](s.DB.Read(ctx), "SELECT user_id FROM sign_in_links WHERE issuer = ? AND subject = ?", issuer, subject)
	if errors.Is(err, db.ErrNone) {
		return "", false, nil
	}
	return consent.UserID(id), err == nil, err
}

// LinkUser implements upstream.Rows.
func (s *Store) LinkUser(ctx context.Context, user consent.UserID, l upstream.Link, most int) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := s.holdAccount(ctx, string(user)); err != nil {
			return err
		}
		have, err := s.LinksOf(ctx, user)
		if err != nil {
			return err
		}
		if len(have) >= most {
			return fault.New(fault.Conflict, "You have %d company accounts already. Remove one first.", len(have))
		}
		made, err := s.changedOne(ctx, "INSERT INTO sign_in_links (issuer, subject, user_id, account, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (issuer, subject) DO NOTHING",
			l.Issuer, l.Subject, user, l.Account, s.Now().UnixMilli())
		if err == nil && !made {
			return fault.New(fault.Conflict, "This account was connected at the same moment. Sign in again.")
		}
		if err != nil {
			return err
		}
		// Whoever comes in through a company is here: an invitation would be a way past
		// what they set up.
		_, err = s.changedOne(ctx, "UPDATE users SET invited_at = NULL WHERE id = ? AND invited_at IS NOT NULL", user)
		return err
	})
}

// LinksOf implements upstream.Rows.
func (s *Store) LinksOf(ctx context.Context, user consent.UserID) ([]upstream.Link, error) {
	var rows []struct {
		Issuer, Subject, Account string
		CreatedAt                int64
	}
	err := s.DB.Read(ctx).Raw("SELECT issuer, subject, account, created_at FROM sign_in_links WHERE user_id = ? ORDER BY created_at, issuer, subject", user).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	list := make([]upstream.Link, len(rows))
	for i, r := range rows {
		list[i] = upstream.Link{Issuer: r.Issuer, Subject: r.Subject, Account: r.Account, Since: time.UnixMilli(r.CreatedAt).UTC()}
	}
	return list, nil
}

// UnlinkUser implements upstream.Rows.
func (s *Store) UnlinkUser(ctx context.Context, user consent.UserID, l upstream.Link) (bool, error) {
	removed := false
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		err := s.holdAccount(ctx, string(user))
		if err != nil {
			return err
		}
		removed, err = s.changedOne(ctx, "DELETE FROM sign_in_links WHERE issuer = ? AND subject = ? AND user_id = ?", l.Issuer, l.Subject, user)
		if err != nil || !removed {
			return err
		}
		return s.keepsAWay(ctx, user)
	})
	return removed && err == nil, err
}
