package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/internal/server"
)

func (p program) key() *cobra.Command {
	var asJSON bool
	rotate := &cobra.Command{
		Use: "rotate", Short: "Publish the next signing key; it signs a day later", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				next, err := f.RotateKey(ctx)
				if err != nil {
					return err
				}
				return p.show(asJSON, field{"kid", next.ID}, field{"signs_from", moment(next.Active)})
			})
		},
	}
	list := &cobra.Command{
		Use: "list", Short: "Show the published signing keys, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error { return p.listKeys(ctx, f, asJSON) })
		},
	}
	for _, c := range []*cobra.Command{rotate, list} {
		c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	}
	return group("key", "Keys that sign tokens", rotate, list)
}

// listKeys prints a line for each key, or a JSON list.
func (p program) listKeys(ctx context.Context, f *server.Foundation, asJSON bool) error {
	type line struct {
		ID        string `json:"kid"`
		Algorithm string `json:"alg"`
		Stage     string `json:"stage"`
		SignsFrom string `json:"signs_from"`
		Ends      string `json:"ends,omitempty"`
	}
	published, err := f.SigningKeys(ctx)
	if err != nil {
		return err
	}
	lines := make([]line, len(published))
	for i, k := range published {
		lines[i] = line{k.ID, k.Alg, string(k.Stage), moment(k.Active), moment(k.Expires)}
	}
	if asJSON {
		enc := json.NewEncoder(p.out)
		enc.SetIndent("", "  ")
		return enc.Encode(lines)
	}
	for _, l := range lines {
		fmt.Fprintf(p.out, "%s  %s  %-7s  signs from %s", l.ID, l.Algorithm, l.Stage, l.SignsFrom)
		if l.Ends != "" {
			fmt.Fprint(p.out, ", published until ", l.Ends)
		}
		fmt.Fprintln(p.out)
	}
	return nil
}

// moment writes a time for operators; "" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
