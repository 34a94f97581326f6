package clients

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// Registrations keeps clients that register themselves.
type Registrations interface {
	Source
	// AddApp stores a client, and lets some go that nobody uses. from is the address
	// of the request, here and below: it is logged.
	AddApp(ctx context.Context, c Client, from string) error
	// ChangeApp replaces what a client that registered itself says about itself.
	ChangeApp(ctx context.Context, c Client, from string) error
	// RemoveApp ends everything people agreed to for such a client, and forgets it.
	RemoveApp(ctx context.Context, c Client, from string) error
}

// RegistrarConfig is what a Registrar needs.
type RegistrarConfig struct {
	Endpoint      string // its own URL; a client's management URL is below it
	Registrations Registrations
	Counters      Counters
	Names         Names
	// Scopes is every scope that can be asked for now.
	Scopes     func(ctx context.Context) (consent.Vocabulary, error)
	GrantTypes []string // that the token endpoint answers
	// Changed is called after a client changed or went.
	Changed func(consent.AppID)
	Now     func() time.Time
}

// Registrar lets clients register themselves (RFC 7591) and manage that
// registration (RFC 7592). It registers public clients only: a secret that anybody
// gets by asking proves nothing.
type Registrar struct{ cfg RegistrarConfig }

// NewRegistrar returns a registrar.
func NewRegistrar(cfg RegistrarConfig) *Registrar { return &Registrar{cfg} }

// errDenied is for a registration that is not there or not this caller's: the same
// answer (RFC 7592 section 2).
var errDenied = errors.New("no such registration, or another's")

// register makes a new client of its own description. The secret lets it manage
// the registration, and is shown this once.
func (r *Registrar) register(ctx context.Context, raw []byte, address string) (Client, secret.Text, error) {
	c, err := r.read(ctx, raw)
	if err != nil {
		return Client{}, secret.Text{}, err
	}
	if err := r.admit(ctx, c, address); err != nil {
		return Client{}, secret.Text{}, err
	}
	token := secret.Random()
	now := r.cfg.Now()
	c.ID = consent.AppID("app_" + uuid.Must(uuid.NewV7()).String())
	c.Created, c.Used, c.ManageHash = now, now, HashSecret(token.Reveal())
	if c, err = named(ctx, r.cfg.Names, c); err != nil {
		return Client{}, secret.Text{}, err
	}
	if err := r.cfg.Registrations.AddApp(ctx, c, address); err != nil {
		return Client{}, secret.Text{}, fmt.Errorf("add a registration: %w", err)
	}
	return c, token, nil
}

// admit counts a registration by where it came from, and then by the site it
// names. What the first limit stops does not count for the second, so that one
// place cannot use up a site's registrations.
func (r *Registrar) admit(ctx context.Context, c Client, address string) error {
	now := r.cfg.Now()
	if err := within(ctx, r.cfg.Counters, now, network("register", address, registrationsPerPlace)); err != nil {
		return err
	}
	if ThisComputer(c.RedirectURIs[0]) {
		return nil // every program on everybody's computer would share the limit
	}
	return within(ctx, r.cfg.Counters, now, []limit{{subject("register-host", hostOf(c.RedirectURIs[0])), registrationsPerHost}})
}

// read makes a client of its description, without what the server decides.
func (r *Registrar) read(ctx context.Context, raw []byte) (Client, error) {
	o, err := readObject(raw)
	if err != nil {
		return Client{}, badMetadata("the body: %v", err)
	}
	if o.has("software_statement") {
		return Client{}, &MetadataError{"unapproved_software_statement", "Software statements are not accepted."}
	}
	d, err := describe(o, false)
	if err != nil {
		return Client{}, err
	}
	if d.method == PrivateKeyJWT || (d.method != "" && d.method != None && d.method != SecretPost && d.method != SecretBasic) {
		return Client{}, badMetadata("token_endpoint_auth_method: only none is offered to clients that register themselves")
	}
	words, err := r.cfg.Scopes(ctx)
	if err != nil {
		return Client{}, err
	}
	c := Client{
		Name: d.name, Origin: Dynamic, AuthMethod: None, RedirectURIs: d.redirects, LogoutURIs: d.logouts, Website: d.website, LogoURI: d.logo,
		JWKS: d.jwks, JWKSURI: d.jwksURI, DetailTypes: d.detailTypes, MustPush: d.mustPush, MustProve: d.mustProve,
	}
	if c.Name == "" {
		c.Name = nameless
	}
	for _, g := range d.grants {
		if contains(r.cfg.GrantTypes, g) {
			c.GrantTypes = append(c.GrantTypes, g)
		}
	}
	// A hint, never a ceiling: it only says what is asked for when a request names
	// nothing.
	for _, s := range d.scopes {
		if _, known := words[consent.ScopeName(s)]; known && !contains(c.Scopes, consent.ScopeName(s)) {
			c.Scopes = append(c.Scopes, consent.ScopeName(s))
		}
	}
	for _, s := range d.required {
		if w, known := words[consent.ScopeName(s)]; known && !w.Modifier && !contains(c.Required, w.Name) {
			c.Required = append(c.Required, w.Name)
		}
	}
	d.echo["application_type"] = json.RawMessage(`"` + d.applicationType + `"`)
	metadata, err := json.Marshal(d.echo)
	c.Metadata = string(metadata)
	return c, err
}

func contains[T comparable](list []T, want T) bool {
	for _, have := range list {
		if have == want {
			return true
		}
	}
	return false
}

// held returns the registration that the token manages, or errDenied.
func (r *Registrar) held(ctx context.Context, id consent.AppID, token secret.Text) (Client, error) {
	c, err := r.cfg.Registrations.Client(ctx, id)
	switch {
	case errors.Is(err, ErrUnknown):
		return Client{}, errDenied
	case err != nil:
		return Client{}, err
	case c.Origin != Dynamic || len(c.ManageHash) != sha256.Size || subtle.ConstantTimeCompare(HashSecret(token.Reveal()), c.ManageHash) != 1:
		return Client{}, errDenied
	}
	return c, nil
}

// change replaces a registration's description. People are asked again when its
// return addresses changed, because the digest does.
func (r *Registrar) change(ctx context.Context, have Client, raw []byte, from string) (Client, error) {
	o, err := readObject(raw)
	if err != nil {
		return Client{}, badMetadata("the body: %v", err)
	}
	if id, err := o.text("client_id"); err != nil || id != string(have.ID) {
		return Client{}, badMetadata("client_id is not this client's")
	}
	for _, ours := range []string{"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at", "client_secret"} {
		if o.has(ours) { // RFC 7592 section 2.2
			return Client{}, badMetadata("%s cannot be changed", ours)
		}
	}
	next, err := r.read(ctx, raw)
	if err != nil {
		return Client{}, err
	}
	next.ID, next.Created, next.Used, next.ManageHash = have.ID, have.Created, have.Used, have.ManageHash
	next.Approved, next.ApprovedName = have.Approved, have.ApprovedName
	if next, err = named(ctx, r.cfg.Names, next); err != nil {
		return Client{}, err
	}
	if err := r.cfg.Registrations.ChangeApp(ctx, next, from); err != nil {
		return Client{}, fmt.Errorf("change a registration: %w", err)
	}
	r.cfg.Changed(have.ID)
	return next, nil
}

func (r *Registrar) remove(ctx context.Context, c Client, from string) error {
	if err := r.cfg.Registrations.RemoveApp(ctx, c, from); err != nil {
		return fmt.Errorf("remove a registration: %w", err)
	}
	r.cfg.Changed(c.ID)
	return nil
}

// information is the answer of RFC 7591 section 3.2.1 and RFC 7592 section 3:
// everything that is registered, with what the server made of it.
func (r *Registrar) information(c Client, token secret.Text) (map[string]any, error) {
	out := map[string]any{}
	if err := json.Unmarshal([]byte(c.Metadata), &out); err != nil {
		return nil, fmt.Errorf("metadata of app %s: %w", c.ID, err)
	}
	for name, value := range map[string]any{
		"client_id": c.ID, "client_id_issued_at": c.Created.Unix(), "client_name": c.OwnName(), "redirect_uris": c.RedirectURIs,
		"grant_types": c.GrantTypes, "response_types": []string{"code"}, "token_endpoint_auth_method": None,
		"registration_access_token": token.Reveal(), "registration_client_uri": r.cfg.Endpoint + "/" + url.PathEscape(string(c.ID)),
	} {
		out[name] = value
	}
	if c.Website != "" {
		out["client_uri"] = c.Website
	}
	for name, scopes := range map[string][]consent.ScopeName{"scope": c.Scopes, "required_scope": c.Required} {
		if len(scopes) > 0 {
			out[name] = joined(scopes)
		}
	}
	if len(c.DetailTypes) > 0 {
		out["authorization_details_types"] = c.DetailTypes
	}
	if c.MustPush {
		out["require_pushed_authorization_requests"] = true
	}
	if c.MustProve {
		out["dpop_bound_access_tokens"] = true
	}
	if len(c.LogoutURIs) > 0 {
		out["post_logout_redirect_uris"] = c.LogoutURIs
	}
	if c.JWKSURI != "" {
		out["jwks_uri"] = c.JWKSURI
	}
	if c.JWKS != "" {
		out["jwks"] = json.RawMessage(c.JWKS)
	}
	return out, nil
}

func joined(scopes []consent.ScopeName) string {
	var out []string
	for _, s := range scopes {
		out = append(out, string(s))
	}
	return strings.Join(out, " ")
}
