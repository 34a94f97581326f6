package bearer

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The error codes of RFC 6750 section 3.1; that of RFC 9470 section 3, when the
// user must sign in again or more surely; and that of
// draft-ietf-oauth-rar-metadata-remediation, when the token does not reach what
// the request names.
const (
	InvalidRequest            = "invalid_request"
	InvalidToken              = "invalid_token"
	InsufficientScope         = "insufficient_scope"
	InsufficientSignIn        = "insufficient_user_authentication"
	InsufficientAuthorization = "insufficient_authorization"
)

// remediationLimit bounds authorization_remediation, in bytes: proxies cut off
// headers of a few KiB, and then the whole answer is lost.
const remediationLimit = 2 << 10

// Challenge is a WWW-Authenticate header: why the request was refused and what
// would help.
type Challenge struct {
	// DPoP makes it one for clients that prove to hold a key (RFC 9449 section
	// 7.1), and Nonce is what such a client must use next; see ProofError.
	DPoP  bool
	Nonce string
	Realm string
	// Error is one of the codes. It stays empty when the request had no token at
	// all: then there is nothing to say about one (RFC 6750 section 3.1).
	Error       string
	Description string // one sentence for developers
	// Scope lists every scope the request needs, also those the token has: clients
	// ask for exactly these.
	Scope []string
	// MaxAge and ACR are what the user's sign-in must be like, for InsufficientSignIn:
	// clients pass them on as max_age and acr_values. Zero and none ask for nothing.
	MaxAge time.Duration
	ACR    []string
	// Details are what to ask for, for InsufficientAuthorization. They are left out
	// when they are too long for a header.
	Details []Detail
	// Metadata is the URL of the resource metadata document (RFC 9728 section 5.1).
	Metadata string
}

// Status is the HTTP status that goes with the challenge.
func (c Challenge) Status() int {
	switch c.Error {
	case InvalidRequest:
		return http.StatusBadRequest
	case InsufficientScope:
		return http.StatusForbidden
	default:
		return http.StatusUnauthorized
	}
}

// Set writes the challenge's headers.
func (c Challenge) Set(h http.Header) {
	h.Set("WWW-Authenticate", c.String())
	if c.Nonce != "" {
		h.Set("DPoP-Nonce", c.Nonce)
	}
}

// String returns the header's value. Every parameter is a quoted string, and what
// may not stand in one is replaced, so that no value can add a parameter.
func (c Challenge) String() string {
	var params []string
	add := func(name, value string) {
		if value != "" {
			params = append(params, name+`="`+value+`"`)
		}
	}
	add("realm", text(c.Realm))
	add("error", text(c.Error))
	add("error_description", text(c.Description))
	add("scope", scopes(c.Scope))
	add("acr_values", scopes(c.ACR))
	if c.MaxAge > 0 {
		add("max_age", strconv.FormatInt(int64(c.MaxAge/time.Second), 10))
	}
	add("authorization_remediation", remediation(c.Details))
	add("resource_metadata", text(c.Metadata))
	scheme := "Bearer"
	if c.DPoP {
		scheme = schemeDPoP
		add("algs", strings.Join(ProofAlgorithms(), " "))
	}
	if len(params) == 0 {
		return scheme
	}
	return scheme + " " + strings.Join(params, ", ")
}

// remediation is base64url, which no quoted string minds.
func remediation(details []Detail) string {
	if len(details) == 0 {
		return ""
	}
	plain, err := json.Marshal(map[string][]Detail{"authorization_details": details})
	if err != nil {
		panic(err) // strings
	}
	out := base64.RawURLEncoding.EncodeToString(plain)
	if len(out) > remediationLimit {
		return ""
	}
	return out
}

// text keeps to what RFC 6750 section 3 allows in error_description: printable
// ASCII without quote and backslash.
func text(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ' || r > '~' || r == '\\':
			return ' '
		}
		return r
	}, s)
}

// scopes joins those names that are scope tokens (RFC 6749 section 3.3).
func scopes(names []string) string {
	var good []string
	for _, n := range names {
		if n != "" && text(n) == n && !strings.Contains(n, " ") {
			good = append(good, n)
		}
	}
	return strings.Join(good, " ")
}
