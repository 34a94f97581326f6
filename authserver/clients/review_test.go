package clients_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

const (
	background = "agents.jobs.background"
	unattended = "agents.writes.unattended"
)

// approve lets an operator look at the app, by command beside the server.
func approve(t *testing.T, d *deputytest.Deputy, id consent.AppID) {
	t.Helper()
	if _, err := d.Foundation.ApproveApp(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	later(d, time.Second)
}

// An app that nobody knows asks for what it could do alone: that is not on the
// page and in no token until an operator looked at it, as it is then.
func TestThreat_O16_WhatAnUnknownAppCannotHave(t *testing.T) {
	t.Parallel()
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		app, token := registered(t, d)
		ana := d.SignedIn("ana")
		page := ana.Ask(app.Query(profile, background, unattended))
		if !page.Says("“Keep working when you are not here” and 1 more of what it asks for cannot be allowed yet. First Northwind has to look at this app.") {
			t.Errorf("the page says %s", page.Text())
		}
		// Whatever a form names, only what was offered is allowed.
		form := page.Form("/consent")
		if boxes := form.Boxes("allow"); len(boxes) != 1 {
			t.Errorf("the page offers %v", boxes)
		}
		code := ana.Code(form.Set("allow", profile, background, unattended).Set("shown", profile, background, unattended).Submit("allow"))
		if got := d.Redeem(app, code); got.Scope != profile {
			t.Errorf("the token has %q", got.Scope)
		}
		approve(t, d, app.ID)
		page = ana.Ask(app.Query(profile, background, unattended))
		if page.Says("cannot be allowed yet") || !page.Says("Added by Northwind.") || len(page.Form("/consent").Boxes("allow")) != 2 {
			t.Errorf("approved: %s", page.Text())
		}
		if got := d.Redeem(app, ana.Code(page.Agree())); got.Scope != profile+" "+background+" "+unattended {
			t.Errorf("approved, the token has %q", got.Scope)
		}
		// The approval was for its addresses as they were.
		moved := d.Send("PUT", "/oauth/register/"+string(app.ID), fmt.Sprintf(`{"client_id":%q,"client_name":"Scout","redirect_uris":["https://evil.example/callback"]}`, app.ID),
			"Authorization", "Bearer "+token, "Content-Type", "application/json")
		if moved.Status != http.StatusOK {
			t.Fatalf("move: %d %s", moved.Status, moved.Raw)
		}
		app.RedirectURI = "https://evil.example/callback"
		if got := d.Redeem(app, ana.Code(ana.Ask(app.Query(profile, background, unattended)).Agree())); got.Scope != profile {
			t.Errorf("moved, the token has %q", got.Scope)
		}
		for _, want := range []string{"an app registered itself", "an app changed its registration"} {
			if !strings.Contains(d.Log.String(), want+"\" app="+string(app.ID)) {
				t.Errorf("the log does not say that %s", want)
			}
		}
		if n := d.Count("SELECT count(*) FROM audit WHERE kind = 'app.approved' AND app_id = ?", app.ID); n != 1 {
			t.Errorf("%d records of the approval", n)
		}
	})
}

// When all of it waits there is nothing to agree to: the person is told whom to
// ask, and a silent request is refused.
func TestThreat_O16_NothingLeftToAllow(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{Registration: "public", Review: "changes"})
	_, _, err := d.Foundation.CreateResourceServer(t.Context(), server.NewResourceServer{Identifier: "https://notes.example/mcp", Scopes: []consent.Scope{
		{Name: "mcp:read", Words: "Read your notes", Access: consent.Read}, {Name: "mcp:write", Words: "Change your notes", Access: consent.Write},
	}})
	if err != nil {
		t.Fatal(err)
	}
	app, _ := registered(t, d)
	ana := d.SignedIn("ana")
	q := app.Query("mcp:write")
	q.Set("resource", "https://notes.example/mcp")
	page := ana.Ask(q)
	if page.Status != http.StatusForbidden || !page.Says("Ask whoever runs this server to approve it") || !page.Says(string(app.ID)) {
		t.Errorf("%d %s", page.Status, page.Text())
	}
	q.Set("prompt", "none")
	if page := ana.Ask(q); page.Answer("error") != "access_denied" || page.Answer("iss") != d.URL {
		t.Errorf("silently: %s", page.URL)
	}
	q.Del("prompt")
	q.Set("scope", "mcp:read mcp:write")
	if page := ana.Ask(q); !page.Says("“Change your notes” cannot be allowed yet.") || len(page.Form("/consent").Boxes("allow")) != 1 {
		t.Errorf("reading and writing: %s", page.Text())
	}
	approve(t, d, app.ID)
	if got := d.Redeem(app, ana.Code(ana.Ask(q).Agree())).Scope; got != "mcp:read mcp:write" {
		t.Errorf("approved: %q", got)
	}
}

// A hundred people may allow an app that nobody looked at. The next is told, even
// when several come at the same time.
func TestThreat_O16_The101stPerson(t *testing.T) {
	t.Parallel()
	eachOpen(t, func(t *testing.T, d *deputytest.Deputy) {
		app, _ := registered(t, d)
		first := d.SignedIn("first")
		first.Authorize(app, profile)
		for i := range consent.MostUnreviewed - 2 {
			id := fmt.Sprintf("user_%d", i)
			d.Exec("INSERT INTO users (id, email, email_key, name, password_hash, created_at) VALUES (?, ?, ?, 'x', 'x', 1)", id, id, id)
			d.Exec("INSERT INTO grants (id, user_id, app_id, created_at) VALUES (?, ?, ?, 1)", "grant_"+id, id, app.ID)
		}
		var late []*deputytest.Form
		for i := range 4 {
			late = append(late, d.SignedIn(fmt.Sprintf("late%d", i)).Ask(app.Query(profile)).Form("/consent"))
		}
		var mu sync.Mutex
		var in, out int
		var wg sync.WaitGroup
		for _, form := range late {
			wg.Go(func() {
				page := form.Set("allow", profile).Submit("allow")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case page.Away() && page.Answer("code") != "":
					in++
				case (page.Status == http.StatusConflict || page.Status == http.StatusForbidden) && page.Says("100 people have allowed it"):
					out++
				default:
					t.Errorf("%d %s: %s", page.Status, page.URL, page.Text())
				}
			})
		}
		wg.Wait()
		if in != 1 || out != 3 {
			t.Errorf("%d got in and %d did not", in, out)
		}
		if n := d.Count("SELECT count(*) FROM grants WHERE app_id = ?", app.ID); n != consent.MostUnreviewed {
			t.Errorf("%d people", n)
		}
		next := d.SignedIn("next")
		if page := next.Ask(app.Query(profile)); page.Status != http.StatusForbidden || !page.Says("100 people have allowed it, and nobody has looked at it yet. Its id is "+string(app.ID)) {
			t.Errorf("%d %s", page.Status, page.Text())
		}
		if page := first.Ask(app.Query(profile)); page.Status != http.StatusOK || !page.Says("Continue") {
			t.Errorf("somebody who has it already: %d %s", page.Status, page.Text())
		}
		approve(t, d, app.ID)
		next.Authorize(app, profile)
	})
}

// The document of a famous app, answered by a program on this computer: anybody's
// program can listen there, so it works alone only when an operator allows it.
func TestThreat_O10_NothingUnattendedForAProgramHere(t *testing.T) {
	t.Parallel()
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		s := newSite(t)
		s.change("redirect_uris", []string{"http://127.0.0.1/callback"})
		app := s.app()
		app.RedirectURI = "http://127.0.0.1:49152/callback"
		ana := d.SignedIn("ana")
		if page := ana.Ask(app.Query(unattended)); page.Status != http.StatusForbidden || page.HasForm("/consent") {
			t.Errorf("%d %s", page.Status, page.Text())
		}
		if n := d.Count("SELECT count(*) FROM apps"); n != 0 {
			t.Errorf("%d rows of apps that nobody answered", n)
		}
		approve(t, d, app.ID)
		if got := d.Redeem(app, ana.Code(ana.Ask(app.Query(unattended)).Agree())).Scope; got != unattended {
			t.Errorf("approved: %q", got)
		}
		if err := d.Foundation.UnapproveApp(t.Context(), app.ID); err != nil {
			t.Fatal(err)
		}
		later(d, time.Second)
		if page := ana.Ask(app.Query(unattended)); page.Status != http.StatusForbidden {
			t.Errorf("the approval was taken back: %d %s", page.Status, page.Text())
		}
	})
}

// Its site is gone, or an operator turned the app off: the approval goes all the same,
// and the name of another with it.
func TestAnApprovalIsTakenBackFromAnAppThatIsGone(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		s := newSite(t)
		s.change("client_name", "GitHub Copilot")
		app := s.app()
		approve(t, d, app.ID)
		ana := d.SignedIn("ana")
		ana.Code(ana.Ask(app.Query("profile")).Agree())
		d.Exec("UPDATE apps SET disabled_at = 1 WHERE id = ?", app.ID)
		s.Close()
		if err := d.Foundation.UnapproveApp(t.Context(), app.ID); err != nil {
			t.Fatal(err)
		}
		if name, claimed := d.Words("SELECT name FROM apps WHERE id = ?", app.ID), d.Words("SELECT claimed FROM apps WHERE id = ?", app.ID); !strings.HasPrefix(name, "127.0.0.1:") || claimed != "GitHub Copilot" {
			t.Errorf("it is called %q and calls itself %q", name, claimed)
		}
	})
}

func TestWhatAnOperatorApproves(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Registration: "public", Review: "nothing"})
	app, _ := registered(t, d)
	if got := d.Redeem(app, d.SignedIn("ana").Authorize(app, unattended)).Scope; got != unattended {
		t.Errorf("where nothing waits: %q", got)
	}
	byHand := d.Register(server.NewApp{Name: "Tool", RedirectURIs: []string{"http://127.0.0.1/callback"}})
	for _, id := range []consent.AppID{byHand.ID, "app_nobody", "https://intranet/app"} {
		if _, err := d.Foundation.ApproveApp(t.Context(), id); err == nil {
			t.Errorf("%s was approved", id)
		}
	}
	if err := d.Foundation.UnapproveApp(t.Context(), app.ID); err == nil {
		t.Error("an approval that was never given was taken back")
	}
	apps, err := d.Foundation.Apps(t.Context())
	if err != nil || len(apps) != 2 || apps[0].ID != app.ID || apps[0].Reviewed() || apps[0].People != 1 || !apps[1].Reviewed() {
		t.Errorf("listed: %+v %v", apps, err)
	}
}
