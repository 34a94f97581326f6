package flow_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/store"
)

// ruled makes an administrator decide about a scope.
func ruled(t *testing.T, d *deputytest.Deputy, scope consent.ScopeName) {
	t.Helper()
	if err := d.Foundation.SetRule(t.Context(), consent.Rule{Scope: scope, Who: consent.DecidesAdmin}); err != nil {
		t.Fatal(err)
	}
}

// waiting lists what waits for an administrator.
func waiting(t *testing.T, d *deputytest.Deputy) []store.Asked {
	t.Helper()
	list, err := d.Foundation.Store.AskedFor(t.Context(), consent.PetitionWaits)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func answer(t *testing.T, d *deputytest.Deputy, id consent.PetitionID, state consent.PetitionState, words string) {
	t.Helper()
	if _, err := d.Foundation.AnswerPetition(t.Context(), id, state, words); err != nil {
		t.Fatal(err)
	}
}

// petition asks the administrator from a consent page.
func petition(page deputytest.Page, why string) deputytest.Page {
	return page.Form("/consent").Submit("admin").Form("/consent/admin").Set("why", why).Submit("ask")
}

// TestAnAdministratorApproves: what they decide about is on the page and cannot be
// had; the person asks, goes on with the rest, and allows it when the yes is there.
func TestAnAdministratorApproves(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ruled(t, d, email)
		if n := d.Count("SELECT count(*) FROM audit WHERE kind = 'rule.set' AND scope = ? AND detail = 'admin'", email); n != 1 {
			t.Errorf("%d records of the rule", n)
		}
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		page := ana.Ask(app.Query(profile, email))
		says(t, page, 200, "Your admin must approve", "Missing", "For: See your e-mail address")
		if f := page.Form("/consent"); slices.Contains(f.Values["shown"], email) || len(page.Missing()) != 1 {
			t.Errorf("shown are %v, missing %v", f.Values["shown"], page.Missing())
		}

		form := page.Form("/consent").Submit("admin")
		says(t, form, 200, "Ask your admin about Repo Scout", "Asking shares nothing with the app.")
		says(t, form.Form("/consent/admin").Set("why", " ").Submit("ask"), 422, "Nothing was sent. Say in up to 140 characters why you need it.")
		says(t, form.Form("/consent/admin").Set("why", strings.Repeat("ä", 141)).Submit("ask"), 422, "Nothing was sent.")
		says(t, form.Form("/consent/admin").Set("why", "x").Set("ask", profile).Submit("ask"), 422, "Tick what you ask for.")
		if n := len(waiting(t, d)); n != 0 {
			t.Fatalf("%d petitions were sent", n)
		}
		page = form.Form("/consent/admin").Set("why", "We answer mail with it.").Submit("ask")
		says(t, page, 200, "Your admin was asked. Your choices are kept. Nothing was shared.", "The answer is not here yet")
		form.Form("/consent/admin").Set("why", "Sent twice.").Submit("ask")
		asked := waiting(t, d)
		if len(asked) != 1 || asked[0].Why != "We answer mail with it." || asked[0].Email != "ana@example.com" || asked[0].AppName != app.Name || !slices.Equal(asked[0].Scopes, []consent.ScopeName{email}) {
			t.Fatalf("the administrator reads %+v", asked)
		}

		// Sent by hand, what cannot be ticked is not given, and nobody said no to it.
		tokens := d.Redeem(app, ana.Code(page.Form("/consent").Set("shown", profile, email).Set("allow", profile, email).Submit("allow")))
		if tokens.Scope != profile || d.Count("SELECT count(*) FROM refusals") != 0 {
			t.Errorf("the token has %q", tokens.Scope)
		}
		ana.Code(ana.Ask(app.Query(profile, email))) // asked once, it opens no page
		says(t, ana.Get("/"), 200, "What you asked your admin", "We answer mail with it.")
		wish := d.API(tokens.Access, "GET", "/api/capabilities?"+url.Values{"scope": {profile + " " + email}}.Encode())
		if !strings.Contains(wish.Raw, `"status":"needs_admin"`) || !strings.Contains(wish.Raw, `{"kind":"ask_admin","scopes":["`+email+`"],"reason":"admin_asked","optional":true}`) {
			t.Errorf("the app reads %s", wish.Raw)
		}

		answer(t, d, asked[0].ID, consent.PetitionApproved, "Until the project ends.")
		says(t, ana.Get("/"), 200, "Your admin approved it on", "Until the project ends.")
		says(t, ana.Get("/activity"), 200, "You asked your admin about Repo Scout.", "Your admin approved what you asked about Repo Scout.")
		page = ana.Ask(app.Query(profile, email))
		says(t, page, 200, "asks for one more thing")
		if got := d.Redeem(app, ana.Code(page.Form("/consent").Submit("allow"))).Scope; got != profile+" "+email {
			t.Errorf("approved, the token has %q", got)
		}
		receipt, err := consent.ReadReceipt(d.Words("SELECT body FROM receipts ORDER BY decided_at DESC, id DESC LIMIT 1"), d.Words("SELECT digest FROM receipts ORDER BY decided_at DESC, id DESC LIMIT 1"))
		if err != nil || receipt.Rows[1].Scope != email || receipt.Rows[1].Admin != consent.PetitionApproved || receipt.Rows[0].Admin != "" {
			t.Errorf("the receipt has %+v, %v", receipt.Rows, err)
		}
		says(t, ana.Get("/receipts/"+d.Words("SELECT id FROM receipts ORDER BY decided_at DESC, id DESC LIMIT 1")), 200, "Your admin had approved it")

		// The yes ends; what was allowed under it stays.
		d.Exec("UPDATE petitions SET expires_at = ?", d.Clock.Now().UnixMilli())
		if got := d.Redeem(app, ana.Code(ana.Ask(app.Query(profile, email)))).Scope; got != profile+" "+email {
			t.Errorf("after the approval's end, the token has %q", got)
		}
	})
}

// TestAnAdministratorRefuses: a no is said plainly and not asked about again until
// it has ended.
func TestAnAdministratorRefuses(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ruled(t, d, email)
		app, who, ana := d.App(deputytest.Confidential), d.User("ana"), d.Browser()
		ana.SignIn(who)
		petition(ana.Ask(app.Query(email)), "For the newsletter.")
		answer(t, d, waiting(t, d)[0].ID, consent.PetitionRefused, "Use the shared address.")
		page := ana.Ask(app.Query(email))
		says(t, page, 200, "Your admin said no")
		says(t, page.Form("/consent").Submit("allow"), 409, "Nothing that is ticked is ready")
		told := page.Form("/consent").Submit("admin")
		says(t, told, 200, "Use the shared address.", "You can ask again after")
		if told.Says("Why you need it") || len(waiting(t, d)) != 0 {
			t.Errorf("it can be asked again: %s", told.Text())
		}
		if page := ana.Ask(silently(app.Query(email))); page.Answer("error") != "consent_required" {
			t.Errorf("silently: %s", page.URL)
		}
		d.Clock.Add(consent.RefusalLife)
		ana = d.Browser()
		ana.SignIn(who)
		says(t, petition(ana.Ask(app.Query(email)), "The audit is over."), 200, "Your admin was asked.")
		if n := d.Count("SELECT count(*) FROM petitions"); n != 1 {
			t.Errorf("%d petitions are kept, the ended one among them", n)
		}
	})
}

func silently(q url.Values) url.Values {
	q.Set("prompt", "none")
	return q
}

// TestTakingAPetitionBack works from both pages, for one's own, as long as it waits.
func TestTakingAPetitionBack(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ruled(t, d, email)
		app, ana, bob := d.App(deputytest.Confidential), d.SignedIn("ana"), d.SignedIn("bob")
		page := petition(ana.Ask(app.Query(email)), "First.").Form("/consent").Submit("admin")
		back := page.Form("/consent/admin").Submit("withdraw:" + string(waiting(t, d)[0].ID))
		says(t, back, 200, "You took your request to your admin back. Nothing was shared.", "Your admin must approve")
		petition(back, "Second.")
		second := waiting(t, d)[0].ID
		if err := (store.Petitioner{Store: d.Foundation.Store}).Withdraw(t.Context(), "somebody", second); !fault.Is(err, fault.NotFound) {
			t.Errorf("somebody else takes it back: %v", err)
		}
		theirs := petition(bob.Ask(app.Query(email)), "Mine.").Form("/consent").Submit("admin").Form("/consent/admin")
		says(t, theirs.Copy().Set("do", "withdraw:"+string(second)).Submit(""), 404)
		home := ana.Get("/")
		says(t, home.Form("/petitions/withdraw").Submit(""), 200, "You took your request to your admin back.")
		if list := waiting(t, d); len(list) != 1 || list[0].Email != "bob@example.com" {
			t.Fatalf("left are %+v", list)
		}
		bobs := waiting(t, d)[0].ID
		answer(t, d, bobs, consent.PetitionApproved, "")
		says(t, theirs.Submit("withdraw:"+string(bobs)), 409, "Your admin has answered this request already.")
	})
}

// TestARuleThatComesMeanwhile counts for the page that is open.
func TestARuleThatComesMeanwhile(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		form := ana.Ask(app.Query(email)).Form("/consent")
		ruled(t, d, email)
		if page := form.Submit("allow"); page.Status != 409 || shared(d) != 0 {
			t.Errorf("%d %s", page.Status, page.Text())
		}
	})
}

// TestAnApprovalIsForTheAppAsItWas: an app that is answered elsewhere, or proves
// itself otherwise, was never approved.
func TestAnApprovalIsForTheAppAsItWas(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ruled(t, d, email)
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		petition(ana.Ask(app.Query(email)), "We need it.")
		answer(t, d, waiting(t, d)[0].ID, consent.PetitionApproved, "")
		d.Exec("UPDATE petitions SET app_digest = 'another'")
		says(t, ana.Ask(app.Query(email)), 200, "Your admin must approve")
	})
}

// unheard is an audit of what nobody reads.
type unheard struct{}

func (unheard) InTx(context.Context, audit.Event) error { return nil }

// TestPetitionsHaveAnEnd: so many of one person wait, and an unanswered one goes.
func TestPetitionsHaveAnEnd(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ruled(t, d, email)
		ana := d.User("ana")
		add := func() error {
			app := d.App(deputytest.Public)
			now := d.Clock.Now()
			return (store.Petitioner{Store: d.Foundation.Store, Audit: unheard{}}).Petition(t.Context(), consent.Petition{
				User: ana.ID, App: app.ID, Scopes: []consent.ScopeName{email}, Why: "x", Asked: now, Until: now.Add(consent.PetitionLife),
			})
		}
		for i := range consent.MostPetitions {
			if err := add(); err != nil {
				t.Fatalf("petition %d: %v", i, err)
			}
		}
		if err := add(); !fault.Is(err, fault.Conflict) {
			t.Errorf("one too many: %v", err)
		}
		d.Clock.Add(consent.PetitionLife + time.Second)
		before := d.Count("SELECT count(*) FROM petitions")
		if err := add(); err != nil {
			t.Fatal(err)
		}
		if after := d.Count("SELECT count(*) FROM petitions"); after >= before {
			t.Errorf("%d petitions, %d when all of them had ended", after, before)
		}
	})
}
