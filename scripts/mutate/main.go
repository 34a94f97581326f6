// Command mutate asks whether the tests of a package would notice a mistake. It
// makes one small mistake at a time (another comparison, "or" for "and", a "not"
// less, the other truth, nothing for an answer), runs the package's tests on it and
// lists the mistakes that nothing noticed. A mistake that does not compile does
// not count. Nothing in the work tree is touched: the compiler is given the
// changed file in place of the real one.
//
//	go run ./scripts/mutate ./consent decide.go steps.go
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// mutant is one mistake: text instead of what stands between two offsets of a file.
type mutant struct {
	file     string
	from, to int
	text     string
	place    string // file:line
	what     string
}

// fate is what became of a mutant.
type fate int

const (
	noticed fate = iota
	unnoticed
	invalid // does not compile
)

func main() {
	workers := flag.Int("workers", 2, "how many mutants are tested at the same time")
	args := flag.String("args", "", "`arguments` for the tests, separated by spaces")
	flag.Parse()
	if err := run(flag.Args(), *workers, strings.Fields(*args)); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(args []string, workers int, more []string) error {
	if len(args) < 2 {
		return fmt.Errorf("name a package and its files")
	}
	var all []mutant
	for _, name := range args[1:] {
		found, err := mutants(filepath.Join(args[0], name))
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	fates, err := try(args[0], all, workers, more)
	if err != nil {
		return err
	}
	count := map[fate]int{}
	for i, m := range all {
		count[fates[i]]++
		if fates[i] == unnoticed {
			fmt.Printf("%s: %s\n", m.place, m.what)
		}
	}
	tested := count[noticed] + count[unnoticed]
	fmt.Printf("%d of %d mistakes noticed (%d%%); %d did not compile\n", count[noticed], tested, 100*count[noticed]/max(tested, 1), count[invalid])
	return nil
}

// mutants lists every mistake that can be made in a file.
func mutants(file string) ([]mutant, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, source, 0)
	if err != nil {
		return nil, err
	}
	var out []mutant
	at := func(p token.Pos) int { return set.Position(p).Offset }
	add := func(from, to token.Pos, text, what string) {
		p := set.Position(from)
		out = append(out, mutant{file, at(from), at(to), text, fmt.Sprintf("%s:%d", file, p.Line), what})
	}
	others := map[token.Token]string{
		token.EQL: "!=", token.NEQ: "==", token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">", token.LAND: "||", token.LOR: "&&",
		token.ADD: "-", token.SUB: "+",
	}
	for _, decl := range tree.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		inner := closures(f)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if other, ok := others[n.Op]; ok {
					add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), other, n.Op.String()+" becomes "+other)
				}
			case *ast.UnaryExpr:
				if n.Op == token.NOT {
					add(n.OpPos, n.OpPos+1, "", "a ! is gone")
				}
			case *ast.Ident:
				if other, ok := map[string]string{"true": "false", "false": "true"}[n.Name]; ok {
					add(n.Pos(), n.End(), other, n.Name+" becomes "+other)
				}
			case *ast.BranchStmt:
				if n.Tok == token.CONTINUE {
					add(n.Pos(), n.End(), "break", "continue becomes break")
				}
			case *ast.ReturnStmt:
				if text := nothing(f, n, source, at); text != "" && !inner[n] {
					add(n.Pos(), n.End(), "return "+text, "it answers nothing")
				}
			}
			return true
		})
	}
	return out, nil
}

// closures lists the returns that are not the function's own.
func closures(f *ast.FuncDecl) map[*ast.ReturnStmt]bool {
	inner := map[*ast.ReturnStmt]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.FuncLit); ok {
			ast.Inspect(lit, func(n ast.Node) bool {
				if r, ok := n.(*ast.ReturnStmt); ok {
					inner[r] = true
				}
				return true
			})
		}
		return true
	})
	return inner
}

// nothing is the zero value of what a function with one result returns, "" when it
// has another number of results or returns it anyway.
func nothing(f *ast.FuncDecl, r *ast.ReturnStmt, source []byte, at func(token.Pos) int) string {
	if f.Type.Results.NumFields() != 1 || len(r.Results) != 1 || slices.Contains([]string{"nil", "false", `""`, "0"}, text(source, at, r.Results[0])) {
		return ""
	}
	return "*new(" + text(source, at, f.Type.Results.List[0].Type) + ")"
}

func text(source []byte, at func(token.Pos) int, n ast.Node) string {
	return string(source[at(n.Pos()):at(n.End())])
}

// try runs the tests on every mutant.
func try(pkg string, all []mutant, workers int, more []string) ([]fate, error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	fates, errs, next := make([]fate, len(all)), make([]error, len(all)), make(chan int)
	var busy sync.WaitGroup
	for w := range workers {
		c, err := newCache(filepath.Join(dir, fmt.Sprint("cache", w)), pkg)
		if err != nil {
			return nil, err
		}
		busy.Go(func() {
			for i := range next {
				fates[i], errs[i] = test(filepath.Join(dir, fmt.Sprint(i)), pkg, all[i], more, c)
				errs[i] = errors.Join(errs[i], c.tidy())
			}
		})
	}
	for i := range all {
		fmt.Fprintf(os.Stderr, "\r%d of %d", i, len(all))
		next <- i
	}
	close(next)
	busy.Wait()
	fmt.Fprintln(os.Stderr)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return fates, nil
}

// test runs the package's tests with the mutant in place of its file.
func test(dir, pkg string, m mutant, more []string, c cache) (fate, error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return 0, err
	}
	real, err := filepath.Abs(m.file)
	if err != nil {
		return 0, err
	}
	changed := filepath.Join(dir, filepath.Base(m.file))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {real: changed}})
	if err != nil {
		return 0, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return 0, err
	}
	if err := os.WriteFile(changed, slices.Concat(source[:m.from], []byte(m.text), source[m.to:]), 0o600); err != nil {
		return 0, err
	}
	plan := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(plan, overlay, 0o600); err != nil {
		return 0, err
	}
	args := append([]string{"test", "-overlay", plan, "-vet=off", "-failfast", "-timeout", "1m", pkg}, more...)
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOCACHE="+c.dir)
	said, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return unnoticed, nil
	case bytes.Contains(said, []byte("[build failed]")) || bytes.Contains(said, []byte("[setup failed]")):
		return invalid, nil
	case strings.Contains(string(said), "FAIL"):
		return noticed, nil
	}
	return 0, fmt.Errorf("%s: %w: %s", m.place, err, said)
}
