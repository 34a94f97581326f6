package consent

import (
	"slices"
	"time"
)

// Call is one thing an app wants to do now.
type Call struct {
	Scope    ScopeName // the operation's scope
	Access   Access    // the operation's class
	Provider ProviderID
	Resource Resource // zero when the operation has none in the request
}

// Bearer is what the presented token may do at most.
type Bearer struct {
	User   UserID
	App    AppID
	Grant  GrantID
	Scopes []ScopeName
	// Details narrow the token below its grant: what they do not speak of it may not
	// touch. Nil narrows nothing.
	Details Details
	// Present is true while the sign-in under which the token was issued lives.
	Present bool
	// Actors are the apps that act for App, the one that makes the call first. They
	// decide nothing: the token has what was handed on to them.
	Actors []AppID
}

// Denial says why a call may not happen.
type Denial string

// The denials. Package bearer turns them into challenges.
const (
	Permitted         Denial = ""
	GrantGone         Denial = "grant_gone"          // revoked, or not this user's and app's
	ScopeMissing      Denial = "scope_missing"       // not in the token, or not agreed
	PersonAway        Denial = "person_away"         // no live session and no background agreement
	WriteNeedsYes     Denial = "write_needs_yes"     // writes wait for a yes; none is there
	OutsideLimit      Denial = "outside_limit"       // the resource is not in the grant
	ConnectionMissing Denial = "connection_missing"  // disconnected
	ConnectionBroken  Denial = "connection_broken"   // the provider wants the person again
	ProviderLacks     Denial = "provider_permission" // the connection lacks a provider scope
	DailyLimit        Denial = "daily_limit"         // a budget is used up for the day
	RateExceeded      Denial = "rate_exceeded"       // the next visit of the schedule is later
	TooManyCalls      Denial = "too_many_calls"      // the operator's allowance is used up
)

// Verdict is the answer of Permit. Connection and Limit count only when Denial
// is Permitted or OutsideLimit.
type Verdict struct {
	Denial     Denial
	Connection Connection
	Limit      Limit
	Missing    []ScopeName // scopes that would have to be agreed, for ScopeMissing and PersonAway
	Budgets    []Budget    // what the permitted call uses up
}

// Permit decides whether a call may happen now: the effective authority is
// token ∩ grant ∩ connection ∩ mode. It decides from live state on each call.
func Permit(v Vocabulary, c Call, b Bearer, g Grant, connections []Connection, now time.Time) Verdict {
	if g.Revoked || g.ID == "" || g.ID != b.Grant || g.User != b.User || g.App != b.App {
		return Verdict{Denial: GrantGone}
	}
	standing := g.standing(v, c.Scope, now)
	if len(standing) == 0 || !carries(v, b.Scopes, c.Scope) {
		return Verdict{Denial: ScopeMissing, Missing: []ScopeName{c.Scope}}
	}
	switch {
	case b.Present:
	case v[c.Scope].Attended:
		return Verdict{Denial: PersonAway}
	case !modifier(v, b, g, Background, now):
		return Verdict{Denial: PersonAway, Missing: []ScopeName{Background}}
	}
	// Agreed on several accounts: the first that can serve the call, else the one
	// that comes nearest, so that the answer does not send the person to an account
	// that would not help.
	nearness := []Denial{ConnectionMissing, ConnectionBroken, ProviderLacks, OutsideLimit, WriteNeedsYes}
	best, reached := Verdict{}, -1
	for _, item := range standing {
		out := permitOn(v, c, b, g, item, connections, now)
		if out.Denial == Permitted {
			out.Budgets = budgets(v, c, b, g, now)
			return out
		}
		if near := slices.Index(nearness, out.Denial); near > reached {
			best, reached = out, near
		}
	}
	return best
}

// permitOn decides for the account of one item that gives the call's scope.
func permitOn(v Vocabulary, c Call, b Bearer, g Grant, item Item, connections []Connection, now time.Time) Verdict {
	out := Verdict{Limit: b.narrow(v, c.Scope, item.Limit)}
	if s := v[c.Scope]; c.Provider != "" || s.Provider != "" {
		if out.Denial = usable(s, c.Provider, item.Connection, b.User, connections, &out.Connection); out.Denial != Permitted {
			return out
		}
	}
	if c.Resource.ID != "" && !out.Limit.Allows(c.Resource) {
		out.Denial = OutsideLimit
		return out
	}
	if c.Access != Read && !modifier(v, b, g, UnattendedWrites, now) {
		out.Denial, out.Missing = WriteNeedsYes, []ScopeName{UnattendedWrites}
	}
	return out
}

// narrow returns the part of l that the token may touch with the scope.
func (b Bearer) narrow(v Vocabulary, want ScopeName, l Limit) Limit {
	if b.Details == nil || v[want].Narrowing == NarrowingNone {
		return l
	}
	var out Limit
	for _, have := range b.Scopes {
		if v.Covers(have, want) {
			out = out.Union(b.Details.Narrow(v[have], l))
		}
	}
	return out
}

func carries(v Vocabulary, scopes []ScopeName, want ScopeName) bool {
	for _, have := range scopes {
		if v.Covers(have, want) {
			return true
		}
	}
	return false
}

// modifier reports whether both the token and the live grant carry it.
func modifier(v Vocabulary, b Bearer, g Grant, name ScopeName, now time.Time) bool {
	_, agreed := g.Holds(v, name, "", now)
	return agreed && carries(v, b.Scopes, name)
}

func usable(s Scope, at ProviderID, id ConnectionID, user UserID, connections []Connection, found *Connection) Denial {
	if at != s.Provider {
		return ConnectionMissing
	}
	for _, c := range connections {
		if c.ID != id || c.User != user || c.Provider != at {
			continue
		}
		*found = c
		switch serves, _ := c.Serves(s); {
		case c.Health == NeedsPerson:
			return ConnectionBroken
		case c.Health != Healthy:
			return ConnectionMissing
		case !serves:
			return ProviderLacks
		}
		return Permitted
	}
	return ConnectionMissing
}
