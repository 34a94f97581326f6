package consent_test

import (
	"slices"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
)

func TestWhatWaitsForReview(t *testing.T) {
	asked := []consent.Scope{
		{Name: "read", Access: consent.Read}, {Name: "write", Access: consent.Write}, {Name: "delete", Access: consent.Destructive}, {Name: "odd", Access: "unheard of"},
		{Name: consent.OfflineAccess, Access: consent.Read, Modifier: true}, {Name: consent.Background, Access: consent.Read, Modifier: true},
		{Name: consent.Recurring, Access: consent.Read, Modifier: true},
		{Name: consent.UnattendedWrites, Access: consent.Write, Modifier: true},
	}
	for rule, want := range map[consent.Review][]consent.ScopeName{
		consent.ReviewNothing: nil,
		consent.ReviewAbsent:  {consent.Background, consent.Recurring, consent.UnattendedWrites},
		"":                    {consent.Background, consent.Recurring, consent.UnattendedWrites},
		"unheard of":          {consent.Background, consent.Recurring, consent.UnattendedWrites},
		consent.ReviewChanges: {"write", "delete", "odd", consent.Background, consent.Recurring, consent.UnattendedWrites},
	} {
		offered, waiting := rule.Offer(asked)
		var names []consent.ScopeName
		for _, s := range waiting {
			names = append(names, s.Name)
		}
		if !slices.Equal(names, want) || len(offered)+len(waiting) != len(asked) {
			t.Errorf("%q: %v wait and %d are offered, want %v", rule, names, len(offered), want)
		}
	}
	for people, full := range map[int]bool{0: false, 99: false, 100: true, 1000: true} {
		if consent.ReviewAbsent.Full(people) != full || consent.ReviewNothing.Full(people) {
			t.Errorf("%d people", people)
		}
	}
}
