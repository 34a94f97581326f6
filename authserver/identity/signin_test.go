package identity_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
)

func TestARightPasswordSignsInWhateverTheCaseOfTheAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser("192.0.2.1")
		if a := b.get("/me?tab=2"); a.location != "/signin?next=%2Fme%3Ftab%3D2" {
			t.Fatalf("a page that needs somebody led to %q", a.location)
		}
		if a := b.signIn(" ANA@example.COM ", password, "/me?tab=2"); a.status != http.StatusSeeOther || a.location != "/me?tab=2" {
			t.Fatalf("sign-in: %d to %q", a.status, a.location)
		}
		me := b.me()
		if len(me) < 2 || me[0] != "Ana@Example.com" || me[1] != "Ana Lima" {
			t.Errorf("signed in as %q", me)
		}
		list, err := w.audit.List(t.Context(), w.ana, audit.Filter{}, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 1 || list[0].Kind != audit.SignedIn || list[0].Detail != "Firefox on Linux" {
			t.Errorf("audit has %+v", list)
		}
	})
}

func TestTheSignInPageSaysWhoAsks(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	a := w.browser("192.0.2.1").get("/signin?next=/consent")
	for _, want := range []string{"Mailbot", "mailbot.example"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page does not name %s", want)
		}
	}
	if csp := a.header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "form-action 'self' https://mailbot.example") {
		t.Errorf("the form may end at %q", csp)
	}
	a = w.browser("192.0.2.1").get("/signin")
	if strings.Contains(a.body, "Mailbot") || strings.Contains(a.header.Get("Content-Security-Policy"), "mailbot") {
		t.Error("a visit of one's own names an app")
	}
}

func TestThreat_O35_UnknownAndKnownAccountsAnswerTheSame(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		// The same addresses but for the name, so that bodies differ by it only.
		var bodies []string
		for _, who := range []string{"ana@example.com", "bob@example.com"} {
			b := w.browser("192.0.2.1")
			a := b.signIn(who, "wrong horse", "/")
			if a.status != http.StatusForbidden {
				t.Errorf("%s: status %d", who, a.status)
			}
			csrf, err := hidden(a.body, "csrf")
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, strings.NewReplacer(who, "WHO", csrf, "CSRF").Replace(a.body))
			if b.me() != nil {
				t.Errorf("%s is signed in", who)
			}
		}
		if bodies[0] != bodies[1] {
			t.Error("the answers tell known and unknown accounts apart")
		}
		if !strings.Contains(bodies[0], "wrong") {
			t.Error("the page does not say that something was wrong")
		}
	})
}

func TestADisabledAccountIsAWrongPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.signedIn("192.0.2.1")
		err := w.store.DB.Tx(t.Context(), func(ctx context.Context) error {
			return w.store.DB.Read(ctx).Exec("UPDATE users SET disabled_at = 1 WHERE id = ?", string(w.ana)).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		w.later(time.Second)
		if b.me() != nil {
			t.Error("a disabled account is still signed in after a second")
		}
		if a := w.browser("192.0.2.1").signIn("ana@example.com", password, "/"); a.status != http.StatusForbidden {
			t.Errorf("status %d", a.status)
		}
	})
}

// The old password was right a moment ago; whoever chose a new one, or turned the
// account off, ended all its sign-ins, and this one with them.
func TestASignInUnderWayDoesNotSurviveANewPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ana, _, err := w.store.AccountByID(t.Context(), w.ana)
		if err != nil {
			t.Fatal(err)
		}
		write := func(statement string, args ...any) {
			err := w.store.DB.Tx(t.Context(), func(ctx context.Context) error { return w.store.DB.Read(ctx).Exec(statement, args...).Error })
			if err != nil {
				t.Error(err)
			}
		}
		changes := map[string]string{"a new password": "UPDATE users SET password_hash = 'another'", "turned off": "UPDATE users SET disabled_at = 1"}
		for name, change := range changes {
			w.meanwhile = func() { write(change) }
			b := w.browser("192.0.2.1")
			a := b.signIn("ana@example.com", password, "/")
			if a.status != http.StatusForbidden || !strings.Contains(a.body, "changed just now") || b.me() != nil {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
			w.meanwhile = nil
			write("UPDATE users SET disabled_at = NULL, password_hash = ?", ana.Hash)
		}
		if b := w.signedIn("192.0.2.1"); b.me() == nil {
			t.Error("as it was, it does not sign in")
		}
	})
}

func TestAnAccountFromOnePlaceHasTenTries(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, who := range []string{"ana@example.com", "nobody@example.com"} {
			b := w.browser("192.0.2.1")
			for n := range 10 {
				if a := b.signIn(who, "wrong horse", "/"); a.status != http.StatusForbidden {
					t.Fatalf("%s: try %d: status %d", who, n+1, a.status)
				}
			}
			a := b.signIn(strings.ToUpper(who), password, "/")
			if a.status != http.StatusTooManyRequests || !strings.Contains(a.body, "in 15 minutes") {
				t.Fatalf("%s: the eleventh try: status %d", who, a.status)
			}
			if wait, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || wait < 890 || wait > 901 {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
		}
		if a := w.browser("198.51.100.7").signIn("ana@example.com", password, "/"); a.status != http.StatusSeeOther {
			t.Errorf("from another place: status %d", a.status)
		}
		if a := w.browser("192.0.2.1").signIn("ana@example.com", password, "/"); a.status != http.StatusTooManyRequests {
			// Her sign-in elsewhere clears her account and that place, not this one.
			t.Errorf("from the limited place, after a sign-in elsewhere: status %d", a.status)
		}
		w.later(15*time.Minute + time.Second)
		if a := w.browser("192.0.2.1").signIn("ana@example.com", password, "/"); a.status != http.StatusSeeOther {
			t.Errorf("after the window: status %d", a.status)
		}
	})
}

func TestARightPasswordGivesAllTriesBack(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	b := w.browser("192.0.2.1")
	for round := range 3 {
		for range 9 {
			b.signIn("ana@example.com", "wrong horse", "/")
		}
		if a := b.signIn("ana@example.com", password, "/"); a.status != http.StatusSeeOther {
			t.Fatalf("round %d: status %d", round, a.status)
		}
	}
}

func TestOnesOwnSignInsBuyNoGuessesAtOthers(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	if _, err := w.identity.CreateUser(t.Context(), "mallory@example.com", "Mallory", secret.New("mallory's own")); err != nil {
		t.Fatal(err)
	}
	guesses, limited := 0, false
	for n := range 110 {
		if n%5 == 0 {
			w.browser("192.0.2.66").signIn("mallory@example.com", "mallory's own", "/")
		}
		switch a := w.browser("192.0.2.66").signIn(fmt.Sprintf("victim%d@example.com", n), "guess", "/"); a.status {
		case http.StatusForbidden:
			guesses++
		case http.StatusTooManyRequests:
			limited = true
		}
	}
	if guesses > 100 || !limited {
		t.Errorf("one network had %d guesses at others' accounts, limited: %v", guesses, limited)
	}
}

// Attack O36: a /64 is one person's to choose addresses from.
func TestThreat_O36_TurningThroughIPv6AddressesGivesNoFreshTries(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	var last int
	for n := range 11 {
		last = w.browser(fmt.Sprintf("2001:db8:1:2::%x", n+1)).signIn("ana@example.com", "wrong horse", "/").status
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the eleventh address of a /64: status %d", last)
	}
	if a := w.browser("2001:db8:1:3::1").signIn("ana@example.com", password, "/"); a.status != http.StatusSeeOther {
		t.Errorf("from the next /64: status %d", a.status)
	}
}

// Attack: many tries at the same time, so that each is looked at before the
// others are counted.
func TestThreat_O36_ParallelTriesAreAllCounted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		page := w.browser("192.0.2.1")
		csrf, err := hidden(page.get("/signin").body, "csrf")
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		seen := map[int]int{}
		for range 25 {
			wg.Go(func() {
				a := page.send(http.MethodPost, "/signin", url.Values{"csrf": {csrf}, "email": {"ana@example.com"}, "password": {"wrong horse"}})
				mu.Lock()
				defer mu.Unlock()
				seen[a.status]++
			})
		}
		wg.Wait()
		if seen[http.StatusForbidden] != 10 || seen[http.StatusTooManyRequests] != 15 {
			t.Errorf("answers by status: %v, want 10 looked at and 15 refused", seen)
		}
	})
}

func TestExpiredCountersGoAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for n := range 20 {
			w.browser("192.0.2.1").signIn(fmt.Sprintf("a%d@example.com", n), "wrong horse", "/")
		}
		before := w.rows("attempts")
		w.later(time.Hour)
		w.signedIn("198.51.100.1")
		if after := w.rows("attempts"); before < 41 || after > 3 {
			t.Errorf("%d counters before, %d after their window", before, after)
		}
	})
}

// Attack O13: another site signs the person in to the attacker's account.
func TestThreat_O13_ASignInFormOfAnotherSiteIsRefused(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	for name, break1 := range map[string]func(b *browser, form url.Values){
		"cross-site":           func(b *browser, _ url.Values) { b.header.Set("Sec-Fetch-Site", "cross-site") },
		"same-site sub-domain": func(b *browser, _ url.Values) { b.header.Set("Sec-Fetch-Site", "same-site") },
		"foreign origin": func(b *browser, _ url.Values) {
			b.header["Sec-Fetch-Site"] = nil
			b.header.Set("Origin", "https://evil.example")
		},
		"null origin": func(b *browser, _ url.Values) { b.header["Sec-Fetch-Site"] = nil; b.header.Set("Origin", "null") },
		"no token":    func(_ *browser, f url.Values) { f.Del("csrf") },
		"another's token": func(_ *browser, f url.Values) {
			f.Set("csrf", mustHidden(t, w.browser("192.0.2.9").get("/signin").body))
		},
		"no cookie": func(b *browser, _ url.Values) { b.client.Jar = nil },
	} {
		t.Run(name, func(t *testing.T) {
			b := w.browser("192.0.2.1")
			form := url.Values{"csrf": {mustHidden(t, b.get("/signin").body)}, "email": {"ana@example.com"}, "password": {password}}
			break1(b, form)
			a := b.send(http.MethodPost, "/signin", form)
			if a.status != http.StatusForbidden || strings.Contains(strings.Join(a.header["Set-Cookie"], ";"), "deputy_session") {
				t.Errorf("status %d, cookies %q", a.status, a.header["Set-Cookie"])
			}
			if b.client.Jar != nil && b.me() != nil {
				t.Error("the browser is signed in")
			}
		})
	}
}

func mustHidden(t *testing.T, page string) string {
	t.Helper()
	v, err := hidden(page, "csrf")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestThreat_O9_NextNeverLeavesTheSite(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	for _, evil := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/\t/evil.example", "evil", "/%5Cevil.example", strings.Repeat("/a", 2100)} {
		if a := w.browser("192.0.2.1").get("/signin?next=" + url.QueryEscape(evil)); a.status != http.StatusBadRequest {
			t.Errorf("GET /signin to %.40q: status %d", evil, a.status)
		}
		b := w.browser("192.0.2.1")
		form := url.Values{"csrf": {mustHidden(t, b.get("/signin").body)}, "email": {"ana@example.com"}, "password": {password}, "return": {evil}}
		if a := b.send(http.MethodPost, "/signin", form); a.status != http.StatusBadRequest || a.location != "" {
			t.Errorf("POST /signin to %.40q: status %d to %q", evil, a.status, a.location)
		}
	}
}

func TestCreateUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			why, email, name, password string
			want                       fault.Kind
		}{
			{"the address has an account", "ana@EXAMPLE.com", "Ana", password, fault.Conflict},
			{"no address", "", "Ana", password, fault.Invalid},
			{"no domain", "ana", "Ana", password, fault.Invalid},
			{"a name in the address", "Ana <ana@example.com>", "Ana", password, fault.Invalid},
			{"two addresses", "a@example.com, b@example.com", "Ana", password, fault.Invalid},
			{"a line end", "a@example.com\nBcc: b@example.com", "Ana", password, fault.Invalid},
			{"no name", "new@example.com", "  ", password, fault.Invalid},
			{"a name with a control character", "new@example.com", "A\x00na", password, fault.Invalid},
			{"seven characters", "new@example.com", "New", "pässwör", fault.Invalid},
			{"more than 1024 bytes", "new@example.com", "New", strings.Repeat("a", 1025), fault.Invalid},
		} {
			if _, err := w.identity.CreateUser(t.Context(), c.email, c.name, secret.New(c.password)); !fault.Is(err, c.want) {
				t.Errorf("%s: %v", c.why, err)
			}
		}
		id, err := w.identity.CreateUser(t.Context(), "new@example.com", "Neu Ör", secret.New(strings.Repeat("a", 1024)))
		if err != nil {
			t.Fatal(err)
		}
		name, email, _, err := w.identity.Profile(t.Context(), id)
		if err != nil || name != "Neu Ör" || email != "new@example.com" {
			t.Errorf("profile: %q %q %v", name, email, err)
		}
		if _, _, _, err := w.identity.Profile(t.Context(), "user_none"); !fault.Is(err, fault.NotFound) {
			t.Errorf("profile of nobody: %v", err)
		}
	})
}
