package oauth_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// cli registers an app that runs where there is no browser.
func cli(d *deputytest.Deputy, scopes ...string) deputytest.App {
	return d.Register(server.NewApp{Name: "Scout CLI", Publisher: "Scout Labs", Scopes: scopes, GrantTypes: []string{deviceGrant, "refresh_token"}})
}

// start lets a device ask.
func start(t testing.TB, d *deputytest.Deputy, app deputytest.App, pairs ...string) (code, user string) {
	t.Helper()
	a := d.Post("/oauth/device_authorization", app.Form(pairs...), "User-Agent", "scout-cli/2.1 (build-server-3)")
	if a.Status != 200 || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("device authorization: %d %s", a.Status, a.Raw)
	}
	return a.Text("device_code"), a.Text("user_code")
}

func polling(app deputytest.App, code string) url.Values {
	return app.Form("grant_type", deviceGrant, "device_code", code)
}

// enter types a code.
func enter(b *deputytest.Browser, code string) deputytest.Page {
	return b.Get("/device").Form("/device").Set("user_code", code).Submit("")
}

func TestADeviceGetsItsToken(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := cli(d), d.SignedIn("ana")
		asked := d.Post("/oauth/device_authorization", app.Form("scope", "openid profile"))
		code, user := asked.Text("device_code"), asked.Text("user_code")
		if asked.Text("verification_uri") != d.URL+"/device" || asked.Text("verification_uri_complete") != d.URL+"/device?user_code="+user ||
			asked.JSON["expires_in"] != 600.0 || asked.JSON["interval"] != 5.0 || len(user) != 9 || user[4] != '-' || len(code) < 43 {
			t.Fatalf("the answer is %s", asked.Raw)
		}
		refusedWith(t, "before the person", d.Token(polling(app, code)), 400, "authorization_pending")
		refusedWith(t, "at once again", d.Token(polling(app, code)), 400, "slow_down")
		d.Clock.Add(6 * time.Second)
		refusedWith(t, "after six seconds, when it must wait ten", d.Token(polling(app, code)), 400, "slow_down")
		d.Clock.Add(16 * time.Second)
		refusedWith(t, "after sixteen", d.Token(polling(app, code)), 400, "authorization_pending")

		page := enter(ana, strings.ToLower(strings.Replace(user, "-", " ", 1)))
		for _, words := range []string{user, "Scout CLI", "The network you are on", "Say yes only if you started it just now"} {
			if !page.Says(words) {
				t.Errorf("the page does not say %q: %s", words, page.Text())
			}
		}
		consent := page.Form("/device/confirm").Submit("yes")
		if !consent.Says("Then your device goes on") {
			t.Errorf("the consent page says %s", consent.Text())
		}
		done := consent.Agree()
		if done.Status != 200 || !done.Says("You allowed Scout CLI") || !done.Says("See your name and picture") {
			t.Errorf("the end: %d %s", done.Status, done.Text())
		}
		if again := ana.Get(done.URL.String()); again.Text() != done.Text() {
			t.Errorf("reloaded, the end says %s", again.Text())
		}
		got := d.Tokens(polling(app, code))
		if got.Scope != "openid profile" || got.ID == "" || got.Refresh == "" {
			t.Errorf("the token is %+v", got)
		}
		me := d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+d.Refresh(app, got.Refresh).Access)
		if me.Text("name") != "Ana Example" {
			t.Errorf("after a refresh: %d %s", me.Status, me.Raw)
		}
		refusedWith(t, "a second use", d.Token(polling(app, code)), 400, "invalid_grant")
	})
}

func TestADevicesTokenCountsOnce(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := cli(d), d.SignedIn("ana")
		code, user := start(t, d, app, "scope", "profile")
		enter(ana, user).Form("/device/confirm").Submit("yes").Agree()
		status := make([]int, 20)
		var all sync.WaitGroup
		for i := range status {
			all.Go(func() { status[i] = d.Token(polling(app, code)).Status })
		}
		all.Wait()
		if count(status, 200) != 1 || count(status, 400) != 19 {
			t.Errorf("twenty questions at once: %v", status)
		}
	})
}

func TestADevicesTokenIsBoundToItsKey(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana, mine := cli(d), d.SignedIn("ana"), newProver(t, d)
	code, user := start(t, d, app, "scope", "profile")
	enter(ana, user).Form("/device/confirm").Submit("yes").Agree()
	got := mine.token(polling(app, code))
	if got.Text("token_type") != "DPoP" || mine.call(got.Text("access_token"), "GET", "/oauth/userinfo").Status != 200 {
		t.Errorf("the token: %d %s", got.Status, got.Raw)
	}
	refusedWith(t, "a refresh without the key", d.Token(app.Refreshing(got.Text("refresh_token"))), 400, "invalid_grant")
}

func TestADeviceIsToldNo(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := cli(d), d.SignedIn("ana")
		code, user := start(t, d, app, "scope", "profile")
		if end := enter(ana, user).Form("/device/confirm").Submit("no"); !end.Says("Nothing was shared") {
			t.Errorf("no on the first page: %s", end.Text())
		}
		refusedWith(t, "no on the first page", d.Token(polling(app, code)), 400, "access_denied")

		code, user = start(t, d, app, "scope", "profile")
		if end := enter(ana, user).Form("/device/confirm").Submit("yes").Form("/consent").Submit("deny"); !end.Says("Nothing was shared") {
			t.Errorf("no on the consent page: %s", end.Text())
		}
		refusedWith(t, "no on the consent page", d.Token(polling(app, code)), 400, "access_denied")
	})
}

func TestADevicesCodeEnds(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := cli(d), d.SignedIn("ana")
		code, user := start(t, d, app, "scope", "profile")
		page := enter(ana, user).Form("/device/confirm").Submit("yes")
		d.Clock.Add(10 * time.Minute)
		refusedWith(t, "after ten minutes", d.Token(polling(app, code)), 400, "expired_token")
		if late := page.Agree(); late.Status != 409 || !late.Says("Nothing was") {
			t.Errorf("a late yes: %d %s", late.Status, late.Text())
		}
		if late := enter(ana, user); late.Status != 404 {
			t.Errorf("an ended code: %d %s", late.Status, late.Text())
		}
		if n := d.Count("SELECT count(*) FROM grants"); n != 0 {
			t.Error("a late yes was stored")
		}
		// A yes in the last second is still fetched.
		code, user = start(t, d, app, "scope", "profile")
		page = enter(ana, user).Form("/device/confirm").Submit("yes")
		d.Clock.Add(599 * time.Second)
		page.Agree()
		d.Clock.Add(5 * time.Second)
		if a := d.Token(polling(app, code)); a.Status != 200 {
			t.Errorf("a yes in the last second: %d %s", a.Status, a.Raw)
		}
		d.Clock.Add(2 * time.Hour)
		start(t, d, app, "scope", "profile")
		if n := d.Count("SELECT count(*) FROM devices"); n != 1 {
			t.Errorf("%d rows are left, want the newest", n)
		}
	})
}

func TestWhatADeviceMayAskFor(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, web := cli(d, "profile", "offline_access", "services.github.repositories.write"), d.App(deputytest.Public)
	ask := func(a deputytest.App, pairs ...string) deputytest.Answer {
		return d.Post("/oauth/device_authorization", a.Form(pairs...))
	}
	for what, c := range map[string]struct {
		answer deputytest.Answer
		status int
		code   string
	}{
		"an app without the grant":  {ask(web, "scope", "profile"), 400, "unauthorized_client"},
		"an unknown app":            {d.Post("/oauth/device_authorization", url.Values{"client_id": {"nobody"}}), 401, "invalid_client"},
		"no app":                    {d.Post("/oauth/device_authorization", url.Values{}), 401, "invalid_client"},
		"an unknown scope":          {ask(app, "scope", "root"), 400, "invalid_scope"},
		"an unknown resource":       {ask(app, "resource", "https://other.example"), 400, "invalid_target"},
		"a scope twice":             {ask(app, "scope", "profile", "scope", "email"), 400, "invalid_request"},
		"a code of another kind":    {d.Token(polling(app, "dpc_x")), 400, "invalid_grant"},
		"a code that is not there":  {d.Token(polling(app, "dpd_x")), 400, "invalid_grant"},
		"no code":                   {d.Token(app.Form("grant_type", deviceGrant)), 400, "invalid_grant"},
		"a poll without the grant":  {d.Token(polling(web, "dpd_x")), 400, "unauthorized_client"},
		"parameters in the address": {d.Send("POST", "/oauth/device_authorization?x=1", "", "Content-Type", "application/x-www-form-urlencoded"), 400, "invalid_request"},
	} {
		refusedWith(t, what, c.answer, c.status, c.code)
	}
	// What it gets unasked is what a device may have.
	code, user := start(t, d, app)
	enter(d.SignedIn("ana"), user).Form("/device/confirm").Submit("yes").Agree()
	if got := d.Tokens(polling(app, code)); got.Scope != "profile" {
		t.Errorf("unasked it got %q", got.Scope)
	}
}

// Phishing: no link acts by itself, a code is guessed five times and no more, and
// a device is not given what goes on without the person.
func TestThreat_O29_ACodeThatSomebodySent(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := cli(d), d.SignedIn("ana")
		for _, scope := range []string{"offline_access", "agents.jobs.background", "agents.writes.unattended", "services.github.repositories.write"} {
			refusedWith(t, scope, d.Post("/oauth/device_authorization", app.Form("scope", "profile "+scope)), 400, "invalid_scope")
		}
		code, user := start(t, d, app, "scope", "profile")
		link := ana.Get("/device?user_code=" + user)
		if got := link.Form("/device").Values.Get("user_code"); got != user || link.Says("Scout CLI") {
			t.Errorf("the link fills in %q and says %s", got, link.Text())
		}
		if n := d.Count("SELECT count(*) FROM devices WHERE state <> 'waiting'"); n != 0 {
			t.Error("opening the link did something")
		}
		page := link.Form("/device").Submit("")
		if page.Says("The network you are on") != true || !page.HasForm("/device/confirm") {
			t.Errorf("the second page says %s", page.Text())
		}
		// The consent page cannot be reached past the question.
		if skipped := ana.Get("/consent?" + page.URL.RawQuery); skipped.Status != 400 {
			t.Errorf("past the question: %d %s", skipped.Status, skipped.Text())
		}
		forged := page.Form("/device/confirm").Set("csrf", "x").Set("do", "yes").Send("")
		if forged.Status != 403 {
			t.Errorf("without the form's token: %d", forged.Status)
		}
		refusedWith(t, "before any yes", d.Token(polling(app, code)), 400, "authorization_pending")

		for n := range 5 {
			if wrong := enter(ana, "BBBB-BBBB"); wrong.Status != 404 || !wrong.Says("That code does not work") {
				t.Errorf("wrong code %d: %d %s", n, wrong.Status, wrong.Text())
			}
		}
		_, fresh := start(t, d, app, "scope", "profile")
		if locked := enter(ana, fresh); locked.Status != 429 || !locked.Says("Too many tries") {
			t.Errorf("the right code after five wrong ones: %d %s", locked.Status, locked.Text())
		}
		if elsewhere := enter(d.SignedIn("eve"), fresh); elsewhere.Status != 429 {
			t.Errorf("the same network as somebody else: %d %s", elsewhere.Status, elsewhere.Text())
		}
		d.Clock.Add(10*time.Minute + time.Second)
		_, fresh = start(t, d, app, "scope", "profile")
		if open := enter(ana, fresh); open.Status != 200 {
			t.Errorf("ten minutes later: %d %s", open.Status, open.Text())
		}
	})
}

// A code is one sign-in's from the moment it is typed, and one client's
// (CVE-2026-45337, CVE-2023-2585).
func TestThreat_O30_OneSignInAndOneClient(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, other, ana, eve := cli(d), cli(d), d.SignedIn("ana"), d.SignedIn("eve")
		code, user := start(t, d, app, "scope", "profile")
		page := enter(ana, user)
		if taken := enter(eve, user); taken.Status != 404 {
			t.Errorf("a code that is claimed: %d %s", taken.Status, taken.Text())
		}
		if again := enter(ana, user); again.Status != 200 {
			t.Errorf("the same sign-in again: %d %s", again.Status, again.Text())
		}
		for what, stolen := range map[string]deputytest.Page{
			"eve sees the question":    eve.Get(page.URL.String()),
			"eve answers the question": page.Form("/device/confirm").Set("do", "yes").In(eve).Send(""),
			"a stranger sees it":       d.Browser().Get(page.URL.String()),
		} {
			if stolen.Says("Scout CLI") || stolen.HasForm("/consent") {
				t.Errorf("%s: %d %s", what, stolen.Status, stolen.Text())
			}
		}
		consent := page.Form("/device/confirm").Submit("yes")
		// The same browser, but another person in it: the answer is not theirs to give.
		swapped := consent.Form("/consent")
		ana.SignIn(d.User("mallory"))
		if late := swapped.Submit("allow"); late.Status < 400 || late.Status >= 500 {
			t.Errorf("a yes by who did not type the code: %d %s", late.Status, late.Text())
		}
		refusedWith(t, "after a stranger's yes", d.Token(polling(app, code)), 400, "authorization_pending")

		code, user = start(t, d, app, "scope", "profile")
		enter(eve, user).Form("/device/confirm").Submit("yes").Agree()
		refusedWith(t, "another client with the code", d.Token(polling(other, code)), 400, "invalid_grant")
		if a := d.Token(polling(app, code)); a.Status != 200 {
			t.Errorf("its own client, afterwards: %d %s", a.Status, a.Raw)
		}
	})
}

// Signed out before the device fetched its token: nothing outlives the sign-in.
func TestADeviceGetsNothingAfterTheSignOut(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := cli(d), d.SignedIn("ana")
	code, user := start(t, d, app, "scope", "profile")
	enter(ana, user).Form("/device/confirm").Submit("yes").Agree()
	ana.SignOut()
	refusedWith(t, "after the sign-out", d.Token(polling(app, code)), 400, "invalid_grant")
}

func TestUserCodesAreReadAsPeopleTypeThem(t *testing.T) {
	for typed, want := range map[string]string{
		"WDJB-MJHT": "WDJBMJHT", "wdjbmjht": "WDJBMJHT", " wdjb – mjht ": "WDJBMJHT", "w-d-j-b-m-j-h-t": "WDJBMJHT",
		"": "", "WDJB-MJH": "", "WDJB-MJHTT": "", "WDJB-MJH1": "", "WDJB-MJHA": "", "ＷDJBMJHT": "", "WDJB_MJHT": "",
	} {
		got, ok := oauth.ReadUserCode(typed)
		if ok != (want != "") || (ok && got != want) {
			t.Errorf("%q reads as %q, %v", typed, got, ok)
		}
	}
	letters := rapid.StringMatching("[BCDFGHJKLMNPQRSTVWXZ]{8}")
	rapid.Check(t, func(t *rapid.T) {
		code := letters.Draw(t, "code")
		if got, ok := oauth.ReadUserCode(strings.ToLower(oauth.ShowUserCode(code))); !ok || got != code {
			t.Errorf("%q shown and typed is %q", code, got)
		}
	})
}

func FuzzUserCode(f *testing.F) {
	f.Add("WDJB-MJHT")
	f.Add("wdjb mjht")
	f.Add("ﬁ\x00\u2013")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := oauth.ReadUserCode(typed)
		if !ok {
			return
		}
		if len(code) != 8 || strings.Trim(code, "BCDFGHJKLMNPQRSTVWXZ") != "" {
			t.Fatalf("%q reads as %q", typed, code)
		}
		if again, ok := oauth.ReadUserCode(oauth.ShowUserCode(code)); !ok || again != code {
			t.Errorf("%q reads as %q, and that as %q", typed, code, again)
		}
	})
}
