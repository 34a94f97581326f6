package oauth_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// stale is longer than any answer is remembered.
const stale = 600 * time.Millisecond

func TestAPublicAppsRefreshTokenRotates(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Public), d.SignedIn("ana")
		first := d.Redeem(app, ana.Authorize(app, profile))
		second := d.Refresh(app, first.Refresh)
		if second.Refresh == first.Refresh {
			t.Error("the refresh token stayed the same")
		}
		lost := d.Refresh(app, first.Refresh)
		if lost.Refresh != second.Refresh {
			t.Error("within the grace, the token just passed gives another successor")
		}
		d.Clock.Add(oauth.RefreshGrace)
		refused(t, "the token just passed, after the grace", d.Token(app.Refreshing(first.Refresh)), 400, "invalid_grant")
		refused(t, "its successor, after that reuse", d.Token(app.Refreshing(second.Refresh)), 400, "invalid_grant")
		if n := d.Count("SELECT count(*) FROM audit WHERE kind = 'token.replayed'"); n != 1 {
			t.Errorf("%d records of the reuse, want one", n)
		}
	})
}

// The grace is for the token just passed only: an older one is stolen, or worse
// (threat O42).
func TestThreat_O42_AnOldGenerationRevokesTheFamilyAtOnce(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Public), d.SignedIn("ana")
		first := d.Redeem(app, ana.Authorize(app, profile))
		third := d.Refresh(app, d.Refresh(app, first.Refresh).Refresh)
		refused(t, "two generations back", d.Token(app.Refreshing(first.Refresh)), 400, "invalid_grant")
		refused(t, "the newest", d.Token(app.Refreshing(third.Refresh)), 400, "invalid_grant")
		if got := d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+third.Access); got.Status != 401 {
			t.Errorf("the newest access token: %d %s", got.Status, got.Raw)
		}
	})
}

func TestTwentyRefreshesWithOneToken(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.SignedIn("ana")
		for kind, name := range map[deputytest.Kind]string{deputytest.Public: "public", deputytest.Confidential: "confidential"} {
			app := d.App(kind)
			token := d.Redeem(app, ana.Authorize(app, profile)).Refresh
			successors := map[string]bool{}
			for _, got := range atOnce(func() deputytest.Answer { return d.Token(app.Refreshing(token)) }) {
				if got.Status != 200 {
					t.Errorf("%s: %d %s", name, got.Status, got.Raw)
				}
				successors[got.Text("refresh_token")] = true
			}
			if len(successors) != 1 || successors[""] {
				t.Errorf("%s: %d different successors", name, len(successors))
			}
			if stays := successors[token]; stays != (kind == deputytest.Confidential) {
				t.Errorf("%s: the refresh token stays: %v", name, stays)
			}
			for next := range successors {
				d.Refresh(app, next)
			}
		}
	})
}

// OAuth 2.1 section 4.3: a narrower access token narrows nothing else.
func TestARefreshCanAskForLessAndLaterForAllAgain(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		tokens := d.Redeem(app, ana.Authorize(app, profile, email))
		less := app.Refreshing(tokens.Refresh)
		less.Set("scope", profile)
		narrow := d.Tokens(less)
		if narrow.Scope != profile {
			t.Errorf("asked for %s, got %s", profile, narrow.Scope)
		}
		if got := d.Introspect(string(app.ID), app.Secret, narrow.Access); got.Text("scope") != profile {
			t.Errorf("the narrow token has %s", got.Raw)
		}
		if all := d.Refresh(app, narrow.Refresh); all.Scope != profile+" "+email {
			t.Errorf("afterwards it has %s", all.Scope)
		}
	})
}

func TestThreat_O43_ARefreshTokenEnds(t *testing.T) {
	type world struct {
		*deputytest.Deputy
		ana *deputytest.Browser
		app deputytest.App
	}
	exec := func(statement string) func(world) {
		return func(w world) { w.Exec(statement, w.app.ID) }
	}
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		for i, c := range []struct {
			name   string
			scopes []string
			before func(w world)
			lives  bool
		}{
			{"not with a sign-out, when it may outlive the sign-in", []string{profile, offline}, func(w world) { w.ana.SignOut() }, true},
			{"with a sign-out, when it may not", []string{profile}, func(w world) { w.ana.SignOut() }, false},
			{"when the sign-in times out", []string{profile}, func(w world) { w.Clock.Add(13 * time.Hour) }, false},
			{"not when nobody used it for 29 days", []string{profile, offline}, func(w world) { w.Clock.Add(29 * 24 * time.Hour) }, true},
			{"when nobody used it for 30 days", []string{profile, offline}, func(w world) { w.Clock.Add(oauth.RefreshIdle) }, false},
			{"when the app is disabled", []string{profile}, func(w world) {
				exec("UPDATE apps SET disabled_at = 1 WHERE id = ?")(w)
				time.Sleep(stale)
			}, false},
			{"when the account is disabled", []string{profile, offline}, exec("UPDATE users SET disabled_at = 1 WHERE id = (SELECT user_id FROM grants WHERE app_id = ?)"), false},
			{"when the grant is revoked", []string{profile}, exec("UPDATE grants SET revoked_at = 1 WHERE app_id = ?"), false},
			{"when nothing of the grant is left", []string{profile}, exec("DELETE FROM grant_items WHERE grant_id = (SELECT id FROM grants WHERE app_id = ?)"), false},
			{"when the person removes the app", []string{profile}, func(w world) { w.ana.Get("/").Link("Remove Repo Scout").Form("/apps/").Submit("") }, false},
		} {
			w := world{d, d.SignedIn(fmt.Sprintf("person%d", i)), d.App(deputytest.Public)}
			token := d.Redeem(w.app, w.ana.Authorize(w.app, c.scopes...)).Refresh
			c.before(w)
			got := d.Token(w.app.Refreshing(token))
			if c.lives != (got.Status == 200) || (!c.lives && got.Status != 400 && got.Status != 401) {
				t.Errorf("%s: %d %s, want it to live: %v", c.name, got.Status, got.Raw, c.lives)
			}
		}
	})
}

// However often it is refreshed, after 180 days the person must come back. The
// grant itself ends earlier unless it is renewed.
func TestARefreshTokenHasAnAbsoluteEnd(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	token := d.Redeem(app, ana.Authorize(app, profile, offline)).Refresh
	d.Exec("UPDATE grant_items SET until = ?", d.Clock.Now().AddDate(2, 0, 0).UnixMilli())
	for range 8 {
		d.Clock.Add(oauth.RefreshLife/8 - time.Hour)
		d.Refresh(app, token)
	}
	d.Clock.Add(8 * time.Hour)
	refused(t, "after 180 days of use", d.Token(app.Refreshing(token)), 400, "invalid_grant")
}

func TestAnAppWithoutRefreshTokensGetsNone(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana := d.Register(codeOnly()), d.SignedIn("ana")
	tokens := d.Redeem(app, ana.Authorize(app, profile, offline))
	if tokens.Refresh != "" || !d.Active(app, tokens.Access) {
		t.Errorf("tokens: %+v", tokens)
	}
	other := d.App(deputytest.Public)
	foreign := d.Redeem(other, ana.Authorize(other, profile)).Refresh
	refused(t, "a refresh by it", d.Token(app.Refreshing(foreign)), 400, "unauthorized_client")
}
