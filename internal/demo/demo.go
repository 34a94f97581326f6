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
		{map[string][]string{"github": nil}, cfg.GitHub, "/api/v3", func(c simulator.Config) http.Handler { return simulator.NewGitHub(c) }},
		{map[string][]string{"slack": nil}, cfg.Slack, "/api", func(c simulator.Config) http.Handler { return simulator.NewSlack(c) }},
		{map[string][]string{"google": {"token"}, "gmail": {"token", "people"}}, cfg.Google, "", func(c simulator.Config) http.Handler { return simulator.NewGoogle(c) }},
		{map[string][]string{"notion": nil}, cfg.Notion, "", func(c simulator.Config) http.Handler { return simulator.NewNotion(c) }},
		{map[string][]string{"stripe": nil}, cfg.Stripe, "", func(c simulator.Config) http.Handler { return simulator.NewStripe(c) }},
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

// simulated is one simulator of the demo.
type simulated struct {
	providers map[string][]string // those it plays, with the further hosts of each
	address   string
	api       string // where its API begins
	new       func(simulator.Config) http.Handler
}

// provider serves a simulator and registers Deputy there, once for each provider it
// plays.
func (d *Demo) provider(ctx context.Context, f *server.Foundation, p simulated, quirks simulator.Quirks) error {
	if p.address == "" {
		return nil
	}
	key := secret.Random()
	at, err := d.open(p.address, p.new(simulator.Config{ClientSecret: key.Reveal(), Quirks: quirks}))
	if err != nil {
		return err
	}
	for provider, hosts := range p.providers {
		n := server.NewProvider{Provider: provider, ClientID: "simulated-app", Secret: key, WebURL: at, APIURL: at + p.api, Hosts: map[string]string{}}
		for _, name := range hosts {
			n.Hosts[name] = at // a simulator is one host
		}
		if _, err := f.SetProvider(ctx, n); err != nil {
			return fmt.Errorf("register at the simulated %s: %w", provider, err)
		}
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
