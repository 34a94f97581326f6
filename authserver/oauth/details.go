package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
)

// detailsParam says which resources a request is about (RFC 9396 section 3).
const detailsParam = "authorization_details"

// DetailTypes are the types there are, each with what the whole of an identifier
// looks like.
type DetailTypes map[consent.ResourceType]*regexp.Regexp

// Names lists the types in order; discovery publishes them.
func (t DetailTypes) Names() []string {
	var out []string
	for name := range t {
		out = append(out, string(name))
	}
	slices.Sort(out)
	return out
}

func invalidDetails(description string) *Error { // RFC 9396 section 5
	return &Error{Code: "invalid_authorization_details", Description: description, Status: http.StatusBadRequest}
}

// what reads which scopes a request is for and which resources it names. Scopes
// say what kind, details say which ones: without a scope, the actions of the
// details are the scopes.
func (s *Server) what(ask *Ask, form url.Values) error {
	var err error
	if ask.Details, err = s.readDetails(form, ask.Client); err != nil {
		return err
	}
	scope := form.Get("scope")
	if scope == "" {
		scope = actions(ask.Details)
	}
	if ask.Scopes, err = asked(ask.Words, ask.Client, scope); err != nil {
		return err
	}
	for _, d := range ask.Details {
		if err := fitDetail(d, ask.Scopes); err != nil {
			return err
		}
	}
	return nil
}

func actions(details consent.Details) string {
	var names []string
	for _, d := range details {
		for _, a := range d.Actions {
			names = append(names, string(a))
		}
	}
	return strings.Join(names, " ")
}

// fitDetail checks a detail against the scopes of its request: each action is one
// of them and is limited by the type, and all resources are asked for only where
// a person may choose all.
func fitDetail(d consent.Detail, scopes []consent.Scope) error {
	one := consent.Details{d}
	about := 0
	for _, sc := range scopes {
		if !one.About(sc) {
			continue
		}
		about++
		if d.ID == consent.All && sc.Narrowing != consent.NarrowingOptional {
			return invalidDetails("The scope " + string(sc.Name) + " is always limited to single resources: name them, or let the person pick.")
		}
	}
	switch {
	case about == 0:
		return invalidDetails("No scope of the request is limited by " + string(d.Type) + ".")
	case about < len(d.Actions):
		return invalidDetails("An action is not a scope of the request, or not limited by " + string(d.Type) + ".")
	}
	return nil
}

// readDetails reads the parameter and checks what does not depend on the scopes;
// nil when it is not there.
func (s *Server) readDetails(form url.Values, client clients.Client) (consent.Details, error) {
	if !form.Has(detailsParam) {
		return nil, nil
	}
	read, err := parseDetails(form.Get(detailsParam))
	if err != nil {
		return nil, err
	}
	var out consent.Details
	for _, d := range read {
		if err := s.checkDetail(d, client); err != nil {
			return nil, err
		}
		out = append(out, d.domain())
	}
	return out, nil
}

func (s *Server) checkDetail(d detail, client clients.Client) error {
	pattern, known := s.DetailTypes[d.Type]
	switch {
	case !known:
		return invalidDetails("There is no type " + printable(string(d.Type)) + ".")
	case len(client.DetailTypes) > 0 && !slices.Contains(client.DetailTypes, d.Type): // RFC 9396 section 10
		return invalidDetails("The client is not registered for the type " + string(d.Type) + ".")
	case d.Identifier != consent.All && !pattern.MatchString(d.Identifier):
		return invalidDetails("The identifier is not one of a " + string(d.Type) + ".")
	}
	for _, l := range d.Locations {
		if s.canonical(l) != s.Broker {
			return invalidDetails("The location is not this server's API.")
		}
	}
	return nil
}

// maxSealed bounds the details that one access token carries itself, in bytes:
// the token has to fit into a header.
const maxSealed = 3 << 10

// narrowDetails applies the authorization_details of a token request to what the
// token would have (RFC 9396 section 6.1). A request without them changes
// nothing. With them, they are all that the token may touch: scopes that are
// limited to resources and have none among them are left out. Asking for what was
// not granted is refused, not ignored.
func (s *Server) narrowDetails(have share, form url.Values, client clients.Client, now time.Time) (share, error) {
	asked, err := s.readDetails(form, client)
	if err != nil || asked == nil {
		return have, err
	}
	part, beyond := have.touchable(now).Part(asked)
	if len(beyond) > 0 {
		return share{}, invalidDetails("A token request can only ask for a part of what was granted.")
	}
	have.details, have.sealed = part, storedDetails(part)
	if len(have.sealed) > maxSealed {
		return share{}, invalidDetails("These are too many resources for one token. Ask for fewer, or for all that was granted.")
	}
	var kept []string
	for _, name := range scopeNames(have.scopes) {
		if sc := have.words[name]; sc.Narrowing == consent.NarrowingNone || part.About(sc) {
			kept = append(kept, string(name))
		}
	}
	have.scopes = strings.Join(kept, " ")
	return have, nil
}

func (h share) touchable(now time.Time) consent.Details {
	return consent.Touchable(h.words, scopeNames(h.scopes), h.details, h.grant, now)
}

// maxListed is up to how many details are listed for a token that nobody
// narrowed: without a list it may touch what the grant gives.
const maxListed = 100

// listed is what a token may touch now, as answers tell it (RFC 9396 sections 7
// and 9.2); nil when there is nothing to tell. What a narrowed token may touch is
// always told, also when it is nothing.
func (h share) listed(now time.Time) []detail {
	details := h.touchable(now)
	if h.details == nil && (len(details) == 0 || len(details) > maxListed) {
		return nil
	}
	return wire(details)
}

// addDetails tells in an introspection what the token may touch now (RFC 9396
// section 9.2). What it reads was read for the token's scopes already.
func (s *Server) addDetails(ctx context.Context, answer gin.H, a Authorization) error {
	if a.Grant == "" {
		return nil
	}
	g, err := s.Live.Grant(ctx, a.Grant)
	if err != nil {
		return err
	}
	words, err := s.Vocabulary.Scopes(ctx)
	if err != nil {
		return err
	}
	have := share{scopes: Approval{Scopes: a.Scopes}.scopes(), details: a.Details, grant: g, words: words}
	if details := have.listed(s.Now()); details != nil {
		answer[detailsParam] = details
	}
	return nil
}

func scopeNames(joined string) []consent.ScopeName {
	var out []consent.ScopeName
	for _, name := range strings.Fields(joined) {
		out = append(out, consent.ScopeName(name))
	}
	return out
}

// storedDetails is how rows and tokens keep details; "" for nil.
func storedDetails(details consent.Details) string {
	if details == nil {
		return ""
	}
	encoded, err := json.Marshal(wire(details))
	if err != nil {
		panic(err) // strings always encode
	}
	return string(encoded)
}

// keptDetails reads what storedDetails wrote.
func keptDetails(stored string) (consent.Details, error) {
	if stored == "" {
		return nil, nil
	}
	var read []detail
	if err := json.Unmarshal([]byte(stored), &read); err != nil {
		return nil, err
	}
	out := consent.Details{}
	for _, d := range read {
		out = append(out, d.domain())
	}
	return out, nil
}

func wire(details consent.Details) []detail {
	out := make([]detail, len(details))
	for i, d := range details {
		out[i] = detail{Type: d.Type, Identifier: d.ID, Actions: d.Actions}
	}
	return out
}
