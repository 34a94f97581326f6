package templates

import (
	"fmt"
	"slices"
	"time"
)

// unusedAfter is when an app counts as not used.
const unusedAfter = 30 * 24 * time.Hour

func ticked(g Group) []Row {
	var on []Row
	for _, r := range g.Rows {
		if r.Ticked || r.Fixed {
			on = append(on, r)
		}
	}
	return on
}

// waiting counts the rows that a yes would not give yet.
func waiting(c Consent) int {
	n := 0
	for _, g := range []Group{c.See, c.Change, c.Away} {
		for _, r := range g.Rows {
			if r.State != StateReady {
				n++
			}
		}
	}
	return n
}

// barred reports whether an administrator has to approve each row of the group.
func barred(g Group) bool {
	return !slices.ContainsFunc(g.Rows, func(r Row) bool { return !r.Barred })
}

// places lists the names the rows are limited to, each once, in their order.
func places(rows []Row) []string {
	var names []string
	for _, r := range rows {
		for _, n := range r.Limit {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}

func everything(rows []Row) bool {
	return slices.ContainsFunc(rows, func(r Row) bool { return r.Everything })
}

// latest is the last of the chosen ends, zero when there is nothing to end.
func latest(c Consent) time.Time {
	var last time.Time
	for _, g := range []Group{c.See, c.Change, c.Away} {
		offered := slices.Clone(g.Ends)
		for _, r := range g.Rows {
			offered = append(offered, r.Ends...)
		}
		for _, e := range offered {
			if e.Chosen && len(g.Rows) > 0 && e.On.After(last) {
				last = e.On
			}
		}
	}
	return last
}

// nextEnd is the first end among what an app may do, zero when there is none.
func nextEnd(rows []Allowed) time.Time {
	var first time.Time
	for _, r := range rows {
		if !r.Until.IsZero() && (first.IsZero() || r.Until.Before(first)) {
			first = r.Until
		}
	}
	return first
}

func unused(a AppLine, now time.Time) bool {
	return !a.LastUsed.IsZero() && now.Sub(a.LastUsed) > unusedAfter
}

// bar is a piece of the 30-day strip: an SVG path and its class.
type bar struct{ Class, Path string }

// The strip's drawing, in its own units.
const (
	stripWidth, stripHeight = 600, 70
	barShare                = 0.4 // of a day's width
	barGap                  = 2
)

// bars draws the days, the busiest one as high as the strip.
func bars(days []Day) []bar {
	most := 1
	for _, d := range days {
		most = max(most, d.Reads+d.Changes+d.Refused)
	}
	step := float64(stripWidth) / float64(max(len(days), 1))
	var out []bar
	for i, d := range days {
		x, top := step*(float64(i)+(1-barShare)/2), float64(stripHeight)
		for _, piece := range []struct {
			class string
			n     int
		}{{"", d.Reads}, {"chg", d.Changes}, {"ref", d.Refused}} {
			if piece.n == 0 {
				continue
			}
			// A single refusal must be seen beside a thousand reads.
			height := max(4, float64(piece.n)/float64(most)*(stripHeight-12))
			top -= height
			out = append(out, bar{piece.class, fmt.Sprintf("M%.1f %.1fh%.1fv%.1fh-%.1fz", x, max(top, 0), step*barShare, height, step*barShare)})
			top -= barGap
		}
	}
	return out
}

func total(days []Day) Day {
	var sum Day
	for _, d := range days {
		sum.Reads += d.Reads
		sum.Changes += d.Changes
		sum.Refused += d.Refused
	}
	return sum
}
