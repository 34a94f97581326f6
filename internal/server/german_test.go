package server_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/templates"
)

// What goes wrong is told in the person's language. A sentence is found by its
// English, so one that is written in Go needs its German in words/de.said.json.
func TestEveryErrorIsToldInGerman(t *testing.T) {
	pages, err := templates.New(templates.Site{})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for place, sentence := range faults(t) {
		found++
		sentence = strings.NewReplacer("%s", "Name", "%q", "Name", "%d", "7").Replace(sentence)
		var there, here bytes.Buffer
		page := templates.Error{Title: "This is over.", Lead: sentence}
		if err := pages.Render(&here, page, "en", ""); err != nil {
			t.Fatal(err)
		}
		if err := pages.Render(&there, page, "de", ""); err != nil {
			t.Fatal(err)
		}
		if lead(here.String()) == lead(there.String()) {
			t.Errorf("%s: %q is not in words/de.said.json", place, sentence)
		}
	}
	if found < 50 {
		t.Errorf("only %d sentences were found", found)
	}
}

func lead(page string) string {
	_, page, _ = strings.Cut(page, `<p class="lead">`)
	page, _, _ = strings.Cut(page, "</p>")
	return page
}

// commands are the files whose errors are printed by commands, for operators.
var commands = []string{
	"internal/server/admin.go", "internal/server/approvals.go", "internal/server/companies.go", "internal/server/logo.go", "internal/server/people.go", "internal/server/review.go", "internal/server/signingkeys.go", "internal/server/webhook.go", "internal/store/apps.go", "internal/store/credentials.go", "internal/store/logos.go",
	"internal/store/registrations.go", "internal/store/review.go", "internal/store/users.go", "authserver/identity/identity.go", "authserver/identity/invite.go",
}

// faults returns the sentences of fault.New and fault.Wrap in what answers
// browsers, by their place.
func faults(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	set := token.NewFileSet()
	out := map[string]string{}
	for _, dir := range []string{"authserver", "consent", "internal/web", "internal/store", "internal/server"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, d fs.DirEntry, err error) error {
			rel, _ := filepath.Rel(root, name)
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || slices.Contains(commands, rel) {
				return err
			}
			f, err := parser.ParseFile(set, name, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, is := n.(*ast.CallExpr)
				if !is {
					return true
				}
				at := map[string]int{"New": 1, "Wrap": 2}
				if s, is := call.Fun.(*ast.SelectorExpr); is && at[s.Sel.Name] > 0 && len(call.Args) > at[s.Sel.Name] {
					if x, is := s.X.(*ast.Ident); is && x.Name == "fault" {
						if sentence := literal(call.Args[at[s.Sel.Name]]); strings.Contains(sentence, " ") {
							out[set.Position(call.Pos()).String()] = sentence
						}
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// literal is the text of a string in the source, "" for anything else.
func literal(e ast.Expr) string {
	l, is := e.(*ast.BasicLit)
	if !is || l.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(l.Value)
	if err != nil {
		return ""
	}
	return s
}
