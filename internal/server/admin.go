package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// What an operator sets up by command, against a running or a stopped server.

// NewApp is what an operator says about an app.
type NewApp struct {
	Name, Publisher string
	Confidential    bool
	RedirectURIs    []string
	LogoutURIs      []string // where a browser may be sent after a sign-out
	Scopes          []string
	Required        []string // scopes it cannot work without
	GrantTypes      []string // none: authorization_code and refresh_token
	DetailTypes     []string // of authorization_details it may send; none: any
	MustPush        bool     // it begins with a pushed request only
	MustProve       bool     // it gets only tokens that are bound to a key
	// JWKS or JWKSURI are the public keys of an app that signs instead of sending a
	// secret (private_key_jwt). It is confidential, and gets no secret.
	JWKS    []byte
	JWKSURI string
}

// signs reports whether the app proves itself with a key.
func (n NewApp) signs() bool { return len(n.JWKS) > 0 || n.JWKSURI != "" }

// CreateApp registers an app and returns it with its secret, which is shown this
// once and stored only as a hash. The secret of a public app is empty.
func (f *Foundation) CreateApp(ctx context.Context, n NewApp) (clients.Client, secret.Text, error) {
	if len(n.GrantTypes) == 0 {
		n.GrantTypes = []string{"authorization_code", "refresh_token"}
	}
	n.GrantTypes = oauth.FullGrantTypes(n.GrantTypes)
	words, err := f.Store.Words(ctx, f.Catalog.Scopes)
	if err != nil {
		return clients.Client{}, secret.Text{}, err
	}
	if err := errors.Join(n.check(words, f.Config.AllowLoopback), n.checkDetailTypes(detailTypes(f.Catalog))); err != nil {
		return clients.Client{}, secret.Text{}, err
	}
	c := clients.Client{
		ID: consent.AppID("app_" + uuid.Must(uuid.NewV7()).String()), Name: n.Name, Publisher: n.Publisher, Confidential: n.Confidential,
		RedirectURIs: n.RedirectURIs, LogoutURIs: n.LogoutURIs, GrantTypes: n.GrantTypes, MustPush: n.MustPush, MustProve: n.MustProve,
	}
	for _, s := range n.Scopes {
		c.Scopes = append(c.Scopes, consent.ScopeName(s))
	}
	for _, s := range n.Required {
		c.Required = append(c.Required, consent.ScopeName(s))
	}
	for _, t := range n.DetailTypes {
		c.DetailTypes = append(c.DetailTypes, consent.ResourceType(t))
	}
	var key secret.Text
	switch {
	case n.signs():
		c.AuthMethod, c.JWKSURI = clients.PrivateKeyJWT, n.JWKSURI
		if len(n.JWKS) > 0 {
			if c.JWKS, err = clients.CheckKeys(n.JWKS); err != nil {
				return clients.Client{}, secret.Text{}, err
			}
		}
	case n.Confidential:
		key = secret.Random()
		c.SecretHash = clients.HashSecret(key.Reveal())
	}
	return c, key, f.Store.AddApp(ctx, c)
}

func (n NewApp) checkDetailTypes(known oauth.DetailTypes) error {
	for _, t := range n.DetailTypes {
		if known[consent.ResourceType(t)] == nil {
			return fmt.Errorf("details-type %s: there are %s", t, strings.Join(known.Names(), ", "))
		}
	}
	return nil
}

// check returns everything that is wrong with a new app.
func (n NewApp) check(words consent.Vocabulary, loopback bool) error {
	problems := n.checkKeys(loopback)
	if strings.TrimSpace(n.Name) == "" || len(n.Name) > 60 {
		problems = append(problems, errors.New("name: people must be able to read who asks; use 1 to 60 characters"))
	}
	for _, uri := range n.RedirectURIs {
		if err := clients.ValidRedirect(uri); err != nil {
			problems = append(problems, fmt.Errorf("redirect-uri %s: %w", uri, err))
		}
	}
	for _, uri := range n.LogoutURIs {
		if err := clients.ValidRedirect(uri); err != nil {
			problems = append(problems, fmt.Errorf("post-logout-redirect-uri %s: %w", uri, err))
		}
	}
	for _, g := range n.GrantTypes {
		if !slices.Contains(oauth.GrantTypes(), g) {
			problems = append(problems, fmt.Errorf("grant-type %s: there are %s", g, strings.Join(oauth.GrantTypes(), ", ")))
		}
	}
	if slices.Contains(n.GrantTypes, "authorization_code") && len(n.RedirectURIs) == 0 {
		problems = append(problems, errors.New("redirect-uri: authorization_code needs at least one"))
	}
	for _, g := range []string{"client_credentials", "token-exchange"} {
		if slices.Contains(n.GrantTypes, oauth.FullGrantTypes([]string{g})[0]) && !n.Confidential {
			problems = append(problems, fmt.Errorf("grant-type %s: only for --type confidential", g))
		}
	}
	for _, s := range n.Scopes {
		if _, ok := words[consent.ScopeName(s)]; !ok {
			problems = append(problems, fmt.Errorf("scope %s: there is no such scope", s))
		}
	}
	for _, s := range n.Required {
		switch w, ok := words[consent.ScopeName(s)]; {
		case !ok:
			problems = append(problems, fmt.Errorf("required-scope %s: there is no such scope", s))
		case w.Modifier:
			problems = append(problems, fmt.Errorf("required-scope %s: what an app may do on its own is always left to the person", s))
		}
	}
	if len(problems) > 0 {
		return fault.Wrap(fault.Invalid, errors.Join(problems...), "The app was not registered")
	}
	return nil
}

// checkKeys returns what is wrong with how a new app signs.
func (n NewApp) checkKeys(loopback bool) []error {
	var problems []error
	if n.signs() && !n.Confidential {
		problems = append(problems, errors.New("type public: an app that signs with a key of its own is confidential"))
	}
	if len(n.JWKS) > 0 && n.JWKSURI != "" {
		problems = append(problems, errors.New("jwks and jwks-uri: give one of them"))
	}
	if len(n.JWKS) > 0 {
		if _, err := clients.CheckKeys(n.JWKS); err != nil {
			problems = append(problems, fmt.Errorf("jwks: %w", err))
		}
	}
	if n.JWKSURI != "" {
		if err := clients.ValidKeysURI(n.JWKSURI, loopback); err != nil {
			problems = append(problems, fmt.Errorf("jwks-uri %s: %w", n.JWKSURI, err))
		}
	}
	return problems
}

// scopeForm is what RFC 6749 section 3.3 allows in a scope, without the quotes
// and commas that would confuse people.
var scopeForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$`)

// NewResourceServer is what an operator says about an API of their own.
type NewResourceServer struct {
	Identifier  string // the audience of its tokens
	Name        string // "": the host
	TokenFormat string // oauth.Opaque, also when "", or oauth.SignedJWT
	Scopes      []consent.Scope
}

// CreateResourceServer registers an operator's own API and returns it with the
// secret it introspects with.
func (f *Foundation) CreateResourceServer(ctx context.Context, n NewResourceServer) (store.ResourceServer, secret.Text, error) {
	var problems []error
	u, err := url.Parse(n.Identifier)
	if err != nil || !u.IsAbs() || u.Host == "" || strings.Contains(n.Identifier, "#") || strings.HasSuffix(n.Identifier, "/") {
		problems = append(problems, errors.New("identifier: this must be a URL without a fragment and without a slash at its end")) // RFC 8707 section 2
	}
	if n.TokenFormat == "" {
		n.TokenFormat = oauth.Opaque
	}
	if !slices.Contains(oauth.TokenFormats(), n.TokenFormat) {
		problems = append(problems, fmt.Errorf("token-format %s: there are %s", n.TokenFormat, strings.Join(oauth.TokenFormats(), ", ")))
	}
	for _, s := range n.Scopes {
		if !scopeForm.MatchString(string(s.Name)) || strings.TrimSpace(s.Words) == "" || len(s.Words) > 120 {
			problems = append(problems, fmt.Errorf("scope %s: write it like mcp:read=Read your notes", s.Name))
		}
		if _, taken := f.Catalog.Scopes[s.Name]; taken {
			problems = append(problems, fmt.Errorf("scope %s: the catalogue has it already", s.Name))
		}
	}
	if len(problems) > 0 {
		return store.ResourceServer{}, secret.Text{}, fault.Wrap(fault.Invalid, errors.Join(problems...), "The resource server was not registered")
	}
	if n.Name == "" {
		n.Name = u.Host
	}
	key := secret.Random()
	rs := store.ResourceServer{
		ID: "rs_" + uuid.Must(uuid.NewV7()).String(), Identifier: n.Identifier, Name: n.Name, TokenFormat: n.TokenFormat,
		SecretHash: clients.HashSecret(key.Reveal()), Scopes: n.Scopes,
	}
	return rs, key, f.Store.AddResourceServer(ctx, rs)
}

// NewProvider is how an operator registered this server at a provider.
type NewProvider struct {
	Provider, Variant, ClientID string
	Name                        string // tells it from others at the same provider; "" for the only one
	Secret                      secret.Text
	WebURL, APIURL              string
	Hosts                       map[string]string // further hosts of the provider's file
}

// registrationName is what is added to a provider's id, which has no dot in it.
var registrationName = regexp.MustCompile(`\A[a-z0-9][a-z0-9-]{0,31}\z`)

// SetProvider stores a registration, replacing an earlier one of the same name at
// the provider, and returns the redirect URI to register there. Connections stay
// with the registration they were made by; new ones are made by the one stored last.
func (f *Foundation) SetProvider(ctx context.Context, n NewProvider) (redirectURI string, err error) {
	known := f.Catalog.Providers[consent.ProviderID(n.Provider)]
	if known == nil {
		return "", f.noProvider(n.Provider)
	}
	if n.Variant == "" {
		n.Variant = known.Variants[0].ID
	}
	var variants []string
	for _, v := range known.Variants {
		variants = append(variants, v.ID)
	}
	if !slices.Contains(variants, n.Variant) {
		return "", fault.New(fault.Invalid, "%s has no variant %q. There are: %s.", known.Name, n.Variant, strings.Join(variants, ", "))
	}
	if n.ClientID == "" || n.Secret.Empty() {
		return "", fault.New(fault.Invalid, "A client id and a client secret are needed. %s shows both where you registered this server.", known.Name)
	}
	if err := f.checkURLs(known, n); err != nil {
		return "", err
	}
	id, err := registrationID(n.Provider, n.Name)
	if err != nil {
		return "", err
	}
	return f.Config.ExternalURL.String() + "/connect/" + url.PathEscape(string(id)) + "/callback", f.setRegistration(ctx, id, known.ID, n)
}

func registrationID(at, name string) (provider.RegistrationID, error) {
	if name == "" {
		return provider.RegistrationID(at), nil
	}
	if !registrationName.MatchString(name) {
		return "", fault.New(fault.Invalid, "name %q: use up to 32 small letters, digits and hyphens.", name)
	}
	return provider.RegistrationID(at + "." + name), nil
}

func (f *Foundation) setRegistration(ctx context.Context, id provider.RegistrationID, at consent.ProviderID, n NewProvider) error {
	sealed, err := f.Vault.Seal(provider.RegistrationPlace(id), n.Secret)
	if err != nil {
		return err
	}
	r := provider.SealedRegistration{Sealed: sealed, Registration: provider.Registration{
		ID: id, Provider: at, Variant: n.Variant, ClientID: n.ClientID, WebURL: strings.TrimSuffix(n.WebURL, "/"), APIURL: strings.TrimSuffix(n.APIURL, "/"),
		Hosts: n.Hosts,
	}}
	return f.Store.SetRegistration(ctx, r)
}

func (f *Foundation) noProvider(name string) error {
	return fault.New(fault.Invalid, "There is no provider %q. There are: %s.", name, strings.Join(f.providerNames(), ", "))
}

func (f *Foundation) providerNames() []string {
	var out []string
	for id := range f.Catalog.Providers {
		out = append(out, string(id))
	}
	slices.Sort(out)
	return out
}

func (f *Foundation) checkURLs(known *catalog.Provider, n NewProvider) error {
	addresses := map[string]string{"web-url": n.WebURL, "api-url": n.APIURL}
	for name, raw := range n.Hosts {
		if _, ok := known.Hosts[name]; !ok {
			return fault.New(fault.Invalid, "%s has no host %q. It has: %s.", known.Name, name, strings.Join(slices.Sorted(maps.Keys(known.Hosts)), ", "))
		}
		addresses["host "+name] = raw
	}
	for name, raw := range addresses {
		if raw == "" {
			continue
		}
		if err := provider.CheckURL(raw, f.Config.AllowLoopback); err != nil {
			return fault.Wrap(fault.Invalid, err, "%s %s cannot be used", name, raw)
		}
	}
	return nil
}
