// Command deputy lets AI agents act for people without ever holding their keys.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "deputy: "+err.Error())
		os.Exit(1)
	}
}

// run is the whole program; tests run it like main does.
func run(ctx context.Context, args, environ []string, in io.Reader, out, errOut io.Writer) error {
	root := command(program{environ: environ, in: in, out: out, err: errOut})
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	return root.ExecuteContext(ctx)
}
