package authserver

import (
	"net/netip"
	"sync"
	"time"
)

// How often one place may fail to be one client in a window. Secrets are 256
// random bits, so that this is about load and the log more than about luck (OAuth
// 2.1 section 2.4.1).
const (
	guessWindow = 15 * time.Minute
	maxGuesses  = 30
	// guessPlaces bounds what is remembered: at more, all begin again.
	guessPlaces = 50_000
)

// guesses counts who could not say who it is, by client and by where the request
// came from: somebody else's guesses lock no honest client out. It counts in
// memory, in each replica for itself, so that a guess costs no write and a good
// request nothing but a look.
type guesses struct {
	now    func() time.Time
	mu     sync.Mutex
	failed map[guess]tally
}

type guess struct {
	client string
	place  netip.Prefix // an IPv4 address, a /64 of IPv6; zero when not known
}

type tally struct {
	count int
	until time.Time
}

func newGuesses(now func() time.Time) *guesses {
	return &guesses{now: now, failed: map[guess]tally{}}
}

func guessOf(client, address string) guess {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return guess{client: client}
	}
	ip, bits := ip.Unmap().WithZone(""), 32
	if ip.Is6() {
		bits = 64
	}
	return guess{client, netip.PrefixFrom(ip, bits).Masked()}
}

// wait says how long the next try must wait; zero when it need not.
func (g *guesses) wait(who guess) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.failed[who]
	if t.count < maxGuesses {
		return 0
	}
	return max(0, t.until.Sub(g.now()))
}

// fail counts a failure.
func (g *guesses) fail(who guess) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	t, known := g.failed[who]
	if !known && len(g.failed) >= guessPlaces {
		clear(g.failed)
	}
	if !now.Before(t.until) {
		t = tally{until: now.Add(guessWindow)}
	}
	t.count++
	g.failed[who] = t
}
