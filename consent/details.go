package consent

import (
	"slices"
	"time"
)

// All as the id of a Detail means every resource of its type, also what comes
// later. It has to be said: a missing id never means it.
const All = "*"

// Detail is what may be done with one resource, or with all of a type: one object
// of authorization_details (RFC 9396 section 2).
type Detail struct {
	Type    ResourceType
	ID      string      // the provider's own stable id, or All
	Actions []ScopeName // none: whatever of the scopes beside it is limited by Type
}

// Details say which resources an app asks for, or a token may touch: scopes say
// what kind, details say which ones. Nil says nothing; an empty list allows
// nothing.
type Details []Detail

// about reports whether the detail speaks of what s may touch.
func (d Detail) about(s Scope) bool {
	return s.limitedBy(d.Type) && (len(d.Actions) == 0 || slices.Contains(d.Actions, s.Name))
}

func (s Scope) limitedBy(t ResourceType) bool {
	return s.Narrowing != NarrowingNone && slices.Contains(s.Resources, t)
}

// About reports whether the details speak of what s may touch.
func (ds Details) About(s Scope) bool {
	return slices.ContainsFunc(ds, func(d Detail) bool { return d.about(s) })
}

// names lists the single resources that the details name for s.
func (ds Details) names(s Scope) []Resource {
	var l Limit
	for _, d := range ds {
		if d.about(s) && d.ID != All {
			l = l.Union(Limit{Resources: []Resource{{Type: d.Type, ID: d.ID}}})
		}
	}
	return l.Resources
}

func (ds Details) allow(s Scope, t ResourceType, id string) bool {
	return slices.ContainsFunc(ds, func(d Detail) bool { return d.about(s) && d.Type == t && (d.ID == All || d.ID == id) })
}

// Narrow returns the part of l that the details allow s. What they do not speak
// of they do not allow.
func (ds Details) Narrow(s Scope, l Limit) Limit {
	if !l.Everything {
		var out Limit
		for _, r := range l.Resources {
			if ds.allow(s, r.Type, r.ID) {
				out.Resources = append(out.Resources, r)
			}
		}
		return out
	}
	for _, t := range s.Resources {
		if !ds.allow(s, t, All) {
			return Limit{Resources: ds.names(s)}
		}
	}
	return l
}

// Touchable lists what a token with these scopes may touch now: what stands in
// the grant and, unless those are nil, is within the token's own details. It is
// derived and never stored, so that it ends with what it came from.
func Touchable(v Vocabulary, scopes []ScopeName, own Details, g Grant, now time.Time) Details {
	list := newList()
	for _, name := range scopes {
		s := v[name]
		if s.Narrowing == NarrowingNone {
			continue
		}
		for _, it := range g.standing(v, name, now) {
			if own != nil {
				it.Limit = own.Narrow(s, it.Limit)
			}
			list.add(s, it.Limit)
		}
	}
	return list.sorted()
}

// Part returns the part of the granted details that a later request asks for (RFC
// 9396 section 6.1), with every action named, and what it asks beyond them. A
// detail without actions asks for whatever was granted there.
func (ds Details) Part(asked Details) (part, beyond Details) {
	for _, want := range asked {
		var may []ScopeName
		for _, have := range ds {
			if have.Type == want.Type && (have.ID == All || have.ID == want.ID) {
				may = append(may, have.Actions...)
			}
		}
		if len(want.Actions) == 0 {
			slices.Sort(may)
			want.Actions = slices.Compact(may)
		}
		outside := slices.ContainsFunc(want.Actions, func(a ScopeName) bool { return !slices.Contains(may, a) })
		if outside || len(want.Actions) == 0 {
			beyond = append(beyond, want)
			continue
		}
		part = append(part, want)
	}
	return part, beyond
}

// Handed returns what the details of a token with the scopes have mean for a lesser
// one, whose scopes they may only imply. It is never nil.
func (ds Details) Handed(v Vocabulary, have, lesser []ScopeName) Details {
	list := newList()
	for _, name := range lesser {
		for _, h := range have {
			for _, d := range ds {
				if v.Covers(h, name) && d.about(v[h]) && v[name].limitedBy(d.Type) {
					list.addOne(name, Resource{Type: d.Type, ID: d.ID})
				}
			}
		}
	}
	return list.sorted()
}

// Settled returns what tokens of the answered request may touch at most, nil when
// the app named nothing. That is what the app named, and what the person picked
// beside it or instead. Scopes it named nothing for keep what the grant gives.
func (p Plan) Settled(asked Details) Details {
	if asked == nil {
		return nil
	}
	list := newList()
	for _, r := range p.Rows {
		s := r.Scope
		switch {
		case s.Narrowing == NarrowingNone:
		case !asked.About(s):
			list.add(s, Limit{Everything: true})
		case r.Reason == EndsSoon: // nothing new is in it
		case r.Status == Ready && r.On && r.Limit.Everything:
			list.add(s, r.Limit)
		case r.Status == Ready && r.On:
			for _, res := range r.Limit.Resources {
				if !r.Stands.Allows(res) && !asked.allow(s, res.Type, res.ID) {
					list.add(s, Limit{Resources: []Resource{res}})
				}
			}
		}
	}
	return append(slices.Clone(asked), list.sorted()...)
}

// list collects details: one for each resource, with all its actions.
type list struct {
	details Details
	at      map[Resource]int
}

func newList() *list { return &list{Details{}, map[Resource]int{}} }

// add notes that s may touch what is inside l.
func (l *list) add(s Scope, limit Limit) {
	for _, r := range limit.Resources {
		l.addOne(s.Name, Resource{Type: r.Type, ID: r.ID})
	}
	if limit.Everything {
		for _, t := range s.Resources {
			l.addOne(s.Name, Resource{Type: t, ID: All})
		}
	}
}

func (l *list) addOne(action ScopeName, r Resource) {
	i, ok := l.at[r]
	if !ok {
		l.at[r] = len(l.details)
		l.details = append(l.details, Detail{Type: r.Type, ID: r.ID, Actions: []ScopeName{action}})
		return
	}
	if d := &l.details[i]; !slices.Contains(d.Actions, action) {
		d.Actions = append(d.Actions, action)
	}
}

// sorted returns the details by type and id, so that the order they came in does
// not show.
func (l *list) sorted() Details {
	slices.SortFunc(l.details, func(a, b Detail) int {
		if c := compare(string(a.Type), string(b.Type)); c != 0 {
			return c
		}
		return compare(a.ID, b.ID)
	})
	return l.details
}
