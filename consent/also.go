package consent

import (
	"slices"
	"time"
)

// MostAlso is how many other apps a row names. It says when there are more.
const MostAlso = 10

// place is one scope on one account, "" for none.
type place struct {
	scope ScopeName
	on    ConnectionID
}

// others are a person's other apps, by what they hold: the first few by their ids,
// so that neither the order nor the number of the grants matters.
type others map[place]crowd

type crowd struct {
	apps []AppID // sorted, MostAlso at most
	more bool
}

// add notes the live items of another app.
func (o others) add(g *Grant, now time.Time) {
	for i := range g.Items {
		if it := &g.Items[i]; it.Live(now) {
			at := place{it.Scope, it.Connection}
			o[at] = o[at].join(g.App)
		}
	}
}

func (c crowd) join(app AppID) crowd {
	i, there := slices.BinarySearch(c.apps, app)
	if there {
		return c
	}
	if c.more = c.more || len(c.apps) == MostAlso; i == MostAlso {
		return c
	}
	c.apps = slices.Insert(c.apps, i, app)
	c.apps = c.apps[:min(len(c.apps), MostAlso)]
	return c
}

// alsoFor says in the row which other apps may do the same on its account.
func (w world) alsoFor(r *Row) {
	var all crowd
	for name := range w.req.Vocabulary {
		found := w.others[place{name, r.Connection.ID}]
		if len(found.apps) == 0 || !w.req.Vocabulary.Covers(name, r.Scope.Name) {
			continue
		}
		for _, app := range found.apps {
			all = all.join(app)
		}
		all.more = all.more || found.more
	}
	r.AlsoFor, r.AlsoMore = all.apps, all.more
}
