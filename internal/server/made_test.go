package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// An app deletes what it posted, and nothing that the person wrote, for as long as that
// is remembered. Another app of the same person has made nothing.
func TestAnAppTakesBackWhatItPosted(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		ana.Connect("slack", "ana")
		app, other := d.App(deputytest.Confidential), d.App(deputytest.Confidential)
		allowed := func(a deputytest.App) string {
			return d.Redeem(a, ana.Code(ana.Ask(a.Query("services.slack.messages.delete", unattended, "agents.jobs.background", "offline_access")).Agree("C01GENERAL"))).Access
		}
		mine, theirs := allowed(app), allowed(other)
		post := func() string {
			t.Helper()
			got := sent(d, mine, "POST", "/api/slack/chat.postMessage", `{"channel":"C01GENERAL","text":"Release is out"}`)
			if got.Status != http.StatusOK || got.Text("ts") == "" {
				t.Fatalf("posting: %d %s", got.Status, got.Raw)
			}
			return got.Text("ts")
		}
		takeBack := func(token, ts string) int {
			return sent(d, token, "POST", "/api/slack/chat.delete", `{"channel":"C01GENERAL","ts":"`+ts+`"}`).Status
		}
		before := d.Slack.Messages("general")
		first, second := post(), post()
		if got := takeBack(mine, before[0].TS); got != http.StatusNotFound {
			t.Errorf("what the person wrote: %d", got)
		}
		if got := takeBack(theirs, first); got != http.StatusNotFound {
			t.Errorf("what another app posted: %d", got)
		}
		if got := takeBack(mine, first); got != http.StatusOK {
			t.Errorf("its own: %d", got)
		}
		if left := d.Slack.Messages("general"); len(left) != len(before)+1 || left[len(left)-1].TS != second {
			t.Errorf("%d messages are left of %d", len(left), len(before)+2)
		}
		if d.Count("SELECT count(*) FROM made WHERE id LIKE '%"+second+"%'") != 0 || d.Count("SELECT count(*) FROM made") != 2 {
			t.Error("what is remembered can be read")
		}
		d.Exec("UPDATE made SET expires_at = ?", d.Clock.Now().Add(-time.Second).UnixMilli())
		if got := takeBack(mine, second); got != http.StatusNotFound {
			t.Errorf("its own, long ago: %d", got)
		}
	})
}
