package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/server"
)

// logo is for apps that an operator answers for.
func (p program) logo() *cobra.Command {
	var uri string
	var remove, asJSON bool
	cmd := &cobra.Command{
		Use: "logo ID", Short: "Fetch an app's logo, to be shown to people", Args: cobra.ExactArgs(1),
		Long: "Fetches the logo of an app that you registered or approved, once, and keeps a small picture of it\n" +
			"(PNG, JPEG, GIF or WebP, 256 KiB and 4 million pixels at most; never SVG). People's browsers load it\n" +
			"from here only. An app without a picture is shown with its initials.",
		Example: "  deputy app logo app_0198… --uri https://scout.example/logo.png\n  deputy app logo https://agent.example/client.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			id := consent.AppID(args[0])
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				if remove {
					if err := f.Store.RemoveLogo(ctx, id); err != nil {
						return err
					}
					return p.show(asJSON, field{"client_id", id}, field{"logo", ""})
				}
				digest, err := f.SetLogo(ctx, id, uri)
				if err != nil {
					return err
				}
				return p.show(asJSON, field{"client_id", id}, field{"logo", f.Config.ExternalURL.String() + "/logos/" + digest + ".png"})
			})
		},
	}
	cmd.Flags().StringVar(&uri, "uri", "", "`URL` of the logo of an app you registered; an app you approved says so itself (logo_uri)")
	cmd.Flags().BoolVar(&remove, "remove", false, "show its initials again")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
