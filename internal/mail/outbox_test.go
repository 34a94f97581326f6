package mail_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/mail"
	"github.com/deputy-oauth/deputy/internal/store"
)

// plainly seals nothing, and refuses what is in another place.
type plainly struct{}

func (plainly) Seal(plain []byte, bound ...string) string {
	return strings.Join(bound, "") + " " + string(plain)
}

func (plainly) Open(sealed string, bound ...string) ([]byte, error) {
	plain, ok := strings.CutPrefix(sealed, strings.Join(bound, "")+" ")
	if !ok {
		return nil, errors.New("sealed for another place")
	}
	return []byte(plain), nil
}

// post is a network that carries, or fails.
type post struct {
	mu    sync.Mutex
	fails error
	tries int
	got   map[string]int
}

func (p *post) Carry(_ context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries++
	if p.fails != nil {
		return p.fails
	}
	p.got[m.Text]++
	return nil
}

// world is an outbox on a real database with a clock.
type world struct {
	t     *testing.T
	store *store.Store
	post  *post
	box   *mail.Outbox
	log   journal
	mu    sync.Mutex
	now   time.Time
}

// journal is a log that several workers write.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// worker is the outbox of one more replica.
func (w *world) worker() *mail.Outbox {
	return &mail.Outbox{Rows: w.store, Box: plainly{}, Carrier: w.post, Now: w.clock, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Write: func(_ context.Context, content []byte) (mail.Message, bool, error) {
			return mail.Message{To: "ana@example.com", Subject: "Hello", Text: string(content)}, string(content) != "unwanted", nil
		}}
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := &world{t: t, now: time.UnixMilli(1_795_000_000_000), post: &post{got: map[string]int{}}}
		w.store = &store.Store{DB: d, Now: w.clock}
		w.box = w.worker()
		test(t, w)
	})
}

// put stores a letter that is due now.
func (w *world) put(about, content string) {
	w.t.Helper()
	l := mail.Letter{For: "ana", About: about, Content: []byte(content), Due: w.clock(), Ends: w.clock().Add(24 * time.Hour)}
	if err := w.box.Put(w.t.Context(), l); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) send() {
	w.t.Helper()
	if err := w.box.Send(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) waiting() int {
	w.t.Helper()
	n, err := db.One[int](w.store.DB.Read(w.t.Context()), "SELECT count(*) FROM letters")
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// Twenty replicas look at the same time: each letter is sent once.
func TestEachLetterIsSentOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		want := map[string]int{}
		for n := range 30 {
			w.put("", fmt.Sprint("letter ", n))
			want[fmt.Sprint("letter ", n)] = 1
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := w.worker().Send(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if diff := cmp.Diff(want, w.post.got); diff != "" || w.waiting() != 0 {
			t.Errorf("%d wait; -want +got\n%s", w.waiting(), diff)
		}
	})
}

func TestALetterThatFailsIsTriedLessAndLess(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.post.fails = errors.New("no route to the mail server")
		w.put("", "hello")
		began, last := w.clock(), w.clock()
		var pauses []time.Duration
		for tries := 0; w.waiting() > 0; w.later(10 * time.Second) {
			if w.send(); w.post.tries > tries {
				tries, pauses, last = w.post.tries, append(pauses, w.clock().Sub(last)), w.clock()
			}
		}
		want := []time.Duration{0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, 64 * time.Minute, 2 * time.Hour, 2 * time.Hour}
		if diff := cmp.Diff(want, pauses[:min(len(want), len(pauses))]); diff != "" {
			t.Errorf("pauses: -want +got\n%s", diff)
		}
		if lived := w.clock().Sub(began); lived < 24*time.Hour || lived > 27*time.Hour {
			t.Errorf("it was given up after %s", lived)
		}
	})
}

func TestWhatIsRefusedForGoodOrUnwantedIsForgotten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.put("", "unwanted")
		w.send()
		if w.post.tries != 0 || w.waiting() != 0 {
			t.Errorf("unwanted: %d tries, %d wait", w.post.tries, w.waiting())
		}
		w.post.fails = fmt.Errorf("no such mailbox: %w", mail.ErrRefused)
		w.put("", "hello")
		w.send()
		if w.post.tries != 1 || w.waiting() != 0 {
			t.Errorf("refused: %d tries, %d wait", w.post.tries, w.waiting())
		}
	})
}

// A worker that dies with a letter in its hands loses none: the lease ends.
func TestALeaseEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.put("", "hello")
		taken, err := w.store.TakeLetters(t.Context(), w.clock().Add(2*time.Minute), 4)
		if err != nil || len(taken) != 1 {
			t.Fatalf("taken: %v, %v", taken, err)
		}
		w.later(time.Minute)
		if w.send(); w.post.tries != 0 {
			t.Error("a letter was sent that somebody else has")
		}
		w.later(time.Minute)
		if w.send(); w.post.got["hello"] != 1 {
			t.Error("a letter was lost")
		}
		// The first worker wakes up: it puts nothing off that is not its own.
		w.put("", "other")
		again, err := w.store.TakeLetters(t.Context(), w.clock().Add(2*time.Minute), 4)
		if err != nil || len(again) != 1 {
			t.Fatalf("taken: %v, %v", again, err)
		}
		if err := w.store.PutOff(t.Context(), again[0].ID, again[0].Due.Add(-time.Minute), w.clock()); err != nil {
			t.Fatal(err)
		}
		if w.send(); w.post.got["other"] != 0 {
			t.Error("a letter was put off by who does not have it")
		}
	})
}

// The outbox of one person is bounded, and does not say the same twice.
func TestTheOutboxIsBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 3 {
			w.put("ending grant_1", "ends")
		}
		if w.waiting() != 1 {
			t.Errorf("%d letters about the same", w.waiting())
		}
		for n := range 60 {
			w.put("", fmt.Sprint(n))
		}
		if w.waiting() != 50 {
			t.Errorf("%d letters wait for one person", w.waiting())
		}
		if n := strings.Count(w.log.String(), "too many of this person wait"); n != 11 {
			t.Errorf("the log tells of %d that were dropped:\n%s", n, w.log.String())
		}
		w.send()
		w.put("ending grant_1", "ends")
		if w.waiting() != 1 {
			t.Error("what was sent cannot be told again")
		}
	})
}

// A row that was moved to another letter's place is not read.
func TestALetterIsSealedForItsRow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.put("", "for ana")
		if err := w.store.DB.Tx(t.Context(), func(ctx context.Context) error {
			return w.store.DB.Read(ctx).Exec("UPDATE letters SET id = 'letter_other'").Error
		}); err != nil {
			t.Fatal(err)
		}
		if w.send(); len(w.post.got) != 0 || w.waiting() != 0 {
			t.Errorf("sent %v, %d wait", w.post.got, w.waiting())
		}
	})
}
