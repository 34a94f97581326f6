package consent

import (
	"slices"
	"time"
)

// How long a yes lasts when the catalogue says nothing else. The person sees
// the resulting date.
const (
	ReadLifetime       = 90 * 24 * time.Hour
	WriteLifetime      = 30 * 24 * time.Hour
	UnattendedLifetime = 7 * 24 * time.Hour
)

// DefaultLifetime returns how long a yes to s lasts unless the person chooses a
// shorter time: by risk, never longer than the catalogue allows.
func DefaultLifetime(s Scope) time.Duration {
	life := s.Lifetime
	if life == 0 {
		switch {
		case s.Modifier:
			life = UnattendedLifetime
		case s.Access.Rank() > Read.Rank():
			life = WriteLifetime
		default:
			life = ReadLifetime
		}
	}
	if s.MaxLifetime > 0 && life > s.MaxLifetime {
		life = s.MaxLifetime
	}
	return life
}

// App is who asks: a third-party app, an agent, an MCP client.
type App struct {
	ID        AppID
	Name      string // what people read
	Claimed   string // what it calls itself, when people must not read that as its name
	Publisher string
	Host      string // that its own site is at; "" when nothing proves one
	Check     Check
	Face      Face
	Disabled  bool
}

// Health says whether a connection can be used.
type Health string

// The states of a connection.
const (
	Healthy      Health = "healthy"
	NeedsPerson  Health = "needs_person" // the provider wants the person to sign in again
	Disconnected Health = "disconnected"
)

// Connection is one person's link to one account at one provider.
type Connection struct {
	ID       ConnectionID
	User     UserID
	Provider ProviderID
	Variant  string   // how it was registered at the provider: "oauth_app", "user_token"
	Subject  string   // the provider's own id of the account, for ever the same
	Login    string   // for people: "octocat"
	Granted  []string // provider scopes it is known to hold, implied ones included
	Health   Health
}

// Serves reports whether c holds the provider scopes that s needs, and which it
// lacks. A variant the scope does not know is never enough.
func (c Connection) Serves(s Scope) (ok bool, lacks []string) {
	needs, known := s.Needs[c.Variant]
	if !known {
		return false, nil
	}
	held := make(map[string]bool, len(c.Granted))
	for _, g := range c.Granted {
		held[g] = true
	}
	for _, n := range needs {
		if !held[n] {
			lacks = append(lacks, n)
		}
	}
	return len(lacks) == 0, lacks
}

// Item is one agreed scope with its connection, limit and end.
type Item struct {
	Scope      ScopeName
	Connection ConnectionID // "" for scopes without a provider
	Limit      Limit
	Until      time.Time
	Since      time.Time // when Until was agreed to
	LastUsed   time.Time // zero when never used
	Rate       Rate      // what the person allowed of it; see Scope.Bounded
}

// Live reports whether the item counts at now.
func (i Item) Live(now time.Time) bool { return now.Before(i.Until) }

// Grant is what one person agreed to for one app: the root of every token.
type Grant struct {
	ID       GrantID
	User     UserID
	App      AppID
	Items    []Item
	Refused  []Refusal
	Revoked  bool
	Created  time.Time
	Updated  time.Time // the last yes, or the last part taken away
	LastUsed time.Time
	// AppDigest is what the last yes rested on: a digest of the app's return
	// addresses and keys, "" for an app that an operator answers for.
	AppDigest string
	// Face is the app as it was at the last yes; zero when nobody wrote it down.
	Face Face
}

// Refusal is a remembered no. A refusal is stored like a consent, so that the
// same question is not asked as if it were new.
type Refusal struct {
	Scope ScopeName
	At    time.Time
}

// Holds returns the live item that gives want, directly or by implication, on
// the given connection ("" matches any: the one agreed first).
func (g Grant) Holds(v Vocabulary, want ScopeName, on ConnectionID, now time.Time) (Item, bool) {
	for _, it := range g.standing(v, want, now) {
		if on == "" || it.Connection == on {
			return it, true
		}
	}
	return Item{}, false
}

// standing returns what gives want now: one item for each connection, in the
// order they were agreed. Items on the same connection are joined, so that a
// write item without resources never hides a read item with some.
func (g Grant) standing(v Vocabulary, want ScopeName, now time.Time) []Item {
	if g.Revoked {
		return nil
	}
	var out []Item
	for _, it := range g.Items {
		if !it.Live(now) || !v.Covers(it.Scope, want) {
			continue
		}
		i := slices.IndexFunc(out, func(have Item) bool { return have.Connection == it.Connection })
		if i < 0 {
			out = append(out, it)
			continue
		}
		out[i].Limit = out[i].Limit.Union(it.Limit)
		if it.Until.After(out[i].Until) {
			out[i].Until = it.Until
		}
	}
	return out
}
