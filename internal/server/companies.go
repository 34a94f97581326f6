package server

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/deputy-oauth/deputy/authserver/identity/upstream"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/loopback"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// companyTable is the table that client secrets of sign-in providers are sealed
// for.
const companyTable = "sign_in_providers"

// NewSignInProvider is what an operator says about an OpenID provider.
type NewSignInProvider struct {
	ID, Name, Issuer, ClientID string
	Secret                     secret.Text
	VerifiedMail               bool
	Domains                    []string
}

// SetSignInProvider stores a provider, replacing an earlier one of its id, and
// returns the redirect URI to register there. Nothing is asked of the provider.
func (f *Foundation) SetSignInProvider(ctx context.Context, n NewSignInProvider) (redirectURI string, err error) {
	if n.Name == "" {
		n.Name = n.ID
	}
	if err := n.check(f.Config.AllowLoopback); err != nil {
		return "", err
	}
	p := upstream.Provider{ID: n.ID, Name: n.Name, Issuer: n.Issuer, ClientID: n.ClientID, VerifiedMail: n.VerifiedMail}
	for _, d := range n.Domains {
		p.Domains = append(p.Domains, strings.ToLower(d))
	}
	if p.Sealed, err = (sealer{f.Vault, companyTable}).Seal(n.ID, upstream.SecretColumn, n.Secret); err != nil {
		return "", err
	}
	return upstream.RedirectURI(f.Config.ExternalURL.String(), n.ID), f.Store.SetSignInProvider(ctx, p)
}

// RemoveSignInProvider takes a provider away. Who signed in with it stays signed
// in.
func (f *Foundation) RemoveSignInProvider(ctx context.Context, id string) error {
	removed, err := f.Store.RemoveSignInProvider(ctx, id)
	if err == nil && !removed {
		return fault.New(fault.NotFound, "There is no sign-in provider %q.", id)
	}
	return err
}

var (
	companyID  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	mailDomain = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z]{2,}$`)
)

// longestShown is how long a name may be, in bytes.
const longestShown = 60

func (n NewSignInProvider) check(allowLoopback bool) error {
	var problems []error
	if !companyID.MatchString(n.ID) {
		problems = append(problems, errors.New("id: use small letters, digits and dashes"))
	}
	if strings.TrimSpace(n.Name) == "" || len(n.Name) > longestShown {
		problems = append(problems, fmt.Errorf("name: people must be able to read it; use 1 to %d bytes", longestShown))
	}
	u, err := url.Parse(n.Issuer)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		problems = append(problems, errors.New("issuer: this must be a URL without query and fragment")) // OpenID Connect Discovery section 2
	case u.Scheme != "https" && !(allowLoopback && u.Scheme == "http" && loopback.Is(u.Hostname())):
		problems = append(problems, errors.New("issuer: this must be https"))
	}
	if n.ClientID == "" || n.Secret.Empty() {
		problems = append(problems, errors.New("client-id and client secret: the provider shows both where you registered this server"))
	}
	for _, d := range n.Domains {
		if !mailDomain.MatchString(d) {
			problems = append(problems, fmt.Errorf("allow-domain %s: write it like northwind.example", d))
		}
	}
	if len(problems) > 0 {
		return fault.Wrap(fault.Invalid, errors.Join(problems...), "The sign-in provider was not stored")
	}
	return nil
}

// newCompanies are the operator's OpenID providers.
func (s *Server) newCompanies() *upstream.Companies {
	return upstream.New(upstream.Config{
		External: s.issuer(), Rows: s.Store, People: people{s}, Audit: s.audit, Site: s.site, Forms: s.forms, Box: s.Key.Box("company accounts"), Sealer: sealer{s.Vault, companyTable}, Tx: s.DB.Tx, Now: s.Now,
		Create: func(ctx context.Context, email, name string) (consent.UserID, error) {
			return s.identity.CreateWithoutPassword(ctx, email, name)
		},
	})
}
