package clients_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// called registers an app of that name and returns it.
func called(t testing.TB, d *deputytest.Deputy, name, redirect string) deputytest.App {
	t.Helper()
	got := register(d, encoded(t, map[string]any{"client_name": name, "redirect_uris": []string{redirect}}))
	if got.Status != 201 || got.Text("client_name") != name {
		t.Fatalf("register %q: %d %s", name, got.Status, got.Raw)
	}
	return deputytest.App{ID: consent.AppID(got.Text("client_id")), RedirectURI: redirect, Verifier: strings.Repeat("v", 43)}
}

// A name that passes for another's is nowhere a name: the app goes by its host, and
// what it calls itself is quoted with a warning.
func TestThreat_D3_ANameThatPassesForAnothersIsOnlyQuoted(t *testing.T) {
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		d.App(deputytest.Confidential) // Repo Scout, which the operator registered
		ana := d.SignedIn("ana")
		for _, c := range []struct{ name, of string }{
			{"GitHub Support", "GitHub"}, {"Gіthub", "GitHub"}, {"Northwind IT", "Northwind"}, {"Deputy Login", "Deputy"}, {"Repo-Scout App", "Repo Scout"},
		} {
			app := called(t, d, c.name, "https://evil.example/callback")
			quoted, warning := "It calls itself “"+c.name+"”", "That looks like "+c.of+". Nobody here checked that "+c.of+" built it."
			quoted = strings.NewReplacer("“", "", "”", "").Replace(quoted) // the marks are the browser's
			page := ana.Ask(app.Query(profile))
			if !page.Says("evil.example asks for your permission") || !page.Says(quoted) || !page.Says(warning) {
				t.Errorf("%q: %s", c.name, page.Text())
			}
			ana.Code(page.Agree())
			for _, path := range []string{"/", "/activity", "/sessions"} {
				if at := ana.Get(path); at.Says(c.name) {
					t.Errorf("%q is a name on %s: %s", c.name, path, at.Text())
				}
			}
			in := d.Browser().Get("/oauth/authorize?" + app.Query(profile).Encode())
			if !in.Says("what evil.example wants.") || in.Says(c.name) {
				t.Errorf("%q on the sign-in page: %s", c.name, in.Text())
			}
		}
		if page := ana.Get("/").Link("evil.example"); !page.Says("It calls itself") {
			t.Errorf("the app's own page: %s", page.Text())
		}
		if page := ana.Get("/receipts/" + d.Words("SELECT id FROM receipts LIMIT 1")); !page.Says("It called itself") || !page.Says("Nobody checked who this is.") {
			t.Errorf("the receipt: %s", page.Text())
		}
		// Nobody's name, and one that says what it is for.
		for _, name := range []string{"Field Notes", "Branch Tidy for GitHub"} {
			if page := ana.Ask(called(t, d, name, "https://notes.example/callback").Query(profile)); !page.Says(name+" asks") || page.Says("It calls itself") {
				t.Errorf("%q: %s", name, page.Text())
			}
		}
		// Without a host, it has no name at all.
		local := called(t, d, "Slack", "http://127.0.0.1/callback")
		if page := ana.Ask(local.Query(profile)); !page.Says("An app without a name asks") || !page.Says("It calls itself Slack") {
			t.Errorf("a program on this computer: %s", page.Text())
		}
	})
}

func TestADocumentGoesByItsHostWhenItsNameIsAnothers(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	s, ana := newSite(t), d.SignedIn("ana")
	s.change("client_name", "Google ✅ verified")
	host := strings.TrimPrefix(s.URL, "http://")
	page := ana.Ask(s.app().Query(profile))
	if !page.Says(host+" asks") || !page.Says("It calls itself Google verified. That looks like Google.") {
		t.Errorf("%s", page.Text())
	}
	ana.Code(page.Agree())
	if name, claimed := d.Words("SELECT name FROM apps WHERE origin = 'document'"), d.Words("SELECT claimed FROM apps WHERE origin = 'document'"); name != host || claimed != "Google verified" {
		t.Errorf("stored as %q, %q", name, claimed)
	}
}

// An operator who looked can let an app have its name; another name waits again.
func TestAnApprovedNameIsAName(t *testing.T) {
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		ctx, ana := context.Background(), d.SignedIn("ana")
		got := register(d, `{"client_name": "GitHub Copilot", "redirect_uris": ["https://copilot.example/callback"]}`)
		app := deputytest.App{ID: consent.AppID(got.Text("client_id")), RedirectURI: "https://copilot.example/callback", Verifier: strings.Repeat("v", 43)}
		ana.Authorize(app, profile)
		c, err := d.Foundation.ApproveApp(ctx, app.ID)
		if err != nil || c.OwnName() != "GitHub Copilot" {
			t.Fatalf("approve: %v %q", err, c.OwnName())
		}
		again := func() deputytest.Page {
			q := app.Query(profile)
			q.Set("prompt", "consent")
			later(d, time.Second)
			return ana.Ask(q)
		}
		if page := again(); !page.Says("GitHub Copilot") || page.Says("It calls itself") || !page.Says("Added by Northwind.") {
			t.Errorf("approved: %s", page.Text())
		}
		if home := ana.Get("/"); !home.Says("GitHub Copilot") {
			t.Errorf("approved, at home: %s", home.Text())
		}
		// Another's name is not what was approved.
		put := d.Send("PUT", "/oauth/register/"+url.PathEscape(string(app.ID)), `{"client_id":"`+string(app.ID)+`","client_name":"Slack","redirect_uris":["https://copilot.example/callback"]}`,
			"Content-Type", "application/json", "Authorization", "Bearer "+got.Text("registration_access_token"))
		if put.Status != 200 || put.Text("client_name") != "Slack" {
			t.Fatalf("change: %d %s", put.Status, put.Raw)
		}
		if page := again(); !page.Says("copilot.example") || !page.Says("It calls itself Slack") || !page.Says("Nobody checked who this is.") {
			t.Errorf("renamed: %s", page.Text())
		}
		d.Exec("UPDATE apps SET name = 'GitHub Copilot', claimed = '' WHERE id = ?", app.ID)
		if err := d.Foundation.UnapproveApp(ctx, app.ID); err != nil {
			t.Fatal(err)
		}
		if name := d.Words("SELECT name FROM apps WHERE id = ?", app.ID); name != "copilot.example" {
			t.Errorf("without approval it is called %q", name)
		}
	})
}

// The host comes before the name; one in another alphabet is in its ASCII form, and
// no other is accepted.
func TestHostsAreASCII(t *testing.T) {
	for _, uri := range []string{"https://gіthub.example/callback", "https://xn--gthub-3ve.example/callback"} {
		err := clients.ValidRedirect(uri)
		if ascii := strings.HasPrefix(uri, "https://xn--"); (err == nil) != ascii {
			t.Errorf("%s: %v", uri, err)
		}
	}
}
