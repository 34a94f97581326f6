package broker_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

const writeWeb = `{"title":"Outdated"}`

// What the person looks on at is not counted, and what is refused for another
// reason uses up nothing.
func TestWhatIsCounted(t *testing.T) {
	background, changes := consent.Budget{Scope: consent.Background, Rate: consent.Rate{Daily: 100}}, consent.Budget{Scope: consent.UnattendedWrites, Rate: consent.Rate{Daily: 50}}
	for _, tt := range []struct {
		name, method, target, body string
		away                       bool
		want                       []consent.Budget
	}{
		{"reading while the person is there", "GET", "/repos/acme/web", "", false, nil},
		{"reading while away", "GET", "/repos/acme/web", "", true, []consent.Budget{background}},
		{"a list while away", "GET", "/user/repos", "", true, []consent.Budget{background}},
		{"a change while the person is there", "POST", "/repos/acme/web/issues", writeWeb, false, []consent.Budget{changes}},
		{"a change while away", "POST", "/repos/acme/web/issues", writeWeb, true, []consent.Budget{background, changes}},
		{"what was not picked", "GET", "/repos/acme/api", "", true, nil},
		{"what Deputy does not offer", "GET", "/repos/acme/web/hooks", "", true, nil},
		{"a parameter that is wrong", "GET", "/repos/acme/web/issues?state=x", "", true, nil},
		{"a page that is no page of ours", "GET", "/user/repos?page=x", "", true, nil},
	} {
		w := newWorld(t).allowAll()
		w.allow("", []consent.ScopeName{consent.Background})
		w.bearer.Present = !tt.away
		w.ask(tt.method, "github", tt.target, tt.body)
		if diff := cmp.Diff(tt.want, w.budgets.spent); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
	}
}

// A call without room reaches no provider, says when there is room, and is on
// record like every other refusal.
func TestACallWithoutRoom(t *testing.T) {
	for _, tt := range []struct {
		short   consent.Shortage
		status  int
		wait    time.Duration
		missing []consent.ScopeName
	}{
		{consent.Shortage{Scope: consent.Background, Denial: consent.DailyLimit, Wait: time.Hour}, 429, time.Hour, []consent.ScopeName{consent.Recurring}},
		{consent.Shortage{Scope: consent.Recurring, Denial: consent.RateExceeded, Wait: time.Millisecond}, 429, time.Second, nil},
		{consent.Shortage{Scope: consent.UnattendedWrites, Denial: consent.DailyLimit, Wait: time.Minute}, 429, time.Minute, nil},
		{consent.Shortage{Scope: consent.Background, Denial: consent.ScopeMissing}, 403, 0, []consent.ScopeName{consent.Background}},
	} {
		w := newWorld(t).allowAll()
		w.allow("", []consent.ScopeName{consent.Background})
		w.bearer.Present, w.budgets.short = false, tt.short
		before := w.wire.count()
		if _, refusal := w.ask("GET", "github", "/user/repos", ""); refusal == nil || refusal.Status != tt.status || refusal.Code != string(tt.short.Denial) ||
			refusal.Denial != tt.short.Denial || refusal.RetryAfter != tt.wait || !slices.Equal(refusal.Missing, tt.missing) {
			t.Errorf("%+v: %+v", tt.short, refusal)
		}
		if e := w.audit.last(); w.wire.count() != before || e.Outcome != broker.Denied || e.Reason != string(tt.short.Denial) || !e.Away {
			t.Errorf("%+v: %d requests went out, recorded %+v", tt.short, w.wire.count()-before, e)
		}
	}
}

// Every call that goes out is counted against what the operator allows, whether or
// not somebody looks on. What is refused is not.
func TestEveryCallIsCounted(t *testing.T) {
	for _, tt := range []struct {
		name, method, target, body string
		calls, changes             int
	}{
		{"reading", "GET", "/repos/acme/web", "", 1, 0},
		{"a list", "GET", "/user/repos", "", 1, 0},
		{"a change", "POST", "/repos/acme/web/issues", writeWeb, 1, 1},
		{"what was not picked", "GET", "/repos/acme/api", "", 0, 0},
		{"a parameter that is wrong", "GET", "/repos/acme/web/issues?state=x", "", 0, 0},
	} {
		w := newWorld(t).allowAll()
		w.ask(tt.method, "github", tt.target, tt.body)
		if w.budgets.calls != tt.calls || w.budgets.changes != tt.changes {
			t.Errorf("%s: counted %d calls and %d changes", tt.name, w.budgets.calls, w.budgets.changes)
		}
	}
}

// Over the operator's allowance nothing goes out, and nothing is used up of what
// the person allows.
func TestMoreThanTheOperatorAllows(t *testing.T) {
	w := newWorld(t).allowAll()
	w.budgets.over = consent.Shortage{Denial: consent.TooManyCalls, Wait: 40 * time.Second}
	before := w.wire.count()
	_, refusal := w.ask("POST", "github", "/repositories/"+w.ids["acme/web"]+"/issues", writeWeb)
	if refusal == nil || refusal.Status != 429 || refusal.Code != "too_many_calls" || refusal.RetryAfter != 40*time.Second || len(refusal.Missing) > 0 {
		t.Errorf("%+v", refusal)
	}
	if e := w.audit.last(); w.wire.count() != before || len(w.budgets.spent) > 0 || e.Outcome != broker.Denied || e.Reason != "too_many_calls" {
		t.Errorf("%d requests went out, %v spent, recorded %+v", w.wire.count()-before, w.budgets.spent, e)
	}
}

// What cannot be counted is not done.
func TestACallThatCannotBeCounted(t *testing.T) {
	w := newWorld(t).allowAll()
	before := w.wire.count()
	w.budgets.err = errors.New("the database is away")
	if _, err := w.broker.Serve(t.Context(), w.request("POST", "github", "/repositories/"+w.ids["acme/web"]+"/issues", writeWeb)); err == nil || w.wire.count() != before {
		t.Errorf("%v after %d requests", err, w.wire.count()-before)
	}
}
