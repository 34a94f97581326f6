package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/server"
)

func (p program) webhook() *cobra.Command {
	var name string
	var fromStdin, off bool
	cmd := &cobra.Command{
		Use: "webhook PROVIDER", Short: "Take what a provider tells when people end our access there", Args: cobra.ExactArgs(1),
		Example: `  echo -n "$SIGNING_SECRET" | deputy provider webhook slack --secret-stdin`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if fromStdin == off {
				return errors.New("pipe the secret that the provider signs with in and add --secret-stdin, or take no more messages with --off")
			}
			var key secret.Text
			if fromStdin {
				var err error
				if key, err = p.fromStdin(); err != nil {
					return err
				}
			}
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				address, err := f.SetWebhook(ctx, args[0], name, key)
				if err != nil {
					return err
				}
				if off {
					_, err = fmt.Fprintf(p.out, "Nothing of %s is taken any more.\n", args[0])
					return err
				}
				_, err = fmt.Fprintf(p.out, "Stored. %s must send its events to:\n  %s\n", args[0], address)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&fromStdin, "secret-stdin", false, "read the secret that the provider signs with from standard input")
	cmd.Flags().StringVar(&name, "name", "", "`name` of the registration, when it has one")
	cmd.Flags().BoolVar(&off, "off", false, "take no more messages")
	return cmd
}
