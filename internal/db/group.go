package db

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"gorm.io/gorm"
)

// groupLimit bounds how many transactions share one commit, so that the first
// one does not wait for ever.
const groupLimit = 128

var errClosed = errors.New("the database is closed")

// group is SQLite's one writer.
type group struct {
	write *gorm.DB
	jobs  chan *job
	quit  chan struct{}
	done  sync.WaitGroup
}

// job is one transaction waiting to be run and committed.
type job struct {
	ctx    context.Context
	fn     func(context.Context) error
	result chan error
}

func newGroup(write *gorm.DB) *group {
	g := &group{write: write, jobs: make(chan *job, groupLimit), quit: make(chan struct{})}
	g.done.Go(g.loop)
	return g
}

func (g *group) stop() {
	close(g.quit)
	g.done.Wait()
}

// run queues fn and waits for its commit. Once it was queued it is waited for,
// even when ctx ends: the caller must know whether it happened.
func (g *group) run(ctx context.Context, fn func(context.Context) error) error {
	j := &job{ctx: ctx, fn: fn, result: make(chan error, 1)}
	select {
	case g.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-g.quit:
		return errClosed
	}
	select {
	case err := <-j.result:
		return err
	case <-g.quit:
		// The loop answers what it had taken before it ends.
		g.done.Wait()
		select {
		case err := <-j.result:
			return err
		default:
			return errClosed
		}
	}
}

func (g *group) loop() {
	for {
		select {
		case first := <-g.jobs:
			g.commit(g.gather(first))
		case <-g.quit:
			return
		}
	}
}

func (g *group) gather(first *job) []*job {
	jobs := []*job{first}
	for len(jobs) < groupLimit {
		select {
		case j := <-g.jobs:
			jobs = append(jobs, j)
		default:
			return jobs
		}
	}
	return jobs
}

// commit runs the jobs in one transaction, each in a savepoint, so that one that
// fails takes only its own writes back.
func (g *group) commit(jobs []*job) {
	results := make([]error, len(jobs))
	tx := g.write.Begin()
	err := tx.Error
	if err == nil {
		for i, j := range jobs {
			results[i] = runJob(tx, j)
		}
		err = tx.Commit().Error
	}
	for i, j := range jobs {
		if err != nil && results[i] == nil {
			results[i] = fmt.Errorf("commit: %w", err)
		}
		j.result <- results[i]
	}
}

func runJob(tx *gorm.DB, j *job) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	if err := tx.Exec("SAVEPOINT one").Error; err != nil {
		return err
	}
	// Interrupting a statement makes SQLite roll the whole transaction back, and
	// with it everybody else's writes: a job runs to its end.
	ctx := context.WithoutCancel(j.ctx)
	if err := safely(j.fn, context.WithValue(ctx, txKey{}, tx)); err != nil {
		return errors.Join(err, tx.Exec("ROLLBACK TO one").Error, tx.Exec("RELEASE one").Error)
	}
	return tx.Exec("RELEASE one").Error
}

func safely(fn func(context.Context) error, ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", v, debug.Stack())
		}
	}()
	return fn(ctx)
}
