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

// words returns what the templates call, in the language of t.
func words(site Site, t *tongue) template.FuncMap {
	d := dates{t, site.Zone}
	return template.FuncMap{
		"say": func(key string, pairs ...any) (template.HTML, error) {
			s, err := t.say(asHTML, key, pairs...)
			return template.HTML(s), err
		},
		"plain":  func(key string, pairs ...any) (string, error) { return t.say(asText, key, pairs...) },
		"phrase": t.phrase,
		"show": func(v any) (template.HTML, error) {
			is, err := t.value(v)
			if err != nil {
				return "", err
			}
			return template.HTML(is.in(asHTML)), nil
		},
		"key":     key,
		"spelled": t.spelled,

		"site":     func() ours { return ours(site.Name) },
		"operator": func() ours { return ours(site.Operator) },
		"tongue":   func() *tongue { return t },

		"name":   func(s string) string { return shorten(clean(s), nameLimit) },
		"says":   func(s string) string { return shorten(clean(s), saysLimit) },
		"own":    t.own,
		"owned":  t.owned,
		"told":   func(s string) outside { return outside(shorten(clean(string(t.own(s))), nameLimit)) },
		"rows":   t.rows,
		"labels": func(list string) []string { return strings.Split(list, "; ") },
		"limit":  t.limit,
		"linked": t.linked,
		"did":    t.did,
		"b":      func(v any) (value, error) { return t.element(v, "b", "") },
		"q":      func(v any) (value, error) { return t.element(v, "q", "") },
		"mono":   func(v any) (value, error) { return t.element(v, "span", "mono") },
		"host":   func(v any) (value, error) { return t.element(v, "b", "mono") },

		"until": d.short,
		"on":    d.long,
		"at":    d.clock,
		"zoned": d.zoned,
		"when":  d.day,
		"zone":  func(at time.Time) ours { return ours(at.In(site.Zone).Format("MST")) },
		"wait":  t.wait,
		"byDay": d.byDay,

		"initials": initials,
		"head":     func(s string) string { return s[:strings.LastIndexByte(s, '/')+1] },
		"tail":     func(s string) string { return s[strings.LastIndexByte(s, '/')+1:] },
		"sub":      func(a, b int) int { return a - b },
		"add":      func(a, b int) int { return a + b },

		"of":      func(page, it any) part { return part{page, it} },
		"token":   token,
		"current": current,

		"ticked":     ticked,
		"waiting":    waiting,
		"barred":     barred,
		"places":     places,
		"everything": everything,
		"latest":     latest,
		"next":       nextEnd,
		"bars":       bars,
		"total":      total,
		"unused":     unused,
	}
}

// key is the key for one of several kinds: "state.connect", and "state" for the
// zero kind. A kind without words stops its page: an empty sentence would hide what
// happened.
func key(of string, kind any) string {
	if name := fmt.Sprint(kind); name != "" {
		return of + "." + name
	}
	return of
}

// spelled is a number as a word, as far as the language has one here.
func (t *tongue) spelled(n int) value {
	if word, err := t.say(asText, key("number", n)); err == nil {
		return ours(word)
	}
	return number{n, t.locale}
}

func (t *tongue) element(v any, tag, class string) (value, error) {
	is, err := t.value(v)
	return element{is, tag, class}, err
}

// owned is several words of ours in a row.
func (t *tongue) owned(words []string) (value, error) {
	items := make([]value, len(words))
	for i, w := range words {
		items[i] = t.own(w)
	}
	return t.list(items)
}

// linked is apps in a row, each with its page.
func (t *tongue) linked(apps []App) (value, error) {
	items := make([]value, len(apps))
	for i, a := range apps {
		items[i] = link{outside(a.Name), "/apps/" + a.ID}
	}
	return t.list(items)
}

// rows is labels of ours in a row: "Read files; Read issues".
func (t *tongue) rows(labels []string) ours {
	here := make([]string, len(labels))
	for i, l := range labels {
		here[i] = string(t.own(l))
	}
	return ours(strings.Join(here, "; "))
}

// limit is what something is limited to: all names, or the first five of more
// than six.
func (t *tongue) limit(names []string) (value, error) {
	shown := names
	if len(names) > 6 {
		shown = names[:5]
	}
	items := make([]value, len(shown))
	for i, n := range shown {
		items[i] = element{outside(n), "b", ""}
	}
	if len(shown) == len(names) {
		return t.list(items)
	}
	between, err := t.say(asText, "list.between")
	if err != nil {
		return nil, err
	}
	return t.phrase("list.more", "list", list{items, between, between}, "n", len(names)-len(shown))
}

// did is what an app did and where: "read issues in" and "acme/web". Languages
// in which the place stands elsewhere have an {in}.
func (t *tongue) did(what, in string) value {
	here := string(t.own(what))
	before, after, marked := strings.Cut(here, "{in}")
	if !marked {
		before, after = here+" ", ""
	}
	if in == "" {
		return ours(strings.TrimSpace(before + after))
	}
	place := outside(in)
	return phrase{
		html: ours(before).in(asHTML) + place.in(asHTML) + ours(after).in(asHTML),
		text: before + place.in(asText) + after,
	}
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
