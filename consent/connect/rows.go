package connect

import (
	"context"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// Purpose is why a person goes to a provider.
type Purpose string

// The purposes.
const (
	Connect   Purpose = "connect"   // a new account
	Widen     Purpose = "widen"     // more provider scopes for Connection
	Reconnect Purpose = "reconnect" // new tokens for Connection
)

// stateLife is how long a trip to a provider may take.
const stateLife = 10 * time.Minute

// State is one trip to a provider.
type State struct {
	Hash         []byte // SHA-256 of the state parameter: the key
	User         consent.UserID
	Session      consent.SessionID
	Browser      []byte // SHA-256 of the browser cookie
	Registration provider.RegistrationID
	Purpose      Purpose
	Connection   consent.ConnectionID // "" for Connect
	RedirectURI  string               // as it was sent; replayed at the exchange
	Verifier     []byte               // sealed PKCE verifier
	Scopes       []string             // provider scopes asked for
	Return       string               // path of ours
	Created      time.Time
	Expires      time.Time
}

// States keeps trips under way.
type States interface {
	// PutState stores a new one, and removes a small batch of expired ones, so that
	// the table stays bounded without a clean-up job.
	PutState(ctx context.Context, s State) error
	// State returns one by its hash, spent and expired ones too until they are
	// removed. An unknown one is an error of kind fault.NotFound.
	State(ctx context.Context, hash []byte) (State, error)
	// SpendState marks it used where it is unused and not expired at now, in one
	// conditional write. Of any number of callers one gets true.
	SpendState(ctx context.Context, hash []byte, now time.Time) (bool, error)
}

// Linked is a connection with what only this package needs.
type Linked struct {
	consent.Connection
	Registration provider.RegistrationID
	Version      int64 // generation of its tokens
}

// Link is what to store after a person came back.
type Link struct {
	ID           consent.ConnectionID
	User         consent.UserID
	Registration provider.RegistrationID
	Provider     consent.ProviderID
	Variant      string
	Account      provider.Account
	Granted      []string
	// Replaces is the generation of the tokens that are there; 0 makes a new
	// connection. The new generation is Replaces+1, and Sealed opens only as that.
	Replaces            int64
	Sealed              provider.Sealed
	IssuedAt, ExpiresAt time.Time // of the access token; a zero ExpiresAt is no known end
	At                  time.Time
}

// Farewell is a provider that has not confirmed yet that we are done.
type Farewell struct {
	User       consent.UserID
	Connection consent.ConnectionID
	Provider   consent.ProviderID
	// Tokens open only to be revoked.
	Tokens provider.Credential
	Tries  int // with the one that begins
	Due    time.Time
	Ends   time.Time // when nobody tells it any more
	// Again says that the person has connected the account again: telling the provider
	// now would end that, too.
	Again bool
}

// Farewells keeps what providers have not confirmed. All methods join the
// transaction in the context.
type Farewells interface {
	PutFarewell(ctx context.Context, f Farewell) error
	// TakeFarewell returns one that is due at now, and makes it due again at until:
	// nobody else gets it before.
	TakeFarewell(ctx context.Context, now, until time.Time) (Farewell, bool, error)
	// PutFarewellOff makes one due at another time.
	PutFarewellOff(ctx context.Context, id consent.ConnectionID, due time.Time) error
	// KeepFarewell stores the tokens that a refresh gave, as the next generation.
	KeepFarewell(ctx context.Context, next provider.Credential) error
	// EndFarewell forgets one; the connection says when it was not confirmed.
	EndFarewell(ctx context.Context, id consent.ConnectionID, confirmed bool) error
}

// Connections keeps people's accounts. All methods join the transaction in the
// context.
type Connections interface {
	// ConnectionOf returns one of user's connections. One that is unknown, somebody
	// else's or disconnected is an error of kind fault.NotFound.
	ConnectionOf(ctx context.Context, user consent.UserID, id consent.ConnectionID) (Linked, error)
	// FindConnection returns user's connection to an account; false when there is
	// none. A disconnected one is never found: the same account connected later is a
	// new connection, so that grants that named the old one stay without effect.
	FindConnection(ctx context.Context, user consent.UserID, reg provider.RegistrationID, subject string) (Linked, bool, error)
	// Connected reports whether user has any account at a registration.
	Connected(ctx context.Context, user consent.UserID, reg provider.RegistrationID) (bool, error)
	// SaveConnection stores account, granted scopes and tokens, sets the health to
	// healthy and ends a lease. With Replaces 0 it inserts; the answer is false when
	// user has that account connected already. Otherwise it updates where id, user
	// and the tokens' version are the link's and the connection is not disconnected;
	// the answer is false when that holds for none.
	SaveConnection(ctx context.Context, l Link) (bool, error)
	// EndConnection makes user's connection disconnected and deletes its tokens; it
	// returns them as they were, sealed. What ConnectionOf does not return is an
	// error of kind fault.NotFound.
	EndConnection(ctx context.Context, user consent.UserID, id consent.ConnectionID, at time.Time) (provider.Credential, error)
}
