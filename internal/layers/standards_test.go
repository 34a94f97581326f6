package layers_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// attacks is how many rows docs/standards.md has for each part of our threat list:
// the OAuth protocol, brokered calls, what is kept of providers.
var attacks = map[string]int{"O": 48, "B": 26, "C": 24}

// TestStandardsAreShown takes docs/standards.md at its word: every test it names
// is there, every requirement names one, and every attack has a test that is named
// after it.
func TestStandardsAreShown(t *testing.T) {
	raw, err := os.ReadFile("../../docs/standards.md")
	if err != nil {
		t.Fatal(err)
	}
	inFile := testFunctions(t)
	var all []string
	for _, names := range inFile {
		all = append(all, names...)
	}
	link := regexp.MustCompile(`\]\(\.\./([^)#]+)(?:#(\w+))?\)`)
	rows, offered := map[string]int{}, map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		links := link.FindAllStringSubmatch(line, -1)
		for _, l := range links {
			file, name := l[1], l[2]
			if _, err := os.Stat(filepath.Join("../..", file)); err != nil || (strings.HasSuffix(file, ".go") && !slices.Contains(inFile[file], name)) {
				t.Errorf("docs/standards.md names %s in %s, which is not there", name, file)
			}
		}
		attack := regexp.MustCompile(`^\| ([OBC]\d+) `).FindStringSubmatch(line)
		if attack == nil {
			continue
		}
		rows[attack[1]]++
		for _, l := range links {
			if !shows(l[2], attack[1]) {
				t.Errorf("the row of %s names %s", attack[1], l[2])
			}
		}
		if len(links) == 0 && !strings.HasSuffix(strings.TrimSpace(line), "| not offered yet |") {
			t.Errorf("the row of %s names no test", attack[1])
		}
		offered[attack[1]] = len(links) > 0
	}
	for part, many := range attacks {
		for n := range many {
			id := fmt.Sprintf("%s%d", part, n+1)
			if rows[id] != 1 {
				t.Errorf("%d rows for attack %s", rows[id], id)
			}
			if offered[id] && !slices.ContainsFunc(all, func(name string) bool { return strings.HasPrefix(name, "Test") && shows(name, id) }) {
				t.Errorf("no test is named after attack %s", id)
			}
		}
	}
}

// shows reports whether a test is named after an attack: TestThreat_O2_O3_Words is
// named after O2 and O3.
func shows(name, attack string) bool {
	m := regexp.MustCompile(`^(?:Test|Benchmark)Threat_((?:[OBCD]\d+_)+)[A-Z]\w*$`).FindStringSubmatch(name)
	return m != nil && slices.Contains(strings.Split(m[1], "_"), attack)
}

// testFunctions lists the tests, fuzz targets and benchmarks of each file that
// have a body.
func testFunctions(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for file := range sources(t) {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path.Join("../..", file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && len(f.Body.List) > 0 && regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z]`).MatchString(f.Name.Name) {
				out[file] = append(out[file], f.Name.Name)
			}
		}
	}
	return out
}
