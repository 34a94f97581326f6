package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tokenLimit bounds what is looked at as a token of ours, in bytes.
const tokenLimit = 16 << 10

// Sign signs claims as a compact JWT of the given type: "JWT" for an ID token.
// The type is part of what is signed, so that a token of one kind is never
// accepted as another (RFC 8725 section 3.11).
func (r *Ring) Sign(ctx context.Context, claims map[string]any, typ string) (string, error) {
	if typ == "" {
		return "", errors.New("sign a token without a type")
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	now := r.cfg.Now()
	keys, _ := r.current(ctx)
	for _, k := range keys {
		if k.Active.After(now) || k.expired(now) {
			continue
		}
		token, err := k.pair.sign(payload, typ)
		if err != nil {
			return "", fmt.Errorf("sign with %s: %w", k.ID, err)
		}
		return token, nil
	}
	return "", errors.New("no signing key is active")
}

// Verify returns the claims of a token that was signed here as the given type and
// is valid at now. Whom it is for and who issued it is the caller's to check.
func (r *Ring) Verify(ctx context.Context, token, typ string, now time.Time) (map[string]any, error) {
	claims, err := r.Hint(ctx, token, typ)
	if err != nil {
		return nil, err
	}
	exp, limited := claims["exp"].(float64)
	if !limited || !now.Before(time.Unix(int64(exp), 0)) {
		return nil, ErrExpired
	}
	if nbf, early := claims["nbf"].(float64); early && now.Before(time.Unix(int64(nbf), 0)) {
		return nil, ErrExpired
	}
	return claims, nil
}

// Hint is Verify for a token that may be too old to count and only says whom it
// was about: an id_token_hint (OpenID Connect Core section 3.1.2.1).
func (r *Ring) Hint(ctx context.Context, token, typ string) (map[string]any, error) {
	head, _, ok := strings.Cut(token, ".")
	if !ok || typ == "" || len(token) > tokenLimit {
		return nil, ErrNotOurs
	}
	now := r.cfg.Now()
	keys, _ := r.current(ctx)
	for _, k := range keys {
		// What we sign has exactly one possible header for a key and a type. Nothing
		// in a header is ever read: no algorithm to confuse (RFC 8725 section 3.1),
		// no key id to inject, no jku or jwk to follow.
		if k.expired(now) || head != k.pair.header(typ) {
			continue
		}
		payload, err := k.pair.verify(token)
		if err != nil {
			return nil, ErrNotOurs
		}
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			return nil, ErrNotOurs
		}
		return claims, nil
	}
	return nil, ErrNotOurs
}

// jwksAge is how long verifiers may keep the document.
const jwksAge = time.Hour

// ServeHTTP answers with the JWKS document (RFC 7517 section 5).
func (r *Ring) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_, document := r.current(req.Context())
	h := w.Header()
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(jwksAge.Seconds())))
	h.Set("Access-Control-Allow-Origin", "*")
	w.Write(document) // a client that left is no error of ours
}

// JWKS returns the document of the public keys: those that sign, those that will
// and those that did.
func (r *Ring) JWKS(ctx context.Context) []byte {
	_, document := r.current(ctx)
	return document
}
