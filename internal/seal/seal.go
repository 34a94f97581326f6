// Package seal owns the server's own secret: one file of 256 random bits from
// which every other key that never leaves this server is derived, by purpose
// (HKDF, RFC 5869): access tokens, refresh tokens, flow parameters, form tokens.
//
// It does not hold provider tokens; package vault does, with keys of its own, so
// that whoever can mint a form token still cannot open a provider's.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

const keySize = 32

// Key is the server's secret. It prints as [redacted]. The bytes are behind a
// function because fmt calls no methods on an unexported field of somebody's
// struct and prints what it finds there; of a function that is an address.
type Key struct{ secret func() []byte }

// String implements fmt.Stringer.
func (Key) String() string { return "[redacted]" }

// GoString implements fmt.GoStringer.
func (Key) GoString() string { return "[redacted]" }

// Create makes a key file that only its owner can read. It fails when the file
// exists.
func Create(path string) error {
	secret := make([]byte, keySize)
	rand.Read(secret)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create the server key: %w", err)
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(secret) + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// OpenFile reads a key file. It refuses a file that others can read, and a key
// that was not made by Create: too short, or visibly not random.
func OpenFile(path string) (Key, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Key{}, fmt.Errorf("the key file %s is missing", filepath.Base(path))
	}
	if err != nil {
		return Key{}, fmt.Errorf("read the server key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Key{}, fmt.Errorf("the key file %s can be read by others (mode %#o); run: chmod 600 %s", filepath.Base(path), mode, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("read the server key: %w", err)
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(secret) != keySize || weak(secret) {
		return Key{}, fmt.Errorf("the key file %s does not hold 256 random bits; restore it from your backup", filepath.Base(path))
	}
	return Key{func() []byte { return secret }}, nil
}

// weak catches keys typed by hand: among 32 random bytes fewer than 16 different
// ones do not occur in practice.
func weak(secret []byte) bool {
	seen := map[byte]bool{}
	for _, b := range secret {
		seen[b] = true
	}
	return len(seen) < 16
}

// Derive returns 32 bytes for one purpose. Different purposes give keys that
// tell nothing about each other.
func (k Key) Derive(purpose string) []byte {
	out, err := hkdf.Key(sha256.New, k.secret(), nil, "deputy/"+purpose, keySize)
	if err != nil {
		panic(err) // only for an output longer than 255 hashes
	}
	return out
}

// Box returns the box of one purpose.
func (k Key) Box(purpose string) Box {
	aead, err := chacha20poly1305.NewX(k.Derive(purpose))
	if err != nil {
		panic(err) // only for a key of another size
	}
	return Box{aead}
}

// ErrNotOurs is returned for everything that Open cannot open, without a reason:
// changed, made for another place, or never ours.
var ErrNotOurs = errors.New("not sealed here, or changed since")

// Box seals small values that travel through other hands. XChaCha20-Poly1305:
// its nonce is long enough to be random for every value ever sealed.
type Box struct{ aead cipher.AEAD }

// Seal returns plain, encrypted and authenticated, as base64url. Only Open with
// the same bound values gives it back.
func (b Box) Seal(plain []byte, bound ...string) string {
	nonce := make([]byte, b.aead.NonceSize(), b.aead.NonceSize()+len(plain)+b.aead.Overhead())
	rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(b.aead.Seal(nonce, nonce, plain, place(bound)))
}

// Open returns what Seal sealed, or ErrNotOurs.
func (b Box) Open(sealed string, bound ...string) ([]byte, error) {
	// Strict: base64 has several spellings of the same bytes, a token has one.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < b.aead.NonceSize() {
		return nil, ErrNotOurs
	}
	n := b.aead.NonceSize()
	plain, err := b.aead.Open(nil, raw[:n], raw[n:], place(bound))
	if err != nil {
		return nil, ErrNotOurs
	}
	return plain, nil
}

// place joins the bound values so that no two lists give the same bytes.
func place(bound []string) []byte {
	var out []byte
	for _, s := range bound {
		out = binary.BigEndian.AppendUint32(out, uint32(len(s)))
		out = append(out, s...)
	}
	return out
}
