// Package connect links a person's accounts at providers: it sends the person
// there, takes them back, stores what the provider gave, and takes it away again
// (connect, widen, reconnect, disconnect).
//
// The hard part, once. Whoever finishes a trip to a provider must be who started
// it, or somebody's account ends up with somebody else (threats C1 to C7). So the
// trip is a row: found by the hash of 256 random bits, bound to the user, the
// sign-in, the browser, the registration and the redirect URI, and used by one
// conditional write. The callback looks at all of that before it redeems the
// code; a stranger's callback costs the provider nothing. The redirect URI names
// the registration, the row names it too, and the two must agree: a code meant
// for one provider is never redeemed at another. A row is spent before its code
// is redeemed and stays spent whatever the provider answers, also when it is
// down: a code may be used up by a request that got no answer.
//
// Afterwards the provider is asked whose account it was. Another account than
// the expected one never takes its place; it becomes a connection of its own.
//
// It does not own the consent conversation: `return` is a path of ours that it
// adds an outcome to and knows nothing else about. It decides nothing about
// apps, draws no page, and speaks to providers only through package provider.
package connect

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
	"github.com/deputy-oauth/deputy/resourceserver/vault"
)

// Person is who is at the browser.
type Person struct {
	User    consent.UserID
	Session consent.SessionID
	Browser string // the anonymous browser cookie
}

// People knows who is at the browser.
type People interface {
	// Person returns who is signed in; false when nobody is. It writes no answer.
	Person(c *gin.Context) (Person, bool, error)
}

// Audit records what happened.
type Audit interface {
	// InTx writes in the transaction of the effect.
	InTx(ctx context.Context, e audit.Event) error
	// Record returns when the event is durable.
	Record(ctx context.Context, e audit.Event) error
}

// Transactions runs work in one transaction, which travels in the context.
type Transactions interface {
	Tx(ctx context.Context, work func(ctx context.Context) error) error
}

// Config is what a Handler needs. Everything is required.
type Config struct {
	// External is the URL browsers reach us by, without a path.
	External     *url.URL
	Catalog      *catalog.Catalog
	Providers    *provider.Client
	Vault        *vault.Vault
	People       People
	States       States
	Connections  Connections
	Farewells    Farewells
	Transactions Transactions
	Audit        Audit
	Forms        web.Forms
	// Disconnected shows what the provider answered.
	Disconnected func(c *gin.Context, p Person, d Disconnection) error
	Now          func() time.Time
	Log          *slog.Logger
}

// Handler serves the pages' forms and the providers' callbacks. It is safe for
// concurrent use.
type Handler struct{ cfg Config }

// New returns a Handler. It fails on an incomplete configuration.
func New(cfg Config) (*Handler, error) {
	if cfg.External == nil || cfg.Catalog == nil || cfg.Providers == nil || cfg.Vault == nil || cfg.People == nil ||
		cfg.States == nil || cfg.Connections == nil || cfg.Farewells == nil || cfg.Transactions == nil || cfg.Audit == nil || len(cfg.Forms.Key) == 0 ||
		cfg.Disconnected == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("connect: incomplete configuration")
	}
	return &Handler{cfg: cfg}, nil
}

// RedirectURI is the URI to register at a provider. Each registration has its own
// (RFC 9700 update, cross-toolkit account takeover), so that a callback says
// which one it is for.
func (h *Handler) RedirectURI(id provider.RegistrationID) string {
	return strings.TrimSuffix(h.cfg.External.String(), "/") + "/connect/" + url.PathEscape(string(id)) + "/callback"
}

// Destination is where the browser goes from a form to POST
// /connect/{provider}/start: the page that shows the form must allow it to end
// there. The error is a fault.NotFound when the operator has not set p up.
func (h *Handler) Destination(ctx context.Context, p consent.ProviderID) (string, error) {
	reg, err := h.cfg.Providers.Current(ctx, p)
	if err != nil {
		return "", err
	}
	return h.cfg.Providers.AuthorizeOrigin(reg)
}

// The steps that form tokens are made for.
const (
	startStep      = "connect"
	reconnectStep  = "reconnect"
	disconnectStep = "disconnect"
)

// StartToken is the csrf field of a form to POST /connect/{provider}/start.
func (h *Handler) StartToken(session consent.SessionID, p consent.ProviderID) string {
	return h.cfg.Forms.Token(string(session), startStep, string(p))
}

// ReconnectToken is the csrf field of a form to POST /services/{id}/reconnect.
func (h *Handler) ReconnectToken(session consent.SessionID, id consent.ConnectionID) string {
	return h.cfg.Forms.Token(string(session), reconnectStep, string(id))
}

// DisconnectToken is the csrf field of a form to POST /services/{id}/disconnect.
func (h *Handler) DisconnectToken(session consent.SessionID, id consent.ConnectionID) string {
	return h.cfg.Forms.Token(string(session), disconnectStep, string(id))
}
