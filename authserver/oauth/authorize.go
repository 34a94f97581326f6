package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// Ask is an authorization request that passed every check that does not need the
// person (OAuth 2.1 section 4.1.1).
type Ask struct {
	Client      clients.Client
	RedirectURI string
	State       string
	Scopes      []consent.Scope // in the app's order, without repetitions
	Details     consent.Details // which resources it names; nil when it names none
	Along       []consent.Scope // may come along when the app has them
	Words       consent.Vocabulary
	Audience    string
	Nonce       string
	LoginHint   string
	Locales     string        // languages of its pages, the best first (ui_locales)
	Silent      bool          // prompt=none: answer without showing anything
	SignInAgain bool          // prompt=login, or a max_age of zero
	Choose      bool          // prompt=select_account: the person says as whom
	AskAgain    bool          // prompt=consent
	MaxAge      time.Duration // at most this long since the sign-in; 0 means any
	Level       consent.Level // that the sign-in must have reached; "" for any
	Device      bool          // there is no browser to send back: RFC 8628
	Here        bool          // nobody asks back: see Need
	manage      manage
	challenge   string
	key         string // thumbprint the code is bound to; "" for none
	pushed      []byte // hash of the request_uri, for a request that was pushed
	device      []byte // hash of the device code, for Device
}

// Unanswerable is an error about a request whose app may be told: it goes to
// RedirectURI, but only once the person is signed in (OAuth 2.1 section 7.13.2).
type Unanswerable struct {
	Err         *Error
	RedirectURI string
	State       string
	Silent      bool // prompt=none: nobody is shown a sign-in page for it
	Client      clients.Client
}

// Error implements error.
func (u *Unanswerable) Error() string { return u.Err.Error() }

// Unwrap returns the OAuth error.
func (u *Unanswerable) Unwrap() error { return u.Err }

// ParseAuthorize reads the query of an authorization request. Its error is
// either an *Unanswerable, or a fault for a page: an app or a return address we
// do not know is never redirected to (OAuth 2.1 section 7.13.2).
func (s *Server) ParseAuthorize(ctx context.Context, rawQuery string) (Ask, error) {
	return s.Resume(ctx, rawQuery, s.Now())
}

// Resume is ParseAuthorize for a request that a browser came with at began: a
// pushed request that lived then can still be answered.
func (s *Server) Resume(ctx context.Context, rawQuery string, began time.Time) (Ask, error) {
	if len(rawQuery) > maxForm {
		return Ask{}, fault.New(fault.Invalid, "This request is too long. Nothing was shared.")
	}
	form, err := parse(rawQuery)
	if err != nil {
		return Ask{}, fault.Wrap(fault.Invalid, err, "This request cannot be read. Nothing was shared.")
	}
	form, hash, err := s.resolve(ctx, form, began)
	if err != nil {
		return Ask{}, err
	}
	ask, err := s.read(ctx, form)
	if err == nil && ask.Client.MustPush && hash == nil { // RFC 9126 section 5
		err = ask.unanswerable(invalidRequest("This client begins with a pushed request only."))
	}
	ask.pushed = hash
	return ask, err
}

// read reads the parameters themselves; its error is that of ParseAuthorize.
func (s *Server) read(ctx context.Context, form url.Values) (Ask, error) {
	client, redirect, err := s.whom(ctx, form)
	if err != nil {
		return Ask{}, err
	}
	ask := Ask{Client: client, RedirectURI: redirect, State: first(form, "state"), Silent: first(form, "prompt") == "none"}
	if err := s.fill(ctx, &ask, form); err != nil {
		return Ask{}, ask.unanswerable(err)
	}
	return ask, nil
}

func (a Ask) unanswerable(err error) *Unanswerable {
	return &Unanswerable{Err: registered(err), RedirectURI: a.RedirectURI, State: a.State, Silent: a.Silent, Client: a.Client}
}

func first(form url.Values, name string) string {
	if len(form[name]) != 1 || len(form[name][0]) > maxValue || !readable(form[name][0]) {
		return "" // what is refused is not echoed: repeated, too long for an address, or no text
	}
	return form[name][0]
}

// whom finds the app and the address it may be answered at.
func (s *Server) whom(ctx context.Context, form url.Values) (clients.Client, string, error) {
	var none clients.Client
	id, redirect := form["client_id"], form["redirect_uri"]
	if len(id) != 1 || !readable(id[0]) {
		return none, "", fault.New(fault.Invalid, "This link does not say which app it comes from. Nothing was shared.")
	}
	c, err := s.Clients.Client(ctx, consent.AppID(id[0]))
	if errors.Is(err, clients.ErrUnknown) {
		return none, "", fault.Wrap(fault.Invalid, err, "We do not know the app that sent you here. Nothing was shared. Go back to the app and tell its makers.")
	}
	if errors.Is(err, clients.ErrUnreachable) {
		return none, "", fault.Wrap(fault.Upstream, err, "The app that sent you here could not be checked, because its own website does not answer. Nothing was shared. Try again later.")
	}
	if err != nil {
		return none, "", err
	}
	switch {
	case len(redirect) == 0 && len(c.RedirectURIs) == 1: // OAuth 2.1 section 2.3.2
		return c, c.RedirectURIs[0], nil
	case len(redirect) != 1 || !clients.MatchRedirect(c.RedirectURIs, redirect[0]):
		return none, "", fault.New(fault.Invalid, "The return address of this request is not one the app has registered. Nothing was shared.")
	}
	return c, redirect[0], nil
}

// fill reads the rest of the request; its errors may go to the app.
func (s *Server) fill(ctx context.Context, ask *Ask, form url.Values) error {
	if err := once(form); err != nil {
		return err
	}
	// First: what is missing outside may be inside (RFC 9101 section 5).
	if form.Has("request") || form.Has("request_uri") {
		return &Error{Code: "request_not_supported", Description: "Send the parameters themselves.", Status: http.StatusBadRequest}
	}
	var err error
	if ask.Words, err = s.Vocabulary.Scopes(ctx); err != nil {
		return err
	}
	if err := s.what(ask, form); err != nil {
		return err
	}
	if ask.Audience, err = s.audience(ctx, form["resource"], ask.Scopes); err != nil {
		return err
	}
	if ask.manage, err = readManage(ask.Client, form); err != nil {
		return err
	}
	if ask.Along, err = s.along(*ask, form); err != nil {
		return err
	}
	if err := s.askFosite(ctx, *ask, form); err != nil {
		return err
	}
	if form.Get("response_type") != "code" { // fosite does not mind its case
		return &Error{Code: "unsupported_response_type", Description: "Only response_type=code is offered.", Status: http.StatusBadRequest}
	}
	if ask.challenge, err = challenge(form); err != nil {
		return err
	}
	if ask.key, err = keyOf(form.Get("dpop_jkt")); err != nil {
		return err
	}
	if !ask.Client.Grants("authorization_code") {
		return &Error{Code: "unauthorized_client", Description: "This client may not use authorization_code.", Status: http.StatusBadRequest}
	}
	ask.Nonce, ask.LoginHint, ask.Locales = form.Get("nonce"), form.Get("login_hint"), form.Get("ui_locales")
	ask.Level = asksFor(form.Get("acr_values"), s.Levels)
	return ask.prompts(form)
}

// askFosite lets fosite judge the request with the client bound to what was
// checked already: response type and mode, and whatever else it knows of.
func (s *Server) askFosite(ctx context.Context, ask Ask, form url.Values) error {
	bound := protocolClient{Client: ask.Client, redirect: ask.RedirectURI, audience: ask.Audience}
	for _, sc := range ask.Scopes {
		bound.scopes = append(bound.scopes, string(sc.Name))
	}
	plain := url.Values{}
	for name, v := range form {
		if name != "request" && name != "request_uri" && name != "audience" && name != "resource" {
			plain[name] = v
		}
	}
	plain.Set("redirect_uri", ask.RedirectURI)
	r := &http.Request{Method: http.MethodGet, Form: plain, PostForm: url.Values{}, Header: http.Header{}}
	_, err := s.fosite.NewAuthorizeRequest(context.WithValue(ctx, boundClientKey{}, bound), r)
	if errors.Is(err, fosite.ErrInvalidState) {
		return nil // its last check; state is the app's own affair with PKCE (OAuth 2.1 section 4.1.1)
	}
	if err != nil && !form.Has("response_type") {
		return invalidRequest("The parameter response_type is missing.")
	}
	return err
}

// maxScopes bounds what one page can ask.
const maxScopes = 40

// asked resolves the scopes of a request. Naming none means what the app was
// registered with, else the person's name (OAuth 2.1 section 1.4.1).
func asked(words consent.Vocabulary, client clients.Client, raw string) ([]consent.Scope, error) {
	names := strings.Fields(raw)
	if len(names) == 0 {
		for _, n := range client.Scopes {
			names = append(names, string(n))
		}
	}
	if len(names) == 0 {
		names = []string{"identity.profile.read"}
	}
	if len(names) > maxScopes {
		return nil, invalidScope("Ask for at most " + strconv.Itoa(maxScopes) + " scopes.")
	}
	var out []consent.Scope
	for _, n := range names {
		s, ok := words[consent.ScopeName(n)]
		if !ok {
			return nil, invalidScope("There is no scope " + printable(n) + ".")
		}
		if !slices.ContainsFunc(out, func(have consent.Scope) bool { return have.Name == s.Name }) {
			out = append(out, s)
		}
	}
	return out, nil
}

var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`) // a SHA-256 in base64url

// challenge reads the PKCE challenge: required of every client, S256 only
// (OAuth 2.1 section 4.1.1, RFC 9700 section 2.1.1).
func challenge(form url.Values) (string, error) {
	c := form.Get("code_challenge")
	switch {
	case c == "":
		return "", invalidRequest("PKCE is required: send code_challenge and code_challenge_method=S256.")
	case form.Get("code_challenge_method") != "S256":
		return "", invalidRequest("Only code_challenge_method=S256 is offered.")
	case !challengeForm.MatchString(c):
		return "", invalidRequest("The code_challenge is not a SHA-256 in base64url.")
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(c); err != nil {
		return "", invalidRequest("The code_challenge is not a SHA-256 in base64url.")
	}
	return c, nil
}

// prompts reads prompt and max_age (OpenID Connect Core 3.1.2.1).
func (a *Ask) prompts(form url.Values) error {
	values := strings.Fields(form.Get("prompt"))
	for _, p := range values {
		switch p {
		case "none":
			if len(values) > 1 {
				return invalidRequest("prompt=none goes with no other prompt.")
			}
		case "login":
			a.SignInAgain = true
		case "select_account":
			a.Choose = true
		case "consent":
			a.AskAgain = true
		default:
			return invalidRequest("There is no prompt " + printable(p) + ".")
		}
	}
	if raw := form.Get("max_age"); raw != "" {
		n, err := strconv.ParseUint(raw, 10, 31)
		if err != nil {
			return invalidRequest("max_age is not a number of seconds.")
		}
		if n == 0 {
			a.SignInAgain = true
		}
		a.MaxAge = time.Duration(n) * time.Second
	}
	return nil
}
