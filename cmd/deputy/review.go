package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/server"
)

// approve is for apps that nobody registered by hand.
func (p program) approve() *cobra.Command {
	var withdraw, asJSON bool
	cmd := &cobra.Command{
		Use: "approve ID", Short: "Let people allow an app everything, after you looked at it", Args: cobra.ExactArgs(1),
		Long: "Lets people allow an app everything it asks for. An app that registered itself, or that is a\n" +
			"document at its own address, cannot have some things before: see --review. The approval is\n" +
			"for its name, return addresses and keys as they are; when it changes them, it waits again.\n" +
			"Until then a name that looks like another's is only quoted, with a warning.",
		Example: "  deputy app approve https://agent.example/client.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			id := consent.AppID(args[0])
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				if withdraw {
					if err := f.UnapproveApp(ctx, id); err != nil {
						return err
					}
					return p.show(asJSON, field{"client_id", id}, field{"approved", false})
				}
				c, err := f.ApproveApp(ctx, id)
				if err != nil {
					return err
				}
				return p.show(asJSON, field{"client_id", c.ID}, field{"approved", true}, field{"name", c.OwnName()}, field{"redirect_uris", c.RedirectURIs})
			})
		},
	}
	cmd.Flags().BoolVar(&withdraw, "withdraw", false, "take the approval back; what people allowed stays")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// listedApp is a line of the list.
type listedApp struct {
	ID       consent.AppID `json:"client_id"`
	Name     string        `json:"name"`
	Origin   string        `json:"origin"`
	Reviewed bool          `json:"reviewed"`
	People   int           `json:"people"`
	Returns  []string      `json:"redirect_uris"`
}

func (p program) listApps() *cobra.Command {
	var asJSON, waiting bool
	cmd := &cobra.Command{
		Use: "list", Short: "List apps, those nobody registered by hand first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				apps, err := f.Apps(ctx)
				if err != nil {
					return err
				}
				lines := []listedApp{}
				for _, a := range apps {
					if !waiting || !a.Reviewed() {
						lines = append(lines, listedApp{a.ID, a.OwnName(), string(a.Origin), a.Reviewed(), a.People, a.RedirectURIs})
					}
				}
				if asJSON {
					return json.NewEncoder(p.out).Encode(lines)
				}
				return p.table(lines)
			})
		},
	}
	cmd.Flags().BoolVar(&waiting, "waiting", false, "only those that no operator has looked at")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// table prints apps. Names are strangers' words, so they are quoted.
func (p program) table(lines []listedApp) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CLIENT ID\tNAME\tORIGIN\tREVIEWED\tPEOPLE")
	for _, a := range lines {
		fmt.Fprintf(w, "%s\t%q\t%s\t%v\t%d\n", a.ID, a.Name, a.Origin, a.Reviewed, a.People)
	}
	return w.Flush()
}
