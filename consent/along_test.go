package consent_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

// What comes along was agreed on its own and lives; and whether it comes or not,
// the same is asked of the person and the same is given by a yes.
func TestThreat_O18_WhatComesAlongWidensNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		without := w.decide()
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names()), rapid.ID).Draw(t, "along") {
			w.req.Along = append(w.req.Along, w.req.Vocabulary[name])
		}
		with := w.decide()
		if diff := cmp.Diff(without.Grantable, with.Grantable); diff != "" {
			t.Fatalf("a yes gives something else: -without +with\n%s", diff)
		}
		if diff := cmp.Diff(without.Rows, with.Rows[:len(without.Rows)]); diff != "" {
			t.Fatalf("the asked rows changed: -without +with\n%s", diff)
		}
		if diff := cmp.Diff(unconfirmed(without.Steps), unconfirmed(with.Steps)); diff != "" {
			t.Fatalf("the steps changed: -without +with\n%s", diff)
		}
		if diff := cmp.Diff(without.Refuses(true), with.Refuses(true)); diff != "" {
			t.Fatalf("a yes refuses something else: -without +with\n%s", diff)
		}
		for _, name := range with.Token[len(without.Token):] {
			named := slices.ContainsFunc(w.req.Along, func(s consent.Scope) bool { return s.Name == name })
			given := slices.ContainsFunc(w.grant().Items, func(it consent.Item) bool { return it.Scope == name && it.Live(noon()) })
			if !named || !given {
				t.Fatalf("the token carries %s: it may come along: %v, it was given: %v", name, named, given)
			}
		}
	})
}

// unconfirmed leaves out the scopes of the one click that shows what a token
// carries.
func unconfirmed(steps []consent.Step) []consent.Step {
	out := slices.Clone(steps)
	for i, s := range out {
		if s.Kind == consent.Confirm {
			out[i].Scopes = nil
		}
	}
	return out
}

// A write that includes reading brings along itself, not what it includes: that
// was never given on its own.
func TestWhatComesAlongIsWhatWasGiven(t *testing.T) {
	req := asks(readProfile)
	for _, name := range names() {
		req.Along = append(req.Along, req.Vocabulary[name])
	}
	plan := consent.Decide(req, []consent.Connection{octocat("contents", "contents:write")},
		[]consent.Grant{agreed(yes(readProfile, "", consent.Limit{}), yes(writeRepos, "octocat", only(repo("site"))), over(yes(deleteRepos, "octocat", only(repo("site")))), yes(postMessages, "gone", consent.Limit{Everything: true}))}, noon())
	if diff := cmp.Diff([]consent.ScopeName{readProfile, writeRepos}, plan.Token); diff != "" || !plan.Done() {
		t.Errorf("done: %v, token: %s", plan.Done(), diff)
	}
}

// Everything asked was refused before: what comes along does not hide that.
func TestWhatComesAlongIsNoAnswer(t *testing.T) {
	req := asks(readRepos)
	req.Along = []consent.Scope{req.Vocabulary[readProfile]}
	g := agreed(yes(readProfile, "", consent.Limit{}))
	g.Refused = []consent.Refusal{{Scope: readRepos, At: noon().Add(-day)}}
	plan := consent.Decide(req, []consent.Connection{octocat("contents")}, []consent.Grant{g}, noon())
	if step, ok := plan.Needs(consent.Approve); !ok || step.Reason != consent.NothingToGrant {
		t.Errorf("steps: %+v", plan.Steps)
	}
}
