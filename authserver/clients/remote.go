package clients

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/deputy-oauth/deputy/internal/outward"
)

// Fetcher fetches a small JSON document from an address that a stranger chose.
// Package outward implements it.
type Fetcher interface {
	JSON(ctx context.Context, address string, limit int64) ([]byte, http.Header, error)
}

// How long a fetched document counts, whatever its headers say: not so short that
// each request fetches it, not so long that a change stays unseen.
const (
	shortest = 5 * time.Minute
	longest  = 24 * time.Hour
)

// remote keeps documents of others, each for as long as its headers allow. Errors
// and documents that do not hold are never kept. Requests that want the same one
// wait for one fetch.
type remote[T any] struct {
	fetch   Fetcher
	limit   int64 // bytes
	now     func() time.Time
	read    func(address string, raw []byte) (T, error)
	kept    *otter.Cache[string, copied[T]]
	flights singleflight.Group
}

// copied is a document with when it was fetched and until when it counts.
type copied[T any] struct {
	value   T
	fetched time.Time
	ends    time.Time
}

func newRemote[T any](fetch Fetcher, limit int64, now func() time.Time, read func(string, []byte) (T, error)) *remote[T] {
	return &remote[T]{
		fetch: &gentle{fetch: fetch, busy: map[string]int{}}, limit: limit, now: now, read: read,
		kept: otter.Must(&otter.Options[string, copied[T]]{MaximumSize: 5000, ExpiryCalculator: otter.ExpiryWriting[string, copied[T]](longest)}),
	}
}

// have returns the kept document, if it still counts.
func (r *remote[T]) have(address string) (copied[T], bool) {
	c, ok := r.kept.GetIfPresent(address)
	if !ok || !r.now().Before(c.ends) {
		return copied[T]{}, false
	}
	return c, true
}

// fresh fetches the document. The fetch does not end with the first of those who
// wait for it.
func (r *remote[T]) fresh(ctx context.Context, address string) (copied[T], error) {
	out, err, _ := r.flights.Do(address, func() (any, error) {
		raw, header, err := r.fetch.JSON(context.WithoutCancel(ctx), address, r.limit)
		if err != nil {
			return copied[T]{}, err
		}
		value, err := r.read(address, raw)
		if err != nil {
			return copied[T]{}, fmt.Errorf("the document does not hold: %w", err)
		}
		now := r.now()
		c := copied[T]{value: value, fetched: now, ends: now.Add(lifetime(header, now))}
		r.kept.Set(address, c)
		return c, nil
	})
	return out.(copied[T]), err
}

// lifetime reads how long an answer may be kept (RFC 9111 section 4.2.1) within
// our bounds.
func lifetime(h http.Header, now time.Time) time.Duration {
	life := shortest
	if at, err := http.ParseTime(h.Get("Expires")); err == nil {
		life = at.Sub(now)
	}
	for _, directive := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return shortest
		case "max-age":
			if s, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32); err == nil {
				life = time.Duration(s) * time.Second
			}
		}
	}
	return min(max(life, shortest), longest)
}

// perHost bounds the fetches under way at one host: this server must not be the
// lever that moves a crowd against somebody's site.
const perHost = 4

// gentle is a Fetcher with that bound.
type gentle struct {
	fetch Fetcher
	mu    sync.Mutex
	busy  map[string]int // host → fetches under way
}

var errBusy = fmt.Errorf("%w: too many fetches are under way at this host", outward.ErrNotFetched)

// JSON implements Fetcher.
func (g *gentle) JSON(ctx context.Context, address string, limit int64) ([]byte, http.Header, error) {
	host := hostOf(address)
	if !g.enter(host) {
		return nil, nil, errBusy
	}
	defer g.leave(host)
	return g.fetch.JSON(ctx, address, limit)
}

func (g *gentle) enter(host string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy[host] >= perHost {
		return false
	}
	g.busy[host]++
	return true
}

func (g *gentle) leave(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy[host]--; g.busy[host] == 0 {
		delete(g.busy, host)
	}
}
