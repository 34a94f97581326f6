// Package keys holds the keys that sign Deputy's own tokens for others to verify:
// ID tokens and access tokens. It owns making a key, when it is published, used
// and dropped, the JWKS document, signing and the check of what was signed here.
//
// A key has one algorithm, ES256, for all its life. It is published a day before
// it is first used, so that verifiers which keep the document for an hour never
// meet an unknown key, and it stays published after the next one took over, so
// that what it signed can still be verified. The private part is sealed to its
// row; the id is the key's own thumbprint (RFC 7638), so that a row whose parts
// do not belong together is found when it is read.
//
// It does not know what the claims mean, who may get a token or where keys are
// stored. The JOSE library stays in jose.go: no type of it leaves this package.
package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/deputy-oauth/deputy/internal/secret"
)

// Key is a signing key as it is stored.
type Key struct {
	ID      string // RFC 7638 thumbprint; the kid
	Alg     string // "ES256"
	Private []byte // sealed
	Public  string // JWK
	Created time.Time
	Active  time.Time // signs from here on
	Expires time.Time // neither published nor accepted from here on; zero while no end is set
}

// Store keeps the keys, for all replicas.
type Store interface {
	// SigningKeys returns every key.
	SigningKeys(ctx context.Context) ([]Key, error)
	// AddFirstSigningKey adds k, unless a first key was ever added: of several
	// replicas that start together, one gets its key in. The others get no error.
	AddFirstSigningKey(ctx context.Context, k Key) error
	// AddNextSigningKey adds k as the one after last and, in the same transaction,
	// sets lastEnd as the end of last. It reports false, and adds nothing, when last
	// has an end already: of several replicas that rotate together, one does.
	AddNextSigningKey(ctx context.Context, k Key, last string, lastEnd time.Time) (bool, error)
	// DropSigningKeys deletes the keys that have ended by now.
	DropSigningKeys(ctx context.Context, now time.Time) error
}

// Sealer seals the private part to its row and column of signing_keys.
type Sealer interface {
	Seal(row, column string, text secret.Text) ([]byte, error)
	Open(row, column string, sealed []byte) (secret.Text, error)
}

// Config is what a ring is made of.
type Config struct {
	Store  Store
	Sealer Sealer
	Now    func() time.Time // nil means time.Now
	Log    *slog.Logger     // told when the keys cannot be read again; nil means slog.Default()
	// Lead is how long a key is published before it signs; 0 means 24 hours. It is
	// longer than verifiers may keep the document (an hour) and replicas keep the
	// keys (a minute) together.
	Lead time.Duration
	// Keep is how long a key stays published after the next one took over; 0 means
	// 24 hours. It must be longer than anything lives that was signed, with what
	// verifiers allow for wrong clocks.
	Keep time.Duration
	// Every is how long a key signs before Tend replaces it, at least Lead; 0 means
	// that only Rotate does.
	Every time.Duration
}

const (
	column = "private"
	// fresh is how long the keys in memory are used before they are read again. It
	// is far below Lead, so that a replica knows a new key before it is used.
	fresh = time.Minute
)

// ErrNotOurs is returned for a token that was not signed here with a key that is
// still accepted, or not as the type that was asked for. Which of these is not to
// be known.
var ErrNotOurs = errors.New("token was not signed by this server as what it is presented for")

// ErrExpired is returned by Verify for a token of ours whose time is over or has
// not come.
var ErrExpired = errors.New("token is not valid at this time")

// Ring is the set of keys in use. It is safe for concurrent use.
type Ring struct {
	cfg Config

	mu       sync.RWMutex
	keys     []held // by Active, newest first
	document []byte
	read     time.Time
	ended    bool // there are keys to drop

	reading sync.Mutex // held by the one who reads the keys again
}

// held is a key, opened.
type held struct {
	Key
	pair pair
}

// Open reads the keys and makes the first one when there is none.
func Open(ctx context.Context, cfg Config) (*Ring, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Lead == 0 {
		cfg.Lead = 24 * time.Hour
	}
	if cfg.Keep == 0 {
		cfg.Keep = 24 * time.Hour
	}
	if cfg.Lead <= jwksAge+fresh || (cfg.Every != 0 && cfg.Every < cfg.Lead) {
		return nil, fmt.Errorf("a signing key must be published for more than %s before it signs, and not longer than one signs", jwksAge+fresh)
	}
	r := &Ring{cfg: cfg}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	if len(r.keys) > 0 {
		return r, nil
	}
	first, err := r.generate(cfg.Now())
	if err != nil {
		return nil, err
	}
	if err := cfg.Store.AddFirstSigningKey(ctx, first); err != nil {
		return nil, fmt.Errorf("store the first signing key: %w", err)
	}
	// Another replica may have been first: what counts is what is stored.
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	if len(r.keys) == 0 {
		return nil, errors.New("a first signing key was made once, but no key is left that has not expired")
	}
	return r, nil
}

func (r *Ring) generate(active time.Time) (Key, error) {
	p, err := newPair()
	if err != nil {
		return Key{}, err
	}
	private, err := p.encode()
	if err != nil {
		return Key{}, err
	}
	sealed, err := r.cfg.Sealer.Seal(p.kid, column, private)
	if err != nil {
		return Key{}, fmt.Errorf("seal signing key %s: %w", p.kid, err)
	}
	return Key{ID: p.kid, Alg: algorithm, Private: sealed, Public: p.public, Created: r.cfg.Now(), Active: active}, nil
}

// Reload reads the keys again. A ring does it by itself once a minute when it is
// used.
func (r *Ring) Reload(ctx context.Context) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	return r.reload(ctx)
}

func (r *Ring) reload(ctx context.Context) error {
	rows, err := r.cfg.Store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	now := r.cfg.Now()
	known := r.byID()
	var keys []held
	ended := false
	for _, row := range rows {
		if row.expired(now) {
			ended = true
			continue
		}
		h, have := known[row.ID]
		if !have {
			if h.pair, err = r.open(row); err != nil {
				return fmt.Errorf("open signing key %s: %w", row.ID, err)
			}
		}
		h.Key = row
		keys = append(keys, h)
	}
	slices.SortFunc(keys, func(a, b held) int { return b.Active.Compare(a.Active) })
	document, err := jwks(keys)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.keys, r.document, r.read, r.ended = keys, document, now, ended
	r.mu.Unlock()
	return nil
}

func (r *Ring) byID() map[string]held {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return maps.Collect(func(yield func(string, held) bool) {
		for _, h := range r.keys {
			if !yield(h.ID, h) {
				return
			}
		}
	})
}

func (r *Ring) open(row Key) (pair, error) {
	if row.Alg != algorithm {
		return pair{}, fmt.Errorf("its algorithm is %q, not %s", row.Alg, algorithm)
	}
	private, err := r.cfg.Sealer.Open(row.ID, column, row.Private)
	if err != nil {
		return pair{}, err
	}
	p, err := decodePair(private)
	if err != nil {
		return pair{}, err
	}
	published, err := thumbprint([]byte(row.Public))
	if err != nil {
		return pair{}, err
	}
	if p.kid != row.ID || published != row.ID {
		return pair{}, errors.New("its parts do not belong together")
	}
	return p, nil
}

func (k Key) expired(now time.Time) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }

// current returns the keys, read again when they are a minute old. One caller
// reads while the others go on with what is known. Keys that cannot be read
// again are still the keys: an unreachable database does not make them wrong.
func (r *Ring) current(ctx context.Context) ([]held, []byte) {
	r.mu.RLock()
	keys, document, read := r.keys, r.document, r.read
	r.mu.RUnlock()
	if r.cfg.Now().Sub(read) < fresh || !r.reading.TryLock() {
		return keys, document
	}
	defer r.reading.Unlock()
	if err := r.reload(ctx); err != nil {
		r.cfg.Log.WarnContext(ctx, "signing keys are used as they were read before", "error", err)
		return keys, document
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.keys, r.document
}
