package templates

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/en_GB"
)

// What the pages say is in words/, one file a language: a key and a sentence.
// {name} in a sentence is a value that the template gives; a sentence that counts
// has a form for each plural of its language and is chosen by the value n.
//
// What the rest of the program says, in errors, in the catalogue of providers, is
// English and its own key: words/de.said.json has it in German.

//go:embed words/*.json
var wordFiles embed.FS

// tongue is one language: its words, its plurals and how it writes dates.
type tongue struct {
	Tag  string // BCP 47
	Name string // in the language itself
	Dir  string // ltr or rtl

	locale   locales.Translator
	messages map[string]message
	said     map[string]string // what the program says, by the English sentence
	formats  []format          // of said, those with something to fill in
}

// message is a sentence, cut into pieces, in each plural it has. It has "other".
type message map[locales.PluralRule][]piece

// piece is text, or the name of a value.
type piece struct{ text, value string }

// format is a sentence with names in it that only the program knows.
type format struct {
	english *regexp.Regexp
	here    string // with $1 for the first name
}

// tongues lists the languages, English first: it is complete by definition.
func tongues() ([]tongue, error) {
	list := []tongue{
		{Tag: "en", Name: "English", Dir: "ltr", locale: en_GB.New()},
		{Tag: "de", Name: "Deutsch", Dir: "ltr", locale: de.New()},
	}
	for i := range list {
		t := &list[i]
		raw, err := wordFiles.ReadFile("words/" + t.Tag + ".json")
		if err == nil {
			t.messages, err = parseMessages(raw)
		}
		if err == nil && i > 0 {
			raw, err = wordFiles.ReadFile("words/" + t.Tag + ".said.json")
		}
		if err == nil && i > 0 {
			var said map[string]string
			err = json.Unmarshal(raw, &said)
			t.learn(said)
		}
		if err != nil {
			return nil, fmt.Errorf("read the words of %s: %w", t.Name, err)
		}
	}
	return list, nil
}

// learn adds sentences of the program. One with a verb of fmt is the format of
// many.
func (t *tongue) learn(said map[string]string) {
	if t.said == nil {
		t.said = map[string]string{}
	}
	verb := regexp.MustCompile(`%[sd]`)
	for english, here := range said {
		if !verb.MatchString(english) {
			t.said[english] = here
			continue
		}
		pattern, n := verb.ReplaceAllString(regexp.QuoteMeta(english), "(.+?)"), 0
		here = verb.ReplaceAllStringFunc(here, func(string) string { n++; return "${" + strconv.Itoa(n) + "}" })
		t.formats = append(t.formats, format{regexp.MustCompile("^" + pattern + "$"), here})
	}
}

// own is what the program says in this language. What nobody translated, such as
// the words of an operator's own scopes, stays as it was written.
func (t *tongue) own(english string) ours {
	if here, known := t.said[english]; known {
		return ours(here)
	}
	for _, f := range t.formats {
		if f.english.MatchString(english) {
			return ours(f.english.ReplaceAllString(english, f.here))
		}
	}
	return ours(english)
}

func parseMessages(raw []byte) (map[string]message, error) {
	var file map[string]json.RawMessage
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	messages := make(map[string]message, len(file))
	for key, value := range file {
		forms := map[string]string{}
		if value[0] == '{' {
			if err := json.Unmarshal(value, &forms); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		} else {
			var only string
			if err := json.Unmarshal(value, &only); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			forms["other"] = only
		}
		m, err := parseForms(forms)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		messages[key] = m
	}
	return messages, nil
}

func parseForms(forms map[string]string) (message, error) {
	rules := []locales.PluralRule{locales.PluralRuleZero, locales.PluralRuleOne, locales.PluralRuleTwo, locales.PluralRuleFew, locales.PluralRuleMany, locales.PluralRuleOther}
	m := message{}
	for name, sentence := range forms {
		i := slices.IndexFunc(rules, func(r locales.PluralRule) bool { return strings.EqualFold(r.String(), name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no plural %q", name)
		}
		pieces, err := cut(sentence)
		if err != nil {
			return nil, err
		}
		m[rules[i]] = pieces
	}
	if m[locales.PluralRuleOther] == nil {
		return nil, errors.New(`without "other", or empty`)
	}
	return m, nil
}

// cut takes a sentence apart at its {names}.
func cut(sentence string) ([]piece, error) {
	var pieces []piece
	for rest := sentence; rest != ""; {
		text, after, found := strings.Cut(rest, "{")
		if text != "" {
			pieces = append(pieces, piece{text: text})
		}
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed || name == "" {
			return nil, fmt.Errorf("an open { in %q", sentence)
		}
		pieces, rest = append(pieces, piece{value: name}), tail
	}
	return pieces, nil
}

// say puts values into the sentence of key, as HTML or as text. pairs are names
// and values in turn.
func (t *tongue) say(in form, key string, pairs ...any) (string, error) {
	m, known := t.messages[key]
	if !known {
		return "", fmt.Errorf("no words for %q in %s", key, t.Name)
	}
	values := make(map[string]value, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, isName := pairs[i].(string)
		v, err := t.value(pairs[i+1])
		if !isName || err != nil {
			return "", fmt.Errorf("values of %q: %v is no name, or: %w", key, pairs[i], err)
		}
		values[name] = v
	}
	var b strings.Builder
	for _, p := range m.form(t.locale, values["n"]) {
		v, given := values[p.value]
		switch {
		case p.value == "":
			v = ours(p.text)
		case !given:
			return "", fmt.Errorf("%q needs the value %q", key, p.value)
		}
		b.WriteString(v.in(in))
	}
	return b.String(), nil
}

// form is the plural of m for the count n.
func (m message) form(locale locales.Translator, n value) []piece {
	if count, counts := n.(number); counts {
		if pieces, has := m[locale.CardinalPluralRule(float64(count.n), 0)]; has {
			return pieces
		}
	}
	return m[locales.PluralRuleOther]
}
