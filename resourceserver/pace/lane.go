package pace

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// place is what a provider counts by: a connection, or one operation on it.
type place struct {
	connection consent.ConnectionID
	operation  string
}

// lane is where the calls of one place go.
type lane struct {
	mu     sync.Mutex
	paused time.Time // until then the provider wants none
	all    pair      // of every app together
	apps   map[consent.AppID]*part
	// The window that the provider last spoke of.
	limit int
	ends  time.Time
}

// part is what one app uses of a lane.
type part struct {
	pair
	used int       // in the window
	ends time.Time // of the window that used is about
}

// pair paces calls and, of them, changes. Nil is no bound.
type pair struct{ calls, changes *rate.Limiter }

// maxApps is how many apps of a person a lane tells apart. More than that are not
// there; the lane begins anew when they are.
const maxApps = 1_000

func (p *Pacer) lane(t Trip) *lane {
	at := place{connection: t.Connection}
	if t.Provider.Pace.Each == catalog.EachOperation {
		at.operation = t.Operation
	}
	l, _ := p.lanes.ComputeIfAbsent(at, func() (*lane, bool) {
		return &lane{all: newPair(t.Provider.Pace, 100), apps: map[consent.AppID]*part{}}, false
	})
	return l
}

func newPair(p catalog.Pace, percent int) pair {
	return pair{calls: limiter(p.Calls, percent), changes: limiter(p.Changes, percent)}
}

func limiter(r catalog.Rate, percent int) *rate.Limiter {
	if r.Calls == 0 {
		return nil
	}
	every := r.In / time.Duration(r.Calls) * 100 / time.Duration(percent)
	return rate.NewLimiter(rate.Every(every), max(1, r.Burst*percent/100))
}

func (l *lane) part(t Trip) *part {
	own, known := l.apps[t.App]
	if !known {
		if len(l.apps) >= maxApps {
			clear(l.apps)
		}
		own = &part{pair: newPair(t.Provider.Pace, t.Provider.Pace.Share)}
		l.apps[t.App] = own
	}
	return own
}

// enter says how long the call has to wait for its turn, or that it may not go.
func (l *lane) enter(t Trip, now time.Time) (time.Duration, *Hold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait := l.paused.Sub(now); wait > 0 {
		return 0, &Hold{Kind: catalog.RateLimited, For: wait, Why: "the provider asked to wait"}
	}
	own := l.part(t)
	if own.ends != l.ends {
		own.used, own.ends = 0, l.ends
	}
	if left := l.ends.Sub(now); left > 0 && own.used >= max(1, l.limit*t.Provider.Pace.Share/100) {
		return 0, &Hold{Kind: catalog.RateLimited, For: left, Why: "the app used its share of what the provider gives"}
	}
	limiters := []*rate.Limiter{l.all.calls, own.calls}
	if t.Change {
		limiters = append(limiters, l.all.changes, own.changes)
	}
	wait, ok := reserve(limiters, now)
	if !ok {
		return 0, &Hold{Kind: catalog.RateLimited, For: wait, Why: "more calls than the provider bears, or than the app's share of them"}
	}
	own.used++
	return wait, nil
}

// reserve takes one of each limiter and says how long that takes; none, when it
// takes longer than a call waits.
func reserve(limiters []*rate.Limiter, now time.Time) (wait time.Duration, ok bool) {
	taken := make([]*rate.Reservation, 0, 4)
	for _, limit := range limiters {
		if limit == nil {
			continue
		}
		r := limit.ReserveN(now, 1)
		taken = append(taken, r)
		wait = max(wait, r.DelayFrom(now))
	}
	if wait <= patience {
		return wait, true
	}
	for _, r := range taken {
		r.CancelAt(now)
	}
	return wait, false
}

// leave learns from how a call came back.
func (l *lane) leave(r Return, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Class == catalog.RateLimited && r.Wait > 0 {
		if until := now.Add(min(r.Wait, longestPause)); until.After(l.paused) {
			l.paused = until
		}
	}
	if r.Limit == 0 {
		return
	}
	l.limit = r.Limit
	// The provider tells the end in whole seconds: what is that near is the same window.
	if ends := now.Add(r.Left); ends.Sub(l.ends).Abs() > 5*time.Second {
		l.ends = ends
	}
}

// load is how many calls are out at one provider.
type load struct{ out atomic.Int64 }

// maxOut is how many calls may be out at one provider at a time: enough for
// thousands a second, and not so many that their memory matters.
const maxOut = 2_000

func (l *load) add() bool {
	if l.out.Add(1) > maxOut {
		l.out.Add(-1)
		return false
	}
	return true
}

func (l *load) done() { l.out.Add(-1) }
