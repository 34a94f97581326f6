package oauth_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

const (
	repos  = "services.github.repositories.read"
	issues = "services.github.issues.read"
	// What octocat can reach at the simulated GitHub, and what only hubot can.
	web, infra, hubots = "700100001", "5000000103", "710300001"
)

// about is authorization_details about repositories.
func about(ids ...string) string {
	var out []map[string]any
	for _, id := range ids {
		out = append(out, map[string]any{"type": "github.repository", "identifier": id})
	}
	encoded, err := json.Marshal(out)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(encoded)
}

// naming adds authorization_details to a form.
func naming(form url.Values, details string) url.Values {
	form.Set("authorization_details", details)
	return form
}

// told is the authorization_details of an answer, in JSON; "" when there are none.
func told(t testing.TB, a deputytest.Answer) string {
	t.Helper()
	if a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Raw)
	}
	details, there := a.JSON["authorization_details"]
	if !there {
		return ""
	}
	encoded, err := json.Marshal(details)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// object is one told detail about a repository.
func object(id string, actions ...string) string {
	return `{"actions":["` + strings.Join(actions, `","`) + `"],"identifier":"` + id + `","type":"github.repository"}`
}

// reaches lists which of acme's repositories a token can read.
func reaches(d *deputytest.Deputy, token string) string {
	var out []string
	for _, name := range []string{"web", "infra"} {
		if d.API(token, "GET", "/api/github/repos/acme/"+name).Status == 200 {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

// is reports a difference.
func is(t testing.TB, what, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// The request proposes, the person decides, the answers tell, the broker holds to
// it (RFC 9396 sections 3, 4, 7 and 9.2).
func TestWhatAnAppNamesIsOfferedAndAllTheTokenTouches(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		ana.Connect("github", "octocat")
		page := ana.Ask(naming(app.Query(repos), about(web))).Complete()
		if !page.Says("Only acme/web.") {
			t.Fatalf("the page does not propose it: %s", page.Text())
		}
		first := d.Token(app.Redemption(ana.Code(page.Agree())))
		is(t, "the first token", told(t, first), "["+object(web, repos)+"]")

		// More under a scope that is allowed is a delta; the rest stays.
		page = ana.Ask(naming(app.Query(repos), about(infra)))
		for _, words := range []string{"asks for one more thing", "Only acme/", "acme/web", "acme/infra"} {
			if !page.Says(words) {
				t.Errorf("the page does not say %q: %s", words, page.Text())
			}
		}
		second := d.Token(app.Redemption(ana.Code(page.Agree())))
		is(t, "the second token", told(t, second), "["+object(infra, repos)+"]")
		is(t, "the second token reaches", reaches(d, second.Text("access_token")), "infra")
		is(t, "the first token reaches", reaches(d, first.Text("access_token")), "web")
		list := d.API(second.Text("access_token"), "GET", "/api/github/user/repos")
		if !strings.Contains(list.Raw, "acme/infra") || strings.Contains(list.Raw, "acme/web") {
			t.Errorf("the list: %d %.300s", list.Status, list.Raw)
		}
		is(t, "introspection", told(t, d.Introspect(string(app.ID), app.Secret, second.Text("access_token"))), "["+object(infra, repos)+"]")

		// Already allowed is no delta; without details the token has what the grant gives.
		if p := ana.Ask(naming(app.Query(repos), about(web, infra))); !p.Away() {
			t.Errorf("asked again for what is allowed: %s", p.Text())
		}
		all := d.Token(app.Redemption(ana.Code(ana.Ask(app.Query(repos)))))
		is(t, "a token without details", told(t, all), "["+object(infra, repos)+","+object(web, repos)+"]")
		is(t, "a token without details reaches", reaches(d, all.Text("access_token")), "web infra")

		refreshed := d.Token(app.Refreshing(second.Text("refresh_token")))
		is(t, "refreshed", told(t, refreshed), "["+object(infra, repos)+"]")
		is(t, "refreshed reaches", reaches(d, refreshed.Text("access_token")), "infra")
	})
}

// RFC 9396 section 6.1: a token request asks for a part of what was granted.
func TestThreat_O18_ATokenRequestOnlyNarrows(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		code := ana.Code(ana.Ask(naming(app.Query(repos, issues, profile), about(web, infra))).Agree())
		for _, beyond := range []string{about(hubots), about(web, hubots), about("*"), `[{"type":"slack.channel","identifier":"C01GENERAL"}]`,
			`[{"type":"github.repository","identifier":"` + web + `","actions":["services.github.issues.write"]}]`} {
			refusedWith(t, beyond, d.Token(naming(app.Redemption(code), beyond)), 400, "invalid_authorization_details")
		}
		first := d.Token(naming(app.Redemption(code), about(web))) // the refusals did not cost the code
		is(t, "of the code", told(t, first), "["+object(web, repos, issues)+"]")
		is(t, "of the code reaches", reaches(d, first.Text("access_token")), "web")

		narrow := `[{"type":"github.repository","identifier":"` + infra + `","actions":["` + repos + `"]}]`
		part := d.Token(naming(app.Refreshing(first.Text("refresh_token")), narrow))
		is(t, "refreshed", told(t, part), "["+object(infra, repos)+"]")
		is(t, "its scopes", part.Text("scope"), repos+" "+profile)
		is(t, "introspection", told(t, d.Introspect(string(app.ID), app.Secret, part.Text("access_token"))), "["+object(infra, repos)+"]")
		is(t, "refreshed reaches", reaches(d, part.Text("access_token")), "infra")
		refusedWith(t, "refreshed for more", d.Token(naming(app.Refreshing(first.Text("refresh_token")), about(hubots))), 400, "invalid_authorization_details")
		// Narrowing is the token's, not the family's.
		is(t, "refreshed in full", told(t, d.Token(app.Refreshing(first.Text("refresh_token")))), "["+object(infra, repos, issues)+","+object(web, repos, issues)+"]")

		// What the person takes away is gone at once, from narrowed tokens too.
		d.Exec("UPDATE grant_items SET resources = '[]'")
		time.Sleep(stale)
		is(t, "after it was taken away", told(t, d.Introspect(string(app.ID), app.Secret, part.Text("access_token"))), "[]")
		is(t, "after it was taken away reaches", reaches(d, part.Text("access_token")), "")
	})
}

func TestDetailsOfAPushedRequestAndOfADevice(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		// Without a scope the actions are the scopes.
		form := naming(pushing(app), `[{"type":"github.repository","identifier":"`+web+`","actions":["`+repos+`"],"locations":["`+d.URL+`/api/github"]}]`)
		form.Del("scope")
		got := d.Token(app.Redemption(ana.Code(ana.Ask(referring(app, push(t, d, form))).Agree())))
		is(t, "pushed", told(t, got), "["+object(web, repos)+"]")
		is(t, "its scopes", got.Text("scope"), repos)
		refusedWith(t, "pushed wrong", d.Post("/oauth/par", naming(pushing(app, repos), about("web"))), 400, "invalid_authorization_details")

		tool := cli(d)
		code, user := start(t, d, tool, "scope", repos, "authorization_details", about(infra))
		enter(ana, user).Form("/device/confirm").Submit("yes").Agree()
		first := d.Token(naming(polling(tool, code), about(infra)))
		is(t, "of the device", told(t, first), "["+object(infra, repos)+"]")
		is(t, "of the device reaches", reaches(d, first.Text("access_token")), "infra")
		refusedWith(t, "a device, wrong", d.Post("/oauth/device_authorization", naming(tool.Form("scope", repos), about("web"))), 400, "invalid_authorization_details")
	})
}

// RFC 9396 section 5: what is not understood is refused and never ignored.
func TestDetailsThatAreRefused(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	object := func(members string) string { return `[{"type":"github.repository","identifier":"1"` + members + `}]` }
	for says, details := range map[string]string{
		"no JSON": "github", "no list": `{"type":"github.repository","identifier":"1"}`, "an empty list": "[]", "null": "null", "half a list": `[{"type":"a"`,
		"something after it": about(web) + "[]", "a list in it": "[[]]",
		"no type": `[{"identifier":"1"}]`, "no identifier": `[{"type":"github.repository"}]`, "an empty identifier": `[{"type":"github.repository","identifier":""}]`,
		"an unknown type": `[{"type":"github.secret","identifier":"1"}]`, "another type's case": `[{"type":"GitHub.repository","identifier":"1"}]`,
		"a name for an identifier": about("acme/web"), "everything, where single ones must be picked": about("*"),
		"an unknown member": object(`,"privileges":["admin"]`), "a member in other letters": object(`,"Actions":["` + repos + `"]`),
		"a member twice": object(`,"identifier":"2"`), "a number": `[{"type":"github.repository","identifier":1}]`, "null in it": object(`,"actions":null`),
		"no actions": object(`,"actions":[]`), "an action twice": object(`,"actions":["` + repos + `","` + repos + `"]`), "a short action": object(`,"actions":["repositories.read"]`),
		"an action that was not asked for": object(`,"actions":["` + issues + `"]`), "an action of another type": object(`,"actions":["services.slack.channels.read"]`),
		"another location": object(`,"locations":["https://api.example"]`), "a location that is no list": object(`,"locations":"` + d.URL + `/api"`),
		"a type that no scope is limited by": `[{"type":"slack.channel","identifier":"C01GENERAL"}]`, "too many": about(strings.Split(strings.Repeat("1,", 50)+"1", ",")...),
	} {
		p := ana.Ask(naming(app.Query(repos), details))
		if !p.Away() || p.Answer("error") != "invalid_authorization_details" || p.Answer("code") != "" {
			t.Errorf("%s: %d %s %s", says, p.Status, p.URL, p.Text())
		}
	}
	refusedWith(t, "for itself", d.Token(naming(app.Form("grant_type", "client_credentials"), about(web))), 400, "invalid_authorization_details")
	other := d.Register(server.NewApp{Name: "Chat", Publisher: "Chat Labs", Confidential: true, RedirectURIs: []string{"https://chat.example/cb"}, DetailTypes: []string{"slack.channel"}})
	if p := ana.Ask(naming(other.Query(repos), about(web))); p.Answer("error") != "invalid_authorization_details" {
		t.Errorf("a type that is not registered: %s %s", p.URL, p.Text())
	}
}

// An id that the account does not have looks to the app like a no: with and
// without a page.
func TestAppsCannotFindOutWhatAnAccountHas(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		ana.Connect("github", "octocat")
		ana.Code(ana.Ask(app.Query(repos)).Agree(web))
		for _, id := range []string{infra, hubots, "999"} {
			q := naming(app.Query(repos), about(id))
			q.Set("prompt", "none")
			if p := ana.Ask(q); p.Answer("error") != "consent_required" {
				t.Errorf("%s without a page: %s", id, p.URL)
			}
		}
		page := ana.Ask(naming(app.Query(repos), about(hubots)))
		if page.Says("hubot") || page.Says(hubots) {
			t.Errorf("the page names it: %s", page.Text())
		}
		got := d.Token(app.Redemption(ana.Code(page.Form("/consent").Submit("allow"))))
		is(t, "of what is not there", told(t, got), "[]")
		is(t, "of what is not there reaches", reaches(d, got.Text("access_token")), "")
		no := ana.Ask(naming(app.Query(repos), about(infra))).Form("/consent").Set("allow").Submit("allow")
		is(t, "of what the person did not tick", told(t, d.Token(app.Redemption(ana.Code(no)))), "[]")
		if n := d.Count("SELECT count(*) FROM refusals"); n != 0 {
			t.Errorf("a no to more is remembered as one to what stands: %d", n)
		}
		refused := ana.Ask(naming(app.Query(repos), about(infra))).Form("/consent").Submit("deny")
		if refused.Answer("error") != "access_denied" || d.Count("SELECT count(*) FROM refusals") != 0 {
			t.Errorf("a no: %s", refused.URL)
		}
		is(t, "what stood", reaches(d, d.Redeem(app, ana.Code(ana.Ask(app.Query(repos)))).Access), "web")
	})
}

// The person decides: what they pick instead is what the token touches.
func TestThePersonPicksSomethingElse(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	page := ana.Ask(naming(app.Query(repos), about(web))).Complete()
	page = page.Form("/consent").Submit("pick:github.repository").Pick(infra)
	if !page.Says("Only acme/infra.") {
		t.Fatalf("the pick does not count: %s", page.Text())
	}
	got := d.Token(app.Redemption(ana.Code(page.Form("/consent").Submit("allow"))))
	is(t, "picked instead", told(t, got), "["+object(infra, repos)+"]")
}

// A token that was handed on touches no more than the one it was exchanged for.
func TestThreat_O18_AnExchangeHandsTheDetailsOn(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := delegating(d), d.SignedIn("ana")
		tokens := d.Redeem(app, ana.Authorize(app, repos, profile))
		ana.Code(ana.Ask(naming(app.Query(repos), about(web, infra))).Agree())
		parent := d.Token(naming(app.Refreshing(tokens.Refresh), about(web))).Text("access_token")
		child := d.Token(exchanging(app, parent))
		is(t, "the child", told(t, child), "["+object(web, repos)+"]")
		is(t, "the child reaches", reaches(d, child.Text("access_token")), "web")
		implied := d.Token(exchanging(app, parent, "scope", "services.github.repositories.metadata.read"))
		is(t, "a child with an implied scope", told(t, implied), "["+object(web, "services.github.repositories.metadata.read")+"]")
		is(t, "a child with an implied scope reaches", reaches(d, implied.Text("access_token")), "web")
		refusedWith(t, "more than the parent", d.Token(naming(exchanging(app, parent), about(infra))), 400, "invalid_authorization_details")
		part := d.Token(naming(exchanging(app, tokens.Access), about(infra)))
		is(t, "a part of all", told(t, part), "["+object(infra, repos)+"]")
		is(t, "a part of all reaches", reaches(d, part.Text("access_token")), "infra")
	})
}
