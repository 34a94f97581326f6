package server_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/live"
)

const readFiles = "services.github.repositories.read"

// reader gives a new app what one repository holds, and returns its token.
func reader(d *deputytest.Deputy, who *deputytest.Browser, repository string) string {
	app := d.App(deputytest.Confidential)
	return d.Redeem(app, who.Code(who.Ask(app.Query(readFiles)).Agree(repository))).Access
}

// Threat B21: two people and two apps of one of them, all at the same time over
// the same connections, and each sees their own things only.
func TestThreat_B21_CallsAtTheSameTimeStayApart(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	ana, ben := d.SignedIn("ana"), d.SignedIn("ben")
	ben.Login["github"] = "hubot"
	sides := []struct{ token, path string }{
		{reader(d, ana, "700100001"), "/api/github/repositories/700100001"},
		{reader(d, ana, "700100002"), "/api/github/repositories/700100002"},
		{reader(d, ben, "710300001"), "/api/github/repositories/710300001"},
	}
	var all sync.WaitGroup
	for range 20 {
		for i, mine := range sides {
			for j, asked := range sides {
				all.Go(func() {
					got := d.API(mine.token, "GET", asked.path)
					want := map[bool]int{true: 200, false: 404}[i == j]
					if got.Status != want || (i != j && strings.Contains(got.Raw, "full_name")) {
						t.Errorf("%d asks for what is %d's: %d %.200s", i, j, got.Status, got.Raw)
					}
					if id := asked.path[strings.LastIndex(asked.path, "/")+1:]; i == j && fmt.Sprintf("%.0f", got.JSON["id"]) != id {
						t.Errorf("%d asked for %s and got %v", i, id, got.JSON["id"])
					}
				})
			}
			all.Go(func() {
				got := d.API(mine.token, "GET", "/api/github/user/repos")
				for j, other := range sides {
					if id := other.path[strings.LastIndex(other.path, "/")+1:]; strings.Contains(got.Raw, `"id":`+id+`,`) != (i == j) {
						t.Errorf("the list of %d and the repository of %d: %.200s", i, j, got.Raw)
					}
				}
			})
		}
	}
	all.Wait()
}

// Threat C21: what is switched off is off at its next use half a second later, on
// every replica, not when a token ends.
func TestThreat_C21_WhatIsSwitchedOffIsOffAtOnce(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	ana, ben := d.SignedIn("ana"), d.SignedIn("ben")
	ben.Login["github"] = "hubot"
	own, other := d.App(deputytest.Confidential), d.App(deputytest.Confidential)
	tokens := func(app deputytest.App, who *deputytest.Browser, repository string) deputytest.Tokens {
		return d.Redeem(app, who.Code(who.Ask(app.Query(readFiles, "offline_access")).Agree(repository)))
	}
	anas, bens, others := tokens(own, ana, "700100001"), tokens(own, ben, "710300001"), tokens(other, ben, "710300001")
	works := func(when string, app deputytest.App, with deputytest.Tokens, repository string, want bool) {
		t.Helper()
		before := len(d.GitHub.Calls())
		got := d.API(with.Access, "GET", "/api/github/repositories/"+repository)
		if want != (got.Status == 200) || (!want && (got.Status != 401 || len(d.GitHub.Calls()) != before)) {
			t.Errorf("%s a call is answered %d and GitHub was asked %d times", when, got.Status, len(d.GitHub.Calls())-before)
		}
		if got := d.Active(app, with.Access); got != want {
			t.Errorf("%s the token is active: %v", when, got)
		}
		if got := d.Token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {with.Refresh}, "client_id": {string(app.ID)}, "client_secret": {app.Secret}}); want != (got.Status == 200) {
			t.Errorf("%s a refresh is answered %d %s", when, got.Status, got.Raw)
		}
	}
	works("while everything is on", own, anas, "700100001", true)
	off := func(statement string, args ...any) {
		d.Exec(statement, args...)
		time.Sleep(live.Fresh + 50*time.Millisecond) // as another replica learns it
	}
	off("UPDATE users SET disabled_at = 1 WHERE email = 'ana@example.com'")
	works("without her account", own, anas, "700100001", false)
	works("with his account", own, bens, "710300001", true)
	off("UPDATE apps SET disabled_at = 1 WHERE id = ?", other.ID)
	if got := d.API(others.Access, "GET", "/api/github/repositories/710300001"); got.Status != 401 {
		t.Errorf("without the app a call is answered %d", got.Status)
	}
	works("with the other app off", own, bens, "710300001", true)
}
