package lookalike

import (
	_ "embed"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:embed confusables.txt
var table string

// confusables says which ASCII letters a character looks like.
var confusables = readTable(table)

func readTable(text string) map[rune]string {
	out := map[rune]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		looks, characters, _ := strings.Cut(line, " ")
		for _, r := range characters {
			out[r] = looks
		}
	}
	return out
}

// alike draws letters together that many typefaces, and many readers, do not tell
// apart. UTS #39 keeps case, and with it i and l apart from I; people do not.
var alike = strings.NewReplacer("rn", "m", "vv", "w", "1", "l", "i", "l", "0", "o", "3", "e", "4", "a", "5", "s", "7", "t")

// signs are no letters, though NFKD makes some of them; and GmbH is one word.
var signs = strings.NewReplacer("™", " ", "℠", " ", "GmbH", "gmbh")

// written are signs that are written for letters, inside a word and at its ends.
var written = strings.NewReplacer("|", "l", "!", "l", "$", "s", "@", "a")

// key is what a name looks like, without its spaces, marks and case. Names that
// look the same have the same key.
func key(name string) string { return strings.Join(split(plain(name)), "") }

// plain is a name without marks and without what does not show.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsMark(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(signs.Replace(name)))
}

// readings returns what the words of a name may be read as: signs as the end of a
// word, "GitHub!", as letters, "$lack", and without the digits at an end, "GitHub2".
func readings(name string) [][]string {
	name = plain(name)
	letters := written.Replace(name)
	words := strings.FieldsFunc(letters, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	for i, w := range words {
		words[i] = strings.TrimFunc(w, unicode.IsNumber)
	}
	return [][]string{split(name), split(letters), split(strings.Join(words, " "))}
}

// split returns the keys of the words of a plain name. A capital after a small
// letter begins a word.
func split(plain string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, alike.Replace(word.String()))
			word.Reset()
		}
	}
	small := false
	for _, r := range plain {
		as := looks(r)
		if as == "" || small && unicode.IsUpper(r) {
			end()
		}
		small = as != "" && unicode.IsLower(r)
		word.WriteString(as)
	}
	end()
	return words
}

// looks is a letter or digit as it looks, in small letters; "" for anything else.
func looks(r rune) string {
	// The table has letters as they are. Small Cyrillic ones look like small capitals,
	// which it does not count as alike.
	for _, form := range []rune{r, unicode.ToLower(r), unicode.ToUpper(r)} {
		if as, ok := confusables[form]; ok {
			return as
		}
	}
	if unicode.IsLetter(r) || unicode.IsNumber(r) {
		return string(unicode.ToLower(r))
	}
	return ""
}
