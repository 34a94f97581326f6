package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

// simulate runs one provider look-alike, for people who test their own apps.
func (p program) simulate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "simulate", Short: "Run a stand-in for a provider, to test your own app against", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, provider := range simulator.Providers() {
		cmd.AddCommand(p.simulateOne(provider))
	}
	return cmd
}

func (p program) simulateOne(provider simulator.Provider) *cobra.Command {
	cfg := simulator.Config{ShowSecret: true}
	var address string
	var quirks []string
	cmd := &cobra.Command{
		Use: provider.ID, Short: "Stand in for " + provider.Name, Long: simulateHelp(provider), Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg.Quirks, err = simulator.ParseQuirks(provider.ID, quirks)
			if err != nil {
				return fmt.Errorf("%w; deputy simulate %s --help lists them", err, provider.ID)
			}
			l, err := net.Listen("tcp", address)
			if err != nil {
				return fmt.Errorf("listen on %s: %w; another program may be using it, choose one with --listen", address, err)
			}
			url := "http://" + l.Addr().String()
			fmt.Fprintf(p.out, "%s, simulated, at %s\nClient id %s, client secret %s. Ctrl-C ends it, and nothing is kept.\n",
				provider.Name, url, cfg.ClientID, cfg.ClientSecret)
			return serveUntil(cmd.Context(), l, provider.New(cfg))
		},
	}
	f := cmd.Flags()
	f.StringVar(&address, "listen", "127.0.0.1:"+provider.Port, "`address` to listen on; only this computer reaches the usual one")
	f.StringArrayVar(&quirks, "quirk", nil, "a `NAME` from the list above, as often as you like")
	f.StringVar(&cfg.ClientID, "client-id", "simulated-app", "the registered app's `id`")
	f.StringVar(&cfg.ClientSecret, "client-secret", "simulated-secret", "its `secret`; not one you use anywhere else")
	f.StringVar(&cfg.EventsTo, "events-to", "", "the app's `address` for events, when somebody ends its access; none are sent without it")
	f.StringVar(&cfg.EventSecret, "event-secret", "", "the `secret` that events are signed with; the client secret when left out")
	f.StringVar(&cfg.AppName, "app-name", "Your app", "the `name` on the consent page")
	f.StringSliceVar(&cfg.RedirectURIs, "redirect-uri", nil, "a registered return `address`; any is allowed without it")
	return cmd
}

// simulateHelp says what a provider's quirks do.
func simulateHelp(provider simulator.Provider) string {
	var help strings.Builder
	fmt.Fprintf(&help, "Stand in for %s: its sign-in and consent pages, its token endpoint and the parts of its API that\n"+
		"docs/simulators.md lists. The page at / says which accounts there are.\n\nQuirks:\n", provider.Name)
	for _, q := range simulator.KnownQuirks(provider.ID) {
		fmt.Fprintf(&help, "  %-24s %s\n", q.Usage(), q.Help)
	}
	return strings.TrimSuffix(help.String(), "\n")
}

// serveUntil serves h until ctx ends. Nothing is drained: nothing is kept.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	server := patient.server(h)
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	err := server.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
