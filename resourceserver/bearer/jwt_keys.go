package bearer

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Bounds on an issuer's keys.
const (
	keysMost = 32
	// fetchPause is how long after a fetch an unknown key id is believed to be
	// unknown: tokens with made-up ids cost the issuer no more than this.
	fetchPause = 30 * time.Second
)

// issuerKeys are the keys one issuer publishes, by id. Callers that need them at
// the same time share one fetch.
type issuerKeys struct {
	cfg JWTVerifierConfig

	mu     sync.Mutex
	keys   map[string]signingKey
	read   time.Time // when the fetch that brought them began
	tried  time.Time // when the last fetch began
	failed error     // why it brought nothing; nil when it did
	fetch  chan struct{}
}

// find returns the key with an id. It is not known when the issuer does not
// publish it; an error means that this could not be found out.
func (s *issuerKeys) find(ctx context.Context, kid string) (signingKey, bool, error) {
	now := s.cfg.Now()
	s.mu.Lock()
	k, known := s.usable(kid, now)
	var wait chan struct{}
	switch old := now.Sub(s.read) >= s.cfg.CacheFor; {
	case known && !old:
	case known:
		s.ask(now) // for the next ones; this one goes on with what is known
	default:
		wait = s.ask(now)
	}
	failed := s.failed
	s.mu.Unlock()
	if known {
		return k, true, nil
	}
	if wait == nil {
		return signingKey{}, false, failed
	}
	select {
	case <-wait:
	case <-ctx.Done():
		return signingKey{}, false, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, known = s.usable(kid, now); known {
		return k, true, nil
	}
	return signingKey{}, false, s.failed
}

// usable returns a key that counts: twice as long as it is kept, so that an
// issuer that is away for a moment stops nobody.
func (s *issuerKeys) usable(kid string, now time.Time) (signingKey, bool) {
	k, known := s.keys[kid]
	return k, known && now.Sub(s.read) < 2*s.cfg.CacheFor
}

// ask begins a fetch, unless one is under way or was a moment ago. It returns what
// is closed at its end, or nil.
func (s *issuerKeys) ask(now time.Time) chan struct{} {
	if s.fetch != nil {
		return s.fetch
	}
	if !s.tried.IsZero() && now.Sub(s.tried) < fetchPause {
		return nil
	}
	done := make(chan struct{})
	s.fetch, s.tried = done, now
	go func() {
		// The fetch outlives the caller: others wait for the same keys.
		ctx, cancel := context.WithTimeout(context.Background(), 2*askTimeout)
		defer cancel()
		keys, err := s.get(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failed = err; err == nil {
			s.keys, s.read = keys, now
		}
		s.fetch = nil
		close(done)
	}()
	return done
}

// get fetches the issuer's metadata and the keys it names.
func (s *issuerKeys) get(ctx context.Context) (map[string]signingKey, error) {
	address, err := metadataAddress(s.cfg.Issuer)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.fetchJSON(ctx, address, &doc); err != nil {
		return nil, fmt.Errorf("fetch the issuer's metadata: %w", err)
	}
	if doc.Issuer != s.cfg.Issuer { // RFC 8414 section 3.3
		return nil, errors.New("the issuer's metadata is another issuer's")
	}
	if !safe(doc.Keys) {
		return nil, errors.New("the issuer's metadata names no safe address of keys")
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.fetchJSON(ctx, doc.Keys, &set); err != nil {
		return nil, fmt.Errorf("fetch the issuer's keys: %w", err)
	}
	return readKeys(set.Keys)
}

func (s *issuerKeys) fetchJSON(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json, application/jwk-set+json")
	resp, err := s.cfg.HTTPClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := content(resp, "application/json", "application/jwk-set+json")
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// metadataAddress is where an issuer's metadata is: the well-known part stands
// between host and path (RFC 8414 section 3.1).
func metadataAddress(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return "", err
	}
	return u.Scheme + "://" + u.Host + "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.EscapedPath(), "/"), nil
}

// signingKey is a published key.
type signingKey struct {
	proofKey
	alg string // the one algorithm it is for; "" when its kind says it all
}

// signed reports whether the key made the token's signature. The key decides how
// it is checked; the header only has to agree (RFC 8725 section 3.1).
func (k signingKey) signed(p jwtParts) bool {
	return (k.alg == "" || k.alg == p.alg) && k.verifies(p.alg, []byte(p.input), p.signature)
}

// readKeys reads a key set. What is not for signatures, or of a kind we do not
// take, is passed over (RFC 7517 section 5): RSA, because its paddings and
// symmetric namesakes are where verifiers went wrong.
func readKeys(set []json.RawMessage) (map[string]signingKey, error) {
	if len(set) > keysMost {
		return nil, fmt.Errorf("the issuer publishes more than %d keys", keysMost)
	}
	out := map[string]signingKey{}
	for _, raw := range set {
		var about struct {
			ID        string `json:"kid"`
			Use       string `json:"use"`
			Algorithm string `json:"alg"`
		}
		if err := json.Unmarshal(raw, &about); err != nil {
			return nil, errors.New("the issuer's keys cannot be read")
		}
		k, err := readKey(raw)
		_, isRSA := k.public.(*rsa.PublicKey)
		if err != nil || isRSA || about.ID == "" || (about.Use != "" && about.Use != "sig") {
			continue
		}
		if _, twice := out[about.ID]; twice {
			return nil, errors.New("two of the issuer's keys have the same id")
		}
		out[about.ID] = signingKey{k, about.Algorithm}
	}
	return out, nil
}
