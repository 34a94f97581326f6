package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/internal/server"
)

// signInProvider is for OpenID providers that people sign in with.
func (p program) signInProvider() *cobra.Command {
	var n server.NewSignInProvider
	var fromStdin bool
	set := &cobra.Command{
		Use: "set ID", Short: "Let people sign in with an OpenID provider", Args: cobra.ExactArgs(1),
		Long: "Lets people sign in with an OpenID provider, their company's for example. Somebody who signs in for the\n" +
			"first time gets an account when their e-mail address is checked and of an --allow-domain.",
		Example: `  echo -n "$SECRET" | deputy sign-in-provider set northwind --name Northwind --issuer https://id.northwind.example \
      --client-id deputy --client-secret-stdin --allow-domain northwind.example`,
		RunE: func(cmd *cobra.Command, args []string) error {
			n.ID = args[0]
			if !fromStdin {
				return errors.New("pipe the client secret in and add --client-secret-stdin: on the command line others could read it")
			}
			var err error
			if n.Secret, err = p.fromStdin(); err != nil {
				return err
			}
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				redirect, err := f.SetSignInProvider(ctx, n)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.out, "Stored. There, the redirect URI (callback URL) must be:\n  %s\n", redirect)
				return err
			})
		},
	}
	f := set.Flags()
	f.StringVar(&n.Name, "name", "", "`name` people read on the button; the id when left out")
	f.StringVar(&n.Issuer, "issuer", "", "`URL` of the provider, as its discovery document says it")
	f.StringVar(&n.ClientID, "client-id", "", "client `id` that the provider gave")
	f.BoolVar(&fromStdin, "client-secret-stdin", false, "read the client secret from standard input")
	f.StringSliceVar(&n.Domains, "allow-domain", nil, "`domain` of e-mail addresses whose people get an account (may be repeated)")
	f.BoolVar(&n.VerifiedMail, "verified-mail", false, "you answer for the provider's e-mail addresses: one that has an account here signs in to it")
	remove := &cobra.Command{
		Use: "remove ID", Short: "End that; who is signed in stays so", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error { return f.RemoveSignInProvider(ctx, args[0]) })
		},
	}
	return group("sign-in-provider", "OpenID providers that people sign in with", required(set, "issuer", "client-id"), remove)
}
