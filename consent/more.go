package consent

import "slices"

// named lists the resources that the app names for s and may not touch yet, on
// any account.
func (w world) named(s Scope) []Resource {
	standing := w.grant.standing(w.req.Vocabulary, s.Name, w.now)
	return slices.DeleteFunc(w.req.Details.names(s), func(r Resource) bool {
		return slices.ContainsFunc(standing, func(it Item) bool { return it.Limit.Allows(r) })
	})
}

// offered returns those of the named resources that the account has, with their
// names.
func (w world) offered(named []Resource, on ConnectionID) Limit {
	var l Limit
	for _, o := range w.req.Offers {
		if o.Connection == on && slices.ContainsFunc(named, o.Resource.Same) && !l.Allows(o.Resource) {
			l.Resources = append(l.Resources, o.Resource)
		}
	}
	return l
}

// more opens a row that is allowed when the app names further resources that the
// same account has. What stands, stays: the row shows it together with what a yes
// would add, and only the person changes what that is.
func (w world) more(r *Row) {
	if r.Status != Allowed {
		return
	}
	r.Named = w.named(r.Scope)
	add := w.offered(r.Named, r.Connection.ID)
	if add.Empty() {
		return
	}
	if chosen, ok := w.chosen(r.Scope); ok {
		add = chosen
	}
	r.Status, r.Reason, r.Stands = Ready, MoreAsked, r.Limit
	r.On, r.Until = w.ticked(r.Scope), w.until(r.Scope)
	r.Limit = r.Limit.Union(add)
}
