// Package pace decides whether a call may go out to a provider now. Providers
// count the calls of all our apps for a person as one; an app that asks too often
// would be everybody's trouble. So
//
//   - what a provider asked to wait for is waited for by every app of that person,
//     without asking again;
//   - one app gets its share of what there is (catalog.Pace), and a call that comes
//     a moment too early waits for its turn;
//   - an app whose calls to a provider get no answer ten times in a row is refused
//     at once for some seconds, and then one call looks whether that is over. It is
//     the app and not everybody, or one app could take a provider away from all;
//   - of calls that a provider lets hang only so many hang at a time.
//
// It is kept in memory, by each replica for itself: a replica learns of a refusal
// by one refused call. It goes by the machine's clock, as it paces real traffic.
//
// It does not own what the operator or the person allows (package meter and
// broker.Budgets), nor the tokens' own rests (package provider).
package pace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/sony/gobreaker/v2"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

const (
	// patience is how long a call waits for its turn.
	patience = 2 * time.Second
	// longestPause bounds what a provider can ask to wait for.
	longestPause = time.Hour
	// remembered is how long nothing may happen until everything is forgotten.
	remembered = time.Hour
	maxLanes   = 50_000
	maxGates   = 10_000
)

// Trip is a call that is about to go out.
type Trip struct {
	API        string // where to: the base of its URLs
	Provider   *catalog.Provider
	Connection consent.ConnectionID
	App        consent.AppID
	Operation  string
	Change     bool
}

// Return is how a call came back.
type Return struct {
	Class catalog.ErrorClass // "" for a plain success
	Wait  time.Duration      // what the provider asks for; 0 when it asks for nothing
	Limit int                // of the window that the answer speaks of; 0 when it speaks of none
	Left  time.Duration      // until that window begins anew
	// Unknown is true when it says nothing about the provider: it was not asked, or
	// the app went away.
	Unknown bool
}

// Hold is why a call does not go out now. Nothing was sent.
type Hold struct {
	Kind catalog.ErrorClass // RateLimited or ProviderDown
	For  time.Duration
	Why  string // for the log
}

// Error implements error.
func (h *Hold) Error() string { return fmt.Sprintf("held back for %s: %s", h.For, h.Why) }

// Class says what the hold means for the app.
func (h *Hold) Class() catalog.ErrorClass { return h.Kind }

// RetryAfter is how long to wait.
func (h *Hold) RetryAfter() time.Duration { return h.For }

// MayHaveHappened is false: nothing was sent.
func (h *Hold) MayHaveHappened() bool { return false }

// Pacer decides for one process. It is safe for concurrent use.
type Pacer struct {
	lanes *otter.Cache[place, *lane]
	gates *otter.Cache[gateKey, *gate]
	loads *otter.Cache[string, *load]
}

// New returns a pacer that knows nothing yet.
func New() (*Pacer, error) {
	var p Pacer
	var err1, err2, err3 error
	p.lanes, err1 = remember[place, *lane](maxLanes)
	p.gates, err2 = remember[gateKey, *gate](maxGates)
	p.loads, err3 = remember[string, *load](maxGates)
	return &p, errors.Join(err1, err2, err3)
}

func remember[K comparable, V any](most int) (*otter.Cache[K, V], error) {
	return otter.New(&otter.Options[K, V]{MaximumSize: most, ExpiryCalculator: otter.ExpiryAccessing[K, V](remembered)})
}

// Enter waits for the call's turn. The error is a *Hold when it may not go out, or
// ctx's when that ended first. Otherwise leave must be called once with how it came
// back.
func (p *Pacer) Enter(ctx context.Context, t Trip) (leave func(Return), err error) {
	l := p.lane(t)
	wait, hold := l.enter(t, time.Now())
	if hold != nil {
		return nil, hold
	}
	if wait > 0 {
		turn := time.NewTimer(wait)
		defer turn.Stop()
		select {
		case <-turn.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	load, _ := p.loads.ComputeIfAbsent(t.API, func() (*load, bool) { return &load{}, false })
	if !load.add() {
		return nil, &Hold{Kind: catalog.ProviderDown, For: time.Second, Why: "too many calls wait for the provider"}
	}
	done, err := p.gate(t).Allow()
	if err != nil {
		load.done()
		return nil, &Hold{Kind: catalog.ProviderDown, For: shut, Why: "the provider did not answer lately"}
	}
	return func(r Return) {
		load.done()
		done(verdict(r))
		l.leave(r, time.Now())
	}, nil
}

var (
	errDown    = errors.New("the provider did not answer as it should")
	errUnknown = errors.New("it is not known")
)

// verdict is what a return says about the provider itself.
func verdict(r Return) error {
	switch {
	case r.Unknown:
		return errUnknown
	case r.Class == catalog.ProviderDown:
		return errDown
	}
	return nil
}

// gateKey is an app at a provider.
type gateKey struct {
	api string
	app consent.AppID
}

type gate = gobreaker.TwoStepCircuitBreaker[struct{}]

const (
	// fails in a row shut a gate.
	fails = 10
	// shut is how long a gate stays so before one call may look.
	shut = 5 * time.Second
)

func (p *Pacer) gate(t Trip) *gate {
	g, _ := p.gates.ComputeIfAbsent(gateKey{t.API, t.App}, func() (*gate, bool) {
		return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			Timeout:     shut,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= fails },
			IsExcluded:  func(err error) bool { return errors.Is(err, errUnknown) },
		}), false
	})
	return g
}
