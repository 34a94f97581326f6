package consent

import "time"

// Soonest is the longest time before its end at which an item is renewed.
const Soonest = 7 * 24 * time.Hour

// EndsSoon reports whether the item is near its end: in its last week, and when it
// was agreed to for less than four of them, in the last quarter of its time.
func (i Item) EndsSoon(now time.Time) bool {
	left := i.Until.Sub(now)
	return left > 0 && left <= min(Soonest, i.Until.Sub(i.Since)/4)
}

// renew opens a row that is allowed but ends soon, when a yes would make it last
// longer. It gives nothing else, and what stands goes on to its end whatever the
// answer is.
func (w world) renew(r *Row, held Item) {
	until := w.until(r.Scope)
	if r.Status != Allowed || !held.EndsSoon(w.now) || !until.After(held.Until) {
		return
	}
	if w.administered(r.Scope) && w.petitioned(r.Scope) != PetitionApproved {
		return // it is asked for anew when it has ended
	}
	if r.Scope.Narrowing == NarrowingRequired && r.Limit.Everything {
		return // agreed to when the catalogue still let people choose it
	}
	r.Status, r.Reason, r.Stands, r.Ends = Ready, EndsSoon, r.Limit, held.Until
	r.On, r.Until = w.ticked(r.Scope), until
}

// Held reports whether the app has the row's scope and can use it now, whatever
// the answer is.
func (r Row) Held() bool {
	return r.Status == Allowed || r.Reason == MoreAsked || r.Reason == EndsSoon
}
