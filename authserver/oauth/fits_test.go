package oauth

import (
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// TestThreat_O44_AFreshSignInIsNotASureOne: what an app asks of a sign-in is its
// method and its age, and one does not stand in for the other.
func TestThreat_O44_AFreshSignInIsNotASureOne(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	began := now.Add(-time.Minute)
	const password, passkey = consent.LevelPassword, consent.LevelPasskey
	for _, c := range []struct {
		name  string
		ask   Ask
		ago   time.Duration // since the sign-in
		level consent.Level
		first Fit // when the request comes in
		later Fit // on a page of it, a minute later
	}{
		{"nothing is asked", Ask{}, 20 * 24 * time.Hour, password, SignInFits, SignInFits},
		{"the level", Ask{Level: password}, time.Hour, password, SignInFits, SignInFits},
		{"a surer one than asked", Ask{Level: password}, time.Hour, passkey, SignInFits, SignInFits},
		{"too weak", Ask{Level: passkey}, time.Hour, password, SignInAgain, SignInAgain},
		{"too weak, signed in for this request", Ask{Level: passkey}, time.Second, password, SignInAgain, SignInFalls},
		{"sure, signed in for this request", Ask{Level: passkey}, time.Second, passkey, SignInFits, SignInFits},
		{"sure but old", Ask{Level: passkey, MaxAge: time.Minute}, time.Hour, passkey, SignInAgain, SignInAgain},
		{"young but weak", Ask{Level: passkey, MaxAge: time.Hour}, 10 * time.Minute, password, SignInAgain, SignInAgain},
		{"no older than max_age", Ask{MaxAge: time.Hour}, time.Hour, password, SignInFits, SignInFits},
		{"older than max_age", Ask{MaxAge: time.Hour}, time.Hour + time.Second, password, SignInAgain, SignInAgain},
		{"prompt=login", Ask{SignInAgain: true}, time.Hour, password, SignInAgain, SignInAgain},
		{"prompt=login, done", Ask{SignInAgain: true}, time.Second, password, SignInAgain, SignInFits},
		{"no level at all", Ask{}, time.Hour, "", SignInAgain, SignInAgain},
	} {
		if got := c.ask.Fits(now.Add(-c.ago), c.level, time.Time{}, now); got != c.first {
			t.Errorf("%s: %v when it comes in, want %v", c.name, got, c.first)
		}
		if got := c.ask.Fits(now.Add(-c.ago), c.level, began, now); got != c.later {
			t.Errorf("%s: %v later, want %v", c.name, got, c.later)
		}
	}
}

func TestAcrValues(t *testing.T) {
	all := []consent.Level{consent.LevelPassword, consent.LevelTwoStep, consent.LevelPasskey}
	for _, c := range []struct {
		values    string
		reachable []consent.Level
		want      consent.Level
	}{
		{"", all, ""},
		{"urn:deputy:acr:passkey", all, consent.LevelPasskey},
		{"urn:deputy:acr:passkey urn:deputy:acr:two-step", all, consent.LevelTwoStep}, // either will do
		{"  urn:deputy:acr:two-step  urn:deputy:acr:passkey ", all, consent.LevelTwoStep},
		{"urn:deputy:acr:passkey", all[:1], ""}, // nobody here can reach it
		{"urn:deputy:acr:passkey urn:deputy:acr:password", all[:1], consent.LevelPassword},
		{"phr urn:mace:incommon:iap:silver 0", all, ""},
		{"URN:DEPUTY:ACR:PASSKEY", all, ""}, // compared as it is
	} {
		if got := asksFor(c.values, c.reachable); got != c.want {
			t.Errorf("acr_values=%q of %v: %q, want %q", c.values, c.reachable, got, c.want)
		}
	}
}
