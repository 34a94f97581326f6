// Package clients knows who may ask: apps an operator registered, apps that
// registered themselves (RFC 7591), and apps whose client_id is the address of a
// document about them. It owns how each proves who it is, where it may be
// answered, and what of its own words is believed. It speaks of clients because
// that is their name at the OAuth edge; everywhere else they are apps.
//
// It does not know what an app was allowed: that is the consent engine's. It
// stores nothing; package store does.
//
// # What is believed of a stranger
//
// An app that nobody registered by hand says everything about itself. Its words
// are shown cleaned and second to the host that answers for it; its addresses are
// fetched through package outward only, which looks at where they lead when they
// are dialled; and what it is trusted with, its return addresses and its keys, is
// summed up in a digest that each grant remembers. When they change, the person
// is asked again.
package clients

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// Origin is how a client came to be known.
type Origin string

// The origins. The empty Origin is an operator's, as in the column's default.
const (
	Operator Origin = "operator" // an operator registered it by hand
	Dynamic  Origin = "dynamic"  // it registered itself (RFC 7591)
	Document Origin = "document" // its client_id is the address of a document
)

// The ways to authenticate, by their registered names (RFC 7591 section 2).
const (
	None          = "none"
	SecretPost    = "client_secret_post"
	SecretBasic   = "client_secret_basic"
	PrivateKeyJWT = "private_key_jwt"
)

// Client is an OAuth client.
type Client struct {
	ID           consent.AppID
	Name         string
	Publisher    string
	Origin       Origin
	Confidential bool
	AuthMethod   string // "" means by kind: either way of sending a secret, or none
	SecretHash   []byte // SHA-256 of the secret; nil when there is none
	JWKS         string // public keys of private_key_jwt, a JWK Set; "" when JWKSURI has them
	JWKSURI      string
	RedirectURIs []string
	LogoutURIs   []string // where a browser may be sent after a sign-out
	GrantTypes   []string
	Scopes       []consent.ScopeName    // what it asks for when a request names none
	Required     []consent.ScopeName    // what it cannot work without, of what a request asks for
	DetailTypes  []consent.ResourceType // of authorization_details it may send; none means any (RFC 9396 section 10)
	MustPush     bool                   // it begins with a pushed request only (RFC 9126 section 6)
	MustProve    bool                   // it gets no token that is not bound to a key (RFC 9449 section 5.2)
	Website      string                 // "" when it named none
	Metadata     string                 // JSON: what else it said about itself, for its own eyes
	ManageHash   []byte                 // SHA-256 of the registration access token (RFC 7592)
	Approved     string                 // Digest when an operator approved a client that nobody registered by hand; "" for never
	Created      time.Time
	Used         time.Time // last request, to the hour; zero when not kept
	Disabled     bool
}

// Grants reports whether the client may use the grant type.
func (c Client) Grants(grantType string) bool { return slices.Contains(c.GrantTypes, grantType) }

// ByOperator reports whether an operator vouched for the client.
func (c Client) ByOperator() bool { return c.Origin == Operator || c.Origin == "" }

// Reviewed reports whether an operator answers for the client as it is now: one
// that has other return addresses or keys than it was approved with waits again.
func (c Client) Reviewed() bool { return c.ByOperator() || c.Approved == c.Digest() }

// App returns the client as the rest of the house knows it.
func (c Client) App() consent.App {
	return consent.App{ID: c.ID, Name: c.Name, Publisher: c.Publisher, Approved: c.ByOperator(), Disabled: c.Disabled}
}

// Digest sums up what a yes to a stranger rests on: where it is answered and how
// it proves who it is. It is "" for apps that an operator answers for; those may
// change without asking everybody again.
func (c Client) Digest() string {
	if c.ByOperator() {
		return ""
	}
	uris := slices.Clone(c.RedirectURIs)
	slices.Sort(uris)
	encoded, err := json.Marshal(struct {
		Redirects []string
		JWKS, URI string
		Method    string
	}{uris, c.JWKS, c.JWKSURI, c.AuthMethod})
	if err != nil {
		panic(err) // strings always encode
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

// Sentinels of a Source.
var (
	// ErrUnknown is returned for a client that does not exist or is switched off.
	ErrUnknown = errors.New("no such client")
	// ErrUnreachable is returned for a client that people have agreed to and whose
	// own server does not answer now.
	ErrUnreachable = errors.New("the client's own server does not answer")
)

// Source finds clients; it returns ErrUnknown when there is none.
type Source interface {
	Client(ctx context.Context, id consent.AppID) (Client, error)
}

// Sources asks Documents about ids that are addresses and Registered about all
// others. Ids that this server makes never look like an address.
type Sources struct {
	Registered Source
	Documents  Source
}

// Client implements Source.
func (s Sources) Client(ctx context.Context, id consent.AppID) (Client, error) {
	if IsDocument(id) {
		return s.Documents.Client(ctx, id)
	}
	return s.Registered.Client(ctx, id)
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
