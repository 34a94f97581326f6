package pace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/resourceserver/pace"
)

// traffic is a pacer with calls to one provider. Its time is the bubble's.
type traffic struct {
	t     *testing.T
	pacer *pace.Pacer
	at    *catalog.Provider
	api   string
}

func inTime(t *testing.T, p catalog.Pace, test func(t *testing.T, w *traffic)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pacer, err := pace.New()
		if err != nil {
			t.Fatal(err)
		}
		defer pacer.Stop()
		test(t, &traffic{t: t, pacer: pacer, at: &catalog.Provider{ID: "github", Pace: p}, api: "https://api.github.example"})
	})
}

// call makes one call that comes back as r, and returns how long it waited.
func (w *traffic) call(trip pace.Trip, r pace.Return) (time.Duration, *pace.Hold) {
	w.t.Helper()
	trip.API, trip.Provider = w.api, w.at
	began := time.Now()
	leave, err := w.pacer.Enter(w.t.Context(), trip)
	var hold *pace.Hold
	if err != nil {
		if !errors.As(err, &hold) {
			w.t.Fatal(err)
		}
		return 0, hold
	}
	waited := time.Since(began)
	leave(r)
	return waited, nil
}

// passes makes calls until one is held back, at most n.
func (w *traffic) passes(n int, trip pace.Trip, r pace.Return) int {
	for i := range n {
		if _, hold := w.call(trip, r); hold != nil {
			return i
		}
	}
	return n
}

func of(app consent.AppID, on consent.ConnectionID) pace.Trip {
	return pace.Trip{App: app, Connection: on, Operation: "list"}
}

// What the provider asked one app to wait for is waited for by every app of that
// person, without asking again, and by nobody else (threats A14).
func TestThreat_A14_EveryAppWaitsForWhatOneWasTold(t *testing.T) {
	inTime(t, catalog.Pace{Each: catalog.EachConnection, Share: 100}, func(t *testing.T, w *traffic) {
		w.call(of("greedy", "anas"), pace.Return{Class: catalog.RateLimited, Wait: time.Minute})
		for _, app := range []consent.AppID{"greedy", "calm"} {
			if _, hold := w.call(of(app, "anas"), pace.Return{}); hold == nil || hold.Class() != catalog.RateLimited || hold.RetryAfter() != time.Minute || hold.MayHaveHappened() {
				t.Errorf("%s: %+v", app, hold)
			}
		}
		if _, hold := w.call(of("greedy", "bens"), pace.Return{}); hold != nil {
			t.Errorf("another person's connection: %v", hold)
		}
		time.Sleep(time.Minute)
		if _, hold := w.call(of("calm", "anas"), pace.Return{}); hold != nil {
			t.Errorf("a minute later: %v", hold)
		}
	})
}

// Where a provider counts by operation, another operation goes on.
func TestAPauseIsOfWhatTheProviderCountsBy(t *testing.T) {
	inTime(t, catalog.Pace{Each: catalog.EachOperation, Share: 100}, func(t *testing.T, w *traffic) {
		w.call(of("scout", "anas"), pace.Return{Class: catalog.RateLimited, Wait: time.Minute})
		if _, hold := w.call(of("scout", "anas"), pace.Return{}); hold == nil {
			t.Error("the same operation went out")
		}
		other := of("scout", "anas")
		other.Operation = "read"
		if _, hold := w.call(other, pace.Return{}); hold != nil {
			t.Errorf("another operation: %v", hold)
		}
	})
}

// A provider that says a year is not believed.
func TestAPauseEnds(t *testing.T) {
	inTime(t, catalog.Pace{Share: 100}, func(t *testing.T, w *traffic) {
		w.call(of("scout", "anas"), pace.Return{Class: catalog.RateLimited, Wait: 365 * 24 * time.Hour})
		time.Sleep(time.Hour)
		if _, hold := w.call(of("scout", "anas"), pace.Return{}); hold != nil {
			t.Error(hold)
		}
	})
}

// Of a window the provider speaks of, one app gets its share; the others of the
// person have the rest, and it begins anew when the provider's does.
func TestOneAppGetsItsShareOfAWindow(t *testing.T) {
	inTime(t, catalog.Pace{Limit: "L", Reset: "R", Share: 50}, func(t *testing.T, w *traffic) {
		ends := time.Now().Add(30 * time.Minute)
		answer := func() pace.Return { return pace.Return{Limit: 100, Left: time.Until(ends).Round(time.Second)} }
		w.call(of("first", "anas"), answer())
		if n := w.passes(80, of("greedy", "anas"), answer()); n != 50 {
			t.Errorf("%d calls passed, want 50", n)
		}
		time.Sleep(10 * time.Minute)
		if _, hold := w.call(of("greedy", "anas"), answer()); hold == nil || hold.RetryAfter() != 20*time.Minute {
			t.Errorf("%+v", hold)
		}
		if n := w.passes(80, of("calm", "anas"), answer()); n != 50 {
			t.Errorf("%d calls of the other app passed, want 50", n)
		}
		time.Sleep(20 * time.Minute)
		ends = time.Now().Add(30 * time.Minute)
		w.call(of("first", "anas"), answer())
		if n := w.passes(80, of("greedy", "anas"), answer()); n != 50 {
			t.Errorf("%d calls passed in the next window, want 50", n)
		}
	})
}

// A call that comes a moment too early waits for its turn; one that would wait
// long is told to. Another app is not slowed by that.
func TestACallWaitsForItsTurn(t *testing.T) {
	inTime(t, catalog.Pace{Calls: catalog.Rate{Calls: 4, In: time.Second, Burst: 8}, Share: 50}, func(t *testing.T, w *traffic) {
		if waited, _ := w.call(of("quick", "anas"), pace.Return{}); waited != 0 {
			t.Errorf("the first call waited %s", waited)
		}
		w.passes(3, of("quick", "anas"), pace.Return{})
		// Its burst of four is used up; from here on two in a second.
		for range 5 {
			if waited, hold := w.call(of("quick", "anas"), pace.Return{}); hold != nil || waited != 500*time.Millisecond {
				t.Fatalf("waited %s, %v", waited, hold)
			}
		}
		if waited, hold := w.call(of("calm", "anas"), pace.Return{}); hold != nil || waited != 0 {
			t.Errorf("the other app waited %s, %v", waited, hold)
		}
		for range 20 {
			trip := of("quick", "anas")
			trip.API, trip.Provider = w.api, w.at
			go func() {
				leave, err := w.pacer.Enter(t.Context(), trip)
				if err == nil {
					leave(pace.Return{})
				}
			}()
		}
		synctest.Wait()
		if _, hold := w.call(of("quick", "anas"), pace.Return{}); hold == nil || hold.RetryAfter() <= 2*time.Second {
			t.Errorf("after twenty at once: %v", hold)
		}
	})
}

// Changes have a bound of their own, and reading goes on when it is reached.
func TestChangesAreCountedApart(t *testing.T) {
	inTime(t, catalog.Pace{Changes: catalog.Rate{Calls: 80, In: time.Minute, Burst: 80}, Share: 50}, func(t *testing.T, w *traffic) {
		change := of("scout", "anas")
		change.Change = true
		n := 0
		for {
			waited, hold := w.call(change, pace.Return{})
			if hold != nil || waited > 0 {
				break
			}
			n++
		}
		if n != 40 {
			t.Errorf("%d changes passed at once, want 40", n)
		}
		if waited, hold := w.call(of("scout", "anas"), pace.Return{}); hold != nil || waited != 0 {
			t.Errorf("reading waited %s, %v", waited, hold)
		}
	})
}

// Whoever goes away while waiting frees the place.
func TestAWaitEndsWithTheRequest(t *testing.T) {
	inTime(t, catalog.Pace{Calls: catalog.Rate{Calls: 1, In: time.Second, Burst: 1}, Share: 100}, func(t *testing.T, w *traffic) {
		w.call(of("scout", "anas"), pace.Return{})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		trip := of("scout", "anas")
		trip.API, trip.Provider = w.api, w.at
		if _, err := w.pacer.Enter(ctx, trip); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// An app whose calls get no answer ten times in a row is refused at once, and one
// call looks after five seconds. No other app and no other provider is.
func TestAGateShutsAndOpens(t *testing.T) {
	inTime(t, catalog.Pace{Share: 100}, func(t *testing.T, w *traffic) {
		down := pace.Return{Class: catalog.ProviderDown}
		if n := w.passes(30, of("scout", "anas"), down); n != 10 {
			t.Errorf("%d calls went out, want 10", n)
		}
		if _, hold := w.call(of("scout", "bens"), pace.Return{}); hold == nil || hold.Class() != catalog.ProviderDown || hold.RetryAfter() <= 0 {
			t.Errorf("%+v", hold)
		}
		if _, hold := w.call(of("other", "anas"), pace.Return{}); hold != nil {
			t.Errorf("another app: %v", hold)
		}
		elsewhere := *w
		elsewhere.api = "https://api.slack.example"
		if _, hold := elsewhere.call(of("scout", "anas"), pace.Return{}); hold != nil {
			t.Errorf("another provider: %v", hold)
		}
		time.Sleep(6 * time.Second)
		if n := w.passes(5, of("scout", "anas"), down); n != 1 {
			t.Errorf("%d calls looked whether it is over, want 1", n)
		}
		time.Sleep(6 * time.Second)
		if n := w.passes(50, of("scout", "anas"), pace.Return{}); n != 50 {
			t.Errorf("%d calls passed after it was over", n)
		}
	})
}

// Only what says something about the provider shuts a gate, and only in a row.
func TestWhatShutsNoGate(t *testing.T) {
	for name, r := range map[string]pace.Return{
		"the app went away":           {Unknown: true},
		"refused for what it asked":   {Class: catalog.CallerFault},
		"the token is not good":       {Class: catalog.TokenInvalid},
		"answered between, each time": {},
	} {
		inTime(t, catalog.Pace{Share: 100}, func(t *testing.T, w *traffic) {
			for range 20 {
				w.passes(9, of("scout", "anas"), pace.Return{Class: catalog.ProviderDown})
				if name == "the app went away" {
					w.call(of("scout", "anas"), pace.Return{})
				}
				if _, hold := w.call(of("scout", "anas"), r); hold != nil {
					t.Fatalf("%s: %v", name, hold)
				}
			}
		})
	}
}

// Of calls that a provider lets hang only so many hang at a time.
func TestNotEverybodyHangs(t *testing.T) {
	inTime(t, catalog.Pace{Share: 100}, func(t *testing.T, w *traffic) {
		trip := of("scout", "anas")
		trip.API, trip.Provider = w.api, w.at
		var last func(pace.Return)
		out := 0
		for range 3_000 {
			leave, err := w.pacer.Enter(t.Context(), trip)
			if err != nil {
				break
			}
			out, last = out+1, leave
		}
		if out != 2_000 {
			t.Errorf("%d calls are out", out)
		}
		last(pace.Return{})
		if _, hold := w.call(of("scout", "anas"), pace.Return{}); hold != nil {
			t.Errorf("one came back: %v", hold)
		}
	})
}
