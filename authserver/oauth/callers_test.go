package oauth_test

import (
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// Who introspects without end is told to wait, about no token in particular, and
// nobody else waits for it.
func TestThreat_O33_EveryCallerHasItsOwnShare(t *testing.T) {
	const share = 5
	d := deputytest.New(t, deputytest.Options{Introspections: share})
	one, other := d.ResourceServer("https://notes.example/mcp", "mcp:read"), d.ResourceServer("https://wiki.example/mcp", "wiki:read")
	app := d.App(deputytest.Confidential)
	for range share {
		if a := d.Introspect(one.ID, one.Secret, "dpa_x"); a.Status != 200 || a.JSON["active"] != false {
			t.Fatalf("within its share: %d %s", a.Status, a.Raw)
		}
	}
	many := d.Introspect(one.ID, one.Secret, "dpa_x")
	if many.Status != 429 || many.Text("error") != "temporarily_unavailable" || many.Header.Get("Retry-After") != "1" || many.JSON["active"] != nil {
		t.Errorf("beyond its share: %d %v %s", many.Status, many.Header, many.Raw)
	}
	if a := d.Introspect(one.ID, "wrong", "dpa_x"); a.Status != 401 {
		t.Errorf("somebody who only knows its name: %d", a.Status)
	}
	for what, a := range map[string]deputytest.Answer{
		"another resource server": d.Introspect(other.ID, other.Secret, "dpa_x"),
		"an app":                  d.Introspect(string(app.ID), app.Secret, "dpa_x"),
	} {
		if a.Status != 200 {
			t.Errorf("%s waits, too: %d %s", what, a.Status, a.Raw)
		}
	}
	d.Clock.Add(time.Second)
	if a := d.Introspect(one.ID, one.Secret, "dpa_x"); a.Status != 200 {
		t.Errorf("a second later: %d %s", a.Status, a.Raw)
	}
}
