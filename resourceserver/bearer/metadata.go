package bearer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// WellKnown is where metadata documents stand (RFC 9728 section 3).
const WellKnown = "/.well-known/oauth-protected-resource"

// Metadata describes a protected resource to clients that have never met it
// (RFC 9728 section 2).
type Metadata struct {
	// Resource is the resource's identifier: byte for byte the URL that clients
	// dial, or they must reject the document (section 3.3).
	Resource             string
	AuthorizationServers []string // issuers; at least one
	// Scopes is what basic use needs, not everything there is: clients that were
	// told nothing else ask for all of it.
	Scopes []string
	// ProofAlgorithms are those of DPoP proofs; none means that they are not taken.
	ProofAlgorithms []string
	// DetailTypes are those of authorization_details that it looks at (RFC 9396
	// section 10).
	DetailTypes   []string
	Name          string
	Documentation string
	Policy        string
}

// metadataDocument is the JSON form.
type metadataDocument struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	ScopesSupported      []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	Name                 string   `json:"resource_name,omitempty"`
	Documentation        string   `json:"resource_documentation,omitempty"`
	Policy               string   `json:"resource_policy_uri,omitempty"`
	ProofAlgorithms      []string `json:"dpop_signing_alg_values_supported,omitempty"`
	DetailTypes          []string `json:"authorization_details_types_supported,omitempty"`
}

// Document returns the JSON document.
func (m Metadata) Document() ([]byte, error) {
	if _, err := MetadataURL(m.Resource); err != nil {
		return nil, err
	}
	if len(m.AuthorizationServers) == 0 {
		return nil, fmt.Errorf("metadata of %s: no authorization server", m.Resource)
	}
	// Whether a client keeps access is between it and the authorization server.
	if slices.Contains(m.Scopes, "offline_access") {
		return nil, fmt.Errorf("metadata of %s: offline_access is no scope of a resource", m.Resource)
	}
	return json.Marshal(metadataDocument{
		Resource:             m.Resource,
		AuthorizationServers: m.AuthorizationServers,
		ScopesSupported:      m.Scopes,
		BearerMethods:        []string{"header"},
		Name:                 m.Name,
		Documentation:        m.Documentation,
		Policy:               m.Policy,
		ProofAlgorithms:      m.ProofAlgorithms,
		DetailTypes:          m.DetailTypes,
	})
}

// Handler answers with the document; browsers may read it from any origin.
func (m Metadata) Handler() (http.Handler, error) {
	document, err := m.Document()
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set("Access-Control-Allow-Origin", "*")
		w.Write(document) // a client that left is no error of ours
	}), nil
}

// MetadataURL returns where the metadata of a resource stands: the well-known
// path goes between host and path (RFC 9728 section 3.1).
func MetadataURL(resource string) (string, error) {
	u, err := url.Parse(resource)
	if err != nil {
		return "", fmt.Errorf("resource identifier: %w", err)
	}
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.Fragment != "" {
		return "", errors.New("resource identifier " + u.Redacted() + " is not an absolute http URL without a fragment")
	}
	path := u.EscapedPath()
	if path == "/" {
		path = ""
	}
	out := u.Scheme + "://" + u.Host + WellKnown + path
	if u.RawQuery != "" {
		out += "?" + u.RawQuery
	}
	return out, nil
}
