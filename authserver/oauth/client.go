package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/ory/fosite"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
)

// protocolClient shows one of our clients to fosite, bound to one request: the
// redirect URI and the scopes it offers are the requested ones, which were
// checked by our own, stricter rules before fosite sees them.
type protocolClient struct {
	clients.Client
	redirect string
	scopes   []string
	audience string
}

func (c protocolClient) GetID() string                      { return string(c.ID) }
func (c protocolClient) GetHashedSecret() []byte            { return c.SecretHash }
func (c protocolClient) GetRedirectURIs() []string          { return []string{c.redirect} }
func (c protocolClient) GetGrantTypes() fosite.Arguments    { return c.GrantTypes }
func (c protocolClient) GetResponseTypes() fosite.Arguments { return fosite.Arguments{"code"} }
func (c protocolClient) GetScopes() fosite.Arguments        { return c.scopes }
func (c protocolClient) IsPublic() bool                     { return !c.Confidential }
func (c protocolClient) GetAudience() fosite.Arguments      { return fosite.Arguments{c.audience} }

// GetResponseModes implements fosite.ResponseModeClient: fosite refuses even an
// explicit response_mode=query otherwise.
func (c protocolClient) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeDefault, fosite.ResponseModeQuery}
}

// clientStore is the storage fosite asks for. The client of an authorization
// request travels in the context, already matched.
type clientStore struct{ source clients.Source }

type boundClientKey struct{}

func (s clientStore) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	if c, ok := ctx.Value(boundClientKey{}).(protocolClient); ok && string(c.ID) == id {
		return c, nil
	}
	c, err := s.source.Client(ctx, consent.AppID(id))
	if errors.Is(err, clients.ErrUnknown) {
		return nil, fosite.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return protocolClient{Client: c}, nil
}

// errNotOffered is for what fosite could do and we do ourselves.
var errNotOffered = errors.New("not offered by this part")

// ClientAssertionJWTValid implements fosite.ClientManager.
func (clientStore) ClientAssertionJWTValid(context.Context, string) error { return errNotOffered }

// SetClientAssertionJWT implements fosite.ClientManager.
func (clientStore) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return errNotOffered
}

// authenticateClient is fosite's ClientAuthenticationStrategy, for the token
// endpoint.
func (s *Server) authenticateClient(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	c, err := s.client(ctx, r, form)
	if err != nil {
		return nil, err
	}
	if c.MustProve && len(r.Header.Values("DPoP")) == 0 { // RFC 9449 section 5.2
		return nil, &BadProof{Reason: "there is none, and this client asked to be held to it"}
	}
	return protocolClient{Client: c}, nil
}

// client authenticates the app behind a direct request.
func (s *Server) client(ctx context.Context, r *http.Request, form url.Values) (clients.Client, error) {
	cred, err := clients.Present(r.Header.Get("Authorization"), form)
	if err != nil {
		return clients.Client{}, err
	}
	return s.Clients.Authenticate(ctx, cred)
}

// fosite wants parts that nothing of ours uses. They refuse rather than work.

type noHasher struct{}

func (noHasher) Compare(context.Context, []byte, []byte) error { return errNotOffered }
func (noHasher) Hash(context.Context, []byte) ([]byte, error)  { return nil, errNotOffered }

type noFetcher struct{}

func (noFetcher) Resolve(context.Context, string, bool) (*jose.JSONWebKeySet, error) {
	return nil, errNotOffered
}

type noTransport struct{}

func (noTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, errNotOffered }

func noHTTP() *retryablehttp.Client {
	c := retryablehttp.NewClient()
	c.HTTPClient = &http.Client{Transport: noTransport{}}
	c.Logger, c.RetryMax = nil, 0
	return c
}
