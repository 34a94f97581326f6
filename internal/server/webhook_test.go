package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/simulator"
)

// health is what a person's connection at a provider is now.
func health(d *deputytest.Deputy, provider string) string {
	return d.Words("SELECT health FROM connections WHERE provider = ? ORDER BY created_at DESC, id DESC LIMIT 1", provider)
}

// What a person ends at the provider ends here when the provider tells, without a
// call of an app; also when it is told twice.
func TestThreat_B17_AProviderTellsThatItEnded(t *testing.T) {
	deputytest.EachWith(t, deputytest.Options{Quirks: simulator.Quirks{EventTwice: true}}, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		for provider, end := range map[string]func(){
			"github": func() { d.GitHub.RevokeAll("octocat") },
			"slack":  func() { d.Slack.RevokeAll("ana") },
		} {
			ana.Connect(provider, ana.Login[provider])
			d.Clock.Add(2 * time.Minute)
			if got := health(d, provider); got != "healthy" {
				t.Fatalf("%s: %s before", provider, got)
			}
			end()
			if got := health(d, provider); got != "needs_person" {
				t.Errorf("%s: %s after", provider, got)
			}
		}
		if n := d.Count("SELECT count(*) FROM audit WHERE kind = 'connection.broken'"); n != 2 {
			t.Errorf("%d records, want 2", n)
		}
		ana.Connect("slack", "ana")
		d.Clock.Add(2 * time.Minute)
		d.Slack.Uninstall()
		if got := health(d, "slack"); got != "needs_person" {
			t.Errorf("uninstalled: %s", got)
		}
	})
}

// Nobody else can tell. A forged message is refused, and one that comes after the
// person has connected again, or that GitHub does not confirm, ends nothing.
func TestThreat_B17_ForgedAndLateMessagesEndNothing(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Quirks: simulator.Quirks{EventForged: true}})
	ana := d.SignedIn("ana")
	ana.Connect("slack", "ana")
	d.Clock.Add(2 * time.Minute)
	d.Slack.RevokeAll("ana")
	if got := health(d, "slack"); got != "healthy" {
		t.Errorf("forged: %s", got)
	}
	// The person connects at once after; the message of before arrives now.
	ana.Connect("slack", "ana")
	d.Slack.SetQuirks(simulator.Quirks{})
	d.Slack.TellRevoked("ana")
	if got := health(d, "slack"); got != "healthy" {
		t.Errorf("late, and the new tokens work: %s", got)
	}
	ana.Connect("github", "octocat")
	d.Clock.Add(2 * time.Minute)
	d.GitHub.SetQuirks(simulator.Quirks{})
	d.GitHub.TellRevoked("octocat")
	if got := health(d, "github"); got != "healthy" {
		t.Errorf("GitHub does not confirm: %s", got)
	}
}

// A secret that was taken away, or was never there, takes no message.
func TestThreat_B17_NothingIsTakenWithoutASecret(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	if got := d.Send("POST", "/webhooks/slack", "{}"); got.Status != http.StatusUnauthorized {
		t.Errorf("unsigned: %d %s", got.Status, got.Raw)
	}
	if _, err := d.Foundation.SetWebhook(t.Context(), "google", "", secret.New("long enough to be one")); err == nil {
		t.Error("Google tells nothing, and a secret of it was taken")
	}
	if _, err := d.Foundation.SetWebhook(t.Context(), "stripe", "", secret.New("long enough to be one")); err == nil {
		t.Error("a secret was taken of a provider that is not set up")
	}
	if _, err := d.Foundation.SetWebhook(t.Context(), "slack", "", secret.New("short")); err == nil {
		t.Error("a short secret was taken")
	}
	if _, err := d.Foundation.SetWebhook(t.Context(), "slack", "", secret.Text{}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/webhooks/google", "/webhooks/nobody", "/webhooks/stripe"} {
		if got := d.Send("POST", path, "{}"); got.Status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, got.Status, got.Raw)
		}
	}
}
