// Package upstream lets people sign in with an account that they have elsewhere:
// at their company's OpenID provider (OpenID Connect Core 1.0, code flow with
// PKCE).
//
// The hard part, once: which account here belongs to which there. It is linked by
// issuer and subject, which a provider never gives to anybody else (section 2).
// An e-mail address is something the provider says. It links somebody to an account
// that is here already only if the operator answers for the provider's addresses,
// and it makes an account only for the domains that the operator names; see judge.
//
// What a person takes to the provider and back, the state, is a row: it is bound to
// the browser, to the provider and to the code's verifier, and is taken once. Each
// provider has a redirect URI of its own, and the answer's iss is compared (RFC
// 9207), so that no provider can answer for another.
//
// Addresses here are the operator's, so that providers inside a company's network
// can be used; nobody else can make this package fetch anything.
//
// A person who is signed in connects such an account themselves, or takes one away:
// see pages.go.
//
// It makes no session, and asks nobody for a second step: package identity does.
package upstream

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/seal"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

const (
	stateLife = 10 * time.Minute
	// metadataLife is how long a provider's discovery document is believed.
	metadataLife = time.Hour
)

// Provider is one OpenID provider.
type Provider struct {
	ID       string // in addresses: "acme"
	Name     string // people read it
	Issuer   string
	ClientID string
	Sealed   []byte // the client secret
	// VerifiedMail is true when the operator answers for the addresses that the
	// provider tells: each belongs to who signs in.
	VerifiedMail bool
	// Domains are those of e-mail addresses whose people get an account when they
	// sign in for the first time.
	Domains []string
}

// State is a person on the way to a provider.
type State struct {
	Hash     []byte // SHA-256 of the parameter
	Browser  []byte // SHA-256 of the browser cookie
	Provider string
	Nonce    string
	Verifier secret.Text
	Return   string
	// Session is the sign-in that wants to connect the account it comes back with; ""
	// for somebody who signs in.
	Session consent.SessionID
	Expires time.Time
}

// Rows keeps providers, states and links.
type Rows interface {
	// SignInProviders lists the providers by name.
	SignInProviders(ctx context.Context) ([]Provider, error)
	// SignInProvider is one of them; false when there is none.
	SignInProvider(ctx context.Context, id string) (Provider, bool, error)
	AddSignInState(ctx context.Context, s State) error
	// TakeSignInState returns a state that has not ended and removes it; of several
	// that ask, one gets it.
	TakeSignInState(ctx context.Context, hash []byte) (State, bool, error)
	// LinkedUser returns whose account here belongs to one there.
	LinkedUser(ctx context.Context, issuer, subject string) (consent.UserID, bool, error)
	// LinkUser makes a link. The error is a fault.Conflict when the account there is
	// linked already, or the person has most links.
	LinkUser(ctx context.Context, user consent.UserID, l Link, most int) error
	// LinksOf lists the links of a person, the oldest first.
	LinksOf(ctx context.Context, user consent.UserID) ([]Link, error)
	// UnlinkUser removes a link of a person, and reports false when there is none. The
	// error is a fault.Conflict when it is the last way to sign in.
	UnlinkUser(ctx context.Context, user consent.UserID, l Link) (bool, error)
	AccountByEmail(ctx context.Context, key string) (identity.Account, bool, error)
}

// Sealer opens sealed client secrets.
type Sealer interface {
	Open(row, column string, sealed []byte) (secret.Text, error)
}

// SecretColumn is the column that client secrets are sealed for.
const SecretColumn = "secret"

// Config is what the package is made of. All of it is needed.
type Config struct {
	External string // our issuer, without a slash at its end
	Rows     Rows
	Sealer   Sealer
	People   People
	Audit    Audit
	Site     *web.Site
	Forms    web.Forms
	Box      seal.Box
	// Create adds an account without a password.
	Create func(ctx context.Context, email, name string) (consent.UserID, error)
	// Tx runs fn in one transaction.
	Tx  func(ctx context.Context, fn func(ctx context.Context) error) error
	Now func() time.Time
}

// Companies signs people in at their companies. It is safe for concurrent use.
type Companies struct {
	cfg    Config
	client *http.Client

	mu    sync.Mutex
	known map[string]discovered // by issuer
}

type discovered struct {
	*oidc.Provider
	at time.Time
}

// New returns Companies.
func New(cfg Config) *Companies {
	return &Companies{cfg: cfg, known: map[string]discovered{}, client: &http.Client{
		Transport: &http.Transport{ForceAttemptHTTP2: true, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second},
		// A redirect would carry our secret to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       10 * time.Second,
	}}
}

// RedirectURI is where a provider sends people back to.
func RedirectURI(external, id string) string {
	return external + "/signin/with/" + url.PathEscape(id) + "/callback"
}

// List names the providers, for the sign-in page.
func (u *Companies) List(ctx context.Context) ([]templates.Company, error) {
	all, err := u.cfg.Rows.SignInProviders(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sign-in providers: %w", err)
	}
	list := make([]templates.Company, len(all))
	for i, p := range all {
		list[i] = templates.Company{ID: p.ID, Name: p.Name}
	}
	return list, nil
}

// Any reports whether there is a provider.
func (u *Companies) Any(ctx context.Context) (bool, error) {
	list, err := u.List(ctx)
	return len(list) > 0, err
}

// Begin returns the address at the provider to send the browser to. With again the
// provider is asked to have the person sign in there whatever it remembers.
func (u *Companies) Begin(ctx context.Context, id, browser, next string, again bool) (string, error) {
	prompt := ""
	if again {
		prompt = "login"
	}
	return u.begin(ctx, id, State{Return: next}, browser, prompt)
}

// begin is Begin for a state that says what the trip is for.
func (u *Companies) begin(ctx context.Context, id string, s State, browser, prompt string) (string, error) {
	p, meta, err := u.provider(ctx, id)
	if err != nil {
		return "", err
	}
	state, nonce := secret.Random().Reveal(), secret.Random().Reveal()
	verifier := oauth2.GenerateVerifier()
	hash, who := sha256.Sum256([]byte(state)), sha256.Sum256([]byte(browser))
	s.Hash, s.Browser, s.Provider, s.Nonce, s.Verifier, s.Expires = hash[:], who[:], p.ID, nonce, secret.New(verifier), u.cfg.Now().Add(stateLife)
	if err := u.cfg.Rows.AddSignInState(ctx, s); err != nil {
		return "", fmt.Errorf("store the way to %s: %w", p.ID, err)
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)}
	if prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", prompt))
	}
	return u.config(p, meta, secret.Text{}).AuthCodeURL(state, options...), nil
}

// Finish reads a provider's answer, and says whose account here it is for and
// where the person was going. Nobody's it is when somebody who is signed in wants to
// connect the account there: then the way leads to the page that asks. The error is a
// fault.
func (u *Companies) Finish(ctx context.Context, id, browser string, answer url.Values) (consent.UserID, string, error) {
	s, err := u.take(ctx, id, browser, answer.Get("state"))
	if err != nil {
		return "", "", err
	}
	p, meta, err := u.provider(ctx, id)
	if err != nil {
		return "", "", err
	}
	if iss := answer.Get("iss"); iss != "" && iss != p.Issuer {
		return "", "", refused(p, fmt.Errorf("the answer names the issuer %q", iss)) // RFC 9207 section 2.4
	}
	if code := answer.Get("error"); code != "" {
		return "", "", refused(p, fmt.Errorf("it answered %q", code))
	}
	who, err := u.claims(ctx, p, meta, s, answer.Get("code"))
	if err != nil {
		return "", "", err
	}
	if s.Session != "" {
		next, err := u.offered(p, s, who)
		return "", next, err
	}
	user, err := u.account(ctx, p, who)
	return user, s.Return, err
}

// take uses up the state that an answer names.
func (u *Companies) take(ctx context.Context, id, browser, state string) (State, error) {
	ended := fault.New(fault.Conflict, "This sign-in ended, or was begun in another browser. You are not signed in. Start again.")
	hash, who := sha256.Sum256([]byte(state)), sha256.Sum256([]byte(browser))
	s, found, err := u.cfg.Rows.TakeSignInState(ctx, hash[:])
	if err != nil {
		return State{}, fmt.Errorf("take the way back: %w", err)
	}
	if !found || s.Provider != id || subtle.ConstantTimeCompare(s.Browser, who[:]) != 1 {
		return State{}, ended
	}
	return s, nil
}

// claims redeems a code and checks the ID token (section 3.1.3.7).
func (u *Companies) claims(ctx context.Context, p Provider, meta *oidc.Provider, s State, code string) (claims, error) {
	key, err := u.cfg.Sealer.Open(p.ID, SecretColumn, p.Sealed)
	if err != nil {
		return claims{}, fmt.Errorf("open the secret of %s: %w", p.ID, err)
	}
	ctx = oidc.ClientContext(ctx, u.client)
	tokens, err := u.config(p, meta, key).Exchange(ctx, code, oauth2.VerifierOption(s.Verifier.Reveal()))
	if err != nil {
		var said *oauth2.RetrieveError
		if errors.As(err, &said) && said.Response.StatusCode < 500 {
			return claims{}, refused(p, fmt.Errorf("redeem the code: status %d, %q", said.Response.StatusCode, said.ErrorCode))
		}
		return claims{}, down(p, err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := meta.VerifierContext(ctx, &oidc.Config{ClientID: p.ClientID, Now: u.cfg.Now}).Verify(ctx, raw)
	if err != nil {
		return claims{}, refused(p, fmt.Errorf("verify the ID token: %w", err))
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(s.Nonce)) != 1 {
		return claims{}, refused(p, errors.New("the ID token is for another sign-in"))
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return claims{}, refused(p, fmt.Errorf("read the ID token: %w", err))
	}
	// A token for several clients says which of them it was issued to (section 2, azp).
	if id.Subject == "" || (len(id.Audience) > 1 && c.For != p.ClientID) {
		return claims{}, refused(p, errors.New("the ID token is not for us"))
	}
	c.Issuer, c.Subject = p.Issuer, id.Subject
	return c, nil
}

func (u *Companies) config(p Provider, meta *oidc.Provider, key secret.Text) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: key.Reveal(), Endpoint: meta.Endpoint(), RedirectURL: RedirectURI(u.cfg.External, p.ID),
		Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}
}

// provider returns a provider with its discovery document.
func (u *Companies) provider(ctx context.Context, id string) (Provider, *oidc.Provider, error) {
	p, found, err := u.cfg.Rows.SignInProvider(ctx, id)
	if err != nil {
		return Provider{}, nil, fmt.Errorf("load sign-in provider: %w", err)
	}
	if !found {
		return Provider{}, nil, fault.New(fault.NotFound, "Nobody can sign in that way here.")
	}
	u.mu.Lock()
	have, known := u.known[p.Issuer]
	u.mu.Unlock()
	if known && u.cfg.Now().Sub(have.at) < metadataLife {
		return p, have.Provider, nil
	}
	// The context lives on in the key set, which fetches keys later.
	meta, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), u.client), p.Issuer)
	if err != nil {
		return Provider{}, nil, down(p, fmt.Errorf("read its discovery document: %w", err))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.known[p.Issuer] = discovered{meta, u.cfg.Now()}
	return p, meta, nil
}

func refused(p Provider, cause error) error {
	return fault.Wrap(fault.Denied, cause, "%s did not sign you in. Nothing was shared. Go back and try again.", p.Name)
}

func down(p Provider, cause error) error {
	return fault.Wrap(fault.Upstream, cause, "%s does not answer now. You are not signed in. Try again in a few minutes.", p.Name)
}

// domain is the part of an e-mail address after the last "@", in lower case.
func domain(email string) string {
	return strings.ToLower(email[strings.LastIndexByte(email, '@')+1:])
}

func (p Provider) admits(email string) bool { return slices.Contains(p.Domains, domain(email)) }
