package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
)

const (
	shortestPassword = 8    // characters (NIST SP 800-63B-4 section 3.1.1.2, with the limit on tries)
	longestPassword  = 1024 // bytes: more is no password but a load on the hash
)

// cost is what one argon2id hash costs. RFC 9106 section 4 says how to choose;
// 19 MiB and two passes are OWASP's smallest equivalent, so that several people
// can sign in at once on a small machine.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

var errHash = errors.New("the stored password hash cannot be read")

func currentCost() cost { return cost{memory: 19 * 1024, passes: 2, threads: 1} }

// hasher hashes passwords, only so many at a time: each hash needs its memory.
type hasher struct {
	slots chan struct{}
	decoy string // hash of no password, for accounts that do not exist
}

func newHasher(parallel int) *hasher {
	return &hasher{slots: make(chan struct{}, parallel), decoy: encode(currentCost(), random(16), random(32))}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// hash returns the PHC string of a password.
func (h *hasher) hash(ctx context.Context, password secret.Text) (string, error) {
	salt := random(16)
	key, err := h.derive(ctx, currentCost(), password, salt, 32)
	if err != nil {
		return "", err
	}
	return encode(currentCost(), salt, key), nil
}

// verify compares a password with a PHC string. stale is true when the password
// is right and the hash was made at another cost than today's.
func (h *hasher) verify(ctx context.Context, phc string, password secret.Text) (match, stale bool, err error) {
	c, salt, want, err := decode(phc)
	if err != nil {
		return false, false, err
	}
	got, err := h.derive(ctx, c, password, salt, len(want))
	if err != nil {
		return false, false, err
	}
	match = subtle.ConstantTimeCompare(got, want) == 1
	return match, match && c != currentCost(), nil
}

func (h *hasher) derive(ctx context.Context, c cost, password secret.Text, salt []byte, length int) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a turn to hash: %w", ctx.Err())
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password.Reveal()), salt, c.passes, c.memory, c.threads, uint32(length)), nil
}

func encode(c cost, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.threads,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

// decode reads a PHC string. It refuses costs no honest row has, so that a row
// somebody changed cannot eat the machine's memory.
func decode(phc string) (c cost, salt, key []byte, err error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return cost{}, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); err != nil {
		return cost{}, nil, nil, errHash
	}
	if c.memory < 8 || c.memory > 256*1024 || c.passes < 1 || c.passes > 16 || c.threads < 1 || c.threads > 16 {
		return cost{}, nil, nil, errHash
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || len(salt) < 8 || len(key) < 16 || len(key) > 64 {
		return cost{}, nil, nil, errHash
	}
	return c, salt, key, nil
}

func checkNewPassword(password secret.Text) error {
	text := password.Reveal()
	switch {
	case utf8.RuneCountInString(text) < shortestPassword:
		return fault.New(fault.Invalid, "A password has %d characters or more.", shortestPassword)
	case len(text) > longestPassword:
		return fault.New(fault.Invalid, "A password has at most %d bytes.", longestPassword)
	}
	return nil
}
