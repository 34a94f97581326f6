package consent

import (
	"slices"
	"time"
)

// Decider is who decides whether an app may have a scope.
type Decider string

// The deciders.
const (
	DecidesPerson Decider = "person" // whoever is asked, alone
	DecidesAdmin  Decider = "admin"  // that person, but only after an administrator approved it
)

// Rule is what an operator says about who decides.
type Rule struct {
	App   AppID     // "" for every app
	Scope ScopeName // "" for every scope of at least Risk
	Risk  int       // 0 with a Scope; alone it means whatever there is
	Who   Decider
}

func (r Rule) about(app AppID, s Scope) bool {
	return (r.App == "" || r.App == app) && (r.Scope == s.Name || r.Scope == "" && s.Risk >= r.Risk)
}

// compare orders rules by how closely they look: at the app, then at the scope,
// then at the risk.
func (r Rule) compare(other Rule) int {
	if (r.App == "") != (other.App == "") {
		return compare(string(r.App), string(other.App))
	}
	if (r.Scope == "") != (other.Scope == "") {
		return compare(string(r.Scope), string(other.Scope))
	}
	return r.Risk - other.Risk
}

// Rules are all that was said. Without a rule the person decides.
type Rules []Rule

// Decider returns who decides whether app may have s: what the closest rule says.
func (rs Rules) Decider(app AppID, s Scope) Decider {
	closest := Rule{Who: DecidesPerson, Risk: -1}
	for _, r := range rs {
		if r.about(app, s) && r.compare(closest) > 0 {
			closest = r
		}
	}
	return closest.Who
}

// PetitionState is what became of a petition.
type PetitionState string

// The states. The zero PetitionState is that of what nobody asked for.
const (
	PetitionWaits    PetitionState = "waiting"
	PetitionApproved PetitionState = "approved"
	PetitionRefused  PetitionState = "refused"
)

// How long a petition counts: until somebody answers it, and from the answer on. A
// yes that ended takes nothing away from what was agreed to under it.
const (
	PetitionLife = 30 * 24 * time.Hour
	ApprovalLife = 365 * 24 * time.Hour
	RefusalLife  = 90 * 24 * time.Hour
)

// MostPetitions is how many petitions of one person may wait.
const MostPetitions = 50

// Petition is what one person asked an administrator for, before they could allow
// it to one app.
type Petition struct {
	ID        PetitionID
	User      UserID
	App       AppID
	AppDigest string // of the app when it was asked for; another app is not approved by it
	Scopes    []ScopeName
	State     PetitionState
	Why       string // the person's reason
	Answer    string // the administrator's
	Asked     time.Time
	Answered  time.Time // zero while it waits
	Until     time.Time // it counts for nothing from then on
}

// Live reports whether the petition counts at now.
func (p Petition) Live(now time.Time) bool { return now.Before(p.Until) }

// speaks reports whether the petition is about s. A yes is also one to what comes
// along with it.
func (p Petition) speaks(v Vocabulary, s Scope) bool {
	return slices.ContainsFunc(p.Scopes, func(name ScopeName) bool {
		return name == s.Name || p.State == PetitionApproved && v.Covers(name, s.Name)
	})
}

// Beyond returns p without the scopes that one of have speaks of already: nobody is
// asked twice at once.
func (p Petition) Beyond(have []Petition, now time.Time) Petition {
	p.Scopes = slices.DeleteFunc(slices.Clone(p.Scopes), func(name ScopeName) bool {
		return slices.ContainsFunc(have, func(h Petition) bool {
			return h.User == p.User && h.App == p.App && h.AppDigest == p.AppDigest && h.Live(now) && slices.Contains(h.Scopes, name)
		})
	})
	return p
}

// Unapproved lists which of the items an administrator has to approve first and has
// not.
func Unapproved(req Request, items []Item, now time.Time) []ScopeName {
	w := world{req: req, now: now}
	var out []ScopeName
	for _, it := range items {
		if s := req.Vocabulary[it.Scope]; w.administered(s) && w.petitioned(s) != PetitionApproved {
			out = append(out, it.Scope)
		}
	}
	return out
}

// administered reports whether an administrator decides about s, or about anything
// that would come along with it.
func (w world) administered(s Scope) bool {
	if len(w.req.Rules) == 0 {
		return false
	}
	if w.req.Rules.Decider(w.req.App, s) == DecidesAdmin {
		return true
	}
	for name := range w.req.Vocabulary.Closure(s.Name) {
		if part, known := w.req.Vocabulary[name]; known && w.req.Rules.Decider(w.req.App, part) == DecidesAdmin {
			return true
		}
	}
	return false
}

// petitioned is what became of asking for s: a yes counts before a petition that
// waits, and that before a no.
func (w world) petitioned(s Scope) PetitionState {
	order := []PetitionState{"", PetitionRefused, PetitionWaits, PetitionApproved}
	best := 0
	for _, p := range w.req.Petitions {
		if p.User == w.req.User && p.App == w.req.App && p.Live(w.now) && p.speaks(w.req.Vocabulary, s) {
			best = max(best, slices.Index(order, p.State))
		}
	}
	return order[best]
}

// admit keeps a row back that an administrator has not approved. What was agreed
// before needs nobody: a stricter rule takes nothing away.
func (w world) admit(r *Row) {
	if r.Reason == AgreedBefore || !w.administered(r.Scope) {
		return
	}
	if r.Admin = w.petitioned(r.Scope); r.Admin != PetitionApproved {
		r.Status, r.Lacks = NeedsAdmin, nil
	}
}

// petitions are the steps that only an administrator can take. One that was asked
// for can wait: the person has done what they can.
func petitions(p Plan) []Step {
	var steps []Step
	for _, s := range []struct {
		state  PetitionState
		reason Reason
	}{{"", AdminDecides}, {PetitionWaits, AdminAsked}, {PetitionRefused, AdminRefused}} {
		step := Step{Kind: AskAdmin, Reason: s.reason, Optional: true}
		for _, r := range p.Rows {
			if r.Status == NeedsAdmin && r.Admin == s.state {
				step.Scopes = append(step.Scopes, r.Scope.Name)
				step.Optional = step.Optional && (!r.On || s.state != "")
			}
		}
		if len(step.Scopes) > 0 {
			steps = append(steps, step)
		}
	}
	return steps
}
