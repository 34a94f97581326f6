package passkey_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/authserver/identity/passkey"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// Whatever is sent to add a key, it is added only as asked: in this sign-in, once,
// soon, from this site.
func TestAddingAPasskey(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Named: true})
	ana, bob := d.User("ana"), d.User("bob")
	b, other := d.Browser(), d.Browser()
	b.SignIn(ana)
	other.SignIn(bob)
	known := b.AddPasskey()
	withDevice(b, known, "/") // from here on the password is not enough
	count := func() int { return d.Count("SELECT count(*) FROM passkeys") }
	asked := func() *deputytest.Form { return b.Get(passkey.NewPath).Form(passkey.Path) }

	for name, c := range map[string]struct {
		status int
		form   func() *deputytest.Form
	}{
		"made somewhere else": {400, func() *deputytest.Form {
			dev := d.Device()
			dev.Site.Origin = "https://evil.example"
			return asked().Made(dev)
		}},
		"nobody was checked": {400, func() *deputytest.Form {
			dev := d.Device()
			dev.Authenticator.Options.UserNotVerified = true
			return asked().Made(dev)
		}},
		"no answer":            {400, func() *deputytest.Form { return asked() }},
		"known already":        {409, func() *deputytest.Form { return asked().Made(known) }},
		"no name":              {400, func() *deputytest.Form { return asked().Made(d.Device()).Set("name", " ") }},
		"a name of two lines":  {400, func() *deputytest.Form { return asked().Made(d.Device()).Set("name", "a\nb") }},
		"a name that is long":  {400, func() *deputytest.Form { return asked().Made(d.Device()).Set("name", strings.Repeat("ä", 61)) }},
		"without a form token": {403, func() *deputytest.Form { return asked().Made(d.Device()).Set("csrf") }},
		"in another sign-in":   {403, func() *deputytest.Form { return asked().Made(d.Device()).In(other) }},
		"with its challenge": {409, func() *deputytest.Form {
			mine, theirs := asked().Made(d.Device()), other.Get(passkey.NewPath).Form(passkey.Path)
			return theirs.Set("ticket", mine.Values.Get("ticket")).Set("answer", mine.Values.Get("answer"))
		}},
		"the challenge of a sign-in": {409, func() *deputytest.Form {
			return asked().Made(d.Device()).Set("ticket", b.Get("/signin").Form("/signin/passkey").Values.Get("ticket"))
		}},
	} {
		before := count()
		if page := c.form().Submit(""); page.Status != c.status || count() != before {
			t.Errorf("%s: %d, %d more: %s", name, page.Status, count()-before, page.Text())
		}
	}

	form := asked().Made(d.Device())
	again := form.Copy()
	if page := form.Submit(""); page.Status != 200 || count() != 2 {
		t.Fatalf("as asked: %d %s", page.Status, page.Text())
	}
	if page := again.Submit(""); page.Status != 409 {
		t.Errorf("again: %d %s", page.Status, page.Text())
	}
	for range 18 {
		b.AddPasskey()
	}
	if page := b.Get(passkey.Path); page.Says("Add a passkey") || !page.Says("You cannot have more.") {
		t.Errorf("with twenty: %s", page.Text())
	}
	if page := asked().Made(d.Device()).Submit(""); page.Status != 409 {
		t.Errorf("the twenty-first: %d %s", page.Status, page.Text())
	}
}

func TestRemovingAPasskey(t *testing.T) {
	each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		b, other := d.Browser(), d.Browser()
		b.SignIn(ana)
		other.SignIn(d.User("bob"))
		dev := b.AddPasskey()
		id := d.Words("SELECT id FROM passkeys")
		withDevice(b, dev, "/")
		if page := other.Get(passkey.Path + "/" + id + "/remove"); page.Status != 404 {
			t.Errorf("somebody else's: %d", page.Status)
		}
		d.Exec("UPDATE users SET password_hash = '' WHERE id = ?", ana.ID)
		if page := b.Get(passkey.Path).Link("Remove").Form(passkey.Path).Submit(""); page.Status != 409 || !page.Says("This is your only way to sign in.") {
			t.Errorf("the last way in: %d %s", page.Status, page.Text())
		}
		if page := d.Browser().Get("/signin").Form("/signin").Set("email", ana.Email).Set("password", ana.Password).Submit(""); page.Status != 403 {
			t.Errorf("an account without a password: %d %s", page.Status, page.Text())
		}
		d.Exec("UPDATE users SET password_hash = 'something' WHERE id = ?", ana.ID)
		form := b.Get(passkey.Path).Link("Remove").Form(passkey.Path)
		if page := form.Submit(""); !page.Says("You have no passkey yet") {
			t.Fatalf("%d %s", page.Status, page.Text())
		}
		if page := form.Submit(""); page.Status != 404 {
			t.Errorf("again: %d %s", page.Status, page.Text())
		}
		if page := withDevice(d.Browser(), dev, "/"); page.Status != 403 {
			t.Errorf("it still signs in: %d %s", page.Status, page.Text())
		}
		if page := b.Get("/activity"); !page.Says("You removed a passkey.") {
			t.Errorf("the activity says %s", page.Text())
		}
	})
}

// Pages with the script say so in their policy, and no other page does.
func TestOnlyPagesThatAskForAPasskeyRunAScript(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Named: true})
	b := d.Browser()
	b.SignIn(d.User("ana"))
	for path, want := range map[string]bool{"/": false, "/sessions": false, passkey.Path: false, passkey.NewPath: true, "/signin": true} {
		page := b.Get(path)
		policy := page.Header.Get("Content-Security-Policy")
		allowed, there := strings.Contains(policy, "script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"), strings.Contains(page.Body, "<script")
		if allowed != want || there != want {
			t.Errorf("%s: a script is allowed: %v, is there: %v, want %v", path, allowed, there, want)
		}
		if want {
			_, src, _ := strings.Cut(page.Body, `<script src="`)
			src, _, _ = strings.Cut(src, `"`)
			if js := b.Get(src); js.Status != 200 || !strings.HasPrefix(js.Header.Get("Content-Type"), "text/javascript") {
				t.Errorf("%s: %d %s", src, js.Status, js.Header.Get("Content-Type"))
			}
		}
	}
}

// A server that has an address and no name offers none: browsers would refuse.
func TestWithoutANameThereAreNoPasskeys(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	b := d.SignedIn("ana")
	if page := b.Get("/signin"); page.HasForm("/signin/passkey") || strings.Contains(page.Body, "<script") {
		t.Errorf("the sign-in page asks for a passkey: %s", page.Text())
	}
	if page := b.Get(passkey.Path); page.Status != 404 {
		t.Errorf("GET %s: %d", passkey.Path, page.Status)
	}
	if page := b.Get("/sessions"); page.Says("Passkeys") {
		t.Errorf("/sessions says %s", page.Text())
	}
	for address, want := range map[string]bool{
		"https://deputy.example": true, "http://localhost:8080": true, "http://deputy.localhost": true, "https://192.0.2.1": false,
		"https://[2001:db8::1]": false, "http://deputy.example": false, "http://127.0.0.1:8080": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := passkey.Possible(u); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}
