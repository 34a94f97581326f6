package identity_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// eachWithMail runs a test on a server of each database that can send mails.
func eachWithMail(t *testing.T, test func(t *testing.T, d *deputytest.Deputy)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, deputytest.New(t, deputytest.Options{Mail: true, Named: true})) })
	t.Run("postgres", func(t *testing.T) {
		test(t, deputytest.New(t, deputytest.Options{Mail: true, Named: true, Postgres: true}))
	})
}

// forget asks for a link at b.
func forget(b *deputytest.Browser, address string) deputytest.Page {
	return b.Get("/signin").Link("Forgot your password?").Form("/forgot").Set("email", address).Submit("")
}

// enters reports whether a password signs in.
func enters(d *deputytest.Deputy, address, password string) bool {
	page := d.Browser().Get("/signin").Form("/signin").Set("email", address).Set("password", password).Submit("")
	return page.URL.Path == "/"
}

const another = "a longer and newer battery"

func TestAForgottenPasswordIsChosenAnewByMail(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		home, b := d.Browser(), d.Browser()
		home.SignIn(ana)
		if page := forget(b, strings.ToUpper(ana.Email)); !page.Says("Look at your mail") {
			t.Fatalf("after asking: %s", page.Text())
		}
		letter := d.Mail.To(ana.Email, 1)[0]
		if letter.Subject != "Choose a new password" || !strings.Contains(letter.Text, "\n"+d.URL+"/reset?link=") {
			t.Fatalf("the mail: %q %s", letter.Subject, letter.Text)
		}
		// Programs that read mails open links. That changes nothing.
		for range 3 {
			if page := d.Browser().Get(letter.Link()); page.Status != http.StatusOK || !page.Says("Choose a new password") {
				t.Fatalf("the link leads to %d %s", page.Status, page.Text())
			}
		}
		page := b.Get(letter.Link())
		if short := page.Form("/reset").Set("password", "short").Submit(""); !short.Says("A password has 8 characters or more.") {
			t.Errorf("a short password: %s", short.Text())
		}
		if done := page.Form("/reset").Set("password", another).Submit(""); !done.Says("Your password is changed") {
			t.Fatalf("after the choice: %d %s", done.Status, done.Text())
		}
		if home.Get("/sessions").URL.Path == "/sessions" {
			t.Error("the sign-in of before goes on")
		}
		if enters(d, ana.Email, ana.Password) || !enters(d, ana.Email, another) {
			t.Error("the old password signs in, or the new one does not")
		}
		if told := d.Mail.To(ana.Email, 2)[1]; told.Subject != "Your password was changed" || told.Link() != "" {
			t.Errorf("the notice: %q %s", told.Subject, told.Text)
		}
		for what, again := range map[string]deputytest.Page{"the link": b.Get(letter.Link()), "its form": page.Form("/reset").Set("password", "once more with feeling").Submit("")} {
			if again.Status != http.StatusGone || !again.Says("This link does not work any more") || !again.Says("Ask for another link") {
				t.Errorf("%s a second time: %d %s", what, again.Status, again.Text())
			}
		}
	})
}

// Nobody learns who has an account: not from the answer, and not from what is done
// before it, which is the same.
func TestThreat_O35_AskingForALinkTellsNothing(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		known, stranger := forget(d.Browser(), ana.Email), forget(d.Browser(), "stranger@example.com")
		plain := func(p deputytest.Page) string {
			return regexp.MustCompile(`name="csrf" value="[^"]*"`).ReplaceAllString(p.Body, "")
		}
		if known.Status != stranger.Status || plain(known) != plain(stranger) {
			t.Errorf("known: %d %s\nstranger: %d %s", known.Status, known.Text(), stranger.Status, stranger.Text())
		}
		if got := d.Mail.All(); len(got) != 1 || got[0].Envelope != ana.Email {
			t.Errorf("mails: %+v", got)
		}
		if left := d.Count("SELECT count(*) FROM letters"); left != 0 {
			t.Errorf("%d letters wait for nobody", left)
		}
		d.Exec("UPDATE users SET disabled_at = 1")
		forget(d.Browser(), ana.Email)
		d.Mail.To(ana.Email, 1)
	})
}

func TestMailsToOneAddressAreFew(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Mail: true, TrustedProxies: []string{"127.0.0.1"}})
	ana := d.User("ana")
	for n := range 3 {
		if page := forget(d.Browser(), ana.Email); !page.Says("Look at your mail") {
			t.Fatalf("time %d: %s", n, page.Text())
		}
		d.Mail.All()
	}
	for _, address := range []string{ana.Email, " " + strings.ToUpper(ana.Email)} {
		if page := forget(d.Browser(), address); page.Status != http.StatusTooManyRequests || !page.Says("Too many tries.") || page.Header.Get("Retry-After") == "" {
			t.Errorf("a fourth time: %d %s", page.Status, page.Text())
		}
	}
	d.Mail.To(ana.Email, 3)
	d.Clock.Add(time.Hour)
	forget(d.Browser(), ana.Email)
	d.Mail.To(ana.Email, 4)
	refused := 0
	for n := range 25 {
		if page := forget(d.Browser(), "someone"+string(rune('a'+n))+"@example.com"); page.Status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 4 {
		t.Errorf("one network asked for 25 mails, and %d were refused", refused)
	}
}

func TestALinkEnds(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		ana, bob := d.User("ana"), d.User("bob")
		ask := func() string {
			t.Helper()
			d.Clock.Add(time.Hour)
			forget(d.Browser(), ana.Email)
			got := d.Mail.All()
			return got[len(got)-1].Link()
		}
		over := func(what, link string) {
			t.Helper()
			if page := d.Browser().Get(link); page.Status != http.StatusGone || !page.Says("Nothing was changed.") {
				t.Errorf("%s: %d %s", what, page.Status, page.Text())
			}
		}
		late := ask()
		d.Clock.Add(time.Hour)
		over("after an hour", late)

		first, second := ask(), ask()
		d.Clock.Add(-time.Hour) // both are young
		page := d.Browser().Get(first).Form("/reset").Set("password", another).Submit("")
		if !page.Says("Your password is changed") {
			t.Fatalf("the first: %s", page.Text())
		}
		over("another link, after the password was changed", second)

		moved := ask()
		d.Exec("UPDATE users SET email = ?, email_key = ? WHERE id = ?", "ana@elsewhere.example", "ana@elsewhere.example", string(ana.ID))
		over("after the address was changed", moved)
		d.Exec("UPDATE users SET email = ?, email_key = ? WHERE id = ?", ana.Email, strings.ToLower(ana.Email), string(ana.ID))

		whole := ask()
		at, _ := url.Parse(whole)
		token := at.Query().Get("link")
		over("cut off", "/reset?link="+token[:len(token)-2])
		over("empty", "/reset")
		over("as an invitation", "/invitation?link="+token)
		d.Exec("UPDATE users SET disabled_at = 1 WHERE id = ?", string(ana.ID))
		over("of a disabled account", whole)
		if !enters(d, bob.Email, bob.Password) {
			t.Error("somebody else's password was changed")
		}
	})
}

// Of several who use the same link at the same time one chooses the password.
func TestALinkCountsOnce(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		forget(d.Browser(), ana.Email)
		link := d.Mail.To(ana.Email, 1)[0].Link()
		var forms []*deputytest.Form
		for range 8 {
			forms = append(forms, d.Browser().Get(link).Form("/reset"))
		}
		var mu sync.Mutex
		var wait sync.WaitGroup
		changed := 0
		for n, f := range forms {
			wait.Go(func() {
				page := f.Set("password", another+string(rune('a'+n))).Submit("")
				mu.Lock()
				defer mu.Unlock()
				if page.Says("Your password is changed") {
					changed++
				}
			})
		}
		wait.Wait()
		if changed != 1 {
			t.Errorf("the password was chosen %d times", changed)
		}
	})
}

// Who has a second step needs it here as well: the mail alone changes nothing.
func TestTheSecondStepIsAskedWithALink(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		home := d.Browser()
		home.SignIn(ana)
		app, _ := home.TurnCodesOn()
		forget(d.Browser(), ana.Email)
		got := d.Mail.All()
		b := d.Browser()
		page := b.Get(got[len(got)-1].Link())
		if wrong := page.Form("/reset").Set("password", another).Set("code", "000000").Submit(""); wrong.Status != http.StatusForbidden || !wrong.Says("The code is wrong") {
			t.Fatalf("a wrong code: %d %s", wrong.Status, wrong.Text())
		}
		if none := b.Do("POST", "/reset", url.Values{"csrf": {page.Form("/reset").Values.Get("csrf")}, "link": {page.Form("/reset").Values.Get("link")}, "password": {another}}); none.Status != http.StatusForbidden {
			t.Errorf("without a code: %d", none.Status)
		}
		d.Clock.Add(30 * time.Second)
		if done := page.Form("/reset").Set("password", another).Set("code", app.Code()).Submit(""); !done.Says("Your password is changed") {
			t.Errorf("with the code: %s", done.Text())
		}
	})
}

// The form of a link is this browser's, and for this link.
func TestThreat_O37_ALinkIsForTheExternalURL(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Mail: true})
	ana, bob := d.User("ana"), d.User("bob")
	b := d.Browser()
	form := b.Get("/forgot").Form("/forgot")
	for name, value := range map[string]string{"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Forwarded-Proto": "gopher", "X-Forwarded-Prefix": "/evil"} {
		d.Send("POST", "/forgot", url.Values{"csrf": {form.Values.Get("csrf")}, "email": {ana.Email}}.Encode(), "Cookie", "deputy_browser="+b.Cookie("deputy_browser"), "Content-Type", "application/x-www-form-urlencoded", "Origin", d.URL, name, value)
	}
	letter := d.Mail.To(ana.Email, 1)[0]
	if strings.Contains(letter.Text, "evil") || !strings.Contains(letter.Text, "\n"+d.URL+"/reset?link=") {
		t.Errorf("the mail: %s", letter.Text)
	}
	forget(b, bob.Email)
	other := d.Browser().Get(d.Mail.To(bob.Email, 1)[0].Link()).Form("/reset")
	page := b.Get(letter.Link())
	if page.Header.Get("Referrer-Policy") != "no-referrer" || page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page of a link: %v", page.Header)
	}
	if swapped := page.Form("/reset").Set("password", another).Set("link", other.Values.Get("link")).Submit(""); swapped.Status != http.StatusForbidden {
		t.Errorf("another link in the form: %d", swapped.Status)
	}
	if foreign := other.Set("password", another); d.Browser().Do("POST", "/reset", url.Values{"csrf": {foreign.Values.Get("csrf")}, "link": {foreign.Values.Get("link")}, "password": {another}}).Status != http.StatusForbidden {
		t.Error("a form of another browser was taken")
	}
}

func TestWithoutMailThePageSaysWhomToAsk(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	page := d.Browser().Get("/signin").Link("Forgot your password?")
	if !page.Says("This server sends no mail. Ask Northwind") {
		t.Fatalf("the page: %s", page.Text())
	}
	if d.Count("SELECT count(*) FROM letters") != 0 {
		t.Error("a letter waits")
	}
}
