package identity_test

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/fault"
)

func (w *world) rows(table string) int {
	w.t.Helper()
	n, err := db.One[int](w.store.DB.Read(w.t.Context()), "SELECT count(*) FROM "+table)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// cookie is the value of a cookie the browser holds.
func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.w.server.URL)
	if err != nil {
		b.w.t.Fatal(err)
	}
	for _, k := range b.client.Jar.Cookies(u) {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

func TestCookiesOverHTTPSBelongToThisHostOnly(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), true)
	b := w.browser("192.0.2.1")
	var cookies []string
	cookies = append(cookies, b.get("/signin").header["Set-Cookie"]...)
	cookies = append(cookies, b.signIn("ana@example.com", password, "/").header["Set-Cookie"]...)
	if len(cookies) != 2 || !strings.HasPrefix(cookies[0], "__Host-deputy_browser=") || !strings.HasPrefix(cookies[1], "__Host-deputy_session=") {
		t.Fatalf("cookies are %q", cookies)
	}
	for _, k := range cookies {
		for _, want := range []string{"; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
			if !strings.Contains(k, want) {
				t.Errorf("%q lacks %q", k, want)
			}
		}
		if strings.Contains(k, "Domain") {
			t.Errorf("%q names a domain", k)
		}
	}
	if b.me() == nil {
		t.Error("not signed in over https")
	}
}

func TestTheDatabaseHasOnlyTheHashOfAToken(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	b := w.signedIn("192.0.2.1")
	token := b.cookie("deputy_session")
	stored, err := db.One[[]byte](w.store.DB.Read(t.Context()), "SELECT token_hash FROM sessions")
	if err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256([]byte(token))
	if len(token) != 43 || !bytes.Equal(stored, want[:]) {
		t.Errorf("the cookie is %d characters; stored is %x", len(token), stored)
	}
}

// Attack: somebody prepares the browser with a session or browser cookie of
// their choice and waits for the person to sign in (session fixation).
func TestEachSignInMakesANewSessionAndEndsTheOldOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.signedIn("192.0.2.1")
		first, session := b.cookie("deputy_session"), b.me()[2]
		browserBefore := b.cookie("deputy_browser")
		if a := b.signIn("ana@example.com", password, "/me"); a.status != http.StatusSeeOther {
			t.Fatalf("status %d", a.status)
		}
		if b.cookie("deputy_session") == first || b.me()[2] == session {
			t.Error("the second sign-in kept the session")
		}
		if b.cookie("deputy_browser") != browserBefore {
			t.Error("the browser got another name, which ends the conversations it is in")
		}
		old := w.browser("192.0.2.1")
		if old.with("deputy_session", first).me() != nil {
			t.Error("the session before is still alive")
		}
		if list := w.sessions(); len(list) != 1 {
			t.Errorf("%d sessions live", len(list))
		}
	})
}

func (b *browser) with(name, value string) *browser {
	u, err := url.Parse(b.w.server.URL)
	if err != nil {
		b.w.t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
	return b
}

func (w *world) sessions() []identity.Session {
	w.t.Helper()
	list, err := w.identity.Sessions(w.t.Context(), w.ana)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func TestACookieThatWasNeverOursIsNobody(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	for _, value := range []string{"x", strings.Repeat("A", 43), strings.Repeat("A", 4000), "%00", "' OR 1=1 --"} {
		if w.browser("192.0.2.1").with("deputy_session", value).me() != nil {
			t.Errorf("cookie %.20q is somebody", value)
		}
	}
}

func TestASessionEndsAfterTwelveIdleHoursAndThirtyDays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.signedIn("192.0.2.1")
		w.later(11 * time.Hour)
		if b.me() == nil {
			t.Fatal("ended after 11 hours")
		}
		w.later(11 * time.Hour)
		if b.me() == nil {
			t.Fatal("a page did not move the idle end")
		}
		idle := w.signedIn("192.0.2.2")
		w.later(12 * time.Hour)
		if idle.me() != nil {
			t.Error("alive after 12 hours without a page")
		}
		if a := idle.get("/signin"); !strings.Contains(a.body, "Your sign-in ended") {
			t.Error("the sign-in page does not say that the sign-in ended")
		}
		busy := w.signedIn("192.0.2.3")
		for range 71 { // 71 times 10 hours are 29.6 days
			w.later(10 * time.Hour)
			if busy.me() == nil {
				t.Fatal("ended although it was used")
			}
		}
		w.later(10 * time.Hour)
		if busy.me() != nil {
			t.Error("alive after 30 days")
		}
	})
}

func TestAPageIsWrittenDownOnceAMinute(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	b := w.signedIn("192.0.2.1")
	start := w.sessions()[0].Seen
	w.later(59 * time.Second)
	b.me()
	if seen := w.sessions()[0].Seen; !seen.Equal(start) {
		t.Errorf("written down after %v", seen.Sub(start))
	}
	w.later(time.Second)
	b.me()
	if seen := w.sessions()[0].Seen; seen.Sub(start) != time.Minute {
		t.Errorf("last page moved by %v, want a minute", seen.Sub(start))
	}
}

func TestEndingASessionIsInForceAtOnceHereAndWithinASecondElsewhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.signedIn("192.0.2.1")
		id := consent.SessionID(b.me()[2])
		if err := w.identity.End(t.Context(), w.ana, id); err != nil {
			t.Fatal(err)
		}
		if b.me() != nil {
			t.Error("still signed in in this process")
		}
		if len(w.ended) != 1 || w.ended[0] != w.ana {
			t.Errorf("told to %v", w.ended)
		}
		if err := w.identity.End(t.Context(), w.ana, id); !fault.Is(err, fault.NotFound) {
			t.Errorf("ended twice: %v", err)
		}

		// Another replica ends it: this one has it in its memory.
		b = w.signedIn("192.0.2.1")
		id = consent.SessionID(b.me()[2])
		if _, err := w.store.EndSessions(t.Context(), w.ana, id, false); err != nil {
			t.Fatal(err)
		}
		w.later(time.Second)
		if b.me() != nil {
			t.Error("still signed in a second after another replica ended it")
		}
	})
}

func TestOnlyOnesOwnSessionsCanBeEnded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.signedIn("192.0.2.1")
		id := consent.SessionID(b.me()[2])
		if err := w.identity.End(t.Context(), "user_somebody_else", id); !fault.Is(err, fault.NotFound) {
			t.Errorf("another user's End: %v", err)
		}
		if n, err := w.identity.EndOthers(t.Context(), "user_somebody_else", "x"); n != 0 || err != nil {
			t.Errorf("another user's EndOthers: %d %v", n, err)
		}
		w.later(time.Second)
		if b.me() == nil {
			t.Error("ended by somebody else")
		}
	})
}

func TestEndOthersKeepsThisOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		here, there, elsewhere := w.signedIn("192.0.2.1"), w.signedIn("192.0.2.2"), w.signedIn("192.0.2.3")
		n, err := w.identity.EndOthers(t.Context(), w.ana, consent.SessionID(here.me()[2]))
		if n != 2 || err != nil {
			t.Fatalf("ended %d: %v", n, err)
		}
		if here.me() == nil || there.me() != nil || elsewhere.me() != nil {
			t.Error("the wrong ones ended")
		}
		list := w.sessions()
		if len(list) != 1 || list[0].Device() != "Firefox on Linux" || list[0].Address != "192.0.2.1" {
			t.Errorf("left is %+v", list)
		}
	})
}

func TestSignOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.signedIn("192.0.2.1")
		other := w.signedIn("192.0.2.2")
		for why, token := range map[string]string{"no token": "", "another session's token": other.me()[3]} {
			if a := b.send(http.MethodPost, "/signout", url.Values{"csrf": {token}}); a.status != http.StatusForbidden {
				t.Errorf("%s: status %d", why, a.status)
			}
		}
		token, form := b.cookie("deputy_session"), url.Values{"csrf": {b.me()[3]}}
		a := b.send(http.MethodPost, "/signout", form)
		if a.status != http.StatusOK || !strings.Contains(a.body, "Night Watch") {
			t.Errorf("signed out: %d, and the page does not name what goes on", a.status)
		}
		if b.cookie("deputy_session") != "" || w.browser("192.0.2.1").with("deputy_session", token).me() != nil {
			t.Error("the session is still alive")
		}
		if other.me() == nil {
			t.Error("the other browser was signed out as well")
		}
		if a := b.send(http.MethodPost, "/signout", form); a.status != http.StatusOK {
			t.Errorf("signing out twice: %d", a.status)
		}
	})
}

// "Not you?" on the page of an app's request leads back to that request.
func TestSigningOutKeepsWhereOneWas(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	b := w.signedIn("192.0.2.1")
	a := b.send(http.MethodPost, "/signout", url.Values{"csrf": {b.me()[3]}, "return": {"/consent?flow=a_b&x=1"}})
	if !strings.Contains(a.body, `href="/signin?next=%2fconsent%3fflow%3da_b%26x%3d1"`) {
		t.Errorf("the page leads elsewhere: %s", a.body)
	}
	b = w.signedIn("192.0.2.1")
	a = b.send(http.MethodPost, "/signout", url.Values{"csrf": {b.me()[3]}, "return": {"https://evil.example"}})
	if a.status != http.StatusBadRequest || strings.Contains(a.body, "evil") {
		t.Errorf("a foreign way back: %d", a.status)
	}
}

func TestAFormWithoutASignInLeadsHomeAfterIt(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	if a := w.browser("192.0.2.1").send(http.MethodPost, "/me", nil); a.status != http.StatusSeeOther || a.location != "/signin" {
		t.Errorf("%d to %q", a.status, a.location)
	}
}

func TestRowsOfEndedSessionsGoAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 5 {
			w.signedIn("192.0.2.1")
		}
		w.later(identity.IdleLifetime + time.Minute)
		w.signedIn("192.0.2.1")
		if n := w.rows("sessions"); n != 6 {
			t.Errorf("%d rows are left right after their end, want 6", n)
		}
		w.later(time.Hour)
		w.signedIn("192.0.2.1")
		if n := w.rows("sessions"); n != 2 {
			t.Errorf("%d rows are left an hour later, want 2", n)
		}
	})
}
