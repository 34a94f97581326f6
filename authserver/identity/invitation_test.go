package identity_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/fault"
)

const guest = "eve@example.com"

// invite has the operator invite the guest.
func invite(t *testing.T, d *deputytest.Deputy, name string) {
	t.Helper()
	if in, err := d.Foundation.Invite(t.Context(), guest, name, ""); err != nil || in.Unsent != nil || in.Link != "" {
		t.Fatalf("the invitation: %+v, %v", in, err)
	}
}

// The link that a command prints is made before the account was ever read: a
// database keeps of its time no more than milliseconds.
func TestALinkIsGoodWhateverADatabaseKeepsOfATime(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		d.Clock.Add(123_456 * time.Nanosecond)
		for range 2 { // the second time it is an account that was invited before
			in, err := d.Foundation.Invite(t.Context(), guest, "Eve", "")
			if err != nil {
				t.Fatal(err)
			}
			if page := d.Browser().Get(strings.TrimPrefix(in.Link, d.URL)); page.Status != http.StatusOK || !page.Says("Northwind invited you.") {
				t.Errorf("the link opens %d %s", page.Status, page.Text())
			}
			d.Clock.Add(time.Minute)
		}
	})
}

func TestAnInvitationIsTakenOver(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		invite(t, d, "Eve")
		letter := d.Mail.To(guest, 1)[0]
		if letter.Subject != "You are invited: Deputy at Northwind" || !strings.HasPrefix(letter.Link(), "/invitation?link=") {
			t.Fatalf("the mail: %q %s", letter.Subject, letter.Text)
		}
		if enters(d, guest, "") || enters(d, guest, another) {
			t.Fatal("an account that waits was signed in to")
		}
		b := d.Browser()
		page := b.Get(letter.Link())
		if !page.Says("Northwind invited you.") || page.Form("/invitation").Values.Get("name") != "Eve" {
			t.Fatalf("the page: %s", page.Text())
		}
		for what, f := range map[string]*deputytest.Form{
			"A password has 8 characters or more.":      page.Form("/invitation").Set("password", "short"),
			"A name has 1 to 200 printable characters.": page.Form("/invitation").Set("password", another).Set("name", " "),
		} {
			if again := f.Submit(""); again.Status != http.StatusBadRequest || !again.Says(what) {
				t.Errorf("%s: %d %s", what, again.Status, again.Text())
			}
		}
		if home := page.Form("/invitation").Set("name", "Eve Adams").Set("password", another).Submit(""); home.URL.Path != "/" || !home.Says("Signed in as "+guest) {
			t.Fatalf("after taking over: %s %s", home.URL, home.Text())
		}
		if !b.Get("/activity").Says("You took over this account.") || d.Words("SELECT name FROM users WHERE email_key = ?", guest) != "Eve Adams" {
			t.Error("it is not told, or the name is another")
		}
		if !enters(d, guest, another) {
			t.Error("the password does not sign in")
		}
		for what, again := range map[string]deputytest.Page{"the link": d.Browser().Get(letter.Link()), "its form": page.Form("/invitation").Set("name", "Mallory").Set("password", "mallory was here").Submit("")} {
			if again.Status != http.StatusGone || !again.Says("This link does not work any more") || !again.Says("Send me another link") {
				t.Errorf("%s a second time: %d %s", what, again.Status, again.Text())
			}
		}
		if _, err := d.Foundation.Invite(t.Context(), strings.ToUpper(guest), "", ""); !fault.Is(err, fault.Conflict) {
			t.Errorf("invited once more: %v", err)
		}
	})
}

func TestAnInvitationIsTakenOverWithAPasskey(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		invite(t, d, "")
		link := d.Mail.To(guest, 1)[0].Link()
		b, dev := d.Browser(), d.Device()
		page := b.Get(link)
		// Made in another browser, an answer counts for nothing.
		stolen := page.Form("/invitation/passkey").Made(d.Device())
		other := d.Browser().Get(link).Form("/invitation/passkey").Set("name", "Mallory").Set("ticket", stolen.Values.Get("ticket")).Set("answer", stolen.Values.Get("answer")).Submit("")
		if other.Status != http.StatusConflict || d.Count("SELECT count(*) FROM passkeys") != 0 {
			t.Fatalf("an answer of another browser: %d %s", other.Status, other.Text())
		}
		if home := page.Form("/invitation/passkey").Set("name", "Eve Adams").Made(dev).Submit(""); home.URL.Path != "/" {
			t.Fatalf("after taking over: %s %d %s", home.URL, home.Status, home.Text())
		}
		if got := d.Words("SELECT acr FROM sessions"); got != string(consent.LevelPasskey) {
			t.Errorf("signed in at the level %q", got)
		}
		in := d.Browser().Get("/signin").Form("/signin/passkey").Signed(dev).Submit("")
		if in.URL.Path != "/" || !in.Says("Signed in as "+guest) {
			t.Errorf("the passkey leads to %s %s", in.URL, in.Text())
		}
		forget(d.Browser(), guest)
		got := d.Mail.All()
		if last := got[len(got)-1]; last.Subject != "How you sign in" || last.Link() != "" {
			t.Errorf("who has no password asks for one: %q %s", last.Subject, last.Text)
		}
	})
}

func TestAnInvitationEnds(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d *deputytest.Deputy) {
		over := func(what, link string) {
			t.Helper()
			if page := d.Browser().Get(link); page.Status != http.StatusGone || !page.Says("Nothing was changed.") {
				t.Errorf("%s: %d %s", what, page.Status, page.Text())
			}
		}
		invite(t, d, "Eve")
		first := d.Mail.To(guest, 1)[0].Link()
		d.Clock.Add(time.Minute)
		invite(t, d, "Eve")
		second := d.Mail.To(guest, 2)[1].Link()
		over("after another invitation", first)
		d.Clock.Add(identity.InvitationLife)
		over("after a week", second)
		// Whoever comes too late helps themselves.
		forget(d.Browser(), guest)
		third := d.Mail.To(guest, 3)[2].Link()
		if page := d.Browser().Get(third); page.Status != http.StatusOK || !page.Says("Welcome") {
			t.Errorf("a link asked for: %d %s", page.Status, page.Text())
		}
		at, _ := url.Parse(third)
		over("as a new password", "/reset?link="+at.Query().Get("link"))
		if d.Count("SELECT count(*) FROM users") != 1 {
			t.Error("there are more accounts than people")
		}
	})
}

func TestWithoutMailTheOperatorHandsTheLinkOn(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	in, err := d.Foundation.Invite(t.Context(), guest, "Eve", "")
	if err != nil || in.Unsent != nil || !strings.HasPrefix(in.Link, d.URL+"/invitation?link=") {
		t.Fatalf("the invitation: %+v, %v", in, err)
	}
	page := d.Browser().Get(in.Link)
	if page.Says("passkey") { // an address without a name
		t.Errorf("it offers a passkey: %s", page.Text())
	}
	if home := page.Form("/invitation").Set("password", another).Submit(""); home.URL.Path != "/" {
		t.Errorf("after taking over: %s %s", home.URL, home.Text())
	}
	if gone := d.Browser().Get(in.Link); !gone.Says("ask Northwind for another") {
		t.Errorf("a second time: %s", gone.Text())
	}
	for _, bad := range []string{"", "eve", "eve@example.com\r\nBcc: all@example.com", "Eve <eve@example.com>"} {
		if _, err := d.Foundation.Invite(t.Context(), bad, "", ""); !fault.Is(err, fault.Invalid) {
			t.Errorf("invited %q: %v", bad, err)
		}
	}
}

// A mail is in the language of the person, and of whoever asked when nobody knows it.
func TestMailsSpeakTheLanguageOfThePerson(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Mail: true})
	ana := d.User("ana")
	b := d.Browser()
	b.Get("/signin").Form("/language").Set("language", "de").Submit("")
	b.Get("/forgot").Form("/forgot").Set("email", ana.Email).Submit("")
	if got := d.Mail.To(ana.Email, 1)[0]; got.Subject != "Neues Passwort wählen" {
		t.Errorf("asked in German: %q", got.Subject)
	}
	b.SignIn(ana)
	d.Clock.Add(time.Hour)
	forget(d.Browser(), ana.Email)
	if got := d.Mail.To(ana.Email, 2)[1]; got.Subject != "Neues Passwort wählen" {
		t.Errorf("asked in English, for somebody who reads German: %q", got.Subject)
	}
	if _, err := d.Foundation.Invite(t.Context(), guest, "", "de"); err != nil {
		t.Fatal(err)
	}
	if got := d.Mail.To(guest, 1)[0]; got.Subject != "Einladung: Deputy bei Northwind" {
		t.Errorf("invited in German: %q", got.Subject)
	}
}
