package main

import (
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
)

// progress tells whoever waits what is going on: a bar on a terminal, lines
// elsewhere.
type progress struct {
	out io.Writer
	bar *progressbar.ProgressBar // nil without a terminal
}

func newProgress(out io.Writer, s settings) *progress {
	p := &progress{out: out}
	if f, ok := out.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		each := 2 + len(s.operations())*len(s.clients)
		if s.wantsSteady() {
			each += steadyTurns * len(steadyKinds)
		}
		steps := 2 + len(s.clients) + len(s.databases)*each
		p.bar = progressbar.NewOptions(steps, progressbar.OptionSetWriter(out), progressbar.OptionShowCount(), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish())
	}
	return p
}

// step says what begins now.
func (p *progress) step(what string) {
	if p.bar == nil {
		fmt.Fprintln(p.out, what)
		return
	}
	p.bar.Describe(what)
	if err := p.bar.Add(1); err != nil {
		fmt.Fprintln(p.out, what)
	}
}

func (p *progress) done() {
	if p.bar != nil {
		p.bar.Finish() // a bar that cannot be cleared is no reason to fail
	}
}
