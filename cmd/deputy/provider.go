package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/internal/server"
)

// listProviders prints a line for each registration, or a JSON list.
func (p program) listProviders() *cobra.Command {
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "Show how this server is registered at providers, and how many connections each registration has", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				all, err := f.Store.RegistrationUse(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					enc := json.NewEncoder(p.out)
					enc.SetIndent("", "  ")
					return enc.Encode(all)
				}
				for _, r := range all {
					fmt.Fprintf(p.out, "%-20s %-12s %s  %d connected", r.ID, r.Variant, r.ClientID, r.Connected)
					if r.Current {
						fmt.Fprint(p.out, ", used for new connections")
					}
					fmt.Fprintln(p.out)
				}
				return nil
			})
		},
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return list
}
