package oauth_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

const (
	queryGrants  = "grant_management_query"
	revokeGrants = "grant_management_revoke"
)

// managing is the app's request about one grant.
func managing(a deputytest.App, action, grant string, scopes ...string) url.Values {
	q := a.Query(scopes...)
	for name, value := range map[string]string{"grant_management_action": action, "grant_id": grant} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// grantID is the grant of an answer to a code.
func grantID(t testing.TB, got deputytest.Answer) string {
	t.Helper()
	if got.Status != 200 || !strings.HasPrefix(got.Text("grant_id"), "grant_") {
		t.Fatalf("no grant_id: %d %s", got.Status, got.Raw)
	}
	return got.Text("grant_id")
}

// forItself is a token of the app for itself.
func forItself(d *deputytest.Deputy, a deputytest.App, scopes string) string {
	return d.Tokens(a.Form("grant_type", "client_credentials", "scope", scopes)).Access
}

func grants(d *deputytest.Deputy, method, token, id string) deputytest.Answer {
	return d.Send(method, "/oauth/grants/"+url.PathEscape(id), "", "Authorization", "Bearer "+token)
}

func TestAClientQueriesItsGrant(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		d.ResourceServer("https://notes.example/mcp", "mcp:read")
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		made := d.Clock.Now()
		id := grantID(t, d.Token(app.Redemption(ana.Authorize(app, profile, repos))))
		d.Clock.Add(time.Hour)
		ana.Authorize(app, "mcp:read", offline)
		updated := d.Clock.Now()
		d.Clock.Add(time.Hour)
		ana.Ask(app.Query(email)).Form("/consent").Submit("deny") // changes nothing of what was given
		token := forItself(d, app, queryGrants)
		got := grants(d, "GET", token, id)
		want := map[string]any{
			"scopes": []any{
				map[string]any{"scope": profile + " " + offline},
				map[string]any{"scope": repos, "resource": []any{d.URL + "/api"}},
				map[string]any{"scope": "mcp:read", "resource": []any{"https://notes.example/mcp"}},
			},
			"authorization_details": []any{map[string]any{"type": "github.repository", "identifier": web, "actions": []any{repos}}},
			"created_at":            float64(made.Unix()), "last_updated": float64(updated.Unix()), "expires_at": float64(updated.Add(90 * 24 * time.Hour).Unix()),
		}
		sortScopes(got.JSON)
		if diff := cmp.Diff(want, got.JSON); diff != "" || got.Status != 200 || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v %s", got.Status, got.Header, diff)
		}
		ana.Get("/apps/" + id + "/remove?scope=" + url.QueryEscape(profile)).Form("/apps/").Submit("")
		got = grants(d, "GET", token, id)
		if got.JSON["last_updated"] != float64(d.Clock.Now().Unix()) || strings.Contains(got.Raw, profile) {
			t.Errorf("after a part was taken away: %s", got.Raw)
		}
		d.Clock.Add(100 * 24 * time.Hour)
		token = forItself(d, app, queryGrants)
		got = grants(d, "GET", token, id)
		if scopes, is := got.JSON["scopes"].([]any); !is || len(scopes) != 0 || got.JSON["expires_at"] != nil {
			t.Errorf("when all of it has ended: %s", got.Raw)
		}
	})
}

// sortScopes puts the scopes of one resource in the order the test wrote them.
func sortScopes(body map[string]any) {
	list, _ := body["scopes"].([]any)
	for _, entry := range list {
		if m, _ := entry.(map[string]any); m["scope"] == offline+" "+profile {
			m["scope"] = profile + " " + offline
		}
	}
}

func TestAClientGivesItsGrantBack(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		first := d.Token(app.Redemption(ana.Authorize(app, profile, offline)))
		second := d.Redeem(app, ana.Authorize(app, profile))
		waiting := ana.Authorize(app, profile) // a code that nobody has redeemed yet
		id := grantID(t, first)
		token := forItself(d, app, revokeGrants)
		if got := grants(d, "DELETE", token, id); got.Status != 204 || got.Raw != "" || got.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v %q", got.Status, got.Header, got.Raw)
		}
		if d.Active(app, first.Text("access_token")) || d.Active(app, second.Access) {
			t.Error("an access token still counts")
		}
		refused(t, "a refresh", d.Token(app.Refreshing(first.Text("refresh_token"))), 400, "invalid_grant")
		refused(t, "a refresh of another copy", d.Token(app.Refreshing(second.Refresh)), 400, "invalid_grant")
		refused(t, "the code", d.Token(app.Redemption(waiting)), 400, "invalid_grant")
		refused(t, "a second time", grants(d, "DELETE", token, id), 404, "invalid_grant_id")
		refused(t, "with a token that only revokes", grants(d, "GET", token, id), 403, "insufficient_scope")
		if p := ana.Get("/activity"); !p.Says("Repo Scout gave back all that you had allowed.") || p.Says("You removed") {
			t.Errorf("the activity says %s", p.Text())
		}
		if p := ana.Ask(app.Query(profile)); p.Away() {
			t.Errorf("asked again, it gets %s without a yes", p.URL)
		}
	})
}

// Whose grant it is counts, and whose token; one answer for what is another's and
// for what never was.
func TestThreat_O34_GrantsOfOthers(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, other, ana := d.App(deputytest.Confidential), d.App(deputytest.Confidential), d.SignedIn("ana")
		answer := d.Token(app.Redemption(ana.Authorize(app, profile, offline)))
		id := grantID(t, answer)
		mine, theirs := forItself(d, app, queryGrants+" "+revokeGrants), forItself(d, other, queryGrants+" "+revokeGrants)
		var said []string
		for _, method := range []string{"GET", "DELETE"} {
			for what, got := range map[string]deputytest.Answer{
				"another client's":        grants(d, method, theirs, id),
				"one that never was":      grants(d, method, theirs, "grant_00000000-0000-7000-8000-000000000000"),
				"no id at all":            grants(d, method, mine, "x' OR '1'='1"),
				"a NUL":                   grants(d, method, mine, "a\x00b"),
				"what is no UTF-8":        grants(d, method, mine, "a\xffb"),
				"one of its name, longer": grants(d, method, mine, id+"0"),
			} {
				refused(t, method+" "+what, got, 404, "invalid_grant_id")
				said = append(said, got.Raw)
			}
		}
		for _, raw := range said[1:] {
			if raw != said[0] {
				t.Errorf("two answers: %s and %s", raw, said[0])
			}
		}
		for what, c := range map[string]struct {
			got    deputytest.Answer
			status int
			code   string
		}{
			"without a token":        {d.Send("DELETE", "/oauth/grants/"+id, ""), 401, "invalid_token"},
			"with the person's":      {grants(d, "DELETE", answer.Text("access_token"), id), 401, "invalid_token"},
			"with a refresh token":   {grants(d, "DELETE", answer.Text("refresh_token"), id), 401, "invalid_token"},
			"with the client secret": {d.Send("DELETE", "/oauth/grants/"+id, "", "Authorization", basic(string(app.ID), app.Secret)), 401, "invalid_token"},
			"with one to look":       {grants(d, "DELETE", forItself(d, app, queryGrants), id), 403, "insufficient_scope"},
			"by POST":                {grants(d, "POST", mine, id), 405, "invalid_request"},
			"by PUT":                 {grants(d, "PUT", mine, id), 405, "invalid_request"},
		} {
			refused(t, what, c.got, c.status, c.code)
			if c.status == 403 && !strings.Contains(c.got.Header.Get("WWW-Authenticate"), `Bearer realm="deputy", error="insufficient_scope", scope="`+revokeGrants+`"`) {
				t.Errorf("%s: %v", what, c.got.Header)
			}
		}
		if got := grants(d, "GET", mine, id); got.Status != 200 {
			t.Errorf("the grant ended: %d %s", got.Status, got.Raw)
		}
	})
}

// The scopes of the endpoint are a client's for itself, and reach nothing else.
func TestThreat_O20_ATokenForGrantsIsForNothingElse(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	d.ResourceServer("https://notes.example/mcp", "mcp:read")
	app := d.App(deputytest.Confidential, "mcp:read")
	ana, public := d.SignedIn("ana"), d.App(deputytest.Public)
	token := forItself(d, app, queryGrants)
	if got := d.Introspect(string(app.ID), app.Secret, token); got.Text("aud") != d.URL+"/oauth/grants" || got.Text("sub") != string(app.ID) || got.Text("scope") != queryGrants {
		t.Errorf("introspection: %s", got.Raw)
	}
	if got := d.API(token, "GET", "/api/github/repos/octocat/hello"); got.Status != 401 {
		t.Errorf("the broker: %d %s", got.Status, got.Raw)
	}
	if got := d.Tokens(app.Form("grant_type", "client_credentials")).Scope; got != "mcp:read" {
		t.Errorf("unasked, the app has %q", got)
	}
	refused(t, "together with a resource server's", d.Token(app.Form("grant_type", "client_credentials", "scope", "mcp:read "+queryGrants)), 400, "invalid_target")
	refused(t, "a public client", d.Token(public.Form("grant_type", "client_credentials", "scope", queryGrants)), 400, "unauthorized_client")
	if p := ana.Ask(app.Query(queryGrants)); p.Answer("error") != "invalid_scope" {
		t.Errorf("a person is asked: %s", p.URL)
	}
	broken := d.Token(app.Redemption(ana.Authorize(app, profile)))
	revoking := forItself(d, app, revokeGrants)
	d.BreakDatabase()
	if got := grants(d, "DELETE", revoking, grantID(t, broken)); got.Status != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("without a database: %d %s", got.Status, got.Raw)
	}
}

// A merge: what was given before comes along, and the refresh tokens before it end
// (Grant Management section 5.2).
func TestMerge(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		first := d.Token(app.Redemption(ana.Authorize(app, profile, offline)))
		plain := d.Redeem(app, ana.Authorize(app, profile))
		id := grantID(t, first)
		if got := d.Token(app.Refreshing(plain.Refresh)); grantID(t, got) != id {
			t.Errorf("a refresh tells of %s", got.Text("grant_id"))
		}
		code := ana.Code(ana.Ask(managing(app, "merge", id, email)).Agree())
		if got := d.Token(app.Refreshing(first.Text("refresh_token"))); got.Status != 200 {
			t.Errorf("an approval alone ended a refresh token: %d %s", got.Status, got.Raw)
		}
		merged := d.Token(app.Redemption(code))
		if grantID(t, merged) != id || merged.Text("scope") != strings.Join([]string{email, profile, offline}, " ") && merged.Text("scope") != strings.Join([]string{email, offline, profile}, " ") {
			t.Errorf("merged: %s", merged.Raw)
		}
		for what, token := range map[string]string{"first": first.Text("refresh_token"), "plain": plain.Refresh} {
			refused(t, what, d.Token(app.Refreshing(token)), 400, "invalid_grant")
		}
		if d.Active(app, plain.Access) {
			t.Error("an access token of before counts")
		}
		if got := d.Token(app.Refreshing(merged.Text("refresh_token"))); got.Status != 200 || got.Text("scope") != merged.Text("scope") {
			t.Errorf("the merged refresh token: %d %s", got.Status, got.Raw)
		}
		// Pushed, the same; the grants of others stay.
		bob := d.SignedIn("bob")
		his := d.Redeem(app, bob.Authorize(app, profile))
		form := managing(app, "merge", id, profile)
		form.Set("client_secret", app.Secret)
		again := d.Redeem(app, ana.Code(ana.Ask(referring(app, push(t, d, form)))))
		refused(t, "before the second merge", d.Token(app.Refreshing(merged.Text("refresh_token"))), 400, "invalid_grant")
		if d.Token(app.Refreshing(again.Refresh)).Status != 200 || d.Token(app.Refreshing(his.Refresh)).Status != 200 {
			t.Error("a merge ended its own refresh token, or somebody else's")
		}
	})
}

// Every request without an explicit merge leaves the other installations alone.
func TestThreat_O27_OnlyAnExplicitMergeEndsOthers(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		first := d.Redeem(app, ana.Authorize(app, profile))
		ana.Authorize(app, email)
		d.Redeem(app, ana.Code(ana.Ask(including(app, "true", profile)).Agree()))
		d.Redeem(app, ana.Authorize(app, profile, email))
		if got := d.Token(app.Refreshing(first.Refresh)); got.Status != 200 {
			t.Errorf("%d %s", got.Status, got.Raw)
		}
	})
}

func TestThreat_O4_AGrantIsNamedByItsOwnClientAndPerson(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, other, public := d.App(deputytest.Confidential), d.App(deputytest.Confidential), d.App(deputytest.Public)
		ana, bob, eve := d.SignedIn("ana"), d.SignedIn("bob"), d.SignedIn("eve")
		hers := grantID(t, d.Token(app.Redemption(ana.Authorize(app, profile))))
		foreign := grantID(t, d.Token(other.Redemption(ana.Authorize(other, profile))))
		grantID(t, d.Token(app.Redemption(bob.Authorize(app, profile))))
		ana.Authorize(public, profile)
		silent := managing(app, "merge", foreign, profile)
		silent.Set("prompt", "none")
		for what, c := range map[string]struct {
			browser *deputytest.Browser
			q       url.Values
			code    string
		}{
			"another person's, who has one":     {bob, managing(app, "merge", hers, profile), "invalid_grant_id"},
			"another person's, who has none":    {eve, managing(app, "merge", hers, profile), "invalid_grant_id"},
			"another app's of the same person":  {ana, managing(app, "merge", foreign, profile), "invalid_grant_id"},
			"the same, silently":                {ana, silent, "invalid_grant_id"},
			"one that never was":                {ana, managing(app, "merge", "grant_none", profile), "invalid_grant_id"},
			"a second one":                      {ana, managing(app, "create", "", email), "invalid_request"},
			"a new one with an id":              {ana, managing(app, "create", hers, email), "invalid_request"},
			"replacing it":                      {ana, managing(app, "replace", hers, email), "invalid_request"},
			"an id alone":                       {ana, managing(app, "", hers, email), "invalid_request"},
			"merging into nothing":              {ana, managing(app, "merge", "", email), "invalid_request"},
			"an action there is not":            {ana, managing(app, "update", hers, email), "invalid_request"},
			"a client that cannot prove itself": {ana, managing(public, "merge", hers, email), "invalid_request"},
			"the same with an action alone":     {ana, managing(public, "create", "", email), "invalid_request"},
		} {
			if p := c.browser.Ask(c.q); !p.Away() || p.Answer("error") != c.code || p.Answer("iss") != d.URL || p.Answer("state") == "" {
				t.Errorf("%s: %d %s", what, p.Status, p.URL)
			}
		}
		// Where it can be known at once, it is.
		form := managing(app, "replace", hers, profile)
		form.Set("client_secret", app.Secret)
		refused(t, "pushed", d.Post("/oauth/par", form), 400, "invalid_request")
		// Before anybody is signed in nothing is told.
		if p := d.Browser().Ask(managing(app, "merge", foreign, profile)); p.Away() || !p.HasForm("/signin") {
			t.Errorf("nobody is signed in: %s", p.URL)
		}
		if got := grantID(t, d.Token(app.Redemption(eve.Code(eve.Ask(managing(app, "create", "", profile)).Agree())))); got == hers || got == foreign {
			t.Errorf("a new grant is %s", got)
		}
		if got := d.Token(public.Redemption(ana.Code(ana.Ask(public.Query(profile)).Agree()))); got.JSON["grant_id"] != nil {
			t.Errorf("a public client learns %s", got.Raw)
		}
	})
}

// The grant ends while the person reads the page: the yes is not given under
// another one.
func TestAGrantThatEndsOnThePage(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		id := grantID(t, d.Token(app.Redemption(ana.Authorize(app, profile))))
		form := ana.Ask(managing(app, "merge", id, email)).Form("/consent")
		if got := grants(d, "DELETE", forItself(d, app, revokeGrants), id); got.Status != 204 {
			t.Fatalf("%d %s", got.Status, got.Raw)
		}
		if p := form.Set("allow", form.Boxes("allow")...).Submit("allow"); p.Answer("error") != "invalid_grant_id" {
			t.Errorf("%d %s", p.Status, p.URL)
		}
		if n := d.Count("SELECT count(*) FROM grants WHERE revoked_at IS NULL"); n != 0 {
			t.Errorf("%d grants live", n)
		}
	})
}

// A device names a grant before anybody knows who will type its code.
func TestADeviceNamesAGrant(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app := d.Register(server.NewApp{Name: "Scout", Confidential: true, RedirectURIs: []string{"https://scout.example/callback"}, GrantTypes: []string{"authorization_code", "refresh_token", deviceGrant}})
		ana, bob := d.SignedIn("ana"), d.SignedIn("bob")
		first := d.Token(app.Redemption(ana.Authorize(app, profile)))
		id := grantID(t, first)
		code, user := start(t, d, app, "scope", email, "grant_id", id, "grant_management_action", "merge")
		if p := enter(bob, user).Form("/device/confirm").Submit("yes"); p.Status != 409 || p.Says("Repo Scout") {
			t.Errorf("another person: %d %s", p.Status, p.Text())
		}
		d.Clock.Add(6 * time.Second)
		refusedWith(t, "another person said yes to it", d.Token(polling(app, code)), 400, "access_denied")
		code, user = start(t, d, app, "scope", email, "grant_id", id, "grant_management_action", "merge")
		enter(ana, user).Form("/device/confirm").Submit("yes").Agree()
		d.Clock.Add(6 * time.Second)
		got := d.Token(polling(app, code))
		if grantID(t, got) != id || got.Text("scope") != email+" "+profile {
			t.Errorf("%s", got.Raw)
		}
		refused(t, "the refresh token before", d.Token(app.Refreshing(first.Text("refresh_token"))), 400, "invalid_grant")
	})
}

func TestDiscoveryOfGrantManagement(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	doc := d.Send("GET", "/.well-known/oauth-authorization-server", "").JSON
	got := []any{doc["grant_management_endpoint"], doc["grant_management_actions_supported"], doc["grant_management_action_required"]}
	if diff := cmp.Diff([]any{d.URL + "/oauth/grants", []any{"query", "revoke", "merge"}, false}, got); diff != "" {
		t.Error(diff)
	}
}
