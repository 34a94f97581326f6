package catalog

import (
	"cmp"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// Pace is how many calls a provider bears, as far as it says so. The zero Pace is
// a provider that says nothing beforehand: only its refusals are honoured.
type Pace struct {
	Each    string // connection | operation: what the provider counts by
	Calls   Rate
	Changes Rate // of them
	// Headers in which the provider says how much there is and when it begins anew,
	// in seconds since 1970; none when it does not.
	Limit, Reset string
	// Share is how much of it all one app may use, from 1 to 100 percent; the rest is
	// for the other apps of the same person.
	Share int
}

// What a Pace counts by.
const (
	EachConnection = "connection"
	EachOperation  = "operation"
)

// Rate is a number of calls in a time, on average. The zero Rate is no bound.
type Rate struct {
	Calls int
	In    time.Duration
	Burst int // how many may come at once
}

// longestWindow bounds how long a provider can say that its window is.
const longestWindow = 24 * time.Hour

// Window reads what an answer says about how much there is, and how long until it
// begins anew by the provider's own clock. ok is false when it does not say it.
func (p Pace) Window(header http.Header) (limit int, left time.Duration, ok bool) {
	if p.Limit == "" {
		return 0, 0, false
	}
	limit, err := strconv.Atoi(header.Get(p.Limit))
	reset, err2 := strconv.ParseInt(header.Get(p.Reset), 10, 64)
	now, err3 := http.ParseTime(header.Get("Date"))
	if err != nil || err2 != nil || err3 != nil || limit <= 0 {
		return 0, 0, false
	}
	left = time.Unix(reset, 0).Sub(now)
	return limit, min(left, longestWindow), left > 0
}

var headerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

func buildPace(f paceFile, at *problems) Pace {
	p := Pace{
		Each: cmp.Or(f.Each, EachConnection), Calls: buildRate(f.Calls, at.in("calls")), Changes: buildRate(f.Changes, at.in("changes")),
		Limit: f.Window["limit"], Reset: f.Window["reset"], Share: cmp.Or(f.Share, 100),
	}
	if p.Each != EachConnection && p.Each != EachOperation {
		at.add("each %q is neither %s nor %s", f.Each, EachConnection, EachOperation)
	}
	if p.Share < 1 || p.Share > 100 {
		at.add("share %d is no percentage from 1 to 100", f.Share)
	}
	for name, header := range f.Window {
		switch {
		case name != "limit" && name != "reset":
			at.add("window has no %q", name)
		case !headerName.MatchString(header):
			at.add("window %s: %q is not the name of a header", name, header)
		}
	}
	if (p.Limit == "") != (p.Reset == "") {
		at.add("window needs limit and reset")
	}
	return p
}

func buildRate(f rateFile, at *problems) Rate {
	r := Rate{Calls: f.Calls, In: duration(f.In, at), Burst: cmp.Or(f.Burst, f.Calls)}
	if (r.Calls > 0) != (r.In > 0) || r.Calls < 0 || r.Burst < 0 {
		at.add("needs a number of calls and the time they are in")
	}
	return r
}
