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
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/lookalike"
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
	Name         string            // what people read; see Names
	Claimed      string            // what it calls itself, when that is not its Name
	Likeness     lookalike.Verdict // why
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
	LogoURI      string                 // where it says its logo is; only ever fetched when an operator says so
	Logo         string                 // SHA-256 of the picture we made of it, in hex; "" when there is none
	Metadata     string                 // JSON: what else it said about itself, for its own eyes
	ManageHash   []byte                 // SHA-256 of the registration access token (RFC 7592)
	Approved     string                 // Digest when an operator approved a client that nobody registered by hand; "" for never
	ApprovedName string                 // what it called itself then
	Created      time.Time
	Used         time.Time // last request, to the hour; zero when not kept
	Disabled     bool
}

// Grants reports whether the client may use the grant type.
func (c Client) Grants(grantType string) bool { return slices.Contains(c.GrantTypes, grantType) }

// ByOperator reports whether an operator vouched for the client.
func (c Client) ByOperator() bool { return c.Origin == Operator || c.Origin == "" }

// Reviewed reports whether an operator answers for the client as it is now: one
// that has other return addresses, other keys or another name than it was approved
// with waits again.
func (c Client) Reviewed() bool {
	return c.ByOperator() || (c.Approved == c.Digest() && c.ApprovedName == c.OwnName())
}

// OwnName is what the client calls itself.
func (c Client) OwnName() string { return cmp.Or(c.Claimed, c.Name) }

// App returns the client as the rest of the house knows it.
func (c Client) App() consent.App {
	return consent.App{
		ID: c.ID, Name: c.Name, Claimed: c.Claimed, Publisher: c.Publisher, Host: c.Host(), Check: c.Check(), Face: c.face(), Disabled: c.Disabled,
	}
}

// Check says how it is known who built the client. The host of a document's address
// was reached when it was fetched; that proves the host and nothing else.
func (c Client) Check() consent.Check {
	switch {
	case c.Reviewed():
		return consent.CheckedOperator
	case c.Origin == Document:
		return consent.CheckedWebsite
	}
	return consent.CheckedNothing
}

func (c Client) face() consent.Face {
	return consent.Face{
		Name: c.OwnName(), Publisher: c.Publisher, Website: c.Website, Logo: c.Logo, Hosts: c.returnHosts(), Returns: digest(c.sortedRedirects()), Keys: digest([]string{c.JWKS, c.JWKSURI, c.AuthMethod}),
	}
}

// Digest sums up what a yes to a stranger rests on: where it is answered and how
// it proves who it is. It is "" for apps that an operator answers for; those may
// change without asking everybody again.
func (c Client) Digest() string {
	if c.ByOperator() {
		return ""
	}
	return digest(struct {
		Redirects []string
		JWKS, URI string
		Method    string
	}{c.sortedRedirects(), c.JWKS, c.JWKSURI, c.AuthMethod})
}

// returnHosts are the hosts that the client is answered at, "" among them for a
// program on the person's computer.
func (c Client) returnHosts() []string {
	hosts := make([]string, len(c.RedirectURIs))
	for i, uri := range c.RedirectURIs {
		if !ThisComputer(uri) {
			hosts[i] = hostOf(uri)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

func (c Client) sortedRedirects() []string {
	uris := slices.Clone(c.RedirectURIs)
	slices.Sort(uris)
	return uris
}

func digest(strings any) string {
	encoded, err := json.Marshal(strings)
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
// others. Ids that this server makes never look like an address. What comes from it
// has a name that people may read.
type Sources struct {
	Registered Source
	Documents  Source
	Names      Names
}

// Client implements Source.
func (s Sources) Client(ctx context.Context, id consent.AppID) (Client, error) {
	from := s.Registered
	if IsDocument(id) {
		from = s.Documents
	}
	c, err := from.Client(ctx, id)
	if err != nil {
		return Client{}, err
	}
	return named(ctx, s.Names, c)
}

// Stranger returns the client as it is without an operator's approval.
func (s Sources) Stranger(ctx context.Context, id consent.AppID) (Client, error) {
	c, err := s.Client(ctx, id)
	if err != nil {
		return Client{}, err
	}
	return AsStranger(ctx, s.Names, c)
}

// AsStranger returns c with the name that people read while nobody answers for it.
func AsStranger(ctx context.Context, names Names, c Client) (Client, error) {
	c.Approved, c.ApprovedName = "", ""
	return named(ctx, names, c)
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
