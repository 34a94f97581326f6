package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver"
	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/identity/onetime"
	"github.com/deputy-oauth/deputy/authserver/identity/passkey"
	"github.com/deputy-oauth/deputy/authserver/identity/profile"
	"github.com/deputy-oauth/deputy/authserver/identity/upstream"
	"github.com/deputy-oauth/deputy/authserver/keys"
	"github.com/deputy-oauth/deputy/authserver/metadata"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/consent/dashboard"
	"github.com/deputy-oauth/deputy/consent/flow"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/live"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver"
	"github.com/deputy-oauth/deputy/resourceserver/bearer"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
	"github.com/deputy-oauth/deputy/resourceserver/events"
	"github.com/deputy-oauth/deputy/resourceserver/meter"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// accessLife is how long an access token lives. What it may do is read from the
// grant at each use, so it is short for the sake of lost tokens only.
const accessLife = 10 * time.Minute

// Server is the running program without its listener.
type Server struct {
	*Foundation
	log       *slog.Logger
	site      *web.Site
	languages []string // of the pages
	forms     web.Forms
	documents *clients.Documents
	clients   clients.Sources
	live      *live.State
	audit     *audit.Recorder
	keys      *keys.Ring
	providers *provider.Client
	codes     *onetime.OneTime
	passkeys  *passkey.Passkeys // nil when browsers cannot use them here
	letters   *letters          // nil when no mail can be sent
	profile   *profile.Profile
	companies *upstream.Companies
	identity  *identity.Identity
	oauth     *oauth.Server
	flow      *flow.Flow
	connect   *connect.Handler
	dashboard *dashboard.Dashboard
	broker    *broker.Broker
	events    *events.Receiver
	engine    *gin.Engine
	draining  atomic.Bool
	untend    context.CancelFunc
	tending   sync.WaitGroup
}

// New puts the server together on f. Close both when done.
func New(ctx context.Context, f *Foundation, log *slog.Logger) (*Server, error) {
	s := &Server{Foundation: f, log: log, forms: web.Forms{Key: f.Key.Derive("form token")}}
	s.buildClients()
	s.live = live.New(everything{f.Store, s.clients}, f.Store, f.Catalog.Scopes)
	if err := s.buildRecords(); err != nil {
		return nil, err
	}
	for _, build := range []func(context.Context) error{s.buildSite, s.buildProtocol, s.buildPages, s.buildBroker} {
		if err := build(ctx); err != nil {
			return nil, errors.Join(err, s.audit.Close())
		}
	}
	if err := s.buildEngine(); err != nil {
		return nil, errors.Join(err, s.audit.Close())
	}
	s.tend(ctx)
	return s, nil
}

func (s *Server) buildRecords() error {
	cfg := audit.Config{DB: s.DB, Now: s.Now, Log: s.log, Every: time.Second}
	var err error
	if s.letters, err = s.Foundation.letters(s.log); err != nil {
		return err
	}
	if s.letters != nil {
		cfg.Also = s.letters.tell
	}
	s.audit = audit.New(cfg)
	return nil
}

// tend looks after the signing keys, after what ends soon, and after the mail, until
// Close.
func (s *Server) tend(ctx context.Context) {
	ctx, s.untend = context.WithCancel(context.WithoutCancel(ctx))
	s.tending.Go(func() { s.keys.TendUntil(ctx) })
	s.tending.Go(func() { s.remindUntil(ctx) })
	s.tending.Go(func() { s.connect.TellUntil(ctx) })
	if s.letters != nil {
		s.tending.Go(func() { s.letters.outbox.SendUntil(ctx) })
	}
}

// Handler answers every request.
func (s *Server) Handler() http.Handler { return s.engine }

// Draining makes /readyz refuse, so that load balancers send nothing new.
func (s *Server) Draining() { s.draining.Store(true) }

// Close waits for what is under way and must not be lost: provider refreshes and
// records. Call it when no more requests come in, and before Foundation.Close.
func (s *Server) Close() error {
	s.untend()
	s.tending.Wait()
	s.providers.Drain()
	return s.audit.Close()
}

func (s *Server) issuer() string { return s.Config.ExternalURL.String() }

// brokerAudience is the one audience of Deputy's own API.
func (s *Server) brokerAudience() string { return s.issuer() + "/api" }

func (s *Server) buildProtocol(ctx context.Context) error {
	var err error
	if s.keys, err = s.ring(ctx, s.log); err != nil {
		return err
	}
	if err := s.buildIdentity(); err != nil {
		return err
	}
	s.oauth = oauth.New(oauth.Config{
		Issuer: s.issuer(), Broker: s.brokerAudience(), GrantsEndpoint: s.issuer() + metadata.GrantsPath, AccessLife: accessLife, Introspections: s.Config.Introspections, Levels: s.identity.Levels(), DB: s.DB, Key: s.Key,
		Clients: s.authenticator(), Authority: s.Store, Live: s.live, Vocabulary: s.live, DetailTypes: detailTypes(s.Catalog), ResourceServers: s.live,
		Signer: s.keys, People: s.identity, Audit: issuance{s.audit}, Revoker: s.revoker(), Proofs: possession{s.proofs()}, Now: s.Now,
	})
	return nil
}

// signInBox seals what a sign-in sends around, links in mails too.
const signInBox = "sign-in"

func (s *Server) buildIdentity() error {
	cfg := identity.Config{
		Users: s.Store, Sessions: s.Store, Attempts: s.Store, Audit: s.audit, Asking: asking{s}, Away: store.Dashboard{Store: s.Store}, Leavings: leavings{s}, Site: s.site, Forms: s.forms,
		HTTPS: s.site.HTTPS, Ended: func(consent.UserID) { s.live.ForgetPeople() }, Now: s.Now,
	}
	s.codes = onetime.New(onetime.Config{
		Host: s.Config.ExternalURL.Host, Operator: s.Config.Operator, Codes: s.Store, Sealer: sealer{s.Vault, "one_time_codes"}, HashKey: s.Key.Derive("recovery code"),
		People: people{s}, Audit: s.audit, Tx: s.DB.Tx, Site: s.site, Forms: s.forms, Box: s.Key.Box("one-time codes"), Now: s.Now,
	})
	cfg.Codes, cfg.Box, cfg.Tx = s.codes, s.Key.Box(signInBox), s.DB.Tx
	if s.letters != nil {
		cfg.Letters = s.letters
	}
	s.profile = profile.New(profile.Config{Rows: s.Store, People: people{s}, Audit: s.audit, Tx: s.DB.Tx, Site: s.site, Forms: s.forms})
	s.companies = s.newCompanies()
	cfg.Companies = s.companies
	var err error
	if passkey.Possible(s.Config.ExternalURL) {
		s.passkeys, err = passkey.New(passkey.Config{
			External: s.Config.ExternalURL, Operator: s.Config.Operator, Keys: s.Store, People: people{s}, Audit: s.audit, Tx: s.DB.Tx,
			Site: s.site, Forms: s.forms, Box: s.Key.Box("passkey"), Now: s.Now,
		})
		if err != nil {
			return err
		}
		cfg.Passkeys = s.passkeys
	}
	s.identity, err = identity.New(cfg)
	return err
}

func (s *Server) revoker() *store.Revoker {
	return &store.Revoker{Store: s.Store, Audit: s.audit, Changed: s.live.ForgetGrant}
}

func (s *Server) credentials() store.Credentials {
	return store.Credentials{Rows: s.Store, Audit: s.audit}
}

func (s *Server) petitioner() store.Petitioner {
	return store.Petitioner{Store: s.Store, Audit: s.audit}
}

func (s *Server) buildPages(context.Context) error {
	var err error
	s.providers, err = provider.New(provider.Config{
		Catalog: s.Catalog, Registrations: s.Store, Credentials: s.credentials(), Vault: s.Vault, Now: s.Now, Log: s.log,
		AllowLoopback: s.Config.AllowLoopback, Keep: live.Fresh, Watch: s.Watch,
	})
	if err != nil {
		return err
	}
	s.connect, err = connect.New(connect.Config{
		External: s.Config.ExternalURL, Catalog: s.Catalog, Providers: s.providers, Vault: s.Vault, People: travellers{s.identity},
		States: s.Store, Connections: s.Store, Farewells: s.Store, Transactions: s.DB, Audit: s.audit, Forms: s.forms, Disconnected: s.disconnected, Now: s.Now, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.flow = flow.New(flow.Config{
		Protocol: s.oauth, Devices: s.oauth, Attempts: s.Store, People: s.identity, Ledger: s.Store, Decisions: s.Store, Services: s.providers, Trips: s.connect,
		Audit: s.audit, Admins: s.petitioner(), Rules: s.live.Rules, Review: consent.Review(s.Config.Review), Warning: consent.Warning(s.Config.WarnAbout), Tx: s.DB.Tx, Changed: s.live.ForgetGrant, Catalog: s.Catalog, Site: s.site, Forms: s.forms, Box: s.Key.Box("flow"), Now: s.Now,
	})
	rows := store.Dashboard{Store: s.Store}
	var mails dashboard.Mails
	if s.letters != nil {
		mails = s.Store
	}
	s.dashboard = dashboard.New(dashboard.Config{
		Mails: mails, People: s.identity, Holdings: rows, Services: rows, Records: s.audit, Counts: rows, Answers: rows, Petitions: s.petitioner(),
		Revoker: s.revoker(), Connect: s.connect,
		Catalog: s.Catalog, Vocabulary: s.live.Scopes, Passkeys: s.passkeys != nil, Companies: s.companies.Any, Site: s.site, Forms: s.forms, Now: s.Now,
	})
	return nil
}

func (s *Server) buildBroker(context.Context) error {
	a := s.Config.Allowance
	counted, err := meter.New(meter.Config{Rows: s.Store, Now: s.Now, Allowance: consent.Allowance{
		Minute: consent.Amount{Calls: a.CallsPerMinute, Changes: a.ChangesPerMinute},
		Day:    consent.Amount{Calls: a.CallsPerDay, Changes: a.ChangesPerDay},
	}})
	if err != nil {
		return err
	}
	s.broker, err = broker.New(broker.Config{
		Catalog: s.Catalog, Authority: authority{s.live}, Budgets: s.Store, Meter: counted, Credentials: s.providers, Audit: calls{s.audit, s.live, s.Store}, Made: made{s.Store}, Cursors: cursors{s.Key.Box("cursor")}, Outcomes: outcomes{s.Store, s.Key.Box("outcome")},
		Now: s.Now, BaseURL: s.brokerAudience(), Disconnected: provider.ErrDisconnected,
	})
	if err != nil {
		return err
	}
	s.events, err = events.New(events.Config{Catalog: s.Catalog, Providers: s.providers, Connections: s.credentials(), Now: s.Now, Log: s.log})
	return err
}

func (s *Server) buildEngine() error {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	// A handler that needs the address of a person gets it from proxies the
	// operator named, and from nobody else (RFC 9700 section 4.13).
	if err := e.SetTrustedProxies(s.Config.TrustedProxies); err != nil {
		return fmt.Errorf("trusted proxies: %w", err)
	}
	e.UseRawPath, e.UnescapePathValues, e.RedirectTrailingSlash, e.RedirectFixedPath = true, true, false, false
	e.Use(web.Logged(s.log, s.Now), web.EndAfterChunks)
	e.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", s.ready)
	e.Use(web.OnlyHosts(s.Config.ExternalURL), s.site.Headers)
	authserver.Mount(e, authserver.Parts{
		Site: s.site, OAuth: s.oauth, Keys: s.keys, Identity: s.identity, Flow: s.flow, Connect: s.connect, Dashboard: s.dashboard, Codes: s.codes, Profile: s.profile, Companies: s.companies, Passkeys: s.passkeys, Changed: s.live.ForgetPeople, Now: s.Now,
		Documents: s.documents, Registrar: s.registrar(), Logos: s.Store,
		Metadata: metadata.Config{
			Issuer: s.issuer(), GrantTypes: oauth.GrantTypes(), GrantActions: oauth.GrantActions(), Algorithm: "ES256", Resources: []string{s.brokerAudience()},
			Vocabulary: s.live, AssertionAlgorithms: clients.AssertionAlgorithms(), Registration: s.Config.Registration == config.RegistrationPublic,
			ProofAlgorithms: bearer.ProofAlgorithms(), DetailTypes: detailTypes(s.Catalog).Names(), Levels: s.identity.Levels(), Locales: s.languages,
		},
	})
	if err := resourceserver.Mount(e, s.brokerConfig()); err != nil {
		return err
	}
	e.HandleMethodNotAllowed = true
	e.NoMethod(s.site.Page(s.otherMethod))
	e.NoRoute(s.site.Page(s.nothingHere))
	s.engine = e
	return nil
}

// ready tells load balancers whether requests can be answered now.
func (s *Server) ready(c *gin.Context) {
	if s.draining.Load() {
		c.String(http.StatusServiceUnavailable, "ending\n")
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), 2*time.Second)
	defer cancel()
	if err := s.DB.Ping(ctx); err != nil {
		web.Note(c, slog.String("error", err.Error()))
		c.String(http.StatusServiceUnavailable, "the database does not answer\n")
		return
	}
	c.String(http.StatusOK, "ok\n")
}
