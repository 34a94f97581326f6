package server

import (
	"context"
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

// buildClients makes the source of clients: rows, and documents at their own
// addresses.
func (s *Server) buildClients() {
	s.documents = clients.NewDocuments(clients.DocumentsConfig{
		Fetch: outward.NewFetcher(s.Config.AllowLoopback), Known: s.Store, Counters: counters{s.Store}, Now: s.Now, AllowLoopback: s.Config.AllowLoopback,
	})
	s.clients = clients.Sources{Registered: s.Store, Documents: s.documents}
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
		Registrations: registrations{s.Store, &store.Revoker{Store: s.Store, Audit: s.audit, Changed: s.live.ForgetGrant}},
		Counters:      counters{s.Store}, Scopes: s.live.Scopes, GrantTypes: oauth.GrantTypes(), Changed: s.live.ForgetClient, Now: s.Now,
	})
}

// registrations is clients.Registrations.
type registrations struct {
	*store.Store
	revoker *store.Revoker
}

func (r registrations) RemoveApp(ctx context.Context, id consent.AppID) error {
	return r.revoker.RemoveApp(ctx, id)
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
