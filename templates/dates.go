package templates

import (
	"time"
)

// dates writes times as people of one language read them, in the zone of the site.
type dates struct {
	*tongue
	zone *time.Location
}

func (d dates) short(at time.Time) moment {
	at = at.In(d.zone)
	return stamped(d.locale.FmtDateMedium(at), at)
}

func (d dates) long(at time.Time) moment {
	at = at.In(d.zone)
	return stamped(d.locale.FmtDateLong(at), at)
}

func (d dates) clock(at time.Time) moment {
	at = at.In(d.zone)
	return stamped(d.locale.FmtTimeShort(at), at)
}

// zoned is the time with its zone, for people who may be elsewhere: "14:30 UTC".
func (d dates) zoned(at time.Time) moment {
	m := d.clock(at)
	m.text += " " + at.In(d.zone).Format("MST")
	return m
}

// day says when at was, as seen at now: "Today, 13:58".
func (d dates) day(at, now time.Time) (moment, error) {
	name, recent, err := d.name(at, now)
	if err != nil || !recent {
		return d.short(at), err
	}
	text, err := d.say(asText, "day.at", "day", ours(name), "time", d.clock(at))
	return stamped(text, at.In(d.zone)), err
}

// name is what people call the day of at, as seen at now; recent reports whether
// it is today or yesterday.
func (d dates) name(at, now time.Time) (name string, recent bool, err error) {
	at, now = at.In(d.zone), now.In(d.zone)
	switch {
	case sameDay(at, now):
		name, err = d.say(asText, "day.today")
		return name, true, err
	case sameDay(at, now.AddDate(0, 0, -1)):
		name, err = d.say(asText, "day.yesterday")
		return name, true, err
	}
	return d.locale.FmtDateFull(at), false, nil
}

func sameDay(a, b time.Time) bool {
	y, m, d := a.Date()
	y2, m2, d2 := b.Date()
	return y == y2 && m == m2 && d == d2
}

// wait says how long to wait, rounded up so that it is never too short.
func (t *tongue) wait(d time.Duration) (value, error) {
	minutes := max(1, int((d+time.Minute-1)/time.Minute))
	if minutes < 120 {
		return t.phrase("wait.minutes", "n", minutes)
	}
	return t.phrase("wait.hours", "n", (minutes+59)/60)
}

// dayOfEntries is one heading of an activity list.
type dayOfEntries struct {
	Title   string
	Entries []Entry
}

// byDay groups entries, which are in order of time, under the days they fell on.
func (d dates) byDay(entries []Entry, now time.Time) ([]dayOfEntries, error) {
	var days []dayOfEntries
	for _, e := range entries {
		title, _, err := d.name(e.At, now)
		if err != nil {
			return nil, err
		}
		if len(days) == 0 || days[len(days)-1].Title != title {
			days = append(days, dayOfEntries{Title: title})
		}
		last := &days[len(days)-1]
		last.Entries = append(last.Entries, e)
	}
	return days, nil
}
