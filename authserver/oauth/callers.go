package oauth

import (
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// callerLimit bounds how many callers are remembered: at more, all begin again.
const callerLimit = 10_000

// callers bounds how often each of those who introspect may ask, in each replica
// for itself: one that asks without end, or whose secret was stolen, takes the time
// of nobody else (RFC 7662 section 4).
type callers struct {
	perSecond rate.Limit // 0: no bound
	now       func() time.Time
	mu        sync.Mutex
	limits    map[string]*rate.Limiter
}

func newCallers(perSecond int, now func() time.Time) *callers {
	return &callers{perSecond: rate.Limit(perSecond), now: now, limits: map[string]*rate.Limiter{}}
}

// admit counts a question of the caller, who showed who it is. The error is
// temporarily_unavailable: to a resource server it says nothing about the token.
func (c *callers) admit(id string) error {
	if c.perSecond == 0 || c.limiter(id).AllowN(c.now(), 1) {
		return nil
	}
	return &Error{Code: "temporarily_unavailable", Description: "This caller introspects too often. Try again in a second.", Status: http.StatusTooManyRequests}
}

func (c *callers) limiter(id string) *rate.Limiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, known := c.limits[id]
	if !known {
		if len(c.limits) >= callerLimit {
			clear(c.limits)
		}
		l = rate.NewLimiter(c.perSecond, int(c.perSecond)) // a second's worth at once
		c.limits[id] = l
	}
	return l
}
