package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// What the measurements at a fixed rate are made of. Callers that wait for their
// answer ask a slow server less often, and so hide how slow it is: here calls come
// when they are due, and the time of each counts from then.
const (
	steadyName  = "steady"
	steadyRate  = 500 // reads a second
	otherRate   = 50  // calls a second to another provider meanwhile
	steadyConns = 64
	// steadyTurns is how often each kind is measured, one after the other, so that
	// a machine that grows slower is not taken for one of them.
	steadyTurns = 3
	steadySpans = 3 // of -seconds, for each turn
)

// steadyKinds are what is measured in each turn, in this order.
var steadyKinds = [4]string{"straight from the simulator", "through the broker", "beside calls to another provider", "beside the same calls while it hangs"}

// slackUser is somebody in the simulated workspace.
const slackUser = "U01BEN0002"

// steady is what a fixed rate of reads came to: the middle of all turns.
type steady struct {
	Rate     int    `json:"per_second"`
	Straight figure `json:"straight"`
	Through  figure `json:"through"`
	Beside   figure `json:"beside_another_provider"`
	Hung     figure `json:"beside_one_that_hangs"`
	Calls    others `json:"calls_to_it"`
}

// others are the calls to another provider, and what became of them while it hung.
type others struct {
	Made    int64 `json:"made"`
	Refused int64 `json:"refused_at_once"` // the rest waited until it answered again
}

// steady measures reads that come at a fixed rate: straight from the simulator,
// through the broker, and through the broker while another provider is called that
// answers, and does not: it is the answer that makes the difference, not the calls.
func (b *bench) steady(w *world) (*steady, error) {
	s, span := &steady{Rate: steadyRate}, steadySpans*b.span
	straight, through := operation{client: direct, elsewhere: atGitHub}, operation{client: reads}
	var kinds [4][]figure
	for turn := range steadyTurns {
		for i, o := range []operation{straight, through, through, through} {
			b.told.step(fmt.Sprintf("%s: %d reads a second %s, %d of %d", w.database, steadyRate, steadyKinds[i], turn+1, steadyTurns))
			stop := func() error { return nil }
			if i >= 2 {
				stop = s.Calls.begin(w, i == 3)
			}
			f, err := atRate(w, o, steadyRate, span)
			err = errors.Join(err, stop())
			if err != nil {
				return nil, err
			}
			kinds[i] = append(kinds[i], f)
		}
	}
	s.Straight, s.Through, s.Beside, s.Hung = middle(kinds[0]), middle(kinds[1]), middle(kinds[2]), middle(kinds[3])
	return s, nil
}

// begin calls Slack, hanging or not, until stop.
func (o *others) begin(w *world, hangs bool) (stop func() error) {
	kind := &others{} // calls that are answered are not counted
	if hangs {
		w.slack.hang()
		kind = o
	}
	ended := make(chan struct{})
	result := make(chan error, 1)
	go func() { result <- kind.call(w, hangs, ended) }()
	return func() error {
		close(ended)
		w.slack.recover()
		return <-result
	}
}

// call calls Slack at a fixed rate until ended, each time on a connection of its
// own, and waits for all answers.
func (o *others) call(w *world, hangs bool, ended <-chan struct{}) error {
	request := get(nil, w.host, "/api/slack/users.info?user="+slackUser, "Authorization: Bearer "+w.slackToken, "Connection: close")
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	due := time.NewTicker(time.Second / otherRate)
	defer due.Stop()
	for {
		select {
		case <-ended:
			wg.Wait()
			if err := failed.Load(); err != nil {
				return fmt.Errorf("call another provider: %w", *err)
			}
			return nil
		case <-due.C:
		}
		wg.Go(func() {
			if err := o.one(w.host, request, hangs, ended); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
}

func (o *others) one(host string, request []byte, hangs bool, ended <-chan struct{}) error {
	c, err := dial(host)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.patient(); err != nil {
		return err
	}
	atomic.AddInt64(&o.Made, 1)
	if _, err := c.net.Write(request); err != nil {
		return err
	}
	status, err := c.answer()
	if err != nil {
		return err
	}
	select {
	case <-ended: // whatever it is: Slack answers again
		return nil
	default:
	}
	if !hangs {
		if status != http.StatusOK && status != http.StatusTooManyRequests { // more than Slack bears
			return fmt.Errorf("status %d from a provider that answers: %s", status, c.body)
		}
		return nil
	}
	if status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests && status != http.StatusGatewayTimeout {
		return fmt.Errorf("status %d from a provider that does not answer: %s", status, c.body)
	}
	atomic.AddInt64(&o.Refused, 1)
	return nil
}

// atRate makes calls at a fixed rate for as long as span, after some that do not
// count. The n-th is due at n/rate, whatever became of those before it, as long as
// a connection is free; its time runs from when it was due.
func atRate(w *world, o operation, rate int, span time.Duration) (figure, error) {
	clients, done, err := o.clients(w, steadyConns)
	if err != nil {
		return figure{}, err
	}
	defer done()
	every := time.Second / time.Duration(rate)
	warmup, all := int64(warm/every), int64((warm+span)/every)
	took := make([]time.Duration, all)
	var next atomic.Int64
	began := time.Now()
	err = each(clients, func(_ int, work client) (bool, error) {
		n := next.Add(1) - 1
		if n >= all {
			return false, nil
		}
		due := began.Add(time.Duration(n) * every)
		time.Sleep(time.Until(due))
		err := work()
		took[n] = time.Since(due)
		return true, err
	})
	if err != nil {
		return figure{}, err
	}
	took = took[warmup:]
	slices.Sort(took)
	return figure{Clients: steadyConns, PerSecond: float64(rate), P50: percentile(took, 50), P95: percentile(took, 95), P99: percentile(took, 99)}, nil
}

// middle is the middle of each percentile over all turns.
func middle(turns []figure) figure {
	of := func(p func(figure) time.Duration) time.Duration {
		var all []time.Duration
		for _, f := range turns {
			all = append(all, p(f))
		}
		slices.Sort(all)
		return percentile(all, 50)
	}
	f := turns[0]
	f.P50 = of(func(f figure) time.Duration { return f.P50 })
	f.P95 = of(func(f figure) time.Duration { return f.P95 })
	f.P99 = of(func(f figure) time.Duration { return f.P99 })
	return f
}

func (s *steady) markdown(w io.Writer) {
	if s == nil {
		return
	}
	fmt.Fprintf(w, "\n| %d reads a second, ms | p50 | p95 | p99 |\n|---|--:|--:|--:|\n", s.Rate)
	line := func(what string, f figure) {
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", what, bare(f.P50), bare(f.P95), bare(f.P99))
	}
	for i, f := range []figure{s.Straight, s.Through, s.Beside, s.Hung} {
		line(steadyKinds[i], f)
	}
	line("**the broker adds** (aim: 1 at p50, 5 at p99)", figure{P50: s.Through.P50 - s.Straight.P50, P95: s.Through.P95 - s.Straight.P95, P99: s.Through.P99 - s.Straight.P99})
	fmt.Fprintf(w, "\nA provider that hangs changes the p99 of reads from another by %+.1f %% (aim: 5 at most). Of %s calls to it %s were refused without waiting for it.\n",
		100*(float64(s.Hung.P99)/float64(s.Beside.P99)-1), thousands(float64(s.Calls.Made)), thousands(float64(s.Calls.Refused)))
}
