package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The forms of access tokens, as a resource server's TokenFormat.
const (
	Opaque    = "opaque" // dpa_…: whoever gets one asks
	SignedJWT = "jwt"    // RFC 9068: whoever gets one can verify it by itself
)

// TokenFormats are all forms there are.
func TokenFormats() []string { return []string{Opaque, SignedJWT} }

// SignedLife is how long a signed token lives at most: until then, who verifies
// without asking cannot learn that it was taken back.
const SignedLife = 5 * time.Minute

// signedType is the typ of a signed access token (RFC 9068 section 2.1). It keeps
// an ID token, signed with the same keys, from being taken for one.
const signedType = "at+jwt"

// contentClaim holds the token as this server reads it, sealed. Which grant and
// which installation of the app it belongs to is nobody else's business.
const contentClaim = "deputy_content"

// mint makes the access token in the form its audience takes, and returns how
// long it lives: a signed one no longer than SignedLife.
func (s *Server) mint(ctx context.Context, t token) (raw string, life time.Duration, err error) {
	signed, err := s.signs(ctx, t.Audience)
	if err != nil {
		return "", 0, err
	}
	if signed {
		t.Expires = min(t.Expires, t.Issued+int64(SignedLife/time.Second))
		raw, err = s.sign(ctx, t)
	} else {
		raw, err = s.access.mint(t)
	}
	return raw, time.Duration(t.Expires-t.Issued) * time.Second, err
}

// signs reports whether tokens for audience are signed. The broker's never are:
// what it does is decided on each call.
func (s *Server) signs(ctx context.Context, audience string) (bool, error) {
	if audience == s.Broker {
		return false, nil
	}
	rs, ok, err := s.ResourceServers.Known(ctx, audience)
	return ok && rs.TokenFormat == SignedJWT, err
}

func (s *Server) sign(ctx context.Context, t token) (string, error) {
	plain, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encode access token: %w", err)
	}
	claims := t.claims(s.Issuer)
	claims[contentClaim] = s.content.Seal(plain)
	return s.Signer.Sign(ctx, claims, signedType)
}

// claims is what a resource server reads in a signed token (RFC 9068 section 2.2).
func (t token) claims(issuer string) map[string]any {
	out := map[string]any{
		"iss": issuer, "sub": t.User, "aud": t.Audience, "client_id": t.App, "scope": t.Scopes,
		"iat": t.Issued, "exp": t.Expires, "jti": t.ID,
	}
	if t.User == "" {
		out["sub"] = t.App // the app acts for itself (section 2.2)
	}
	if t.AuthTime != 0 {
		out["auth_time"] = t.AuthTime // section 2.2.1
	}
	if t.Level != "" {
		out["acr"] = t.Level
	}
	if t.Thumbprint != "" {
		out["cnf"] = confirmation(t.Thumbprint)
	}
	if len(t.Actors) > 0 {
		out["act"] = act(t.Actors) // RFC 8693 section 4.1
	}
	return out
}

// open opens an access token of either form. It says nothing about whether it
// still counts. What is none costs no database read.
func (s *Server) open(ctx context.Context, raw string) (token, error) {
	if strings.HasPrefix(raw, accessPrefix) {
		return s.access.read(raw)
	}
	claims, err := s.Signer.Hint(ctx, raw, signedType)
	if err != nil {
		return token{}, errNotAToken
	}
	// Signed here as an access token: then the content is ours and belongs to it.
	sealed, ok := claims[contentClaim].(string)
	if !ok {
		return token{}, errNotAToken
	}
	plain, err := s.content.Open(sealed)
	if err != nil {
		return token{}, fmt.Errorf("open the content of a signed access token: %w", err)
	}
	var t token
	if err := json.Unmarshal(plain, &t); err != nil {
		return token{}, fmt.Errorf("decode access token: %w", err)
	}
	return t, nil
}
