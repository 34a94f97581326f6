package flow_test

import (
	"slices"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/simulator"
)

// What octocat can reach at the simulated GitHub.
const (
	web, infra = "700100001", "5000000103"
	hubots     = "710300001" // another person's repository
)

// picking asks for repositories and goes to their picker, connected as octocat.
func picking(d *deputytest.Deputy, app deputytest.App, b *deputytest.Browser) (consent, picker deputytest.Page) {
	b.Connect("github", "octocat")
	page := b.Ask(app.Query(repos, profile))
	for i := 0; i < 3 && page.Offer("pick:") == ""; i++ {
		page = page.Form("/consent").Submit(page.Missing()[0]).Form("/connect/github/start").Submit("").ThereAndBack()
	}
	return page, page.Form("/consent").Submit("pick:github.repository")
}

func TestThePicker(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	_, p := picking(d, d.App(deputytest.Confidential), d.SignedIn("ana"))
	says(t, p, 200, "Which repositories may Repo Scout use?", "1 to 20 of 45", "octocat")

	f := p.Form("/consent/pick").Set("pick", web)
	second := f.Submit("next")
	says(t, second, 200, "21 to 40 of 45", "Ticked on other pages", "acme/web")
	third := second.Form("/consent/pick").Submit("next")
	says(t, third, 200, "41 to 45 of 45", "acme/web")
	if slices.Contains(third.Offers(), "next") {
		t.Error("the last page has a next one")
	}
	first := third.Form("/consent/pick").Submit("prev").Form("/consent/pick").Submit("prev")
	says(t, first, 200, "1 to 20 of 45")
	if got := first.Form("/consent/pick").Values["pick"]; !slices.Equal(got, []string{web}) {
		t.Errorf("after turning pages these are ticked: %v", got)
	}

	found := first.Form("/consent/pick").Set("q", " INFRA ").Submit("search")
	says(t, found, 200, "1 to 1 of 1", "acme/infra", "Ticked on other pages", "acme/web")
	both := found.Form("/consent/pick")
	both.Values.Add("pick", infra)
	says(t, both.Submit("use"), 200, "Only acme/web and acme/infra")
	says(t, found.Form("/consent/pick").Set("q", "no such thing").Submit("search"), 200, "No repositories with that name")
	says(t, found.Form("/consent/pick").Set("q", "<script>alert(1)</script>").Submit("search"), 200, "No repositories with that name")
}

func TestWhatAPickerDoesNotTake(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		page, p := picking(d, app, ana)
		f := p.Form("/consent/pick")
		says(t, f.Copy().Set("pick").Submit("use"), 200, "Nothing is ticked")
		says(t, f.Copy().Set("pick", hubots, "999", "", "C01GENERAL").Submit("use"), 200, "Nothing is ticked")
		says(t, f.Copy().Set("pick").Set("far", "all").Set("sure", "yes").Submit("use"), 200, "Nothing is ticked")
		says(t, f.Copy().Set("do", "everything").Submit(""), 400, "no such button")
		says(t, f.Copy().Set("csrf", page.Form("/consent").Values.Get("csrf")).Submit("use"), 403, "This form was made for another page")
		says(t, f.Copy().Set("type", "slack.channel").Submit("use"), 404, "nothing to pick here")
		says(t, f.Copy().Set("pick", web).Submit("back"), 200, "Nothing is picked yet")
		mixed := f.Copy().Set("pick", hubots, web, web, "999").Submit("use")
		says(t, mixed, 200, "Only acme/web.")
		tokens := d.Redeem(app, ana.Code(mixed.Agree()))
		if got := d.API(tokens.Access, "GET", "/api/github/repos/acme/web"); got.Status != 200 {
			t.Errorf("the picked one: %d %s", got.Status, got.Raw)
		}
		for _, other := range []string{"acme/infra", "hubot/hubot-scripts", "octocat/hello-world"} {
			if got := d.API(tokens.Access, "GET", "/api/github/repos/"+other); got.Status != 404 {
				t.Errorf("%s: %d %s", other, got.Status, got.Raw)
			}
		}
	})
}

// What a yes gives is what the page showed: a pick in another tab shows the page
// again.
func TestThePageChangedMeanwhile(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		_, p := picking(d, app, ana)
		shows := p.Pick(web)
		says(t, shows, 200, "Only acme/web.")
		ana.Get(shows.URL.String()).Form("/consent").Submit("pick:github.repository").Pick(web, infra)

		again := shows.Form("/consent").Submit("allow")
		says(t, again, 409, "Only acme/web and acme/infra")
		if n := shared(d); n != 0 {
			t.Fatalf("%d things were given that nobody had read", n)
		}
		tokens := d.Redeem(app, ana.Code(again.Form("/consent").Submit("allow")))
		if got := d.API(tokens.Access, "GET", "/api/github/repos/acme/infra"); got.Status != 200 {
			t.Errorf("after reading it: %d %s", got.Status, got.Raw)
		}
	})
}

func TestTheProviderIsDown(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		ana.Connect("github", "octocat")
		page := ana.Ask(app.Query(repos)).Form("/consent")
		ready := page.Submit(ana.Ask(app.Query(repos)).Missing()[0]).Form("/connect/github/start").Submit("").ThereAndBack()
		d.GitHub.SetDown(true)
		p := ready.Form("/consent").Submit("pick:github.repository")
		says(t, p, 503, "GitHub does not answer", "Nothing was changed")
		says(t, p.Form("/consent/pick").Set("pick", web).Submit("use"), 503, "GitHub does not answer")
		if n := d.Count("SELECT count(*) FROM connections WHERE health <> 'healthy'"); n != 0 {
			t.Error("a provider that is down has lost its connection")
		}
		more := ana.Ask(app.Query("services.slack.channels.read"))
		says(t, more.Form("/consent").Submit("connect:slack"), 200, "Connect Slack")
		d.GitHub.SetDown(false)
		says(t, ana.Get(p.URL.String()), 200, "1 to 20 of 45")
	})
}

func TestAnotherAccount(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		_, p := picking(d, app, ana)
		one := p.Pick(web)
		ana.Connect("github", "hubot")
		two := ana.Get(one.URL.String())
		says(t, two, 200, "GitHub account", "octocat", "hubot")

		f := two.Form("/consent")
		other := d.Words("SELECT id FROM connections WHERE login = 'hubot'")
		says(t, f.Copy().Set("account.github", other).Submit("allow"), 409)
		if n := shared(d); n != 0 {
			t.Fatalf("%d things were given on an account that was not shown", n)
		}
		switched := f.Copy().Set("account.github", other).Submit("save")
		if switched.Says("Only acme/web") {
			t.Error("what was picked on one account counts on the other")
		}
		foreign := f.Copy().Set("account.github", "connection_nobody").Submit("save")
		says(t, foreign, 200, "octocat")
		done := switched.Complete("710300001")
		tokens := d.Redeem(app, ana.Code(done.Form("/consent").Submit("allow")))
		if got := d.API(tokens.Access, "GET", "/api/github/repos/hubot/hubot-scripts"); got.Status != 200 {
			t.Errorf("hubot's repository: %d %s", got.Status, got.Raw)
		}
		if got := d.API(tokens.Access, "GET", "/api/github/repos/octocat/hello-world"); got.Status != 404 {
			t.Errorf("octocat's repository: %d %s", got.Status, got.Raw)
		}
	})
}

// Threat C8: what counts is what the provider gave, not what it was asked for.
func TestThreat_C8_AProviderThatGivesLess(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		d.GitHub.SetQuirks(simulator.Quirks{FewerScopes: true})
		back := ana.Ask(app.Query(repos)).Form("/consent").Submit("connect:github").Form("/connect/github/start").Submit("").ThereAndBack()
		says(t, back, 200, "GitHub gives too little permission", "Upgrade GitHub")
		says(t, back.Form("/consent").Submit("allow"), 409)
		if n := shared(d); n != 0 {
			t.Fatalf("%d things were given", n)
		}
		d.GitHub.SetQuirks(simulator.Quirks{})
		done := back.Complete(web)
		tokens := d.Redeem(app, ana.Code(done.Agree()))
		if got := d.API(tokens.Access, "GET", "/api/github/repos/acme/web"); got.Status != 200 {
			t.Errorf("after the upgrade: %d %s", got.Status, got.Raw)
		}
		if n := d.Count("SELECT count(*) FROM connections"); n != 1 {
			t.Errorf("%d connections after an upgrade, want one", n)
		}
	})
}
