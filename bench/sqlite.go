package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	_ "github.com/deputy-oauth/deputy/internal/db" // brings the driver "sqlite"
)

// sqliteLedger counts in SQLite, from its write-ahead log: the last frame of each
// commit is marked, and with synchronous=FULL each commit is one sync. Normally
// the log begins anew after a checkpoint; while somebody reads an old state it
// only grows, so the ledger reads one from open to close.
type sqliteLedger struct {
	path string
	db   *sql.DB
	old  *sql.Conn
}

func (l *sqliteLedger) open(ctx context.Context) (err error) {
	if l.db, err = sql.Open("sqlite", "file:"+l.path); err != nil {
		return err
	}
	// Everything into the database file, so that the log begins empty.
	if _, err := l.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return err
	}
	if l.old, err = l.db.Conn(ctx); err != nil {
		return err
	}
	// A reader of an empty log would not keep it from beginning anew: one frame.
	// SQLite writes nothing when nothing changes, so the value is always another.
	_, err = l.old.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES ('bench', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", time.Now().String())
	if err != nil {
		return err
	}
	if _, err := l.old.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	var n int
	return l.old.QueryRowContext(ctx, "SELECT count(*) FROM meta").Scan(&n)
}

func (l *sqliteLedger) close() error { return errors.Join(l.old.Close(), l.db.Close()) }

func (l *sqliteLedger) books(ctx context.Context) (b books, err error) {
	if b.rows, err = count(ctx, l.db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"); err != nil {
		return b, err
	}
	pages, err := one(ctx, l.db, "PRAGMA page_count")
	if err != nil {
		return b, err
	}
	page, err := one(ctx, l.db, "PRAGMA page_size")
	if err != nil {
		return b, err
	}
	b.size = pages * page
	if b.commits, b.logBytes, err = readLog(l.path + "-wal"); err != nil {
		return b, fmt.Errorf("read the log: %w", err)
	}
	b.logSyncs = b.commits
	return b, nil
}

// readLog counts the commits and the bytes of a write-ahead log
// (https://www.sqlite.org/fileformat2.html#walformat).
func readLog(path string) (commits, bytes int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	var head [32]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, 0, err
	}
	page, salt := int(binary.BigEndian.Uint32(head[8:])), [8]byte(head[16:24])
	for {
		var frame [24]byte
		if _, err := io.ReadFull(in, frame[:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return commits, bytes, err
		}
		if [8]byte(frame[8:16]) != salt {
			return commits, bytes, nil // left over from before the log began anew
		}
		if binary.BigEndian.Uint32(frame[4:]) != 0 {
			commits++
		}
		bytes += int64(len(frame) + page)
		if _, err := in.Discard(page); err != nil {
			return commits, bytes, err
		}
	}
}
