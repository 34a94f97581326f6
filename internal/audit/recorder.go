package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deputy-oauth/deputy/internal/db"
)

// Config says how to record.
type Config struct {
	DB  *db.DB
	Now func() time.Time // nil means time.Now
	Log *slog.Logger     // told when last-used times cannot be written; nil means slog.Default()
	// Also runs in the transaction of each InTx, after its row: for what must stand or
	// fall with it. It may be nil.
	Also func(ctx context.Context, e Event) error
	// Keep is how long rows stay; 0 means 400 days.
	Keep time.Duration
	// Patience bounds how long Record waits for the database; 0 means 5 seconds.
	Patience time.Duration
	// Every is how often last-used times are written; 0 means 3 seconds.
	Every time.Duration
}

const (
	defaultKeep     = 400 * 24 * time.Hour
	defaultPatience = 5 * time.Second
	defaultEvery    = 3 * time.Second

	batchLimit = 256  // rows in one commit
	queueLimit = 1024 // Records waiting; the next ones wait to be let in
)

// ErrClosed is returned by Record after Close.
var ErrClosed = errors.New("the audit recorder is closed")

// Recorder writes events. It is safe for concurrent use.
type Recorder struct {
	cfg     Config
	queue   chan entry
	early   chan struct{} // asks for last-used times to be written before their time
	quit    chan struct{}
	stopped chan struct{}

	gate    sync.RWMutex // held for reading while a Record is under way
	closed  bool
	touches touches
	written atomic.Bool // rows were added since rows were last removed
	purge   time.Time   // not before; used by the loop only
}

type entry struct {
	event  Event
	result chan error
}

// New starts a recorder. Close it to end its goroutine.
func New(cfg Config) *Recorder {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	cfg.Keep = or(cfg.Keep, defaultKeep)
	cfg.Patience = or(cfg.Patience, defaultPatience)
	cfg.Every = or(cfg.Every, defaultEvery)
	r := &Recorder{
		cfg:     cfg,
		queue:   make(chan entry, queueLimit),
		early:   make(chan struct{}, 1),
		quit:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	r.written.Store(true) // an earlier process may have left rows to remove
	go r.loop()
	return r
}

func or(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// InTx writes e in the transaction of ctx, so that the effect and its record are
// committed together. Without a transaction in ctx it makes one.
func (r *Recorder) InTx(ctx context.Context, e Event) error {
	e = r.dated(e)
	err := r.cfg.DB.Tx(ctx, func(ctx context.Context) error {
		err := insert(ctx, r.cfg.DB, []Event{e})
		if err != nil || r.cfg.Also == nil {
			return err
		}
		return r.cfg.Also(ctx, e)
	})
	if err != nil {
		return fmt.Errorf("record %s: %w", e.Kind, err)
	}
	r.written.Store(true)
	return nil
}

// Record returns nil when e is durable. It goes on when ctx ends, because what
// happened did happen, also when the caller's client has left; but never longer
// than Config.Patience. After an error the row may or may not be there.
func (r *Recorder) Record(ctx context.Context, e Event) error {
	r.gate.RLock()
	defer r.gate.RUnlock()
	if r.closed {
		return fmt.Errorf("record %s: %w", e.Kind, ErrClosed)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.Patience)
	defer cancel()
	waiting := entry{event: r.dated(e), result: make(chan error, 1)}
	select {
	case r.queue <- waiting:
	case <-ctx.Done():
		return fmt.Errorf("record %s: the queue is full: %w", e.Kind, ctx.Err())
	}
	select {
	case err := <-waiting.result:
		if err != nil {
			return fmt.Errorf("record %s: %w", e.Kind, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("record %s: the database does not answer: %w", e.Kind, ctx.Err())
	}
}

func (r *Recorder) dated(e Event) Event {
	if e.At.IsZero() {
		e.At = r.cfg.Now()
	}
	return e
}

// Close waits for the Records under way, writes the last-used times and ends. The
// database must still be open.
func (r *Recorder) Close() error {
	r.gate.Lock()
	again := r.closed
	r.closed = true
	r.gate.Unlock()
	if !again {
		close(r.quit)
	}
	<-r.stopped
	return r.flush(context.Background())
}

func (r *Recorder) loop() {
	defer close(r.stopped)
	tick := time.NewTicker(r.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case first := <-r.queue:
			r.commit(r.gather(first))
		case <-tick.C:
			r.housekeeping()
		case <-r.early:
			r.housekeeping()
		case <-r.quit:
			// Close let the Records under way finish; what is left was given up by
			// its caller, but it happened all the same.
			for len(r.queue) > 0 {
				r.commit(r.gather(<-r.queue))
			}
			return
		}
	}
}

func (r *Recorder) gather(first entry) []entry {
	batch := []entry{first}
	for len(batch) < batchLimit {
		select {
		case e := <-r.queue:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

// commit writes a batch and tells everybody in it what became of it.
func (r *Recorder) commit(batch []entry) {
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Patience)
	defer cancel()
	events := make([]Event, len(batch))
	for i, e := range batch {
		events[i] = e.event
	}
	commit := r.cfg.DB.Tx
	if portion(len(events), batchLimit) == len(events) {
		commit = r.cfg.DB.Once // one statement
	}
	err := commit(ctx, func(ctx context.Context) error { return insert(ctx, r.cfg.DB, events) })
	for _, e := range batch {
		e.result <- err
	}
	r.written.Store(true)
	r.expire(len(batch))
}

func (r *Recorder) housekeeping() {
	if err := r.flush(context.Background()); err != nil {
		r.cfg.Log.Warn("last-used times are late", "error", err)
	}
	r.expire(0)
}
