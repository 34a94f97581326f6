package broker_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// outcomes keeps attempts in memory; the rows are tested where the database is.
type outcomes struct {
	mu   sync.Mutex
	past map[string]broker.Past
	err  error // of the next End or Forget
}

func (o *outcomes) Begin(_ context.Context, a broker.Attempt, _ time.Time) (broker.Past, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.past == nil {
		o.past = map[string]broker.Past{}
	}
	if p, there := o.past[a.Key]; there {
		return p, nil
	}
	o.past[a.Key] = broker.Past{Stage: broker.Begun, Request: a.Request, Began: a.Began}
	return broker.Past{}, nil
}

func (o *outcomes) End(_ context.Context, a broker.Attempt, p broker.Past) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	p.Request, p.Began = a.Request, a.Began
	o.past[a.Key] = p
	return nil
}

func (o *outcomes) Forget(_ context.Context, a broker.Attempt) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		delete(o.past, a.Key)
	}
	return o.err
}

// filing sends one issue under a key.
func (w *world) filing(key, title string) (broker.Answer, error) {
	req := w.request("POST", "github", "/repos/acme/web/issues", `{"title":"`+title+`"}`)
	req.Header.Set("Idempotency-Key", key)
	return w.broker.Serve(w.t.Context(), req)
}

func code(err error) string {
	var r *broker.Refusal
	if !errors.As(err, &r) {
		return ""
	}
	return r.Code
}

func keyed(t *testing.T) *world {
	w := newWorld(t).allow("", []consent.ScopeName{"agents.writes.unattended"})
	return w.allow(onHub, []consent.ScopeName{"services.github.issues.write"}, "acme/web")
}

func TestThreat_B20_AWriteUnderAKeyIsMadeOnce(t *testing.T) {
	w := keyed(t)
	had := len(w.github.Issues("acme/web"))
	made := func() int { return len(w.github.Issues("acme/web")) - had }
	first, err := w.filing("k-1", "One")
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.filing(`"k-1"`, "One") // as the draft writes it
	if err != nil || string(again.Body) != string(first.Body) || again.Status != first.Status || again.Header.Get("Idempotent-Replayed") != "true" || made() != 1 {
		t.Errorf("again: %v, %d %s, %d issues", err, again.Status, again.Body, made())
	}
	if e := w.audit.last(); e.Outcome != broker.Done || e.Reason != "replayed" {
		t.Errorf("on record: %+v", e)
	}
	if _, err := w.filing("k-1", "Two"); code(err) != broker.CodeKeyReused || made() != 1 {
		t.Errorf("another call under the key: %v", err)
	}
	if _, err := w.filing("k-2", "One"); err != nil || made() != 2 {
		t.Errorf("another key: %v, %d issues", err, made())
	}
	for _, bad := range []string{`""`, "two words", "\x7f", `a"b`, string(make([]byte, 256))} {
		if _, err := w.filing(bad, "Bad"); code(err) != broker.CodeInvalid {
			t.Errorf("the key %q: %v", bad, err)
		}
	}
}

func TestAKeyOfWhatChangedNothingIsFreeAgain(t *testing.T) {
	w := keyed(t)
	w.budgets.short = consent.Shortage{Denial: consent.DailyLimit, Wait: time.Hour}
	if _, err := w.filing("k-1", "One"); code(err) != "daily_limit" {
		t.Fatalf("without room: %v", err)
	}
	w.budgets.short = consent.Shortage{}
	if _, err := w.filing("k-1", "Another"); err != nil {
		t.Errorf("with room: %v", err)
	}
	if answer, err := w.filing("k-2", ""); err == nil && answer.Status < http.StatusBadRequest {
		t.Fatalf("an empty title: %d", answer.Status)
	}
	if _, err := w.filing("k-2", "Better"); err != nil {
		t.Errorf("after the content was refused: %v", err)
	}
}

func TestWhatBecameOfAWriteIsNotGuessed(t *testing.T) {
	w := keyed(t)
	w.outcomes.past = map[string]broker.Past{}
	if _, err := w.filing("k-1", "One"); err != nil {
		t.Fatal(err)
	}
	same := w.outcomes.past["k-1"].Request
	w.outcomes.past["k-1"] = broker.Past{Stage: broker.Begun, Request: same, Began: w.now}
	if _, err := w.filing("k-1", "One"); code(err) != broker.CodeKeyBusy {
		t.Errorf("while it is made: %v", err)
	}
	w.later(2 * time.Minute) // whoever made it is gone
	if _, err := w.filing("k-1", "One"); code(err) != broker.CodeOutcome {
		t.Errorf("broken off: %v", err)
	}
	w.outcomes.past["k-1"] = broker.Past{Stage: broker.Full}
	if _, err := w.filing("k-1", "One"); code(err) != broker.CodeKeysFull {
		t.Errorf("with too many keys: %v", err)
	}
	// It was made, and that could not be noted: nobody may think that it was not.
	w.outcomes.err = errors.New("the database is away")
	if _, err := w.filing("k-3", "Three"); code(err) != broker.CodeOutcome {
		t.Errorf("not noted: %v", err)
	}
}
