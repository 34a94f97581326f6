package clients

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/deputy-oauth/deputy/internal/outward"
)

// Bounds of fetched key sets.
const (
	maxKeySet = 64 << 10 // bytes
	// rotation is how soon a set is fetched again for an assertion that none of its
	// keys made: a rotation is noticed, and made-up kids do not make us fetch.
	rotation = time.Minute
	// pause is how soon a fetch that failed is tried again: whoever can name a
	// client may send assertions for it, and must not make us hammer its server.
	pause = 10 * time.Second
)

// KeySets fetches and keeps the keys that clients publish at their jwks_uri.
type KeySets struct {
	remote *remote[keySet]
	failed *otter.Cache[string, failure]
}

// failure is how a fetch ended, for the short time in which it is not repeated.
type failure struct {
	at  time.Time
	err error
}

// NewKeySets returns an empty store of key sets.
func NewKeySets(fetch Fetcher, now func() time.Time) *KeySets {
	return &KeySets{
		remote: newRemote(fetch, maxKeySet, now, func(_ string, raw []byte) (keySet, error) { return readKeys(raw) }),
		failed: otter.Must(&otter.Options[string, failure]{MaximumSize: 5000, ExpiryCalculator: otter.ExpiryWriting[string, failure](pause)}),
	}
}

// signed reports whether a key published at the address made the assertion's
// signature. The error is ErrUnreachable when the keys cannot be had now, and a
// *Refused when they do not hold.
func (k *KeySets) signed(ctx context.Context, address string, a assertion) (bool, error) {
	have, kept := k.remote.have(address)
	if kept && have.value.signed(a.compact, a.alg, a.kid) {
		return true, nil
	}
	if kept && k.remote.now().Sub(have.fetched) < rotation {
		return false, nil
	}
	if last, ok := k.failed.GetIfPresent(address); ok && k.remote.now().Sub(last.at) < pause {
		return false, last.err
	}
	have, err := k.remote.fresh(ctx, address)
	if err == nil {
		return have.value.signed(a.compact, a.alg, a.kid), nil
	}
	if errors.Is(err, outward.ErrNotFetched) {
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
	} else {
		err = &Refused{Reason: "jwks_uri: " + err.Error()}
	}
	k.failed.Set(address, failure{k.remote.now(), err})
	return false, err
}
