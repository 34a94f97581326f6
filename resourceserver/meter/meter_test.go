package meter_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/meter"
)

// rows is one row, as the database counts it.
type rows struct {
	mu    sync.Mutex
	spent consent.Spent
	takes int
	err   error
}

func (r *rows) Take(_ context.Context, _ consent.GrantID, a consent.Allowance, want, back consent.Amount, now time.Time) (consent.Spent, consent.Amount, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takes++
	if r.err != nil {
		return consent.Spent{}, consent.Amount{}, r.err
	}
	var got consent.Amount
	r.spent, got = a.Take(r.spent, want, back, now)
	return r.spent, got, nil
}

var noon = time.Unix(86400*20000+12*3600, 0)

func replica(t *testing.T, r *rows, a consent.Allowance, now *atomic.Int64) *meter.Meter {
	t.Helper()
	m, err := meter.New(meter.Config{Allowance: a, Rows: r, Now: func() time.Time { return noon.Add(time.Duration(now.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// burst makes calls at the same time, in turn on each replica, and returns how many passed.
func burst(t *testing.T, calls int, change bool, replicas ...*meter.Meter) int {
	t.Helper()
	var passed atomic.Int64
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() {
			short, err := replicas[i%len(replicas)].Count(t.Context(), "grant", change)
			switch {
			case err != nil:
				t.Error(err)
			case short.Denial == consent.Permitted:
				passed.Add(1)
			case short.Denial != consent.TooManyCalls || short.Wait <= 0:
				t.Errorf("%+v", short)
			}
		})
	}
	all.Wait()
	return int(passed.Load())
}

// 500 calls at once against 100 on three replicas: exactly 100 pass, and it took
// the database far less than one write a call.
func TestThreat_A13_ExactlyAsManyAsAreAllowed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		a      consent.Allowance
		change bool
	}{
		{"calls in a minute", consent.Allowance{Minute: consent.Amount{Calls: 100}}, false},
		{"calls in a day", consent.Allowance{Day: consent.Amount{Calls: 100}}, false},
		{"changes", consent.Allowance{Minute: consent.Amount{Calls: 300, Changes: 100}}, true},
		{"changes that are calls", consent.Allowance{Minute: consent.Amount{Calls: 100, Changes: 300}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, now := &rows{}, &atomic.Int64{}
			if passed := burst(t, 500, tt.change, replica(t, r, tt.a, now), replica(t, r, tt.a, now), replica(t, r, tt.a, now)); passed != 100 {
				t.Errorf("%d calls passed", passed)
			}
			if r.takes > 150 {
				t.Errorf("%d takings", r.takes)
			}
		})
	}
}

// What a replica took and did not give out comes back to the day, and counts in no
// later minute.
func TestWhatWasNotUsedComesBack(t *testing.T) {
	r, now := &rows{}, &atomic.Int64{}
	m := replica(t, r, consent.Allowance{Minute: consent.Amount{Calls: 100}, Day: consent.Amount{Calls: 102}}, now)
	if passed := burst(t, 1, false, m); passed != 1 || r.spent.InDay.Calls != 5 {
		t.Fatalf("%d passed, counted %+v", passed, r.spent)
	}
	now.Store(int64(time.Minute))
	if passed := burst(t, 200, false, m); passed != 100 {
		t.Errorf("%d passed in the second minute, want 100", passed)
	}
	now.Store(int64(2 * time.Minute))
	if passed := burst(t, 200, false, m); passed != 1 {
		t.Errorf("%d passed in the third minute; of the day only one call was left", passed)
	}
}

// An app that does not wait costs the database nothing, and can read on when it
// may make no more changes.
func TestARefusalCostsNothing(t *testing.T) {
	r, now := &rows{}, &atomic.Int64{}
	m := replica(t, r, consent.Allowance{Minute: consent.Amount{Calls: 100, Changes: 2}}, now)
	if passed := burst(t, 10, true, m); passed != 2 {
		t.Errorf("%d changes passed", passed)
	}
	if passed := burst(t, 10, false, m); passed != 10 {
		t.Errorf("%d of 10 reads passed", passed)
	}
	before := r.takes
	if passed := burst(t, 100, true, m); passed != 0 || r.takes != before {
		t.Errorf("%d changes passed, %d takings for refusals", passed, r.takes-before)
	}
	now.Store(int64(time.Minute))
	if passed := burst(t, 10, true, m); passed != 2 {
		t.Errorf("%d changes passed a minute later", passed)
	}
}

// What cannot be counted is not allowed; without bounds nothing is counted.
func TestCountingThatFails(t *testing.T) {
	r, now := &rows{err: errors.New("the database is away")}, &atomic.Int64{}
	if short, err := replica(t, r, consent.Allowance{Day: consent.Amount{Calls: 10}}, now).Count(t.Context(), "grant", false); err == nil {
		t.Errorf("%+v", short)
	}
	if short, err := replica(t, r, consent.Allowance{}, now).Count(t.Context(), "grant", true); err != nil || short != (consent.Shortage{}) {
		t.Errorf("%+v, %v", short, err)
	}
}
