package flow

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/templates"
)

// How long a yes lasts is chosen once for all that an app may see and once for all
// that it may change. What it may do on its own is chosen row by row, and so is how
// much of it: each of these is a trust of its own.

// days lists the lifetimes offered for a scope; standard is what stands chosen.
func days(s consent.Scope) (offered []int, standard int) {
	switch {
	case s.Modifier:
		return []int{1, 7, 30}, 7
	case s.Access == consent.Read:
		return []int{30, 90, 180}, 90
	}
	return []int{7, 30, 90}, 30
}

// dailies lists the daily limits offered for a scope: its own and a few below.
func dailies(s consent.Scope) []int {
	return ladder(s.Rate.Daily, func(n int) bool { return n < s.Rate.Daily }, 1, 5, 10, 20, 50, 100, 200, 500, 1000)
}

// hours lists the times between visits offered for a scope, in hours: its own and
// those above.
func hours(s consent.Scope) []int {
	own := int(s.Rate.Every / time.Hour)
	return ladder(own, func(n int) bool { return n > own }, 1, 2, 6, 12, 24, 7*24)
}

// ladder is the steps that are stricter than own, and own itself; nil without one.
func ladder(own int, stricter func(int) bool, steps ...int) []int {
	if own == 0 {
		return nil
	}
	out := slices.DeleteFunc(steps, func(n int) bool { return !stricter(n) })
	out = append(out, own)
	slices.Sort(out)
	return out
}

// field is the name of the control for how long a scope lasts.
func field(s consent.Scope) string {
	switch {
	case s.Modifier:
		return "days." + string(s.Name)
	case s.Access == consent.Read:
		return "days.see"
	}
	return "days.change"
}

// terms reads from the form how long and how often the row's scope may be used.
// What was not offered is not chosen: it stays as it was shown.
func terms(next *consent.Choices, r consent.Row, form url.Values) {
	s, rate := r.Scope, r.Rate
	offered, _ := days(s)
	if n, ok := chosen(form, field(s), offered); ok {
		next.Days[s.Name] = n
	}
	if n, ok := chosen(form, "daily."+string(s.Name), dailies(s)); ok {
		rate.Daily = n
	}
	if n, ok := chosen(form, "hours."+string(s.Name), hours(s)); ok {
		rate.Every = time.Duration(n) * time.Hour
	}
	if rate != (consent.Rate{}) {
		next.Rates[s.Name] = rate
	}
}

func chosen(form url.Values, name string, offered []int) (int, bool) {
	n, err := strconv.Atoi(form.Get(name))
	return n, err == nil && slices.Contains(offered, n)
}

// ends offers the lifetimes of a scope, with their dates.
func ends(s consent.Scope, picked int, now time.Time) []templates.End {
	offered, standard := days(s)
	if !slices.Contains(offered, picked) {
		picked = standard
	}
	var out []templates.End
	for _, n := range offered {
		out = append(out, templates.End{Days: n, On: now.AddDate(0, 0, n), Chosen: n == picked})
	}
	return out
}

// amounts offers the numbers with one of them chosen. What stands from before may
// be none of those that are offered.
func amounts(offered []int, picked int) []templates.Amount {
	if len(offered) == 0 {
		return nil
	}
	if !slices.Contains(offered, picked) {
		offered = append(slices.Clone(offered), picked)
		slices.Sort(offered)
	}
	var out []templates.Amount
	for _, n := range offered {
		out = append(out, templates.Amount{N: n, Chosen: n == picked})
	}
	return out
}

// schedule is a rate for people.
func schedule(r consent.Rate) templates.Rate {
	return templates.Rate{Daily: r.Daily, Hours: int(r.Every / time.Hour)}
}
