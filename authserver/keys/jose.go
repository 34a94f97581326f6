package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/deputy-oauth/deputy/internal/secret"
)

// algorithm is the one algorithm of every key.
const algorithm = "ES256"

// pair is a private key with what is published of it.
type pair struct {
	kid     string
	private *ecdsa.PrivateKey
	public  string // JWK
}

func newPair() (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("make a signing key: %w", err)
	}
	return pairOf(key)
}

func pairOf(private *ecdsa.PrivateKey) (pair, error) {
	key, err := jwk.FromRaw(private.Public())
	if err != nil {
		return pair{}, fmt.Errorf("make a JWK: %w", err)
	}
	kid, err := thumbprintOf(key)
	if err != nil {
		return pair{}, err
	}
	err = errors.Join(
		key.Set(jwk.KeyIDKey, kid),
		key.Set(jwk.AlgorithmKey, jwa.ES256),
		key.Set(jwk.KeyUsageKey, string(jwk.ForSignature)),
	)
	if err != nil {
		return pair{}, fmt.Errorf("name a JWK: %w", err)
	}
	public, err := json.Marshal(key)
	if err != nil {
		return pair{}, fmt.Errorf("encode a JWK: %w", err)
	}
	return pair{kid: kid, private: private, public: string(public)}, nil
}

// thumbprint returns the RFC 7638 thumbprint of a JWK, base64url.
func thumbprint(text []byte) (string, error) {
	key, err := jwk.ParseKey(text)
	if err != nil {
		return "", fmt.Errorf("read a JWK: %w", err)
	}
	return thumbprintOf(key)
}

func thumbprintOf(key jwk.Key) (string, error) {
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("take the thumbprint of a JWK: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// encode returns the private key as PKCS #8, base64.
func (p pair) encode() (secret.Text, error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.private)
	if err != nil {
		return secret.Text{}, fmt.Errorf("encode a signing key: %w", err)
	}
	return secret.New(base64.StdEncoding.EncodeToString(der)), nil
}

func decodePair(text secret.Text) (pair, error) {
	der, err := base64.StdEncoding.DecodeString(text.Reveal())
	if err != nil {
		return pair{}, errors.New("decode a signing key: not base64") // the cause would quote the key
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return pair{}, fmt.Errorf("decode a signing key: %w", err)
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return pair{}, errors.New("decode a signing key: not one for " + algorithm)
	}
	return pairOf(private)
}

// header is the first part of every token of the given type: its members in
// alphabetical order, without spaces.
func (p pair) header(typ string) string {
	text, err := json.Marshal(struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
		Typ string `json:"typ"`
	}{algorithm, p.kid, typ})
	if err != nil {
		return "" // strings always encode; and no token begins with nothing
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func (p pair) sign(payload []byte, typ string) (string, error) {
	head := jws.NewHeaders()
	err := errors.Join(head.Set(jws.KeyIDKey, p.kid), head.Set(jws.TypeKey, typ))
	if err != nil {
		return "", err
	}
	token, err := jws.Sign(payload, jws.WithKey(jwa.ES256, p.private, jws.WithProtectedHeaders(head)))
	return string(token), err
}

// verify returns the payload of a compact token whose header is header's.
func (p pair) verify(token string) ([]byte, error) {
	return jws.Verify([]byte(token), jws.WithKey(jwa.ES256, p.private.Public()), jws.WithCompact())
}

func jwks(keys []held) ([]byte, error) {
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: make([]json.RawMessage, len(keys))}
	for i, k := range keys {
		set.Keys[i] = json.RawMessage(k.pair.public)
	}
	document, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("encode the JWKS document: %w", err)
	}
	return document, nil
}
