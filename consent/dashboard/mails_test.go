package dashboard_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

func eachWithMail(t *testing.T, test func(t *testing.T, d *deputytest.Deputy)) {
	t.Helper()
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			test(t, deputytest.New(t, deputytest.Options{Mail: true, Named: true, Postgres: postgres}))
		})
	}
}

// subjects are what one person was told, in order.
func subjects(d *deputytest.Deputy, address string) []string {
	var all []string
	for _, m := range d.Mail.All() {
		if m.Envelope == address {
			all = append(all, m.Subject)
		}
	}
	return all
}

func TestAYesIsToldByMail(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		ana.Code(ana.Ask(app.Query("identity.profile.read")).Agree())
		told := d.Mail.To("ana@example.com", 1)[0]
		page := "/apps/" + d.Words("SELECT id FROM grants")
		for _, want := range []string{"an app that calls itself “Repo Scout”", "- See your name and picture", "The app answers at scout.example.", "\n" + d.URL + page + "\n", "\n" + d.URL + "/mails\n"} {
			if !strings.Contains(told.Text, want) {
				t.Errorf("the mail does not say %q: %s", want, told.Text)
			}
		}
		if told.Subject != "You allowed “Repo Scout” something" || told.Header.Get("Auto-Submitted") != "auto-generated" || told.Header.Get("From") != `"Deputy" <deputy@northwind.example>` {
			t.Errorf("the mail: %q %v", told.Subject, told.Header)
		}
		// The link asks; nothing is taken away by following it.
		if shown := ana.Get(page); shown.Status != 200 || !shown.Says("Repo Scout") {
			t.Errorf("the page: %d", shown.Status)
		}
		// The same yes again is no news, nor is a no.
		ana.Code(ana.Ask(app.Query("identity.profile.read")))
		if no := ana.Ask(app.Query("identity.email.read")).Form("/consent").Submit("deny"); no.Answer("error") != "access_denied" {
			t.Fatalf("the no: %s", no.URL)
		}
		d.Mail.To("ana@example.com", 1)
	})
}

// What lets an app change things, or act while the person is away, cannot be muted.
func TestOnlySomeMailsCanBeMuted(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		ana.Connect("github", "octocat")
		page := ana.Get("/activity").Link("Choose which mails you get")
		if done := page.Form("/mails").Set("want").Submit(""); !done.Says("Your choice is kept.") || len(done.Form("/mails").Values["want"]) != 0 {
			t.Fatalf("the choice: %s", done.Text())
		}
		ana.Code(ana.Ask(app.Query("identity.profile.read")).Agree())
		d.Mail.To("ana@example.com", 0)
		ana.Code(ana.Ask(app.Query("services.github.issues.write")).Complete("700100001").Agree())
		told := d.Mail.To("ana@example.com", 1)[0]
		if strings.Contains(told.Text, "/mails") || !strings.Contains(told.Text, "issues in the repositories you pick") {
			t.Errorf("the mail: %s", told.Text)
		}
		away := ana.Ask(app.Query("agents.jobs.background"))
		ana.Code(away.Agree())
		d.Mail.To("ana@example.com", 2)
		if forged := ana.Get("/mails").Form("/mails").Set("csrf", "x").Submit(""); forged.Status != 403 {
			t.Errorf("a forged form: %d", forged.Status)
		}
		ana.Get("/mails").Form("/mails").Set("want", "allowed").Submit("")
		ana.Code(ana.Ask(app.Query("identity.email.read")).Agree())
		d.Mail.To("ana@example.com", 3)
	})
}

func TestHowOneSignsInIsToldByMail(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		who := d.User("ana")
		ana := d.Browser()
		ana.SignIn(who)
		ana.AddPasskey()
		if _, _, err := d.Foundation.ResetSignIn(t.Context(), who.Email); err != nil {
			t.Fatal(err)
		}
		ana.SignIn(who)
		ana.TurnCodesOn()
		got := strings.Join(subjects(d, who.Email), "; ")
		if got != "A passkey was added; Your passkeys and codes were removed; Codes are on" {
			t.Errorf("told: %s", got)
		}
	})
}

// Everything that ends on the same day is one mail, once, and none when it was
// renewed before it went out.
func TestAnEndIsToldByMail(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		app, who := d.App(deputytest.Confidential), d.User("ana")
		ana := d.Browser()
		ana.SignIn(who)
		ana.Code(ana.Ask(app.Query("identity.profile.read", "identity.email.read")).Form("/consent").Set("days.see", "30").Submit("allow"))
		d.Mail.To(who.Email, 1)
		d.Clock.Add(24 * 24 * time.Hour)
		for range 2 {
			if err := d.Server.Remind(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.Clock.Add(time.Minute)
		}
		told := d.Mail.To(who.Email, 2)[1]
		if told.Subject != "What “Repo Scout” may do ends soon" || strings.Count(told.Text, "\n- ") != 2 || !strings.Contains(told.Text, d.URL+"/apps/") {
			t.Errorf("the mail: %q %s", told.Subject, told.Text)
		}
		if subjects(d, who.Email); d.Count("SELECT count(*) FROM letters") != 0 {
			t.Error("something waits")
		}
	})
}

// Nobody waits for a mail server that fails, and the mail comes when it works again.
func TestAMailServerThatFails(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		d.Mail.Refuse(errors.New("the disk is full"))
		ana.Code(ana.Ask(app.Query("identity.profile.read")).Agree())
		d.Mail.To("ana@example.com", 0)
		asked := d.Mail.Asked()
		if d.Mail.All(); d.Mail.Asked() != asked || asked != 1 {
			t.Errorf("tried %d times, then %d", asked, d.Mail.Asked())
		}
		d.Mail.Refuse(nil)
		d.Clock.Add(30 * time.Second)
		d.Mail.To("ana@example.com", 1)
	})
}
