package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/store"
)

// standing is everything of a person that could be taken away, in a form that
// can be compared.
func (w *world) standing(p someone) string {
	w.t.Helper()
	sessions, err := w.store.SessionsOf(w.t.Context(), p.user)
	w.must(err)
	family, err := w.store.Standing(w.t.Context(), p.family)
	w.must(err)
	connections, err := w.store.ConnectionsOf(w.t.Context(), p.user)
	w.must(err)
	return fmt.Sprintf("%v\nsessions %d\nfamily revoked %v offline %v\nconnections %v", w.grant(p.grant), len(sessions), family.Family.RevokedAt, family.Family.Offline, connections)
}

// Attack: Ana puts each of Bob's ids into each route, with a token that is hers
// and good for the form she has.
func TestThreat_C9_SomebodyElsesIdsDoNotExist(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.standing(w.bob)
		mine, his := "/apps/"+string(w.ana.grant), "/apps/"+string(w.bob.grant)
		hisItem, hisFamily := scopeOf(readFiles, w.bob.connection), url.Values{"family": {string(w.bob.family)}}
		for _, path := range []string{
			his, his + "/remove", his + "/remove?" + hisItem.Encode(), his + "/remove?" + hisFamily.Encode(),
			mine + "/remove?" + hisItem.Encode(), mine + "/remove?" + hisFamily.Encode(),
			"/services/" + string(w.bob.connection) + "/disconnect",
			"/activity?app=" + string(w.bob.grant), "/activity?service=" + string(w.bob.connection),
		} {
			a := w.ana.get(path)
			if a.status != http.StatusNotFound {
				t.Errorf("GET %s: %d", path, a.status)
			}
			silent(t, a.body, "hubot", "bob/web", "bob@example.com")
		}
		token := w.ana.token(mine + "/remove")
		for _, c := range []struct {
			path string
			form url.Values
		}{
			{his + "/remove", url.Values{}}, {his + "/remove", hisItem}, {his + "/remove", hisFamily},
			{mine + "/remove", hisItem}, {mine + "/remove", hisFamily},
		} {
			c.form.Set("csrf", token)
			if a := w.ana.post(c.path, c.form); a.status != http.StatusNotFound {
				t.Errorf("POST %s %v: %d", c.path, c.form, a.status)
			}
		}
		end := url.Values{"csrf": {w.ana.token("/sessions")}, "do": {"end:" + string(w.bob.session)}}
		if a := w.ana.post("/sessions", end); a.status != http.StatusNotFound {
			t.Errorf("ending Bob's session: %d", a.status)
		}
		if diff := cmp.Diff(before, w.standing(w.bob)); diff != "" {
			t.Errorf("Bob lost something:\n%s", diff)
		}
	})
}

// The same below the pages: each write names the person first.
func TestThreat_C9_RevokerTakesNothingFromSomebodyElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := &store.Revoker{Store: w.store, Audit: w.audit, Changed: w.note}
		before := w.standing(w.bob)
		for name, err := range map[string]error{
			"RevokeGrant":  r.RevokeGrant(t.Context(), w.ana.user, w.bob.grant),
			"RemoveItems":  r.RemoveItems(t.Context(), w.ana.user, w.bob.grant, []consent.ScopeName{readFiles}, w.bob.connection),
			"RevokeFamily": r.RevokeFamily(t.Context(), w.ana.user, w.bob.family),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if diff := cmp.Diff(before, w.standing(w.bob)); diff != "" || len(w.changed) != 0 {
			t.Errorf("Bob lost something, told about %v:\n%s", w.changed, diff)
		}
	})
}

func TestTakingAwayTwiceIsNoError(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := &store.Revoker{Store: w.store, Audit: w.audit, Changed: w.note}
		for range 2 {
			w.must(r.RevokeFamily(t.Context(), w.ana.user, w.ana.family))
		}
		for range 2 {
			w.must(r.RevokeGrant(t.Context(), w.ana.user, w.ana.grant))
		}
		if err := r.RemoveItems(t.Context(), w.ana.user, w.ana.grant, []consent.ScopeName{readFiles}, w.ana.connection); !fault.Is(err, fault.NotFound) {
			t.Errorf("a part of what is gone: %v", err)
		}
	})
}

func TestTakingAwayAtTheSameTimeIsRecordedOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := &store.Revoker{Store: w.store, Audit: w.audit, Changed: w.note}
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				var err error
				switch n % 3 {
				case 0:
					err = r.RevokeGrant(t.Context(), w.ana.user, w.ana.grant)
				case 1:
					err = r.RevokeFamily(t.Context(), w.ana.user, w.ana.family)
				default:
					err = r.RemoveItems(t.Context(), w.ana.user, w.ana.grant, []consent.ScopeName{readFiles, readIssues}, w.ana.connection)
				}
				if err != nil && !(n%3 == 2 && fault.Is(err, fault.NotFound)) {
					t.Errorf("attempt %d: %v", n, err)
				}
			})
		}
		wg.Wait()
		list, err := w.audit.List(t.Context(), w.ana.user, audit.Filter{Kinds: []audit.Kind{audit.GrantRevoked}}, "", 9)
		if err != nil || len(list) != 1 || !w.grant(w.ana.grant).Revoked {
			t.Errorf("revoked %v, recorded %d times, %v", w.grant(w.ana.grant).Revoked, len(list), err)
		}
	})
}

// Attack: a form token made for one form, page or sign-in is sent with another.
func TestAFormTokenIsGoodForOneThingOnly(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		app := "/apps/" + string(w.ana.grant) + "/remove"
		item, family := scopeOf(readFiles, w.ana.connection), url.Values{"family": {string(w.ana.family)}}
		second := w.browser("ana@example.com")
		sources := map[string]string{
			"none":               "",
			"sessions":           w.ana.token("/sessions"),
			"removing the app":   w.ana.token(app),
			"one permission":     w.ana.token(app + "?" + item.Encode()),
			"another permission": w.ana.token(app + "?" + scopeOf(readIssues, w.ana.connection).Encode()),
			"one installation":   w.ana.token(app + "?" + family.Encode()),
			"another sign-in":    second.token(app),
			"Bob's form":         w.bob.token("/apps/" + string(w.bob.grant) + "/remove"),
		}
		before := w.standing(w.ana)
		for _, target := range []struct {
			own, path string
			form      url.Values
		}{
			{"removing the app", app, url.Values{}}, {"one permission", app, item}, {"one installation", app, family},
			{"sessions", "/sessions", url.Values{"do": {"end-others"}}},
		} {
			for name, token := range sources {
				if name == target.own {
					continue
				}
				form := url.Values{"csrf": {token}}
				for k, v := range target.form {
					form[k] = v
				}
				if a := w.ana.post(target.path, form); a.status != http.StatusForbidden {
					t.Errorf("%s with the token of %s: %d", target.own, name, a.status)
				}
			}
		}
		if diff := cmp.Diff(before, w.standing(w.ana)); diff != "" {
			t.Errorf("something was taken away:\n%s", diff)
		}
	})
}

// Attack: a link makes our page say something.
func TestNobodyElseWritesOurNotices(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	a := w.ana.remove(w.ana.grant, url.Values{"family": {string(w.ana.family)}})
	says(t, w.ana.page(a.location), "was removed")
	forged := strings.Replace(a.location, "what=Repo", "what=Call+0800+Repo", 1)
	if forged == a.location {
		t.Fatalf("nothing to forge in %s", a.location)
	}
	silent(t, w.ana.page(forged), "0800", "was removed")
	_, query, _ := strings.Cut(a.location, "?")
	silent(t, w.bob.page("/?"+query), "was removed")
	silent(t, w.ana.page("/services?outcome=connected&connection=Evil"), "is connected as", "Evil")
}

func TestAFormOfAnotherSiteTakesNothingAway(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	before := w.standing(w.ana)
	form := url.Values{"csrf": {w.ana.token("/sessions")}, "do": {"end-others"}}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.server.URL+"/sessions", strings.NewReader(form.Encode()))
	w.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := w.ana.client.Do(req)
	w.must(err)
	w.must(res.Body.Close())
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", res.StatusCode)
	}
	if diff := cmp.Diff(before, w.standing(w.ana)); diff != "" {
		t.Errorf("something was taken away:\n%s", diff)
	}
}
