package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
)

// clock is a time that moves only when told.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) forward(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func start(t *testing.T, d *db.DB, c *clock) *audit.Recorder {
	t.Helper()
	r := audit.New(audit.Config{DB: d, Now: c.now, Every: time.Hour})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func record(t *testing.T, r *audit.Recorder, e audit.Event) {
	t.Helper()
	if err := r.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, r *audit.Recorder, user consent.UserID, f audit.Filter) []audit.Event {
	t.Helper()
	entries, err := r.List(t.Context(), user, f, "", audit.MaxPage)
	if err != nil {
		t.Fatal(err)
	}
	var events []audit.Event
	for _, e := range entries {
		events = append(events, e.Event)
	}
	return events
}

func rows(t *testing.T, d *db.DB) int {
	t.Helper()
	n, err := db.One[int](d.Read(t.Context()), "SELECT count(*) FROM audit")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func call(user consent.UserID, n int) audit.Event {
	return audit.Event{Kind: audit.CallAllowed, User: user, App: "app_1", Operation: fmt.Sprint("op ", n), Outcome: audit.Done}
}

func TestEveryFieldComesBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		r := start(t, d, c)
		want := audit.Event{
			Kind: audit.CallDenied, User: "user_ana", App: "app_scout", Grant: "grant_1", Family: "family_1",
			Connection: "connection_1", Scope: "services.github.repositories.read", Operation: "github.repo.get",
			Resource: "github.repository:7", Outcome: audit.Denied, Detail: "outside_limit",
		}
		record(t, r, want)
		want.At = c.now()
		if diff := cmp.Diff([]audit.Event{want}, list(t, r, "user_ana", audit.Filter{})); diff != "" {
			t.Error(diff)
		}
	})
}

// What Record acknowledged is in the database, each once, in spite of sharing
// commits: batches of every size, so every statement is used.
func TestManyRecordsAtOnceAreAllThere(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := start(t, d, newClock())
		const writers, each = 300, 5
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					if err := r.Record(t.Context(), call("user_ana", w*each+i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		distinct, err := db.One[int](d.Read(t.Context()), "SELECT count(DISTINCT operation) FROM audit")
		if err != nil {
			t.Fatal(err)
		}
		if n := rows(t, d); n != writers*each || distinct != writers*each {
			t.Errorf("%d rows, %d of them different, want %d of both", n, distinct, writers*each)
		}
	})
}

func TestInTxStandsAndFallsWithTheTransaction(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := start(t, d, newClock())
		sorry := errors.New("sorry")
		agree := func(then error) error {
			return d.Tx(t.Context(), func(ctx context.Context) error {
				if err := r.InTx(ctx, audit.Event{Kind: audit.GrantAgreed, User: "user_ana"}); err != nil {
					return err
				}
				return then
			})
		}
		if err := agree(sorry); !errors.Is(err, sorry) {
			t.Fatal(err)
		}
		if n := rows(t, d); n != 0 {
			t.Fatalf("%d rows of a transaction that was taken back", n)
		}
		if err := agree(nil); err != nil {
			t.Fatal(err)
		}
		if n := rows(t, d); n != 1 {
			t.Errorf("%d rows of the transaction that was committed, want 1", n)
		}
	})
}

// The client that leaves early must not be able to keep its call out of the log.
func TestRecordOutlivesItsCaller(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := start(t, d, newClock())
		ctx, leave := context.WithCancel(t.Context())
		leave()
		if err := r.Record(ctx, call("user_ana", 1)); err != nil {
			t.Fatal(err)
		}
		if n := rows(t, d); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	})
}

func TestRecordFailsWhenTheDatabaseIsGone(t *testing.T) {
	d := dbtest.SQLite(t)
	r := audit.New(audit.Config{DB: d, Every: time.Hour, Log: slog.New(slog.DiscardHandler)})
	defer r.Close()
	err := d.Tx(t.Context(), func(ctx context.Context) error { return d.Read(ctx).Exec("DROP TABLE audit").Error })
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Record(t.Context(), call("user_ana", 1)); err == nil {
		t.Error("Record said the row is durable; there is no table")
	}
}

func TestRecordGivesUpOnADatabaseThatHangs(t *testing.T) {
	d := dbtest.SQLite(t)
	r := audit.New(audit.Config{DB: d, Every: time.Hour, Patience: 50 * time.Millisecond})
	release, held := make(chan struct{}), make(chan struct{})
	var hang sync.WaitGroup
	hang.Go(func() {
		err := d.Tx(context.Background(), func(context.Context) error { close(held); <-release; return nil })
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	if err := r.Record(t.Context(), call("user_ana", 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	close(release)
	hang.Wait()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseLosesNothingAndRefusesTheRest(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := audit.New(audit.Config{DB: d, Every: time.Hour})
		var wg sync.WaitGroup
		var acknowledged atomic.Int64
		for w := range 50 {
			wg.Go(func() {
				for i := range 20 {
					switch err := r.Record(t.Context(), call("user_ana", w*20+i)); {
					case err == nil:
						acknowledged.Add(1)
					case !errors.Is(err, audit.ErrClosed):
						t.Error(err)
					}
				}
			})
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if n := rows(t, d); int64(n) != acknowledged.Load() {
			t.Errorf("%d rows, but %d were acknowledged", n, acknowledged.Load())
		}
		if err := r.Record(t.Context(), call("user_ana", 1)); !errors.Is(err, audit.ErrClosed) {
			t.Errorf("Record after Close: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

func TestListGoesPageByPageAndIsOnlyTheirs(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := start(t, d, newClock())
		for i := range 25 {
			record(t, r, call("user_ana", i))
			record(t, r, call("user_ben", i))
		}
		record(t, r, audit.Event{Kind: audit.TokenIssued}) // an app's own token: nobody's
		var got []string
		before := ""
		for {
			page, err := r.List(t.Context(), "user_ana", audit.Filter{}, before, 10)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				if e.User != "user_ana" {
					t.Fatalf("an event of %q is in ana's list", e.User)
				}
				got = append(got, e.Operation)
			}
			before = page[len(page)-1].ID
		}
		var want []string
		for i := 24; i >= 0; i-- {
			want = append(want, fmt.Sprint("op ", i))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if _, err := r.List(t.Context(), "", audit.Filter{}, "", 10); err == nil {
			t.Error("the events of nobody were listed")
		}
	})
}

func TestListFilters(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := start(t, d, newClock())
		record(t, r, audit.Event{Kind: audit.CallAllowed, User: "user_ana", App: "a", Connection: "c", Outcome: audit.Done})
		record(t, r, audit.Event{Kind: audit.CallDenied, User: "user_ana", App: "a", Grant: "g", Outcome: audit.Denied})
		record(t, r, audit.Event{Kind: audit.GrantAgreed, User: "user_ana", App: "b", Grant: "h", Outcome: audit.Done})
		for _, c := range []struct {
			filter audit.Filter
			want   int
		}{
			{audit.Filter{}, 3},
			{audit.Filter{App: "a"}, 2},
			{audit.Filter{App: "a", Outcome: audit.Denied}, 1},
			{audit.Filter{Grant: "h"}, 1},
			{audit.Filter{Connection: "c"}, 1},
			{audit.Filter{Kinds: []audit.Kind{audit.CallAllowed, audit.CallDenied}}, 2},
			{audit.Filter{Kinds: []audit.Kind{audit.TokenReplayed}}, 0},
		} {
			if got := list(t, r, "user_ana", c.filter); len(got) != c.want {
				t.Errorf("%+v: %d events, want %d", c.filter, len(got), c.want)
			}
		}
	})
}

func TestHostileTextNeitherFailsTheBatchNorForgesALine(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := start(t, d, newClock())
		record(t, r, audit.Event{
			Kind: audit.CallDenied, User: "user_ana", Operation: "a\x00b\xff\r\nlevel=error c\u2028", Detail: strings.Repeat("ü", 2000),
			Resource: strings.Repeat("x", 299) + "ü",
		})
		got := list(t, r, "user_ana", audit.Filter{})[0]
		if want := "a b\uFFFD  level=error c "; got.Operation != want {
			t.Errorf("operation %q, want %q", got.Operation, want)
		}
		if want := strings.Repeat("ü", 500); got.Detail != want {
			t.Errorf("detail has %d bytes, want %d", len(got.Detail), len(want))
		}
		if want := strings.Repeat("x", 299); got.Resource != want {
			t.Errorf("resource %q was cut inside a character", got.Resource)
		}
	})
}

func TestOldRowsGoWhereNewOnesCome(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		r := start(t, d, c)
		for i := range 3 {
			record(t, r, call("user_ana", i))
		}
		c.forward(399 * 24 * time.Hour)
		record(t, r, call("user_ana", 3))
		if n := len(list(t, r, "user_ana", audit.Filter{})); n != 4 {
			t.Fatalf("%d rows before anything is old, want 4", n)
		}
		c.forward(2 * 24 * time.Hour)
		record(t, r, call("user_ana", 4))
		// The row is durable before old ones are looked for.
		deadline := time.Now().Add(10 * time.Second)
		for rows(t, d) != 2 && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		if n := rows(t, d); n != 2 {
			t.Errorf("%d rows, want the 2 of the last 400 days", n)
		}
	})
}
