package events

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

// Bounds of what is read from a message, in bytes and in accounts.
const (
	longestWord  = 200
	mostSubjects = 1000
)

// challenged is the text that a provider wants back when it tries the address.
func challenged(e catalog.Events, doc any) (string, bool) {
	if e.Challenge == nil || !holds(e.Challenge.When, doc) {
		return "", false
	}
	return word(doc, e.Challenge.Answer)
}

// about reads whom a message is about; false for one that ends nothing.
func about(e catalog.Events, header http.Header, doc any) (Message, bool) {
	kind, _ := place(header, doc, e.Kind)
	id, ok := place(header, doc, e.ID)
	if !ok {
		return Message{}, false
	}
	for _, rule := range e.Ends {
		if rule.Kind != kind || !holds(rule.When, doc) {
			continue
		}
		m := Message{ID: id, Before: happened(e, doc)}
		if accounts(&m, rule, doc) {
			return m, true
		}
	}
	return Message{}, false
}

// accounts fills in whom a rule means. A realm that is missing means nobody.
func accounts(m *Message, rule catalog.EventRule, doc any) bool {
	realm := ""
	if rule.Realm != "" {
		id, ok := word(doc, rule.Realm)
		if !ok {
			return false
		}
		realm = id + "/"
	}
	if rule.Subject == "" {
		m.Realm = realm
		return realm != ""
	}
	value, _ := catalog.Lookup(doc, rule.Subject)
	list, many := value.([]any)
	if !many {
		list = []any{value}
	}
	for _, v := range list[:min(len(list), mostSubjects)] {
		if id, ok := word(v, ""); ok {
			m.Subjects = append(m.Subjects, realm+id)
		}
	}
	return len(m.Subjects) > 0
}

// happened is what tokens must be older than. A time is a whole second, and clocks
// differ: what is near is asked about.
func happened(e catalog.Events, doc any) time.Time {
	if e.At == "" {
		return time.Time{}
	}
	text, _ := word(doc, e.At)
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(at, 0).Add(-doubt)
}

// holds reports whether doc has all of the values.
func holds(when map[string]string, doc any) bool {
	for pointer, want := range when {
		if got, ok := word(doc, pointer); !ok || got != want {
			return false
		}
	}
	return true
}

// place reads a word from the body or from a header.
func place(header http.Header, doc any, at string) (string, bool) {
	if strings.HasPrefix(at, "/") {
		return word(doc, at)
	}
	text, ok := one(header, at)
	return text, ok && printable(text)
}

// word reads a short text or a number.
func word(doc any, pointer string) (string, bool) {
	value, _ := catalog.Lookup(doc, pointer)
	var text string
	switch v := value.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	}
	return text, printable(text)
}

func printable(text string) bool {
	for _, r := range text {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return text != "" && len(text) <= longestWord
}
