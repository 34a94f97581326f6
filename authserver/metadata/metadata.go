// Package metadata publishes what this server can do: the documents of RFC 8414
// and OpenID Connect Discovery. Everything in them is taken from the parts that
// do it, so that the documents cannot promise what is not there.
//
// It does not describe the broker; package resourceserver publishes its own
// document (RFC 9728).
package metadata

import (
	"context"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
)

// Vocabulary is every scope that can be asked for now.
type Vocabulary interface {
	Scopes(ctx context.Context) (consent.Vocabulary, error)
}

// Config is what the documents are made from.
type Config struct {
	Issuer     string // byte for byte what clients compare with
	GrantTypes []string
	// GrantActions are what clients can do with grants (Grant Management section 7.1).
	GrantActions []string
	Algorithm    string   // of ID tokens
	Resources    []string // of this server's own API, RFC 9728 section 4
	Vocabulary   Vocabulary
	// AssertionAlgorithms are those of client assertions (RFC 7523).
	AssertionAlgorithms []string
	// Registration is true when apps may register themselves.
	Registration bool
	// ProofAlgorithms are those of DPoP proofs.
	ProofAlgorithms []string
	// DetailTypes are those of authorization_details.
	DetailTypes []string
	// Locales are the languages of the pages, BCP 47.
	Locales []string
	// Levels are those a sign-in can reach.
	Levels []consent.Level
}

// Paths of the endpoints, relative to the issuer. The route table uses the same
// constants.
const (
	AuthorizePath  = "/oauth/authorize"
	PushPath       = "/oauth/par"
	DevicePath     = "/oauth/device_authorization"
	RegisterPath   = "/oauth/register"
	TokenPath      = "/oauth/token"
	IntrospectPath = "/oauth/introspect"
	RevokePath     = "/oauth/revoke"
	UserinfoPath   = "/oauth/userinfo"
	LogoutPath     = "/oauth/logout"
	GrantsPath     = "/oauth/grants"
	JWKSPath       = "/.well-known/jwks.json"
)

// document is RFC 8414 section 2 with OpenID Connect Discovery section 3. Members
// that would be empty are left out (RFC 8414 section 3.2).
type document struct {
	Issuer                   string          `json:"issuer"`
	Authorization            string          `json:"authorization_endpoint"`
	Pushed                   string          `json:"pushed_authorization_request_endpoint"`
	Device                   string          `json:"device_authorization_endpoint"`
	Token                    string          `json:"token_endpoint"`
	Introspection            string          `json:"introspection_endpoint"`
	Revocation               string          `json:"revocation_endpoint"`
	Userinfo                 string          `json:"userinfo_endpoint"`
	EndSession               string          `json:"end_session_endpoint"`
	Registration             string          `json:"registration_endpoint,omitempty"`
	Documents                bool            `json:"client_id_metadata_document_supported"`
	JWKS                     string          `json:"jwks_uri"`
	Scopes                   []string        `json:"scopes_supported"`
	ResponseTypes            []string        `json:"response_types_supported"`
	ResponseModes            []string        `json:"response_modes_supported"`
	GrantTypes               []string        `json:"grant_types_supported"`
	RefreshExpiry            []string        `json:"refresh_token_expiration_types_supported"`
	Grants                   string          `json:"grant_management_endpoint"`
	GrantActions             []string        `json:"grant_management_actions_supported"`
	GrantActionRequired      bool            `json:"grant_management_action_required"`
	TokenAuthMethods         []string        `json:"token_endpoint_auth_methods_supported"`
	IntrospectionAuthMethods []string        `json:"introspection_endpoint_auth_methods_supported"`
	RevocationAuthMethods    []string        `json:"revocation_endpoint_auth_methods_supported"`
	TokenAuthAlgorithms      []string        `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAlgorithms  []string        `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationAlgorithms     []string        `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	ChallengeMethods         []string        `json:"code_challenge_methods_supported"`
	IssParameter             bool            `json:"authorization_response_iss_parameter_supported"`
	Request                  bool            `json:"request_parameter_supported"`
	RequestURI               bool            `json:"request_uri_parameter_supported"`
	Prompts                  []string        `json:"prompt_values_supported"`
	Levels                   []consent.Level `json:"acr_values_supported"`
	SubjectTypes             []string        `json:"subject_types_supported"`
	IDTokenAlgorithms        []string        `json:"id_token_signing_alg_values_supported"`
	Locales                  []string        `json:"ui_locales_supported,omitempty"`
	Claims                   []string        `json:"claims_supported"`
	ProofAlgorithms          []string        `json:"dpop_signing_alg_values_supported,omitempty"`
	DetailTypes              []string        `json:"authorization_details_types_supported,omitempty"` // RFC 9396 section 10
	Resources                []string        `json:"protected_resources,omitempty"`
}

func (cfg Config) document(ctx context.Context) (document, error) {
	words, err := cfg.Vocabulary.Scopes(ctx)
	if err != nil {
		return document{}, err
	}
	var scopes []string
	for name := range words {
		scopes = append(scopes, string(name))
	}
	slices.Sort(scopes)
	proven := []string{"client_secret_post", "client_secret_basic", "private_key_jwt"}
	var register string
	if cfg.Registration {
		register = cfg.Issuer + RegisterPath
	}
	return document{
		Registration: register, Documents: true, TokenAuthAlgorithms: cfg.AssertionAlgorithms, IntrospectionAlgorithms: cfg.AssertionAlgorithms, RevocationAlgorithms: cfg.AssertionAlgorithms,
		Issuer: cfg.Issuer, Authorization: cfg.Issuer + AuthorizePath, Pushed: cfg.Issuer + PushPath, Device: cfg.Issuer + DevicePath, Token: cfg.Issuer + TokenPath, Introspection: cfg.Issuer + IntrospectPath,
		Revocation: cfg.Issuer + RevokePath, Userinfo: cfg.Issuer + UserinfoPath, EndSession: cfg.Issuer + LogoutPath, JWKS: cfg.Issuer + JWKSPath,
		Scopes: scopes, ResponseTypes: []string{"code"}, ResponseModes: []string{"query"}, GrantTypes: cfg.GrantTypes, RefreshExpiry: []string{"authorization", "token_timeout"},
		Grants: cfg.Issuer + GrantsPath, GrantActions: cfg.GrantActions,
		TokenAuthMethods: append(slices.Clone(proven), "none"), IntrospectionAuthMethods: proven, RevocationAuthMethods: append(slices.Clone(proven), "none"),
		ChallengeMethods: []string{"S256"}, IssParameter: true, Prompts: []string{"none", "login", "consent", "select_account"},
		SubjectTypes: []string{"public"}, IDTokenAlgorithms: []string{cfg.Algorithm},
		Claims: []string{"sub", "iss", "aud", "iat", "exp", "auth_time", "acr", "nonce", "at_hash", "sid", "name", "picture", "email"}, Resources: cfg.Resources,
		ProofAlgorithms: cfg.ProofAlgorithms, DetailTypes: cfg.DetailTypes, Levels: cfg.Levels, Locales: cfg.Locales,
	}, nil
}

// Serve answers with the document.
func (cfg Config) Serve(c *gin.Context) error {
	doc, err := cfg.document(c.Request.Context())
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "public, max-age=300")
	c.Header("Access-Control-Allow-Origin", "*")
	c.Header("Cross-Origin-Resource-Policy", "cross-origin")
	c.JSON(http.StatusOK, doc)
	return nil
}
