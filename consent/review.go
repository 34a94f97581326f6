package consent

// Review is an operator's rule for apps that registered themselves or are known
// by a document of their own: what people may not allow them before the operator
// has looked at them. A believable name costs a stranger nothing; what it can do
// with a yes that somebody was talked into is bounded by this rule.
type Review string

// The rules, mildest first. The zero Review is ReviewAbsent.
const (
	ReviewNothing Review = "nothing" // people decide alone
	ReviewAbsent  Review = "absent"  // what an app does without the person: background work, changes nobody says yes to
	ReviewChanges Review = "changes" // that, and whatever is not reading
)

// MostUnreviewed is how many people may allow an app that waits for review.
const MostUnreviewed = 100

// Offer splits what an unreviewed app asks for into what people may allow it and
// what waits for the operator. Both keep the app's order.
func (r Review) Offer(asked []Scope) (offered, waiting []Scope) {
	for _, s := range asked {
		if r.waits(s) {
			waiting = append(waiting, s)
			continue
		}
		offered = append(offered, s)
	}
	return offered, waiting
}

func (r Review) waits(s Scope) bool {
	switch r {
	case ReviewNothing:
		return false
	case ReviewChanges:
		return absent(s) || s.Access != Read
	}
	return absent(s)
}

// absent reports whether s lets an app act where no person looks on.
func absent(s Scope) bool {
	return s.Name == Background || s.Name == Recurring || s.Name == UnattendedWrites
}

// Full reports whether an unreviewed app that so many people have allowed takes
// no more of them.
func (r Review) Full(people int) bool { return r != ReviewNothing && people >= MostUnreviewed }
