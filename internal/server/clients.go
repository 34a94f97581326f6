package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/metadata"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/outward"
	"github.com/deputy-oauth/deputy/internal/store"
)

// everything is live.Source: rows, and clients wherever they are known from.
type everything struct {
	*store.Store
	clients clients.Source
}

func (e everything) Client(ctx context.Context, id consent.AppID) (clients.Client, error) {
	return e.clients.Client(ctx, id)
}

func (s *Server) buildClients() {
	s.documents = s.Foundation.documents()
	s.clients = s.sources(s.documents)
}

func (s *Server) authenticator() clients.Authenticator {
	return clients.Authenticator{
		Source: s.live, Issuer: s.issuer(), Keys: clients.NewKeySets(outward.NewFetcher(s.Config.AllowLoopback), s.Now), Seen: s.Store, Uses: s.Store, Now: s.Now,
	}
}

// registrar is nil when the operator did not switch registration on.
func (s *Server) registrar() *clients.Registrar {
	if s.Config.Registration != config.RegistrationPublic {
		return nil
	}
	return clients.NewRegistrar(clients.RegistrarConfig{
		Endpoint:      s.issuer() + metadata.RegisterPath,
		Registrations: registrations{s.Store, s.revoker(), s.log},
		Counters:      counters{s.Store}, Names: s.clients.Names, Scopes: s.live.Scopes, GrantTypes: oauth.GrantTypes(), Changed: s.live.ForgetClient, Now: s.Now,
	})
}

// registrations is clients.Registrations: rows, and a line in the log for each
// change. It is no row of the audit: strangers could fill that.
type registrations struct {
	*store.Store
	revoker *store.Revoker
	log     *slog.Logger
}

func (r registrations) AddApp(ctx context.Context, c clients.Client, from string) error {
	return r.noted("an app registered itself", c, from, r.Store.AddApp(ctx, c))
}

func (r registrations) ChangeApp(ctx context.Context, c clients.Client, from string) error {
	return r.noted("an app changed its registration", c, from, r.Store.ChangeApp(ctx, c))
}

func (r registrations) RemoveApp(ctx context.Context, c clients.Client, from string) error {
	return r.noted("an app deleted its registration", c, from, r.revoker.RemoveApp(ctx, c.ID))
}

func (r registrations) noted(what string, c clients.Client, from string, err error) error {
	if err == nil {
		r.log.Info(what, "app", c.ID, "name", c.OwnName(), "redirect_uris", c.RedirectURIs, "from", from)
	}
	return err
}

// counters is clients.Counters.
type counters struct{ store *store.Store }

func (c counters) Count(ctx context.Context, subjects []string, until time.Time) ([]int64, error) {
	tries, err := c.store.CountTries(ctx, subjects, until)
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(tries))
	for i, t := range tries {
		out[i] = t.Count
	}
	return out, nil
}
