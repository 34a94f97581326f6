package dashboard

import (
	"cmp"
	"slices"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/templates"
)

// The groups of permissions on a page.
const (
	see    = "see"
	change = "change"
	away   = "away"
)

// scope finds a scope's words. One that the catalogue lost is shown by its name,
// among those that can do harm: nothing an app holds may be out of sight.
func (v visit) scope(name consent.ScopeName) consent.Scope {
	if s, known := v.words[name]; known {
		return s
	}
	return consent.Scope{Name: name, Words: string(name), Access: consent.Destructive}
}

func group(s consent.Scope) string {
	switch {
	case s.Modifier:
		return away
	case s.Access.Rank() > consent.Read.Rank():
		return change
	}
	return see
}

// provider is a provider for people. One that the catalogue lost goes by its id.
func (d *Dashboard) provider(id consent.ProviderID) templates.Provider {
	if id == "" {
		return templates.Provider{}
	}
	p, known := d.cfg.Catalog.Providers[id]
	if !known {
		return templates.Provider{ID: string(id), Name: string(id), Mark: "??"}
	}
	return templates.Provider{ID: string(id), Name: p.Name, Mark: p.Mark}
}

// app is an app for people, linked by the person's grant.
func app(h Held) templates.App {
	logo := ""
	if h.App.Check == consent.CheckedOperator {
		logo = templates.LogoPath(h.App.Face.Logo)
	}
	return templates.App{
		ID: string(h.Grant.ID), Logo: logo, Name: h.App.Name, Claimed: h.App.Claimed, Host: cmp.Or(h.App.Host, h.Host), Publisher: h.App.Publisher,
		Check: templates.Check(h.App.Check),
	}
}

// accounts finds accounts by id.
type accounts map[consent.ConnectionID]Account

func byID(list []Account) accounts {
	found := accounts{}
	for _, a := range list {
		found[a.ID] = a
	}
	return found
}

// state says whether an agreed item works now.
func (a accounts) state(s consent.Scope, it consent.Item) templates.State {
	if s.Provider == "" {
		return templates.StateReady
	}
	c, there := a[it.Connection]
	serves, _ := c.Serves(s)
	switch {
	case !there || c.Health == consent.Disconnected:
		return templates.StateConnect
	case c.Health == consent.NeedsPerson:
		return templates.StateReconnect
	case !serves:
		return templates.StateWiden
	case s.Narrowing != consent.NarrowingNone && it.Limit.Empty():
		return templates.StatePick
	}
	return templates.StateReady
}

// live lists the items that count now, the most harmful first.
func (v visit) live(g consent.Grant) []consent.Item {
	items := slices.DeleteFunc(slices.Clone(g.Items), func(it consent.Item) bool { return !it.Live(v.now) })
	slices.SortStableFunc(items, func(a, b consent.Item) int {
		x, y := v.scope(a.Scope), v.scope(b.Scope)
		return cmp.Or(cmp.Compare(y.Access.Rank(), x.Access.Rank()), cmp.Compare(y.Risk, x.Risk), cmp.Compare(a.Scope, b.Scope))
	})
	return items
}

func has(items []consent.Item, name consent.ScopeName) bool {
	return slices.ContainsFunc(items, func(it consent.Item) bool { return it.Scope == name })
}

func names(l consent.Limit) []string {
	var list []string
	for _, r := range l.Resources {
		list = append(list, cmp.Or(r.Name, r.ID))
	}
	return list
}

// rate is how much an app may do on its own, for people.
func rate(r consent.Rate) templates.Rate {
	return templates.Rate{Daily: r.Daily, Hours: int(r.Every / time.Hour)}
}

// lastUsed is the latest use of any part, also of one that has ended.
func lastUsed(g consent.Grant) time.Time {
	last := g.LastUsed
	for _, it := range g.Items {
		if it.LastUsed.After(last) {
			last = it.LastUsed
		}
	}
	return last
}
