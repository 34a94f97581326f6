package flow_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// TestThePageIsWhatIsStored compares, for a thousand random requests and answers,
// the page that a person read with the grant, the receipt and the token that came
// of it: exactly the rows that were ticked and ready are given, and nothing else. The
// race detector has nothing to find in one after the other: with it there are fewer.
func TestThePageIsWhatIsStored(t *testing.T) {
	for name, requests := range map[string]int{"sqlite": 1000 / slowness, "postgres": 100} {
		t.Run(name, func(t *testing.T) {
			d := deputytest.New(t, deputytest.Options{Postgres: name == "postgres"})
			dice := rand.New(rand.NewPCG(1, 2))
			ana := d.SignedIn("ana")
			ana.Connect("github", "octocat")
			ana.Connect("slack", "ana")
			app := d.App(deputytest.Confidential)
			answers := map[bool]int{}
			for i := range requests {
				yes := honest(t, d, ana, app, dice)
				answers[yes]++
				if t.Failed() {
					t.Fatalf("in request %d", i)
				}
			}
			if answers[true] < requests/4 || answers[false] < requests/20 {
				t.Errorf("answers: %v", answers)
			}
		})
	}
}

var honestScopes = []string{
	profile, email, "services.github.repositories.metadata.read", "services.github.repositories.read", "services.github.issues.read", "services.github.issues.write",
	"services.slack.channels.read", "services.slack.messages.read", "services.slack.messages.write", "agents.jobs.background", "offline_access",
}

// honest asks for some scopes and answers somehow. It reports whether the answer
// was a yes.
func honest(t *testing.T, d *deputytest.Deputy, ana *deputytest.Browser, app deputytest.App, dice *rand.Rand) bool {
	t.Helper()
	d.Exec("DELETE FROM grant_items")
	d.Exec("DELETE FROM refusals")
	d.Exec("DELETE FROM receipts")
	asked := slices.Clone(honestScopes)
	dice.Shuffle(len(asked), func(i, j int) { asked[i], asked[j] = asked[j], asked[i] })
	asked = asked[:1+dice.IntN(len(asked))]
	page := ana.Ask(app.Query(asked...))
	if dice.IntN(3) > 0 && len(page.Missing()) > 0 {
		page = page.Complete()
	}
	form := page.Form("/consent")
	var ticked []string
	for _, scope := range form.Boxes("allow") {
		if dice.IntN(3) > 0 {
			ticked = append(ticked, scope)
		}
	}
	form.Set("allow", ticked...)
	if dice.IntN(5) == 0 {
		if no := form.Submit("deny"); no.Answer("error") != "access_denied" || d.Count("SELECT count(*) FROM grant_items") != 0 {
			t.Errorf("a no: %s, %d items", no.URL, d.Count("SELECT count(*) FROM grant_items"))
		}
		return false
	}
	form.Submit("save")
	read := ana.Get(page.URL.String()) // as it stands with these choices, ready to be answered
	ready := rowsReady(read, ticked)
	back := read.Form("/consent").Submit("allow")
	if !back.Away() {
		if len(ready) > 0 {
			t.Errorf("ticked and ready: %v, and the answer is %d %s", ready, back.Status, back.Text())
		}
		return false
	}
	stored := strings.Fields(d.Words("SELECT string_agg(scope, ' ') FROM grant_items"))
	slices.Sort(stored)
	if diff := cmp.Diff(ready, stored); diff != "" {
		t.Errorf("read on the page, and stored: %s", diff)
	}
	receipt, err := consent.ReadReceipt(d.Words("SELECT body FROM receipts"), d.Words("SELECT digest FROM receipts"))
	if err != nil {
		t.Fatal(err)
	}
	agreed := []string{}
	for _, it := range receipt.Agreed {
		agreed = append(agreed, string(it.Scope))
	}
	slices.Sort(agreed)
	if diff := cmp.Diff(stored, agreed); diff != "" {
		t.Errorf("stored, and on the receipt: %s", diff)
	}
	given := strings.Fields(d.Redeem(app, ana.Code(back)).Scope)
	slices.Sort(given)
	if diff := cmp.Diff(covered(d, asked, stored), given); diff != "" {
		t.Errorf("stored, and in the token: %s", diff)
	}
	for _, name := range picked(receipt) {
		if !read.Says(name) {
			t.Errorf("%s was given and the page did not say it: %s", name, read.Text())
		}
	}
	return true
}

// rowsReady are the ticked rows of a page that wait for nothing, sorted.
func rowsReady(page deputytest.Page, ticked []string) []string {
	ready := []string{}
	waits := page.Waiting()
	for _, scope := range ticked {
		if !slices.Contains(waits, scope) {
			ready = append(ready, scope)
		}
	}
	slices.Sort(ready)
	return ready
}

// covered are the asked scopes that what is stored gives, itself or as part of more.
func covered(d *deputytest.Deputy, asked, stored []string) []string {
	out := []string{}
	for _, want := range asked {
		if slices.ContainsFunc(stored, func(have string) bool {
			return d.Foundation.Catalog.Scopes.Covers(consent.ScopeName(have), consent.ScopeName(want))
		}) {
			out = append(out, want)
		}
	}
	slices.Sort(out)
	return out
}

// picked are the names of what a receipt is limited to.
func picked(r consent.Receipt) []string {
	var out []string
	for _, it := range r.Agreed {
		out = append(out, it.Names...)
	}
	return out
}
