// Package consent is the domain: who may do what, with which service, where,
// how and until when. It owns the typed ids, Scope, Grant, Connection and Plan,
// the decision what is still missing before an app may have what it asks for
// (Decide), and the decision whether one call may happen now (Permit).
//
// It does not own any input or output: no context, no database, no HTTP, no
// clock. It imports the standard library only, and everything in it is a value,
// so that the page, the log, the OAuth error, the 403 body and the tests are all
// rendered from the same answer.
package consent

import "time"

// Ids are types, so that two of them cannot be swapped unnoticed.
type (
	// UserID names a person with an account here.
	UserID string
	// AppID names an OAuth client. It is the client_id.
	AppID string
	// GrantID names what one person agreed to for one app.
	GrantID string
	// FamilyID names one installation of an app under a grant: one refresh chain.
	FamilyID string
	// SessionID names one signed-in browser.
	SessionID string
	// ConnectionID names one person's link to one account at one provider.
	ConnectionID string
	// ProviderID names a provider of the catalogue: "github".
	ProviderID string
	// PetitionID names what a person asked an administrator for.
	PetitionID string
	// ScopeName is a platform-native permission: "services.github.repositories.read".
	ScopeName string
	// ResourceType is a kind of thing a grant can be narrowed to: "github.repository".
	ResourceType string
)

// Scopes that change how the others may be used. They give no data themselves.
const (
	// OfflineAccess lets a refresh token outlive the sign-in (OpenID Connect Core 11).
	OfflineAccess ScopeName = "offline_access"
	// Background lets the broker act while the person is not signed in.
	Background ScopeName = "agents.jobs.background"
	// Recurring lets the broker act on a schedule while the person is not signed in.
	// It implies Background, whose own rate is only enough to finish something.
	Recurring ScopeName = "agents.sync.recurring"
	// UnattendedWrites lets writes happen without a yes to each one.
	UnattendedWrites ScopeName = "agents.writes.unattended"
	// OpenID asks for an ID token (OpenID Connect Core 3.1.2.1).
	OpenID ScopeName = "openid"
)

// Access says how much harm a scope or an operation can do.
type Access string

// The three classes of access, mildest first.
const (
	Read        Access = "read"
	Write       Access = "write"
	Destructive Access = "destructive"
)

// Rank orders the classes: read 0, write 1, destructive 2. Anything else ranks
// highest, so that an unknown class is treated as the worst.
func (a Access) Rank() int {
	switch a {
	case Read:
		return 0
	case Write:
		return 1
	default:
		return 2
	}
}

// Narrowing says whether a scope is limited to picked resources.
type Narrowing string

// The three rules of narrowing.
const (
	// NarrowingNone: the scope has no resource dimension.
	NarrowingNone Narrowing = "none"
	// NarrowingOptional: "everything" may be chosen, but is never chosen for anybody.
	NarrowingOptional Narrowing = "optional"
	// NarrowingRequired: a grant without picked resources is refused.
	NarrowingRequired Narrowing = "required"
)

// Scope is a permission as the catalogue, or an operator's resource server,
// defines it.
type Scope struct {
	Name     ScopeName
	Provider ProviderID // "" when no connection is needed
	Audience string     // identifier of an operator's resource server; "" for Deputy's own API
	Words    string     // the line a person reads: "Read the contents of the repositories you pick"
	Detail   string     // what it does not cover
	Access   Access
	Risk     int // 1 harmless .. 5 could end a company
	Modifier bool
	// Implies lists scopes that come along silently. Never of a higher access class.
	Implies   []ScopeName
	Narrowing Narrowing
	Resources []ResourceType
	// Needs lists, per connection variant, the provider scopes the connection must hold.
	// A variant that is absent cannot serve this scope.
	Needs map[string][]string
	// OverGrant is true when the provider can only give more than the scope means.
	OverGrant map[string]bool
	// Lifetime is what a yes lasts by default; zero means DefaultLifetime.
	Lifetime time.Duration
	// MaxLifetime bounds Lifetime; zero means no bound.
	MaxLifetime time.Duration
	// Attended is true when the person must be there: no yes to working in the
	// background covers it.
	Attended bool
	// Rate bounds a modifier: how much an app may do under it when the person does
	// not say less.
	Rate Rate
}

// Vocabulary is every scope that can be asked for, by name.
type Vocabulary map[ScopeName]Scope

// Closure returns name and everything it implies, directly or not.
func (v Vocabulary) Closure(name ScopeName) map[ScopeName]bool {
	seen := map[ScopeName]bool{}
	todo := []ScopeName{name}
	for len(todo) > 0 {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[next] {
			continue
		}
		seen[next] = true
		todo = append(todo, v[next].Implies...)
	}
	return seen
}

// Covers reports whether holding have also gives want.
func (v Vocabulary) Covers(have, want ScopeName) bool {
	return have == want || v.Closure(have)[want]
}

// Resource is one repository, channel, folder. Type and ID decide; Name is for
// people only and may be out of date.
type Resource struct {
	Type ResourceType
	ID   string // the provider's own stable id
	Name string
}

// Same reports whether two resources are the same thing, whatever they are called.
func (r Resource) Same(other Resource) bool { return r.Type == other.Type && r.ID == other.ID }

// Limit is what a grant item is limited to. The zero Limit allows nothing:
// "everything, also what comes later" must be said.
type Limit struct {
	Everything bool
	Resources  []Resource
}

// Empty reports whether nothing at all is inside the limit.
func (l Limit) Empty() bool { return !l.Everything && len(l.Resources) == 0 }

// Allows reports whether r is inside the limit.
func (l Limit) Allows(r Resource) bool {
	if l.Everything {
		return true
	}
	for _, have := range l.Resources {
		if have.Same(r) {
			return true
		}
	}
	return false
}

// Within reports whether everything that l allows is also allowed by outer.
func (l Limit) Within(outer Limit) bool {
	if outer.Everything {
		return true
	}
	if l.Everything {
		return false
	}
	for _, r := range l.Resources {
		if !outer.Allows(r) {
			return false
		}
	}
	return true
}

// Union returns the limit that allows what either of the two allows.
func (l Limit) Union(other Limit) Limit {
	if l.Everything || other.Everything {
		return Limit{Everything: true}
	}
	out := Limit{Resources: append([]Resource(nil), l.Resources...)}
	for _, r := range other.Resources {
		if !out.Allows(r) {
			out.Resources = append(out.Resources, r)
		}
	}
	return out
}
