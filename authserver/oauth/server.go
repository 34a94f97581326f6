// Package oauth is the OAuth 2.1 protocol: it reads authorization requests,
// issues codes, turns them into tokens, refreshes, introspects and revokes. It is
// the only package that imports fosite, and fosite's types never leave it; its
// storage is in here and unexported.
//
// It does not decide what an app may have: the consent engine does, and hands
// over an Approval. It shows no page: errors about an authorization request are
// values that package flow turns into a page or a redirect.
//
// # What is fosite's and what is ours
//
// fosite reads requests, drives the token endpoint and writes answers. The
// handlers are ours, because fosite's check a code and use it in separate steps,
// ignore the scope of a refresh and need up to three transactions where one is
// enough. So are client authentication, introspection, revocation and errors.
//
// # Tokens
//
// An access token (dpa_…) is sealed, not stored: its content is encrypted with a
// key only this server has, so a forged one costs no database read, and issuing
// one writes no row. What it may do is read from the live grant at each use.
// An operator's resource server can have its tokens signed instead (RFC 9068), to
// verify them without asking; they live five minutes at most and carry the same
// sealed content in a claim, so that everything here treats both alike.
// A refresh token (dpr_…) names a family and a generation under a MAC. A refresh
// moves the family's row from one generation to the next by one conditional
// UPDATE; because the token is derived and not drawn, the generation just passed
// can be answered with the very same successor when an answer got lost.
package oauth

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ory/fosite"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/seal"
)

// Lifetimes that nobody has asked to configure yet.
const (
	CodeLife = time.Minute
	// RefreshGrace is how long the generation just passed is answered with the
	// same successor: parallel processes of one agent share a refresh token.
	RefreshGrace = 2 * time.Minute
	// RefreshIdle ends a family that nobody refreshed.
	RefreshIdle = 30 * 24 * time.Hour
	// RefreshLife ends a family whatever happens.
	RefreshLife = 180 * 24 * time.Hour
)

// Authority answers from live state. It must read the newest committed state,
// not a cache: new authority is given on its word.
type Authority interface {
	// Standing returns where a family, its grant, its sign-in, its user and its
	// app stand. It returns db.ErrNone when there is no such family.
	Standing(ctx context.Context, family consent.FamilyID) (Standing, error)
	// Grant returns a live or revoked grant with its items.
	Grant(ctx context.Context, id consent.GrantID) (consent.Grant, error)
	// SignedIn reports whether the sign-in lives.
	SignedIn(ctx context.Context, session consent.SessionID) (bool, error)
	// Denied reports whether an access token was taken back.
	Denied(ctx context.Context, token string) (bool, error)
}

// Standing is where a family stands.
type Standing struct {
	Family  Family
	Present bool     // the sign-in it was born under lives
	Dead    string   // why it is dead: grant, user or app; "" while they live
	Denied  []string // access tokens of the family that were taken back
	Agreed  string   // digest of the app as the person agreed to it
}

// Live answers from a cache of bounded staleness, for tokens that were given
// already.
type Live interface {
	Standing(ctx context.Context, family consent.FamilyID) (Standing, error)
	Grant(ctx context.Context, id consent.GrantID) (consent.Grant, error)
	Denied(ctx context.Context, token string) (bool, error)
	// Forget drops what is cached about a family.
	Forget(family consent.FamilyID)
}

// Vocabulary is every scope that can be asked for now.
type Vocabulary interface {
	Scopes(ctx context.Context) (consent.Vocabulary, error)
}

// ResourceServer is an operator's own API or MCP server.
type ResourceServer struct {
	ID          string
	Identifier  string
	TokenFormat string // Opaque or SignedJWT
}

// ResourceServers finds and authenticates operators' resource servers.
type ResourceServers interface {
	// Known returns the server whose audience identifier is; ok is false when there
	// is none.
	Known(ctx context.Context, identifier string) (rs ResourceServer, ok bool, err error)
	// Authenticated returns the server with this id and secret; ok is false when
	// there is none.
	Authenticated(ctx context.Context, id, secret string) (rs ResourceServer, ok bool, err error)
}

// Clients finds the apps that may ask, and finds out whether a direct request is
// theirs.
type Clients interface {
	clients.Source
	Authenticate(ctx context.Context, cred clients.Credentials) (clients.Client, error)
}

// Signer signs tokens for others to verify.
type Signer interface {
	Sign(ctx context.Context, claims map[string]any, typ string) (string, error)
	// Hint returns the claims of a token that was signed here as typ, whatever its
	// time. An error means that it was not.
	Hint(ctx context.Context, token, typ string) (map[string]any, error)
}

// People tells about a user what the app was allowed to know.
type People interface {
	// Profile returns what there is; picture is the last part of its address below
	// PicturesPath, "" when there is none.
	Profile(ctx context.Context, user consent.UserID) (name, email, picture string, err error)
}

// Event is something that must be on record before its effect is answered.
type Event struct {
	Kind   string
	User   consent.UserID
	App    consent.AppID
	Grant  consent.GrantID
	Family consent.FamilyID
	Actors []consent.AppID // who acts for App, the holder of the token first
	Detail string
}

// Audit records events in the transaction of ctx.
type Audit interface {
	Issued(ctx context.Context, e Event) error
}

// Config is what the server is made of. Every field is needed.
type Config struct {
	Issuer string // the external URL, without a trailing slash
	// Broker is the audience of Deputy's own API: issuer + "/api".
	Broker string
	// GrantsEndpoint is where clients look after their grants, and the audience of
	// the tokens they do it with.
	GrantsEndpoint string
	AccessLife     time.Duration
	// Introspections is how often each caller may introspect in a second; 0: no bound.
	Introspections  int
	Levels          []consent.Level // that a sign-in can reach
	DB              *db.DB
	Key             seal.Key
	Clients         Clients
	Authority       Authority
	Live            Live
	Vocabulary      Vocabulary
	DetailTypes     DetailTypes
	ResourceServers ResourceServers
	Signer          Signer
	People          People
	Audit           Audit
	Revoker         Revoker
	Proofs          Proofs
	Now             func() time.Time
}

// Server is the authorization server's protocol.
type Server struct {
	Config
	storage storage
	access  accessTokens
	content seal.Box // what a signed access token carries for this server alone
	refresh refreshTokens
	sids    []byte // key of sid
	callers *callers
	fosite  fosite.OAuth2Provider
}

// New returns a server.
func New(cfg Config) *Server {
	s := &Server{
		Config:  cfg,
		storage: storage{cfg.DB, new(atomic.Int64)},
		access:  accessTokens{box: cfg.Key.Box("access token")},
		content: cfg.Key.Box("content of at+jwt"),
		refresh: refreshTokens{key: cfg.Key.Derive("refresh token")},
		sids:    cfg.Key.Derive("session id"),
		callers: newCallers(cfg.Introspections, cfg.Now),
	}
	s.fosite = fosite.NewOAuth2Provider(clientStore{cfg.Clients}, s.fositeConfig())
	return s
}

// fositeConfig sets everything that fosite would otherwise fill in lazily and
// without a lock.
func (s *Server) fositeConfig() *fosite.Config {
	return &fosite.Config{
		AuthorizeCodeLifespan:           CodeLife,
		AccessTokenLifespan:             s.AccessLife,
		EnforcePKCE:                     true,
		ScopeStrategy:                   fosite.ExactScopeStrategy,
		AudienceMatchingStrategy:        fosite.ExactAudienceMatchingStrategy,
		ClientSecretsHasher:             noHasher{},
		ClientAuthenticationStrategy:    s.authenticateClient,
		MinParameterEntropy:             1, // state is optional with PKCE; ours to check
		GlobalSecret:                    s.Key.Derive("fosite"),
		TokenEndpointHandlers:           fosite.TokenEndpointHandlers{codeGrant{s}, refreshGrant{s}, clientCredentialsGrant{s}, deviceGrant{s}, exchangeGrant{s}},
		SendDebugMessagesToClients:      false,
		UseLegacyErrorFormat:            false,
		OmitRedirectScopeParam:          true,
		AccessTokenIssuer:               s.Issuer,
		JWTScopeClaimKey:                2,
		JWKSFetcherStrategy:             noFetcher{},
		HTTPClient:                      noHTTP(),
		AllowedPromptValues:             []string{"none", "login", "consent", "select_account"},
		RefreshTokenScopes:              []string{},
		DisableRefreshTokenValidation:   true,
		IsPushedAuthorizeEnforced:       false,
		PushedAuthorizeRequestURIPrefix: "urn:none:",
	}
}
