package provider

import (
	"testing"
	"time"
)

func TestTheNextLinkIsFound(t *testing.T) {
	for header, want := range map[string]string{
		``: "",
		`<https://a/x?page=2>; rel="next", <https://a/x?page=9>; rel="last"`:       "https://a/x?page=2",
		`<https://a/x?page=9>; rel="last", <https://a/x?a=b,c&page=2>; rel="next"`: "https://a/x?a=b,c&page=2",
		`<https://a/x?page=1>; rel="prev"`:                                         "",
		`<https://a/x>; title="a"; rel=next`:                                       "https://a/x",
		`broken; rel="next"`:                                                       "",
		`<https://a/x; rel="next"`:                                                 "",
	} {
		if got := linkNext([]string{header}); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}

func TestSecondsAreReadInEverySpelling(t *testing.T) {
	for raw, want := range map[string]time.Duration{
		"60": time.Minute, " 60 ": time.Minute, "0.5": 500 * time.Millisecond, "": 0, "-1": 0, "0": 0, "NaN": 0, "soon": 0,
		"+Inf": 10 * 365 * 24 * time.Hour, "1e99": 10 * 365 * 24 * time.Hour,
	} {
		if got := seconds(raw); got != want {
			t.Errorf("%q: %s, want %s", raw, got, want)
		}
	}
}
