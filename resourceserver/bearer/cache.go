package bearer

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// key is the SHA-256 of a token: the cache holds no token.
type key = [sha256.Size]byte

// cache holds answers for a short time and lets callers with the same question
// share one. Its memory is bounded: answers live in two halves, and when the
// younger is full the older is dropped.
type cache struct {
	mu         sync.Mutex
	limit      int // answers in one half
	young, old map[key]remembered
	underway   map[key]*question
}

type remembered struct {
	authority Authority
	until     time.Time
}

type question struct {
	done      chan struct{}
	authority Authority
	err       error
}

func newCache(limit int) *cache {
	return &cache{limit: limit / 2, young: map[key]remembered{}, underway: map[key]*question{}}
}

// get returns what is remembered of k at now, or what ask says. An error is not
// remembered. ask runs once for everybody who waits for it; each waits no longer
// than its own ctx.
func (c *cache) get(ctx context.Context, k key, now time.Time, ask func() (Authority, time.Time, error)) (Authority, error) {
	c.mu.Lock()
	if r, ok := c.find(k); ok && now.Before(r.until) {
		c.mu.Unlock()
		return r.authority, nil
	}
	q, asked := c.underway[k]
	if !asked {
		q = &question{done: make(chan struct{})}
		c.underway[k] = q
		go c.run(k, q, ask)
	}
	c.mu.Unlock()
	select {
	case <-q.done:
		return q.authority, q.err
	case <-ctx.Done():
		return Authority{}, ctx.Err()
	}
}

func (c *cache) run(k key, q *question, ask func() (Authority, time.Time, error)) {
	var until time.Time
	q.authority, until, q.err = ask()
	c.mu.Lock()
	delete(c.underway, k)
	if q.err == nil {
		c.put(k, remembered{q.authority, until})
	}
	c.mu.Unlock()
	close(q.done)
}

func (c *cache) find(k key) (remembered, bool) {
	if r, ok := c.young[k]; ok {
		return r, true
	}
	r, ok := c.old[k]
	return r, ok
}

func (c *cache) put(k key, r remembered) {
	if len(c.young) >= c.limit {
		c.old, c.young = c.young, map[key]remembered{}
	}
	c.young[k] = r
}
