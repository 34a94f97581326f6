package provider

import (
	"fmt"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/resourceserver/vault"
)

// The tables that tokens are sealed for. What is sealed for one opens in no other,
// so that tokens which are kept to be revoked can never be called with.
const (
	forCalls      = "credentials"
	forRevocation = "revocations"
)

// AccessPlace and RefreshPlace are where the tokens of a connection are sealed.
func AccessPlace(id consent.ConnectionID, version int64) vault.Place {
	return vault.Place{Table: forCalls, Row: string(id), Column: "access_token", Version: version}
}

// RefreshPlace is AccessPlace for the refresh token.
func RefreshPlace(id consent.ConnectionID, version int64) vault.Place {
	return vault.Place{Table: forCalls, Row: string(id), Column: "refresh_token", Version: version}
}

// Seal seals tokens as the given generation of a connection.
func (c *Client) Seal(id consent.ConnectionID, version int64, tokens Tokens) (Sealed, error) {
	return c.sealFor(forCalls, id, version, tokens)
}

// Unseal opens what Seal sealed.
func (c *Client) Unseal(cred Credential) (Tokens, error) { return c.unsealFor(forCalls, cred) }

// SealForRevocation is Seal for tokens that are kept until the provider confirms that
// they are not wanted any more.
func (c *Client) SealForRevocation(id consent.ConnectionID, version int64, tokens Tokens) (Sealed, error) {
	return c.sealFor(forRevocation, id, version, tokens)
}

// UnsealForRevocation opens what SealForRevocation sealed.
func (c *Client) UnsealForRevocation(cred Credential) (Tokens, error) {
	return c.unsealFor(forRevocation, cred)
}

func (c *Client) sealFor(table string, id consent.ConnectionID, version int64, tokens Tokens) (Sealed, error) {
	var out Sealed
	var err error
	access, refresh := AccessPlace(id, version), RefreshPlace(id, version)
	access.Table, refresh.Table = table, table
	if out.Access, err = c.cfg.Vault.Seal(access, tokens.Access); err != nil {
		return Sealed{}, fmt.Errorf("seal tokens of %s: %w", id, err)
	}
	if tokens.Refresh.Empty() {
		return out, nil
	}
	if out.Refresh, err = c.cfg.Vault.Seal(refresh, tokens.Refresh); err != nil {
		return Sealed{}, fmt.Errorf("seal tokens of %s: %w", id, err)
	}
	return out, nil
}

func (c *Client) unsealFor(table string, cred Credential) (Tokens, error) {
	t := Tokens{Granted: cred.Granted, IssuedAt: cred.IssuedAt, ExpiresAt: cred.ExpiresAt}
	access := AccessPlace(cred.Connection, cred.Version)
	access.Table = table
	var err error
	if t.Access, err = c.cfg.Vault.Open(access, cred.Sealed.Access); err != nil {
		return Tokens{}, fmt.Errorf("open tokens of %s: %w", cred.Connection, err)
	}
	if t.Refresh, err = c.openRefreshFor(table, cred); err != nil {
		return Tokens{}, err
	}
	return t, nil
}

func (c *Client) openRefresh(cred Credential) (secret.Text, error) {
	return c.openRefreshFor(forCalls, cred)
}

func (c *Client) openRefreshFor(table string, cred Credential) (secret.Text, error) {
	if len(cred.Sealed.Refresh) == 0 {
		return secret.Text{}, nil
	}
	refresh := RefreshPlace(cred.Connection, cred.Version)
	refresh.Table = table
	t, err := c.cfg.Vault.Open(refresh, cred.Sealed.Refresh)
	if err != nil {
		return secret.Text{}, fmt.Errorf("open tokens of %s: %w", cred.Connection, err)
	}
	return t, nil
}
