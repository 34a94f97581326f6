package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/demo"
	"github.com/deputy-oauth/deputy/internal/server"
)

func (p program) demo() *cobra.Command {
	var where demo.Config
	cmd := &cobra.Command{
		Use: "demo", Short: "Try the whole story on this computer, offline, with a simulated GitHub, Slack, Google, Notion and Stripe", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := p.config(cmd)
			if err != nil {
				return err
			}
			cfg.AllowLoopback = true
			if !cmd.Flags().Changed(config.LogLevel) {
				cfg.LogLevel = "warn" // the story is what matters here
			}
			if !cmd.Flags().Changed(config.Registration) {
				cfg.Registration = config.RegistrationPublic // agents try this server out
			}
			if !cfg.Mail.On() {
				cfg.Mail.Print = true // below the story, where the demo runs
			}
			if !cmd.Flags().Changed(config.Data) {
				dir, err := os.MkdirTemp("", "deputy-demo-")
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
				cfg.Data = dir
			}
			var running *demo.Demo
			defer func() {
				if running != nil {
					err = errors.Join(err, running.Close())
				}
			}()
			return serve(cmd.Context(), cfg, p.logger(cfg.LogLevel), func(f *server.Foundation) error {
				if running, err = demo.Start(cmd.Context(), f, where); err != nil {
					return err
				}
				return story(p.out, running, cfg.ExternalURL.String())
			})
		},
	}
	cmd.Flags().StringVar(&where.App, "app-listen", "127.0.0.1:8090", "`address` of the sample app")
	cmd.Flags().StringVar(&where.GitHub, "github-listen", "127.0.0.1:8091", "`address` of the simulated GitHub")
	cmd.Flags().StringVar(&where.Slack, "slack-listen", "127.0.0.1:8092", "`address` of the simulated Slack")
	cmd.Flags().StringVar(&where.Google, "google-listen", "127.0.0.1:8093", "`address` of the simulated Google")
	cmd.Flags().StringVar(&where.Notion, "notion-listen", "127.0.0.1:8094", "`address` of the simulated Notion")
	cmd.Flags().StringVar(&where.Stripe, "stripe-listen", "127.0.0.1:8095", "`address` of the simulated Stripe")
	return cmd
}

// story tells what to click.
func story(out io.Writer, d *demo.Demo, deputy string) error {
	_, err := fmt.Fprintf(out, `
  Open   %s

  1. Press "Connect with Deputy". You are at Deputy now: sign in.
       E-mail    %s
       Password  %s
  2. GitHub is missing. Press "Connect GitHub", then sign in at the
     simulated GitHub as octocat, password octocat.
  3. Choose repositories: acme/web, say. Then press Allow.
  4. The app reads acme/web with its Deputy token, and not acme/infra.
  5. Take it back at %s and try again.

  Everything runs on this computer. Ctrl-C ends it.

`, d.AppURL, demo.Email, demo.Password, deputy)
	return err
}
