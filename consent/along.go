package consent

import "slices"

// along are the rows of what comes along: scopes the app did not ask for now, but
// was given before on its own and could use at once. They add no step and nothing
// to agree to: a scope whose account is gone or whose end has come stays behind.
func (w world) along() []Row {
	var rows []Row
	if len(w.req.Asked) == 0 {
		return nil // along with nothing
	}
	for _, s := range w.req.Along {
		asked := slices.ContainsFunc(w.req.Asked, func(a Scope) bool { return a.Name == s.Name })
		given := slices.ContainsFunc(w.grant.Items, func(it Item) bool { return it.Scope == s.Name && it.Live(w.now) })
		if asked || !given {
			continue
		}
		held, ok := w.agreed(s)
		if !ok {
			continue
		}
		if r := w.held(s, held); r.Status == Allowed {
			r.Along = true
			rows = append(rows, r)
		}
	}
	return rows
}
