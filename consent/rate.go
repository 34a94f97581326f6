package consent

import "time"

// Rate bounds what an app does where nobody looks on. The zero Rate bounds nothing.
type Rate struct {
	Daily int           // calls in a day; 0 means any number
	Every time.Duration // from the beginning of one visit to that of the next; 0 means at any time
}

const (
	// RateDay is a day of a Rate: from the first call it counts, so that it needs no
	// time zone.
	RateDay = 24 * time.Hour
	// Visit is how long an app may work at a stretch before it has to wait for the
	// next time of its schedule.
	Visit = 10 * time.Minute
)

// Use is what was counted under a Rate so far. The zero Use is nothing.
type Use struct {
	Day   time.Time // the first call of the day
	Calls int       // since then
	Visit time.Time // the first call of the latest visit
}

// Room decides whether one more call fits. If not, it says why and how long it
// takes until one does.
func (r Rate) Room(u Use, now time.Time) (Denial, time.Duration) {
	if day := u.Day.Add(RateDay); r.Daily > 0 && u.Calls >= r.Daily && now.Before(day) {
		return DailyLimit, day.Sub(now)
	}
	if next := u.Visit.Add(r.Every); now.Before(next) && !now.Before(u.Visit.Add(Visit)) {
		return RateExceeded, next.Sub(now)
	}
	return Permitted, 0
}

// Bounded returns the rate that an agreement to agreed has: the scope's own where
// agreed says nothing, and never a milder one.
func (s Scope) Bounded(agreed Rate) Rate {
	r := s.Rate
	if agreed.Daily > 0 && (r.Daily == 0 || agreed.Daily < r.Daily) {
		r.Daily = agreed.Daily
	}
	r.Every = max(r.Every, agreed.Every)
	return r
}

// Budget is an agreement that a call uses up.
type Budget struct {
	Scope ScopeName // of the item
	Rate  Rate
}

// Shortage is why a budget has no room for a call. The zero Shortage is none.
type Shortage struct {
	Scope  ScopeName
	Denial Denial        // DailyLimit, RateExceeded, or ScopeMissing when the agreement is gone
	Wait   time.Duration // until there is room; zero when waiting does not help
}

// budgets lists what a permitted call uses up: without the person, the agreement
// to work on a schedule, or else the one to work in the background, which is meant
// for what was begun before; for a change, the one to make changes unasked.
func budgets(v Vocabulary, c Call, b Bearer, g Grant, now time.Time) []Budget {
	var out []Budget
	if !b.Present {
		away := Background
		if modifier(v, b, g, Recurring, now) {
			away = Recurring
		}
		out = addBudget(out, v, g, away, now)
	}
	if c.Access != Read {
		out = addBudget(out, v, g, UnattendedWrites, now)
	}
	return out
}

// addBudget adds the item that gives name, if it is bounded: the one that says it
// itself before one that implies it.
func addBudget(list []Budget, v Vocabulary, g Grant, name ScopeName, now time.Time) []Budget {
	var found *Item
	for i, it := range g.Items {
		if it.Live(now) && v.Covers(it.Scope, name) && (found == nil || it.Scope == name) {
			found = &g.Items[i]
		}
	}
	if found == nil {
		return list
	}
	if rate := v[found.Scope].Bounded(found.Rate); rate != (Rate{}) {
		list = append(list, Budget{Scope: found.Scope, Rate: rate})
	}
	return list
}
