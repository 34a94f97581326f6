package main

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// client makes one operation, from its first byte to its last.
type client func() error

// figure is what came out of a measurement.
type figure struct {
	Clients   int           `json:"clients"`
	PerSecond float64       `json:"per_second"`
	P50       time.Duration `json:"p50_ns"`
	P95       time.Duration `json:"p95_ns"`
	P99       time.Duration `json:"p99_ns"`
	// CPU is what the server's process worked for each, the database apart: unlike
	// the others it stays the same when somebody else uses the machine.
	CPU time.Duration `json:"cpu_ns,omitempty"`
	all int           // operations that were made, also those that are not counted
}

// measure lets the clients work, each as fast as it is answered, and counts what
// ended within span once they have worked for warm. The first error ends it: a
// figure with errors in it says nothing.
func measure(clients []client, warm, span time.Duration) (figure, error) {
	from := time.Now().Add(warm)
	until := from.Add(span)
	took := make([][]time.Duration, len(clients))
	var made atomic.Int64
	err := each(clients, func(i int, work client) (bool, error) {
		began := time.Now()
		if !began.Before(until) {
			return false, nil
		}
		if err := work(); err != nil {
			return false, err
		}
		made.Add(1)
		if ended := time.Now(); !ended.Before(from) && ended.Before(until) {
			took[i] = append(took[i], ended.Sub(began))
		}
		return true, nil
	})
	if err != nil {
		return figure{}, err
	}
	all := slices.Concat(took...)
	if len(all) == 0 {
		return figure{}, errors.New("nothing ended in the time there was")
	}
	slices.Sort(all)
	return figure{
		Clients: len(clients), PerSecond: float64(len(all)) / span.Seconds(),
		P50: percentile(all, 50), P95: percentile(all, 95), P99: percentile(all, 99), all: int(made.Load()),
	}, nil
}

// percentile is the smallest value that p of a hundred do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[(len(sorted)*p+99)/100-1]
}

// repeat makes n operations, shared among the clients.
func repeat(clients []client, n int) error {
	var done atomic.Int64
	return each(clients, func(_ int, work client) (bool, error) {
		if done.Add(1) > int64(n) {
			return false, nil
		}
		return true, work()
	})
}

// each runs step for every client at the same time until it says stop or one of
// them meets an error, which it returns.
func each(clients []client, step func(i int, work client) (more bool, err error)) error {
	var wg sync.WaitGroup
	var stop atomic.Bool
	var once sync.Once
	var first error
	for i, work := range clients {
		wg.Go(func() {
			for !stop.Load() {
				more, err := step(i, work)
				if err != nil {
					once.Do(func() { first = err })
					stop.Store(true)
				}
				if !more {
					return
				}
			}
		})
	}
	wg.Wait()
	return first
}
