package templates

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template/parse"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

// Every language says the same things, with the same values, in every plural it
// has.
func TestEveryLanguageSaysEverything(t *testing.T) {
	all := everyTongue(t)
	english := all[0]
	for _, other := range all[1:] {
		for key, m := range english.messages {
			theirs, has := other.messages[key]
			if !has {
				t.Errorf("%s has no words for %q", other.Name, key)
				continue
			}
			if diff := cmp.Diff(valuesOf(m), valuesOf(theirs)); diff != "" {
				t.Errorf("%s, %q: other values than English (-want +got):\n%s", other.Name, key, diff)
			}
			if len(m) > 1 && len(theirs) != len(other.locale.PluralsCardinal()) {
				t.Errorf("%s, %q: %d plurals, the language has %d", other.Name, key, len(theirs), len(other.locale.PluralsCardinal()))
			}
		}
		for key := range other.messages {
			if _, has := english.messages[key]; !has {
				t.Errorf("%s says %q, which nobody asks for", other.Name, key)
			}
		}
	}
}

// valuesOf lists the values of a message in order of their names. A plural for one
// may say the number as a word.
func valuesOf(m message) []string {
	found := map[string]bool{}
	for _, pieces := range m {
		for _, p := range pieces {
			found[p.value] = true
		}
	}
	delete(found, "")
	delete(found, "n")
	return slices.Sorted(maps.Keys(found))
}

// The files say each thing once: JSON would let a second one win unseen.
func TestWordsAreSaidOnce(t *testing.T) {
	names, err := fs.Glob(wordFiles, "words/*.json")
	if err != nil || len(names) < 3 {
		t.Fatalf("%d files of words, %v", len(names), err)
	}
	for _, name := range names {
		raw, err := wordFiles.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		dec := json.NewDecoder(bytes.NewReader(raw))
		depth, isKey := 0, false
		for tok, err := dec.Token(); err == nil; tok, err = dec.Token() {
			switch d, isDelim := tok.(json.Delim); {
			case isDelim && d == '{':
				depth, isKey = depth+1, true
				continue
			case isDelim && d == '}':
				depth, isKey = depth-1, true
				continue
			}
			if key, _ := tok.(string); depth == 1 && isKey {
				if seen[key] {
					t.Errorf("%s says %q twice", name, key)
				}
				seen[key] = true
			}
			isKey = !isKey
		}
		if len(seen) < 50 {
			t.Errorf("%s says %d things", name, len(seen))
		}
	}
}

// A key that nobody asks for is left over, one that is not there stops its page.
func TestTemplatesAndWordsMeet(t *testing.T) {
	english := everyTongue(t)[0]
	asked, prefixes := map[string]bool{}, map[string]bool{}
	for _, name := range templateFiles(t) {
		eachNode(t, name, func(n parse.Node) {
			args, is := n.(*parse.CommandNode)
			if !is || len(args.Args) < 2 {
				return
			}
			text, literal := args.Args[1].(*parse.StringNode)
			switch f := args.Args[0].String(); {
			case !literal:
			case f == "say", f == "plain", f == "phrase":
				asked[text.Text] = true
			case f == "key":
				prefixes[text.Text] = true
			}
		})
	}
	for _, name := range []string{"words.go", "dates.go", "value.go", "letter.go"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:say\(asText, |phrase\(|w\.words\(|w\.own\()"([^"]+)"`).FindAllSubmatch(raw, -1) {
			asked[string(m[1])] = true
		}
		for _, m := range regexp.MustCompile(`key\("([^"]+)"`).FindAllSubmatch(raw, -1) {
			prefixes[string(m[1])] = true
		}
	}
	for key := range asked {
		if _, has := english.messages[key]; !has {
			t.Errorf("there are no words for %q", key)
		}
	}
	for key := range english.messages {
		if asked[key] {
			continue
		}
		of := key
		for of != "" && !prefixes[of] {
			of = of[:max(0, strings.LastIndexByte(of, '.'))]
		}
		if of == "" {
			t.Errorf("nobody asks for %q", key)
		}
	}
}

// What people read is in words/. A letter in a template that is no tag, no name
// and no action is a sentence that cannot be translated.
func TestNoTemplateSpeaks(t *testing.T) {
	action := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	for _, name := range templateFiles(t) {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		z := html.NewTokenizer(bytes.NewReader(action.ReplaceAll(raw, nil)))
		for z.Next() != html.ErrorToken {
			tok := z.Token()
			if tok.Type == html.TextToken && strings.ContainsFunc(tok.Data, unicode.IsLetter) {
				t.Errorf("%s says %q", name, strings.TrimSpace(tok.Data))
			}
			for _, a := range tok.Attr {
				read := slices.Contains([]string{"aria-label", "title", "alt", "placeholder", "data-t"}, a.Key)
				if read && strings.ContainsFunc(a.Val, unicode.IsLetter) {
					t.Errorf("%s says %q in %s", name, a.Val, a.Key)
				}
			}
		}
		eachNode(t, name, func(n parse.Node) {
			if s, is := n.(*parse.StringNode); is && (strings.Contains(s.Text, " ") || s.Text != strings.ToLower(s.Text)) {
				t.Errorf("%s says %s", name, s.Quoted)
			}
		})
	}
}

func templateFiles(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("*.html")
	if err != nil || len(names) < 20 {
		t.Fatalf("%d templates, %v", len(names), err)
	}
	return names
}

// eachNode visits every node of the actions of a file.
func eachNode(t *testing.T, file string, visit func(parse.Node)) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tree := parse.New(file)
	tree.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := tree.Parse(string(raw), "", "", trees); err != nil {
		t.Fatal(err)
	}
	var walk func(n parse.Node)
	branch := func(b parse.BranchNode) {
		walk(b.Pipe)
		walk(b.List)
		if b.ElseList != nil {
			walk(b.ElseList)
		}
	}
	walk = func(n parse.Node) {
		visit(n)
		switch n := n.(type) {
		case *parse.ListNode:
			for _, c := range n.Nodes {
				walk(c)
			}
		case *parse.ActionNode:
			walk(n.Pipe)
		case *parse.PipeNode:
			for _, c := range n.Cmds {
				walk(c)
			}
		case *parse.CommandNode:
			for _, c := range n.Args {
				walk(c)
			}
		case *parse.TemplateNode:
			if n.Pipe != nil {
				walk(n.Pipe)
			}
		case *parse.IfNode:
			branch(n.BranchNode)
		case *parse.RangeNode:
			branch(n.BranchNode)
		case *parse.WithNode:
			branch(n.BranchNode)
		}
	}
	for _, t := range trees {
		walk(t.Root)
	}
}

// Every page can be read in every language, and in a made-up one that writes from
// right to left and is longer: whatever stays English there is said by a template
// alone.
func TestEveryPageInEveryLanguage(t *testing.T) {
	set := inEveryLanguage(t)
	for _, language := range set.Languages() {
		for _, e := range examples() {
			var out bytes.Buffer
			if err := set.Render(&out, e.page, language, "/"); err != nil {
				t.Errorf("%s: %v", language, err)
				continue
			}
			root := parsed(t, out.String())
			doc := all(root, "html")[0]
			if attr(doc, "lang") != language || (attr(doc, "dir") == "rtl") != (language == pseudoTag) {
				t.Errorf("%s: lang %q, dir %q", e.name, attr(doc, "lang"), attr(doc, "dir"))
			}
		}
	}
}

const pseudoTag = "ar-XB"

// inEveryLanguage has the made-up language as well.
func inEveryLanguage(t *testing.T) *Set {
	t.Helper()
	all := everyTongue(t)
	set, err := build(Site{Operator: "Northwind"}, append(all, pseudo(all[0])))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func everyTongue(t *testing.T) []tongue {
	t.Helper()
	all, err := tongues()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// pseudo is English with its vowels doubled, which makes it two fifths longer,
// from right to left.
func pseudo(english tongue) tongue {
	longer := strings.NewReplacer("a", "áá", "e", "éé", "i", "íí", "o", "óó", "u", "úú")
	out := english
	out.Tag, out.Name, out.Dir, out.messages = pseudoTag, "Pseudo", "rtl", map[string]message{}
	for key, m := range english.messages {
		out.messages[key] = message{}
		for rule, pieces := range m {
			var changed []piece
			for _, p := range pieces {
				changed = append(changed, piece{longer.Replace(p.text), p.value})
			}
			out.messages[key][rule] = changed
		}
	}
	return out
}

// Languages are chosen as RFC 9110 and OpenID Connect say, in order of who wishes.
func TestLanguageFits(t *testing.T) {
	set := newSet(t)
	german, err := New(Site{Language: "de"})
	if err != nil {
		t.Fatal(err)
	}
	for _, try := range []struct {
		set    *Set
		wishes []string
		want   string
	}{
		{set, nil, "en"},
		{german, nil, "de"},
		{german, []string{"", "fr,it;q=0.5"}, "de"},
		{set, []string{"de"}, "de"},
		{set, []string{"de-CH,en;q=0.9"}, "de"},
		{set, []string{"fr,de;q=0.4,en;q=0.3"}, "de"},
		{german, []string{"en-GB"}, "en"},
		{german, []string{"", "", "en"}, "en"},
		{set, []string{"xx-not a language;;", "de"}, "de"},
		{set, []string{"*"}, "en"},
	} {
		if got := try.set.Language(try.wishes...); got != try.want {
			t.Errorf("the wishes %q get %s, want %s", try.wishes, got, try.want)
		}
	}
	if _, err := New(Site{Language: "tlh"}); err == nil {
		t.Error("a site in a language nobody wrote was made")
	}
}

func TestSentencesAreWrittenSafely(t *testing.T) {
	english := everyTongue(t)[0]
	english.messages["test"] = message{}
	pieces, err := cut("<b>{app}</b> & {n}")
	if err != nil {
		t.Fatal(err)
	}
	english.messages["test"] = message{6: pieces}
	got, err := english.say(asHTML, "test", "app", hostileName, "n", 1234)
	want := "&lt;b&gt;<bdi>" + "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&#34;&#39;&amp;{{.}}" + "</bdi>&lt;/b&gt; &amp; 1,234"
	if err != nil || got != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	for name, pairs := range map[string][]any{"a value is missing": {"app", "x"}, "a value of an unknown kind": {"app", 1.5, "n", 1}, "a name that is none": {1, "x"}} {
		if got, err := english.say(asHTML, "test", pairs...); err == nil {
			t.Errorf("%s: got %q, want an error", name, got)
		}
	}
	for _, bad := range []string{"{", "{}", "a {b", `{"other": ""}`} {
		if _, err := parseMessages([]byte(`{"k": ` + string(must(json.Marshal(bad))) + `}`)); err == nil && bad != `{"other": ""}` {
			t.Errorf("the sentence %q was taken", bad)
		}
	}
	if _, err := parseMessages([]byte(`{"k": {"one": "x"}}`)); err == nil {
		t.Error("a count without a form for others was taken")
	}
	if _, err := parseMessages([]byte(`{"k": {"other": "x", "dozen": "y"}}`)); err == nil {
		t.Error("a plural that no language has was taken")
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// Dates, numbers and plurals are those of the language.
func TestGermanIsGerman(t *testing.T) {
	set := newSet(t)
	var out bytes.Buffer
	page := fullRequest()
	if err := set.Render(&out, page, "de", ""); err != nil {
		t.Fatal(err)
	}
	got := text(parsed(t, out.String()))
	for _, want := range []string{"Repo Scout möchte Ihr GitHub und Slack nutzen", "2 Schritte", "In 90 Tagen, am 20.02.2027", "am 3. November 2026 Nein gesagt", "Nicht erlauben", "3 Personen hier nutzen sie.", "Diese Anfrage endet um 14:30 UTC."} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q:\n%s", want, got)
		}
	}
}
