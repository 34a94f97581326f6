package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/loopback"
)

// Bounds of what a client may say about itself.
const (
	maxRedirects    = 10
	maxScopeBytes   = 2000
	maxTextMetadata = 500 // bytes of one value that is only echoed
	maxDetailTypes  = 20  // of authorization_details
	maxDetailType   = 100 // bytes
)

// MetadataError is why a client's own description cannot be used, in the words of
// RFC 7591 section 3.2.2.
type MetadataError struct {
	Code        string // invalid_redirect_uri | invalid_client_metadata
	Description string // one sentence for developers, printable ASCII
}

// Error implements error.
func (e *MetadataError) Error() string { return e.Code + ": " + e.Description }

func badMetadata(format string, args ...any) error {
	return &MetadataError{"invalid_client_metadata", printable(fmt.Sprintf(format, args...))}
}

func badRedirect(format string, args ...any) error {
	return &MetadataError{"invalid_redirect_uri", printable(fmt.Sprintf(format, args...))}
}

// printable keeps what may stand in an error_description (RFC 6749 section 5.2).
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 300)]
}

// OpenGrantTypes lists what a client that nobody registered by hand may use. A
// token without a person is not among them.
func OpenGrantTypes() []string {
	return []string{"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"}
}

// description is what a client says about itself (RFC 7591 section 2), checked.
type description struct {
	name            string // cleaned; "" when it said none
	redirects       []string
	logouts         []string
	grants          []string
	method          string // as it said; "" when it said none
	jwks, jwksURI   string
	website         string
	logo            string // address; "" when it said none that can be used
	applicationType string
	scopes          []string
	required        []string
	detailTypes     []consent.ResourceType
	mustPush        bool
	mustProve       bool
	echo            object // what else it said and gets back
}

// describe reads metadata. Members that are not known are ignored (RFC 7591
// section 2). With allowLoopback, plain http addresses of this computer are possible
// for keys, too.
func describe(o object, allowLoopback bool) (description, error) {
	var d description
	for _, step := range []func(object) error{
		d.readNames, func(o object) error { return d.readLogo(o, allowLoopback) }, d.readRedirects, d.readLogouts, d.readGrants, func(o object) error { return d.readKeys(o, allowLoopback) }, d.readScope, d.readDetailTypes, d.readDemands, d.readEcho,
	} {
		if err := step(o); err != nil {
			return description{}, err
		}
	}
	return d, nil
}

func (d *description) readNames(o object) error {
	name, err := o.text("client_name")
	if err != nil {
		return badMetadata("%v", err)
	}
	d.name = CleanName(name)
	site, err := o.text("client_uri")
	if err != nil {
		return badMetadata("%v", err)
	}
	if webPage(site) {
		d.website = site
	}
	d.applicationType, err = o.text("application_type")
	if err != nil {
		return badMetadata("%v", err)
	}
	switch d.applicationType {
	case "":
		d.applicationType = "web" // OpenID Connect Registration section 2
	case "web", "native":
	default:
		return badMetadata("application_type is neither web nor native")
	}
	return nil
}

// readLogo reads where a logo is. Nothing is fetched for it.
func (d *description) readLogo(o object, allowLoopback bool) error {
	uri, err := o.text("logo_uri")
	if err != nil {
		return badMetadata("%v", err)
	}
	if len(uri) <= maxTextMetadata && ValidKeysURI(uri, allowLoopback) == nil {
		d.logo = uri
	}
	return nil
}

func (d *description) readRedirects(o object) error {
	uris, err := o.texts("redirect_uris")
	if err != nil {
		return badRedirect("%v", err)
	}
	switch {
	case len(uris) == 0:
		return badRedirect("redirect_uris is missing")
	case len(uris) > maxRedirects:
		return badRedirect("there are more than %d redirect_uris", maxRedirects)
	}
	for i, uri := range uris {
		if err := ValidRedirect(uri); err != nil {
			return badRedirect("redirect URI %d: %v", i+1, err)
		}
		if !slices.Contains(d.redirects, uri) {
			d.redirects = append(d.redirects, uri)
		}
	}
	return nil
}

// readLogouts reads where a browser may be sent after a sign-out (OpenID Connect
// RP-Initiated Logout section 3.1).
func (d *description) readLogouts(o object) error {
	uris, err := o.texts("post_logout_redirect_uris")
	if err != nil {
		return badMetadata("%v", err)
	}
	if len(uris) > maxRedirects {
		return badMetadata("there are more than %d post_logout_redirect_uris", maxRedirects)
	}
	for i, uri := range uris {
		if err := ValidRedirect(uri); err != nil {
			return badMetadata("post-logout redirect URI %d: %v", i+1, err)
		}
	}
	d.logouts = uris
	return nil
}

// readGrants keeps of what was asked what is offered to strangers; the answer says
// what it came to (RFC 7591 section 3.2.1). A client that names none gets what
// every client today means: a code, and to be able to refresh.
func (d *description) readGrants(o object) error {
	grants, err := o.texts("grant_types")
	if err != nil {
		return badMetadata("%v", err)
	}
	responses, err := o.texts("response_types")
	if err != nil {
		return badMetadata("%v", err)
	}
	if len(responses) > 0 && !slices.Contains(responses, "code") {
		return badMetadata("response_types must have code")
	}
	if len(grants) == 0 {
		grants = []string{"authorization_code", "refresh_token"}
	}
	for _, g := range OpenGrantTypes() {
		if slices.Contains(grants, g) {
			d.grants = append(d.grants, g)
		}
	}
	if !slices.ContainsFunc(d.grants, func(g string) bool { return g != "refresh_token" }) {
		return badMetadata("grant_types has nothing that is offered here: %s", strings.Join(OpenGrantTypes(), ", "))
	}
	return nil
}

func (d *description) readKeys(o object, allowLoopback bool) error {
	var err error
	if d.method, err = o.text("token_endpoint_auth_method"); err != nil {
		return badMetadata("%v", err)
	}
	if d.jwksURI, err = o.text("jwks_uri"); err != nil {
		return badMetadata("%v", err)
	}
	switch {
	case o.has("jwks") && d.jwksURI != "":
		return badMetadata("there is both jwks and jwks_uri") // RFC 7591 section 2
	case o.has("jwks"):
		if d.jwks, err = CheckKeys(o["jwks"]); err != nil {
			return badMetadata("jwks: %v", err)
		}
	case d.jwksURI != "":
		if err := ValidKeysURI(d.jwksURI, allowLoopback); err != nil {
			return badMetadata("jwks_uri: %v", err)
		}
	}
	if d.method == PrivateKeyJWT && d.jwks == "" && d.jwksURI == "" {
		return badMetadata("private_key_jwt needs jwks or jwks_uri")
	}
	return nil
}

// ValidKeysURI says why an address cannot be a jwks_uri, or nil: https, or plain
// http towards this computer when allowLoopback is true.
func ValidKeysURI(raw string, allowLoopback bool) error {
	u, err := strictURL(raw)
	switch {
	case err != nil:
		return err
	case u.Scheme == "https" && u.Hostname() != "":
		return nil
	case u.Scheme == "http" && allowLoopback && loopback.Is(u.Hostname()):
		return nil
	}
	return fmt.Errorf("it is not an https address")
}

func (d *description) readScope(o object) error {
	scope, err := o.text("scope")
	if err != nil || len(scope) > maxScopeBytes {
		return badMetadata("scope is not a string, or too long")
	}
	d.scopes = strings.Fields(scope)
	// No registered member says which scopes a client cannot do without. This one is
	// written like scope; servers that do not know it ignore it (RFC 7591 section 2).
	required, err := o.text("required_scope")
	if err != nil || len(required) > maxScopeBytes {
		return badMetadata("required_scope is not a string, or too long")
	}
	d.required = strings.Fields(required)
	return nil
}

// readDetailTypes reads which authorization_details the client will send (RFC 9396
// section 10): a ceiling it sets itself. A name nobody knows does no harm there.
func (d *description) readDetailTypes(o object) error {
	types, err := o.texts("authorization_details_types")
	if err != nil || len(types) > maxDetailTypes {
		return badMetadata("authorization_details_types is not a list of at most %d strings", maxDetailTypes)
	}
	for _, t := range types {
		if t == "" || len(t) > maxDetailType || strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return badMetadata("authorization_details_types has something that is no type")
		}
		d.detailTypes = append(d.detailTypes, consent.ResourceType(t))
	}
	return nil
}

// readDemands reads what the client wants to be held to.
func (d *description) readDemands(o object) error {
	for name, to := range map[string]*bool{"require_pushed_authorization_requests": &d.mustPush, "dpop_bound_access_tokens": &d.mustProve} {
		if o.has(name) && json.Unmarshal(o[name], to) != nil {
			return badMetadata("%s is neither true nor false", name)
		}
	}
	return nil
}

// readEcho keeps what is told back to the client. None of it but the logo is shown
// to people or fetched.
func (d *description) readEcho(o object) error {
	d.echo = object{}
	for _, name := range []string{"logo_uri", "tos_uri", "policy_uri", "software_id", "software_version"} {
		s, err := o.text(name)
		if err != nil {
			return badMetadata("%v", err)
		}
		if s == "" || len(s) > maxTextMetadata || (strings.HasSuffix(name, "_uri") && !webPage(s)) {
			continue
		}
		d.echo[name] = compact(o[name])
	}
	contacts, err := o.texts("contacts")
	if err != nil {
		return badMetadata("%v", err)
	}
	if raw := compact(o["contacts"]); len(contacts) > 0 && len(raw) <= maxTextMetadata {
		d.echo["contacts"] = raw
	}
	return nil
}

func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil // it was decoded before
	}
	return b.Bytes()
}

// webPage reports whether an address is one a person could open safely.
func webPage(raw string) bool {
	u, err := strictURL(raw)
	return err == nil && u.Scheme == "https" && u.Hostname() != ""
}

// hostOf returns the host of an address that was checked before.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}
