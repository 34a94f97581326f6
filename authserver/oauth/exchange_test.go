package oauth_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/live"
	"github.com/deputy-oauth/deputy/internal/server"
)

const (
	exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessType    = "urn:ietf:params:oauth:token-type:access_token"
)

// delegating registers an app that may hand its tokens on.
func delegating(d *deputytest.Deputy) deputytest.App {
	return d.Register(server.NewApp{
		Name: "Repo Scout", Publisher: "Scout Labs", Confidential: true, RedirectURIs: []string{"https://scout.example/callback"},
		GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials", "token-exchange"},
	})
}

// agent registers an app that acts for others.
func agent(d *deputytest.Deputy, name string) deputytest.App {
	return d.Register(server.NewApp{Name: name, Publisher: "Scout Labs", Confidential: true, GrantTypes: []string{"client_credentials", "token-exchange"}})
}

// own is an app's token for itself.
func own(d *deputytest.Deputy, a deputytest.App) string {
	return d.Tokens(a.Form("grant_type", "client_credentials")).Access
}

// exchanging is the form that exchanges a token; pairs are added.
func exchanging(a deputytest.App, token string, pairs ...string) url.Values {
	return a.Form(append([]string{"grant_type", exchangeGrant, "subject_token", token, "subject_token_type", accessType}, pairs...)...)
}

// actor is the part of the form that names who will act.
func actor(token string) []string {
	return []string{"actor_token", token, "actor_token_type", accessType}
}

func TestASubAgentGetsALesserToken(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, planner, sorter, ana := delegating(d), agent(d, "Planner"), agent(d, "Issue Sorter"), d.SignedIn("ana")
		tokens := d.Redeem(app, ana.Authorize(app, profile, email, offline))
		d.Clock.Add(4 * time.Minute)

		got := d.Token(exchanging(app, tokens.Access, append(actor(own(d, planner)), "resource", d.URL+"/api/")...))
		want := map[string]any{"access_token": got.Text("access_token"), "issued_token_type": accessType, "token_type": "Bearer", "expires_in": 360.0, "scope": profile + " " + email}
		if diff := cmp.Diff(want, got.JSON); diff != "" || got.Status != 200 || got.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s", got.Status, diff)
		}
		second := d.Tokens(exchanging(planner, got.Text("access_token"), append(actor(own(d, sorter)), "scope", profile)...))
		told := d.Introspect(string(sorter.ID), sorter.Secret, second.Access)
		act := map[string]any{"sub": string(sorter.ID), "client_id": string(sorter.ID), "act": map[string]any{"sub": string(planner.ID), "client_id": string(planner.ID)}}
		if diff := cmp.Diff(act, told.JSON["act"]); diff != "" || told.Text("scope") != profile || told.Text("client_id") != string(app.ID) {
			t.Errorf("introspected: %s %s", told.Raw, diff)
		}
		first := d.Introspect(string(app.ID), app.Secret, tokens.Access)
		for _, member := range []string{"sub", "aud", "grant_id", "family_id", "auth_time", "exp"} {
			if told.JSON[member] != first.JSON[member] {
				t.Errorf("%s is %v, of the first token %v", member, told.JSON[member], first.JSON[member])
			}
		}
		if _, acts := first.JSON["act"]; acts {
			t.Errorf("the app's own token has an actor: %s", first.Raw)
		}
		if me := d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+second.Access); me.Text("name") != "Ana Example" || me.Text("email") != "" {
			t.Errorf("userinfo: %d %s", me.Status, me.Raw)
		}
		rows := d.Words("SELECT actors FROM audit WHERE kind = 'token.exchanged' AND detail = ? AND app_id = ?", profile, app.ID)
		if rows != string(sorter.ID)+" "+string(planner.ID) {
			t.Errorf("on record: %q", rows)
		}
		// The app itself wants less, and nobody acts for it.
		less := d.Tokens(exchanging(app, tokens.Access, "scope", email, "requested_token_type", accessType))
		if told := d.Introspect(string(app.ID), app.Secret, less.Access); told.Text("scope") != email || told.JSON["act"] != nil || less.Refresh != "" {
			t.Errorf("for itself: %s", told.Raw)
		}
	})
}

// What goes wrong elsewhere: expired, revoked, foreign, made-up and wrongly typed
// tokens (CVE-2026-9094, CVE-2026-9097). None of it says which it was.
func TestThreat_O39_WhatCannotBeExchanged(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, helper, ana := delegating(d), agent(d, "Planner"), d.SignedIn("ana")
		plain, other := d.App(deputytest.Confidential), delegating(d)
		old := d.Redeem(app, ana.Authorize(app, profile))
		expired, tired := old.Access, own(d, helper)
		d.Clock.Add(10 * time.Minute)
		ana.SignIn(d.User("eve")) // the clock went on; somebody is there
		tokens, foreign := d.Redeem(app, ana.Authorize(app, profile, offline)), d.Redeem(other, ana.Authorize(other, profile))
		elsewhere := deputytest.New(t, deputytest.Options{})
		theirs := delegating(elsewhere)
		stranger := elsewhere.Redeem(theirs, elsewhere.SignedIn("ana").Authorize(theirs, profile))
		revoked := d.Refresh(app, tokens.Refresh).Access
		d.Post("/oauth/revoke", app.Form("token", revoked))
		taken := own(d, helper)
		d.Post("/oauth/revoke", helper.Form("token", taken))
		lent := d.Tokens(exchanging(app, tokens.Access, actor(own(d, helper))...)).Access

		sentences := map[string]bool{}
		for what, form := range map[string]url.Values{
			"expired":                      exchanging(app, expired),
			"revoked":                      exchanging(app, revoked),
			"of another server":            exchanging(app, stranger.Access),
			"another app's":                exchanging(app, foreign.Access),
			"handed on to somebody":        exchanging(app, lent),
			"held by the app itself":       exchanging(helper, tokens.Access),
			"an app's own":                 exchanging(app, own(d, app)),
			"a refresh token":              exchanging(app, tokens.Refresh),
			"changed":                      exchanging(app, tokens.Access[:20]+"x"+tokens.Access[21:]),
			"garbage":                      exchanging(app, "garbage"),
			"an expired actor":             exchanging(app, tokens.Access, actor(tired)...),
			"a revoked actor":              exchanging(app, tokens.Access, actor(taken)...),
			"a person's token as an actor": exchanging(app, tokens.Access, actor(foreign.Access)...),
			"itself as an actor":           exchanging(app, tokens.Access, actor(own(d, app))...),
			"garbage as an actor":          exchanging(app, tokens.Access, actor("garbage")...),
		} {
			got := d.Token(form)
			refused(t, what, got, 400, "invalid_request") // RFC 8693 section 2.2.2
			sentences[got.Text("error_description")] = true
		}
		if len(sentences) != 1 {
			t.Errorf("what was wrong shows: %v", sentences)
		}
		kind := func(name, value string) url.Values {
			f := exchanging(app, tokens.Access, actor(own(d, helper))...)
			f.Set(name, value)
			return f
		}
		without := func(name string) url.Values {
			f := kind(name, "")
			f.Del(name)
			return f
		}
		for what, c := range map[string]struct {
			form url.Values
			code string
		}{
			"a type of refresh tokens":   {kind("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), "invalid_request"},
			"a type of ID tokens":        {kind("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"), "invalid_request"},
			"a type of JWTs":             {kind("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"), "invalid_request"},
			"no type":                    {without("subject_token_type"), "invalid_request"},
			"no token":                   {without("subject_token"), "invalid_request"},
			"an actor of another type":   {kind("actor_token_type", "urn:ietf:params:oauth:token-type:jwt"), "invalid_request"},
			"an actor without a type":    {without("actor_token_type"), "invalid_request"},
			"a type without an actor":    {without("actor_token"), "invalid_request"},
			"a refresh token in return":  {kind("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), "invalid_request"},
			"another resource":           {kind("resource", "https://other.example"), "invalid_target"},
			"another audience":           {kind("audience", "https://other.example"), "invalid_target"},
			"more scopes":                {kind("scope", profile+" "+email), "invalid_scope"},
			"a refresh token in scopes":  {kind("scope", profile+" "+offline), "invalid_scope"},
			"an unknown scope":           {kind("scope", "root"), "invalid_scope"},
			"a client without the grant": {exchanging(plain, tokens.Access), "unauthorized_client"},
		} {
			refused(t, what, d.Token(c.form), 400, c.code)
		}
		wrong := exchanging(app, tokens.Access)
		wrong.Set("client_secret", "guess")
		refused(t, "a wrong secret", d.Token(wrong), 401, "invalid_client")
		if !d.Active(app, tokens.Access) || !d.Active(app, lent) {
			t.Error("what was refused ended something")
		}
	})
}

// A chain ends with every token in it, with the family, the grant, and with the
// registration of who acts.
func TestThreat_O39_AChainEndsWithItsParents(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		var checks []func()
		for what, end := range map[string]func(app, helper deputytest.App, tokens deputytest.Tokens, child string){
			"the first token": func(app, _ deputytest.App, tokens deputytest.Tokens, _ string) {
				d.Post("/oauth/revoke", app.Form("token", tokens.Access))
			},
			"the token between": func(_, helper deputytest.App, _ deputytest.Tokens, child string) {
				d.Post("/oauth/revoke", helper.Form("token", child))
			},
			"the refresh token": func(app, _ deputytest.App, tokens deputytest.Tokens, _ string) {
				d.Post("/oauth/revoke", app.Form("token", tokens.Refresh))
			},
			"the grant": func(app, _ deputytest.App, _ deputytest.Tokens, _ string) {
				d.Exec("UPDATE grants SET revoked_at = 1 WHERE app_id = ?", app.ID)
			},
			"what it gave": func(app, _ deputytest.App, _ deputytest.Tokens, _ string) {
				d.Exec("DELETE FROM grant_items WHERE grant_id IN (SELECT id FROM grants WHERE app_id = ?)", app.ID)
			},
			"the one between": func(_, helper deputytest.App, _ deputytest.Tokens, _ string) {
				d.Exec("UPDATE apps SET disabled_at = 1 WHERE id = ?", helper.ID)
			},
		} {
			app, helper, last, ana := delegating(d), agent(d, "Planner"), agent(d, "Issue Sorter"), d.SignedIn(strings.ReplaceAll(what, " ", "-"))
			tokens := d.Redeem(app, ana.Authorize(app, profile))
			child := d.Tokens(exchanging(app, tokens.Access, actor(own(d, helper))...)).Access
			grandchild := d.Tokens(exchanging(helper, child, actor(own(d, last))...)).Access
			if !d.Active(app, child) || !d.Active(last, grandchild) {
				t.Fatalf("%s: the chain does not live", what)
			}
			end(app, helper, tokens, child)
			checks = append(checks, func() {
				if d.Active(last, grandchild) {
					t.Errorf("%s ended, and the last token lives on", what)
				}
				refused(t, what, d.Token(exchanging(last, grandchild)), 400, "invalid_request")
			})
		}
		time.Sleep(live.Fresh) // rows were changed behind the server's back
		for _, check := range checks {
			check()
		}
	})
}

func TestThreat_O39_AChainIsShort(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := delegating(d), d.SignedIn("ana")
	token := d.Redeem(app, ana.Authorize(app, profile)).Access
	for range 3 {
		token = d.Tokens(exchanging(app, token)).Access
	}
	got := d.Token(exchanging(app, token))
	refused(t, "the fourth time", got, 400, "invalid_request")
	if !strings.Contains(got.Text("error_description"), "handed on") {
		t.Errorf("it says %s", got.Raw)
	}
	public := d.App(deputytest.Public)
	refused(t, "a public app", d.Token(exchanging(public, token)), 400, "unauthorized_client")
}

// A bound token is handed on only with a proof of its key, and what comes of it is
// bound again: to the agent's key when the agent has one (O32).
func TestThreat_O32_AnExchangeKeepsTheKey(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, helper, ana := delegating(d), agent(d, "Planner"), d.SignedIn("ana")
	mine, theirs := newProver(t, d), newProver(t, d)
	bound := mine.token(app.Redemption(ana.Authorize(app, "openid", profile))).Text("access_token")
	refused(t, "without a proof", d.Token(exchanging(app, bound)), 400, "invalid_request")
	if got := theirs.token(exchanging(app, bound)); got.Status != 400 || got.Text("error") != "invalid_request" {
		t.Errorf("with another key: %d %s", got.Status, got.Raw)
	}
	keeper := theirs.token(helper.Form("grant_type", "client_credentials")).Text("access_token")
	for what, c := range map[string]struct {
		form url.Values
		key  prover
	}{
		"for itself":              {exchanging(app, bound), mine},
		"an agent without a key":  {exchanging(app, bound, actor(own(d, helper))...), mine},
		"an agent with its key":   {exchanging(app, bound, actor(keeper)...), theirs},
		"an unbound one is bound": {exchanging(app, d.Redeem(app, ana.Authorize(app, "openid", profile)).Access, actor(keeper)...), theirs},
	} {
		got := mine.token(c.form)
		if got.Status != 200 || got.Text("token_type") != "DPoP" {
			t.Fatalf("%s: %d %s", what, got.Status, got.Raw)
		}
		child := got.Text("access_token")
		other := mine
		if c.key.thumbprint() == mine.thumbprint() {
			other = theirs
		}
		status := []int{c.key.call(child, "GET", "/oauth/userinfo").Status, other.call(child, "GET", "/oauth/userinfo").Status,
			d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+child).Status}
		if !slices.Equal(status, []int{200, 401, 401}) {
			t.Errorf("%s: with its key, with another, with none: %v", what, status)
		}
	}
}

// The person reads who acted for whom.
func TestActivityNamesWhoActed(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, helper, ana := delegating(d), agent(d, "Issue Sorter"), d.SignedIn("ana")
		ana.Connect("github", "octocat")
		const read = "services.github.repositories.read"
		tokens := d.Redeem(app, ana.Authorize(app, read))
		child := d.Tokens(exchanging(app, tokens.Access, actor(own(d, helper))...)).Access
		name := d.Words("SELECT resources FROM grant_items WHERE scope = ?", read)
		_, name, _ = strings.Cut(name, `"n":"`)
		name, _, _ = strings.Cut(name, `"`)
		if got := d.API(child, "GET", "/api/github/repos/"+name); got.Status != 200 {
			t.Fatalf("the call: %d %s", got.Status, got.Raw)
		}
		page := ana.Get("/activity")
		if !page.Says("Repo Scout through Issue Sorter") {
			t.Errorf("the page says %s", page.Text())
		}
		if actors := d.Words("SELECT actors FROM audit WHERE kind = 'call.allowed'"); actors != string(helper.ID) {
			t.Errorf("on record: %q", actors)
		}
	})
}
