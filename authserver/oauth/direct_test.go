package oauth_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

func codeOnly() server.NewApp {
	return server.NewApp{Name: "Repo Scout", Publisher: "Scout Labs", Confidential: true, RedirectURIs: []string{"https://scout.example/callback"}, GrantTypes: []string{"authorization_code"}}
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

const formType = "application/x-www-form-urlencoded"

// TestDirectRequestsThatAreWrong sends to every endpoint for scripts what no
// honest client sends (OAuth 2.1 section 3.2, RFC 6749 section 5.2).
func TestDirectRequestsThatAreWrong(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, other := d.App(deputytest.Confidential), d.App(deputytest.Public)
	good := app.Form("grant_type", "client_credentials", "token", "dpa_nothing")
	with := func(pairs ...string) string {
		f := url.Values{}
		for k, v := range good {
			f[k] = v
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
		}
		return f.Encode()
	}
	type request struct {
		name, method, query, body string
		headers                   []string
		status                    int
		code                      string
	}
	post := func(name, body string, status int, code string, headers ...string) request {
		return request{name, "POST", "", body, append(headers, "Content-Type", formType), status, code}
	}
	for _, r := range []request{
		{"GET", "GET", "", "", nil, 405, "invalid_request"},
		{"GET with everything in the query", "GET", "?" + with(), "", nil, 405, "invalid_request"},
		{"PUT", "PUT", "", with(), []string{"Content-Type", formType}, 405, "invalid_request"},
		{"DELETE", "DELETE", "", "", nil, 405, "invalid_request"},
		{"JSON", "POST", "", `{"grant_type":"client_credentials"}`, []string{"Content-Type", "application/json"}, 400, "invalid_request"},
		{"no content type", "POST", "", with(), nil, 400, "invalid_request"},
		{"a query beside the body", "POST", "?client_secret=" + app.Secret, with(), []string{"Content-Type", formType}, 400, "invalid_request"},
		post("a parameter twice", with()+"&client_id="+string(app.ID), 400, "invalid_request"),
		post("a parameter twice, once empty", with()+"&client_id=", 400, "invalid_request"),
		post("an unknown parameter twice", with()+"&x=1&x=2", 400, "invalid_request"),
		post("broken encoding", with()+"&x=%zz", 400, "invalid_request"),
		post("semicolons", "grant_type=client_credentials;client_id="+string(app.ID), 400, "invalid_request"),
		post("a NUL", with("token", "a\x00b"), 400, "invalid_request"),
		post("a long value", with("token", strings.Repeat("a", 9<<10)), 400, "invalid_request"),
		post("a long body", with("a", strings.Repeat("a", 8<<10), "b", strings.Repeat("b", 60<<10)), 413, "invalid_request"),
		post("no credentials", "grant_type=client_credentials&token=x", 401, "invalid_client"),
		post("an unknown client", with("client_id", "app_nobody"), 401, "invalid_client"),
		post("a wrong secret", with("client_secret", "wrong"), 401, "invalid_client"),
		post("a public client with a secret", with("client_id", string(other.ID)), 401, "invalid_client"),
		post("a confidential client without its secret", "grant_type=client_credentials&token=x&client_id="+string(app.ID), 401, "invalid_client"),
		post("two methods", with(), 400, "invalid_request", "Authorization", basic(string(app.ID), app.Secret)),
		post("two headers", "grant_type=client_credentials&token=x", 400, "invalid_request", "Authorization", basic(string(app.ID), app.Secret), "Authorization", basic(string(app.ID), app.Secret)),
		post("another client in the body than in the header", "grant_type=client_credentials&token=x&client_id="+string(other.ID), 401, "invalid_client", "Authorization", basic(string(app.ID), app.Secret)),
		post("a broken header", "grant_type=client_credentials&token=x", 401, "invalid_client", "Authorization", "Basic !!!"),
		post("a bearer token as credentials", "grant_type=client_credentials&token=x", 401, "invalid_client", "Authorization", "Bearer "+app.Secret),
	} {
		for _, path := range []string{"/oauth/token", "/oauth/introspect", "/oauth/revoke"} {
			what := r.name + " at " + path
			got := d.Send(r.method, path+r.query, r.body, r.headers...)
			refused(t, what, got, r.status, r.code)
			if r.status == 405 && got.Header.Get("Allow") != "POST" {
				t.Errorf("%s: Allow is %q", what, got.Header.Get("Allow"))
			}
			if r.status == 401 && !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s: WWW-Authenticate is %q", what, got.Header.Get("WWW-Authenticate"))
			}
			if strings.Contains(got.Raw, app.Secret) {
				t.Errorf("%s: the answer holds the secret", what)
			}
		}
	}
}

func TestTokenRequestsThatAreWrong(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	d.ResourceServer("https://notes.example/mcp", "mcp:read")
	app, public := d.App(deputytest.Confidential, "mcp:read", profile), d.App(deputytest.Public)
	for name, c := range map[string]struct {
		form   url.Values
		status int
		code   string
	}{
		"no grant type":                       {app.Form(), 400, "invalid_request"},
		"an unknown grant type":               {app.Form("grant_type", "password", "username", "a", "password", "b"), 400, "unsupported_grant_type"},
		"two grant types in one":              {app.Form("grant_type", "client_credentials refresh_token"), 400, "unsupported_grant_type"},
		"a code that is none":                 {app.Redemption("dpc_"), 400, "invalid_grant"},
		"no code":                             {app.Form("grant_type", "authorization_code"), 400, "invalid_grant"},
		"a refresh token that is none":        {app.Refreshing("dpr_"), 400, "invalid_grant"},
		"a public client for itself":          {public.Form("grant_type", "client_credentials"), 400, "unauthorized_client"},
		"a person's scope for itself":         {app.Form("grant_type", "client_credentials", "scope", profile), 400, "invalid_scope"},
		"a provider's scope for itself":       {app.Form("grant_type", "client_credentials", "scope", "services.github.repositories.read"), 400, "invalid_scope"},
		"an unknown scope for itself":         {app.Form("grant_type", "client_credentials", "scope", "mcp:write"), 400, "invalid_scope"},
		"an unknown resource":                 {app.Form("grant_type", "client_credentials", "resource", "https://evil.example"), 400, "invalid_target"},
		"a resource that its scope is not of": {app.Form("grant_type", "client_credentials", "scope", "mcp:read", "resource", d.URL+"/api"), 400, "invalid_target"},
		"two resources":                       {app.Form("grant_type", "client_credentials", "resource", "https://notes.example/mcp", "resource", d.URL+"/api"), 400, "invalid_target"},
	} {
		refused(t, name, d.Token(c.form), c.status, c.code)
	}
}

func TestClientCredentials(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		rs := d.ResourceServer("https://notes.example/mcp", "mcp:read")
		other := d.ResourceServer("https://other.example", "other:read")
		app := d.App(deputytest.Confidential, "mcp:read", profile)
		tokens := d.Tokens(app.Form("grant_type", "client_credentials"))
		if tokens.Scope != "mcp:read" || tokens.Refresh != "" || tokens.ID != "" {
			t.Errorf("tokens: %+v", tokens)
		}
		got := d.Introspect(rs.ID, rs.Secret, tokens.Access)
		want := map[string]any{
			"active": true, "iss": d.URL, "aud": rs.Identifier, "client_id": string(app.ID), "sub": string(app.ID), "token_type": "Bearer", "scope": "mcp:read",
			"jti": got.JSON["jti"], "iat": float64(d.Clock.Now().Unix()), "nbf": float64(d.Clock.Now().Unix()), "exp": float64(d.Clock.Now().Unix() + 600),
		}
		if diff := cmp.Diff(want, got.JSON); diff != "" {
			t.Errorf("introspection:\n%s", diff)
		}
		if got := d.Introspect(other.ID, other.Secret, tokens.Access); got.Raw != `{"active":false}` {
			t.Errorf("another resource server learns %s", got.Raw)
		}
		if got := d.API(tokens.Access, "GET", "/api/github/user/repos"); got.Status != 401 {
			t.Errorf("the broker answers a token without a person: %d %s", got.Status, got.Raw)
		}
		before := d.Count("SELECT count(*) FROM families")
		if before != 0 {
			t.Errorf("%d families for a token without a person", before)
		}
		if got := d.Post("/oauth/revoke", app.Form("token", tokens.Access)); got.Status != 200 {
			t.Errorf("revoke: %d %s", got.Status, got.Raw)
		}
		if got := d.Introspect(rs.ID, rs.Secret, tokens.Access); got.Raw != `{"active":false}` {
			t.Errorf("after its revocation: %s", got.Raw)
		}
	})
}

func TestThreat_O33_IntrospectionTellsOnlyWhoseTokenItIs(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		rs := d.ResourceServer("https://notes.example/mcp", "mcp:read")
		other := d.ResourceServer("https://other.example", "other:read")
		app, stranger, public, ana := d.App(deputytest.Confidential), d.App(deputytest.Confidential), d.App(deputytest.Public), d.SignedIn("ana")
		broker := d.Redeem(app, ana.Authorize(app, profile))
		notes := d.Redeem(app, ana.Authorize(app, "mcp:read"))
		for _, c := range []struct {
			who, id, secret, token string
			active                 bool
		}{
			{"the app, its token for the broker", string(app.ID), app.Secret, broker.Access, true},
			{"the app, its token for the notes", string(app.ID), app.Secret, notes.Access, true},
			{"the notes, a token for them", rs.ID, rs.Secret, notes.Access, true},
			{"the notes, a token for the broker", rs.ID, rs.Secret, broker.Access, false},
			{"another resource server", other.ID, other.Secret, notes.Access, false},
			{"another app", string(stranger.ID), stranger.Secret, broker.Access, false},
			{"the app, its refresh token", string(app.ID), app.Secret, broker.Refresh, false},
			{"the app, half a token", string(app.ID), app.Secret, broker.Access[:len(broker.Access)/2], false},
			{"the app, a changed token", string(app.ID), app.Secret, broker.Access[:20] + "A" + broker.Access[21:], false},
		} {
			got := d.Introspect(c.id, c.secret, c.token)
			if got.Status != 200 || (got.JSON["active"] == true) != c.active || (!c.active && got.Raw != `{"active":false}`) {
				t.Errorf("%s: %d %s", c.who, got.Status, got.Raw)
			}
		}
		refused(t, "a public app", d.Introspect(string(public.ID), "", broker.Access), 401, "invalid_client")
		refused(t, "no token", d.Introspect(rs.ID, rs.Secret, ""), 400, "invalid_request")
	})
}

// Threat O33: a flood of strings that are no tokens costs no database read.
func TestThreat_O33_GarbageCostsNoDatabaseRead(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		real := d.Redeem(app, ana.Authorize(app, profile)).Access
		garbage := []string{"x", "dpa_", "dpa_x", "dpr_x", "dpc_x", real[:len(real)-1], "dpb_" + real[4:], strings.Repeat("dpa_", 2000)}
		for i := range 40 {
			garbage = append(garbage, real[:5+i]+"~"+real[6+i:])
		}
		d.Active(app, real) // whoever asks is known for half a second
		d.BreakDatabase()
		for _, token := range garbage {
			if got := d.Introspect(string(app.ID), app.Secret, token); got.Raw != `{"active":false}` {
				t.Errorf("%.20s…: %d %s", token, got.Status, got.Raw)
			}
		}
	})
}

func TestATokenShrinksWithItsGrant(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		tokens := d.Redeem(app, ana.Authorize(app, profile, email))
		if got := d.Introspect(string(app.ID), app.Secret, tokens.Access); got.Text("scope") != profile+" "+email {
			t.Fatalf("before: %s", got.Raw)
		}
		page := ana.Get("/").Link("Repo Scout")
		gone := page.Link("Remove: See your e-mail address").Form("/apps/").Submit("")
		if gone.Status != 200 {
			t.Fatalf("remove: %d %s", gone.Status, gone.Text())
		}
		if got := d.Introspect(string(app.ID), app.Secret, tokens.Access); got.Text("scope") != profile {
			t.Errorf("after the e-mail address was taken back: %s", got.Raw)
		}
		if again := d.Refresh(app, tokens.Refresh); again.Scope != profile {
			t.Errorf("a refresh gives %s", again.Scope)
		}
	})
}

func TestThreat_O34_Revocation(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, stranger, ana := d.App(deputytest.Confidential), d.App(deputytest.Confidential), d.SignedIn("ana")
		revoke := func(a deputytest.App, token string) deputytest.Answer {
			return d.Post("/oauth/revoke", a.Form("token", token))
		}
		tokens := d.Redeem(app, ana.Authorize(app, profile))

		refused(t, "another app, the access token", revoke(stranger, tokens.Access), 400, "unauthorized_client")
		refused(t, "another app, the refresh token", revoke(stranger, tokens.Refresh), 400, "unauthorized_client")
		if !d.Active(app, tokens.Access) {
			t.Fatal("another app ended the token")
		}
		for _, unknown := range []string{"x", "dpa_x", "dpr_x", tokens.Access + "x"} {
			if got := revoke(app, unknown); got.Status != 200 || got.Raw != "{}" {
				t.Errorf("%.9s…: %d %s", unknown, got.Status, got.Raw)
			}
		}
		if got := revoke(app, tokens.Access); got.Status != 200 || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the access token: %d %s", got.Status, got.Raw)
		}
		next := d.Refresh(app, tokens.Refresh)
		if d.Active(app, tokens.Access) || !d.Active(app, next.Access) {
			t.Error("revoking an access token must end it, and only it")
		}
		if got := revoke(app, next.Refresh); got.Status != 200 {
			t.Errorf("the refresh token: %d %s", got.Status, got.Raw)
		}
		if d.Active(app, next.Access) {
			t.Error("the refresh token's access tokens must end with it")
		}
		refused(t, "a refresh after the revocation", d.Token(app.Refreshing(next.Refresh)), 400, "invalid_grant")
		if got := revoke(app, next.Refresh); got.Status != 200 {
			t.Errorf("a second time: %d %s", got.Status, got.Raw)
		}
	})
}

// RFC 7009 section 2.2.1: an app must not believe that a token ended when it did
// not.
func TestARevocationThatCouldNotBeStored(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		tokens := d.Redeem(app, ana.Authorize(app, profile))
		d.Active(app, tokens.Access)
		d.BreakDatabase()
		for what, token := range map[string]string{"access": tokens.Access, "refresh": tokens.Refresh} {
			got := d.Post("/oauth/revoke", app.Form("token", token))
			refused(t, what, got, 503, "temporarily_unavailable")
			if got.Header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", what)
			}
		}
	})
}

func TestUserinfoTellsWhatWasAllowed(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		for scopes, want := range map[string]map[string]any{
			"openid":               {},
			profile:                {"name": "Ana Example"},
			"openid profile email": {"name": "Ana Example", "email": "ana@example.com"},
			"openid " + email:      {"email": "ana@example.com"},
		} {
			app := d.App(deputytest.Confidential)
			tokens := d.Redeem(app, ana.Authorize(app, strings.Fields(scopes)...))
			got := d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+tokens.Access)
			want["sub"] = got.JSON["sub"]
			if diff := cmp.Diff(want, got.JSON); diff != "" || !strings.HasPrefix(fmt.Sprint(got.JSON["sub"]), "user_") {
				t.Errorf("%s: %d %s", scopes, got.Status, diff)
			}
		}
		for name, header := range map[string]string{"nothing": "", "garbage": "Bearer x", "another scheme": "Basic x"} {
			if got := d.Send("GET", "/oauth/userinfo", "", "Authorization", header); got.Status != 401 || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("%s: %d %v", name, got.Status, got.Header)
			}
		}
	})
}
