package templates

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/go-playground/locales"
)

// form is what a sentence is written as.
type form bool

// The forms. Titles, options and labels cannot hold elements: they are text.
const (
	asText form = false
	asHTML form = true
)

// value is what stands in a sentence: it knows how it is written safely.
type value interface{ in(form) string }

type (
	// outside is text from somebody else: one line of bounded length, isolated so
	// that its direction and its marks stay its own.
	outside string
	// ours is text that we, or the catalogue, wrote.
	ours string
	// list is several in a row: "a, b and c".
	list struct {
		items         []value
		between, last string
	}
	// number is written as the language writes it.
	number struct {
		n      int
		locale locales.Translator
	}
	// moment is a time; stamp is what machines read.
	moment struct{ text, stamp string }
	// element is a value inside an element of HTML.
	element struct {
		value
		tag, class string
	}
	// link leads to a page of ours.
	link struct {
		value
		path string
	}
	// phrase is a sentence that stands in another one.
	phrase struct{ html, text string }
)

func (v outside) in(f form) string {
	s := shorten(clean(string(v)), nameLimit)
	if f == asHTML {
		return "<bdi>" + template.HTMLEscapeString(s) + "</bdi>"
	}
	return s
}

func (v ours) in(f form) string {
	if f == asHTML {
		return template.HTMLEscapeString(string(v))
	}
	return string(v)
}

func (v list) in(f form) string {
	var b strings.Builder
	for i, item := range v.items {
		switch {
		case i == 0:
		case i == len(v.items)-1:
			b.WriteString(ours(v.last).in(f))
		default:
			b.WriteString(ours(v.between).in(f))
		}
		b.WriteString(item.in(f))
	}
	return b.String()
}

func (v number) in(form) string { return v.locale.FmtNumber(float64(v.n), 0) }

func (v moment) in(f form) string {
	if f == asHTML {
		return `<time datetime="` + template.HTMLEscapeString(v.stamp) + `">` + template.HTMLEscapeString(v.text) + "</time>"
	}
	return v.text
}

func (v element) in(f form) string {
	switch {
	case f == asText:
		return v.value.in(f)
	case v.class == "":
		return "<" + v.tag + ">" + v.value.in(f) + "</" + v.tag + ">"
	}
	return "<" + v.tag + ` class="` + v.class + `">` + v.value.in(f) + "</" + v.tag + ">"
}

func (v link) in(f form) string {
	if f == asText {
		return v.value.in(f)
	}
	to := url.URL{Path: v.path}
	return `<a href="` + template.HTMLEscapeString(to.EscapedPath()) + `">` + v.value.in(f) + "</a>"
}

func (v phrase) in(f form) string {
	if f == asHTML {
		return v.html
	}
	return v.text
}

// value makes a value of what a template gives. A plain string is somebody
// else's: taking it for ours would be the dangerous mistake.
func (t *tongue) value(v any) (value, error) {
	switch v := v.(type) {
	case value:
		return v, nil
	case string:
		return outside(v), nil
	case int:
		return number{v, t.locale}, nil
	case Provider:
		return ours(v.Name), nil
	case []string:
		items := make([]value, len(v))
		for i, s := range v {
			items[i] = outside(s)
		}
		return t.list(items)
	}
	return nil, fmt.Errorf("a %T cannot stand in a sentence", v)
}

// list is items as this language lists them.
func (t *tongue) list(items []value) (value, error) {
	between, err := t.say(asText, "list.between")
	if err != nil {
		return nil, err
	}
	last, err := t.say(asText, "list.last")
	return list{items, between, last}, err
}

// phrase is a sentence as a value of another.
func (t *tongue) phrase(key string, pairs ...any) (value, error) {
	html, err := t.say(asHTML, key, pairs...)
	if err != nil {
		return nil, err
	}
	text, err := t.say(asText, key, pairs...)
	return phrase{html, text}, err
}

func stamped(text string, at time.Time) moment {
	return moment{text, at.Format(time.RFC3339)}
}
