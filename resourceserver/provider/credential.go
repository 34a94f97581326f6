package provider

import (
	"context"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// Credential is a connection's tokens as they are stored.
type Credential struct {
	Connection          consent.ConnectionID
	Registration        RegistrationID
	Locked              bool // the operator locked the vault: nothing is opened for a call
	Health              consent.Health
	Version             int64 // counts the generations of the tokens; the first is 1
	Sealed              Sealed
	Granted             []string
	IssuedAt, ExpiresAt time.Time // of the access token; a zero ExpiresAt is no known end
	LeaseUntil          time.Time // zero or past: nobody refreshes
	// Unsure says that a refresh of this generation ended without an answer that
	// anybody read: its refresh token may be spent.
	Unsure bool
	Rest   Rest // after refreshes that failed
}

// Sealed is a token pair that opens only at its connection, column and version.
type Sealed struct {
	Access  []byte
	Refresh []byte // nil when there is none
}

// Claim asks for the right to refresh.
type Claim struct {
	Connection consent.ConnectionID
	Version    int64         // the generation that is to be replaced
	Attempt    string        // names this try; random
	Now        time.Time     // a store may take its database's clock instead
	For        time.Duration // how long the right lasts
}

// Renewal is a new generation of tokens.
type Renewal struct {
	Connection          consent.ConnectionID
	Version             int64  // the generation it replaces; the new one is Version+1
	Attempt             string // of the claim that was won
	Sealed              Sealed // sealed for Version+1
	Granted             []string
	IssuedAt, ExpiresAt time.Time
}

// Failure ends a try without new tokens.
type Failure struct {
	Connection consent.ConnectionID
	Version    int64
	// Attempt is the claim that is given back. It is empty when none was won: a
	// provider refused an access token for good. Then only the version counts, and
	// a lease that somebody holds stays.
	Attempt string
	Class   catalog.ErrorClass
	Unsure  bool // the provider may have acted on it
	Rest    Rest // for when the connection is not given up
	At      time.Time
}

// Verdict is what a failure came to.
type Verdict string

// The verdicts.
const (
	Overtaken Verdict = "overtaken" // its condition did not hold: nothing was written
	Resting   Verdict = "resting"   // it is tried again later
	Dead      Verdict = "dead"      // the person must sign in at the provider again
)

// AnswerLost is the reason of a connection that was given up because the answer
// to a refresh got lost: the provider spent the old token, and nobody has the new
// one. Any other reason is the class of the refusal.
const AnswerLost = "answer_lost"

// NotConfirmed is the reason of a disconnected connection whose provider never
// confirmed that it ended.
const NotConfirmed = "not_confirmed"

// EndedThere is the reason of a connection that the provider told us had ended.
const EndedThere = "ended_there"

// Reason is why a connection is given up: its failure, and what was not known
// about earlier ones.
func (f Failure) Reason(unsure bool) string {
	if unsure {
		return AnswerLost
	}
	return string(f.Class)
}

// Credentials reads and writes the tokens of connections. No method holds a
// transaction longer than its own call, and each write is one conditional
// statement; the bool says whether its condition held.
type Credentials interface {
	// Load returns the credential as it stands, from the primary. A connection that
	// is unknown or has no tokens any more is an error of kind fault.NotFound.
	Load(ctx context.Context, id consent.ConnectionID) (Credential, error)
	// Lease sets attempt and lease_until where connection and version are the
	// claim's, the connection is healthy and no lease is running (lease_until <=
	// now) nor a rest (next_try_at <= now). An attempt that is still there was
	// never ended: its holder died, and the row becomes unsure. Won, it returns the
	// row as it is then.
	Lease(ctx context.Context, claim Claim) (won bool, now Credential, err error)
	// Store writes tokens, granted scopes and version+1, and clears attempt, lease,
	// doubt, rest and the registration's Trouble, where connection, version and
	// attempt are the renewal's and the connection is not disconnected. It does not
	// look at the lease's end: a late answer still counts when nobody else took over.
	Store(ctx context.Context, r Renewal) (ok bool, err error)
	// Fail clears attempt and lease and notes doubt and rest, where connection,
	// version and (unless empty) attempt are the failure's. In the same transaction
	// the registration's Trouble is asked whether the connection is given up, which
	// marks it consent.NeedsPerson for Failure.Reason.
	Fail(ctx context.Context, f Failure) (Verdict, error)
}
