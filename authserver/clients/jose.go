package clients

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// AssertionAlgorithms lists what client assertions may be signed with; discovery
// publishes it. All are asymmetric: nothing we hold can make an assertion. Ed25519
// is the newer name of EdDSA with that curve (RFC 9864 section 2.2).
func AssertionAlgorithms() []string { return []string{"ES256", "PS256", "EdDSA", "Ed25519", "RS256"} }

// Bounds of a client's key set.
const (
	maxKeys    = 50
	maxRSABits = 4096
	minRSABits = 2048
)

// publicKey is one key of a client, with the algorithms that it is for. They come
// from the key and never from a token's header (RFC 8725 section 3.1).
type publicKey struct {
	kid  string
	algs []string
	raw  any
}

// keySet is the keys a client may sign with.
type keySet []publicKey

// readKeys reads a JWK Set (RFC 7517 section 5). A private or symmetric key makes
// the whole set invalid: whoever publishes one has lost it. Keys for something
// else than signatures, or of a kind that is not offered, are left out.
func readKeys(raw []byte) (keySet, error) {
	set, err := readObject(raw)
	if err != nil {
		return nil, fmt.Errorf("read a key set: %w", err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(set["keys"], &list); err != nil {
		return nil, errors.New("read a key set: it has no list of keys")
	}
	if len(list) > maxKeys {
		return nil, errors.New("read a key set: it has too many keys")
	}
	var out keySet
	for _, one := range list {
		k, usable, err := readKey(one)
		if err != nil {
			return nil, fmt.Errorf("read a key set: %w", err)
		}
		if usable {
			out = append(out, k)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("read a key set: it has no key for ES256, PS256, RS256 or EdDSA")
	}
	return out, nil
}

// shape lists the members that make a public key of each kind. The rest of a JWK,
// certificates and their addresses above all, is never looked at.
func shape(kty string) []string {
	switch kty {
	case "EC":
		return []string{"kty", "crv", "x", "y"}
	case "OKP":
		return []string{"kty", "crv", "x"}
	case "RSA":
		return []string{"kty", "n", "e"}
	}
	return nil
}

func readKey(raw []byte) (k publicKey, usable bool, err error) {
	o, err := readObject(raw)
	if err != nil {
		return k, false, fmt.Errorf("a key: %w", err)
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if o.has(private) {
			return k, false, errors.New("a key is private or symmetric")
		}
	}
	kty, err1 := o.text("kty")
	use, err2 := o.text("use")
	alg, err3 := o.text("alg")
	kid, err4 := o.text("kid")
	ops, err5 := o.texts("key_ops")
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return k, false, fmt.Errorf("a key: %w", err)
	}
	if kty == "oct" {
		return k, false, errors.New("a key is private or symmetric")
	}
	members := shape(kty)
	if members == nil || (use != "" && use != "sig") || (len(ops) > 0 && !slices.Contains(ops, "verify")) {
		return k, false, nil
	}
	material := object{}
	for _, m := range members {
		material[m] = o[m]
	}
	pub, err := parseKey(material)
	if err != nil {
		return k, false, err
	}
	algs := algorithmsOf(pub)
	if alg != "" {
		algs = slices.DeleteFunc(algs, func(a string) bool { return a != oneName(alg) })
	}
	return publicKey{kid: kid, algs: algs, raw: pub}, len(algs) > 0, nil
}

func parseKey(material object) (any, error) {
	encoded, err := json.Marshal(material)
	if err != nil {
		return nil, errors.New("a key lacks its parts")
	}
	key, err := jwk.ParseKey(encoded)
	if err != nil {
		return nil, errors.New("a key is malformed")
	}
	var pub any
	if err := key.Raw(&pub); err != nil {
		return nil, errors.New("a key is malformed")
	}
	return pub, nil
}

// algorithmsOf returns what a key is for by its kind alone, nothing for a key that
// is too weak, too slow or not on its curve.
func algorithmsOf(pub any) []string {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return nil
		}
		if _, err := k.ECDH(); err != nil {
			return nil // not a point of the curve
		}
		return []string{"ES256"}
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return nil
		}
		return []string{"EdDSA"}
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSABits || n > maxRSABits || k.E < 3 || k.E%2 == 0 {
			return nil
		}
		return []string{"PS256", "RS256"}
	}
	return nil
}

// oneName returns the one name that an algorithm has in here.
func oneName(alg string) string {
	if alg == "Ed25519" {
		return "EdDSA"
	}
	return alg
}

// signed reports whether one of the keys made the compact token's signature with
// alg. With a kid only the keys of that name count.
func (s keySet) signed(token, alg, kid string) bool {
	tried := 0
	for _, k := range s {
		if (kid != "" && k.kid != kid) || !slices.Contains(k.algs, oneName(alg)) {
			continue
		}
		if tried++; tried > 5 {
			return false // each try costs a signature check
		}
		if k.signed(token, alg) {
			return true
		}
	}
	return false
}

// signed reports whether the key made the compact token's signature with alg,
// which is one of its own.
func (k publicKey) signed(token, alg string) bool {
	if pub, ok := k.raw.(ed25519.PublicKey); ok { // jwx does not know its newer name
		dot := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
		return err == nil && dot > 0 && ed25519.Verify(pub, []byte(token[:dot]), signature)
	}
	_, err := jws.Verify([]byte(token), jws.WithKey(jwa.SignatureAlgorithm(alg), k.raw), jws.WithCompact())
	return err == nil
}

// CheckKeys says why a JWK Set cannot be registered, and returns it without
// spaces, as it is stored.
func CheckKeys(raw []byte) (string, error) {
	if _, err := readKeys(raw); err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return "", fmt.Errorf("read a key set: %w", err)
	}
	return b.String(), nil
}
