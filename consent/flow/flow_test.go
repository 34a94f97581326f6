package flow_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent/flow"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

const (
	profile = "identity.profile.read"
	email   = "identity.email.read"
	offline = "offline_access"
	repos   = "services.github.repositories.read"
)

// shared counts what was given to anybody.
func shared(d *deputytest.Deputy) int {
	return d.Count("SELECT (SELECT count(*) FROM grant_items) + (SELECT count(*) FROM codes)")
}

func says(t *testing.T, p deputytest.Page, status int, words ...string) {
	t.Helper()
	if p.Away() || p.Status != status {
		t.Errorf("%d %s, want a page with %d", p.Status, p.URL, status)
	}
	for _, w := range words {
		if !p.Says(w) {
			t.Errorf("the page does not say %q: %s", w, p.Text())
		}
	}
}

func TestWhatWasAgreedIsNotAskedAgain(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		proven, public, ana := d.App(deputytest.Confidential), d.App(deputytest.Public), d.SignedIn("ana")
		for _, app := range []deputytest.App{proven, public} {
			ana.Authorize(app, profile, email)
		}
		if p := ana.Ask(proven.Query(profile)); !p.Away() || p.Answer("code") == "" {
			t.Errorf("an app that proved itself: %d %s", p.Status, p.URL)
		}
		// OAuth 2.1 section 7.3.1: anybody can send the request of a public app.
		asks := ana.Ask(public.Query(profile))
		says(t, asks, 200, "Repo Scout wants to continue", "Nothing new")
		if code := ana.Code(asks.Form("/consent").Submit("allow")); code == "" {
			t.Error("no code after Continue")
		}
		q := proven.Query(profile)
		q.Set("prompt", "consent")
		says(t, ana.Ask(q), 200, "Repo Scout")
		says(t, ana.Ask(proven.Query(profile, offline)), 200, "asks for one more thing", "Stay connected after you sign out", "Already allowed")
	})
}

func TestANo(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		before := d.Redeem(app, ana.Authorize(app, profile))
		had := d.Count("SELECT count(*) FROM grant_items")
		page := ana.Ask(app.Query(profile, email, offline))
		no := page.Form("/consent").Submit("deny")
		if !no.Away() || no.Status != 303 || no.Answer("error") != "access_denied" || no.Answer("iss") != d.URL || no.Answer("state") != "state-of-the-app" {
			t.Errorf("the app hears %d %s", no.Status, no.URL)
		}
		if n := d.Count("SELECT count(*) FROM grant_items"); n != had || !d.Active(app, before.Access) {
			t.Errorf("a no changed what stood: %d items, had %d", n, had)
		}
		for _, scope := range []string{email, offline} {
			if d.Count("SELECT count(*) FROM refusals WHERE scope = ?", scope) != 1 {
				t.Errorf("the no to %s is not remembered", scope)
			}
		}
		if n := d.Count("SELECT count(*) FROM receipts WHERE decision = 'no'"); n != 1 {
			t.Errorf("%d receipts of the no", n)
		}
		if p := ana.Ask(app.Query(profile, email)); d.Redeem(app, ana.Code(p)).Scope != profile {
			t.Errorf("a repeated request asks again, or gives more: %s", p.URL)
		}
		q := app.Query(profile, email)
		q.Set("prompt", "consent")
		again := ana.Ask(q)
		says(t, again, 200, "You said no to this on")
		if allow := again.Form("/consent").Values["allow"]; len(allow) != 0 {
			t.Errorf("what was refused comes ticked: %v", allow)
		}
		ana.Code(again.Agree())
		if d.Count("SELECT count(*) FROM refusals WHERE scope = ?", email) != 0 {
			t.Error("a yes does not take the no back")
		}
	})
}

func TestARequestEnds(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		page := ana.Ask(app.Query(profile))
		d.Clock.Add(flow.Life)
		for what, p := range map[string]deputytest.Page{
			"reloading": ana.Get(page.URL.String()), "allowing": page.Form("/consent").Submit("allow"), "refusing": page.Form("/consent").Submit("deny"),
		} {
			says(t, p, 409, "Nothing was shared.", "ended before you answered", "10 minutes had passed", "Go back to scout.example")
			if strings.Contains(p.Body, "https://scout.example/callback") {
				t.Errorf("%s leads to the return address without an answer", what)
			}
		}
		if n := shared(d) + d.Count("SELECT count(*) FROM refusals"); n != 0 {
			t.Errorf("%d things were given or refused", n)
		}
	})
}

func TestThinkingForNineMinutesIsFine(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	page := ana.Ask(app.Query(profile))
	d.Clock.Add(flow.Life - time.Second)
	ana.Code(page.Form("/consent").Submit("allow"))
}

func TestTheBackButton(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		for answer, other := range map[string]string{"allow": "deny", "deny": "allow"} {
			app := d.App(deputytest.Public)
			page := ana.Ask(app.Query(profile, email, offline))
			f := page.Form("/consent")
			if p := f.Submit(answer); !p.Away() {
				t.Fatalf("%s: %s", answer, p.Text())
			}
			given, refused := shared(d), d.Count("SELECT count(*) FROM refusals")
			for _, p := range []deputytest.Page{ana.Get(page.URL.String()), f.Submit(answer), f.Submit(other), f.Submit("save")} {
				says(t, p, 409, "You have answered this already", "Nothing was changed now")
			}
			if shared(d) != given || d.Count("SELECT count(*) FROM refusals") != refused {
				t.Errorf("a second answer after %s changed something", answer)
			}
		}
	})
}

func TestTwentyTimesAllow(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		f := ana.Ask(app.Query(profile, email)).Form("/consent").Set("do", "allow")
		pages := make([]deputytest.Page, 20)
		var all sync.WaitGroup
		for i := range pages {
			all.Go(func() { pages[i] = f.Copy().Submit("") })
		}
		all.Wait()
		codes := 0
		for _, p := range pages {
			switch {
			case p.Away() && p.Answer("code") != "":
				codes++
			case p.Status != 409:
				t.Errorf("%d: %s", p.Status, p.Text())
			}
		}
		if n := d.Count("SELECT count(*) FROM codes"); codes != 1 || n != 1 {
			t.Errorf("%d codes were sent and %d are stored, want one", codes, n)
		}
		if n := d.Count("SELECT count(*) FROM receipts"); n != 1 {
			t.Errorf("%d receipts, want one", n)
		}
	})
}

func TestOnlyWhatIsTickedIsGiven(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		page := ana.Ask(app.Query(profile, email, offline))
		f := page.Form("/consent")
		if ticked := strings.Join(f.Values["allow"], " "); ticked != profile+" "+email {
			t.Errorf("at first these are ticked: %s", ticked)
		}
		says(t, f.Copy().Set("allow").Submit("allow"), 409, "Nothing that is ticked is ready, so nothing was shared.")
		if n := shared(d); n != 0 {
			t.Fatalf("%d things were given for nothing ticked", n)
		}
		got := f.Set("allow", email, "agents.jobs.background", "no.such.scope").Set("shown", profile, email, offline, "agents.jobs.background").Submit("allow")
		if scope := d.Redeem(app, ana.Code(got)).Scope; scope != email {
			t.Errorf("%s ticked, %s given", email, scope)
		}
		if n := d.Count("SELECT count(*) FROM grant_items"); n != 1 {
			t.Errorf("%d items", n)
		}
	})
}

func TestHowLongItLasts(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		for chosen, want := range map[string]int{"30": 30, "90": 90, "180": 180, "9999": 90, "-1": 90, "x": 90} {
			app := d.App(deputytest.Confidential)
			ana.Code(ana.Ask(app.Query(profile)).Form("/consent").Set("days.see", chosen).Submit("allow"))
			until := d.Count("SELECT until FROM grant_items WHERE grant_id = (SELECT id FROM grants WHERE app_id = ?)", app.ID)
			if end := time.UnixMilli(int64(until)); !end.Equal(d.Clock.Now().AddDate(0, 0, want)) {
				t.Errorf("days %s: until %s, want %d days", chosen, end, want)
			}
		}
	})
}

func TestWhatWasTickedStaysOverADetour(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	f := ana.Ask(app.Query(repos, profile, offline)).Form("/consent").Set("allow", repos, offline).Set("days.see", "30")
	back := f.Submit("connect:github").Form("/connect/github/start").Submit("").ThereAndBack()
	says(t, back, 200, "octocat")
	after := back.Form("/consent")
	if got := strings.Join(after.Values["allow"], " "); got != repos+" "+offline || after.Values.Get("days.see") != "30" {
		t.Errorf("after the detour: ticked %s, days %s", got, after.Values.Get("days.see"))
	}
	picked := after.Submit("pick:github.repository").Pick("700100001")
	says(t, picked, 200, "Only acme/web")
	if got := strings.Join(picked.Form("/consent").Values["allow"], " "); got != repos+" "+offline {
		t.Errorf("after the picker: ticked %s", got)
	}
}

func TestSayingNoAtTheProvider(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	there := ana.Ask(app.Query(repos)).Form("/consent").Submit("connect:github").Form("/connect/github/start").Submit("")
	asks := there.Form("").Set("login", "octocat").Set("password", "octocat").Submit("")
	back := asks.Form("").Set("authorize", "0").Submit("")
	says(t, back, 200, "Not connected", "Connect GitHub")
	if len(back.Missing()) == 0 || shared(d) != 0 || d.Count("SELECT count(*) FROM connections") != 0 {
		t.Errorf("a no at GitHub connected something: %s", back.Text())
	}
}

func TestARequestThatIsTooLongToCarry(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	q := app.Query(profile)
	q.Set("state", strings.Repeat("s", 4000))
	says(t, ana.Ask(q), 400, "too long", "Nothing was shared")
}

func TestSigningInOnTheWay(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, user, b := d.App(deputytest.Confidential), d.User("ana"), d.Browser()
		asks := b.Ask(app.Query(profile))
		says(t, asks, 200, "Sign in", "Then you see what Repo Scout wants, from scout.example")
		wrong := asks.Form("/signin").Set("email", user.Email).Set("password", "wrong-password").Submit("")
		says(t, wrong, 403, "That did not fit")
		page := wrong.SignIn(user)
		says(t, page, 200, "Repo Scout", user.Email)
		b.Code(page.Agree())
	})
}
