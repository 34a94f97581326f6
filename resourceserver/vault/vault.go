// Package vault seals what must survive in a database but be worthless to
// whoever steals it: provider tokens, client secrets of providers, verifiers.
//
// The hard part, once. Every sealed value is an envelope: a fresh data key
// encrypts the value, and a key of the keyset, which lives in a file and never
// in the database, encrypts the data key. The value is bound to its Place: the
// table, row, column and version it was sealed for are authenticated with it,
// so that a ciphertext moved to another row, column or generation does not open.
// Keysets hold several keys, each ciphertext names the one it needs, and the
// primary seals: a key can be replaced while old rows still open.
//
// It does not own any storage, knows no provider and no person, and it is not
// the home of the keys that sign or seal Deputy's own tokens. It is a leaf.
package vault

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/deputy-oauth/deputy/internal/secret"
)

// ErrWrongPlace is returned for a ciphertext that does not open: it was moved,
// changed, or sealed with a key that is not in the keyset. Which of these is not
// to be known.
var ErrWrongPlace = errors.New("sealed value does not open at this place")

// Place is where a sealed value lives. Version is the generation of the row, so
// that yesterday's ciphertext cannot be put back under today's.
type Place struct {
	Table, Row, Column string
	Version            int64
}

// Vault seals and opens. It is safe for concurrent use.
type Vault struct {
	envelope    tink.AEAD
	fingerprint string
}

func newVault(handle *keyset.Handle) (*Vault, error) {
	fingerprint, err := inspect(handle)
	if err != nil {
		return nil, err
	}
	keys, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("read keys of the keyset: %w", err)
	}
	return &Vault{
		envelope:    aead.NewKMSEnvelopeAEAD2(aead.XChaCha20Poly1305KeyTemplate(), keys),
		fingerprint: fingerprint,
	}, nil
}

// Seal encrypts text for p. An empty text can be sealed; a Place without table,
// row or column cannot.
func (v *Vault) Seal(p Place, text secret.Text) ([]byte, error) {
	bound, err := p.bytes()
	if err != nil {
		return nil, err
	}
	sealed, err := v.envelope.Encrypt([]byte(text.Reveal()), bound)
	if err != nil {
		return nil, fmt.Errorf("seal %s.%s: %w", p.Table, p.Column, err)
	}
	return sealed, nil
}

// Open decrypts what was sealed for exactly p. The error is ErrWrongPlace when it
// was not.
func (v *Vault) Open(p Place, sealed []byte) (secret.Text, error) {
	bound, err := p.bytes()
	if err != nil {
		return secret.Text{}, err
	}
	plain, err := v.envelope.Decrypt(sealed, bound)
	if err != nil {
		// The library's own words add nothing a caller may act on.
		return secret.Text{}, fmt.Errorf("open %s.%s: %w", p.Table, p.Column, ErrWrongPlace)
	}
	return secret.New(string(plain)), nil
}

// Fingerprint names the keyset without giving any of it away: 32 hexadecimal
// characters. It stays the same while keys are added, and changes when the
// oldest key is dropped. A database keeps it, so that a server started with
// somebody else's key says so at once and not at the first token.
func (v *Vault) Fingerprint() string { return v.fingerprint }

// bytes is the associated data: every part behind its length, so that no two
// places share it.
func (p Place) bytes() ([]byte, error) {
	if p.Table == "" || p.Row == "" || p.Column == "" {
		return nil, fmt.Errorf("seal or open without a place: table %q, column %q", p.Table, p.Column)
	}
	out := []byte("deputy vault 1")
	for _, part := range []string{p.Table, p.Row, p.Column} {
		out = binary.BigEndian.AppendUint64(out, uint64(len(part)))
		out = append(out, part...)
	}
	return binary.BigEndian.AppendUint64(out, uint64(p.Version)), nil
}
