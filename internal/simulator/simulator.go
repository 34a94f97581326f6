// Package simulator owns look-alikes of the providers Deputy talks to, with
// their own sign-in and consent pages, their real wire shapes and their real
// odd manners, each of which is a switch in Quirks. The demo and
// the tests run against them, so neither needs an account or the internet, and
// `deputy simulate` lets people test their own apps.
//
// It does not own anything of Deputy: it imports no other package of this
// module, and Deputy must treat it like any provider on the network. It is not
// a security boundary either. Accounts and passwords are printed on its pages.
//
// How it works: one struct a provider, one mutex a struct, everything in
// memory. A handler takes the lock, computes a whole reply and gives the lock
// back before a byte is written. All growth is capped. What does not exist here
// is refused the way the provider refuses what does not exist: no answer claims
// a thing that was not done.
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
	// PerHour is how many calls a person has in an hour, where a provider says so.
	// 0 means 5000, as GitHub has it.
	PerHour int
	// EventsTo is where events are sent when somebody ends the app's access. Empty
	// sends none.
	EventsTo string
	// EventSecret is what events are signed with. Empty means ClientSecret.
	EventSecret string
	// ShowSecret puts ClientSecret on the front page, for people who try their
	// own app.
	ShowSecret bool
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
	cfg    Config
	pages  pages
	mux    *http.ServeMux
	people []string // who can sign in; the password is the name

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
	if cfg.EventSecret == "" {
		cfg.EventSecret = cfg.ClientSecret
	}
	if cfg.AppName == "" {
		cfg.AppName = "Deputy"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &base{cfg: cfg, pages: newPages(look), mux: http.NewServeMux(), quirks: cfg.Quirks, visits: map[string]visit{}}
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

// ServeHTTP records the request and passes it on, unless the provider is down.
func (b *base) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	b.mux.ServeHTTP(w, r)
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
