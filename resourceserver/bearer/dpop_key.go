package bearer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// ProofAlgorithms are the signatures a proof can have: asymmetric ones only (RFC
// 9449 section 4.2). Ed25519 is the newer name of EdDSA with that curve (RFC
// 9864).
func ProofAlgorithms() []string { return []string{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"} }

// Sizes of RSA keys that are believed, in bits: shorter ones are weak, longer
// ones are only work for us.
const (
	rsaLeast = 2048
	rsaMost  = 4096
)

// proofKey is the public key of a proof.
type proofKey struct {
	public     any // *ecdsa.PublicKey on P-256, ed25519.PublicKey or *rsa.PublicKey
	thumbprint string
}

// readKey reads a JWK. Private and symmetric keys are refused: who sends one has
// given it away.
func readKey(raw json.RawMessage) (proofKey, error) {
	bad := refused("its jwk is not a public key of a kind we know")
	if len(raw) == 0 {
		return proofKey{}, refused("it has no jwk")
	}
	key, err := jwk.ParseKey(raw)
	if err != nil {
		return proofKey{}, bad
	}
	if private, err := jwk.IsPrivateKey(key); err != nil || private {
		return proofKey{}, refused("its jwk is a secret")
	}
	var k proofKey
	if err := key.Raw(&k.public); err != nil || !k.known() {
		return proofKey{}, bad
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return proofKey{}, bad
	}
	k.thumbprint = base64.RawURLEncoding.EncodeToString(sum)
	return k, nil
}

func (k proofKey) known() bool {
	switch pub := k.public.(type) {
	case *ecdsa.PublicKey:
		_, err := pub.ECDH() // refuses a point that is not on the curve
		return err == nil && pub.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return len(pub) == ed25519.PublicKeySize
	case *rsa.PublicKey:
		return pub.N.BitLen() >= rsaLeast && pub.N.BitLen() <= rsaMost && pub.E >= 3 && pub.E&1 == 1
	}
	return false
}

// verifies reports whether signature is one of the key's over input. The kind of
// the key decides; alg only has to agree.
func (k proofKey) verifies(alg string, input, signature []byte) bool {
	sum := sha256.Sum256(input)
	switch pub := k.public.(type) {
	case *ecdsa.PublicKey:
		if alg != "ES256" || len(signature) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(pub, sum[:], r, s)
	case ed25519.PublicKey:
		return (alg == "EdDSA" || alg == "Ed25519") && ed25519.Verify(pub, input, signature)
	case *rsa.PublicKey:
		switch alg {
		case "PS256":
			return rsa.VerifyPSS(pub, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		case "RS256":
			return rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], signature) == nil
		}
	}
	return false
}
