package identity

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNetworksAreCountedByWhatOnePersonCanChoose(t *testing.T) {
	same := func(a, b string) bool {
		return cmp.Equal(subjects(networkLimits(a)), subjects(networkLimits(b)))
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:ffff", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"fe80::1%eth0", "fe80::1%eth1", true},
		{"no address", "", true},
	} {
		if same(c.a, c.b) != c.want {
			t.Errorf("%q and %q are the same network: %v", c.a, c.b, !c.want)
		}
	}
	if a, b := subjects(networkLimits("2001:db8:0:1::1")), subjects(networkLimits("2001:db8:0:2::1")); a[0] != b[0] {
		t.Error("neighbours in a /56 do not share its counter")
	}
}

func TestSubjectsDoNotRunIntoEachOther(t *testing.T) {
	if subject("pair", "a", "bc") == subject("pair", "ab", "c") || subject("account", "a") == subject("pair", "a") {
		t.Error("two counters have one name")
	}
}

func TestWaitForIsTheLongestOfTheLimitsThatAreOver(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
	limits := []limit{{"a", 10}, {"b", 50}}
	try := func(a, b int64) []Tries {
		return []Tries{{a, now.Add(time.Minute)}, {b, now.Add(2 * time.Minute)}}
	}
	for _, c := range []struct {
		tries []Tries
		want  time.Duration
	}{
		{try(1, 1), 0}, {try(10, 50), 0}, {try(11, 50), time.Minute}, {try(10, 51), 2 * time.Minute}, {try(11, 51), 2 * time.Minute},
	} {
		if got := waitFor(limits, c.tries, now); got != c.want {
			t.Errorf("%v: %v, want %v", c.tries, got, c.want)
		}
	}
}
