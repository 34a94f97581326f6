package clients

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/loopback"
)

// maxDocument is the largest document that is read, in bytes (CIMD section 8.7).
const maxDocument = 5 << 10

// maxDocumentID bounds such a client_id, in bytes.
const maxDocumentID = 400

// IsDocument reports whether a client_id looks like the address of a document.
func IsDocument(id consent.AppID) bool {
	return strings.HasPrefix(string(id), "https://") || strings.HasPrefix(string(id), "http://")
}

// validDocumentID says why an address is not fetched, or nil (CIMD section 3).
// The address is compared byte for byte everywhere, so it must have one spelling;
// and it must name a host that people can read.
func validDocumentID(id string, allowLoopback bool) error {
	if len(id) > maxDocumentID {
		return errors.New("it is too long")
	}
	u, err := strictURL(id)
	if err != nil {
		return err
	}
	host := u.Hostname()
	local := allowLoopback && loopback.Is(host)
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && local):
		return errors.New("it is not https")
	case u.Path == "" || u.Path == "/":
		return errors.New("it has no path")
	case u.RawQuery != "" || u.ForceQuery:
		return errors.New("it has a query") // SHOULD NOT for clients; here it keeps echoing services out
	case strings.HasSuffix(u.Host, ":"), u.Port() == "443" && u.Scheme == "https":
		return errors.New("its port can be written in another way")
	case local:
		return nil
	}
	if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".") || strings.HasPrefix(host, ".") {
		return errors.New("its host is not the full name of a site")
	}
	if host != strings.ToLower(host) || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
		return errors.New("its host is not in its plain form")
	}
	if last := host[strings.LastIndexByte(host, '.')+1:]; strings.Trim(last, "0123456789") == "" {
		return errors.New("its host is a number") // 0x7f.1, 127.1: names that are addresses
	}
	return nil
}

// readDocument makes a client of a client-id metadata document. What it says
// counts as what its site says about itself, and no more.
func readDocument(id string, raw []byte, allowLoopback bool) (Client, error) {
	o, err := readObject(raw)
	if err != nil {
		return Client{}, err
	}
	// Compared byte for byte: a document speaks for its own address only (CIMD
	// section 4).
	if own, err := o.text("client_id"); err != nil || own != id {
		return Client{}, errors.New("its client_id is not the address it was fetched from")
	}
	for _, secret := range []string{"client_secret", "client_secret_expires_at"} {
		if _, there := o[secret]; there {
			return Client{}, errors.New("it has a client secret") // CIMD section 4.1
		}
	}
	d, err := describe(o, allowLoopback)
	if err != nil {
		return Client{}, err
	}
	if d.name == "" {
		return Client{}, errors.New("it has no client_name")
	}
	switch d.method {
	case "", None:
		d.method = None
	case PrivateKeyJWT:
	default:
		return Client{}, fmt.Errorf("its token_endpoint_auth_method needs a shared secret or is not offered")
	}
	var required []consent.ScopeName
	for _, s := range d.required {
		required = append(required, consent.ScopeName(s))
	}
	return Client{
		ID: consent.AppID(id), Name: d.name, Publisher: "", Origin: Document, Confidential: d.method == PrivateKeyJWT, AuthMethod: d.method,
		JWKS: d.jwks, JWKSURI: d.jwksURI, RedirectURIs: d.redirects, LogoutURIs: d.logouts, GrantTypes: d.grants, Required: required, DetailTypes: d.detailTypes, MustPush: d.mustPush, MustProve: d.mustProve, Website: d.website, LogoURI: d.logo,
	}, nil
}

// Host returns the host that answers for the client itself, "" when none does: a
// document's is that of its address.
func (c Client) Host() string {
	if c.Origin == Document {
		return hostOf(string(c.ID))
	}
	return ""
}
