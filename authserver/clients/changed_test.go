package clients_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// A person who allowed an app once knows it by its name and by where it sends them.
// What of that changed is on the page, until they said yes to the app as it is.
func TestThreat_O26_PeopleReadWhatChanged(t *testing.T) {
	t.Parallel()
	k := newKey(t, "ES256", "k")
	deputytest.EachWith(t, deputytest.Options{WarnAbout: "none"}, func(t *testing.T, d *deputytest.Deputy) {
		s, ana := newSite(t), d.SignedIn("ana")
		s.change("token_endpoint_auth_method", "private_key_jwt", "jwks", set(k.public()))
		app := s.app()
		ana.Authorize(app, profile)
		s.change("client_name", "Field Mail", "redirect_uris", []string{app.RedirectURI, "https://evil.example/"})
		later(d, 6*time.Minute)

		page := ana.Ask(app.Query(profile))
		for _, words := range []string{
			"Since you last agreed, this app changed.", "It called itself Field Notes. It calls itself Field Mail now.", "It can send you back to evil.example now.",
		} {
			if !page.Says(words) {
				t.Errorf("not told: %s: %s", words, page.Text())
			}
		}
		if no := page.Form("/consent").Submit("deny"); no.Answer("error") != "access_denied" {
			t.Errorf("a no: %s", no.URL)
		}
		page = ana.Ask(app.Query(profile))
		if !page.Says("It calls itself Field Mail now.") {
			t.Errorf("forgotten after a no: %s", page.Text())
		}

		// It changes once more while the page is open: a yes is one to what was read.
		s.change("client_name", "Field Mail Pro")
		later(d, 6*time.Minute)
		again := page.Form("/consent").Submit("allow")
		if again.Away() || again.Status != http.StatusConflict || !again.Says("It calls itself Field Mail Pro now.") {
			t.Fatalf("%d %s %s", again.Status, again.URL, again.Text())
		}
		ana.Code(again.Form("/consent").Submit("allow"))
		ana.Code(ana.Ask(app.Query(profile))) // silently: the yes was to the app as it is
		if n := d.Count(`SELECT count(*) FROM receipts WHERE decision = 'yes' AND body LIKE ?`, `%"changes":[{"what":"name","was":"Field Notes","is":"Field Mail Pro"},{"what":"host","is":"evil.example"}]%`); n != 1 {
			t.Errorf("%d receipts say what had changed", n)
		}
		if p := ana.Ask(app.Query(profile, "identity.email.read")); p.Says("this app changed") {
			t.Errorf("told again after the yes: %s", p.Text())
		}
	})
}
