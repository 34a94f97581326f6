package flow_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// household is one browser in which Ben is signed in, and then Ana, who acts.
type household struct {
	t        *testing.T
	d        *deputytest.Deputy
	b        *deputytest.Browser
	ana, ben deputytest.User
	app      deputytest.App
}

func newHousehold(t *testing.T, d *deputytest.Deputy) household {
	t.Helper()
	h := household{t, d, d.Browser(), d.User("ana"), d.User("ben"), d.App(deputytest.Confidential)}
	h.b.SignIn(h.ben)
	h.b.SignIn(h.ana)
	return h
}

func (h household) ask(pairs ...string) deputytest.Page {
	h.t.Helper()
	q := h.app.Query(profile)
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return h.b.Ask(q)
}

// as goes on as somebody, from the account chooser.
func (h household) as(p deputytest.Page, u deputytest.User) deputytest.Page {
	h.t.Helper()
	if !p.HasForm("/accounts") || !p.Says(u.Email) {
		h.t.Fatalf("%s is no account chooser with %s: %s", p.URL, u.Email, p.Text())
	}
	return p.Form("/accounts").Submit("use:" + h.d.Words("SELECT id FROM sessions WHERE user_id = ? AND ended_at IS NULL", u.ID))
}

// whose fails unless the app's answer is about somebody.
func (h household) whose(p deputytest.Page, u deputytest.User) {
	h.t.Helper()
	got := h.d.Redeem(h.app, h.b.Code(p))
	if sub := h.d.Introspect(string(h.app.ID), h.app.Secret, got.Access).Text("sub"); sub != string(u.ID) {
		h.t.Errorf("the app acts for %s, want %s", sub, u.ID)
	}
}

// OpenID Connect Core section 3.1.2.1: select_account asks, also when all is agreed.
func TestAnAppLetsThePersonChooseTheAccount(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		h := newHousehold(t, d)
		h.whose(h.as(h.ask("prompt", "select_account"), h.ben).Agree(), h.ben)
		h.whose(h.as(h.ask("prompt", "select_account"), h.ben), h.ben)
		h.whose(h.as(h.ask("prompt", "select_account"), h.ana).Agree(), h.ana)
		if p := h.ask("prompt", "select_account consent"); !p.HasForm("/accounts") || !p.Says("Repo Scout") {
			t.Errorf("with consent: %s", p.Text())
		}
		if p := h.ask("prompt", "select_account login"); !p.HasForm("/signin") {
			t.Errorf("with login: %s", p.Text())
		}
		if p := h.ask("prompt", "none"); p.Answer("code") == "" {
			t.Errorf("without a page: %s", p.URL)
		} else {
			h.whose(p, h.ana)
		}
		if p := h.ask("prompt", "none select_account"); p.Answer("error") != "invalid_request" {
			t.Errorf("none and more: %s", p.URL)
		}
	})
}

// A hint is compared with who is signed in here; whoever else has an account, the
// answer is the same.
func TestAHintOffersOnlyWhoIsSignedInHere(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	h := newHousehold(t, d)
	d.User("carla")
	if p := h.ask("login_hint", "Ben@Example.com"); !p.HasForm("/accounts") || strings.Index(p.Text(), h.ben.Email) > strings.Index(p.Text(), h.ana.Email) {
		t.Errorf("Ben is signed in here, and is not offered first: %s", p.Text())
	}
	for _, hint := range []string{h.ana.Email, "carla@example.com", "nobody@example.com"} {
		if p := h.ask("login_hint", hint); !p.HasForm("/consent") || p.Says("carla") {
			t.Errorf("%s: %s", hint, p.Text())
		}
	}
	if p := h.ask("login_hint", h.ben.Email, "prompt", "none"); p.Answer("error") != "consent_required" {
		t.Errorf("a silent request for Ben: %s", p.URL)
	}
}

// "Not you?" leads to the chooser and back to the same request: with the choices as
// they were for who made them, and untouched for somebody else.
func TestNotYouKeepsTheRequestAndTheChoices(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		h := newHousehold(t, d)
		page := h.b.Ask(h.app.Query(profile, email))
		chooser := page.Form("/consent").Set("allow", email).Submit("account")
		if !chooser.Says("Repo Scout") {
			t.Errorf("the chooser does not say who asks: %s", chooser.Text())
		}
		back := h.as(chooser, h.ana)
		if ticked := back.Form("/consent").Values["allow"]; !back.Says(h.ana.Email) || !slices.Equal(ticked, []string{email}) {
			t.Errorf("for Ana %q is ticked: %s", ticked, back.Text())
		}
		other := h.as(back.Form("/consent").Submit("account"), h.ben)
		if ticked := other.Form("/consent").Values["allow"]; !other.Says(h.ben.Email) || slices.Equal(ticked, []string{email}) {
			t.Errorf("for Ben %q is ticked: %s", ticked, other.Text())
		}
		h.whose(other.Agree(), h.ben)
		if n := d.Count("SELECT count(*) FROM grants WHERE user_id = ?", h.ana.ID); n != 0 {
			t.Error("Ana gave something, too")
		}
	})
}

// Two tabs, two accounts: a page is answered by whoever read it, or by nobody.
func TestThreat_O14_AnAnswerIsGivenByWhoReadThePage(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		h := newHousehold(t, d)
		page := h.ask()
		h.as(h.b.Get("/accounts"), h.ben)
		for _, do := range []string{"allow", "deny", "save"} {
			told := page.Form("/consent").Copy().Submit(do)
			if told.Status != 403 || told.Away() || !told.Says("Nothing was shared.") || !told.Says(h.ana.Email) || !told.Says(h.ben.Email) {
				t.Errorf("%s: %d %s", do, told.Status, told.Text())
			}
			if do == "save" {
				h.whose(h.as(told.Link("Choose an account"), h.ana).Agree(), h.ana)
			}
		}
		if n := d.Count("SELECT count(*) FROM grants WHERE user_id = ?", h.ben.ID); n != 0 {
			t.Error("Ben gave something")
		}
	})
}
