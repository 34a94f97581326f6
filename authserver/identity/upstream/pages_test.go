package upstream_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// setOut goes to the company to connect an account, and returns its request.
func (c *company) setOut(b *deputytest.Browser) url.Values {
	c.t.Helper()
	page := b.Get("/sessions/companies").Link("Connect Acme")
	if !strings.HasPrefix(page.URL.String(), c.URL+"/authorize?") {
		c.t.Fatalf("the link leads to %s: %s", page.URL, page.Text())
	}
	return page.URL.Query()
}

func links(d *deputytest.Deputy) int { return d.Count("SELECT count(*) FROM sign_in_links") }

func TestAPersonConnectsACompanyAccountAndRemovesIt(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		c := acme(t, d, nil)
		user, ana := d.User("ana"), d.Browser()
		ana.SignIn(user)
		if !ana.Get("/sessions").Says("Company accounts") {
			t.Error("the page of sign-ins does not offer it")
		}
		q := c.setOut(ana)
		if q.Get("prompt") != "select_account" {
			t.Errorf("the company is asked with %v", q)
		}
		// Whatever address the company tells, and whether or not it was checked: the
		// person says whose account it is.
		asks := back(ana, c.says(q, "a-1", "anna@home.example", func(a *answer) { a.claims["email_verified"] = false }))
		if asks.URL.Path != "/sessions/companies/new" || !asks.Says("anna@home.example") || !asks.Says(user.Email) || links(d) != 0 {
			t.Fatalf("%s: %s; %d links", asks.URL, asks.Text(), links(d))
		}
		list := asks.Form("/sessions/companies").Submit("")
		if list.URL.Path != "/sessions/companies" || !list.Says("anna@home.example") || links(d) != 1 {
			t.Fatalf("%s: %s", list.URL, list.Text())
		}
		if page := asks.Form("/sessions/companies").Submit(""); page.Status != 409 || links(d) != 1 {
			t.Errorf("twice: %d", page.Status)
		}
		other := d.Browser()
		if page := back(other, c.says(c.begin(other), "a-1", "", nil)); page.URL.Path != "/activity" || !page.Says(user.Email) {
			t.Errorf("the sign-in with it: %s %s", page.URL, page.Text())
		}
		sure := list.Link("Remove")
		if !sure.Says("Acme") || !sure.Says("anna@home.example") {
			t.Errorf("the page asks %s", sure.Text())
		}
		if page := sure.Form("/sessions/companies/").Submit(""); page.URL.Path != "/sessions/companies" || links(d) != 0 {
			t.Errorf("removed: %d %s", page.Status, page.Text())
		}
		if page := sure.Form("/sessions/companies/").Submit(""); page.Status != 404 {
			t.Errorf("removed twice: %d", page.Status)
		}
		activity := ana.Get("/activity")
		if !activity.Says("You connected a company account") || !activity.Says("You removed a company account") {
			t.Errorf("on record is %s", activity.Text())
		}
		if page := back(other, c.says(c.begin(other), "a-1", user.Email, nil)); page.Status != 403 {
			t.Errorf("a sign-in after it: %d %s", page.Status, page.Text())
		}
	})
}

// Attacks: a stranger's company account must not get into a person's account here.
func TestThreat_C1_C2_NobodyConnectsAnAccountForSomebodyElse(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	c := acme(t, d, nil)
	ana, mallory := d.SignedIn("ana"), d.SignedIn("mallory")
	// The way back in another browser, and in the same one with nobody or somebody else.
	if page := back(ana, c.says(c.setOut(mallory), "m-1", "m@acme.example", nil)); page.Status != 409 {
		t.Errorf("in another browser: %d %s", page.Status, page.Text())
	}
	asks := back(mallory, c.says(c.setOut(mallory), "m-1", "m@acme.example", nil))
	if page := ana.Get(asks.URL.RequestURI()); page.Status != 409 || page.HasForm("/sessions/companies") {
		t.Errorf("Mallory's page, opened by Ana: %d %s", page.Status, page.Text())
	}
	mine := back(ana, c.says(c.setOut(ana), "a-1", "ana@acme.example", nil)).Form("/sessions/companies")
	ticket := asks.Form("/sessions/companies").Values.Get("ticket")
	if page := mine.Copy().Set("ticket", ticket).Submit(""); page.Status != 409 {
		t.Errorf("Mallory's account in Ana's form: %d %s", page.Status, page.Text())
	}
	if page := asks.Form("/sessions/companies").In(ana).Submit(""); page.Status != 403 {
		t.Errorf("Mallory's form, sent by Ana: %d %s", page.Status, page.Text())
	}
	q := c.setOut(ana)
	ana.SignOut()
	if page := back(ana, c.says(q, "a-1", "ana@acme.example", nil)); !page.HasForm("/signin") {
		t.Errorf("after the sign-out: %s %s", page.URL, page.Text())
	}
	if n := links(d); n != 0 {
		t.Errorf("%d links", n)
	}
	// What is somebody else's already stays theirs.
	asks.Form("/sessions/companies").Submit("")
	ben := d.SignedIn("ben")
	if page := back(ben, c.says(c.setOut(ben), "m-1", "m@acme.example", nil)).Form("/sessions/companies").Submit(""); page.Status != 409 || links(d) != 1 {
		t.Errorf("an account that is Mallory's: %d %s", page.Status, page.Text())
	}
	// The link of somebody else is like none.
	remove := mallory.Get("/sessions/companies").Link("Remove")
	if page := ben.Get(remove.URL.Path); page.Status != 404 {
		t.Errorf("Mallory's link, for Ben: %d", page.Status)
	}
}

func TestConnectingNeedsARecentSignInAndEnds(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	c := acme(t, d, nil)
	ana := d.SignedIn("ana")
	asks := back(ana, c.says(c.setOut(ana), "a-1", "ana@acme.example", nil))
	d.Clock.Add(11 * time.Minute)
	if page := ana.Get("/sessions/companies/connect/acme"); page.URL.Path != "/signin/again" {
		t.Errorf("setting out after eleven minutes: %s", page.URL)
	}
	if page := asks.Form("/sessions/companies").Submit(""); page.URL.Path != "/signin/again" || links(d) != 0 {
		t.Errorf("the yes after eleven minutes: %s", page.URL)
	}
	if page := ana.Get(asks.URL.RequestURI()); page.Status != 409 {
		t.Errorf("the page after eleven minutes: %d %s", page.Status, page.Text())
	}
	if page := d.SignedIn("ben").Get("/sessions/companies/connect/other"); page.Status != 404 {
		t.Errorf("an unknown provider: %d", page.Status)
	}
}

// The last way in stays, whichever it is.
func TestTheLastWayInCannotBeRemoved(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		c := acme(t, d, nil)
		cara := d.Browser()
		back(cara, c.says(c.begin(cara), "cara-1", "cara@acme.example", nil))
		remove := func() deputytest.Page {
			return cara.Get("/sessions/companies").Link("Remove").Form("/sessions/companies/").Submit("")
		}
		if page := remove(); page.Status != 409 || !page.Says("This is your only way to sign in.") || links(d) != 1 {
			t.Errorf("the only way: %d %s", page.Status, page.Text())
		}
		asks := back(cara, c.says(c.setOut(cara), "cara-2", "cara@second.example", nil))
		asks.Form("/sessions/companies").Submit("")
		if page := remove(); page.Status != 200 || links(d) != 1 {
			t.Errorf("one of two: %d %s", page.Status, page.Text())
		}
		// One at a company that signs nobody in any more is no way in.
		d.Exec("INSERT INTO sign_in_links (issuer, subject, user_id, created_at) SELECT 'https://gone.example', 'x', user_id, 1 FROM sign_in_links")
		page := cara.Get("/sessions/companies")
		if !page.Says("signs nobody in here any more") {
			t.Errorf("the list says %s", page.Text())
		}
		d.Exec("DELETE FROM sign_in_links WHERE issuer = 'https://gone.example'")
		d.Exec("UPDATE users SET password_hash = 'x'")
		if page := remove(); page.Status != 200 || links(d) != 0 {
			t.Errorf("beside a password: %d %s", page.Status, page.Text())
		}
		if err := d.Foundation.RemoveSignInProvider(context.Background(), "acme"); err != nil {
			t.Fatal(err)
		}
		if cara.Get("/sessions").Says("Company accounts") || !cara.Get("/sessions/companies").Says("Nobody signs in with a company account here.") {
			t.Error("a page offers what there is not")
		}
	})
}

func TestAConnectedAccountIsToldByMail(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Mail: true})
	c := acme(t, d, nil)
	user, ana := d.User("ana"), d.Browser()
	ana.SignIn(user)
	back(ana, c.says(c.setOut(ana), "a-1", "ana@acme.example", nil)).Form("/sessions/companies").Submit("")
	if told := d.Mail.To(user.Email, 1)[0]; told.Subject != "A company account was connected" {
		t.Errorf("told: %s", told.Subject)
	}
}
