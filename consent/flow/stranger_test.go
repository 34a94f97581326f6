package flow_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// stranger registers an app for itself; manage is the token it does that again with.
func stranger(d *deputytest.Deputy, name string) (app deputytest.App, manage string) {
	got := d.Send("POST", "/oauth/register", `{"client_name":"`+name+`","redirect_uris":["https://scout.example/callback"]}`, "Content-Type", "application/json")
	return deputytest.App{ID: consent.AppID(got.Text("client_id")), RedirectURI: "https://scout.example/callback", Verifier: strings.Repeat("v", 43)}, got.Text("registration_access_token")
}

// rename changes what the app calls itself, and waits until that is known everywhere:
// what the server remembers of apps goes by the real time.
func rename(t *testing.T, d *deputytest.Deputy, app deputytest.App, manage, name string) {
	t.Helper()
	got := d.Send("PUT", "/oauth/register/"+string(app.ID), `{"client_id":"`+string(app.ID)+`","client_name":"`+name+`","redirect_uris":["https://scout.example/callback"]}`,
		"Content-Type", "application/json", "Authorization", "Bearer "+manage)
	if got.Status != http.StatusOK {
		t.Fatalf("rename: %d %s", got.Status, got.Raw)
	}
	time.Sleep(600 * time.Millisecond)
}

// eachOpen runs test on servers that let apps register themselves.
func eachOpen(t *testing.T, test func(t *testing.T, d *deputytest.Deputy)) {
	t.Helper()
	deputytest.EachWith(t, deputytest.Options{Registration: "public"}, test)
}

// opens is the request without going on from the page that says who asks.
func opens(b *deputytest.Browser, q url.Values) deputytest.Page {
	return b.Get("/oauth/authorize?" + q.Encode())
}

// isStranger fails unless the page says who asks, and asks for nothing.
func isStranger(t *testing.T, p deputytest.Page, words ...string) {
	t.Helper()
	says(t, p, http.StatusOK, append(words, "Go back", "Continue", "Nothing is shared yet.")...)
	if got := p.Offers(); !slices.Equal(got, []string{"back", "continue"}) || strings.Contains(p.Body, `type="checkbox"`) {
		t.Errorf("%s offers %q: %s", p.URL, got, p.Text())
	}
}

func TestAPersonReadsFirstWhoAsks(t *testing.T) {
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		app, _ := stranger(d, "Scout")
		ana := d.SignedIn("ana")
		first := opens(ana, app.Query(profile, repos))
		isStranger(t, first, "Do you know Scout?", "scout.example", "Nobody checked who this is.", "New here: nobody uses it yet.", "Your GitHub")
		if n := d.Count("SELECT count(*) FROM consents"); n != 0 {
			t.Errorf("%d drafts of who only looked", n)
		}
		page := first.Form("/consent/app").Submit("continue")
		says(t, page, http.StatusOK, "Scout wants to use your GitHub", "See your name and picture")
		// The back button, and once more.
		isStranger(t, ana.Get(first.URL.String()), "Do you know Scout?")
		again := first.Form("/consent/app").Submit("continue")
		ana.Code(again.Form("/consent").Set("allow", profile).Submit("allow"))
		// Who allowed it knows it, and somebody else does not.
		says(t, opens(ana, app.Query(profile)), http.StatusOK, "Scout wants to continue")
		isStranger(t, opens(d.SignedIn("ben"), app.Query(profile)), "New here: 1 person uses it.")
		// Another request is another conversation.
		other, _ := stranger(d, "Other")
		isStranger(t, opens(ana, other.Query(profile)), "Do you know Other?")
	})
}

// Every page and form of the conversation leads to the one that says who asks, also a
// form that was right before the app became a stranger again.
func TestThreat_O16_NoWayAroundWhoAsks(t *testing.T) {
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		app, _ := stranger(d, "Scout")
		ana := d.SignedIn("ana")
		if _, err := d.Foundation.ApproveApp(t.Context(), app.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(600 * time.Millisecond)
		page := opens(ana, app.Query(profile, repos))
		says(t, page, http.StatusOK, "Scout wants to use your GitHub", "Added by Northwind.")
		if err := d.Foundation.UnapproveApp(t.Context(), app.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(600 * time.Millisecond)
		isStranger(t, page.Form("/consent").Set("allow", profile).Submit("allow"))
		isStranger(t, page.Form("/consent").Submit("deny"))
		flow := "?flow=" + url.QueryEscape(page.URL.Query().Get("flow"))
		for _, path := range []string{"/consent" + flow, "/consent/connect" + flow + "&do=connect:github", "/consent/pick" + flow + "&type=github.repository", "/consent/admin" + flow} {
			isStranger(t, ana.Get(path))
		}
		if n := shared(d) + d.Count("SELECT count(*) FROM receipts"); n != 0 {
			t.Errorf("%d things were given or answered", n)
		}
		// A token for one thing is none for another.
		for name, swap := range map[string]func(f *deputytest.Form){
			"the token of the consent page": func(f *deputytest.Form) { f.Values.Set("csrf", page.Form("/consent").Values.Get("csrf")) },
			"another request":               func(f *deputytest.Form) { f.Values.Set("flow", opens(ana, app.Query(email)).URL.Query().Get("flow")) },
		} {
			f := ana.Get("/consent/app" + flow).Form("/consent/app")
			swap(f)
			if got := f.Submit("continue"); got.Status != http.StatusForbidden {
				t.Errorf("%s: %d %s", name, got.Status, got.Text())
			}
		}
		form := ana.Get("/consent/app" + flow).Form("/consent/app").Values
		form.Set("do", "allow")
		if got := ana.Do("POST", "/consent/app", form); got.Status != http.StatusBadRequest {
			t.Errorf("a button it has not: %d", got.Status)
		}
		isStranger(t, ana.Get("/consent"+flow))
		// Somebody else's Continue is not mine.
		ben := d.User("ben")
		ana.Get("/consent/app" + flow).Form("/consent/app").Submit("continue")
		ana.SignIn(ben)
		isStranger(t, ana.Get("/consent"+flow), ben.Email)
	})
}

func TestGoingBackFromAStrangerDecidesNothingElse(t *testing.T) {
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		app, _ := stranger(d, "Scout")
		ana := d.SignedIn("ana")
		first := opens(ana, app.Query(profile))
		back := first.Form("/consent/app").Submit("back")
		if !back.Away() || back.Answer("error") != "access_denied" || back.Answer("iss") != d.URL || back.Answer("state") == "" {
			t.Errorf("back: %s", back.URL)
		}
		if n := shared(d) + d.Count("SELECT count(*) FROM refusals") + d.Count("SELECT count(*) FROM receipts"); n != 0 {
			t.Errorf("%d things were answered that were not asked", n)
		}
		if n := d.Count("SELECT count(*) FROM audit WHERE kind = 'grant.refused' AND app_id = ?", app.ID); n != 1 {
			t.Errorf("%d records of it", n)
		}
		for _, do := range []string{"back", "continue"} {
			says(t, first.Form("/consent/app").Submit(do), http.StatusConflict, "You have answered this already.")
		}
		isStranger(t, opens(ana, app.Query(profile)))
		q := app.Query(profile)
		q.Set("prompt", "none")
		if p := opens(ana, q); p.Answer("error") != "consent_required" {
			t.Errorf("silently: %s", p.URL)
		}
		late := opens(ana, app.Query(profile))
		d.Clock.Add(11 * time.Minute)
		says(t, late.Form("/consent/app").Submit("continue"), http.StatusConflict, "ended before you answered")
	})
}

// Continue is for the app that was read about.
func TestThreat_O26_AStrangerThatChanges(t *testing.T) {
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		app, manage := stranger(d, "Scout")
		ana := d.SignedIn("ana")
		read, gone := opens(ana, app.Query(profile)), opens(ana, app.Query(profile)).Continue()
		says(t, gone, http.StatusOK, "Scout asks for your permission")
		rename(t, d, app, manage, "Ranger")
		if got := read.Form("/consent/app").Submit("continue"); got.Status != http.StatusForbidden {
			t.Errorf("read about Scout, continued with Ranger: %d %s", got.Status, got.Text())
		}
		isStranger(t, gone.Form("/consent").Set("allow", profile).Submit("allow"), "Do you know Ranger?")
		if n := shared(d); n != 0 {
			t.Errorf("%d things were given", n)
		}
		ana.Authorize(app, profile)
		rename(t, d, app, manage, "Notes")
		isStranger(t, opens(ana, app.Query(profile)), "Is this still the Notes you know?", "It called itself Ranger. It calls itself Notes now.")
	})
}

func TestOfWhichAppsPeopleAreWarned(t *testing.T) {
	for _, rule := range []string{"none", "new"} {
		d := deputytest.New(t, deputytest.Options{Registration: "public", WarnAbout: rule})
		app, _ := stranger(d, "Scout")
		ana := d.SignedIn("ana")
		if first := opens(ana, app.Query(profile)); first.HasForm("/consent/app") != (rule == "new") {
			t.Errorf("%s, a new app: %s", rule, first.Text())
		}
		for i := range consent.FewPeople {
			id := string(rune('a' + i))
			d.Exec("INSERT INTO users (id, email, email_key, name, password_hash, created_at) VALUES (?, ?, ?, 'x', 'x', 1)", id, id, id)
			d.Exec("INSERT INTO grants (id, user_id, app_id, created_at) VALUES (?, ?, ?, 1)", "grant_"+id, id, app.ID)
		}
		says(t, opens(ana, app.Query(profile)), http.StatusOK, "Scout asks for your permission", "10 people here use it.")
	}
}
