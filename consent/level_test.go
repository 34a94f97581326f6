package consent_test

import (
	"testing"

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
