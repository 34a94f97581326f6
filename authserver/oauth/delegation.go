package oauth

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
)

// maxDelegations is how often a token can be handed on: the app's own token, and
// three after it.
const maxDelegations = 3

// delegation is a wish to get a lesser token for one that is held, and everything
// that decides about it.
type delegation struct {
	by      consent.AppID  // the client that asks
	key     string         // thumbprint of the key it proved; "" for none
	subject Authorization  // the token it holds; not active when it is no token of ours
	actor   *Authorization // the token of the app that will act; nil for nobody else
	targets []string       // audiences it named, canonical
	scope   string         // what it asked for; "" means what flows down by itself
}

// decide returns the child's content, or why there is none. Whatever is granted:
// the child's person, grant, family and audience are the parent's, its scopes are
// covered by the parent's, it ends no later, it stays bound to a key when the
// parent is, and it ends with the parent.
func (d delegation) decide(words consent.Vocabulary, now time.Time, life time.Duration) (token, error) {
	if why := d.unacceptable(); why != "" {
		return token{}, unacceptable(why)
	}
	if len(d.subject.parents) >= maxDelegations {
		return token{}, invalidRequest("The token was handed on as often as one can be.")
	}
	for _, target := range d.targets {
		if target != d.subject.Audience {
			return token{}, invalidTarget("The subject token is for another resource. An exchange does not change that.")
		}
	}
	scopes, err := d.scopes(words)
	if err != nil {
		return token{}, err
	}
	p := d.subject
	child := token{
		ID: uuid.NewString(), Family: p.Family, Grant: p.Grant, User: p.User, App: p.App, Scopes: scopes, Audience: p.Audience,
		Issued: seconds(now), Expires: min(seconds(now.Add(life)), seconds(p.Expires)), AuthTime: seconds(p.AuthTime), Level: p.Level, Thumbprint: d.key,
		Actors: p.Actors, Parents: append(slices.Clone(p.parents), p.Token),
	}
	if d.actor != nil {
		child.Actors = append([]consent.AppID{d.actor.App}, p.Actors...)
		if d.actor.Thumbprint != "" {
			child.Thumbprint = d.actor.Thumbprint // only who will act can use it
		}
	}
	return child, nil
}

// unacceptable says why the tokens themselves cannot be taken (RFC 8693 section
// 2.2.2), or "".
func (d delegation) unacceptable() string {
	switch s := d.subject; {
	case !s.Active:
		return "the subject token is none of ours, or has ended"
	case s.User == "":
		return "the subject token is an app's own: there is nobody to act for"
	case s.holder() != d.by:
		return "the subject token is held by another client"
	case s.Thumbprint != "" && s.Thumbprint != d.key: // as for any use of it: RFC 9449 section 7
		return "the subject token is bound to a key that was not proven"
	}
	switch a := d.actor; {
	case a == nil:
		return ""
	case !a.Active:
		return "the actor token is none of ours, or has ended"
	case a.User != "":
		return "the actor token is a person's: it does not say who acts"
	case a.App == d.subject.App || slices.Contains(d.subject.Actors, a.App):
		return "the actor is in the chain already"
	}
	return ""
}

// unacceptable is one answer, whatever is wrong with a token; the reason goes to
// the log.
func unacceptable(reason string) *Error {
	return &Error{Code: "invalid_request", Status: http.StatusBadRequest, Cause: errors.New(reason),
		Description: "The subject token or the actor token is unknown, expired or revoked, or it is not one that this client may exchange."}
}

// scopes returns what the child gets. Less than the parent has may be asked for,
// also what one of its scopes only implies.
func (d delegation) scopes(words consent.Vocabulary) (string, error) {
	if d.scope == "" {
		if all := withoutModifiers(words, d.subject.Scopes); all != "" {
			return all, nil
		}
		return "", invalidScope("Nothing of the subject token flows down by itself. Name the scopes.")
	}
	var out []string
	for _, asked := range strings.Fields(d.scope) {
		name := consent.ScopeName(asked)
		covered := slices.ContainsFunc(d.subject.Scopes, func(have consent.ScopeName) bool { return words.Covers(have, name) })
		switch {
		case name == consent.OfflineAccess:
			return "", invalidScope("A token of an exchange is never refreshed: offline_access cannot be handed on.")
		case !covered:
			return "", invalidScope("An exchange can only ask for less than the subject token has.")
		case !slices.Contains(out, asked):
			out = append(out, asked)
		}
	}
	return strings.Join(out, " "), nil
}

// withoutModifiers keeps what flows down by itself. Without more words a sub-agent
// works while the person is there, and changes nothing without a yes.
func withoutModifiers(words consent.Vocabulary, scopes []consent.ScopeName) string {
	var out []string
	for _, name := range scopes {
		if !words[name].Modifier && name != consent.OfflineAccess && name != consent.Background && name != consent.Recurring && name != consent.UnattendedWrites {
			out = append(out, string(name))
		}
	}
	return strings.Join(out, " ")
}
