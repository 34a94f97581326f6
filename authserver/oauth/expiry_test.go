package oauth_test

import (
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// An app is told how long it may hold a refresh token, and when the first of what
// the person allowed ends (draft-ietf-oauth-refresh-token-expiration-03).
func TestRefreshTokensSayHowLongTheyLast(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Public), d.SignedIn("ana")
		const day = float64(24 * 60 * 60)
		told := func(what string, a deputytest.Answer, idle, authorized float64) deputytest.Answer {
			t.Helper()
			if a.Status != 200 || a.JSON["refresh_token_timeout"] != idle || a.JSON["authorization_expires_in"] != authorized {
				t.Errorf("%s: %d %v days idle, %v days in all, want %v and %v", what, a.Status, number(a, "refresh_token_timeout")/day, number(a, "authorization_expires_in")/day, idle/day, authorized/day)
			}
			return a
		}
		// What it may do in the background ends after a week, its reading after 90 days.
		page := ana.Ask(app.Query(profile, background, offline))
		form := page.Form("/consent")
		form.Set("allow", profile, background, offline)
		first := told("at first", d.Token(app.Redemption(ana.Code(form.Submit("allow")))), 7*day, 7*day)
		d.Clock.Add(2 * 24 * time.Hour)
		next := told("two days later", d.Token(app.Refreshing(first.Text("refresh_token"))), 5*day, 5*day)
		d.Clock.Add(5*24*time.Hour - 3*time.Minute)
		last := told("three minutes before the end", d.Token(app.Refreshing(next.Text("refresh_token"))), 180, 180)
		if last.JSON["expires_in"] != 180.0 {
			t.Errorf("the access token lasts %v s", last.JSON["expires_in"])
		}
		d.Clock.Add(3 * time.Minute)
		told("when the first has ended", d.Token(app.Refreshing(last.Text("refresh_token"))), float64(oauth.RefreshIdle/time.Second), 83*day)
		if own := d.Token(d.App(deputytest.Confidential, profile).Form("grant_type", "client_credentials")); own.JSON["refresh_token_timeout"] != nil {
			t.Errorf("without a refresh token: %s", own.Raw)
		}
	})
}

func number(a deputytest.Answer, name string) float64 {
	n, _ := a.JSON[name].(float64) // 0 says that it is not there
	return n
}
