package oauth_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

const (
	profile = "identity.profile.read"
	email   = "identity.email.read"
	offline = "offline_access"
)

// many is how often something is done at the same time.
const many = 20

// atOnce does the same thing many times at the same time.
func atOnce[T any](do func() T) []T { return together(many, do) }

// together does the same thing n times at the same time.
func together[T any](n int, do func() T) []T {
	out := make([]T, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range out {
		all.Go(func() {
			<-start
			out[i] = do()
		})
	}
	close(start)
	all.Wait()
	return out
}

// refused checks an answer of a direct endpoint.
func refused(t *testing.T, what string, got deputytest.Answer, status int, code string) {
	t.Helper()
	if got.Status != status || got.Text("error") != code {
		t.Errorf("%s: %d %s, want %d %s", what, got.Status, got.Raw, status, code)
	}
	if got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: Cache-Control is %q", what, got.Header.Get("Cache-Control"))
	}
}

func TestACodeBecomesTokens(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		for _, c := range []struct {
			kind   deputytest.Kind
			scopes []string
		}{
			{deputytest.Confidential, []string{profile}},
			{deputytest.Public, []string{profile}},
			{deputytest.Confidential, []string{"openid", email, offline}},
		} {
			app := d.App(c.kind)
			page := ana.Ask(app.Query(c.scopes...)).Agree()
			if page.Status != 303 || page.Answer("iss") != d.URL || page.Answer("state") != "state-of-the-app" {
				t.Errorf("the answer to the app is %d %s", page.Status, page.URL)
			}
			got := d.Token(app.Redemption(ana.Code(page)))
			if got.Status != 200 || got.Text("token_type") != "Bearer" || got.Text("scope") != strings.Join(c.scopes, " ") || got.JSON["expires_in"] != 600.0 {
				t.Errorf("tokens: %d %s", got.Status, got.Raw)
			}
			if !strings.HasPrefix(got.Text("access_token"), "dpa_") || !strings.HasPrefix(got.Text("refresh_token"), "dpr_") {
				t.Errorf("tokens: %s", got.Raw)
			}
			if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("headers: %v", got.Header)
			}
			if has := got.Text("id_token") != ""; has != (c.scopes[0] == "openid") {
				t.Errorf("an ID token: %v, with scopes %s", has, c.scopes)
			}
		}
	})
}

func TestCredentialsInAHeaderAndNoRedirectURI(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	form := app.Redemption(ana.Authorize(app, profile))
	form.Del("client_id")
	form.Del("client_secret")
	form.Del("redirect_uri") // OAuth 2.1 section 10.2: may be left out
	if got := d.Send("POST", "/oauth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Authorization", basic(string(app.ID), app.Secret)); got.Status != 200 {
		t.Errorf("%d %s", got.Status, got.Raw)
	}
}

// OAuth 2.1 section 4.1.3: a code counts once, and a second redemption takes back
// what the first one gave.
func TestTwentyRedemptionsOfOneCode(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		form := app.Redemption(ana.Authorize(app, profile))
		var won deputytest.Answer
		winners := 0
		for _, got := range atOnce(func() deputytest.Answer { return d.Token(form) }) {
			if got.Status == 200 {
				won, winners = got, winners+1
				continue
			}
			refused(t, "a later redemption", got, 400, "invalid_grant")
		}
		if winners != 1 {
			t.Fatalf("%d of %d redemptions won", winners, many)
		}
		if d.Active(app, won.Text("access_token")) {
			t.Error("the access token of a code that was used again still counts")
		}
		refused(t, "the refresh token of a code that was used again", d.Token(app.Refreshing(won.Text("refresh_token"))), 400, "invalid_grant")
		if n := d.Count("SELECT count(*) FROM families"); n != 1 {
			t.Errorf("%d families, want one", n)
		}
		again := d.Redeem(app, ana.Authorize(app, profile))
		if !d.Active(app, again.Access) {
			t.Error("a replay took more back than its own tokens")
		}
	})
}

// OAuth 2.1 section 7.5.2: who only holds a code cannot end somebody's tokens
// with it.
func TestThreat_O4_O6_AReplayByAnybodyElseHasNoEffect(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, other, ana := d.App(deputytest.Confidential), d.App(deputytest.Confidential), d.SignedIn("ana")
		code := ana.Authorize(app, profile)
		tokens := d.Redeem(app, code)
		stolen := other.Redemption(code)
		stolen.Set("code_verifier", app.Verifier)
		guess := app.Redemption(code)
		guess.Set("code_verifier", other.Verifier)
		last := "A"
		if strings.HasSuffix(code, last) {
			last = "E"
		}
		almost := app.Redemption(code[:len(code)-1] + last)
		for what, form := range map[string]url.Values{"another client": stolen, "another verifier": guess, "another last character": almost} {
			refused(t, what, d.Token(form), 400, "invalid_grant")
		}
		if !d.Active(app, tokens.Access) {
			t.Error("the tokens ended")
		}
	})
}

func TestACodeEnds(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app := d.App(deputytest.Confidential)
		for name, c := range map[string]struct {
			scopes []string
			before func(ana *deputytest.Browser)
		}{
			"after a minute":    {[]string{profile, offline}, func(*deputytest.Browser) { d.Clock.Add(time.Minute) }},
			"with the sign-in":  {[]string{profile}, func(ana *deputytest.Browser) { ana.SignOut() }},
			"with the grant":    {[]string{profile, offline}, func(*deputytest.Browser) { d.Exec("UPDATE grants SET revoked_at = 1") }},
			"with what it gave": {[]string{profile}, func(*deputytest.Browser) { d.Exec("DELETE FROM grant_items") }},
		} {
			ana := d.SignedIn(strings.ReplaceAll(name, " ", "-"))
			code := ana.Authorize(app, c.scopes...)
			c.before(ana)
			refused(t, name, d.Token(app.Redemption(code)), 400, "invalid_grant")
		}
	})
}
