// Package simulator owns look-alikes of the providers Deputy talks to: GitHub
// and Slack with their own sign-in and consent pages, their real wire shapes
// and their real odd manners, each of which is a switch in Quirks. The demo and
// the tests run against them, so neither needs an account or the internet.
//
// It does not own anything of Deputy: it imports no other package of this
// module, and Deputy must treat it like any provider on the network. It is not
// a security boundary either. Accounts and passwords are printed on its pages.
//
// How it works: one struct a provider, one mutex a struct, everything in
// memory. A handler takes the lock, computes a whole reply and gives the lock
// back before a byte is written. All growth is capped.
//
// Browsers do not separate cookies by port, so each provider names its own.
package simulator

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// codeLife is how long an authorization code can be redeemed.
	codeLife = 10 * time.Minute

	maxCalls  = 4096
	maxIssued = 16384
	maxCodes  = 1024
	maxTokens = 4096
)

// Config describes the one app that is registered at a simulated provider.
type Config struct {
	// ClientID is the registered app. Empty means "simulated-app".
	ClientID string
	// ClientSecret is its secret. Empty means "simulated-secret".
	ClientSecret string
	// AppName is what the consent page calls the app. Empty means "Deputy".
	AppName string
	// RedirectURIs are the registered return addresses. Empty allows any.
	RedirectURIs []string
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Quirks are the odd manners to start with.
	Quirks Quirks
}

// Quirks are the manners of providers that break naive clients. The zero value
// is a provider on a good day. SetQuirks changes them while it runs.
type Quirks struct {
	// Expiring makes GitHub speak as a GitHub App: tokens live 8 hours, refresh
	// tokens are used once, a refresh ends the old access token at once, and
	// scope is always empty. Only tokens issued from then on are affected.
	Expiring bool
	// Rotate makes Slack rotate: tokens live 12 hours, refresh tokens are used
	// once with a short grace, at most two access tokens live.
	Rotate bool
	// FewerScopes grants all but the last scope asked for, like a person who
	// unticked one.
	FewerScopes bool
	// SwitchAccount makes this account (login or user id) the one that agrees,
	// whoever signed in.
	SwitchAccount string
	// SlowToken delays every answer of the token endpoint, after its effect.
	SlowToken time.Duration
	// LoseTokenReply drops the connection instead of answering at the token
	// endpoint, after its effect.
	LoseTokenReply bool
	// StringExpiry sends expires_in as a string.
	StringExpiry bool
	// NoRefreshToken leaves the new refresh token out of a refresh reply.
	NoRefreshToken bool
	// RateLimited refuses every API call: GitHub with 403 and a reset time,
	// Slack with 429 and Retry-After.
	RateLimited bool
	// SecondaryLimit refuses every GitHub API call with 403 and no hint when to
	// come back.
	SecondaryLimit bool
	// OrgBlocked is a GitHub organisation that does not let the app in: its
	// repositories answer 403 and are missing from lists.
	OrgBlocked string
	// SSORequired is a GitHub organisation that wants a sign-in of its own
	// first: its repositories answer 403 with an address.
	SSORequired string
	// SSOPartial leaves organisations' repositories out of GitHub lists and
	// says so only in a header.
	SSOPartial bool
}

// Call is one request a simulator received.
type Call struct {
	Method string
	Path   string
	// Authorized says that credentials were sent. Their value is not kept.
	Authorized bool
}

// base is what every simulated provider has: configuration, the lock, the
// record of what happened and the people at the browser.
type base struct {
	cfg   Config
	pages pages

	mu            sync.Mutex
	quirks        Quirks
	down          bool
	calls         []Call
	tokenRequests int
	issued        []string
	visits        map[string]visit
}

func newBase(cfg Config, look brand) *base {
	if cfg.ClientID == "" {
		cfg.ClientID = "simulated-app"
	}
	if cfg.ClientSecret == "" {
		cfg.ClientSecret = "simulated-secret"
	}
	if cfg.AppName == "" {
		cfg.AppName = "Deputy"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &base{cfg: cfg, pages: newPages(look), quirks: cfg.Quirks, visits: map[string]visit{}}
}

// SetQuirks replaces the manners from the next request on.
func (b *base) SetQuirks(q Quirks) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.quirks = q
}

// SetDown makes every answer a 503 until it is called with false.
func (b *base) SetDown(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

// Calls returns the requests received, oldest first. It holds at least the
// newest 4096.
func (b *base) Calls() []Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

// TokenRequests returns how many requests reached the token endpoint.
func (b *base) TokenRequests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tokenRequests
}

// IssuedTokens returns the access and refresh tokens handed out, oldest
// first (at least the newest 16384), so that a test can look for them where they must not be.
func (b *base) IssuedTokens() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.issued)
}

// serve records the request and passes it on, unless the provider is down.
func (b *base) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	b.mu.Lock()
	b.calls = keepNewest(append(b.calls, Call{
		Method: r.Method, Path: r.URL.Path, Authorized: r.Header.Get("Authorization") != "",
	}), maxCalls)
	down := b.down
	b.mu.Unlock()
	if down {
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	next.ServeHTTP(w, r)
}

// answerToken sends a token endpoint's reply the way the quirks say. The
// caller has already made the effect durable: that is the point of them.
func (b *base) answerToken(w http.ResponseWriter, r *http.Request, q Quirks, send func(http.ResponseWriter)) {
	if q.SlowToken > 0 {
		timer := time.NewTimer(q.SlowToken)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	}
	if q.LoseTokenReply {
		// The one way net/http offers to drop a connection without a word.
		panic(http.ErrAbortHandler)
	}
	send(w)
}

// remember notes tokens that were handed out. The lock is held.
func (b *base) remember(tokens ...string) {
	for _, t := range tokens {
		if t != "" {
			b.issued = append(b.issued, t)
		}
	}
	b.issued = keepNewest(b.issued, maxIssued)
}

// returnAllowed reports whether a return address may be used: an absolute http
// or https address at or below a registered one.
func (b *base) returnAllowed(uri string) bool {
	if !strings.HasPrefix(uri, "http://") && !strings.HasPrefix(uri, "https://") {
		return false
	}
	if len(b.cfg.RedirectURIs) == 0 {
		return true
	}
	return slices.ContainsFunc(b.cfg.RedirectURIs, func(registered string) bool {
		return uri == registered || strings.HasPrefix(uri, strings.TrimSuffix(registered, "/")+"/")
	})
}

// keepNewest drops the oldest items above twice the limit at once, so that a
// long run neither grows nor copies at every step.
func keepNewest[T any](items []T, limit int) []T {
	if len(items) < 2*limit {
		return items
	}
	return append([]T(nil), items[len(items)-limit:]...)
}

// randomText returns an unguessable text of at least n characters, letters and
// digits only, as provider tokens are.
func randomText(n int) string {
	raw := make([]byte, n)
	rand.Read(raw)
	text := base64.RawStdEncoding.EncodeToString(raw)
	return strings.NewReplacer("+", "A", "/", "b").Replace(text)[:n]
}

// randomHex returns n random bytes in hexadecimal.
func randomHex(n int) string {
	raw := make([]byte, n)
	rand.Read(raw)
	return hex.EncodeToString(raw)
}
