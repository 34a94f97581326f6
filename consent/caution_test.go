package consent_test

import (
	"testing"

	"github.com/deputy-oauth/deputy/consent"
)

func TestWhoIsWarnedOfAnApp(t *testing.T) {
	stranger, known := consent.Plan{}, consent.Plan{Grant: "grant"}
	changed := func(what consent.ChangeKind) consent.Plan {
		return consent.Plan{Grant: "grant", Changes: []consent.Change{{What: what, Was: "a", Is: "b"}}}
	}
	const few, many = consent.FewPeople - 1, consent.FewPeople
	for _, row := range []struct {
		about  string
		rule   consent.Warning
		check  consent.Check
		people int
		plan   consent.Plan
		want   consent.Caution
	}{
		{"a new app", consent.WarnUnverified, consent.CheckedNothing, few, stranger, consent.CautionNew},
		{"an app that many use", consent.WarnUnverified, consent.CheckedNothing, many, stranger, consent.CautionUnverified},
		{"an app with a website", consent.WarnUnverified, consent.CheckedWebsite, many, stranger, consent.CautionUnverified},
		{"an app that an operator answers for", consent.WarnUnverified, consent.CheckedOperator, 0, stranger, consent.NoCaution},
		{"the same after it changed", consent.WarnUnverified, consent.CheckedOperator, 0, changed(consent.ChangedName), consent.NoCaution},
		{"an app the person allowed", consent.WarnUnverified, consent.CheckedNothing, 1, known, consent.NoCaution},
		{"by another name", consent.WarnUnverified, consent.CheckedWebsite, many, changed(consent.ChangedName), consent.CautionChanged},
		{"with another website", consent.WarnUnverified, consent.CheckedWebsite, many, changed(consent.ChangedWebsite), consent.CautionChanged},
		{"answered at another host", consent.WarnUnverified, consent.CheckedWebsite, many, changed(consent.ChangedHost), consent.CautionChanged},
		{"of another publisher", consent.WarnUnverified, consent.CheckedWebsite, many, changed(consent.ChangedPublisher), consent.NoCaution},
		{"answered at another address there", consent.WarnUnverified, consent.CheckedWebsite, many, changed(consent.ChangedReturns), consent.NoCaution},
		{"with other keys", consent.WarnUnverified, consent.CheckedWebsite, many, changed(consent.ChangedKeys), consent.NoCaution},
		{"new ones only: a new app", consent.WarnNew, consent.CheckedWebsite, few, stranger, consent.CautionNew},
		{"new ones only: an app that many use", consent.WarnNew, consent.CheckedNothing, many, stranger, consent.NoCaution},
		{"new ones only: by another name", consent.WarnNew, consent.CheckedNothing, many, changed(consent.ChangedName), consent.CautionChanged},
		{"nobody is warned", consent.WarnNone, consent.CheckedNothing, 0, stranger, consent.NoCaution},
		{"nobody is warned, by another name", consent.WarnNone, consent.CheckedNothing, 0, changed(consent.ChangedName), consent.NoCaution},
		{"no rule is the strictest", "", consent.CheckedNothing, many, stranger, consent.CautionUnverified},
		{"a rule that is none is the strictest", "never", consent.CheckedNothing, many, stranger, consent.CautionUnverified},
	} {
		if got := row.rule.Caution(row.check, row.people, row.plan); got != row.want {
			t.Errorf("%s: %q, want %q", row.about, got, row.want)
		}
	}
}
