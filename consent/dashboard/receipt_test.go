package dashboard_test

import (
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// What was shown and decided can be read later, also when the app is gone, by that
// person alone; and a record that was changed says so.
func TestAReceiptCanBeReadLater(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana, bob := d.App(deputytest.Confidential), d.SignedIn("ana"), d.SignedIn("bob")
		ana.Connect("github", "octocat")
		ana.Code(ana.Ask(app.Query("services.github.repositories.read", "identity.email.read")).Complete("700100001").Agree())
		no := ana.Ask(app.Query("services.github.issues.write")).Form("/consent").Submit("deny")
		if no.Answer("error") != "access_denied" {
			t.Fatalf("the no: %s", no.URL)
		}
		page := ana.Get("/apps/" + d.Words("SELECT id FROM grants"))
		if !page.Says("You said yes") || !page.Says("You said no") {
			t.Fatalf("the app's page: %s", page.Text())
		}
		yes := "/receipts/" + d.Words("SELECT id FROM receipts WHERE decision = 'yes'")
		receipt := ana.Get(yes)
		for _, want := range []string{"You said yes to Repo Scout", "Scout Labs", app.RedirectURI, "acme/web", "octocat", "Allowed until", d.Words("SELECT digest FROM receipts WHERE decision = 'yes'")} {
			if !receipt.Says(want) {
				t.Errorf("it does not say %q: %s", want, receipt.Text())
			}
		}
		if p := ana.Get("/receipts/" + d.Words("SELECT id FROM receipts WHERE decision = 'no'")); !p.Says("You said no to Repo Scout") || !p.Says("Not allowed") || p.Says("Allowed until") {
			t.Errorf("the no: %s", p.Text())
		}
		theirs, none := bob.Get(yes), bob.Get("/receipts/receipt_x")
		if theirs.Status != 404 || none.Status != 404 || theirs.Says("Repo Scout") {
			t.Errorf("somebody else: %d and %d", theirs.Status, none.Status)
		}
		ana.Get("/apps/" + d.Words("SELECT id FROM grants") + "/remove").Form("/apps/").Submit("")
		if p := ana.Get(yes); p.Status != 200 || !p.Says("acme/web") || p.Says("not what was written") {
			t.Errorf("after the app was removed: %d %s", p.Status, p.Text())
		}
		d.Exec("UPDATE receipts SET body = ? WHERE decision = 'yes'", strings.Replace(d.Words("SELECT body FROM receipts WHERE decision = 'yes'"), "acme/web", "acme/all", 1))
		if p := ana.Get(yes); !p.Says("not what was written") {
			t.Errorf("a changed record: %s", p.Text())
		}
	})
}
