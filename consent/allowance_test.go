package consent_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

// TestAnAllowanceIsNeverExceeded: whoever takes how much when and gives back what
// was not used, no minute and no day has more calls used than it may.
func TestAnAllowanceIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.IntRange(0, 40)
		amount := func(label string) consent.Amount {
			return consent.Amount{Calls: number.Draw(t, label+" calls"), Changes: number.Draw(t, label+" changes")}
		}
		a := consent.Allowance{Minute: amount("a minute's"), Day: amount("a day's")}
		var row consent.Spent
		now := time.Unix(86400*20000-200, 0)
		taken, used, usedInDay := consent.Amount{}, map[int64]consent.Amount{}, map[int64]consent.Amount{}
		minute := consent.MinuteOf(now)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "later")) * time.Second)
			var back, got consent.Amount
			if m := consent.MinuteOf(now); m != minute {
				back, taken, minute = taken, consent.Amount{}, m
			}
			row, got = a.Take(row, amount("wanted"), back, now)
			taken.Calls, taken.Changes = taken.Calls+got.Calls, taken.Changes+got.Changes
			use := consent.Amount{Calls: rapid.IntRange(0, taken.Calls).Draw(t, "used"), Changes: rapid.IntRange(0, taken.Changes).Draw(t, "changed")}
			taken.Calls, taken.Changes = taken.Calls-use.Calls, taken.Changes-use.Changes
			day := now.Unix() / 86400
			used[minute], usedInDay[day] = sum(used[minute], use), sum(usedInDay[day], use)
			if beyond(a.Minute, used[minute]) || beyond(a.Day, usedInDay[day]) {
				t.Fatalf("%+v: used %+v in the minute, %+v in the day", a, used[minute], usedInDay[day])
			}
		}
	})
}

func sum(a, b consent.Amount) consent.Amount {
	return consent.Amount{Calls: a.Calls + b.Calls, Changes: a.Changes + b.Changes}
}

func beyond(bound, used consent.Amount) bool {
	return bound.Calls > 0 && used.Calls > bound.Calls || bound.Changes > 0 && used.Changes > bound.Changes
}

func TestWhatAnAllowanceHasRoomFor(t *testing.T) {
	a := consent.Allowance{Minute: consent.Amount{Calls: 10, Changes: 2}, Day: consent.Amount{Calls: 15}}
	now := time.Unix(86400*20000+30, 0)
	full := func(calls, changes, inDay int) consent.Spent {
		return consent.Spent{Minute: consent.MinuteOf(now), InMinute: consent.Amount{Calls: calls, Changes: changes}, Day: 20000, InDay: consent.Amount{Calls: inDay}}
	}
	for _, tt := range []struct {
		says   string
		spent  consent.Spent
		change bool
		got    consent.Amount
		wait   time.Duration // looked at where there is no room
	}{
		{"nothing was counted", consent.Spent{}, true, consent.Amount{Calls: 5, Changes: 2}, 0},
		{"less than is wanted is there", full(8, 1, 8), true, consent.Amount{Calls: 2, Changes: 1}, 0},
		{"the minute is full", full(10, 0, 10), false, consent.Amount{Changes: 2}, 30 * time.Second},
		{"the minute has no change left", full(3, 2, 3), true, consent.Amount{Calls: 5}, 30 * time.Second},
		{"the day is full", full(1, 0, 15), false, consent.Amount{Changes: 2}, 24*time.Hour - 30*time.Second},
	} {
		_, got := a.Take(tt.spent, consent.Amount{Calls: 5, Changes: 5}, consent.Amount{}, now)
		if got != tt.got {
			t.Errorf("%s: got %+v, want %+v", tt.says, got, tt.got)
		}
		if tt.wait > 0 && a.Wait(tt.spent, tt.change, now) != tt.wait {
			t.Errorf("%s: wait %s, want %s", tt.says, a.Wait(tt.spent, tt.change, now), tt.wait)
		}
	}
	later := now.Add(time.Minute)
	if _, got := a.Take(full(10, 2, 10), consent.Amount{Calls: 9}, consent.Amount{Calls: 3}, later); got.Calls != 8 {
		t.Errorf("with three given back and seven used there is room for eight in the day, got %d", got.Calls)
	}
	// Another replica's clock is a minute behind: it counts in the minute that is.
	if _, got := a.Take(full(10, 2, 10), consent.Amount{Calls: 1}, consent.Amount{}, now.Add(-time.Minute)); got.Calls != 0 {
		t.Error("a slow clock brought a minute back")
	}
}
