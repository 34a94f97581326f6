// Package resourceserver is the broker's HTTP: one route table for /api and for
// the documents that tell clients how to get a token for it (RFC 9728).
//
// A request passes in this order: what no honest client sends is refused, the
// token is verified, then at most three headers, the path as it was written, the
// query and a bounded body reach package broker, whose answer or refusal is
// written. Every refusal is JSON with one sentence, and carries the challenge
// that gets a client further when there is one.
//
// It does not decide what a token may do (packages consent and broker), does not
// know how tokens are verified (package bearer has the interface) and never
// imports the authorization server, so that each can run on its own.
package resourceserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/resourceserver/bearer"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// Broker makes the calls. Package broker implements it.
type Broker interface {
	Serve(ctx context.Context, req broker.Request) (broker.Answer, error)
}

// Config is what the routes need. Every field but Proofs is required.
type Config struct {
	// Verifier verifies tokens; which of them are for the broker is checked here.
	Verifier bearer.Verifier
	// Proofs checks the proofs of tokens that are bound to a key; nil means that
	// such tokens are not taken.
	Proofs  *bearer.Proofs
	Broker  Broker
	Outlook Outlook
	// Events takes what providers tell us; nil when nothing is taken here.
	Events  Events
	Catalog *catalog.Catalog
	// ExternalURL is where clients reach this server, without a path:
	// "https://deputy.example". It is the issuer as well.
	ExternalURL string
}

// server is the broker behind its door.
type server struct {
	broker   Broker
	outlook  Outlook
	catalog  *catalog.Catalog
	verifier bearer.Verifier
	proofs   *bearer.Proofs
	doors    map[consent.ProviderID]door
	front    door // for /api itself and for providers that do not exist
}

// door is one protected resource, as clients see it.
type door struct {
	metadata string // URL of its document
	basics   []consent.ScopeName
}

// Mount adds the routes. They need no cookie, no form token and no same-origin
// check: only a token in a header counts, so another site can send nothing in a
// person's name.
func Mount(r gin.IRouter, cfg Config) error {
	if cfg.Verifier == nil || cfg.Broker == nil || cfg.Outlook == nil || cfg.Catalog == nil {
		return errors.New("resourceserver: incomplete configuration")
	}
	if u, err := url.Parse(cfg.ExternalURL); err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("resourceserver: external URL %q is not an origin", cfg.ExternalURL)
	}
	audience := cfg.ExternalURL + "/api"
	s := &server{
		broker: cfg.Broker, outlook: cfg.Outlook, catalog: cfg.Catalog,
		verifier: ours{cfg.Verifier, audience}, proofs: cfg.Proofs,
		doors: map[consent.ProviderID]door{},
	}
	var proofs []string
	if cfg.Proofs != nil {
		proofs = bearer.ProofAlgorithms()
	}
	var all []string
	for _, p := range cfg.Catalog.Providers {
		all = append(all, types(p)...)
	}
	slices.Sort(all)
	var err error
	if s.front, err = describe(r, cfg.ExternalURL, "/api", "Deputy", nil, proofs, all); err != nil {
		return err
	}
	// Clients that know no path look at the root (RFC 9728 section 3.1).
	if _, err := describe(r, cfg.ExternalURL, "", "Deputy", nil, proofs, all); err != nil {
		return err
	}
	for id, p := range cfg.Catalog.Providers {
		if s.doors[id], err = describe(r, cfg.ExternalURL, "/api/"+string(id), p.Name+" through Deputy", basics(cfg.Catalog, p), proofs, types(p)); err != nil {
			return err
		}
	}
	r.GET("/api/capabilities", s.capabilities) // an app's token
	r.OPTIONS("/api/capabilities", preflight)  // anybody
	for _, path := range []string{"/api", "/api/:provider", "/api/:provider/*path"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			r.Handle(method, path, s.call) // an app's token
		}
		r.OPTIONS(path, preflight) // anybody
	}
	if cfg.Events != nil {
		r.POST("/webhooks/:provider", hear(cfg.Events)) // a provider's signature
	}
	return nil
}

// describe serves the metadata of one resource.
func describe(r gin.IRouter, external, path, name string, basics []consent.ScopeName, proofs, types []string) (door, error) {
	m := bearer.Metadata{
		// Byte for byte what was dialled (section 3.3), never the Host header.
		Resource: external + path, AuthorizationServers: []string{external}, Scopes: names(basics), Name: name,
		ProofAlgorithms: proofs, DetailTypes: types,
	}
	h, err := m.Handler()
	if err != nil {
		return door{}, err
	}
	at, err := bearer.MetadataURL(m.Resource)
	if err != nil {
		return door{}, err
	}
	route := strings.TrimPrefix(at, external)
	r.GET(route, gin.WrapH(h))  // anybody
	r.OPTIONS(route, preflight) // anybody
	return door{metadata: at, basics: basics}, nil
}

// types lists what authorization_details can name of a provider.
func types(p *catalog.Provider) []string {
	var out []string
	for t := range p.Resources {
		out = append(out, string(t))
	}
	slices.Sort(out)
	return out
}

// basicRisk is the highest risk of a scope that a client is told to ask for when
// it does not know what it wants.
const basicRisk = 2

// basics are the scopes for basic use: harmless reads. Clients that were told
// nothing else ask for all of them (RFC 9728 section 2).
func basics(c *catalog.Catalog, p *catalog.Provider) []consent.ScopeName {
	var out []consent.ScopeName
	for name, s := range c.Scopes {
		if s.Provider == p.ID && !s.Modifier && s.Access == consent.Read && s.Risk <= basicRisk {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func names(scopes []consent.ScopeName) []string {
	var out []string
	for _, s := range scopes {
		out = append(out, string(s))
	}
	return out
}

// ours lets only tokens count that are for the broker and for nobody else. The
// audience is one for all providers, so that an app needs one token.
type ours struct {
	bearer.Verifier
	audience string
}

// Verify implements bearer.Verifier.
func (o ours) Verify(ctx context.Context, token string) (bearer.Authority, error) {
	who, err := o.Verifier.Verify(ctx, token)
	if err != nil || !slices.Equal(who.Audience, []string{o.audience}) {
		return bearer.Authority{}, err
	}
	return who, nil
}

// crossOrigin lets pages of any origin read the answer. Without credentials of
// the browser's own there is nothing of a person's to protect here.
func crossOrigin(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce, Link, Retry-After, ETag, Deputy-Incomplete, Idempotent-Replayed, X-Request-Id")
}

// preflight answers what a browser asks before a page's request. Any header may
// be sent, because none but those the broker looks at goes anywhere; Authorization
// must be named beside the star.
func preflight(c *gin.Context) {
	h := c.Writer.Header()
	crossOrigin(h)
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, *")
	h.Set("Access-Control-Max-Age", "7200")
	c.AbortWithStatus(http.StatusNoContent)
}
