package templates

import (
	"errors"
	"fmt"
	"html/template"
	"strings"
	"time"
	"unicode"
)

// How much of somebody else's text is shown, in characters. Longer text could
// push the facts out of sight.
const (
	nameLimit = 80
	saysLimit = 140
)

var errNoToken = errors.New("a form without a token")

// part is one thing of a page together with the page, for a partial template.
type part struct{ Page, It any }

// words returns what the templates call.
func words(site Site) template.FuncMap {
	in := func(t time.Time) time.Time { return t.In(site.Zone) }
	return template.FuncMap{
		"site":     func() string { return site.Name },
		"operator": func() string { return site.Operator },
		"zone":     func(t time.Time) string { return in(t).Format("MST") },

		"stamp": func(t time.Time) string { return in(t).Format(time.RFC3339) },
		"date":  func(t time.Time) string { return in(t).Format("2 January 2006") },
		"short": func(t time.Time) string { return in(t).Format("2 Jan 2006") },
		"clock": func(t time.Time) string { return in(t).Format("15:04") },
		"day":   func(t, now time.Time) string { return day(in(t), in(now)) },
		"byDay": func(entries []Entry, now time.Time) []dayOfEntries { return byDay(entries, site.Zone, in(now)) },
		"wait":  wait,

		"name":     func(s string) string { return shorten(clean(s), nameLimit) },
		"says":     func(s string) string { return shorten(clean(s), saysLimit) },
		"initials": initials,
		"head":     func(s string) string { return s[:strings.LastIndexByte(s, '/')+1] },
		"tail":     func(s string) string { return s[strings.LastIndexByte(s, '/')+1:] },
		"sep":      sep,
		"spelled":  spelled,
		"sub":      func(a, b int) int { return a - b },
		"add":      func(a, b int) int { return a + b },

		"unknown": unknown,
		"of":      func(page, it any) part { return part{page, it} },
		"token":   token,
		"current": current,

		"ticked":     ticked,
		"waiting":    waiting,
		"places":     places,
		"everything": everything,
		"latest":     latest,
		"next":       nextEnd,
		"bars":       bars,
		"total":      total,
		"unused":     unused,
	}
}

// unknown stops a page whose maker uses a word that has no text: an empty
// sentence would hide what happened.
func unknown(v any) (string, error) {
	return "", fmt.Errorf("no words for %T %q", v, v)
}

// token returns t, or an error when the page's maker forgot it: a form that can
// only fail must not be shown.
func token(t string) (string, error) {
	if t == "" {
		return "", errNoToken
	}
	return t, nil
}

// current is the aria-current of a link to link on the page at path, "" for none.
func current(path, link string) string {
	switch {
	case path == link:
		return "page"
	case link != "/" && strings.HasPrefix(path, link+"/"), link == "/" && strings.HasPrefix(path, "/apps/"):
		return "true"
	}
	return ""
}

// clean makes one line of s and drops what cannot be seen: controls, direction
// marks, zero-width characters. They serve only to make a text read as another.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar, unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// shorten cuts s to at most limit characters, with an ellipsis where it cut.
func shorten(s string, limit int) string {
	n := 0
	for i := range s {
		if n == limit-1 && len([]rune(s[i:])) > 1 {
			return strings.TrimRight(s[:i], " ") + "…"
		}
		n++
	}
	return s
}

// initials are the letters on an app's tile.
func initials(name string) string {
	var letters []rune
	for _, word := range strings.Fields(clean(name)) {
		for _, r := range word {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				letters = append(letters, unicode.ToUpper(r))
				break
			}
		}
		if len(letters) == 2 {
			break
		}
	}
	if len(letters) == 0 {
		return "?"
	}
	return string(letters)
}

// sep is what stands before the i-th of n things in a sentence.
func sep(i, n int) string {
	switch {
	case i == 0:
		return ""
	case i == n-1:
		return " and "
	}
	return ", "
}

func spelled(n int) string {
	small := []string{"No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"}
	if n >= 0 && n < len(small) {
		return small[n]
	}
	return fmt.Sprint(n)
}

// day says when t was, as seen at now: "Today, 13:58".
func day(t, now time.Time) string {
	switch {
	case sameDay(t, now):
		return t.Format("Today, 15:04")
	case sameDay(t, now.AddDate(0, 0, -1)):
		return t.Format("Yesterday, 15:04")
	}
	return t.Format("2 Jan 2006")
}

func sameDay(a, b time.Time) bool {
	y, m, d := a.Date()
	y2, m2, d2 := b.Date()
	return y == y2 && m == m2 && d == d2
}

// wait says how long to wait, rounded up so that it is never too short.
func wait(d time.Duration) string {
	switch minutes := int((d + time.Minute - 1) / time.Minute); {
	case minutes <= 1:
		return "in 1 minute"
	case minutes < 120:
		return fmt.Sprintf("in %d minutes", minutes)
	default:
		return fmt.Sprintf("in %d hours", (minutes+59)/60)
	}
}
