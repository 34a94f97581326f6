package resourceserver_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
)

// A call for which there is no room any more is told when there is, and what to
// ask for: by a body and Retry-After (RFC 6585 section 4), not by a challenge. The
// token is good.
func TestNoRoom(t *testing.T) {
	w := newWorld(t).agree(readIssues, consent.Background)
	leave(w)
	w.short = consent.Shortage{Scope: consent.Background, Denial: consent.DailyLimit, Wait: 90*time.Second + time.Millisecond}
	got := w.start(t).get(t, "/api/github/repos/acme/web/issues", "Authorization: Bearer good")
	const says = "The person allows this so many times a day, and that many were made."
	if got.status != 429 || got.header.Get("Retry-After") != "91" || got.header.Get("WWW-Authenticate") != "" {
		t.Errorf("%d, wait %s, challenge %q", got.status, got.header.Get("Retry-After"), got.header.Get("WWW-Authenticate"))
	}
	for member, want := range map[string]any{"error": "daily_limit", "message": says, "missing_scopes": []any{string(consent.Recurring)}, "next": external + "/allow?need=" + url.QueryEscape(string(readIssues)+" "+string(consent.Recurring))} {
		if diff := cmp.Diff(want, got.body[member]); diff != "" {
			t.Errorf("%s: %s", member, diff)
		}
	}
}

// Where there is only to wait, nothing else is said.
func TestOnlyToWait(t *testing.T) {
	w := newWorld(t).agree(readIssues, consent.Background, consent.Recurring)
	leave(w)
	w.short = consent.Shortage{Scope: consent.Recurring, Denial: consent.RateExceeded, Wait: time.Hour}
	got := w.start(t).get(t, "/api/github/repos/acme/web/issues", "Authorization: Bearer good")
	const says = "The person allows the next visit later."
	want := map[string]any{"ok": false, "error": "rate_exceeded", "error_description": says, "message": says}
	if diff := cmp.Diff(want, got.body); diff != "" || got.status != 429 || got.header.Get("Retry-After") != "3600" {
		t.Errorf("%d after %s: %s", got.status, got.header.Get("Retry-After"), diff)
	}
}
