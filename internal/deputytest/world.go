package deputytest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/server"
)

// User is a person with an account.
type User struct {
	ID              consent.UserID
	Email, Password string
}

// User adds an account: name@example.com.
func (d *Deputy) User(name string) User {
	d.t.Helper()
	u := User{Email: name + "@example.com", Password: secret.Random().Reveal()}
	var err error
	u.ID, err = d.Foundation.CreateUser(context.Background(), u.Email, strings.ToUpper(name[:1])+name[1:]+" Example", secret.New(u.Password))
	d.must(err)
	return u
}

// Kind is what kind of client an app is.
type Kind bool

// The kinds.
const (
	Public       Kind = false
	Confidential Kind = true
)

// App is a registered app with what it keeps to itself.
type App struct {
	ID          consent.AppID
	Name        string
	Secret      string // "" for a public app
	RedirectURI string
	Verifier    string // the PKCE verifier of all its requests
}

// App registers an app. scopes are what it asks for when a request names none,
// and what it may have for itself.
func (d *Deputy) App(kind Kind, scopes ...string) App {
	d.t.Helper()
	n := server.NewApp{Name: "Repo Scout", Publisher: "Scout Labs", Confidential: bool(kind), Scopes: scopes, RedirectURIs: []string{"https://scout.example/callback"}}
	if kind == Confidential {
		n.GrantTypes = []string{"authorization_code", "refresh_token", "client_credentials"}
	}
	return d.Register(n)
}

// Register registers an app that differs from the usual one.
func (d *Deputy) Register(n server.NewApp) App {
	d.t.Helper()
	c, key, err := d.Foundation.CreateApp(context.Background(), n)
	d.must(err)
	a := App{ID: c.ID, Name: c.Name, Secret: key.Reveal(), Verifier: secret.Random().Reveal()}
	if len(c.RedirectURIs) > 0 {
		a.RedirectURI = c.RedirectURIs[0]
	}
	return a
}

// Challenge is the PKCE challenge of a verifier (RFC 7636 section 4.2).
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Query is the app's authorization request; change it as you like.
func (a App) Query(scopes ...string) url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {string(a.ID)}, "redirect_uri": {a.RedirectURI}, "scope": {strings.Join(scopes, " ")},
		"state": {"state-of-the-app"}, "code_challenge": {Challenge(a.Verifier)}, "code_challenge_method": {"S256"},
	}
}

// Form is a form with the app's credentials (client_secret_post) and pairs of
// names and values.
func (a App) Form(pairs ...string) url.Values {
	f := url.Values{"client_id": {string(a.ID)}}
	if a.Secret != "" {
		f.Set("client_secret", a.Secret)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

// Redemption is the form that redeems a code.
func (a App) Redemption(code string) url.Values {
	return a.Form("grant_type", "authorization_code", "code", code, "redirect_uri", a.RedirectURI, "code_verifier", a.Verifier)
}

// Refreshing is the form that refreshes.
func (a App) Refreshing(token string) url.Values {
	return a.Form("grant_type", "refresh_token", "refresh_token", token)
}

// ResourceServer is an operator's own API.
type ResourceServer struct {
	ID, Secret, Identifier string
}

// ResourceServer registers an API with one scope to read.
func (d *Deputy) ResourceServer(identifier, scope string) ResourceServer {
	d.t.Helper()
	return d.resourceServer(server.NewResourceServer{Identifier: identifier}, scope)
}

// SignedResourceServer is ResourceServer for one whose tokens are signed (RFC
// 9068).
func (d *Deputy) SignedResourceServer(identifier, scope string) ResourceServer {
	d.t.Helper()
	return d.resourceServer(server.NewResourceServer{Identifier: identifier, TokenFormat: "jwt"}, scope)
}

func (d *Deputy) resourceServer(n server.NewResourceServer, scope string) ResourceServer {
	d.t.Helper()
	n.Scopes = []consent.Scope{{Name: consent.ScopeName(scope), Words: "Read your notes", Access: consent.Read}}
	rs, key, err := d.Foundation.CreateResourceServer(context.Background(), n)
	d.must(err)
	return ResourceServer{ID: rs.ID, Secret: key.Reveal(), Identifier: rs.Identifier}
}
