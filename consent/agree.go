package consent

import (
	"slices"
	"time"
)

// Agree returns g with the person's yes to items and no to refused. A yes only
// adds: an item that stands keeps its limit and its end when those are wider, so
// that a later, smaller request never shrinks what an app has. Its rate is no part
// of a request, but what the person said last.
func Agree(g Grant, items []Item, refused []ScopeName, now time.Time) Grant {
	out := g
	out.Items = slices.Clone(g.Items)
	out.Refused = slices.Clone(g.Refused)
	if len(items) > 0 {
		out.Updated = now
	}
	for _, it := range items {
		out.Items = agreeOne(out.Items, it, now)
		out.Refused = slices.DeleteFunc(out.Refused, func(r Refusal) bool { return r.Scope == it.Scope })
	}
	for _, name := range refused {
		out.Refused = slices.DeleteFunc(out.Refused, func(r Refusal) bool { return r.Scope == name })
		out.Refused = append(out.Refused, Refusal{Scope: name, At: now})
	}
	return out
}

func agreeOne(have []Item, it Item, now time.Time) []Item {
	for i, old := range have {
		if old.Scope != it.Scope || old.Connection != it.Connection {
			continue
		}
		if !old.Live(now) {
			it.LastUsed = old.LastUsed
			have[i] = it
			return have
		}
		have[i].Limit, have[i].Rate = old.Limit.Union(it.Limit), it.Rate
		if it.Until.After(old.Until) {
			have[i].Until, have[i].Since = it.Until, it.Since
		}
		return have
	}
	return append(have, it)
}

// Refuses lists the scopes a person says no to by answering the plan: the open
// ones that a yes would not give, or all open ones when the answer is no. A no to
// more resources or to more time is none to the scope that stands. Where an
// administrator has to approve first, who asked for that did not say no, and who
// did not ask did.
func (p Plan) Refuses(yes bool) []ScopeName {
	var no []ScopeName
	for _, r := range p.Rows {
		asked := r.Status == NeedsAdmin && r.Admin != ""
		given := yes && r.On && r.Status != NeedsAdmin
		if r.Reason == AgreedBefore || r.Held() || asked || given {
			continue
		}
		no = append(no, r.Scope.Name)
	}
	return no
}
