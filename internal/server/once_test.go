package server_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/simulator"
)

const writeIssues = "services.github.issues.write"

// filer is an app that files issues under keys.
func filer(t *testing.T, d *deputytest.Deputy) (file func(key, title string) deputytest.Answer, ana *deputytest.Browser) {
	t.Helper()
	app := d.App(deputytest.Confidential)
	ana = d.SignedIn("ana")
	f := ana.Ask(app.Query(writeIssues, unattended)).Complete("700100001").Form("/consent")
	tokens := d.Redeem(app, ana.Code(f.Set("allow", f.Boxes("allow")...).Submit("allow")))
	return func(key, title string) deputytest.Answer {
		return d.Send("POST", "/api/github/repos/acme/web/issues", `{"title":"`+title+`"}`, "Authorization", "Bearer "+tokens.Access, "Content-Type", "application/json", "Idempotency-Key", key)
	}, ana
}

const unattended = "agents.writes.unattended"

// A connection drops, and the app tries again, often and at once: each key is one
// change at the provider.
func TestThreat_B20_RetriesDoNotDuplicateWrites(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		file, ana := filer(t, d)
		had := len(d.GitHub.Issues("acme/web"))
		var all sync.WaitGroup
		answers := make([]deputytest.Answer, 60)
		for i := range answers {
			all.Go(func() { answers[i] = file(fmt.Sprint("key-", i%3), fmt.Sprint("Issue ", i%3)) })
		}
		all.Wait()
		if made := len(d.GitHub.Issues("acme/web")) - had; made != 3 {
			t.Errorf("%d issues for three keys", made)
		}
		numbers := map[string]bool{}
		for i, a := range answers {
			switch {
			case a.Status == 201:
				numbers[fmt.Sprint(i%3, a.JSON["number"])] = true
			case a.Status != 409 || a.Text("error") != "idempotency_key_in_use" || a.Header.Get("Retry-After") != "1":
				t.Errorf("%d %s", a.Status, a.Raw)
			}
		}
		if len(numbers) != 3 {
			t.Errorf("the answers tell of %v", numbers)
		}
		if a := file("key-1", "Issue 1"); a.Status != 201 || a.Header.Get("Idempotent-Replayed") != "true" || a.JSON["title"] != "Issue 1" {
			t.Errorf("afterwards: %d %s", a.Status, a.Raw)
		}
		if a := file("key-1", "Issue 2"); a.Status != 422 || a.Text("error") != "idempotency_key_reused" {
			t.Errorf("another call: %d %s", a.Status, a.Raw)
		}
		if kept := d.Words("SELECT string_agg(answer, ' ') FROM outcomes"); strings.Contains(kept, "Issue") {
			t.Errorf("answers are stored as they are: %s", kept)
		}
		for range 60 {
			file("key-2", "Issue 2") // more than a page of the list has
		}
		if page := ana.Get("/activity"); !page.Says("Repo Scout opened an issue in acme/web. 3 times.") || page.Says("Refused:") {
			t.Errorf("she reads: %s", page.Text())
		}
		d.Exec("UPDATE outcomes SET expires_at = ?", d.Clock.Now().UnixMilli())
		if a := file("key-1", "Issue 2"); a.Status != 201 || a.Header.Get("Idempotent-Replayed") != "" {
			t.Errorf("a day later: %d %s", a.Status, a.Raw)
		}
		if n := d.Count("SELECT count(*) FROM outcomes"); n != 1 {
			t.Errorf("%d rows are kept", n)
		}
	})
}

// The provider makes the change, and nobody hears of it.
func TestThreat_B20_WhatNobodyKnowsIsSaid(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		t.Run(map[bool]string{false: "sqlite", true: "postgres"}[postgres], func(t *testing.T) {
			d := deputytest.New(t, deputytest.Options{Postgres: postgres, Quirks: simulator.Quirks{LoseReply: true}})
			file, ana := filer(t, d)
			had := len(d.GitHub.Issues("acme/web"))
			for range 20 {
				if a := file("key-1", "Lost"); a.Status != 504 || a.Text("error") != "unknown_outcome" {
					t.Errorf("%d %s", a.Status, a.Raw)
				}
			}
			if made := len(d.GitHub.Issues("acme/web")) - had; made != 1 {
				t.Errorf("%d issues", made)
			}
			if page := ana.Get("/activity"); !page.Says("Failed: Repo Scout would have opened an issue in acme/web.") || page.Says("times") {
				t.Errorf("she reads: %s", page.Text())
			}
		})
	}
}
