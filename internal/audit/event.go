// Package audit keeps what happened: who agreed, which token was issued, which
// call an app made and with what result. It owns the audit table, when rows are
// durable, how long they stay and how a person reads their own; and it owns the
// "last used" times, which come from the same calls.
//
// Two ways in. InTx writes in the transaction of the effect it tells about: a
// consent and its record stand or fall together. Record is for what has no
// transaction of its own, a brokered call: it returns when the row is durable, so
// that a caller can hold its answer back until then. Concurrent Records share one
// commit. A caller that gets an error from either must not go on: no audit line,
// no access.
//
// It does not decide anything, knows no provider, and has no words for people.
// Nothing secret may be put into an event: no token, code, password, and no text
// a provider or an app sent. Detail is for our own short words.
package audit

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/deputy-oauth/deputy/consent"
)

// Kind is what happened.
type Kind string

// The kinds, by what they are about.
const (
	GrantAgreed   Kind = "grant.agreed"
	GrantRefused  Kind = "grant.refused"
	GrantNarrowed Kind = "grant.narrowed" // one scope or some resources taken away
	GrantRevoked  Kind = "grant.revoked"
	GrantEnding   Kind = "grant.ending" // one scope ends soon; Detail has the day

	TokenIssued    Kind = "token.issued"
	TokenRefreshed Kind = "token.refreshed"
	TokenExchanged Kind = "token.exchanged" // a lesser one was handed on
	TokenElsewhere Kind = "token.elsewhere" // a code came from another network than it was given to
	TokenRevoked   Kind = "token.revoked"
	TokenReplayed  Kind = "token.replayed" // a used code or an old refresh token came back

	CallAllowed Kind = "call.allowed"
	CallDenied  Kind = "call.denied"
	CallFailed  Kind = "call.failed" // allowed, but the provider did not do it
	// CallReplayed is a call for which nothing was sent, because its app's key was used
	// before: what was done stands in the record of then.
	CallReplayed Kind = "call.replayed"

	ConnectionAdded       Kind = "connection.added"
	ConnectionWidened     Kind = "connection.widened"
	ConnectionReconnected Kind = "connection.reconnected"
	ConnectionBroken      Kind = "connection.broken" // the provider wants the person again
	ConnectionRemoved     Kind = "connection.removed"
	ConnectionTold        Kind = "connection.told" // the provider was told of the removal; Detail is its answer

	SignedIn      Kind = "session.started"
	SignInRefused Kind = "session.refused"
	SignedOut     Kind = "session.ended"
	SignInReset   Kind = "signin.reset"   // an operator took passkeys and codes away
	Joined        Kind = "signin.joined"  // somebody who was invited came
	Proved        Kind = "session.proved" // the person showed once more who they are

	PasswordChanged Kind = "password.changed"
	ProfileChanged  Kind = "profile.changed" // the person's name or picture

	CodesOn           Kind = "codes.on" // codes from an app after the password
	CodesOff          Kind = "codes.off"
	RecoveryCodesMade Kind = "recovery.made"
	RecoveryCodeUsed  Kind = "recovery.used"

	PasskeyAdded   Kind = "passkey.added"
	PasskeyRemoved Kind = "passkey.removed"
	PasskeyCopied  Kind = "passkey.copied" // refused: its count of signatures did not grow

	PetitionMade      Kind = "petition.made" // a person asked an administrator
	PetitionWithdrawn Kind = "petition.withdrawn"
	PetitionApproved  Kind = "petition.approved"
	PetitionRefused   Kind = "petition.refused"

	CompanyLinked   Kind = "company.linked" // an account elsewhere signs the person in
	CompanyUnlinked Kind = "company.unlinked"

	AppApproved   Kind = "app.approved" // an operator looked at it
	AppUnapproved Kind = "app.unapproved"

	RuleSet     Kind = "rule.set" // an operator said who decides; Detail has it
	RuleRemoved Kind = "rule.removed"

	KeyMade Kind = "key.made"
)

// ByApp is the Detail of GrantRevoked when the app itself gave the grant back.
const ByApp = "app"

// Less is the Detail of GrantNarrowed when only some of a scope was taken away.
const Less = "less"

// Outcome is how it ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Denied  Outcome = "denied"
	Failed  Outcome = "failed"
	Unknown Outcome = "unknown" // a write whose answer was lost
)

// Away is the Detail of a call that was made while the person was not signed in.
const Away = "away"

// Event is one thing that happened. Fields that do not apply stay empty.
type Event struct {
	At         time.Time // zero means now
	Kind       Kind
	User       consent.UserID // whose page it stands on
	App        consent.AppID
	Grant      consent.GrantID
	Family     consent.FamilyID
	Connection consent.ConnectionID
	Scope      consent.ScopeName
	Operation  string // the catalogue's name of it: "github.repo.get"
	Resource   string // type and stable id: "github.repository:1296269"
	Outcome    Outcome
	Detail     string // our own words, never a secret or a foreign text
	// Actors are the apps that acted for App, the one that did it first.
	Actors []consent.AppID
	Bytes  int64 // of a file that an app read
}

// Bounds of what is stored, in bytes, so that no caller can fill the table with
// one event.
const (
	fieldLimit  = 300
	detailLimit = 1000
)

// values returns the row's values after id, in the order of columns.
func (e Event) values() []any {
	return []any{
		e.At.UnixMilli(), clean(string(e.Kind), fieldLimit), clean(string(e.User), fieldLimit), clean(string(e.App), fieldLimit),
		clean(string(e.Grant), fieldLimit), clean(string(e.Family), fieldLimit), clean(string(e.Connection), fieldLimit),
		clean(string(e.Scope), fieldLimit), clean(e.Operation, fieldLimit), clean(e.Resource, fieldLimit),
		clean(string(e.Outcome), fieldLimit), clean(e.Detail, detailLimit), clean(joined(e.Actors), detailLimit), e.Bytes,
	}
}

// joined separates ids by spaces: none has one.
func joined(ids []consent.AppID) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(id))
	}
	return b.String()
}

// clean makes a text that every database takes and that cannot forge a second
// line wherever it is printed: valid UTF-8, no control characters, bounded. One
// bad field must not fail the batch of everybody else.
func clean(s string, limit int) string {
	if plain(s) && len(s) <= limit {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= limit {
		return s
	}
	for !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
