package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/server"
)

// policy is who decides about what.
func (p program) policy() *cobra.Command {
	var rule consent.Rule
	var asJSON bool
	about := func(cmd *cobra.Command) *cobra.Command {
		f := cmd.Flags()
		f.StringVar((*string)(&rule.App), "app", "", "client_id of the `app` it is about; all apps when left out")
		f.StringVar((*string)(&rule.Scope), "scope", "", "`scope` it is about; all scopes when left out")
		f.IntVar(&rule.Risk, "risk", 0, "instead of --scope: scopes of the catalogue of at least this `risk`, 1 to 5")
		return cmd
	}
	set := &cobra.Command{
		Use: "set person|admin", Short: "Say who decides whether an app may have something", Args: cobra.ExactArgs(1),
		Long: "Says who decides whether an app may have something: each person alone (the default), or an administrator\n" +
			"first. What people allowed before stays. Of several rules the closest counts: one for an app before one for\n" +
			"all, one for a scope before one for a risk.",
		Example: "  deputy policy set admin --risk 4\n  deputy policy set admin --app app_0198…\n  deputy policy set person --app app_0198… --scope services.github.repositories.read",
		RunE: func(cmd *cobra.Command, args []string) error {
			rule.Who = consent.Decider(args[0])
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				if err := f.SetRule(ctx, rule); err != nil {
					return err
				}
				return p.show(asJSON, ruleFields(rule)...)
			})
		},
	}
	set.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	remove := &cobra.Command{
		Use: "remove", Short: "Take a rule back", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error { return f.RemoveRule(ctx, rule) })
		},
	}
	return group("policy", "Who decides what apps may have: people alone, or an administrator first", about(set), about(remove), p.listRules())
}

func ruleFields(r consent.Rule) []field {
	return []field{{"app", r.App}, {"scope", r.Scope}, {"risk", r.Risk}, {"decides", r.Who}}
}

func (p program) listRules() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the rules", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				rules, err := f.Store.Rules(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return p.eachRule(rules)
				}
				w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "APP\tSCOPE\tRISK\tDECIDES")
				for _, r := range rules {
					fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", r.App, r.Scope, r.Risk, r.Who)
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (p program) eachRule(rules consent.Rules) error {
	out := []map[string]any{}
	for _, r := range rules {
		line := map[string]any{}
		for _, f := range ruleFields(r) {
			line[f.name] = f.value
		}
		out = append(out, line)
	}
	return json.NewEncoder(p.out).Encode(out)
}

// approval is what people asked an administrator for.
func (p program) approval() *cobra.Command {
	return group("approval", "What people asked you to approve before they can allow it to an app",
		p.listPetitions(),
		p.answer("approve ID", "Let the person who asked allow it; they still decide", consent.PetitionApproved),
		p.answer("refuse ID", "Say no to the person who asked", consent.PetitionRefused))
}

func (p program) answer(use, short string, state consent.PetitionState) *cobra.Command {
	var answer string
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				done, err := f.AnswerPetition(ctx, consent.PetitionID(args[0]), state, answer)
				if err != nil {
					return err
				}
				return p.show(asJSON, field{"request", done.ID}, field{"state", done.State}, field{"client_id", done.App}, field{"scopes", done.Scopes}, field{"until", done.Until.UTC().Format(time.RFC3339)})
			})
		},
	}
	cmd.Flags().StringVar(&answer, "answer", "", "`sentence` the person reads with it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// petitionLine is a line of the list.
type petitionLine struct {
	ID     consent.PetitionID    `json:"request"`
	State  consent.PetitionState `json:"state"`
	Email  string                `json:"email"`
	App    consent.AppID         `json:"client_id"`
	Name   string                `json:"name"`
	Known  bool                  `json:"reviewed"` // somebody answers for the app as it is
	Scopes []consent.ScopeName   `json:"scopes"`
	Why    string                `json:"why"`
	Answer string                `json:"answer,omitempty"`
	Asked  time.Time             `json:"asked"`
	Until  time.Time             `json:"until"`
}

func (p program) listPetitions() *cobra.Command {
	var asJSON bool
	state := consent.PetitionWaits
	cmd := &cobra.Command{
		Use: "list", Short: "List what people asked for, the oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]consent.PetitionState{consent.PetitionWaits, consent.PetitionApproved, consent.PetitionRefused}, state) {
				return fmt.Errorf("--state %s: there are %s, %s and %s", state, consent.PetitionWaits, consent.PetitionApproved, consent.PetitionRefused)
			}
			return p.with(cmd, func(ctx context.Context, f *server.Foundation) error {
				asked, err := f.Store.AskedFor(ctx, state)
				if err != nil {
					return err
				}
				lines := []petitionLine{}
				for _, a := range asked {
					lines = append(lines, petitionLine{a.ID, a.State, a.Email, a.App, a.AppName, a.Reviewed, a.Scopes, a.Why, a.Answer, a.Asked.UTC(), a.Until.UTC()})
				}
				if asJSON {
					return json.NewEncoder(p.out).Encode(lines)
				}
				return p.petitions(lines)
			})
		},
	}
	cmd.Flags().StringVar((*string)(&state), "state", string(state), "waiting, approved or refused")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// petitions prints them. Names and reasons are other people's words, so they are
// quoted.
func (p program) petitions(lines []petitionLine) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REQUEST\tASKED\tWHO\tAPP\tCLIENT_ID\tREVIEWED\tSCOPES\tWHY")
	for _, l := range lines {
		var scopes []string
		for _, s := range l.Scopes {
			scopes = append(scopes, string(s))
		}
		fmt.Fprintf(w, "%s\t%s\t%q\t%q\t%s\t%t\t%s\t%q\n", l.ID, l.Asked.Format(time.DateOnly), l.Email, l.Name, l.App, l.Known, strings.Join(scopes, " "), l.Why)
	}
	return w.Flush()
}
