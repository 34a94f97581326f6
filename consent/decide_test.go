package consent_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

func TestTheOrderOfTheInputDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		want := w.decide()
		w.connections = rapid.Permutation(w.connections).Draw(t, "connections again")
		w.grants = rapid.Permutation(w.grants).Draw(t, "grants again")
		w.req.Petitions = rapid.Permutation(w.req.Petitions).Draw(t, "petitions again")
		if diff := cmp.Diff(want, w.decide()); diff != "" {
			t.Fatalf("shuffled: -before +after\n%s", diff)
		}
	})
}

func TestDecidingChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := w.decide()
		p := w.decide()
		for i := range p.Rows {
			p.Rows[i].Limit = p.Rows[i].Limit.Union(consent.Limit{Resources: []consent.Resource{repo("new")}})
		}
		consent.Agree(w.grant(), p.Grantable, p.Refuses(true), noon())
		if diff := cmp.Diff(before, w.decide()); diff != "" {
			t.Fatalf("deciding or agreeing changed its input: -before +after\n%s", diff)
		}
	})
}

// TestAYesGivesOnlyWhatIsAskedTickedAndConnected is grantable within asked,
// connected, ready, without what was refused and not ticked again.
func TestAYesGivesOnlyWhatIsAskedTickedAndConnected(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for _, it := range w.decide().Grantable {
			i := slices.IndexFunc(w.req.Asked, func(s consent.Scope) bool { return s.Name == it.Scope })
			if i < 0 {
				t.Fatalf("%s was not asked for", it.Scope)
			}
			s := w.req.Asked[i]
			ticked, touched := w.req.Choices.Ticked[it.Scope]
			switch {
			case touched && !ticked:
				t.Fatalf("%s was unticked by hand", it.Scope)
			case !touched && (s.Access != consent.Read || s.Modifier):
				t.Fatalf("%s writes or modifies, and nobody ticked it", it.Scope)
			case !touched && wasRefused(w.grant(), it.Scope):
				t.Fatalf("%s was refused before, and nobody ticked it", it.Scope)
			case !it.Until.After(noon()):
				t.Fatalf("%s would end at once", it.Scope)
			case it.Rate != s.Bounded(it.Rate):
				t.Fatalf("%s would give %+v, more than the catalogue's %+v", it.Scope, it.Rate, s.Rate)
			case s.MaxLifetime > 0 && it.Until.After(noon().Add(s.MaxLifetime)):
				t.Fatalf("%s would last longer than the catalogue allows", it.Scope)
			}
			mayStandOn(t, w, s, it)
		}
	})
}

// mayStandOn checks the item's connection and limit.
func mayStandOn(t *rapid.T, w world, s consent.Scope, it consent.Item) {
	if s.Provider == "" {
		if it.Connection != "" || !it.Limit.Empty() {
			t.Fatalf("%s needs no account but is given on %q", s.Name, it.Connection)
		}
		return
	}
	i := slices.IndexFunc(w.connections, func(c consent.Connection) bool { return c.ID == it.Connection })
	if i < 0 {
		t.Fatalf("%s is given on an account that is not there", s.Name)
	}
	c := w.connections[i]
	if serves, _ := c.Serves(s); c.User != asha || c.Provider != s.Provider || c.Health != consent.Healthy || !serves {
		t.Fatalf("%s is given on an account that cannot serve it: %+v", s.Name, c)
	}
	for _, r := range it.Limit.Resources {
		if !slices.Contains(s.Resources, r.Type) || !(w.req.Choices.Picked[r.Type].Allows(r) || standsOn(w.grant(), c.ID, r) || offeredOn(w.req, s, c.ID, r)) {
			t.Fatalf("%s on %q gives %v, which was neither picked nor there", s.Name, c.ID, r)
		}
	}
	switch s.Narrowing {
	case consent.NarrowingNone:
	case consent.NarrowingRequired:
		if it.Limit.Everything || it.Limit.Empty() {
			t.Fatalf("%s must be limited to resources, but gives %+v", s.Name, it.Limit)
		}
	default:
		picked := false
		for _, kind := range s.Resources {
			picked = picked || w.req.Choices.Picked[kind].Everything
		}
		picked = picked || standsWhole(w.grant(), c.ID)
		if it.Limit.Empty() || (it.Limit.Everything && !picked) {
			t.Fatalf("%s gives %+v, which nobody picked", s.Name, it.Limit)
		}
	}
}

// offeredOn reports whether the app names the resource for s and the account has
// it.
func offeredOn(req consent.Request, s consent.Scope, on consent.ConnectionID, r consent.Resource) bool {
	has := slices.ContainsFunc(req.Offers, func(o consent.Offer) bool { return o.Connection == on && o.Resource.Same(r) })
	return has && slices.ContainsFunc(req.Details, func(d consent.Detail) bool {
		return d.Type == r.Type && d.ID == r.ID && (len(d.Actions) == 0 || slices.Contains(d.Actions, s.Name))
	})
}

// standsOn reports whether a live item on the connection names the resource.
func standsOn(g consent.Grant, on consent.ConnectionID, r consent.Resource) bool {
	return slices.ContainsFunc(g.Items, func(it consent.Item) bool {
		return it.Connection == on && it.Until.After(noon()) && slices.ContainsFunc(it.Limit.Resources, r.Same)
	})
}

// standsWhole reports whether a live item on the connection gives everything.
func standsWhole(g consent.Grant, on consent.ConnectionID) bool {
	return slices.ContainsFunc(g.Items, func(it consent.Item) bool {
		return it.Connection == on && it.Until.After(noon()) && it.Limit.Everything
	})
}

func wasRefused(g consent.Grant, name consent.ScopeName) bool {
	return slices.ContainsFunc(g.Refused, func(r consent.Refusal) bool { return r.Scope == name })
}

// TestEveryRowHasItsStep: nothing is missing without a step, no step is there for
// nothing, and what is allowed has none.
func TestEveryRowHasItsStep(t *testing.T) {
	kinds := map[consent.Status]consent.Kind{
		consent.NeedsConnect: consent.Connect, consent.NeedsReconnect: consent.Reconnect,
		consent.NeedsWiden: consent.Widen, consent.NeedsPick: consent.Pick, consent.NeedsAdmin: consent.AskAdmin,
	}
	order := []consent.Kind{consent.AskAdmin, consent.Connect, consent.Reconnect, consent.Widen, consent.Pick, consent.Approve, consent.Confirm}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		p := w.decide()
		if !slices.IsSortedFunc(p.Steps, func(a, b consent.Step) int {
			return slices.Index(order, a.Kind) - slices.Index(order, b.Kind)
		}) {
			t.Fatalf("steps out of order: %v", p.Steps)
		}
		named := map[consent.ScopeName]consent.Kind{}
		for _, s := range p.Steps {
			for _, name := range s.Scopes {
				if s.Kind == consent.Approve || s.Kind == consent.Confirm {
					continue
				}
				if _, twice := named[name]; twice {
					t.Fatalf("%s has two steps", name)
				}
				named[name] = s.Kind
				r, _ := p.Row(name)
				if s.Optional && r.On && r.Admin == "" {
					t.Fatalf("%s is ticked but its step can wait", name)
				}
				if s.Kind == consent.AskAdmin {
					continue
				}
				if s.Provider != r.Scope.Provider || s.Connection != r.Connection.ID || !within(r.Lacks, s.Lacks) {
					t.Fatalf("the step %+v is not the one of the row %+v", s, r)
				}
			}
		}
		for i, r := range p.Rows {
			if r.Scope.Name != w.req.Asked[i].Name {
				t.Fatalf("row %d is %s, but %s was asked", i, r.Scope.Name, w.req.Asked[i].Name)
			}
			if named[r.Scope.Name] != kinds[r.Status] {
				t.Fatalf("%s is %s, but its step is %q", r.Scope.Name, r.Status, named[r.Scope.Name])
			}
			if carried := slices.Contains(p.Token, r.Scope.Name); carried != (r.Status == consent.Allowed || r.Reason == consent.MoreAsked || r.Reason == consent.EndsSoon) {
				t.Fatalf("%s is %s, but a token carries it: %t", r.Scope.Name, r.Status, carried)
			}
		}
	})
}

func within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// TestWhatIsNotThisAppsCountsForNothing: other people's things, other apps'
// grants, revoked grants and expired items may only be mentioned.
func TestWhatIsNotThisAppsCountsForNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		bare := w
		bare.connections, bare.grants, bare.req.Petitions = nil, nil, nil
		for _, p := range w.req.Petitions {
			if p.User == asha && p.App == bot && p.Until.After(noon()) {
				bare.req.Petitions = append(bare.req.Petitions, p)
			}
		}
		for _, c := range w.connections {
			if c.User == asha && c.Health != consent.Disconnected {
				bare.connections = append(bare.connections, c)
			}
		}
		for _, g := range w.grants {
			if g.User != asha || g.App != bot || g.Revoked {
				continue
			}
			g.Items = slices.DeleteFunc(slices.Clone(g.Items), func(it consent.Item) bool { return !it.Until.After(noon()) })
			bare.grants = append(bare.grants, g)
		}
		if diff := cmp.Diff(silent(bare.decide()), silent(w.decide())); diff != "" {
			t.Fatalf("without them and with them: -without +with\n%s", diff)
		}
	})
}

// silent takes away what is only said: that it expired, who else has it, and the
// lower rate that a person chose before it expired.
func silent(p consent.Plan) consent.Plan {
	for i := range p.Rows {
		p.Rows[i].AlsoFor, p.Rows[i].AlsoMore, p.Rows[i].EndedAt = nil, false, time.Time{}
		p.Rows[i].Rate = consent.Rate{}
		if p.Rows[i].Reason == consent.Expired {
			p.Rows[i].Reason = consent.NeverAgreed
		}
	}
	for i := range p.Grantable {
		p.Grantable[i].Rate = consent.Rate{}
	}
	for i := range p.Steps {
		if p.Steps[i].Reason == consent.Expired {
			p.Steps[i].Reason = consent.NeverAgreed
		}
	}
	return p
}

func TestOtherAppsAreMentionedOnlyForTheSameAccount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for _, r := range w.decide().Rows {
			for _, app := range r.AlsoFor {
				i := slices.IndexFunc(w.grants, func(g consent.Grant) bool { return g.App == app && g.User == asha && !g.Revoked })
				if i < 0 || app == bot {
					t.Fatalf("%s has no grant to be mentioned for", app)
				}
				if !slices.ContainsFunc(w.grants[i].Items, func(it consent.Item) bool {
					return it.Connection == r.Connection.ID && it.Until.After(noon()) && w.req.Vocabulary.Covers(it.Scope, r.Scope.Name)
				}) {
					t.Fatalf("%s is not allowed %s on %q", app, r.Scope.Name, r.Connection.ID)
				}
			}
		}
	})
}

// TestManyOtherApps: ten are named, whatever the order, and that there are more.
func TestManyOtherApps(t *testing.T) {
	for _, n := range []int{0, 1, 10, 11, 25} {
		var grants []consent.Grant
		for i := range n {
			g := agreed(yes(readRepos, "octocat", only(repo("site"))), yes(writeRepos, "octocat", only(repo("site"))))
			g.App = consent.AppID(fmt.Sprintf("app%02d", i*7%25))
			grants = append(grants, g)
		}
		all := slices.SortedFunc(slices.Values(grants), func(a, b consent.Grant) int { return strings.Compare(string(a.App), string(b.App)) })
		var want []consent.AppID
		for _, g := range all[:min(n, 10)] {
			want = append(want, g.App)
		}
		for _, in := range [][]consent.Grant{grants, all} {
			r, _ := consent.Decide(asks(readRepos), []consent.Connection{octocat("contents")}, in, noon()).Row(readRepos)
			if !slices.Equal(r.AlsoFor, want) || r.AlsoMore != (n > 10) {
				t.Errorf("of %d apps %v are named, more %t; want %v", n, r.AlsoFor, r.AlsoMore, want)
			}
		}
	}
}

// TestAWiderRequestNarrowsNothing: asking for more leaves every row as it is, but
// for the note what brings it along.
func TestAWiderRequestNarrowsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := w.decide()
		for _, name := range names() {
			if !slices.ContainsFunc(w.req.Asked, func(s consent.Scope) bool { return s.Name == name }) && rapid.Bool().Draw(t, "more") {
				w.req.Asked = append(slices.Clone(w.req.Asked), w.req.Vocabulary[name])
			}
		}
		after := w.decide()
		if diff := cmp.Diff(before.Rows, after.Rows[:len(before.Rows)], cmpopts.EquateEmpty(), cmpopts.IgnoreFields(consent.Row{}, "With")); diff != "" {
			t.Fatalf("rows of the smaller request: -before +after\n%s", diff)
		}
		for _, name := range before.Token {
			if !slices.Contains(after.Token, name) {
				t.Fatalf("the token lost %s", name)
			}
		}
	})
}

func TestPlanLookups(t *testing.T) {
	p := consent.Decide(asks(readRepos, readProfile), nil, nil, noon())
	if s, ok := p.Needs(consent.Connect); !ok || s.Provider != "github" {
		t.Errorf("needs to connect: %+v, %t", s, ok)
	}
	if s, ok := p.Needs(consent.Widen); ok {
		t.Errorf("nothing is connected, but widen %+v", s)
	}
	if r, ok := p.Row(readProfile); !ok || r.Status != consent.Ready {
		t.Errorf("row of %s: %+v, %t", readProfile, r, ok)
	}
	if r, ok := p.Row(readFiles); ok {
		t.Errorf("%s was not asked for, but has the row %+v", readFiles, r)
	}
}
