package consent_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

// person plays asha: she takes the first step of the plan until none is left.
type person struct {
	t     *rapid.T
	w     world
	admin consent.PetitionState // what becomes of what she asks her administrator for
	taken int
}

// asked reports whether a confirmation is only about what the app names and no
// account has.
func asked(plan consent.Plan) bool {
	return slices.ContainsFunc(plan.Rows, func(r consent.Row) bool { return r.Reason == consent.AgreedBefore && len(r.Named) > 0 })
}

// take does what the step asks for, the way the rest of the program would.
func (p *person) take(plan consent.Plan, s consent.Step) {
	p.taken++
	switch s.Kind {
	case consent.AskAdmin:
		p.w.req.Petitions = append(slices.Clone(p.w.req.Petitions), consent.Petition{
			User: asha, App: bot, Scopes: s.Scopes, State: p.admin, Until: noon().Add(consent.PetitionLife),
		})
	case consent.Connect:
		p.connect(s)
	case consent.Reconnect:
		p.change(s.Connection, func(c *consent.Connection) { c.Health = consent.Healthy })
	case consent.Widen:
		p.change(s.Connection, func(c *consent.Connection) { c.Granted = append(slices.Clone(c.Granted), s.Lacks...) })
	case consent.Pick:
		p.w.req.Choices.Picked[s.Resource] = only(consent.Resource{Type: s.Resource, ID: "1"})
	case consent.Approve:
		g := consent.Agree(p.w.grant(), plan.Grantable, plan.Refuses(len(plan.Lacking) == 0), noon())
		p.w.grants = slices.DeleteFunc(p.w.grants, func(have consent.Grant) bool { return have.ID == g.ID })
		p.w.grants = append(p.w.grants, g)
		p.w.req.Choices = consent.Choices{}
	default:
		p.t.Fatalf("a proven app was asked to %s", s.Kind)
	}
}

func (p *person) connect(s consent.Step) {
	scope := p.w.req.Vocabulary[s.Scopes[0]]
	c := consent.Connection{
		ID: consent.ConnectionID(fmt.Sprintf("new%d", p.taken)), User: asha, Provider: s.Provider, Variant: "app",
		Granted: scope.Needs["app"], Health: consent.Healthy,
	}
	p.w.connections = append(slices.Clone(p.w.connections), c)
}

func (p *person) change(id consent.ConnectionID, edit func(*consent.Connection)) {
	p.w.connections = slices.Clone(p.w.connections)
	for i := range p.w.connections {
		if p.w.connections[i].ID == id && p.w.connections[i].User == asha {
			edit(&p.w.connections[i])
			return
		}
	}
	p.t.Fatalf("a step names the account %q, which is not there", id)
}

// next returns the first step that has to be taken.
func next(plan consent.Plan) (consent.Step, bool) {
	i := slices.IndexFunc(plan.Steps, func(s consent.Step) bool { return !s.Optional })
	if i < 0 {
		return consent.Step{}, false
	}
	return plan.Steps[i], true
}

// TestTakingEveryStepEmptiesThePlan: whatever the world is, a person who does
// what the plan says and ticks every row arrives, and the proven app gets all it
// asked for, now and the next time. Her administrator approves whatever she asks.
func TestTakingEveryStepEmptiesThePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &person{t: t, w: drawWorld(t), admin: consent.PetitionApproved}
		p.w.req.Proven, p.w.req.Ask = true, false
		for i := range p.w.req.Petitions {
			p.w.req.Petitions[i].State = consent.PetitionApproved
		}
		ticked := map[consent.ScopeName]bool{}
		for _, s := range p.w.req.Asked {
			ticked[s.Name] = true
		}
		// Five steps for each scope (ask, connect, widen, pick, approve) is far more than
		// enough.
		for range 5*len(p.w.req.Asked) + 1 {
			p.w.req.Choices.Ticked = ticked // on each page that is shown
			plan := p.w.decide()
			s, more := next(plan)
			if more && (s.Kind != consent.Confirm || !asked(plan)) {
				p.take(plan, s)
				continue
			}
			left := func(s consent.Step) bool { return s.Reason != consent.EndsSoon }
			if !more && slices.ContainsFunc(plan.Steps, left) || len(plan.Token) != len(p.w.req.Asked) {
				t.Fatalf("arrived, but not with everything:\n%s", sentences(plan))
			}
			return
		}
		t.Fatalf("the steps do not end:\n%s", sentences(p.w.decide()))
	})
}

// TestAnAnsweredPageIsNotShownAgain: whatever is left unticked or asked of an
// administrator, the answer is remembered, unless it leaves the app with nothing at
// all.
func TestAnAnsweredPageIsNotShownAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &person{t: t, w: drawWorld(t)}
		p.admin = rapid.SampledFrom([]consent.PetitionState{consent.PetitionWaits, consent.PetitionApproved, consent.PetitionRefused}).Draw(t, "admin")
		p.w.req.Proven, p.w.req.Ask = true, false
		for range 5*len(p.w.req.Asked) + 1 {
			plan := p.w.decide()
			s, more := next(plan)
			if !more || (s.Kind == consent.Confirm && asked(plan)) {
				return
			}
			p.take(plan, s)
			if s.Kind != consent.Approve {
				continue
			}
			p.w.req.Details = nil // more of what stands is asked each time that it is named
			after := p.w.decide()
			if again, asked := next(after); asked && again.Kind == consent.Approve && len(after.Token) > 0 {
				t.Fatalf("asked again for %v:\n%s", again.Scopes, sentences(after))
			}
			return
		}
		t.Fatalf("the steps do not end:\n%s", sentences(p.w.decide()))
	})
}
