package consent

import "slices"

// required reports whether the app says that it cannot work without s. What it may
// do without the person is a trust of its own, which nothing else hangs on.
func (w world) required(s Scope) bool {
	return !s.Modifier && slices.Contains(w.req.Required, s.Name)
}

// lacking lists the required scopes that a yes to the plan would not give. An app
// that cannot work without something is given nothing without it: the person adds
// it, or says no.
func (w world) lacking(p Plan) []ScopeName {
	var out []ScopeName
	for _, r := range p.Rows {
		given := r.Held() || slices.ContainsFunc(p.Grantable, func(it Item) bool {
			usable := r.Scope.Narrowing == NarrowingNone || !it.Limit.Empty()
			return usable && it.Connection == r.Connection.ID && w.req.Vocabulary.Covers(it.Scope, r.Scope.Name)
		})
		if r.Required && !given {
			out = append(out, r.Scope.Name)
		}
	}
	return out
}

// with lists the other asked scopes that bring s along: unticking s alone takes
// nothing away while one of them is given.
func (w world) with(s Scope) []ScopeName {
	var out []ScopeName
	for _, other := range w.req.Asked {
		if other.Name != s.Name && w.req.Vocabulary.Covers(other.Name, s.Name) {
			out = append(out, other.Name)
		}
	}
	return out
}
