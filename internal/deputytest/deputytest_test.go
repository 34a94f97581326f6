package deputytest_test

import (
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// The whole story: a third-party app, a person, GitHub and Slack, one repository
// and one channel, and then it is taken back.
func TestTheWholeStory(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		code := ana.Code(ana.Ask(app.Query("services.github.repositories.read", "identity.profile.read")).Agree("700100001"))
		tokens := d.Redeem(app, code)
		if got := d.API(tokens.Access, "GET", "/api/github/repos/acme/web"); got.Status != 200 || got.Text("full_name") != "acme/web" {
			t.Errorf("the picked repository: %d %s", got.Status, got.Raw)
		}
		if got := d.API(tokens.Access, "GET", "/api/github/repos/acme/infra"); got.Status != 404 {
			t.Errorf("another repository: %d %s", got.Status, got.Raw)
		}
		more := d.Redeem(app, ana.Authorize(app, "services.slack.channels.read"))
		if got := d.API(more.Access, "GET", "/api/slack/conversations.list"); got.Status != 200 || got.JSON["ok"] != true {
			t.Errorf("channels: %d %s", got.Status, got.Raw)
		}
		home := ana.Get("/")
		if !home.Says("One app can act for you now") {
			t.Errorf("home says %s", home.Text())
		}
		if gone := home.Link("Remove Repo Scout").Form("/apps/").Submit(""); gone.Status != 200 {
			t.Errorf("remove: %d %s", gone.Status, gone.Text())
		}
		for what, got := range map[string]deputytest.Answer{
			"a call":    d.API(tokens.Access, "GET", "/api/github/repos/acme/web"),
			"a refresh": d.Token(app.Refreshing(tokens.Refresh)),
		} {
			if got.Status < 400 {
				t.Errorf("%s after the removal: %d %s", what, got.Status, got.Raw)
			}
		}
	})
}
