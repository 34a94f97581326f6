package bearer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"
)

const nonceMAC = 16 // bytes

// newNonce is our time under a MAC: nothing has to be remembered to know it
// again.
func (p *Proofs) newNonce(now time.Time) string {
	body := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(body, p.nonceMAC(body)...))
}

func (p *Proofs) readNonce(nonce string) (made time.Time, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(raw) != 8+nonceMAC || !hmac.Equal(raw[8:], p.nonceMAC(raw[:8])) {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(raw[:8])), 0), true
}

func (p *Proofs) nonceMAC(body []byte) []byte {
	m := hmac.New(sha256.New, p.NonceKey)
	m.Write([]byte("dpop nonce"))
	m.Write(body)
	return m.Sum(nil)[:nonceMAC]
}

// place gives an address its one form, without query and fragment (RFC 9449
// section 4.3, RFC 3986 sections 6.2.2 and 6.2.3).
func place(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil {
		return "", refused("its htu is not an address")
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch {
	case scheme == "https":
		host = strings.TrimSuffix(host, ":443")
	case scheme == "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", refused("its htu is not an address")
	}
	path := plainPath(u.EscapedPath())
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path, nil
}

// plainPath writes each escape in capitals, and undoes those of letters that
// need none.
func plainPath(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b.WriteByte(path[i])
			continue
		}
		c := unhex(path[i+1])<<4 | unhex(path[i+2])
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

// unhex reads one digit of an escape; url.Parse has refused what is none.
func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// memoryLimit bounds Memory, in proofs.
const memoryLimit = 100_000

// ErrFull is returned by Memory when more proofs are alive than it holds.
var ErrFull = errors.New("too many proofs at once")

// Memory is Replays for a resource server that runs in one process. Its zero
// value is ready. It is safe for concurrent use.
type Memory struct {
	Now func() time.Time // nil means time.Now

	mu    sync.Mutex
	seen  map[string]time.Time
	swept time.Time
}

// First implements Replays. When it is full it refuses rather than forgets.
func (m *Memory) First(_ context.Context, id string, until time.Time) (bool, error) {
	now := time.Now()
	if m.Now != nil {
		now = m.Now()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = map[string]time.Time{}
	}
	if end, ok := m.seen[id]; ok && now.Before(end) {
		return false, nil
	}
	if len(m.seen) >= memoryLimit && now.Sub(m.swept) >= time.Second {
		m.swept = now
		for old, end := range m.seen {
			if !now.Before(end) {
				delete(m.seen, old)
			}
		}
	}
	if len(m.seen) >= memoryLimit {
		return false, ErrFull
	}
	m.seen[id] = until
	return true, nil
}
