package consent_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

// TestLowerNeverGivesMore, drops what it is told to, and leaves the rest alone.
func TestLowerNeverGivesMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := drawItem(t, w.connections)
		l := consent.Less{Drop: drawLimit(t, repository, channel, folder).Resources}
		if rapid.Bool().Draw(t, "an end") {
			l.Until = noon().Add(rapid.SampledFrom([]time.Duration{-day, day, 10 * day, 300 * day}).Draw(t, "until"))
		}
		after := before.Lower(l)
		if !after.Limit.Within(before.Limit) || after.Until.After(before.Until) {
			t.Fatalf("%+v became %+v", before, after)
		}
		for _, r := range l.Drop {
			if !after.Limit.Everything && after.Limit.Allows(r) {
				t.Fatalf("%v is still in %+v", r, after)
			}
		}
		if !l.Until.IsZero() && after.Until.After(l.Until) {
			t.Fatalf("it ends at %s, not by %s", after.Until, l.Until)
		}
		if diff := cmp.Diff(before, before.Lower(consent.Less{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("nothing taken changed it: %s", diff)
		}
		after.Limit, after.Until = before.Limit, before.Until
		if diff := cmp.Diff(before, after, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("more than limit and end changed: %s", diff)
		}
	})
}
