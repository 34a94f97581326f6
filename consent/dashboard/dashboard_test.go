package dashboard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/dashboard"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
)

func scopeOf(name consent.ScopeName, on consent.ConnectionID) url.Values {
	if on == "" {
		return url.Values{"scope": {string(name)}}
	}
	return url.Values{"scope": {string(name) + "@" + string(on)}}
}

func TestHomeAnswersWhoCanActAndWhatHappened(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		call := audit.Event{Kind: audit.CallAllowed, Outcome: audit.Done, User: w.ana.user, App: "repo-scout", Grant: w.ana.grant, Connection: w.ana.connection,
			Scope: readFiles, Operation: "repositories.contents.get", Resource: "github.repository:1"}
		denied := call
		denied.Kind, denied.Outcome, denied.Resource, denied.Detail = audit.CallDenied, audit.Denied, "github.repository:99", "resource_unavailable"
		for _, e := range []audit.Event{call, call, denied} {
			w.must(w.audit.Record(t.Context(), e))
		}
		w.audit.Touch(w.ana.grant, readFiles, w.ana.connection)
		page := w.ana.page("/")
		says(t, page, "One app can act for you now", "Repo Scout", "reposcout.example", "2 uses", "octocat", "1 try was refused", "2 reads",
			"<bdi>ana/web</bdi>", "repository 99", "It is not among what you picked", "You signed in with", "20 Feb 2027")
		silent(t, page, "hubot", "bob/web", string(w.bob.grant))
	})
}

func TestAnAppsPageShowsEveryPart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.store.SaveGrant(t.Context(), consent.Grant{ID: w.ana.grant, User: w.ana.user, App: "repo-scout",
			Items:   []consent.Item{w.item(writeFiles, w.ana.connection, "ana/web"), w.item(consent.Background, "")},
			Refused: []consent.Refusal{{Scope: "services.slack.channels.read", At: w.clock()}}})
		w.must(err)
		page := w.ana.page("/apps/" + string(w.ana.grant))
		for _, name := range []consent.ScopeName{profile, readFiles, writeFiles, readIssues, consent.Background, "services.slack.channels.read"} {
			says(t, page, w.words[name].Words)
		}
		says(t, page, "ana/web", "ana/api", "Refused for now", "Also when away", "2 people here use it", "family="+string(w.ana.family), "Goes on after you sign out")
		silent(t, page, "bob/", string(w.bob.family))
	})
}

func TestABrokenServiceIsSaidWhereItMatters(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.exec("UPDATE connections SET health = 'needs_person' WHERE id = ?", w.ana.connection)
		says(t, w.ana.page("/"), "A service it uses does not work now")
		says(t, w.ana.page("/services"), "wants you to sign in again", "reconnect-"+string(w.ana.connection))
		silent(t, w.bob.page("/services"), "wants you to sign in again", "reconnect-"+string(w.ana.connection))
	})
}

// A pause and a lost answer are said as what they are, and until when.
func TestAPauseIsNoEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		until := w.clock().Add(7 * time.Minute)
		w.exec("INSERT INTO credentials (connection_id, version, access_token, issued_at, updated_at, fail_class, next_try_at) VALUES (?, 1, '', 1, 1, 'provider_down', ?)",
			w.ana.connection, until.UnixMilli())
		for _, path := range []string{"/", "/services"} {
			says(t, w.ana.page(path), "On pause", "is asked again at", until.UTC().Format("15:04"))
			silent(t, w.bob.page(path), "On pause")
		}
		silent(t, w.ana.page("/services"), "sign in again", "Sign in there again")
		w.exec("UPDATE credentials SET next_try_at = ? WHERE connection_id = ?", w.clock().UnixMilli(), w.ana.connection)
		silent(t, w.ana.page("/services"), "On pause")
		w.exec("UPDATE connections SET health = 'needs_person', reason = 'answer_lost' WHERE id = ?", w.ana.connection)
		says(t, w.ana.page("/services"), "got lost. Sign in there again.", "reconnect-"+string(w.ana.connection))
	})
}

func TestRemovingAnAppEndsItAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		asks := w.ana.page("/apps/" + string(w.ana.grant) + "/remove")
		says(t, asks, "Within a second", "<bdi>GitHub</bdi>, connected to", "Stays with <bdi>Scout Labs</bdi>")
		a := w.ana.remove(w.ana.grant, nil)
		if a.status != http.StatusSeeOther {
			t.Fatalf("remove: %d %s", a.status, a.body)
		}
		says(t, w.ana.page(a.location), "<bdi>Repo Scout</bdi> was removed", "No app can act for you", "You removed")
		if !w.grant(w.ana.grant).Revoked || w.grant(w.bob.grant).Revoked {
			t.Error("the wrong grant was revoked")
		}
		if s, err := w.store.Standing(t.Context(), w.ana.family); err != nil || s.Dead == "" || s.Family.RevokedAt == nil {
			t.Errorf("the installation stands: %+v %v", s, err)
		}
		if len(w.changed) != 1 || w.changed[0] != w.ana.grant {
			t.Errorf("told about %v", w.changed)
		}
		if a := w.ana.get("/apps/" + string(w.ana.grant)); a.status != http.StatusNotFound {
			t.Errorf("its page: %d", a.status)
		}
		list, err := w.audit.List(t.Context(), w.ana.user, audit.Filter{Kinds: []audit.Kind{audit.GrantRevoked}}, "", 9)
		if err != nil || len(list) != 1 || list[0].Grant != w.ana.grant || list[0].App != "repo-scout" {
			t.Errorf("audit: %+v %v", list, err)
		}
	})
}

func TestRemovingOnePermissionLeavesTheRest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.ana.remove(w.ana.grant, scopeOf(readIssues, w.ana.connection))
		if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/apps/"+string(w.ana.grant)) {
			t.Fatalf("%d to %s: %s", a.status, a.location, a.body)
		}
		says(t, w.ana.page(a.location), w.words[readIssues].Words+"</bdi> was removed", w.words[readFiles].Words)
		var left []consent.ScopeName
		for _, it := range w.grant(w.ana.grant).Items {
			left = append(left, it.Scope)
		}
		if len(left) != 2 || left[0] != profile || left[1] != readFiles {
			t.Errorf("left are %v", left)
		}
		if n := len(w.grant(w.bob.grant).Items); n != 3 {
			t.Errorf("Bob has %d items left", n)
		}
	})
}

// Reading that comes along with changing cannot be taken away alone: the page
// says what goes with it, and takes it.
func TestRemovingReadingRemovesWhatIncludesIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if !w.words.Covers(writeFiles, readFiles) {
			t.Fatal("writing no longer includes reading: choose other scopes for this test")
		}
		_, err := w.store.SaveGrant(t.Context(), consent.Grant{ID: w.ana.grant, User: w.ana.user, App: "repo-scout",
			Items: []consent.Item{w.item(writeFiles, w.ana.connection, "ana/web"), w.item(writeFiles, "connection-2", "ana/other")}})
		w.must(err)
		query := scopeOf(readFiles, w.ana.connection)
		says(t, w.ana.page("/apps/"+string(w.ana.grant)+"/remove?"+query.Encode()), "Also stops", w.words[writeFiles].Words)
		if a := w.ana.remove(w.ana.grant, query); a.status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.status, a.body)
		}
		g := w.grant(w.ana.grant)
		if _, still := g.Holds(w.words, readFiles, w.ana.connection, w.clock()); still {
			t.Error("the app can still read there")
		}
		if _, still := g.Holds(w.words, writeFiles, "connection-2", w.clock()); !still {
			t.Error("another account lost something")
		}
	})
}

func TestRemovingTheLastPermissionRemovesTheApp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i, it := range []url.Values{scopeOf(profile, ""), scopeOf(readFiles, w.ana.connection), scopeOf(readIssues, w.ana.connection)} {
			a := w.ana.remove(w.ana.grant, it)
			if a.status != http.StatusSeeOther {
				t.Fatalf("part %d: %d", i, a.status)
			}
			w.ana.page(a.location)
		}
		if !w.grant(w.ana.grant).Revoked {
			t.Error("a grant of nothing stands")
		}
	})
}

func TestRemovingOfflineAccessTiesTheAppToTheSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.store.SaveGrant(t.Context(), consent.Grant{ID: w.ana.grant, User: w.ana.user, App: "repo-scout", Items: []consent.Item{w.item(consent.OfflineAccess, "")}})
		w.must(err)
		if a := w.ana.remove(w.ana.grant, scopeOf(consent.OfflineAccess, "")); a.status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if s, err := w.store.Standing(t.Context(), w.ana.family); err != nil || s.Family.Offline {
			t.Errorf("outlives the sign-in: %v %v", s.Family.Offline, err)
		}
		if s, err := w.store.Standing(t.Context(), w.bob.family); err != nil || !s.Family.Offline {
			t.Errorf("Bob's was changed: %v %v", s.Family.Offline, err)
		}
	})
}

func TestRemovingOneInstallation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.ana.remove(w.ana.grant, url.Values{"family": {string(w.ana.family)}})
		if a.status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.status, a.body)
		}
		says(t, w.ana.page(a.location), "was removed")
		silent(t, w.ana.page(a.location), "family="+string(w.ana.family))
		if s, err := w.store.Standing(t.Context(), w.ana.family); err != nil || s.Family.RevokedAt == nil || s.Dead != "" {
			t.Errorf("the installation: %+v %v", s, err)
		}
		if len(w.changed) != 1 || w.changed[0] != w.ana.grant {
			t.Errorf("told about %v", w.changed)
		}
	})
}

func TestEndingSessionsFromThePage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		second, third := w.browser("ana@example.com"), w.browser("ana@example.com")
		sessions, err := w.store.SessionsOf(t.Context(), w.ana.user)
		w.must(err)
		var other string
		for _, s := range sessions {
			if s.ID != w.ana.session {
				other = string(s.ID)
			}
		}
		a := w.ana.post("/sessions", url.Values{"csrf": {w.ana.token("/sessions")}, "do": {"end:" + other}})
		if a.status != http.StatusSeeOther {
			t.Fatalf("end one: %d %s", a.status, a.body)
		}
		says(t, w.ana.page(a.location), "1 sign-in was ended", "You are signed in on 2 devices")
		ended := 0
		for _, b := range []*browser{second, third} {
			if b.get("/").status == http.StatusSeeOther {
				ended++
			}
		}
		if ended != 1 {
			t.Errorf("%d of the others ended, want 1", ended)
		}
		a = w.ana.post("/sessions", url.Values{"csrf": {w.ana.token("/sessions")}, "do": {"end-others"}})
		says(t, w.ana.page(a.location), "You are signed in on this device")
		if second.get("/").status != http.StatusSeeOther || third.get("/").status != http.StatusSeeOther || w.bob.get("/").status != http.StatusOK {
			t.Error("the wrong ones ended")
		}
		if a := w.ana.post("/sessions", url.Values{"csrf": {w.ana.token("/sessions")}, "do": {"end-everybody"}}); a.status != http.StatusBadRequest {
			t.Errorf("an action the page does not offer: %d", a.status)
		}
	})
}

func TestServicesOffersWhatCanBeConnected(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		says(t, w.ana.page("/services"), "octocat", "start-github", "Add an account", "Repo Scout", w.words[readFiles].Words)
		// Browsers follow form-action through the redirect to the provider.
		if csp := w.ana.get("/services").header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://github.example") {
			t.Errorf("a form of the page may not end at the provider: %s", csp)
		}
		page := w.ana.page("/services/" + string(w.ana.connection) + "/disconnect")
		says(t, page, "disconnect-"+string(w.ana.connection), "Repo Scout", w.words[readFiles].Words, "even if GitHub does not answer")
		silent(t, page, w.words[profile].Words)
		says(t, w.ana.page("/services?outcome=connected&connection="+string(w.ana.connection)), "is connected as <b><bdi>octocat")
		silent(t, w.ana.page("/services?outcome=connected&connection="+string(w.bob.connection)), "is connected as", "hubot")
		w.exec("UPDATE connections SET health = 'disconnected' WHERE id = ?", w.ana.connection)
		silent(t, w.ana.page("/services"), "octocat")
		if a := w.ana.get("/services/" + string(w.ana.connection) + "/disconnect"); a.status != http.StatusNotFound {
			t.Errorf("to disconnect it again: %d", a.status)
		}
	})
}

func TestActivityFiltersAndPages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 60 {
			w.later(11 * time.Minute) // further apart than what is told as one
			w.must(w.audit.Record(t.Context(), audit.Event{Kind: audit.CallAllowed, Outcome: audit.Done, User: w.ana.user, App: "repo-scout",
				Connection: w.ana.connection, Operation: "repositories.contents.get", Resource: "github.repository:1"}))
		}
		w.must(w.audit.Record(t.Context(), audit.Event{Kind: audit.CallDenied, Outcome: audit.Denied, User: w.ana.user, App: "repo-scout", Operation: "x", Detail: "unknown_operation"}))
		w.must(w.audit.Record(t.Context(), audit.Event{Kind: audit.CallDenied, Outcome: audit.Denied, User: w.bob.user, App: "repo-scout", Detail: "person_away"}))
		line := "read files in <bdi>ana/web</bdi>."
		first := w.ana.page("/activity")
		if n := strings.Count(first, line); n != 49 {
			t.Errorf("%d calls on the first page, want 49 and the refused one", n)
		}
		older := between(t, first, `href="/activity?before=`, `"`)
		second := w.ana.page("/activity?before=" + older)
		if n := strings.Count(second, line); n != 11 {
			t.Errorf("%d calls on the second page, want 11", n)
		}
		says(t, second, `href="/activity">Newer`, "You signed in")
		denied := w.ana.page("/activity?result=denied")
		says(t, denied, "would have made a call", "does not know this kind of call", "Show everything")
		silent(t, denied, line, "You were away")
		says(t, w.ana.page("/activity?app="+string(w.ana.grant)+"&service="+string(w.ana.connection)+"&result=done"), line)
	})
}

func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, from)
	if !found {
		t.Fatalf("no %q on the page", from)
	}
	out, _, _ := strings.Cut(rest, to)
	return out
}

func TestEqualThingsAreToldAsOne(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	for range 14 {
		w.must(w.audit.Record(t.Context(), audit.Event{Kind: audit.CallAllowed, Outcome: audit.Done, User: w.ana.user, App: "repo-scout",
			Connection: w.ana.connection, Operation: "repositories.contents.get", Resource: "github.repository:1"}))
	}
	says(t, w.ana.page("/activity"), "14 times.")
}

// The broker records that a write is about to be sent, and then how it ended.
func TestAWriteIsToldOnceAndALostOneIsToldAsSuch(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	started := audit.Event{Kind: audit.CallAllowed, Outcome: audit.Unknown, Detail: "started", User: w.ana.user, App: "repo-scout", Grant: w.ana.grant,
		Operation: "issues.create", Resource: "github.repository:1"}
	done := started
	done.Outcome, done.Detail = audit.Done, ""
	lost := started
	lost.Resource = "github.repository:2"
	for _, e := range []audit.Event{started, done, lost} {
		w.must(w.audit.Record(t.Context(), e))
	}
	page := w.ana.page("/activity")
	if n := strings.Count(page, "opened an issue in <bdi>ana/web</bdi>"); n != 1 {
		t.Errorf("the write is told %d times", n)
	}
	says(t, page, "would have opened an issue in <bdi>ana/api</bdi>")
	silent(t, page, "did not do it")
}

func TestPagesNeedASignIn(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	nobody := &browser{w: w, client: &http.Client{CheckRedirect: w.ana.client.CheckRedirect}}
	for _, r := range routes(&dashboard.Dashboard{}) {
		path := strings.NewReplacer(":grant", string(w.ana.grant), ":connection", string(w.ana.connection)).Replace(r.path)
		if a := nobody.do(r.method, path, nil); a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/signin") {
			t.Errorf("%s %s: %d to %q", r.method, r.path, a.status, a.location)
		}
	}
}
