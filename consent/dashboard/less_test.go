package dashboard_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// lessen unticks all but some of what the page shows.
func (w *world) lessen(p someone, grant consent.GrantID, scope consent.ScopeName, shown, keep []string, days string) answer {
	w.t.Helper()
	id := scopeOf(scope, p.connection).Get("scope")
	path := "/apps/" + string(grant) + "/less"
	form := url.Values{"scope": {id}, "shown": shown, "keep": keep, "days": {days}}
	form.Set("csrf", p.token(path+"?scope="+url.QueryEscape(id)))
	return p.post(path, form)
}

// TestAllowingLess narrows at once, what includes it too, and nothing else.
func TestAllowingLess(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.store.SaveGrant(t.Context(), consent.Grant{ID: w.ana.grant, User: w.ana.user, App: "repo-scout", Items: []consent.Item{w.item(writeFiles, w.ana.connection, "ana/web")}})
		w.must(err)
		before := w.grant(w.ana.grant)
		has := func(scope consent.ScopeName) (ids []string, until time.Time) {
			for _, it := range w.grant(w.ana.grant).Items {
				if it.Scope == scope {
					for _, r := range it.Limit.Resources {
						ids = append(ids, string(r.Type)+":"+r.ID)
					}
					until = it.Until
				}
			}
			return ids, until
		}
		all, end := has(readFiles)
		if len(all) != 2 {
			t.Fatalf("there are %v", all)
		}
		page := "/apps/" + string(w.ana.grant) + "/less?" + scopeOf(readFiles, w.ana.connection).Encode()
		says(t, w.ana.page(page), "Allow Repo Scout less", "ana/web", "ana/api", w.words[writeFiles].Words)

		if a := w.lessen(w.ana, w.ana.grant, readFiles, all, nil, "0"); a.status != http.StatusConflict {
			t.Errorf("nothing would be left: %d %s", a.status, a.body)
		}
		web, _ := has(writeFiles)
		var api []string
		for _, id := range all {
			if id != web[0] {
				api = append(api, id)
			}
		}
		a := w.lessen(w.ana, w.ana.grant, readFiles, all, api, "7")
		if a.status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.status, a.body)
		}
		says(t, w.ana.page(a.location), "is allowed now. It is so within a second.")
		left, until := has(readFiles)
		if len(left) != 1 || left[0] != api[0] || !until.Equal(w.clock().Add(7*24*time.Hour)) || !until.Before(end) {
			t.Errorf("left are %v until %s", left, until)
		}
		if ids, until := has(writeFiles); len(ids) != 0 || !until.IsZero() {
			t.Errorf("writing, which includes it, keeps %v", ids)
		}
		if ids, _ := has(readIssues); len(ids) != 1 || len(w.grant(w.ana.grant).Items) != len(before.Items)-1 {
			t.Errorf("something else changed: %v", w.grant(w.ana.grant).Items)
		}
		if len(w.changed) != 1 || w.changed[0] != w.ana.grant {
			t.Errorf("told about %v", w.changed)
		}
		says(t, w.ana.page("/activity"), "You allow <b><bdi>Repo Scout</bdi></b> less of")

		// A later end, a resource that is not there, and one that came meanwhile change nothing.
		if a := w.lessen(w.ana, w.ana.grant, readFiles, []string{"github.repository:nowhere"}, nil, "90"); a.status != http.StatusSeeOther {
			t.Errorf("nothing to take: %d %s", a.status, a.body)
		} else {
			says(t, w.ana.page(a.location), "You changed nothing.")
		}
		if ids, same := has(readFiles); len(ids) != 1 || !same.Equal(until) {
			t.Errorf("changed to %v until %s", ids, same)
		}
	})
}

// TestNobodyElseAllowsLess: somebody else's grant is one that does not exist, and a
// token is for one row.
func TestNobodyElseAllowsLess(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := scopeOf(readFiles, w.ana.connection).Get("scope")
		path := "/apps/" + string(w.ana.grant) + "/less"
		csrf := w.ana.token(path + "?scope=" + url.QueryEscape(id))
		form := url.Values{"scope": {id}, "days": {"1"}, "csrf": {csrf}}
		if a := w.bob.post(path, form); a.status != http.StatusNotFound {
			t.Errorf("Bob: %d", a.status)
		}
		form.Set("scope", scopeOf(readIssues, w.ana.connection).Get("scope"))
		if a := w.ana.post(path, form); a.status < 400 {
			t.Errorf("another row: %d", a.status)
		}
		for _, it := range w.grant(w.ana.grant).Items {
			if it.Until.Before(w.clock().Add(2 * 24 * time.Hour)) {
				t.Errorf("%s ends %s", it.Scope, it.Until)
			}
		}
	})
}
