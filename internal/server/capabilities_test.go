package server_test

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
	seeRepos  = "services.github.repositories.read"
	seeIssues = "services.github.issues.read"
	seeSlack  = "services.slack.messages.read"
	email     = "identity.email.read"
)

// stands is where each scope of an outlook stands, and the steps that are left.
func stands(t testing.TB, a deputytest.Answer) (scopes map[string]string, steps []string, next string) {
	t.Helper()
	if a.Status != 200 || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%d %v %s", a.Status, a.Header, a.Raw)
	}
	scopes = map[string]string{}
	for _, row := range a.JSON["scopes"].([]any) {
		r := row.(map[string]any)
		words := []string{r["status"].(string), r["reason"].(string)}
		if r["in_token"] == true {
			words = append(words, "in token")
		}
		if r["everything"] == true {
			words = append(words, "everything")
		}
		some, _ := r["resources"].([]any) // none when nothing stands
		for _, one := range some {
			words = append(words, one.(map[string]any)["identifier"].(string))
		}
		scopes[r["scope"].(string)] = strings.Join(words, " ")
	}
	all, _ := a.JSON["steps"].([]any) // none when it is complete
	for _, step := range all {
		steps = append(steps, step.(map[string]any)["kind"].(string))
	}
	next, _ = a.JSON["next"].(string)
	if (next != "") != (len(steps) > 0) || a.JSON["complete"] == (len(steps) > 0) {
		t.Errorf("steps %v, next %q, complete %v", steps, next, a.JSON["complete"])
	}
	return scopes, steps, next
}

func outlook(d *deputytest.Deputy, token string, query url.Values) deputytest.Answer {
	return d.API(token, "GET", "/api/capabilities?"+query.Encode())
}

// An app knows what it may do, and what stands between it and more, before it
// bothers anybody; and the person says yes at the address it was given.
func TestCapabilities(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		ana.Connect("github", "octocat")
		token := d.Redeem(app, ana.Code(ana.Ask(app.Query(seeRepos)).Complete("700100001").Agree())).Access

		now, _, _ := stands(t, outlook(d, token, nil))
		if diff := cmp.Diff(map[string]string{seeRepos: "allowed agreed_before in token 700100001"}, now); diff != "" {
			t.Error(diff)
		}
		more := url.Values{"scope": {seeRepos + " " + seeIssues + " " + seeSlack}}
		dry, steps, next := stands(t, outlook(d, token, more))
		want := map[string]string{
			seeRepos: "allowed agreed_before in token 700100001", seeIssues: "ready never_agreed", seeSlack: "needs_connect never_agreed",
		}
		if diff := cmp.Diff(want, dry); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"connect", "approve"}, steps); diff != "" {
			t.Error(diff)
		}
		if n := d.Count("SELECT count(*) FROM grant_items"); n != 1 {
			t.Errorf("asking left %d items", n)
		}

		path, ours := strings.CutPrefix(next, d.URL)
		if !ours || !strings.HasPrefix(path, "/allow?need=") || strings.Contains(path, "github") {
			t.Fatalf("next: %s", next)
		}
		page := ana.Get(path).Complete("700100001", "C01GENERAL")
		if !page.Says("Then you see here what it may do.") {
			t.Errorf("the page says: %s", page.Text())
		}
		if done := page.Agree(); done.Away() || done.Status != 200 || !done.Says("You allowed Repo Scout") {
			t.Errorf("the end: %d %s %s", done.Status, done.URL, done.Text())
		}
		after, steps, _ := stands(t, outlook(d, token, more))
		for scope, stands := range after {
			if !strings.HasPrefix(stands, "allowed") || strings.Contains(stands, "in token") != (scope == seeRepos) {
				t.Errorf("afterwards %s: %s", scope, stands)
			}
		}
		if len(steps) > 0 {
			t.Errorf("still to do: %v", steps)
		}
		if again := ana.Get(path); again.Away() || !again.Says("You allowed Repo Scout") {
			t.Errorf("the address again: %d %s", again.Status, again.Text())
		}
		if codes := d.Count("SELECT count(*) FROM codes WHERE used_at IS NULL"); codes != 0 {
			t.Errorf("%d codes that nobody waits for", codes)
		}
	})
}

// A refusal leads to the same page, for what the call itself named.
func TestARefusalSaysWhereItCanBeAllowed(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	ana.Connect("slack", "ana")
	token := d.Redeem(app, ana.Code(ana.Ask(app.Query(seeSlack)).Complete("C01GENERAL").Agree())).Access
	const random = "/api/slack/conversations.history?channel=C01RANDOM1"
	refused := d.API(token, "GET", random)
	if refused.Status != 404 || refused.Text("next") == "" {
		t.Fatalf("%d %s", refused.Status, refused.Raw)
	}
	page := ana.Get(strings.TrimPrefix(refused.Text("next"), d.URL))
	if !page.Says("random") {
		t.Errorf("the page does not offer the channel: %s", page.Text())
	}
	page.Agree()
	if got := d.API(token, "GET", random); got.Status != 200 {
		t.Errorf("the same call with the same token: %d %s", got.Status, got.Raw)
	}

	none := d.API(token, "GET", "/api/github/user/repos")
	if steps, _ := none.JSON["steps"].([]any); none.Status != 403 || len(steps) == 0 || none.Text("next") == "" {
		t.Errorf("another service: %d %s", none.Status, none.Raw)
	}
}

// The address of such a page is for one person and a week; it shares nothing by
// itself.
func TestThreat_O14_AnAddressToAllowAtIsNoTicket(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana, bob := d.App(deputytest.Confidential), d.SignedIn("ana"), d.SignedIn("bob")
		token := d.Redeem(app, ana.Authorize(app, profile)).Access
		_, _, next := stands(t, outlook(d, token, url.Values{"scope": {email}}))
		path := strings.TrimPrefix(next, d.URL)
		if p := bob.Get(path); p.Status != 403 || !p.Says("Nothing was shared") || p.Says("ana@") || p.Says("Repo Scout") {
			t.Errorf("somebody else: %d %s", p.Status, p.Text())
		}
		stranger := d.Browser().Get(path)
		if stranger.Form("/signin"); !stranger.Says("Repo Scout") {
			t.Errorf("nobody is signed in: %s", stranger.Text())
		}
		if p := ana.Get(path[:len(path)-4] + "AAAA"); p.Status != 400 || !p.Says("Nothing was shared") {
			t.Errorf("changed: %d %s", p.Status, p.Text())
		}
		page := ana.Get(path)
		flow := page.URL.Query().Get("flow")
		if p := bob.Get("/consent?flow=" + url.QueryEscape(flow)); p.Status != 403 {
			t.Errorf("her page in his browser: %d %s", p.Status, p.Text())
		}
		if no := page.Form("/consent").Submit("deny"); no.Away() || !no.Says("Nothing was shared") {
			t.Errorf("a no: %d %s", no.Status, no.Text())
		}
		rows, _, _ := stands(t, outlook(d, token, url.Values{"scope": {email}}))
		if rows[email] != "ready refused_before" {
			t.Errorf("after the no: %v", rows)
		}
		d.Clock.Add(7 * 24 * time.Hour)
		if p := ana.Get(path); p.Status < 400 && p.HasForm("/consent") {
			t.Errorf("a week later: %d %s", p.Status, p.Text())
		}
	})
}

func TestCapabilitiesThatAreRefused(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	rs := d.ResourceServer("https://notes.example/mcp", "mcp:read")
	app, ana := d.Register(server.NewApp{
		Name: "Repo Scout", Confidential: true, RedirectURIs: []string{"https://scout.example/callback"}, Scopes: []string{profile},
		GrantTypes: []string{"authorization_code", "client_credentials"},
	}), d.SignedIn("ana")
	token := d.Redeem(app, ana.Authorize(app, profile)).Access
	own := d.Token(app.Form("grant_type", "client_credentials", "resource", rs.Identifier)).Text("access_token")
	for what, c := range map[string]struct {
		token, query string
		status       int
		code         string
	}{
		"no token":             {"", "", 401, "unauthorized"},
		"made up":              {"dpa_x", "", 401, "invalid_token"},
		"for somebody else":    {own, "", 401, "invalid_token"},
		"an unknown scope":     {token, "scope=no.such.scope", 400, "invalid_scope"},
		"bad details":          {token, "authorization_details=x", 400, "invalid_authorization_details"},
		"scope twice":          {token, "scope=a&scope=b", 400, "invalid_request"},
		"another server's":     {token, "scope=mcp:read+" + seeRepos, 400, "invalid_target"},
		"more scopes than fit": {token, "scope=" + strings.Repeat("a+", 50), 400, "invalid_scope"},
	} {
		headers := []string{}
		if c.token != "" {
			headers = []string{"Authorization", "Bearer " + c.token}
		}
		if a := d.Send("GET", "/api/capabilities?"+c.query, "", headers...); a.Status != c.status || a.Text("error") != c.code {
			t.Errorf("%s: %d %s", what, a.Status, a.Raw)
		}
	}
}
