package server

import (
	"context"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/metadata"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
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
	s.documents = s.Foundation.documents()
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
		Registrations: registrations{s},
		Counters:      counters{s.Store}, Scopes: s.live.Scopes, GrantTypes: oauth.GrantTypes(), Changed: s.live.ForgetClient, Now: s.Now,
	})
}

// registrations is clients.Registrations: rows, and a record of each change for
// the operator, in its transaction.
type registrations struct{ server *Server }

func (r registrations) Client(ctx context.Context, id consent.AppID) (clients.Client, error) {
	return r.server.Store.Client(ctx, id)
}

func (r registrations) AddApp(ctx context.Context, c clients.Client, from string) error {
	return r.recorded(ctx, audit.AppRegistered, c, from, func(ctx context.Context) error { return r.server.Store.AddApp(ctx, c) })
}

func (r registrations) ChangeApp(ctx context.Context, c clients.Client, from string) error {
	return r.recorded(ctx, audit.AppChanged, c, from, func(ctx context.Context) error { return r.server.Store.ChangeApp(ctx, c) })
}

func (r registrations) RemoveApp(ctx context.Context, c clients.Client, from string) error {
	var ended []consent.GrantID
	revoker := &store.Revoker{Store: r.server.Store, Audit: r.server.audit, Changed: func(id consent.GrantID) { ended = append(ended, id) }}
	err := r.recorded(ctx, audit.AppDeleted, c, from, func(ctx context.Context) error { return revoker.RemoveApp(ctx, c.ID) })
	for _, g := range ended {
		r.server.live.ForgetGrant(g)
	}
	return err
}

func (r registrations) recorded(ctx context.Context, kind audit.Kind, c clients.Client, from string, change func(context.Context) error) error {
	e := audit.Event{Kind: kind, App: c.ID, Outcome: audit.Done, Detail: "answered at " + c.RedirectURIs[0] + ", from " + from}
	err := r.server.DB.Tx(ctx, func(ctx context.Context) error {
		if err := change(ctx); err != nil {
			return err
		}
		return r.server.audit.InTx(ctx, e)
	})
	if err == nil {
		r.server.log.Info(string(kind), "app", c.ID, "detail", e.Detail)
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
