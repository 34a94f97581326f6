package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

const notes = "https://notes.example/mcp"

// part decodes one part of a JWT.
func part(t testing.TB, jwt string, n int) map[string]any {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %s", jwt)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[n])
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestASignedTokenSaysWhatAResourceServerMayKnow(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		rs := d.SignedResourceServer(notes, "mcp:read")
		app, user := d.App(deputytest.Confidential, "mcp:read"), d.User("ana")
		ana := d.Browser()
		ana.SignIn(user)
		got := d.Redeem(app, ana.Authorize(app, "mcp:read", "openid"))
		head := part(t, got.Access, 0)
		if head["typ"] != "at+jwt" || head["alg"] != "ES256" || head["kid"] == "" {
			t.Errorf("header %v", head)
		}
		claims, now := part(t, got.Access, 1), float64(d.Clock.Now().Unix())
		if claims["jti"] == "" || claims["deputy_content"] == "" {
			t.Errorf("claims %v", claims)
		}
		told := d.Introspect(rs.ID, rs.Secret, got.Access).JSON
		if told["active"] != true || told["jti"] != claims["jti"] || told["grant_id"] == nil {
			t.Errorf("its resource server is told %v", told)
		}
		for _, secret := range []string{told["grant_id"].(string), told["family_id"].(string)} {
			if text, err := json.Marshal(claims); err != nil || strings.Contains(string(text), secret) {
				t.Errorf("%s can be read in %s (%v)", secret, text, err)
			}
		}
		delete(claims, "jti")
		delete(claims, "deputy_content")
		want := map[string]any{
			"iss": d.URL, "sub": string(user.ID), "aud": notes, "client_id": string(app.ID), "scope": got.Scope,
			"iat": now, "exp": now + 300, "auth_time": told["auth_time"], "acr": "urn:deputy:acr:password",
		}
		if diff := cmp.Diff(want, claims); diff != "" || got.Lasts != 300 {
			t.Errorf("lasts %v: %s", got.Lasts, diff)
		}
	})
}

func TestATokenIsSignedForTheAudienceThatWantsItOnly(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	d.SignedResourceServer(notes, "mcp:read")
	plain := d.ResourceServer("https://papers.example", "papers:read")
	app, ana := d.App(deputytest.Confidential, "mcp:read", "papers:read"), d.SignedIn("ana")
	own := d.Tokens(app.Form("grant_type", "client_credentials", "scope", "mcp:read")).Access
	if claims := part(t, own, 1); claims["sub"] != string(app.ID) || claims["auth_time"] != nil {
		t.Errorf("the app's own: %v", claims)
	}
	if got := d.Tokens(app.Form("grant_type", "client_credentials", "scope", "papers:read")); !strings.HasPrefix(got.Access, "dpa_") || got.Lasts != 600 {
		t.Errorf("for %s: %+v", plain.Identifier, got)
	}
	if got := d.Redeem(app, ana.Authorize(app, "identity.profile.read")); !strings.HasPrefix(got.Access, "dpa_") {
		t.Errorf("for the broker: %+v", got)
	}
	// Threat O20: what is for the resource server opens nothing here.
	if got := d.API(own, "GET", "/api/github/user"); got.Status != 401 {
		t.Errorf("at the broker: %d %s", got.Status, got.Raw)
	}
}

func TestASignedTokenEndsLikeAnyOther(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		rs := d.SignedResourceServer(notes, "mcp:read")
		other := d.ResourceServer("https://papers.example", "papers:read")
		app, stranger, ana := d.App(deputytest.Confidential, "mcp:read"), d.App(deputytest.Confidential), d.SignedIn("ana")
		active := func(token string) bool {
			t.Helper()
			got := d.Introspect(rs.ID, rs.Secret, token).JSON["active"] == true
			if own := d.Active(app, token); own != got {
				t.Fatalf("its resource server is told %v, its app %v", got, own)
			}
			if d.Active(stranger, token) || d.Introspect(other.ID, other.Secret, token).JSON["active"] == true {
				t.Fatal("strangers are told about it")
			}
			return got
		}
		first := d.Redeem(app, ana.Authorize(app, "mcp:read", "offline_access"))
		second := d.Refresh(app, first.Refresh)
		if !active(first.Access) || !active(second.Access) || part(t, second.Access, 0)["typ"] != "at+jwt" {
			t.Fatal("a fresh token is not active")
		}
		if got := d.Post("/oauth/revoke", stranger.Form("token", first.Access)); got.Status != 400 {
			t.Errorf("a stranger revokes it: %d %s", got.Status, got.Raw)
		}
		if got := d.Post("/oauth/revoke", app.Form("token", first.Access)); got.Status != 200 || active(first.Access) || !active(second.Access) {
			t.Errorf("revoked: %d %s", got.Status, got.Raw)
		}
		d.Clock.Add(oauth.SignedLife)
		if active(second.Access) {
			t.Error("it outlives its five minutes")
		}
		third := d.Refresh(app, second.Refresh)
		if !active(third.Access) {
			t.Fatal("the third is not active")
		}
		if got := d.Post("/oauth/revoke", app.Form("token", third.Refresh)); got.Status != 200 || active(third.Access) {
			t.Errorf("its family ended: %d %s", got.Status, got.Raw)
		}
		own := d.Tokens(app.Form("grant_type", "client_credentials", "scope", "mcp:read")).Access
		if !active(own) || d.Post("/oauth/revoke", app.Form("token", own)).Status != 200 || active(own) {
			t.Error("an app's own token does not end by revocation")
		}
	})
}

func TestASignedTokenIsBoundToItsKey(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	rs := d.SignedResourceServer(notes, "mcp:read")
	p, app := newProver(t, d), d.App(deputytest.Confidential, "mcp:read")
	token := p.token(app.Form("grant_type", "client_credentials", "scope", "mcp:read")).Text("access_token")
	want := map[string]any{"jkt": p.thumbprint()}
	if diff := cmp.Diff(want, part(t, token, 1)["cnf"]); diff != "" {
		t.Error(diff)
	}
	if got := d.Introspect(rs.ID, rs.Secret, token).JSON; cmp.Diff(want, got["cnf"]) != "" || got["token_type"] != "DPoP" {
		t.Errorf("introspected: %v", got)
	}
}

// What of a signed token was changed is no token, whoever asks.
func TestThreat_O22_AChangedSignedTokenIsNone(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	rs := d.SignedResourceServer(notes, "mcp:read")
	app := d.App(deputytest.Confidential, "mcp:read")
	good := d.Tokens(app.Form("grant_type", "client_credentials", "scope", "mcp:read")).Access
	parts := strings.Split(good, ".")
	b64 := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	changed := func(n int, name string, value any) string {
		p := part(t, good, n)
		p[name] = value
		out := []string{parts[0], parts[1], parts[2]}
		out[n] = b64(p)
		return strings.Join(out, ".")
	}
	content := part(t, good, 1)["deputy_content"].(string)
	for name, token := range map[string]string{
		"a later end":          changed(1, "exp", 9999999999),
		"another subject":      changed(1, "sub", "user_x"),
		"more scopes":          changed(1, "scope", "mcp:read mcp:write"),
		"alg none":             changed(0, "alg", "none"),
		"alg HS256":            changed(0, "alg", "HS256"),
		"typ JWT":              changed(0, "typ", "JWT"),
		"no signature":         parts[0] + "." + parts[1] + ".",
		"its content alone":    content,
		"its content as a dpa": "dpa_" + content + "AAAAAA",
	} {
		if got := d.Introspect(rs.ID, rs.Secret, token); got.Status != 200 || got.Raw != `{"active":false}` {
			t.Errorf("%s: %d %s", name, got.Status, got.Raw)
		}
		if got := d.Post("/oauth/revoke", app.Form("token", token)); got.Status != 200 {
			t.Errorf("revoke %s: %d %s", name, got.Status, got.Raw)
		}
	}
	if got := d.Introspect(rs.ID, rs.Secret, good); got.JSON["active"] != true {
		t.Errorf("the good one: %s", got.Raw)
	}
}

// What is handed on stays signed, says who acts, and ends with its parent.
func TestASignedTokenCanBeHandedOn(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	rs := d.SignedResourceServer(notes, "mcp:read")
	app, helper, ana := delegating(d), agent(d, "Planner"), d.SignedIn("ana")
	tokens := d.Redeem(app, ana.Authorize(app, "mcp:read"))
	child := d.Tokens(exchanging(app, tokens.Access, actor(own(d, helper))...))
	claims, parent := part(t, child.Access, 1), part(t, tokens.Access, 1)
	want := map[string]any{"sub": string(helper.ID), "client_id": string(helper.ID)}
	if diff := cmp.Diff(want, claims["act"]); diff != "" || claims["exp"] != parent["exp"] || claims["sub"] != parent["sub"] {
		t.Errorf("claims %v: %s", claims, diff)
	}
	if told := d.Introspect(rs.ID, rs.Secret, child.Access).JSON; told["active"] != true || cmp.Diff(claims["act"], told["act"]) != "" {
		t.Errorf("introspected: %v", told)
	}
	if got := d.Post("/oauth/revoke", app.Form("token", tokens.Access)); got.Status != 200 {
		t.Fatalf("revoke: %d %s", got.Status, got.Raw)
	}
	if told := d.Introspect(rs.ID, rs.Secret, child.Access).JSON; told["active"] != false {
		t.Errorf("after its parent was revoked: %v", told)
	}
}
