// Package meter counts every call an app makes for a person against the
// operator's consent.Allowance, exactly, however many replicas there are.
//
// Counting each call in the database would cost a commit for each read. So a
// replica takes some calls at once in one transaction and gives them out from
// memory; what it did not give out before the minute ended goes back with the next
// taking. Never more pass than the allowance has: nothing is given out that was not
// counted before. Fewer pass only while another replica still holds some.
//
// It does not own what a person allowed a number of (broker.Budgets), nor what
// a provider can bear (package pace).
package meter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/deputy-oauth/deputy/consent"
)

// Rows keeps what was counted.
type Rows interface {
	// Take counts as consent.Allowance.Take does, in one transaction, and returns
	// what the row says then.
	Take(ctx context.Context, grant consent.GrantID, a consent.Allowance, want, back consent.Amount, now time.Time) (consent.Spent, consent.Amount, error)
}

// Config is what a Meter needs.
type Config struct {
	Allowance consent.Allowance
	Rows      Rows
	Now       func() time.Time
}

// Meter counts calls. It is safe for concurrent use.
type Meter struct {
	cfg     Config
	block   consent.Amount // what is taken at once
	held    *otter.Cache[consent.GrantID, *holding]
	flights singleflight.Group
}

const (
	// maxHeld is how many grants' calls are held. What is held of one that is
	// forgotten is lost to it until the minute ends.
	maxHeld = 20_000
	// shares is how many takings there are in a full minute at most.
	shares = 20
	// patience bounds one taking.
	patience = 5 * time.Second
)

// New returns a meter.
func New(cfg Config) (*Meter, error) {
	if cfg.Rows == nil || cfg.Now == nil {
		return nil, errors.New("meter: incomplete configuration")
	}
	held, err := otter.New(&otter.Options[consent.GrantID, *holding]{
		MaximumSize: maxHeld, ExpiryCalculator: otter.ExpiryAccessing[consent.GrantID, *holding](24 * time.Hour),
	})
	if err != nil {
		return nil, fmt.Errorf("meter: %w", err)
	}
	a := cfg.Allowance
	return &Meter{cfg: cfg, held: held, block: consent.Amount{
		Calls: block(a.Minute.Calls, a.Day.Calls), Changes: block(a.Minute.Changes, a.Day.Changes),
	}}, nil
}

// block is what is taken at once of two bounds: little enough that other replicas
// find some too.
func block(minute, day int) int {
	const most = 1_000
	switch {
	case minute == 0 && day == 0:
		return most
	case minute == 0:
		minute = day
	case day > 0:
		minute = min(minute, day)
	}
	return min(most, max(1, minute/shares))
}

// holding is what was taken for a grant and not given out.
type holding struct {
	mu     sync.Mutex
	minute int64 // in which it was taken; it counts in no later one
	left   consent.Amount
	// Until when it is known that there is no room for a call, or for a change.
	noCalls, noChanges time.Time
}

// Count uses up one call, and of a change one change too. The Shortage is not zero
// when there is no room; then nothing was used up.
func (m *Meter) Count(ctx context.Context, grant consent.GrantID, change bool) (consent.Shortage, error) {
	if m.cfg.Allowance == (consent.Allowance{}) {
		return consent.Shortage{}, nil
	}
	h, _ := m.held.ComputeIfAbsent(grant, func() (*holding, bool) { return &holding{}, false })
	for {
		given, wait := h.give(change, m.cfg.Now())
		if given {
			return consent.Shortage{}, nil
		}
		if wait > 0 {
			return consent.Shortage{Denial: consent.TooManyCalls, Wait: wait}, nil
		}
		// Whoever comes meanwhile waits for the same taking, and not for their own.
		_, err, _ := m.flights.Do(string(grant), func() (any, error) { return nil, m.take(context.WithoutCancel(ctx), grant, h, change) })
		if err != nil {
			return consent.Shortage{}, fmt.Errorf("take calls of grant %s: %w", grant, err)
		}
	}
}

// give takes one call from what is held, or says how long there is none; neither
// when more must be taken.
func (h *holding) give(change bool, now time.Time) (given bool, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	no := h.noCalls
	if change && h.noChanges.After(no) {
		no = h.noChanges
	}
	switch {
	case h.minute >= consent.MinuteOf(now) && h.left.Calls > 0 && (!change || h.left.Changes > 0):
		h.left.Calls--
		if change {
			h.left.Changes--
		}
		return true, 0
	case no.After(now):
		return false, no.Sub(now)
	}
	return false, 0
}

// take counts more in the row, and holds it.
func (m *Meter) take(ctx context.Context, grant consent.GrantID, h *holding, change bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now := m.cfg.Now()
	want, back := h.lack(m.block, change, now)
	if want == (consent.Amount{}) {
		return nil // another taking ended just before this one began
	}
	spent, got, err := m.cfg.Rows.Take(ctx, grant, m.cfg.Allowance, want, back, now)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.minute != spent.Minute {
		h.minute, h.left = spent.Minute, consent.Amount{}
	}
	h.left.Calls += got.Calls
	h.left.Changes += got.Changes
	if want.Calls > 0 && got.Calls == 0 {
		h.noCalls = now.Add(m.cfg.Allowance.Wait(spent, false, now))
	}
	if want.Changes > 0 && got.Changes == 0 {
		h.noChanges = now.Add(m.cfg.Allowance.Wait(spent, true, now))
	}
	return nil
}

// lack is what must be taken for one call, and what of an earlier minute goes back.
func (h *holding) lack(block consent.Amount, change bool, now time.Time) (want, back consent.Amount) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left := h.left
	if h.minute < consent.MinuteOf(now) {
		left, back = consent.Amount{}, h.left
	}
	if left.Calls == 0 {
		want.Calls = block.Calls
	}
	if change && left.Changes == 0 {
		want.Changes = block.Changes
	}
	return want, back
}
