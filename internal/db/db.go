// Package db opens the database, SQLite or PostgreSQL, and owns what the two
// have in common: the transaction in the context, group commit, migration and
// the translation of driver errors. It knows no table.
//
// SQLite has one writer. Instead of letting writers queue for its lock, one
// goroutine runs the waiting transactions one after the other, each in a
// savepoint, and commits them together: with synchronous=FULL the price of one
// fsync is shared by everybody who waited for it. PostgreSQL does the same by
// itself, so there a transaction is simply a transaction.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Config says which database to open.
type Config struct {
	// URL is a postgres:// URL. When it is empty, Path is used.
	URL string
	// Path is the file of the SQLite database.
	Path string
	// MaxConns bounds the PostgreSQL pool; 0 means 24.
	MaxConns int
}

// DB is an open database.
type DB struct {
	read  *gorm.DB
	write *gorm.DB
	group *group // nil on PostgreSQL
	lite  bool
}

// Open opens the database and checks that it answers. It changes nothing in it;
// see Migrate.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.URL == "" {
		return openSQLite(ctx, cfg.Path)
	}
	return openPostgres(ctx, cfg)
}

func openPostgres(ctx context.Context, cfg Config) (*DB, error) {
	parsed, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errors.New("the database URL is not a valid postgres:// URL") // the cause repeats the password
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 24
	}
	pool := stdlib.OpenDB(*parsed)
	pool.SetMaxOpenConns(cfg.MaxConns)
	pool.SetMaxIdleConns(cfg.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach PostgreSQL: %w", err)
	}
	own := gormConfig()
	own.PrepareStmt = false // the driver keeps its statements; gorm's would be prepared anew in each transaction
	g, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), own)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	return &DB{read: g, write: g}, nil
}

func openSQLite(ctx context.Context, path string) (*DB, error) {
	const pragmas = "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)" +
		"&_pragma=foreign_keys(1)&_pragma=journal_size_limit(67108864)&_txlock=immediate"
	write, err := openFile(ctx, path, pragmas, 2) // the group's, and one for migrations
	if err != nil {
		return nil, err
	}
	read, err := openFile(ctx, path, pragmas+"&_pragma=query_only(1)", max(4, runtime.NumCPU()))
	if err != nil {
		closeAll(write)
		return nil, err
	}
	d := &DB{read: read, write: write, lite: true}
	if d.group, err = newGroup(ctx, write); err != nil {
		return nil, errors.Join(err, closeAll(read), closeAll(write))
	}
	return d, nil
}

func openFile(ctx context.Context, path, options string, conns int) (*gorm.DB, error) {
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+options)
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	g, err := gorm.Open(dialect(pool), gormConfig())
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	return g, nil
}

func gormConfig() *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true, // transactions are ours
		PrepareStmt:            true,
		TranslateError:         true,
		DisableAutomaticPing:   true,
		Logger:                 logger.Discard, // its log shows values; errors come back to us
	}
}

// SQLite reports whether the database is SQLite.
func (d *DB) SQLite() bool { return d.lite }

// Ping checks that the database answers.
func (d *DB) Ping(ctx context.Context) error {
	var one int
	return d.read.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error
}

// Close waits for running transactions and closes the database.
func (d *DB) Close() error {
	if d.group != nil {
		return errors.Join(d.group.stop(), closeAll(d.write), closeAll(d.read))
	}
	return closeAll(d.write)
}

func closeAll(g *gorm.DB) error {
	pool, err := g.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}

type txKey struct{}

// Read returns the handle to read with: the transaction of ctx when there is
// one, so that a reader inside a transaction sees its writes and never waits for
// a second connection.
func (d *DB) Read(ctx context.Context) *gorm.DB {
	if tx, ok := ctx.Value(txKey{}).(*gorm.DB); ok {
		return tx.WithContext(ctx)
	}
	return d.read.WithContext(ctx)
}

// Tx runs fn in a transaction and commits it when fn returns nil. A Tx inside
// another joins it. No network call may happen in fn: on SQLite everybody waits.
func (d *DB) Tx(ctx context.Context, fn func(ctx context.Context) error) error {
	if _, inside := ctx.Value(txKey{}).(*gorm.DB); inside {
		return fn(ctx)
	}
	if d.group != nil {
		return d.group.run(ctx, fn)
	}
	return d.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return safely(fn, context.WithValue(ctx, txKey{}, tx))
	})
}

// Once runs fn, which makes one statement, and commits it. It is a Tx that costs
// PostgreSQL one round trip instead of three. Inside a Tx it joins that.
func (d *DB) Once(ctx context.Context, fn func(ctx context.Context) error) error {
	if _, inside := ctx.Value(txKey{}).(*gorm.DB); inside || d.group != nil {
		return d.Tx(ctx, fn)
	}
	return safely(fn, context.WithValue(ctx, txKey{}, d.write.WithContext(ctx)))
}

// ErrNone is returned by One when no row fits.
var ErrNone = errors.New("no such row")

// One runs a query that gives at most one row and scans it into T. It returns
// ErrNone when there is no row. Conditional writes with RETURNING use it as well:
// no row means the condition did not hold.
func One[T any](g *gorm.DB, query string, args ...any) (T, error) {
	var rows []T
	if err := g.Raw(query, args...).Scan(&rows).Error; err != nil {
		var zero T
		return zero, err
	}
	if len(rows) == 0 {
		var zero T
		return zero, ErrNone
	}
	return rows[0], nil
}

// Duplicate reports whether err says that a unique value exists already.
func Duplicate(err error) bool { return errors.Is(err, gorm.ErrDuplicatedKey) }
