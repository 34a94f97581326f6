package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/store"
)

// What an administrator has to approve, and their answers: by command, against a
// running or a stopped server.

// mostAnswer bounds what an administrator says to a person, in characters.
const mostAnswer = 140

// SetRule says who decides about what, in the place of an earlier rule about the
// same. It is in force within a second, for what people allow from then on.
func (f *Foundation) SetRule(ctx context.Context, r consent.Rule) error {
	if err := f.checkRule(ctx, r); err != nil {
		return err
	}
	return f.rule(ctx, audit.RuleSet, r, func(ctx context.Context) error { return f.Store.SetRule(ctx, r) })
}

// RemoveRule takes a rule back.
func (f *Foundation) RemoveRule(ctx context.Context, r consent.Rule) error {
	return f.rule(ctx, audit.RuleRemoved, r, func(ctx context.Context) error {
		there, err := f.Store.RemoveRule(ctx, r)
		if err == nil && !there {
			err = fault.New(fault.NotFound, "There is no such rule.")
		}
		return err
	})
}

// rule makes a change of a rule with its record.
func (f *Foundation) rule(ctx context.Context, kind audit.Kind, r consent.Rule, change func(context.Context) error) error {
	detail := string(r.Who)
	if r.Risk != 0 {
		detail = strings.TrimSpace(fmt.Sprintf("%s from risk %d", detail, r.Risk))
	}
	return f.recording(func(records *audit.Recorder) error {
		return f.DB.Tx(ctx, func(ctx context.Context) error {
			if err := change(ctx); err != nil {
				return err
			}
			return records.InTx(ctx, audit.Event{Kind: kind, App: r.App, Scope: r.Scope, Outcome: audit.Done, Detail: detail})
		})
	})
}

// checkRule returns everything that is wrong with a rule. A misspelt one would
// guard nothing.
func (f *Foundation) checkRule(ctx context.Context, r consent.Rule) error {
	var problems []error
	words, err := f.Store.Words(ctx, f.Catalog.Scopes)
	if err != nil {
		return err
	}
	s, known := words[r.Scope]
	switch {
	case !known && r.Scope != "":
		problems = append(problems, fmt.Errorf("scope %s: there is no such scope", r.Scope))
	case len(s.Implies) == 1 && !strings.Contains(string(s.Name), "."): // OpenID Connect's name of one of ours
		problems = append(problems, fmt.Errorf("scope %s: apps can ask for the same as %s; give that one, which covers both", s.Name, s.Implies[0]))
	}
	switch {
	case r.Scope != "" && r.Risk != 0:
		problems = append(problems, errors.New("scope and risk: give one of them"))
	case r.Risk < 0 || r.Risk > 5:
		problems = append(problems, errors.New("risk: from 1, harmless, to 5"))
	}
	if r.Who != consent.DecidesAdmin && r.Who != consent.DecidesPerson {
		problems = append(problems, fmt.Errorf("decider %s: there are %s and %s", r.Who, consent.DecidesAdmin, consent.DecidesPerson))
	}
	if r.App != "" && !clients.IsDocument(r.App) {
		_, err := f.Store.Client(ctx, r.App)
		switch {
		case errors.Is(err, clients.ErrUnknown):
			problems = append(problems, fmt.Errorf("app %s: there is no such app", r.App))
		case err != nil:
			return err
		}
	}
	if len(problems) > 0 {
		return fault.Wrap(fault.Invalid, errors.Join(problems...), "The rule was not stored")
	}
	return nil
}

// AnswerPetition is the administrator's yes or no to what a person asked for.
func (f *Foundation) AnswerPetition(ctx context.Context, id consent.PetitionID, state consent.PetitionState, answer string) (consent.Petition, error) {
	if answer = strings.TrimSpace(answer); !utf8.ValidString(answer) || utf8.RuneCountInString(answer) > mostAnswer {
		return consent.Petition{}, fault.New(fault.Invalid, "The answer is longer than %d characters. Nothing was answered.", mostAnswer)
	}
	var out consent.Petition
	err := f.recording(func(records *audit.Recorder) error {
		var err error
		out, err = store.Petitioner{Store: f.Store, Audit: records}.Answer(ctx, id, state, answer)
		if errors.Is(err, db.ErrNone) {
			err = fault.Wrap(fault.NotFound, err, "There is no request %s to answer so: it ended, was withdrawn, or has this answer already.", id)
		}
		return err
	})
	return out, err
}
