package consent

import (
	"math"
	"time"
)

// Allowance is how much one app may do for one person at most, whatever was agreed
// and whether or not somebody looks on: an app that runs in a loop ends there
// (threats A13). The zero Allowance bounds nothing.
type Allowance struct {
	Minute, Day Amount // a zero number is no bound
}

// Amount is a number of calls. Changes are calls too.
type Amount struct {
	Calls, Changes int
}

// Spent is what was counted of an allowance. Minutes and days are those of UTC,
// numbered from 1970, so that all replicas count the same ones.
type Spent struct {
	Minute   int64
	InMinute Amount
	Day      int64
	InDay    Amount
}

// At is s as it counts at a time: what was counted in an earlier minute or day does
// not. A later one stands: a clock that is behind brings no minute back.
func (s Spent) At(now time.Time) Spent {
	if minute := MinuteOf(now); s.Minute < minute {
		s.Minute, s.InMinute = minute, Amount{}
	}
	if day := now.Unix() / dayLong; s.Day < day {
		s.Day, s.InDay = day, Amount{}
	}
	return s
}

const (
	minuteLong = 60
	dayLong    = 24 * 60 * 60
)

// MinuteOf numbers the minute that now is in.
func MinuteOf(now time.Time) int64 { return now.Unix() / minuteLong }

// Take counts as much of want as there is room for, and returns what it was. back
// is what was counted in an earlier minute and never used.
func (a Allowance) Take(s Spent, want, back Amount, now time.Time) (next Spent, got Amount) {
	if day := s.At(now).Day; s.Day == day {
		s.InDay.Calls, s.InDay.Changes = max(0, s.InDay.Calls-back.Calls), max(0, s.InDay.Changes-back.Changes)
	}
	s = s.At(now)
	got.Calls = min(want.Calls, room(a.Minute.Calls, s.InMinute.Calls), room(a.Day.Calls, s.InDay.Calls))
	got.Changes = min(want.Changes, room(a.Minute.Changes, s.InMinute.Changes), room(a.Day.Changes, s.InDay.Changes))
	s.InMinute, s.InDay = s.InMinute.plus(got), s.InDay.plus(got)
	return s, got
}

// Wait is how long it takes until there may be room again where there is none.
func (a Allowance) Wait(s Spent, change bool, now time.Time) time.Duration {
	s = s.At(now)
	end := time.Unix((s.Minute+1)*minuteLong, 0)
	if room(a.Day.Calls, s.InDay.Calls) == 0 || change && room(a.Day.Changes, s.InDay.Changes) == 0 {
		end = time.Unix((s.Day+1)*dayLong, 0)
	}
	return end.Sub(now)
}

func (a Amount) plus(b Amount) Amount { return Amount{a.Calls + b.Calls, a.Changes + b.Changes} }

func room(bound, used int) int {
	if bound == 0 {
		return math.MaxInt32
	}
	return max(0, bound-used)
}
