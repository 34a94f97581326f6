package consent_test

import (
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

func TestLevelsAreOrdered(t *testing.T) {
	const unknown consent.Level = "urn:deputy:acr:hearsay"
	order := []consent.Level{consent.LevelPassword, consent.LevelTwoStep, consent.LevelPasskey}
	for i, have := range order {
		for j, want := range order {
			if have.Meets(want) != (i >= j) {
				t.Errorf("%s meets %s: %v", have, want, have.Meets(want))
			}
		}
		if !have.Meets("") || have.Meets(unknown) || unknown.Meets(have) || consent.Level("").Meets(have) {
			t.Errorf("%s against nothing and against what is unknown", have)
		}
	}
	if unknown.Meets("") || unknown.Meets(unknown) || consent.Level("").Meets("") {
		t.Error("what is unknown counts as a sign-in")
	}
}

func TestLacks(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name       string
		have, want consent.Level
		minutes    int
		lack       consent.Lack
	}{
		{"sure, just now", consent.LevelPasskey, consent.LevelTwoStep, 0, consent.LacksNothing},
		{"sure, ten minutes ago", consent.LevelTwoStep, consent.LevelTwoStep, 10, consent.LacksNothing},
		{"sure, eleven minutes ago", consent.LevelTwoStep, consent.LevelTwoStep, 11, consent.LacksTime},
		{"not sure, just now", consent.LevelPassword, consent.LevelTwoStep, 0, consent.LacksLevel},
		{"not sure, long ago", consent.LevelPassword, consent.LevelPasskey, 60, consent.LacksLevel},
		{"no sign-in", "", consent.LevelPassword, 0, consent.LacksLevel},
	} {
		if got := c.have.Lacks(c.want, noon.Add(-time.Duration(c.minutes)*time.Minute), noon); got != c.lack {
			t.Errorf("%s lacks %q, want %q", c.name, got, c.lack)
		}
	}
}
