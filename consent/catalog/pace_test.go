package catalog_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

// The end of a window is told by the provider's own clock, whatever ours says.
func TestAWindowIsRead(t *testing.T) {
	p := catalog.Pace{Limit: "X-Limit", Reset: "X-Reset"}
	now := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	for _, tt := range []struct {
		says         string
		limit, reset string
		date         bool
		want         int
		left         time.Duration
		ok           bool
	}{
		{"said", "5000", in(30 * time.Minute), true, 5000, 30 * time.Minute, true},
		{"an end that is too far", "5000", in(900 * time.Hour), true, 5000, 24 * time.Hour, true},
		{"an end that is past", "5000", in(-time.Minute), true, 5000, -time.Minute, false},
		{"nothing", "", "", true, 0, 0, false},
		{"no time beside it", "5000", in(time.Minute), false, 0, 0, false},
		{"words", "many", "soon", true, 0, 0, false},
		{"less than one", "0", in(time.Minute), true, 0, 0, false},
	} {
		h := http.Header{"X-Limit": {tt.limit}, "X-Reset": {tt.reset}}
		if tt.date {
			h.Set("Date", now.Format(http.TimeFormat))
		}
		if limit, left, ok := p.Window(h); limit != tt.want || left != tt.left || ok != tt.ok {
			t.Errorf("%s: %d, %s, %t", tt.says, limit, left, ok)
		}
	}
	if _, _, ok := (catalog.Pace{}).Window(http.Header{"X-Limit": {"1"}}); ok {
		t.Error("a provider that says nothing was read")
	}
}
