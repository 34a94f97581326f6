package provider_test

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/simulator"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
	"github.com/deputy-oauth/deputy/resourceserver/vault"
)

const callback = "https://deputy.example/connect/r1/callback"

// world is one database, one vault, one clock and any number of clients.
type world struct {
	t      *testing.T
	mem    *memory
	vault  *vault.Vault
	cat    *catalog.Catalog
	log    *bytes.Buffer
	mu     sync.Mutex
	at     time.Time
	client *provider.Client
}

func newWorld(t *testing.T, cat *catalog.Catalog) *world {
	t.Helper()
	v, err := vault.Create(filepath.Join(t.TempDir(), "vault.key"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, mem: newMemory(), vault: v, cat: cat, log: &bytes.Buffer{}, at: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	w.client = w.replica()
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// replica is another process on the same database.
func (w *world) replica() *provider.Client {
	w.t.Helper()
	c, err := provider.New(provider.Config{
		Catalog: w.cat, Registrations: w.mem, Credentials: w.mem, Vault: w.vault, Now: w.now,
		Log: slog.New(slog.NewTextHandler(&guarded{w: w.log}, nil)), AllowLoopback: true,
		TokenTimeout: time.Second, CallTimeout: 5 * time.Second, Lease: 2500 * time.Millisecond, Poll: 5 * time.Millisecond,
		Keep: time.Millisecond,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Drain)
	return c
}

type guarded struct {
	mu sync.Mutex
	w  io.Writer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.w.Write(p)
}

func (w *world) register(reg provider.Registration) provider.Registration {
	w.t.Helper()
	sealed, err := w.vault.Seal(provider.RegistrationPlace(reg.ID), reg.Secret)
	if err != nil {
		w.t.Fatal(err)
	}
	stored := provider.SealedRegistration{Registration: reg, Sealed: sealed}
	stored.Secret = secret.Text{}
	w.mem.mu.Lock()
	w.mem.regs[reg.ID] = stored
	w.mem.mu.Unlock()
	return reg
}

// store keeps tokens as a healthy connection, generation 1.
func (w *world) store(id consent.ConnectionID, reg provider.Registration, t provider.Tokens) {
	w.t.Helper()
	sealed, err := w.client.Seal(id, 1, t)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mem.put(provider.Credential{
		Connection: id, Registration: reg.ID, Health: consent.Healthy, Version: 1, Sealed: sealed,
		Granted: t.Granted, IssuedAt: t.IssuedAt, ExpiresAt: t.ExpiresAt,
	})
}

func defaultCatalog(t *testing.T) *catalog.Catalog {
	t.Helper()
	cat, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// hub is a world with a simulated GitHub.
type hub struct {
	*world
	sim *simulator.GitHub
	srv *httptest.Server
	reg provider.Registration
}

func newHub(t *testing.T, variant string, quirks simulator.Quirks) *hub {
	t.Helper()
	h := &hub{world: newWorld(t, defaultCatalog(t))}
	h.sim = simulator.NewGitHub(simulator.Config{ClientID: "app", ClientSecret: "s3cret-canary", Now: h.now, Quirks: quirks})
	h.srv = httptest.NewServer(h.sim)
	t.Cleanup(h.srv.Close)
	h.reg = h.register(provider.Registration{
		ID: "r1", Provider: "github", Variant: variant, ClientID: "app", Secret: secret.New("s3cret-canary"),
		WebURL: h.srv.URL, APIURL: h.srv.URL + "/api/v3",
	})
	return h
}

// link connects a person's account for the given provider scopes.
func (h *hub) link(id consent.ConnectionID, login string, scopes ...string) provider.Tokens {
	h.t.Helper()
	code, verifier := dance(h.t, h.client, h.reg, login, scopes)
	tokens, err := h.client.Exchange(h.t.Context(), h.reg, provider.Redemption{
		Code: secret.New(code), Verifier: verifier, RedirectURI: callback, Asked: scopes,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.store(id, h.reg, tokens)
	return tokens
}

var (
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	pickBox     = regexp.MustCompile(`<input type="checkbox" name="picked" value="([^"]*)"`)
	formAction  = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
)

// dance sends a person to the provider, signs in there, agrees, and returns the
// code that comes back.
func dance(t *testing.T, c *provider.Client, reg provider.Registration, login string, scopes []string) (code string, verifier secret.Text) {
	t.Helper()
	verifier = provider.NewVerifier()
	target, err := c.AuthorizeURL(reg, provider.Ask{
		Scopes: scopes, State: secret.New("state-1"), Verifier: verifier, RedirectURI: callback,
	})
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, err := browser.Get(target)
	for range 4 {
		if err != nil {
			t.Fatal(err)
		}
		if back := resp.Header.Get("Location"); strings.HasPrefix(back, callback) {
			resp.Body.Close()
			u, err := url.Parse(back)
			if err != nil || u.Query().Get("state") != "state-1" {
				t.Fatalf("came back with %q, %v", back, err)
			}
			return u.Query().Get("code"), verifier
		}
		resp, err = answer(t, browser, resp, login)
	}
	t.Fatal("the provider never sent the person back")
	return "", verifier
}

// answer submits the form of a provider's page: signs in, or agrees.
func answer(t *testing.T, browser *http.Client, shown *http.Response, login string) (*http.Response, error) {
	t.Helper()
	defer shown.Body.Close()
	body, err := io.ReadAll(shown.Body)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"login": {login}, "password": {login}, "authorize": {"1"}}
	for _, field := range hiddenInput.FindAllStringSubmatch(string(body), -1) {
		form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	for _, one := range pickBox.FindAllStringSubmatch(string(body), -1) {
		form.Add("picked", one[1])
	}
	action := formAction.FindStringSubmatch(string(body))
	if action == nil {
		t.Fatalf("no form on the provider's page: %s", body)
	}
	next, err := shown.Request.URL.Parse(html.UnescapeString(action[1]))
	if err != nil {
		t.Fatal(err)
	}
	return browser.PostForm(next.String(), form)
}

// call makes a GET through Do.
func call(ctx context.Context, c *provider.Client, id consent.ConnectionID, path string) (int, string, error) {
	base, err := c.APIBase(ctx, id)
	if err != nil {
		return 0, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := c.Do(ctx, id, req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", fmt.Errorf("read answer: %w", err)
	}
	return resp.StatusCode, string(body), nil
}

func wantClass(t *testing.T, err error, want catalog.ErrorClass) {
	t.Helper()
	got, known := provider.ClassOf(err)
	if !known || got != want {
		t.Errorf("error %v is %q, want %q", err, got, want)
	}
}

func keepNothing(provider.Tokens) error { return nil }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
