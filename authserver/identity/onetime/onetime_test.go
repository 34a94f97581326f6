package onetime_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/identity/onetime"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// step is how long a code is shown.
const step = 30 * time.Second

// half gives the right password in a new visit and returns the page that follows.
func half(b *deputytest.Browser, u deputytest.User) deputytest.Page {
	return b.Get("/signin?next=/activity").Form("/signin").Set("email", u.Email).Set("password", u.Password).Submit("")
}

// in reports whether somebody is signed in at b.
func in(b *deputytest.Browser) bool { return b.Get("/sessions").URL.Path == "/sessions" }

func TestASecondStepSignsIn(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		home := d.Browser()
		home.SignIn(ana)
		if page := home.Get("/sessions").Link("Codes"); !page.Says("Codes from an app are off") {
			t.Errorf("before: %s", page.Text())
		}
		app, kept := home.TurnCodesOn()
		if len(kept) != 10 {
			t.Errorf("%d recovery codes", len(kept))
		}
		if page := home.Get(onetime.Path); !page.Says("Codes from an app are on") || !page.Says("You have 10 left.") {
			t.Errorf("after: %s", page.Text())
		}

		b := d.Browser()
		page := half(b, ana)
		if !page.Says("One more step") || in(b) {
			t.Fatalf("the password alone led to %s: %s", page.URL, page.Text())
		}
		d.Clock.Add(step)
		if done := page.Form("/signin/code").Set("code", app.Code()).Submit(""); done.URL.Path != "/activity" || !done.Says("You turned on codes from an app.") {
			t.Fatalf("with the code: %s %s", done.URL, done.Text())
		}
		if got := d.Count("SELECT count(*) FROM sessions WHERE acr = ?", string(consent.LevelTwoStep)); got != 1 {
			t.Errorf("%d sign-ins with two steps", got)
		}
	})
}

// A code counts once, on both pages that ask for one, and only near its time.
func TestACodeCountsOnce(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		home := d.Browser()
		home.SignIn(ana)
		app, _ := home.TurnCodesOn()
		used := app.Code()
		try := func(code string) bool {
			b := d.Browser()
			page := half(b, ana).Form("/signin/code").Set("code", code).Submit("")
			if ok := in(b); ok != (page.Status == 200) {
				t.Errorf("code %s: %d, signed in: %v", code, page.Status, ok)
			}
			return in(b)
		}
		if try(used) {
			t.Error("the code that turned codes on signs in")
		}
		d.Clock.Add(step)
		next := app.Code()
		if !try(next[:3] + " " + next[3:]) {
			t.Error("a new code, typed in groups, does not sign in")
		}
		if try(next) || try(used) {
			t.Error("a used code, or one before it, signs in")
		}
		d.Clock.Add(step)
		late := app.Code()
		d.Clock.Add(step)
		if !try(late) {
			t.Error("a code of half a minute ago does not sign in")
		}
		d.Clock.Add(step)
		old := app.Code()
		d.Clock.Add(2 * step)
		if try(old) {
			t.Error("a code of a minute ago signs in")
		}
	})
}

func TestOfManyAtOnceOneCodeCounts(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		home := d.Browser()
		home.SignIn(ana)
		app, kept := home.TurnCodesOn()
		d.Clock.Add(step)
		for what, code := range map[string]string{"a code": app.Code(), "a recovery code": kept[0]} {
			form := half(d.Browser(), ana).Form("/signin/code").Set("code", code)
			before := d.Count("SELECT count(*) FROM sessions")
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() { form.Copy().Send("") })
			}
			wg.Wait()
			if n := d.Count("SELECT count(*) FROM sessions") - before; n != 1 {
				t.Errorf("%d sign-ins with %s", n, what)
			}
		}
	})
}

func TestARecoveryCodeSignsInOnce(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana, bob := d.User("ana"), d.User("bob")
		home, other := d.Browser(), d.Browser()
		home.SignIn(ana)
		other.SignIn(bob)
		_, kept := home.TurnCodesOn()
		other.TurnCodesOn()
		if n := d.Count("SELECT count(*) FROM recovery_codes WHERE hash = ?", []byte(kept[0])); n != 0 {
			t.Error("recovery codes are stored as they are")
		}
		b := d.Browser()
		if page := half(b, ana).Form("/signin/code").Set("code", " "+strings.ToLower(kept[3])+" ").Submit(""); page.URL.Path != "/activity" || !page.Says("You signed in with a recovery code.") {
			t.Fatalf("%s: %s", page.URL, page.Text())
		}
		if page := half(d.Browser(), ana).Form("/signin/code").Set("code", kept[3]).Submit(""); page.Status != 403 {
			t.Errorf("again: %d", page.Status)
		}
		if page := half(d.Browser(), bob).Form("/signin/code").Set("code", kept[4]).Submit(""); page.Status != 403 {
			t.Errorf("for somebody else: %d", page.Status)
		}
		if page := b.Get(onetime.Path); !page.Says("You have 9 left.") {
			t.Errorf("the page says %s", page.Text())
		}
		again := b.Get(onetime.RecoveryPath).Form(onetime.RecoveryPath).Submit("").RecoveryCodes()
		if len(again) != 10 {
			t.Fatalf("%d new codes", len(again))
		}
		if page := half(d.Browser(), ana).Form("/signin/code").Set("code", kept[5]).Submit(""); page.Status != 403 {
			t.Errorf("an old one: %d", page.Status)
		}
		if page := half(d.Browser(), ana).Form("/signin/code").Set("code", again[0]).Submit(""); page.URL.Path != "/activity" {
			t.Errorf("a new one: %s", page.Text())
		}
	})
}

// What is between the password and the code is good in one browser, for five
// minutes, and until the password changes.
func TestHalfASignIn(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	ana := d.User("ana")
	home := d.Browser()
	home.SignIn(ana)
	app, kept := home.TurnCodesOn()
	d.Clock.Add(step)
	late := "That took too long"

	victim, thief := d.Browser(), d.Browser()
	ticket := half(victim, ana).Form("/signin/code").Values.Get("ticket")
	elsewhere := half(thief, ana).Form("/signin/code").Set("ticket", ticket).Set("code", app.Code())
	if page := elsewhere.Submit(""); page.Status != 403 || !page.Says(late) || in(thief) {
		t.Errorf("in another browser: %d %s", page.Status, page.Text())
	}
	slow := d.Browser()
	form := half(slow, ana).Form("/signin/code")
	d.Clock.Add(5 * time.Minute)
	if page := form.Set("code", app.Code()).Submit(""); page.Status != 403 || !page.Says(late) || in(slow) {
		t.Errorf("after five minutes: %d %s", page.Status, page.Text())
	}
	changed := d.Browser()
	form = half(changed, ana).Form("/signin/code")
	d.Exec("UPDATE users SET password_hash = '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' WHERE id = ?", ana.ID)
	if page := form.Set("code", kept[0]).Submit(""); page.Status != 403 || !page.Says(late) || in(changed) {
		t.Errorf("after a new password: %d %s", page.Status, page.Text())
	}
}

// Attack O36: who knows the password guesses codes. The right password gives no
// fresh guesses.
func TestThreat_O36_GuessesAtCodesAreCounted(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		home := d.Browser()
		home.SignIn(ana)
		app, kept := home.TurnCodesOn()
		d.Clock.Add(step)
		for n := range 10 {
			if page := half(d.Browser(), ana).Form("/signin/code").Set("code", "000000").Submit(""); page.Status != 403 || !page.Says("The code is wrong, or it was used.") {
				t.Fatalf("guess %d: %d %s", n+1, page.Status, page.Text())
			}
		}
		form := half(d.Browser(), ana).Form("/signin/code")
		for _, code := range []string{app.Code(), kept[0]} {
			if page := form.Copy().Set("code", code).Submit(""); page.Status != 429 || page.Header.Get("Retry-After") == "" || !page.Says("Too many tries.") {
				t.Errorf("the eleventh, right: %d %s", page.Status, page.Text())
			}
		}
		d.Clock.Add(16 * time.Minute)
		if page := half(d.Browser(), ana).Form("/signin/code").Set("code", app.Code()).Submit(""); page.URL.Path != "/activity" {
			t.Errorf("after the window: %d %s", page.Status, page.Text())
		}
	})
}

func TestTurningOn(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		b, other := d.Browser(), d.Browser()
		b.SignIn(ana)
		other.SignIn(d.User("bob"))
		page := b.Get(onetime.NewPath)
		app := page.Scan()
		for _, code := range []string{"", "000000", "12345", "ABCDE-FGHJK"} {
			wrong := page.Form(onetime.Path).Set("code", code).Submit("")
			if wrong.Status != 403 || !wrong.Says("Codes are still off.") || wrong.Scan() != app {
				t.Errorf("code %q: %d %s", code, wrong.Status, wrong.Text())
			}
		}
		if taken := page.Form(onetime.Path).In(other).Set("code", app.Code()).Submit(""); taken.Status != 403 {
			t.Errorf("in another sign-in: %d", taken.Status)
		}
		theirs := other.Get(onetime.NewPath).Form(onetime.Path).Set("ticket", page.Form(onetime.Path).Values.Get("ticket")).Set("code", app.Code()).Submit("")
		if theirs.Status != 409 {
			t.Errorf("with its key: %d %s", theirs.Status, theirs.Text())
		}
		second := b.Get(onetime.NewPath)
		if got := page.Form(onetime.Path).Set("code", app.Code()).Submit("").RecoveryCodes(); len(got) != 10 {
			t.Fatalf("%d recovery codes", len(got))
		}
		// The sign-in had one step; from here on it needs two.
		if again := second.Form(onetime.Path).Set("code", second.Scan().Code()).Submit(""); again.URL.Path != "/signin/again" {
			t.Errorf("a second time: %s %s", again.URL, again.Text())
		}
		if n := d.Count("SELECT count(*) FROM one_time_codes WHERE length(secret) > 40"); n != 1 {
			t.Error("the secret is not sealed")
		}
		old := b.Get("/signin").Form("/signin").Set("email", ana.Email).Set("password", ana.Password).Submit("")
		d.Clock.Add(step)
		fresh := old.Form("/signin/code").Set("code", app.Code()).Submit("")
		if fresh.Status != 200 {
			t.Fatal(fresh.Text())
		}
		third := b.Get(onetime.NewPath)
		if again := third.Form(onetime.Path).Set("code", third.Scan().Code()).Submit(""); again.Status != 409 || !again.Says("Codes from an app are on already.") {
			t.Errorf("a second app: %d %s", again.Status, again.Text())
		}
	})
}

// Turning codes off, or making new recovery codes, needs a code.
func TestThreat_O44_ThePasswordAloneTurnsNothingOff(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		b := d.Browser()
		b.SignIn(ana)
		app, _ := b.TurnCodesOn()
		for _, path := range []string{onetime.RemovePath, onetime.RecoveryPath} {
			if page := b.Get(path); page.URL.Path != "/signin/again" || !page.Says("Your password alone is not enough for that.") {
				t.Errorf("%s: %s %s", path, page.URL, page.Text())
			}
		}
		page := b.Get(onetime.RemovePath)
		alone := page.Form("/signin/again").Set("password", ana.Password)
		delete(alone.Values, "code")
		if got := alone.Submit(""); got.Status != 403 || !got.Says("This is not enough to show that it is you.") {
			t.Errorf("the password alone: %d %s", got.Status, got.Text())
		}
		d.Clock.Add(step)
		if got := page.Form("/signin/again").Set("password", "wrong horse").Set("code", app.Code()).Submit(""); got.Status != 403 {
			t.Errorf("the code alone: %d %s", got.Status, got.Text())
		}
		if got := page.Form("/signin/again").Set("password", ana.Password).Set("code", "000000").Submit(""); got.Status != 403 {
			t.Errorf("a wrong code: %d %s", got.Status, got.Text())
		}
		page = page.Form("/signin/again").Set("password", ana.Password).Set("code", app.Code()).Submit("")
		if !page.Says("Turn codes from an app off?") {
			t.Fatalf("both: %s %s", page.URL, page.Text())
		}
		if page = page.Form(onetime.RemovePath).Submit(""); !page.Says("Codes from an app are off") {
			t.Fatalf("%d %s", page.Status, page.Text())
		}
		if n := d.Count("SELECT count(*) FROM recovery_codes") + d.Count("SELECT count(*) FROM one_time_codes"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		if got := b.Get(onetime.RemovePath).Form(onetime.RemovePath).Submit(""); got.Status != 409 {
			t.Errorf("again: %d %s", got.Status, got.Text())
		}
		if got := b.Get(onetime.RecoveryPath).Form(onetime.RecoveryPath).Submit(""); got.Status != 409 {
			t.Errorf("recovery codes for codes that are off: %d %s", got.Status, got.Text())
		}
		if again := d.Browser().SignIn(ana); again.URL.Path != "/" {
			t.Errorf("the password alone: %s", again.URL)
		}
	})
}
