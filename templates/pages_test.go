package templates

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func updating(t *testing.T) bool {
	t.Helper()
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden pages")
	flag.Parse()
	os.Exit(m.Run())
}

func newSet(t *testing.T) *Set {
	t.Helper()
	set, err := New(Site{Operator: "Northwind"})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func render(t *testing.T, set *Set, page any) string {
	t.Helper()
	var out bytes.Buffer
	if err := set.Render(&out, page, "en", ""); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Each page in each state looks as it was last reviewed. The frame around it is
// the same everywhere and is kept once.
func TestPagesAreAsReviewed(t *testing.T) {
	set := newSet(t)
	for _, e := range examples() {
		t.Run(e.name, func(t *testing.T) {
			golden(t, e.name+".html", mainOf(t, render(t, set, e.page)))
		})
	}
	var out bytes.Buffer
	if err := set.Render(&out, Home{Frame: frame("/")}, "en", "/?did=removed"); err != nil {
		t.Fatal(err)
	}
	whole := out.String()
	name, _ := Stylesheet()
	golden(t, "frame.html", strings.Replace(strings.Replace(whole, mainOf(t, whole), "(main)", 1), name, "style.HASH.css", 1))
}

func mainOf(t *testing.T, whole string) string {
	t.Helper()
	from, to := strings.Index(whole, "<main"), strings.Index(whole, "</main>")
	if from < 0 || to < from {
		t.Fatal("the page has no main part")
	}
	return whole[from:to] + "</main>\n"
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if updating(t) {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s changed; look at it, then run with -update (-want +got):\n%s", name, diff)
	}
}

func TestEveryPageHasAnExample(t *testing.T) {
	shown := map[reflect.Type]bool{}
	for _, e := range examples() {
		shown[reflect.TypeOf(e.page)] = true
	}
	for _, l := range listing() {
		if !shown[reflect.TypeOf(l.page)] {
			t.Errorf("%T has no example, so nothing looks at it", l.page)
		}
	}
}

// The pages are written to a directory, each language to its own, to be looked at
// in a browser: DEPUTY_PAGES=/some/dir go test -run TestWritePages ./templates
func TestWritePages(t *testing.T) {
	dir := os.Getenv("DEPUTY_PAGES")
	if dir == "" {
		t.Skip("DEPUTY_PAGES names no directory")
	}
	set, every := newSet(t), inEveryLanguage(t)
	name, css := Stylesheet()
	write := func(path string, content []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("assets/"+name, css)
	name, js := Script()
	write("assets/"+name, js)
	for _, language := range every.Languages() {
		if language == pseudoTag {
			set = every // the others do not offer it
		}
		for _, e := range examples() {
			var page bytes.Buffer
			if err := set.Render(&page, e.page, language, "/"); err != nil {
				t.Fatal(err)
			}
			write(language+"/"+e.name+".html", bytes.ReplaceAll(page.Bytes(), []byte(`"/assets/`), []byte(`"../assets/`)))
		}
	}
}

func TestAPageIsWrittenWholeOrNotAtAll(t *testing.T) {
	set := newSet(t)
	for name, page := range map[string]any{
		"a form without a token":         Consent{App: repoScout()},
		"a sign-out form without one":    Home{Frame: Frame{Account: "ana@example.com"}},
		"a notice without words":         Home{Notices: []Notice{{Kind: "unheard of"}}},
		"an entry without words":         Activity{Entries: []Entry{{Kind: "unheard of"}}},
		"a refusal without a reason":     Activity{Entries: []Entry{{Kind: EntryRefused}}},
		"a provider answer without word": DisconnectResult{},
		"a row in an unknown state":      AppDetail{Allowed: []Allowed{{Provider: github(), State: "unheard of"}}},
	} {
		var out bytes.Buffer
		if err := set.Render(&out, page, "en", ""); err == nil || out.Len() > 0 {
			t.Errorf("%s: error %v and %d bytes written, want an error and none", name, err, out.Len())
		}
	}
}

func TestOnlyPagesAreRendered(t *testing.T) {
	set := newSet(t)
	for _, page := range []any{nil, "text", Frame{}, (*Home)(nil), &struct{ Home }{}} {
		if err := set.Render(&bytes.Buffer{}, page, "en", ""); !errors.Is(err, ErrNoPage) {
			t.Errorf("render %T: %v, want ErrNoPage", page, err)
		}
	}
	if byPointer, byValue := render(t, set, &Home{Frame: frame("/")}), render(t, set, Home{Frame: frame("/")}); byPointer != byValue {
		t.Error("a pointer to a page is rendered differently from the page")
	}
}

// Every kind that a field can have has words of its own.
func TestEveryKindHasWords(t *testing.T) {
	set := newSet(t)
	seen := map[string]string{}
	distinct := func(kind string, page any) {
		t.Helper()
		text := mainOf(t, render(t, set, page))
		if other, twice := seen[text]; twice {
			t.Errorf("%s reads exactly like %s", kind, other)
		}
		seen[text] = kind
	}
	for _, n := range everyNotice() {
		distinct("notice "+string(n.Kind), Services{Notices: []Notice{n}})
	}
	for _, e := range everyEntry() {
		distinct("entry "+string(e.Kind+EntryKind(e.Why)), Activity{Entries: []Entry{e}})
	}
	for _, a := range []Answer{AnswerRevoked, AnswerUnknown, AnswerNone, AnswerFailed} {
		distinct("answer "+string(a), DisconnectResult{Provider: github(), Account: "octocat", Answer: a})
	}
	for _, s := range []State{StateReady, StateConnect, StateReconnect, StateWiden, StatePick, StateAdmin, StateAsked, StateBarred} {
		distinct("state "+string(s), AppDetail{Allowed: []Allowed{{Provider: github(), State: s}}})
	}
	for _, w := range []WriteRule{WritesAsk, WritesTick, WritesRefused} {
		c := fullRequest()
		c.Writes = w
		distinct("writes "+string(w), c)
	}
	for _, c := range []Check{CheckedNothing, CheckedWebsite, CheckedOperator} {
		distinct("check "+string(c), AppDetail{App: App{Name: "a", Check: c}})
	}
}
