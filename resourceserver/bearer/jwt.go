package bearer

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// JWTVerifierConfig says whose tokens are believed, and for whom.
type JWTVerifierConfig struct {
	// Issuer is the authorization server, exactly as it calls itself: https, or http
	// on this machine. Its keys are found through its metadata (RFC 8414).
	Issuer string
	// Audience is this resource server's identifier. Tokens for any other, for
	// several or for none are not active here.
	Audience string
	// CacheFor is how long the issuer's keys are used before they are asked for
	// again, at most a day; 0 means an hour. While the issuer does not answer they
	// count once more as long, and then nothing is active.
	CacheFor time.Duration
	// HTTPClient fetches the keys; nil means one with a timeout of 5 seconds.
	// Redirects are never followed.
	HTTPClient *http.Client
	Now        func() time.Time // nil means time.Now
}

const (
	maxKeysFor     = 24 * time.Hour
	defaultKeysFor = time.Hour
	// skew is how far the issuer's clock may be from ours.
	skew = 10 * time.Second
)

// JWTVerifier is a Verifier that checks signed access tokens by itself (RFC 9068
// section 4). It is safe for concurrent use.
type JWTVerifier struct {
	cfg  JWTVerifierConfig
	keys *issuerKeys
}

// NewJWTVerifier returns a verifier, or says what is wrong with cfg. It fetches
// nothing yet: the issuer may start later.
func NewJWTVerifier(cfg JWTVerifierConfig) (*JWTVerifier, error) {
	if !safe(cfg.Issuer) || strings.ContainsAny(cfg.Issuer, "?#") {
		return nil, errors.New("issuer must be an https URL without query and fragment, or http on this machine")
	}
	if cfg.Audience == "" {
		return nil, errors.New("verification needs an audience")
	}
	if cfg.CacheFor < 0 || cfg.CacheFor > maxKeysFor {
		return nil, fmt.Errorf("the issuer's keys may be used for at most %s", maxKeysFor)
	}
	if cfg.CacheFor == 0 {
		cfg.CacheFor = defaultKeysFor
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.HTTPClient = straight(cfg.HTTPClient)
	return &JWTVerifier{cfg: cfg, keys: &issuerKeys{cfg: cfg}}, nil
}

// accessClaims is what counts of the payload (RFC 9068 section 2.2).
type accessClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ClientID  string   `json:"client_id"`
	Scope     string   `json:"scope"`
	ID        string   `json:"jti"`
	IssuedAt  float64  `json:"iat"`
	NotBefore float64  `json:"nbf"`
	Expires   float64  `json:"exp"`
	// Confirm is what a sender-constrained token is bound to (RFC 7800).
	Confirm map[string]string `json:"cnf"`
}

// Verify implements Verifier.
func (v *JWTVerifier) Verify(ctx context.Context, token string) (Authority, error) {
	kid, parts, ok := accessHeader(token)
	if !ok {
		return Authority{}, nil
	}
	// The key id is looked up among the issuer's keys and does nothing else (RFC 8725
	// section 3.10).
	k, known, err := v.keys.find(ctx, kid)
	if err != nil {
		return Authority{}, fmt.Errorf("verify token: %w", err)
	}
	if !known || !k.signed(parts) {
		return Authority{}, nil
	}
	plain, err := base64.RawURLEncoding.Strict().DecodeString(parts.payload)
	if err != nil {
		return Authority{}, nil
	}
	var in accessClaims
	var all map[string]any
	if errors.Join(json.Unmarshal(plain, &in), json.Unmarshal(plain, &all)) != nil || v.refuses(in) != "" {
		return Authority{}, nil
	}
	a := Authority{
		Active: true, Subject: in.Subject, ClientID: in.ClientID, Scopes: strings.Fields(in.Scope), Audience: in.Audience,
		IssuedAt: moment(in.IssuedAt), Expires: moment(in.Expires), TokenType: "Bearer", Thumbprint: bound(in.Confirm), Claims: all,
	}
	if in.Confirm["jkt"] != "" {
		a.TokenType = schemeDPoP
	}
	return a, nil
}

// refuses returns why genuine claims are none here now, or "".
func (v *JWTVerifier) refuses(c accessClaims) string {
	now := v.cfg.Now()
	switch {
	case c.Issuer != v.cfg.Issuer:
		return "another issuer"
	case len(c.Audience) != 1 || c.Audience[0] != v.cfg.Audience:
		// Whoever else the token is for could use it here (RFC 9700 section 4.10.2).
		return "another audience"
	case c.Subject == "" || c.ClientID == "" || c.ID == "" || c.IssuedAt <= 0 || c.Expires <= 0:
		return "a claim is missing" // RFC 9068 section 2.2: all are required
	case !now.Before(moment(c.Expires).Add(skew)):
		return "expired"
	case now.Add(skew).Before(moment(c.IssuedAt)), now.Add(skew).Before(moment(c.NotBefore)):
		return "not yet valid"
	}
	return ""
}

// jwtParts is a compact token, cut up.
type jwtParts struct {
	alg       string
	input     string // what was signed
	payload   string
	signature []byte
}

// kidLimit bounds a key id, in bytes.
const kidLimit = 256

// accessHeader reads a token's header. It is not ok for what is no signed access
// token. Addresses and keys in it (jku, x5u, jwk) are not read.
func accessHeader(token string) (kid string, parts jwtParts, ok bool) {
	cut := strings.Split(token, ".")
	if len(cut) != 3 || !wellFormed(token) {
		return "", jwtParts{}, false
	}
	var head struct {
		Type      string          `json:"typ"`
		Algorithm string          `json:"alg"`
		Key       string          `json:"kid"`
		Critical  json.RawMessage `json:"crit"`
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(cut[2])
	if errors.Join(err, decodePart(cut[0], &head)) != nil || head.Critical != nil || head.Key == "" || len(head.Key) > kidLimit {
		return "", jwtParts{}, false // RFC 7515 section 4.1.11: there is no extension we know
	}
	// An ID token, a logout token or a proof is signed with keys we may know, too:
	// only the type tells them apart (RFC 9068 section 4, RFC 8725 section 3.11).
	if strings.TrimPrefix(strings.ToLower(head.Type), "application/") != "at+jwt" {
		return "", jwtParts{}, false
	}
	return head.Key, jwtParts{alg: head.Algorithm, input: cut[0] + "." + cut[1], payload: cut[1], signature: signature}, true
}
