package bearer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Secret is a client secret. Printing it gives "[redacted]"; inside somebody's
// unexported field, where fmt calls no methods, the address behind which it is.
type Secret struct{ value *string }

// NewSecret wraps a client secret.
func NewSecret(value string) Secret { return Secret{&value} }

func (s Secret) reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Format implements fmt.Formatter, so that no verb shows the value.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// MarshalText implements encoding.TextMarshaler, and with it JSON.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// IntrospectorConfig says whom to ask and as whom.
type IntrospectorConfig struct {
	// Endpoint is the introspection endpoint: https, or http on this machine.
	Endpoint string
	// ClientID and Secret authenticate this resource server (RFC 7662 section 2.1).
	ClientID string
	Secret   Secret
	// Audience is this resource server's identifier. Tokens for any other, for
	// several or for none are not active here.
	Audience string
	// CacheFor is how long an answer counts, at most 5 seconds: a revoked token
	// works for that long. 0 means 500 milliseconds.
	CacheFor time.Duration
	// HTTPClient makes the requests; nil means one with a timeout of 5 seconds.
	// Redirects are never followed.
	HTTPClient *http.Client
	Now        func() time.Time // nil means time.Now
}

const (
	maxCacheFor     = 5 * time.Second
	defaultCacheFor = 500 * time.Millisecond
	askTimeout      = 5 * time.Second
	answerLimit     = 64 << 10
	cacheLimit      = 8192 // answers
)

// Introspector is a Verifier that asks the authorization server (RFC 7662).
// Callers with the same token share one question. It is safe for concurrent use.
type Introspector struct {
	cfg   IntrospectorConfig
	cache *cache
}

// NewIntrospector returns an introspector, or says what is wrong with cfg.
func NewIntrospector(cfg IntrospectorConfig) (*Introspector, error) {
	if !safe(cfg.Endpoint) {
		return nil, errors.New("introspection endpoint must be an https URL, or http on this machine")
	}
	if cfg.Audience == "" || cfg.ClientID == "" || cfg.Secret.reveal() == "" {
		return nil, errors.New("introspection needs an audience, a client id and a secret")
	}
	if cfg.CacheFor < 0 || cfg.CacheFor > maxCacheFor {
		return nil, fmt.Errorf("introspection answers may count for at most %s", maxCacheFor)
	}
	if cfg.CacheFor == 0 {
		cfg.CacheFor = defaultCacheFor
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.HTTPClient = straight(cfg.HTTPClient)
	return &Introspector{cfg: cfg, cache: newCache(cacheLimit)}, nil
}

// safe reports whether what travels to an address can be read and changed by
// nobody in between.
func safe(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname())))
}

// straight returns a copy of client, or one with a timeout, that follows no
// redirects: one would carry credentials and tokens elsewhere, or bring keys from
// there.
func straight(client *http.Client) *http.Client {
	out := http.Client{Timeout: askTimeout}
	if client != nil {
		out = *client
	}
	out.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &out
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Verify implements Verifier.
func (i *Introspector) Verify(ctx context.Context, token string) (Authority, error) {
	if !wellFormed(token) {
		return Authority{}, nil
	}
	now := i.cfg.Now()
	a, err := i.cache.get(ctx, sha256.Sum256([]byte(token)), now, func() (Authority, time.Time, error) {
		// The question outlives the caller: others wait for the same answer.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		a, err := i.ask(ctx, token)
		// Counted from before the question, so that a revocation in between is seen
		// no later than one after it.
		return a, now.Add(i.cfg.CacheFor), err
	})
	if err != nil {
		return Authority{}, fmt.Errorf("introspect token: %w", err)
	}
	if !a.Expires.IsZero() && !i.cfg.Now().Before(a.Expires) {
		return Authority{}, nil
	}
	return a, nil
}

func (i *Introspector) ask(ctx context.Context, token string) (Authority, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.cfg.Endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return Authority{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	// Both are form-encoded before they are joined (RFC 6749 section 2.3.1).
	req.SetBasicAuth(url.QueryEscape(i.cfg.ClientID), url.QueryEscape(i.cfg.Secret.reveal()))
	resp, err := i.cfg.HTTPClient.Do(req)
	if err != nil {
		return Authority{}, err
	}
	defer resp.Body.Close()
	body, err := content(resp, "application/json")
	if err != nil {
		return Authority{}, err
	}
	return i.read(body)
}

// content returns the body of an answer that is one of kinds.
func content(resp *http.Response, kinds ...string) ([]byte, error) {
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the endpoint answered with status %d", resp.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || !slices.Contains(kinds, kind) {
		return nil, errors.New("the endpoint's answer is not JSON")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit+1))
	if err != nil {
		return nil, err
	}
	if len(body) > answerLimit {
		return nil, errors.New("the endpoint's answer is too long")
	}
	return body, nil
}

// answer is what counts of an introspection response (RFC 7662 section 2.2).
type answer struct {
	Active    *bool    `json:"active"`
	Scope     string   `json:"scope"`
	ClientID  string   `json:"client_id"`
	TokenType string   `json:"token_type"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	IssuedAt  float64  `json:"iat"`
	NotBefore float64  `json:"nbf"`
	Expires   float64  `json:"exp"`
	AuthTime  float64  `json:"auth_time"`
	ACR       string   `json:"acr"`
	Grant     string   `json:"grant_id"`
	Family    string   `json:"family_id"`
	Present   bool     `json:"present"`
	Details   []Detail `json:"authorization_details"`
	// Confirm is what a sender-constrained token is bound to (RFC 7800).
	Confirm map[string]string `json:"cnf"`
	Actor   *actor            `json:"act"`
}

// actor is who acts, and within it who handed the token on (RFC 8693 section 4.1).
type actor struct {
	Subject string `json:"sub"`
	Before  *actor `json:"act"`
}

func (a *actor) chain() []string {
	var out []string
	for ; a != nil; a = a.Before {
		out = append(out, a.Subject)
	}
	return out
}

// audience is one string or a list (RFC 7519 section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

func (i *Introspector) read(body []byte) (Authority, error) {
	var in answer
	var claims map[string]any
	if err := errors.Join(json.Unmarshal(body, &in), json.Unmarshal(body, &claims)); err != nil {
		return Authority{}, errors.New("the endpoint's answer cannot be read") // the cause may quote it
	}
	if in.Active == nil {
		return Authority{}, errors.New("the endpoint's answer does not say whether the token is active")
	}
	now := i.cfg.Now()
	// Without an audience, or with somebody else beside us, the token could be used
	// by whoever it was shown to (OAuth 2.1 section 5.2): then it is none.
	ours := slices.Equal(in.Audience, []string{i.cfg.Audience})
	if !*in.Active || !ours || now.Before(moment(in.NotBefore)) {
		return Authority{}, nil
	}
	return Authority{
		Active: true, Subject: in.Subject, ClientID: in.ClientID, Grant: in.Grant, Family: in.Family,
		Scopes: strings.Fields(in.Scope), Details: in.Details, Audience: in.Audience, IssuedAt: moment(in.IssuedAt), Expires: moment(in.Expires),
		AuthTime: moment(in.AuthTime), ACR: in.ACR, Present: in.Present, TokenType: in.TokenType, Thumbprint: bound(in.Confirm), Actors: in.Actor.chain(), Claims: claims,
	}, nil
}

// moment reads seconds since 1970; 0 is no time.
func moment(seconds float64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// bound returns the confirmation. One of a kind we do not know still is one.
func bound(confirm map[string]string) string {
	for _, kind := range []string{"jkt", "x5t#S256"} {
		if confirm[kind] != "" {
			return confirm[kind]
		}
	}
	if len(confirm) > 0 {
		return "unknown"
	}
	return ""
}
