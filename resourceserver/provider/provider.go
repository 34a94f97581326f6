// Package provider speaks OAuth to the providers of the catalogue: it sends
// people there, redeems codes, learns whose account it is, keeps provider tokens
// fresh, attaches them to calls and takes them back.
//
// The hard part, once. A refresh token of many providers can be used once, and
// losing the answer loses the account. So a refresh happens under a lease in the
// database, by one of all replicas; the new pair is written before it is used;
// the write counts only when nobody else wrote since (the version did not
// change); and the HTTP call belongs to nobody's request, so that a reader who
// goes away does not lose the token of everybody. No lock and no transaction is
// held while the provider thinks. Only one class of refusal, reauth_required,
// ever marks a connection, only when it was about the tokens that are still
// there, and only when it is not the registration that is refused (Trouble).
// Everything else is a rest, in the row, so that all replicas keep it.
//
// A crash leaves one of these rows, and scripts/torture kills the program at each:
//
//	attempt  lease    tokens   what the next caller does
//	-        -        old      refreshes: nobody had begun
//	set      running  old      waits until the lease ends
//	set      over     old      notes the doubt (Unsure) and tries the old token once more
//	-        -        new      uses them: storing them ends the attempt in one write
//
// In the third the provider may have spent the old token. Some give the same
// successor again; where one refuses, the person is told that the answer got
// lost. There is no second, append-only copy of new tokens: it could only be
// written to the same database, by the same transaction, at the same moment as
// the row, so whatever loses the row loses the copy; between the answer and that
// commit they are in memory only, and a copy does not change that.
//
// golang.org/x/oauth2 gives the authorization URL and PKCE; its token
// source and its exchange are not used (it may send a grant twice, follows
// redirects and quotes bodies in errors).
//
// It does not own rows (interfaces Credentials and Registrations), pages, or any
// decision about who may do what.
package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/outward"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/resourceserver/vault"
)

// Config is what a Client needs. Catalog, Registrations, Credentials, Vault, Now
// and Log are required.
type Config struct {
	Catalog       *catalog.Catalog
	Registrations Registrations
	Credentials   Credentials
	Vault         *vault.Vault
	Now           func() time.Time
	Log           *slog.Logger
	// AllowLoopback lets providers live on this machine, also without TLS. Other
	// private addresses stay closed.
	AllowLoopback bool
	// TokenTimeout bounds one request to a token endpoint; 10 s when zero.
	TokenTimeout time.Duration
	// CallTimeout bounds one API call with its body; 30 s when zero.
	CallTimeout time.Duration
	// Lease is how long one replica may refresh before another may try; 30 s when
	// zero. Two token requests must fit into it.
	Lease time.Duration
	// Poll is how often a refresh elsewhere is looked at; 100 ms when zero.
	Poll time.Duration
	// Watch, when set, is told how far a refresh is; see Step. It may never return.
	Watch func(Step)
	// Keep is how long an opened token stays in memory; 1 s when zero, 5 s at most.
	Keep time.Duration
}

// Client is every provider's OAuth client. It is safe for concurrent use.
type Client struct {
	cfg       Config
	api       *http.Client
	token     *http.Client
	files     *http.Client
	flights   singleflight.Group
	running   sync.WaitGroup
	kept      *otter.Cache[consent.ConnectionID, held]
	endpoints *otter.Cache[RegistrationID, *endpoint]
}

// How much is remembered at most, in entries, and for how long a registration
// that an operator changed may still be used.
const (
	maxKept          = 20_000
	maxEndpoints     = 1_000
	registrationLife = 5 * time.Second
)

// New returns a client. It fails when the times do not fit into each other.
func New(cfg Config) (*Client, error) {
	if cfg.Catalog == nil || cfg.Registrations == nil || cfg.Credentials == nil || cfg.Vault == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("provider client: incomplete configuration")
	}
	cfg.TokenTimeout = orDefault(cfg.TokenTimeout, 10*time.Second)
	cfg.CallTimeout = orDefault(cfg.CallTimeout, 30*time.Second)
	cfg.Lease = orDefault(cfg.Lease, 30*time.Second)
	cfg.Poll = orDefault(cfg.Poll, 100*time.Millisecond)
	cfg.Keep = orDefault(cfg.Keep, time.Second)
	if 2*cfg.TokenTimeout >= cfg.Lease {
		return nil, fmt.Errorf("provider client: two token requests of %s do not fit into a lease of %s", cfg.TokenTimeout, cfg.Lease)
	}
	if cfg.Keep > 5*time.Second {
		return nil, fmt.Errorf("provider client: keeping tokens in memory for %s is too long", cfg.Keep)
	}
	c := &Client{cfg: cfg}
	shared := outward.Transport(cfg.AllowLoopback)
	c.api = &http.Client{Transport: shared, CheckRedirect: outward.NoRedirect, Timeout: cfg.CallTimeout}
	c.token = &http.Client{Transport: shared, CheckRedirect: outward.NoRedirect, Timeout: cfg.TokenTimeout}
	c.files = &http.Client{Transport: shared, CheckRedirect: outward.NoRedirect} // bounded by whoever reads
	var err1, err2 error
	c.kept, err1 = newCache[consent.ConnectionID, held](maxKept, cfg.Keep)
	c.endpoints, err2 = newCache[RegistrationID, *endpoint](maxEndpoints, registrationLife)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("provider client: %w", err)
	}
	return c, nil
}

func newCache[K comparable, V any](size int, life time.Duration) (*otter.Cache[K, V], error) {
	return otter.New(&otter.Options[K, V]{MaximumSize: size, ExpiryCalculator: otter.ExpiryWriting[K, V](life)})
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// Drain waits for refreshes under way, so that no rotated token is lost when the
// program ends. Call it when no more requests come in.
func (c *Client) Drain() {
	c.running.Wait()
	c.api.CloseIdleConnections()
}

// Forget drops what is kept in memory of a connection: after a disconnect, a
// reconnect or a change seen from another replica.
func (c *Client) Forget(id consent.ConnectionID) { c.kept.Invalidate(id) }

// RegistrationID names one registration of Deputy at a provider. It is the
// connection context of the redirect URI (RFC 9700 update, cross-toolkit account
// takeover): /connect/{RegistrationID}/callback.
type RegistrationID string

// Registration is how Deputy is registered at one provider.
type Registration struct {
	ID       RegistrationID
	Provider consent.ProviderID
	Variant  string // of the catalogue; "" is the provider's default
	ClientID string
	Secret   secret.Text
	Webhook  secret.Text // what the provider signs its messages to us with; empty when it sends none
	WebURL   string      // replaces the catalogue's; "" keeps it
	APIURL   string
	Hosts    map[string]string // likewise, of the catalogue's further hosts
}

// SealedRegistration is a Registration as it is stored: its secrets are empty, and
// Sealed opens at RegistrationPlace, SealedWebhook at WebhookPlace.
type SealedRegistration struct {
	Registration
	Sealed        []byte
	SealedWebhook []byte // nil when there is none
}

// Registrations reads how Deputy is registered. An absent one is an error of kind
// fault.NotFound.
type Registrations interface {
	// Registration returns the one of that id, whether or not it is still used for
	// new connections.
	Registration(ctx context.Context, id RegistrationID) (SealedRegistration, error)
	// CurrentRegistration returns the one that new connections to p use.
	CurrentRegistration(ctx context.Context, p consent.ProviderID) (SealedRegistration, error)
}

// RegistrationPlace is where the client secret of a registration is sealed.
func RegistrationPlace(id RegistrationID) vault.Place {
	return vault.Place{Table: "registrations", Row: string(id), Column: "secret"}
}

// WebhookPlace is RegistrationPlace for what the provider signs messages with.
func WebhookPlace(id RegistrationID) vault.Place {
	return vault.Place{Table: "registrations", Row: string(id), Column: "webhook_secret"}
}

// Registration returns the registration of that id, opened.
func (c *Client) Registration(ctx context.Context, id RegistrationID) (Registration, error) {
	e, err := c.endpoint(ctx, id)
	if err != nil {
		return Registration{}, err
	}
	return e.reg, nil
}

// Current returns the registration that new connections to p use.
func (c *Client) Current(ctx context.Context, p consent.ProviderID) (Registration, error) {
	sealed, err := c.cfg.Registrations.CurrentRegistration(ctx, p)
	if err != nil {
		return Registration{}, fmt.Errorf("load registration at %s: %w", p, err)
	}
	e, err := c.open(sealed)
	if err != nil {
		return Registration{}, err
	}
	return e.reg, nil
}
