package consent

import (
	"slices"
	"time"
)

// Less is what a person takes out of what they agreed to, without taking all of it.
// Its zero value takes nothing.
type Less struct {
	Drop  []Resource // these are out
	Until time.Time  // it ends by then at the latest; zero leaves the end as it is
}

// Lower returns the item with less of it. It never gives more: a resource that is
// not there and a later end change nothing. An item that is for everything has no
// single resources to drop.
func (i Item) Lower(l Less) Item {
	i.Limit.Resources = slices.DeleteFunc(slices.Clone(i.Limit.Resources), func(r Resource) bool { return slices.ContainsFunc(l.Drop, r.Same) })
	if !l.Until.IsZero() && l.Until.Before(i.Until) {
		i.Until = l.Until
	}
	return i
}
