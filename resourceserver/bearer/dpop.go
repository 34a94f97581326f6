package bearer

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"
)

// The error codes of RFC 9449 section 12.2.
const (
	InvalidProof = "invalid_dpop_proof"
	UseNonce     = "use_dpop_nonce"
)

// How old a proof may be, and how old a nonce. Both are in force whichever clock
// the client has: a nonce is our own time.
const (
	proofWindow = time.Minute // on both sides of now, section 11.1
	nonceLife   = 5 * time.Minute
)

// Limits of a proof, in bytes.
const (
	proofLimit = 8 << 10
	jtiLimit   = 256
)

// Replays remembers which proofs were seen. Everybody who answers for the same
// origin must share it: a proof is good once.
type Replays interface {
	// First reports whether id was not seen before, and remembers it until then.
	First(ctx context.Context, id string, until time.Time) (bool, error)
}

// ProofError is why a proof was refused.
type ProofError struct {
	Reason string // for developers
	// Nonce, unless empty, is what the client must put into its next proof
	// (section 8). It goes into the header DPoP-Nonce.
	Nonce string
}

// Error implements error.
func (e *ProofError) Error() string { return "DPoP proof: " + e.Reason }

// Code is the OAuth error code that goes with the refusal.
func (e *ProofError) Code() string {
	if e.Nonce != "" {
		return UseNonce
	}
	return InvalidProof
}

// Proofs checks DPoP proofs: that the sender of a request holds a key, now, for
// this request (RFC 9449 section 4.3).
//
// A proof made by a clock within a minute of ours needs no nonce. One whose time
// is off is asked to come again with a nonce, and then the nonce is what makes it
// fresh: clients whose clock is wrong work, after one more request, and nobody
// else pays for them.
type Proofs struct {
	// Origin is the scheme and host clients dial: "https://deputy.example". What a
	// proof names is compared with it, never with the Host header.
	Origin  string
	Replays Replays
	// NonceKey authenticates nonces: 32 secret bytes, the same for every replica.
	NonceKey []byte
	Now      func() time.Time
}

// claims is the payload of a proof (section 4.2).
type claims struct {
	ID     string   `json:"jti"`
	Method string   `json:"htm"`
	URI    string   `json:"htu"`
	Issued *float64 `json:"iat"`
	Hash   string   `json:"ath"`
	Nonce  string   `json:"nonce"`
}

// Check returns the thumbprint (RFC 7638) of the key that the sender of r proves
// to hold, or "" when r brings no proof. token is the access token r was sent
// with; "" where there is none. An error that is not a *ProofError means that it
// could not be found out.
func (p *Proofs) Check(r *http.Request, token string) (string, error) {
	headers := r.Header["Dpop"] // in Go's canonical form
	switch {
	case len(headers) == 0:
		return "", nil
	case len(headers) > 1:
		return "", refused("there must be one DPoP header")
	}
	signed, err := verifyProof(headers[0])
	if err != nil {
		return "", err
	}
	if err := signed.claims.fit(r, p.Origin, token); err != nil {
		return "", err
	}
	until, err := p.fresh(signed.claims)
	if err != nil {
		return "", err
	}
	// Last: what is refused for another reason is not worth a row. The key is part
	// of the id, so that nobody can use up the ids of others.
	sum := sha256.Sum256([]byte(signed.thumbprint + " " + signed.claims.ID))
	first, err := p.Replays.First(r.Context(), "dpop:"+base64.RawURLEncoding.EncodeToString(sum[:]), until)
	if err != nil {
		return "", fmt.Errorf("remember a DPoP proof: %w", err)
	}
	if !first {
		return "", refused("it was used before")
	}
	return signed.thumbprint, nil
}

func refused(why string) *ProofError { return &ProofError{Reason: why} }

// fit checks that a proof was made for this request and this token.
func (c claims) fit(r *http.Request, origin, token string) error {
	want, err := place(origin + r.URL.EscapedPath())
	if err != nil {
		return err
	}
	got, err := place(c.URI)
	switch {
	case c.ID == "" || len(c.ID) > jtiLimit:
		return refused("its jti is missing or too long")
	case c.Method != r.Method:
		return refused("it is for another method")
	case err != nil || got != want:
		return refused("it is for another address")
	case token == "":
		return nil
	}
	sum := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare([]byte(c.Hash), []byte(base64.RawURLEncoding.EncodeToString(sum[:]))) != 1 {
		return refused("it is for another access token") // section 7.1
	}
	return nil
}

// fresh checks that a proof was made just now, and returns until when it could be
// shown again.
func (p *Proofs) fresh(c claims) (time.Time, error) {
	now := p.Now()
	if c.Issued == nil || math.IsNaN(*c.Issued) || *c.Issued < 0 || *c.Issued > 1<<40 {
		return time.Time{}, refused("its iat is missing or no time")
	}
	if c.Nonce != "" {
		made, ok := p.readNonce(c.Nonce)
		if !ok || now.Sub(made) > nonceLife || made.Sub(now) > proofWindow {
			return time.Time{}, p.again("its nonce is not one of ours, or too old")
		}
		return made.Add(nonceLife + proofWindow), nil
	}
	issued := time.Unix(int64(*c.Issued), 0)
	if now.Sub(issued) > proofWindow || issued.Sub(now) > proofWindow {
		return time.Time{}, p.again("its iat is more than a minute off; use the nonce")
	}
	return issued.Add(2 * proofWindow), nil
}

func (p *Proofs) again(why string) *ProofError {
	return &ProofError{Reason: why, Nonce: p.newNonce(p.Now())}
}

// signed is a proof whose signature fits the key in it.
type signed struct {
	claims     claims
	thumbprint string
}

// verifyProof reads a proof and verifies its signature with the key in it. What
// it says is not compared with anything.
func verifyProof(raw string) (signed, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || len(raw) > proofLimit {
		return signed{}, refused("it is not a JWT")
	}
	var head struct {
		Type      string          `json:"typ"`
		Algorithm string          `json:"alg"`
		Key       json.RawMessage `json:"jwk"`
		Critical  json.RawMessage `json:"crit"`
	}
	var out signed
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err := errors.Join(err, decodePart(parts[0], &head), decodePart(parts[1], &out.claims)); err != nil {
		return signed{}, refused("it cannot be decoded")
	}
	switch {
	case head.Type != "dpop+jwt":
		return signed{}, refused("its typ is not dpop+jwt")
	case head.Critical != nil: // RFC 7515 section 4.1.11: there is no extension we know
		return signed{}, refused("it has a crit header")
	}
	k, err := readKey(head.Key)
	if err != nil {
		return signed{}, err
	}
	if !k.verifies(head.Algorithm, []byte(parts[0]+"."+parts[1]), signature) {
		return signed{}, refused("its signature does not fit its key and alg")
	}
	out.thumbprint = k.thumbprint
	return out, nil
}

func decodePart(part string, into any) error {
	plain, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, into)
}
