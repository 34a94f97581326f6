// Package clients knows who may ask: registered apps, how they prove who they
// are, and where they may be answered. It speaks of clients because that is
// their name at the OAuth edge; everywhere else they are apps.
//
// It does not know what an app was allowed: that is the consent engine's. It
// stores nothing; package store does.
package clients

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"

	"github.com/deputy-oauth/deputy/consent"
)

// Client is an OAuth client.
type Client struct {
	ID           consent.AppID
	Name         string
	Publisher    string
	Confidential bool
	SecretHash   []byte // SHA-256 of the secret; nil for public clients
	RedirectURIs []string
	GrantTypes   []string
	Scopes       []consent.ScopeName // what it asks for when a request names none
	Disabled     bool
}

// Grants reports whether the client may use the grant type.
func (c Client) Grants(grantType string) bool { return slices.Contains(c.GrantTypes, grantType) }

// App returns the client as the rest of the house knows it.
func (c Client) App() consent.App {
	return consent.App{ID: c.ID, Name: c.Name, Publisher: c.Publisher, Approved: true, Disabled: c.Disabled}
}

// ErrUnknown is returned for a client that does not exist or is switched off.
var ErrUnknown = errors.New("no such client")

// Source finds clients; it returns ErrUnknown when there is none.
type Source interface {
	Client(ctx context.Context, id consent.AppID) (Client, error)
}

// HashSecret returns what is stored of a client secret. A plain SHA-256 is right
// here: the secret is 256 random bits, so there is nothing to guess, and a slow
// hash would only slow honest token requests.
func HashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// Matches compares a presented secret in constant time.
func (c Client) Matches(secret string) bool {
	return c.Confidential && len(c.SecretHash) == sha256.Size &&
		subtle.ConstantTimeCompare(HashSecret(secret), c.SecretHash) == 1
}
