package consent

import (
	"slices"
	"time"
)

// Decide compares what an app asks for with what is connected and what was
// agreed, and returns what is still missing. It is the only place that decides
// this. connections and grants may be in any order and may belong to anybody:
// those of other people count for nothing, those of other apps are only
// mentioned.
func Decide(req Request, connections []Connection, grants []Grant, now time.Time) Plan {
	w := newWorld(req, connections, grants, now)
	p := Plan{Grant: w.grant.ID, Changes: Changes(w.grant.Face, req.Face)}
	for _, s := range req.Asked {
		p.Rows = append(p.Rows, w.row(s))
	}
	p.Rows = append(p.Rows, w.along()...)
	for _, r := range p.Rows {
		if r.Held() {
			p.Token = append(p.Token, r.Scope.Name)
		}
		if r.Status == Ready && r.On {
			p.Grantable = append(p.Grantable, Item{
				Scope: r.Scope.Name, Connection: r.Connection.ID, Limit: r.Limit, Until: r.Until, Since: now, Rate: r.Rate,
			})
		}
	}
	if p.Lacking = w.lacking(p); len(p.Lacking) > 0 {
		p.Grantable = nil
	}
	p.Steps = w.steps(p)
	return p
}

// world is what one decision is made from: only this person's things, sorted, so
// that the order of the input cannot matter.
type world struct {
	req         Request
	now         time.Time
	connections []Connection
	grant       Grant  // of this app; zero when there is none
	others      others // the person's other apps
}

func newWorld(req Request, connections []Connection, grants []Grant, now time.Time) world {
	w := world{req: req, now: now, others: others{}}
	for _, c := range connections {
		if c.User == req.User && c.Health != Disconnected {
			w.connections = append(w.connections, c)
		}
	}
	slices.SortFunc(w.connections, func(a, b Connection) int {
		return compare(string(a.ID), string(b.ID))
	})
	for i := range grants {
		switch g := &grants[i]; {
		case g.User != req.User || g.Revoked:
		case g.App == req.App:
			w.grant = *g
		default:
			w.others.add(g, now)
		}
	}
	return w
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (w world) row(s Scope) Row {
	if held, ok := w.agreed(s); ok {
		r := w.held(s, held)
		w.renew(&r, held)
		w.admit(&r)
		return r
	}
	r := Row{
		Scope: s, Reason: NeverAgreed, Until: w.until(s), Rate: w.rate(s), EndedAt: w.ended(s.Name), Required: w.required(s), With: w.with(s),
	}
	if !r.EndedAt.IsZero() {
		r.Reason = Expired
	}
	if r.RefusedAt = w.refused(s.Name); !r.RefusedAt.IsZero() {
		r.Reason = RefusedBefore
	}
	r.On = w.ticked(s)
	r.Status = Ready
	r.Named = w.named(s)
	if s.Provider != "" {
		w.attach(&r, w.choose(s))
	}
	if s.Provider == "" || r.Connection.ID != "" {
		w.alsoFor(&r)
	}
	w.admit(&r)
	return r
}

// held is the row of a scope that an item stands for.
func (w world) held(s Scope, held Item) Row {
	r := Row{Scope: s, Status: Allowed, Reason: AgreedBefore, On: true, Limit: held.Limit, Until: held.Until, Rate: w.rate(s)}
	if s.Provider != "" {
		w.attach(&r, held.Connection)
		w.more(&r)
	}
	return r
}

// agreed returns the item that stands for s, on the account that serves it best.
// An item whose account is gone, or whose last resource was taken away, gives
// nothing: another account needs its own yes, and so do other resources. Only
// while there is no account at all it still counts, because connecting the same
// one again is then enough.
func (w world) agreed(s Scope) (Item, bool) {
	if s.Provider == "" {
		return w.grant.Holds(w.req.Vocabulary, s.Name, "", w.now)
	}
	var best Item
	fewest := -1
	for _, it := range w.grant.standing(w.req.Vocabulary, s.Name, w.now) {
		c, there := w.account(s, it.Connection)
		if !there || (s.Narrowing != NarrowingNone && it.Limit.Empty()) {
			continue
		}
		if n := trouble(c, s); fewest < 0 || n < fewest {
			best, fewest = it, n
		}
	}
	if fewest < 0 && w.choose(s) == "" {
		return w.grant.Holds(w.req.Vocabulary, s.Name, "", w.now)
	}
	return best, fewest >= 0
}

// attach ties the row to a connection and lowers its status to what that
// connection still lacks. An agreed scope on a dead connection needs the person
// again, but no new yes.
func (w world) attach(r *Row, id ConnectionID) {
	c, there := w.account(r.Scope, id)
	if !there {
		r.Status = NeedsConnect
		return
	}
	r.Connection = c
	if r.Status == Ready && r.Scope.Narrowing != NarrowingNone {
		r.Limit = w.picked(r.Scope, id)
	}
	serves, lacks := r.Connection.Serves(r.Scope)
	switch {
	case r.Connection.Health != Healthy:
		r.Status = NeedsReconnect
	case !serves:
		r.Status, r.Lacks = NeedsWiden, lacks
	case r.Scope.Narrowing != NarrowingNone && r.Limit.Empty():
		r.Status = NeedsPick
	}
}

// choose picks the connection for a scope that is not agreed yet: the chosen
// one, else the one the app already uses, else the one that lacks least.
func (w world) choose(s Scope) ConnectionID {
	if c, ok := w.account(s, w.req.Choices.Account[s.Provider]); ok {
		return c.ID
	}
	for _, it := range w.grant.Items {
		if c, ok := w.account(s, it.Connection); ok && it.Live(w.now) {
			return c.ID
		}
	}
	var best ConnectionID
	fewest := -1
	for _, c := range w.connections {
		if _, ok := w.account(s, c.ID); !ok {
			continue
		}
		if n := trouble(c, s); fewest < 0 || n < fewest {
			best, fewest = c.ID, n
		}
	}
	return best
}

// trouble counts what the person would have to do before c serves s: signing in
// again is worse than any number of lacking permissions.
func trouble(c Connection, s Scope) int {
	_, lacks := c.Serves(s)
	if c.Health != Healthy {
		return 1000 + len(lacks)
	}
	return len(lacks)
}

// account returns the person's connection of that id if it could ever serve the
// scope.
func (w world) account(s Scope, id ConnectionID) (Connection, bool) {
	for _, c := range w.connections {
		if c.ID == id && c.Provider == s.Provider {
			_, known := s.Needs[c.Variant]
			return c, known
		}
	}
	return Connection{}, false
}

// chosen returns what the person picked for the scope's resource types.
func (w world) chosen(s Scope) (l Limit, chosen bool) {
	for _, t := range s.Resources {
		if pick, ok := w.req.Choices.Picked[t]; ok {
			chosen = true
			if s.Narrowing == NarrowingRequired {
				// Two scopes may share a type, and "everything" was said to the other.
				pick.Everything = false
			}
			l = l.Union(pick)
		}
	}
	return l, chosen
}

// picked returns what the person picked, else what the app names of what the
// account has. When it names nothing, it is what the app already has on the same
// connection for the same types.
func (w world) picked(s Scope, on ConnectionID) Limit {
	l, chosen := w.chosen(s)
	switch {
	case chosen:
		return l
	case w.req.Details.About(s):
		return w.offered(w.req.Details.names(s), on)
	}
	for _, it := range w.grant.Items {
		if it.Connection != on || !it.Live(w.now) {
			continue
		}
		for _, r := range it.Limit.Resources {
			if slices.Contains(s.Resources, r.Type) && !l.Allows(r) {
				l.Resources = append(l.Resources, r)
			}
		}
	}
	return l
}

// ticked: the person's hand decides; untouched reads are on, writes, modifiers
// and what was refused before are off.
func (w world) ticked(s Scope) bool {
	if on, touched := w.req.Choices.Ticked[s.Name]; touched {
		return on
	}
	return s.Access == Read && !s.Modifier && w.refused(s.Name).IsZero()
}

// refused is when the person said no to the scope, zero when they did not.
func (w world) refused(name ScopeName) time.Time {
	for _, no := range w.grant.Refused {
		if no.Scope == name {
			return no.At
		}
	}
	return time.Time{}
}

func (w world) until(s Scope) time.Time {
	life := DefaultLifetime(s)
	if days := w.req.Choices.Days[s.Name]; days > 0 {
		life = time.Duration(days) * 24 * time.Hour
		if s.MaxLifetime > 0 && life > s.MaxLifetime {
			life = s.MaxLifetime
		}
	}
	return w.now.Add(life)
}

// rate is what the person chose for the scope, else what they chose the last time,
// whether that has ended or not.
func (w world) rate(s Scope) Rate {
	var r Rate
	for _, it := range w.grant.Items {
		if it.Scope == s.Name {
			r = it.Rate
		}
	}
	if chosen, ok := w.req.Choices.Rates[s.Name]; ok {
		r = chosen
	}
	return s.Bounded(r)
}

// ended is when the last yes to the scope ended, zero when none has.
func (w world) ended(name ScopeName) time.Time {
	var last time.Time
	for _, it := range w.grant.Items {
		if it.Scope == name && !it.Live(w.now) && it.Until.After(last) {
			last = it.Until
		}
	}
	return last
}
