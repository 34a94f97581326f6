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

// signs are no letters, though NFKD makes some of them.
var signs = strings.NewReplacer("™", " ", "℠", " ")

// key is what a name looks like, without its spaces, marks and case. Names that
// look the same have the same key.
func key(name string) string { return strings.Join(split(name), "") }

// split returns the keys of the words of a name. A capital after a small letter
// begins a word.
func split(name string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, alike.Replace(word.String()))
			word.Reset()
		}
	}
	small := false
	for _, r := range norm.NFKD.String(signs.Replace(name)) {
		switch {
		case unicode.IsMark(r) || unicode.Is(unicode.Cf, r):
			continue // it shows on a letter, or not at all
		case r == '|':
			word.WriteByte('l')
		case looks(r) != "":
			if small && unicode.IsUpper(r) {
				end()
			}
			small = unicode.IsLower(r)
			word.WriteString(looks(r))
			continue
		default:
			end()
		}
		small = false
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
