package consent

import "slices"

// Warning is an operator's rule: of which apps people are warned before they read
// what is asked. Nobody is warned of an app that an operator answers for.
type Warning string

// The rules, strictest first. The zero Warning is WarnUnverified.
const (
	WarnUnverified Warning = "unverified" // of every app that nobody here looked at
	WarnNew        Warning = "new"        // of those of them that few people here use
	WarnNone       Warning = "none"
)

// Caution says why a person is warned of an app.
type Caution string

// The reasons.
const (
	NoCaution         Caution = ""
	CautionUnverified Caution = "unverified" // nobody here looked at it
	CautionNew        Caution = "new"        // nor do many use it
	CautionChanged    Caution = "changed"    // the person allowed it, but it may be somebody else's now
)

// Caution says whether, and why, a person is warned of an app before they read what
// it asks: check is what is known about it, people is how many here use it, and p is
// the plan of its request. Whoever has allowed an app anything knows it, unless it
// goes by another name or website since, or its answers can go to another place.
func (w Warning) Caution(check Check, people int, p Plan) Caution {
	switch {
	case w == WarnNone || check == CheckedOperator:
		return NoCaution
	case slices.ContainsFunc(p.Changes, Change.Elsewhere):
		return CautionChanged
	case p.Grant != "":
		return NoCaution
	case people < FewPeople:
		return CautionNew
	case w == WarnNew:
		return NoCaution
	}
	return CautionUnverified
}
