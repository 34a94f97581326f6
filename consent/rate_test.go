package consent_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

func drawRate(t *rapid.T) consent.Rate {
	return consent.Rate{
		Daily: rapid.SampledFrom([]int{0, 1, 2, 50, 100, 5000}).Draw(t, "daily"),
		Every: rapid.SampledFrom([]time.Duration{0, time.Hour, day, 7 * day}).Draw(t, "every"),
	}
}

func TestRoom(t *testing.T) {
	hourly := consent.Rate{Daily: 3, Every: time.Hour}
	ago := func(d time.Duration) time.Time { return noon().Add(-d) }
	for _, tt := range []struct {
		name string
		rate consent.Rate
		use  consent.Use
		why  consent.Denial
		wait time.Duration
	}{
		{"nothing was counted", hourly, consent.Use{}, consent.Permitted, 0},
		{"nothing is bounded", consent.Rate{}, consent.Use{Day: noon(), Calls: 1 << 20, Visit: ago(time.Minute)}, consent.Permitted, 0},
		{"the last call of the day", hourly, consent.Use{Day: ago(time.Minute), Calls: 2, Visit: ago(time.Minute)}, consent.Permitted, 0},
		{"one too many", hourly, consent.Use{Day: ago(time.Minute), Calls: 3, Visit: ago(time.Minute)}, consent.DailyLimit, day - time.Minute},
		{"the day ends this moment", hourly, consent.Use{Day: ago(day), Calls: 3, Visit: ago(day)}, consent.Permitted, 0},
		{"the visit goes on", hourly, consent.Use{Day: ago(day / 2), Calls: 1, Visit: ago(consent.Visit - 1)}, consent.Permitted, 0},
		{"the visit ends this moment", hourly, consent.Use{Day: ago(day / 2), Calls: 1, Visit: ago(consent.Visit)}, consent.RateExceeded, 50 * time.Minute},
		{"the next visit begins this moment", hourly, consent.Use{Day: ago(day / 2), Calls: 1, Visit: ago(time.Hour)}, consent.Permitted, 0},
		{"the day is the longer wait", hourly, consent.Use{Day: ago(day / 2), Calls: 3, Visit: ago(30 * time.Minute)}, consent.DailyLimit, day / 2},
	} {
		why, wait := tt.rate.Room(tt.use, noon())
		if why != tt.why || wait != tt.wait {
			t.Errorf("%s: %q after %s, want %q after %s", tt.name, why, wait, tt.why, tt.wait)
		}
	}
}

// TestAnAgreementIsNeverMilderThanTheCatalogue: a person can only lower, and what
// an operator lowers counts at once.
func TestAnAgreementIsNeverMilderThanTheCatalogue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, agreed := consent.Scope{Rate: drawRate(t)}, drawRate(t)
		got := s.Bounded(agreed)
		for _, bound := range []consent.Rate{s.Rate, agreed} {
			if bound.Daily > 0 && (got.Daily == 0 || got.Daily > bound.Daily) || got.Every < bound.Every {
				t.Fatalf("%+v within %+v is %+v", agreed, s.Rate, got)
			}
		}
		if again := s.Bounded(got); again != got {
			t.Fatalf("bounded twice: %+v, once: %+v", again, got)
		}
	})
}

// TestWhatACallUsesUp: only what nobody looks on at is counted.
func TestWhatACallUsesUp(t *testing.T) {
	background, unattended := consent.Budget{Scope: consent.Background, Rate: consent.Rate{Daily: 100}}, consent.Budget{Scope: consent.UnattendedWrites, Rate: consent.Rate{Daily: 50}}
	recurring := consent.Budget{Scope: consent.Recurring, Rate: consent.Rate{Daily: 1000, Every: time.Hour}}
	schedule := func(a *attempt) {
		a.grant.Items = append(a.grant.Items, yes(consent.Recurring, "", consent.Limit{}))
		a.bearer.Scopes = append(a.bearer.Scopes, consent.Recurring)
	}
	reading := func(a *attempt) { a.call.Access, a.call.Scope = consent.Read, readRepos }
	for _, tt := range []struct {
		name   string
		change func(a *attempt)
		want   []consent.Budget
	}{
		{"a change while away", func(*attempt) {}, []consent.Budget{background, unattended}},
		{"a change while the person is there", func(a *attempt) { a.bearer.Present = true }, []consent.Budget{unattended}},
		{"reading while away", reading, []consent.Budget{background}},
		{"reading while the person is there", func(a *attempt) { reading(a); a.bearer.Present = true }, nil},
		{"a schedule comes before the background", func(a *attempt) { reading(a); schedule(a) }, []consent.Budget{recurring}},
		{"a schedule alone includes the background", func(a *attempt) {
			reading(a)
			schedule(a)
			a.edit(consent.Background, expire)
		}, []consent.Budget{recurring}},
		{"a schedule that ended", func(a *attempt) { reading(a); schedule(a); a.edit(consent.Recurring, expire) }, []consent.Budget{background}},
		{"a schedule that is not in the token", func(a *attempt) {
			reading(a)
			schedule(a)
			a.bearer.Scopes = without(a.bearer.Scopes, consent.Recurring)
		}, []consent.Budget{background}},
		{"less was agreed", func(a *attempt) {
			reading(a)
			a.edit(consent.Background, func(it *consent.Item) { it.Rate.Daily = 5 })
		}, []consent.Budget{{Scope: consent.Background, Rate: consent.Rate{Daily: 5}}}},
		{"more was agreed than the catalogue allows now", func(a *attempt) {
			reading(a)
			a.edit(consent.Background, func(it *consent.Item) { it.Rate.Daily = 500 })
		}, []consent.Budget{background}},
	} {
		a := writing()
		tt.change(&a)
		got := a.verdict()
		if diff := cmp.Diff(tt.want, got.Budgets); diff != "" || got.Denial != consent.Permitted {
			t.Errorf("%s: %q, -want +got\n%s", tt.name, got.Denial, diff)
		}
	}
	refused := writing()
	refused.call.Resource = repo("secret")
	if got := refused.verdict(); len(got.Budgets) != 0 {
		t.Errorf("a call that is refused would use up %v", got.Budgets)
	}
}

// TestARateIsWhatThePersonSaidLast: chosen now, else chosen before, else all the
// catalogue allows; a request cannot change it.
func TestARateIsWhatThePersonSaidLast(t *testing.T) {
	req := asks(consent.UnattendedWrites)
	daily := func(grants ...consent.Grant) int {
		row, _ := consent.Decide(req, nil, grants, noon()).Row(consent.UnattendedWrites)
		return row.Rate.Daily
	}
	before := yes(consent.UnattendedWrites, "", consent.Limit{})
	before.Rate.Daily = 5
	if got := daily(); got != 50 {
		t.Errorf("at first %d a day", got)
	}
	if got := daily(agreed(before)); got != 5 {
		t.Errorf("with 5 agreed, %d a day", got)
	}
	if got := daily(agreed(over(before))); got != 5 {
		t.Errorf("after 5 a day ended, %d a day", got)
	}
	req.Choices.Rates = map[consent.ScopeName]consent.Rate{consent.UnattendedWrites: {Daily: 20}}
	req.Choices.Ticked = map[consent.ScopeName]bool{consent.UnattendedWrites: true}
	plan := consent.Decide(req, nil, []consent.Grant{agreed(over(before))}, noon())
	after := consent.Agree(agreed(before), plan.Grantable, nil, noon())
	if got := after.Items[0].Rate.Daily; got != 20 {
		t.Errorf("chosen 20, agreed to %d", got)
	}
	req.Choices.Rates[consent.UnattendedWrites] = consent.Rate{Daily: 1000}
	if got := daily(); got != 50 {
		t.Errorf("a form that says 1000 gets %d", got)
	}
}
