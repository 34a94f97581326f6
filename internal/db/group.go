package db

import (
	"context"
	"database/sql"
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

// group is SQLite's one writer. It keeps a connection, and begins and commits with
// statements like any other: database/sql would prepare each statement anew in each
// of its transactions.
type group struct {
	conn  *sql.Conn
	write *gorm.DB // conn
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

func newGroup(ctx context.Context, write *gorm.DB) (*group, error) {
	pool, err := write.DB()
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to SQLite: %w", err)
	}
	own, err := gorm.Open(dialect(conn), gormConfig())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open SQLite's writer: %w", err), conn.Close())
	}
	g := &group{conn: conn, write: own, jobs: make(chan *job, groupLimit), quit: make(chan struct{})}
	g.done.Go(g.loop)
	return g, nil
}

func (g *group) stop() error {
	close(g.quit)
	g.done.Wait()
	return g.conn.Close()
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
// fails takes only its own writes back. A job that is alone needs none for that.
func (g *group) commit(jobs []*job) {
	results := make([]error, len(jobs))
	err := g.exec("BEGIN IMMEDIATE")
	if err == nil && len(jobs) == 1 {
		results[0] = g.do(jobs[0])
		err = results[0]
	} else if err == nil {
		for i, j := range jobs {
			results[i] = g.saved(j)
		}
	}
	if err == nil {
		err = g.exec("COMMIT")
	}
	if err != nil {
		// SQLite has ended some failed transactions by itself: that there is none is fine.
		_ = g.exec("ROLLBACK")
	}
	for i, j := range jobs {
		if err != nil && results[i] == nil {
			results[i] = fmt.Errorf("commit: %w", err)
		}
		j.result <- results[i]
	}
}

func (g *group) exec(statement string) error { return g.write.Exec(statement).Error }

func (g *group) saved(j *job) error {
	if err := g.exec("SAVEPOINT one"); err != nil {
		return err
	}
	if err := g.do(j); err != nil {
		return errors.Join(err, g.exec("ROLLBACK TO one"), g.exec("RELEASE one"))
	}
	return g.exec("RELEASE one")
}

func (g *group) do(j *job) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	// Interrupting a statement makes SQLite roll the whole transaction back, and
	// with it everybody else's writes: a job runs to its end.
	return safely(j.fn, context.WithValue(context.WithoutCancel(j.ctx), txKey{}, g.write))
}

func safely(fn func(context.Context) error, ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", v, debug.Stack())
		}
	}()
	return fn(ctx)
}
