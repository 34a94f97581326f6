// Package bearer is the door of a resource server: it takes the token out of a
// request, asks what it stands for, and refuses in the words clients can act on
// (OAuth 2.1 section 5, RFC 6750, RFC 9728). Any Go API or MCP server can import
// it.
//
// There are two ways to find out what a token stands for, and Middleware takes
// either. An Introspector asks the authorization server (RFC 7662): what was taken
// back is refused at once. A JWTVerifier checks the signature of tokens that are
// made for it (RFC 9068) with the keys the server publishes: no question, and what
// was taken back works until it expires, five minutes at most with Deputy.
//
// It does not decide what a token with the right scopes may touch, it issues
// nothing, and it imports nothing else of this module. When it cannot find out
// what a token stands for it refuses with 503, which leaves the client's token
// alone; it never guesses.
package bearer

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Authority is what a presented token stands for. The zero Authority is none.
type Authority struct {
	// Active is false for a token that is expired, revoked, for somebody else, or
	// no token at all; then nothing else is set.
	Active   bool
	Subject  string // the user, or the client itself when it acts for nobody
	ClientID string
	Grant    string // Deputy's extension grant_id: what the user agreed to; "" for others
	Family   string // extension family_id: one installation of the client
	// Actors are the clients that act for ClientID, the one that sent the token first
	// (act of RFC 8693 section 4.1). Authority comes from the token; they are for
	// records.
	Actors []string
	Scopes []string
	// Details are what the token may touch (RFC 9396 section 9.2): what they do not
	// speak of it may not. Nil when the server does not say.
	Details  []Detail
	Audience []string
	IssuedAt time.Time // zero when unknown
	Expires  time.Time // zero when unknown
	AuthTime time.Time // when the user signed in; zero when unknown
	ACR      string    // how: the authentication context class; "" when unknown
	// Present is Deputy's extension: the sign-in under which the token was issued
	// lives. False when the server does not say.
	Present   bool
	TokenType string // "Bearer", "DPoP"
	// Thumbprint is the confirmation a sender-constrained token is bound to (cnf:
	// jkt of RFC 9449 or x5t#S256 of RFC 8705). A token that has one is worthless
	// as a bearer token.
	Thumbprint string
	// Claims is the whole answer. It is shared: read only.
	Claims map[string]any
}

// Detail is one object of authorization_details (RFC 9396 section 2), as Deputy
// writes them.
type Detail struct {
	Type       string   `json:"type"`
	Identifier string   `json:"identifier"`        // "*" for everything of the type
	Actions    []string `json:"actions,omitempty"` // scopes; none means all that are about the type
}

// Holds reports whether the authority has every one of the scopes, as covers
// defines it: covers(have, want) is true when have gives want. Nil means equal.
func (a Authority) Holds(covers func(have, want string) bool, scopes ...string) bool {
	for _, want := range scopes {
		gives := func(have string) bool { return have == want || (covers != nil && covers(have, want)) }
		if !slices.ContainsFunc(a.Scopes, gives) {
			return false
		}
	}
	return a.Active
}

// SignedIn reports whether the user signed in within age before now, by one of the
// classes (RFC 9470). Zero and none ask for nothing; what is not known of the
// sign-in does not count.
func (a Authority) SignedIn(age time.Duration, classes []string, now time.Time) bool {
	young := age == 0 || (!a.AuthTime.IsZero() && now.Sub(a.AuthTime) <= age)
	return a.Active && young && (len(classes) == 0 || slices.Contains(classes, a.ACR))
}

// Verifier finds out what a token stands for, here: a token for another audience
// is not active. An error means that it could not find out; the token may be good.
type Verifier interface {
	Verify(ctx context.Context, token string) (Authority, error)
}

// ErrNone is returned by Token for a request without a token.
var ErrNone = errors.New("no bearer token")

// ErrMalformed is returned by Token for a request whose Authorization header
// makes no sense.
var ErrMalformed = errors.New("malformed Authorization header")

// tokenLimit bounds a token, in bytes.
const tokenLimit = 8 << 10

// Token returns the request's token. It is taken from the Authorization header
// alone, never from the query or a form, where it would end up in logs (OAuth 2.1
// section 5.1). The scheme is "Bearer" in any case (section 5.1.1), or one of
// also, for clients with a scheme of their own. Another scheme is no token;
// several headers, or what cannot be a token, are ErrMalformed.
func Token(r *http.Request, also ...string) (string, error) {
	_, token, err := presented(r, also)
	return token, err
}

// schemeDPoP is the scheme of a token that is bound to a key (RFC 9449 section
// 7.1).
const schemeDPoP = "DPoP"

// presented returns the token with the scheme it came under.
func presented(r *http.Request, also []string) (scheme, token string, err error) {
	headers := r.Header["Authorization"]
	if len(headers) == 0 {
		return "", "", ErrNone
	}
	// Two credentials: which one counted would depend on who reads them.
	if len(headers) > 1 {
		return "", "", ErrMalformed
	}
	scheme, token, _ = strings.Cut(headers[0], " ")
	known := func(s string) bool { return strings.EqualFold(s, scheme) }
	if !known("Bearer") && !slices.ContainsFunc(also, known) {
		return "", "", ErrNone
	}
	token = strings.TrimLeft(token, " ")
	if !wellFormed(token) {
		return "", "", ErrMalformed
	}
	return scheme, token, nil
}

// wellFormed reports whether s is a b64token (RFC 6750 section 2.1).
func wellFormed(s string) bool {
	body := strings.TrimRight(s, "=")
	if body == "" || len(s) > tokenLimit {
		return false
	}
	for i := range len(body) {
		c := body[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return true
}
