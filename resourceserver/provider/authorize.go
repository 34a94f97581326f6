package provider

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// Ask is one trip of a person to a provider.
type Ask struct {
	Scopes      []string    // provider scopes that are needed
	State       secret.Text // comes back unchanged
	Verifier    secret.Text // PKCE; its challenge is sent where the provider knows PKCE
	RedirectURI string
	Account     string // proposes the account with this login
	Another     bool   // the person connected one there already and wants another
}

// NewVerifier returns a PKCE code verifier (RFC 7636 section 4.1).
func NewVerifier() secret.Text { return secret.New(oauth2.GenerateVerifier()) }

// AuthorizeURL is where the person goes. The scopes asked for are those needed
// and those the catalogue always asks for, without the ones that come along
// anyway; ScopesFor returns the same list.
func (c *Client) AuthorizeURL(reg Registration, ask Ask) (string, error) {
	e, err := c.resolve(reg)
	if err != nil {
		return "", err
	}
	target, err := e.address(e.variant.Authorize, e.values(Tokens{}))
	if err != nil {
		return "", fmt.Errorf("authorization URL of %s: %w", e.provider.ID, err)
	}
	var options []oauth2.AuthCodeOption
	for name, value := range e.variant.AuthorizeParams {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	if e.variant.ScopeParam != "" {
		asked := strings.Join(scopesFor(e.variant, ask.Scopes), e.variant.ScopeSeparator)
		options = append(options, oauth2.SetAuthURLParam(e.variant.ScopeParam, asked))
	}
	if e.variant.PKCE {
		options = append(options, oauth2.S256ChallengeOption(ask.Verifier.Reveal()))
	}
	if pin := e.provider.Identity.Pin; pin != "" && ask.Account != "" {
		options = append(options, oauth2.SetAuthURLParam(pin, ask.Account))
	}
	if ask.Another {
		for name, value := range e.provider.Identity.Choose {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	config := oauth2.Config{
		ClientID: reg.ClientID, RedirectURL: ask.RedirectURI, Endpoint: oauth2.Endpoint{AuthURL: target},
	}
	return config.AuthCodeURL(ask.State.Reveal(), options...), nil
}

// AuthorizeOrigin is the origin that AuthorizeURL leads to. A page with a form
// that ends there must name it in its form-action policy.
func (c *Client) AuthorizeOrigin(reg Registration) (string, error) {
	e, err := c.resolve(reg)
	if err != nil {
		return "", err
	}
	target, err := e.address(e.variant.Authorize, e.values(Tokens{}))
	if err != nil {
		return "", fmt.Errorf("authorization URL of %s: %w", e.provider.ID, err)
	}
	u, err := url.Parse(target)
	if err != nil {
		return "", fmt.Errorf("authorization URL of %s cannot be read", e.provider.ID)
	}
	return u.Scheme + "://" + u.Host, nil
}

// ScopesFor is what is asked for when needed is needed: sorted, with the
// catalogue's constant ones, without those that another one brings along. It is
// empty for registrations whose permissions are not asked for by scope.
func (c *Client) ScopesFor(reg Registration, needed []string) ([]string, error) {
	e, err := c.resolve(reg)
	if err != nil {
		return nil, err
	}
	return scopesFor(e.variant, needed), nil
}

func scopesFor(v *catalog.Variant, needed []string) []string {
	if v.ScopeParam == "" {
		return nil
	}
	all := append(slices.Clone(v.Always), needed...)
	var out []string
	for _, s := range all {
		brought := slices.ContainsFunc(all, func(other string) bool {
			return other != s && closure(v, []string{other})[s]
		})
		if !brought {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// closure returns scopes with everything that comes along with them.
func closure(v *catalog.Variant, scopes []string) map[string]bool {
	seen := map[string]bool{}
	todo := slices.Clone(scopes)
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s == "" || seen[s] {
			continue
		}
		seen[s] = true
		todo = append(todo, v.Implied[s]...)
	}
	return seen
}

// The most a reply may list, so that a hostile one cannot fill a row.
const (
	maxScopes = 200
	maxScope  = 200
)

// granted reads the scope of a token reply. The reply is the evidence: a person
// can untick some, and a provider can add what was given before.
func granted(v *catalog.Variant, said string, present bool, asked []string) []string {
	if v.ScopeParam == "" {
		return nil // permissions belong to the registration, not to the token
	}
	list := asked
	if present {
		list = strings.FieldsFunc(said, func(r rune) bool { return r == ' ' || strings.ContainsRune(v.GrantedSplit, r) })
	}
	var out []string
	for s := range closure(v, list) {
		if len(s) <= maxScope {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out[:min(len(out), maxScopes)]
}
