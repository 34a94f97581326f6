// Package demo sets the whole story up on one computer: simulated providers on
// ports of their own, a third-party app, and one person. It owns what
// the demo consists of; the server itself is the real one and knows nothing of
// it.
package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/sampleapp"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/server"
	"github.com/deputy-oauth/deputy/internal/simulator"
)

// The one person of the demo.
const (
	Email    = "ana@example.com"
	Password = "correct-horse-battery"
)

// Config says where the parts listen; each is a host:port. Of a provider without an
// address there is no simulator.
type Config struct {
	App, GitHub, Slack, Google, Notion, Stripe string
	Quirks                                     simulator.Quirks
}

// Demo is the running extras.
type Demo struct {
	AppURL  string
	servers []*http.Server
}

// Start sets the demo up on f and opens its addresses. Doing it again on the same
// data is fine.
func Start(ctx context.Context, f *server.Foundation, cfg Config) (*Demo, error) {
	d := &Demo{}
	for _, p := range []simulated{
		{server.NewProvider{Provider: "github"}, cfg.GitHub, "/api/v3", nil, func(c simulator.Config) http.Handler { return simulator.NewGitHub(c) }},
		{server.NewProvider{Provider: "slack"}, cfg.Slack, "/api", nil, func(c simulator.Config) http.Handler { return simulator.NewSlack(c) }},
		{server.NewProvider{Provider: "google"}, cfg.Google, "", []string{"token"}, func(c simulator.Config) http.Handler { return simulator.NewGoogle(c) }},
		{server.NewProvider{Provider: "notion"}, cfg.Notion, "", nil, func(c simulator.Config) http.Handler { return simulator.NewNotion(c) }},
		{server.NewProvider{Provider: "stripe"}, cfg.Stripe, "", nil, func(c simulator.Config) http.Handler { return simulator.NewStripe(c) }},
	} {
		if err := d.provider(ctx, f, p, cfg.Quirks); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	if err := d.person(ctx, f); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.app(ctx, f, cfg.App); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// simulated is one provider of the demo.
type simulated struct {
	server.NewProvider
	address string
	api     string   // where its API begins
	hosts   []string // further ones of the provider
	new     func(simulator.Config) http.Handler
}

// provider serves a simulator and registers Deputy there.
func (d *Demo) provider(ctx context.Context, f *server.Foundation, p simulated, quirks simulator.Quirks) error {
	if p.address == "" {
		return nil
	}
	key := secret.Random()
	at, err := d.open(p.address, p.new(simulator.Config{ClientSecret: key.Reveal(), Quirks: quirks}))
	if err != nil {
		return err
	}
	p.ClientID, p.Secret, p.WebURL, p.APIURL = "simulated-app", key, at, at+p.api
	p.Hosts = map[string]string{}
	for _, name := range p.hosts {
		p.Hosts[name] = at // a simulator is one host
	}
	if _, err := f.SetProvider(ctx, p.NewProvider); err != nil {
		return fmt.Errorf("register at the simulated %s: %w", p.Provider, err)
	}
	return nil
}

func (d *Demo) person(ctx context.Context, f *server.Foundation) error {
	_, err := f.CreateUser(ctx, Email, "Ana Example", secret.New(Password))
	if fault.Is(err, fault.Conflict) {
		return nil // from an earlier start
	}
	return err
}

// app registers the sample app and serves it.
func (d *Demo) app(ctx context.Context, f *server.Foundation, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("open %s for the sample app: %w", address, err)
	}
	d.AppURL = "http://" + l.Addr().String()
	c, key, err := f.CreateApp(ctx, server.NewApp{
		Name: "Repo Scout", Publisher: "Scout Labs", Confidential: true, RedirectURIs: []string{d.AppURL + "/callback"},
		Scopes: []string{"services.github.repositories.read", "services.github.issues.read", "identity.profile.read"},
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	app, err := sampleapp.New(sampleapp.Config{
		DeputyURL: f.Config.ExternalURL.String(), ClientID: string(c.ID), ClientSecret: key.Reveal(), BaseURL: d.AppURL, Now: f.Now,
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	d.serve(l, app)
	return nil
}

// open serves h and returns its URL.
func (d *Demo) open(address string, h http.Handler) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("open %s for the demo: %w", address, err)
	}
	d.serve(l, h)
	return "http://" + l.Addr().String(), nil
}

func (d *Demo) serve(l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	d.servers = append(d.servers, s)
	go s.Serve(l) // ends with Close, and only then
}

// Close closes the demo's addresses.
func (d *Demo) Close() error {
	var errs []error
	for _, s := range d.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
