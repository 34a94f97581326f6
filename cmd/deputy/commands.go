package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/server"
)

// program is what the process was given.
type program struct {
	environ  []string
	in       io.Reader
	out, err io.Writer
}

func command(p program) *cobra.Command {
	root := &cobra.Command{
		Use:           "deputy",
		Short:         "Lets AI agents act for people without ever holding their keys",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	config.Flags(root.PersistentFlags())
	root.AddCommand(p.serve(), p.demo(), p.simulate(), p.migrate(), p.user(), p.app(), p.policy(), p.approval(), p.resourceServer(), p.provider(), p.signInProvider(), p.connection(), p.vault(), p.key())
	return root
}

func (p program) config(cmd *cobra.Command) (config.Config, error) {
	cfg, err := config.Load(cmd.Flags(), p.environ)
	if err != nil {
		return cfg, fmt.Errorf("the settings are not right; nothing was started or changed:\n%s", indent(err.Error()))
	}
	cfg.Mail.Out = p.err
	return cfg, nil
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }

// with runs work on keys, database and catalogue.
func (p program) with(cmd *cobra.Command, work func(ctx context.Context, f *server.Foundation) error) error {
	cfg, err := p.config(cmd)
	if err != nil {
		return err
	}
	f, err := server.Prepare(cmd.Context(), cfg, time.Now)
	if err != nil {
		return err
	}
	return errors.Join(said(work(cmd.Context(), f)), f.Close())
}

// said puts the sentence and the cause of a fault together: an operator may read
// both.
func said(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind != fault.Internal {
		if f.Cause != nil && f.Kind == fault.Invalid {
			return fmt.Errorf("%s:\n%s", f.Message, indent(f.Cause.Error()))
		}
		return errors.New(f.Message)
	}
	return err
}

func (p program) logger(level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo // the configuration was checked
	}
	return slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: l}))
}

// show prints an answer: JSON for programs, lines for people.
func (p program) show(asJSON bool, fields ...field) error {
	if !asJSON {
		for _, f := range fields {
			fmt.Fprintf(p.out, "%-16s %v\n", f.name, f.value)
		}
		return nil
	}
	out := map[string]any{}
	for _, f := range fields {
		out[f.name] = f.value
	}
	enc := json.NewEncoder(p.out)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

type field struct {
	name  string
	value any
}

// fromStdin reads one secret from standard input.
func (p program) fromStdin() (secret.Text, error) {
	raw, err := io.ReadAll(io.LimitReader(p.in, 64<<10))
	if err != nil {
		return secret.Text{}, fmt.Errorf("read standard input: %w", err)
	}
	s := strings.TrimRight(string(raw), "\r\n")
	if s == "" {
		return secret.Text{}, errors.New("standard input is empty; pipe the secret in, like: echo -n \"$SECRET\" | deputy …")
	}
	return secret.New(s), nil
}

func (p program) migrate() *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "Bring the database to the newest schema, and make the keys if there are none", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, func(context.Context, *server.Foundation) error {
				_, err := fmt.Fprintln(p.out, "The database has the newest schema.")
				return err
			})
		},
	}
}
