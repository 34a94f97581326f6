// Package lookalike says whether a name that a stranger chose passes for a name
// that people here trust: a provider's, the operator's, an approved app's. It
// compares what names look like, by the skeletons of UTS #39 section 4, and not
// how they are spelled.
//
// It decides from the name alone and gives its reason; what becomes of such a name
// is for others. It finds what looks the same, not what is one letter off: "Motion"
// and "Notion" are both honest names.
package lookalike

import (
	"slices"
	"strings"
	"unicode"
)

// Reason says what is wrong with a name.
type Reason string

// The reasons. Fine says only that none of the others was found.
const (
	Fine     Reason = ""
	Imitates Reason = "imitates" // it passes for a name people trust
	Claims   Reason = "claims"   // it says about itself what only others can: "official"
	Mixed    Reason = "mixed"    // a word of it has letters of several scripts
)

// Verdict is the answer of Judge.
type Verdict struct {
	Reason Reason
	Of     string // with Imitates: the name that people trust
}

// Book is the names that people trust.
type Book struct {
	brands  map[string]string // key → name; nobody else has it anywhere in a name
	names   map[string]string // key → name; nobody else has it as a name
	longest int               // key of a brand, in bytes
}

// shortest is how many letters a brand has at least. Fewer are too often part of
// an honest name; they count as names.
const shortest = 4

// NewBook returns a book of brands, which are kept out of every part of a name, and
// of names, which are kept from being the whole of one: as they are, and without what
// Judge leaves out of the names it is asked about.
func NewBook(brands, names []string) Book {
	b := Book{brands: map[string]string{}, names: map[string]string{}}
	for _, name := range brands {
		words := split(plain(name))
		for _, k := range []string{strings.Join(words, ""), strings.Join(without(words, legal), "")} {
			if len(k) >= shortest {
				b.brands[k], b.longest = name, max(b.longest, len(k))
			}
			b.add(k, name)
		}
	}
	for _, name := range names {
		words := split(plain(name))
		for _, form := range b.forms(words) {
			b.add(strings.Join(form, ""), name)
		}
	}
	return b
}

func (b Book) add(k, name string) {
	if _, there := b.names[k]; k != "" && !there {
		b.names[k] = name
	}
}

// forms returns the words of a name, and those that make it the name it is.
func (b Book) forms(words []string) [][]string {
	short := b.withoutPurpose(words)
	return [][]string{words, short, essence(short)}
}

// Words that say something no app can say of itself.
var claims = keys("official offiziell verified verifiziert geprüft trusted vertrauenswürdig certified zertifiziert authentic authentisch genuine original")

// Words that are put beside a brand to pass for a part of it.
var company = keys("support security sicherheit helpdesk service services account accounts konto login signin team admin administrator billing verification")

// Words that say what kind of company has a name.
var legal = keys("inc llc ltd gmbh ag co corp kg se")

// Words that make no other name of a name.
var filler = keys("app apps bot the my our your mein meine das die der hq com io net org online web www desktop mobile cloud api sso auth help desk connect")

func keys(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[key(w)] = true
	}
	return out
}

// Judge says whether the name passes for one that people trust, or claims to be.
func (b Book) Judge(name string) Verdict {
	readings := readings(name)
	for _, words := range readings {
		if of, ok := b.passesFor(words); ok {
			return Verdict{Imitates, of}
		}
	}
	for _, words := range readings {
		if slices.ContainsFunc(b.withoutPurpose(words), claiming) {
			return Verdict{Reason: Claims}
		}
	}
	if mixes(name) {
		return Verdict{Reason: Mixed}
	}
	return Verdict{}
}

// passesFor finds the name that people trust and that these words pass for.
func (b Book) passesFor(words []string) (string, bool) {
	if of, ok := b.brandIn(b.withoutPurpose(words)); ok {
		return of, true
	}
	for _, form := range b.forms(words) {
		if of, ok := b.names[strings.Join(form, "")]; ok {
			return of, true
		}
	}
	return "", false
}

func claiming(word string) bool { return claims[word] }

// essence is the words that make the name.
func essence(words []string) []string { return without(words, claims, company, filler, legal) }

// without leaves out the words of these sets.
func without(words []string, sets ...map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool {
		return slices.ContainsFunc(sets, func(set map[string]bool) bool { return set[w] })
	})
}

// Words before and between the brands that an app is for.
var purpose, between = keys("for für"), keys("and und or oder plus")

// withoutPurpose takes away what only says what an app is for: of "Branch Tidy for
// GitHub and Slack" it leaves the first two words. "Support for GitHub" stays whole.
func (b Book) withoutPurpose(words []string) []string {
	for at, w := range words {
		before := words[:at]
		if !purpose[w] || !b.lists(words[at+1:]) {
			continue
		}
		if len(essence(before)) > 0 && len(without(before, claims, company)) == len(before) {
			return before
		}
	}
	return words
}

// lists reports whether the words are brands and nothing else.
func (b Book) lists(words []string) bool {
	for n := range words {
		if b.brands[strings.Join(words[:n+1], "")] == "" {
			continue
		}
		rest := words[n+1:]
		if len(rest) > 0 && between[rest[0]] {
			rest = rest[1:]
			if len(rest) == 0 {
				return false
			}
		}
		if len(rest) == 0 || b.lists(rest) {
			return true
		}
	}
	return false
}

// brandIn finds a brand in the words: as a word, spread over several, or grown
// together with one that is put beside brands.
func (b Book) brandIn(words []string) (string, bool) {
	for from, first := range words {
		if of, ok := b.grown(first); ok {
			return of, true
		}
		run := ""
		for _, w := range words[from:] {
			run += w
			if of, ok := b.brands[run]; ok {
				return of, true
			}
			if len(run) > b.longest {
				break
			}
		}
	}
	return "", false
}

// grown finds "githubsupport" and "mygithub".
func (b Book) grown(word string) (string, bool) {
	for k, of := range b.brands {
		for _, rest := range []func(string, string) (string, bool){strings.CutPrefix, strings.CutSuffix} {
			if r, ok := rest(word, k); ok && (claims[r] || company[r] || filler[r] || legal[r]) {
				return of, true
			}
		}
	}
	return "", false
}

// Scripts that belong together in one word, besides each one alone (UTS #39 section
// 5.2, highly restrictive).
var together = [][]string{{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Bopomofo"}, {"Latin", "Han", "Hangul"}}

// mixes reports whether a word has letters of scripts that do not belong together:
// the Cyrillic а in "Nоtes".
func mixes(name string) bool {
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
		var have []string
		for _, r := range word {
			if s := scriptOf(r); s != "" && !slices.Contains(have, s) {
				have = append(have, s)
			}
		}
		fits := func(set []string) bool {
			return !slices.ContainsFunc(have, func(s string) bool { return !slices.Contains(set, s) })
		}
		if len(have) > 1 && !slices.ContainsFunc(together, fits) {
			return true
		}
	}
	return false
}

// scriptOf is the script of a letter, "" for one that belongs to several.
func scriptOf(r rune) string {
	if r < unicode.MaxASCII {
		return "Latin" // the only letters of ASCII
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			if name == "Common" || name == "Inherited" {
				return ""
			}
			return name
		}
	}
	return ""
}
