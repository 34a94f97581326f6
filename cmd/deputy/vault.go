package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/internal/server"
)

// vault are the commands for the day on which tokens may have been stolen.
func (p program) vault() *cobra.Command {
	lock := &cobra.Command{
		Use: "lock", Short: "Stop all calls to services, on all replicas, within a second", Args: cobra.NoArgs,
		Long: "Stop all calls to services, on all replicas, within a second.\n\nNo provider's token is used any more but to take it back there. Apps are told to come again later. Sign-in, pages and connections stay.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				if err := f.Store.LockVault(ctx); err != nil {
					return err
				}
				return p.lockState(ctx, f)
			})
		},
	}
	unlock := &cobra.Command{
		Use: "unlock", Short: "Let calls to services pass again", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				if err := f.Store.UnlockVault(ctx); err != nil {
					return err
				}
				return p.lockState(ctx, f)
			})
		},
	}
	show := &cobra.Command{
		Use: "show", Short: "Say whether the vault is locked", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.with(cmd, p.lockState) },
	}
	return group("vault", "Providers' tokens, all at once", lock, unlock, show)
}

func (p program) lockState(ctx context.Context, f *server.Foundation) error {
	since, err := f.Store.VaultLocked(ctx)
	if err != nil {
		return err
	}
	said := "Not locked. Calls to services pass."
	if since != "" {
		said = "Locked since " + since + ". No call reaches a service; deputy vault unlock lets them pass again."
	}
	_, err = fmt.Fprintln(p.out, said)
	return err
}

func (p program) connection() *cobra.Command {
	var w server.Which
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "Show whose tokens are in the vault, a line each", Args: cobra.NoArgs,
		Example: `  deputy connection list --provider slack --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				lines := json.NewEncoder(p.out)
				return f.Inventory(ctx, w, func(h server.Held) error {
					if asJSON {
						return lines.Encode(h)
					}
					_, err := fmt.Fprintf(p.out, "%s  %-10s %-24s %-24s %-12s since %s\n", h.ID, h.Registration, h.Email, h.Login, h.Health, moment(h.Since))
					return err
				})
			})
		},
	}
	which(list, &w)
	list.Flags().BoolVar(&asJSON, "json", false, "print a JSON object in each line")
	return group("connection", "Services that people have connected", list)
}

func which(cmd *cobra.Command, w *server.Which) {
	f := cmd.Flags()
	f.StringVar((*string)(&w.Provider), "provider", "", "only those of this `provider`")
	f.StringVar((*string)(&w.Registration), "registration", "", "only those made by this `registration`")
	f.StringVar(&w.Email, "user", "", "only those of the person with this e-mail `address`")
}
