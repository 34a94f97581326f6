package consent

import "slices"

// steps lists what is left to do, in the order a person does it: what somebody else
// has to approve first, so that nothing is done in vain, then accounts, then
// resources, then the yes.
func (w world) steps(p Plan) []Step {
	steps := petitions(p)
	for _, kind := range []Kind{Connect, Reconnect, Widen, Pick} {
		for _, r := range p.Rows {
			steps = addRow(steps, kind, r)
		}
	}
	steps = append(steps, renewals(p)...)
	if yes, needed := w.answer(p); needed {
		steps = append(steps, yes)
	}
	return steps
}

// renewals is the offer to make what ends soon last longer. It opens no page of its
// own: an app that wants it to asks for the page (prompt=consent).
func renewals(p Plan) []Step {
	s := Step{Kind: Approve, Reason: EndsSoon, Optional: true}
	for _, r := range p.Rows {
		if r.Reason == EndsSoon {
			s.Scopes = append(s.Scopes, r.Scope.Name)
		}
	}
	if len(s.Scopes) == 0 {
		return nil
	}
	return []Step{s}
}

// addRow adds the row's step of the given kind, or joins it to an equal one.
func addRow(steps []Step, kind Kind, r Row) []Step {
	var s Step
	switch {
	case kind == Connect && r.Status == NeedsConnect:
		s = Step{Provider: r.Scope.Provider, Reason: NotConnected}
	case kind == Reconnect && r.Status == NeedsReconnect:
		s = Step{Provider: r.Scope.Provider, Connection: r.Connection.ID, Reason: ConnectionDead}
	case kind == Widen && r.Status == NeedsWiden:
		s = Step{Provider: r.Scope.Provider, Connection: r.Connection.ID, Reason: LacksPermission}
	case kind == Pick && r.Status == NeedsPick:
		s = Step{Provider: r.Scope.Provider, Connection: r.Connection.ID, Resource: pickType(r.Scope), Reason: NothingPicked}
	default:
		return steps
	}
	s.Kind, s.Scopes, s.Optional = kind, []ScopeName{r.Scope.Name}, !r.On
	s.Lacks = slices.Clone(r.Lacks)
	for i, have := range steps {
		if have.Kind == s.Kind && have.Provider == s.Provider && have.Connection == s.Connection && have.Resource == s.Resource {
			steps[i].Scopes = append(have.Scopes, r.Scope.Name)
			steps[i].Optional = have.Optional && s.Optional
			for _, l := range s.Lacks {
				if !slices.Contains(steps[i].Lacks, l) {
					steps[i].Lacks = append(steps[i].Lacks, l)
				}
			}
			return steps
		}
	}
	return append(steps, s)
}

// pickType is the type the picker offers: the narrowest, which the catalogue
// lists last.
func pickType(s Scope) ResourceType {
	if len(s.Resources) == 0 {
		return ""
	}
	return s.Resources[len(s.Resources)-1]
}

// answer is the yes that is still missing. A scope refused before, or one that an
// administrator was asked for, opens the page only when the app would otherwise get
// nothing, or wants the page.
func (w world) answer(p Plan) (Step, bool) {
	yes := Step{Kind: Approve}
	var again []ScopeName
	more := false // named, but no account has it: the person is asked all the same
	got := false
	for _, r := range p.Rows {
		got = got || r.Held() && !r.Along
		switch {
		case r.Reason == EndsSoon:
		case r.Reason == AgreedBefore:
			more = more || len(r.Named) > 0 && !r.Along
		case r.Reason == RefusedBefore && !r.On, r.Status == NeedsAdmin && r.Admin != "":
			again = append(again, r.Scope.Name)
		default:
			yes.Scopes = append(yes.Scopes, r.Scope.Name)
			if yes.Reason == "" {
				yes.Reason = r.Reason
			}
		}
	}
	switch {
	case len(yes.Scopes) > 0:
		return yes, true
	case !got && len(again) > 0:
		return Step{Kind: Approve, Scopes: again, Reason: NothingToGrant}, true
	case w.changed(p):
		return Step{Kind: Confirm, Scopes: p.Token, Reason: AppChanged}, true
	case w.req.Ask || more:
		return Step{Kind: Confirm, Scopes: p.Token, Reason: AppAsks}, true
	case !w.req.Proven:
		return Step{Kind: Confirm, Scopes: p.Token, Reason: AppUnproven}, true
	}
	return Step{}, false
}

// changed reports whether an old yes is no longer one to this app: it is answered
// elsewhere or proves itself with other keys, or people know it as another.
func (w world) changed(p Plan) bool {
	return w.grant.ID != "" && (w.grant.AppDigest != w.req.Digest || slices.ContainsFunc(p.Changes, Change.Speaks))
}
