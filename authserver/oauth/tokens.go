package oauth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/seal"
)

// Prefixes tell secret scanners, and people who find one, what a string is.
const (
	accessPrefix  = "dpa_"
	refreshPrefix = "dpr_"
	codePrefix    = "dpc_"
)

// errNotAToken is returned for everything that is not a token of ours. It costs
// no database read to find out.
var errNotAToken = errors.New("not a token of this server")

// token is what a sealed access token carries. What it may do is the part of
// Scopes that its grant still gives when it is used.
type token struct {
	ID       string           `json:"j"`
	Family   consent.FamilyID `json:"f,omitempty"` // "" for an app's own token
	Grant    consent.GrantID  `json:"g,omitempty"`
	User     consent.UserID   `json:"u,omitempty"`
	App      consent.AppID    `json:"a"`
	Scopes   string           `json:"s"`
	Audience string           `json:"d"`
	Issued   int64            `json:"i"` // seconds, RFC 7662
	Expires  int64            `json:"e"`
	AuthTime int64            `json:"t,omitempty"` // of the sign-in, RFC 9470 section 6
	Level    consent.Level    `json:"l,omitempty"` // likewise: acr
	// Thumbprint is the key the token is bound to (RFC 9449); "" for none.
	Thumbprint string `json:"k,omitempty"`
	// Details are what a token request narrowed this one token to, in JSON; "" means
	// those of the family.
	Details string `json:"r,omitempty"`
	// Actors are the apps that act for App, the one that holds the token first; and
	// Parents the tokens it was exchanged for, the oldest first (RFC 8693).
	Actors  []consent.AppID `json:"c,omitempty"`
	Parents []string        `json:"p,omitempty"`
}

// holder is the client the token was given to.
func (t token) holder() consent.AppID {
	if len(t.Actors) > 0 {
		return t.Actors[0]
	}
	return t.App
}

// owner is what a single token is taken back under: its family, or itself.
func (t token) owner() string {
	if t.Family != "" {
		return string(t.Family)
	}
	return t.ID
}

type accessTokens struct{ box seal.Box }

// mint seals t and adds a checksum, so that a scanner can tell a real token from
// a look-alike without asking anybody.
func (a accessTokens) mint(t token) (string, error) {
	plain, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encode access token: %w", err)
	}
	body := a.box.Seal(plain)
	return accessPrefix + body + checksum(body), nil
}

// read opens an access token. It says nothing about whether it still counts.
func (a accessTokens) read(raw string) (token, error) {
	body, ok := strings.CutPrefix(raw, accessPrefix)
	if !ok || len(body) <= checksumSize || len(raw) > maxValue {
		return token{}, errNotAToken
	}
	body, sum := body[:len(body)-checksumSize], body[len(body)-checksumSize:]
	if checksum(body) != sum {
		return token{}, errNotAToken
	}
	plain, err := a.box.Open(body)
	if err != nil {
		return token{}, errNotAToken
	}
	var t token
	if err := json.Unmarshal(plain, &t); err != nil {
		return token{}, fmt.Errorf("decode access token: %w", err)
	}
	return t, nil
}

const checksumSize = 6

func checksum(body string) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], crc32.ChecksumIEEE([]byte(body)))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

type refreshTokens struct{ key []byte }

// mint derives the refresh token of one generation of a family. It is a function
// of its arguments: asking again gives the same token.
func (r refreshTokens) mint(family consent.FamilyID, generation int64) (string, error) {
	id, err := uuid.Parse(strings.TrimPrefix(string(family), familyPrefix))
	if err != nil {
		return "", fmt.Errorf("family id %q: %w", family, err)
	}
	body := binary.BigEndian.AppendUint64(id[:], uint64(generation))
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(append(body, r.mac(body)...)), nil
}

// read opens a refresh token. It says nothing about whether it still counts.
func (r refreshTokens) read(raw string) (consent.FamilyID, int64, error) {
	const size = 16 + 8
	body, ok := strings.CutPrefix(raw, refreshPrefix)
	if !ok {
		return "", 0, errNotAToken
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || len(b) != size+sha256.Size || !hmac.Equal(b[size:], r.mac(b[:size])) {
		return "", 0, errNotAToken
	}
	return consent.FamilyID(familyPrefix + uuid.UUID(b[:16]).String()), int64(binary.BigEndian.Uint64(b[16:size])), nil
}

func (r refreshTokens) mac(body []byte) []byte {
	m := hmac.New(sha256.New, r.key)
	m.Write(body)
	return m.Sum(nil)
}

const familyPrefix = "family_"

func newFamilyID() consent.FamilyID {
	return consent.FamilyID(familyPrefix + uuid.Must(uuid.NewV7()).String())
}

// newCode returns a code and what is stored of it.
func newCode() (code string, hash []byte) {
	code = codePrefix + newSecret()
	return code, codeHash(code)
}

// newSecret returns 256 random bits, base64url.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func codeHash(code string) []byte {
	sum := sha256.Sum256([]byte(code))
	return sum[:]
}

// seconds is how OAuth writes times.
func seconds(t time.Time) int64 { return t.Unix() }
