package passkey_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/identity/passkey"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

func each(t *testing.T, test func(t *testing.T, d *deputytest.Deputy)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, deputytest.New(t, deputytest.Options{Named: true})) })
	t.Run("postgres", func(t *testing.T) { test(t, deputytest.New(t, deputytest.Options{Named: true, Postgres: true})) })
}

// signedIn reports who is signed in, "" for nobody.
func signedIn(b *deputytest.Browser) string {
	page := b.Get("/sessions")
	_, who, _ := strings.Cut(page.Text(), "Signed in as ")
	who, _, _ = strings.Cut(who, " ")
	return who
}

// withDevice signs in with a device from the page of a new visit.
func withDevice(b *deputytest.Browser, dev *deputytest.Device, next string) deputytest.Page {
	return b.Get("/signin?next=" + url.QueryEscape(next)).Form("/signin/passkey").Signed(dev).Submit("")
}

func TestAPasskeySignsIn(t *testing.T) {
	each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		b := d.Browser()
		b.SignIn(ana)
		dev := b.AddPasskey()
		if got := d.Words("SELECT acr FROM sessions WHERE user_id = ?", ana.ID); got != string(consent.LevelPassword) {
			t.Errorf("adding a passkey changed the level of the sign-in to %s", got)
		}

		other := d.Browser()
		if page := withDevice(other, dev, "/activity"); page.URL.Path != "/activity" || !page.Says("You added a passkey") {
			t.Fatalf("the passkey led to %s: %s", page.URL, page.Text())
		}
		if who := signedIn(other); who != ana.Email {
			t.Errorf("signed in as %q", who)
		}
		list := other.Get("/sessions").Link("Passkeys")
		if !list.Says("You have one passkey") || !list.Says("last used Today") {
			t.Errorf("the list says %s", list.Text())
		}
		if n := d.Count("SELECT count(*) FROM sessions WHERE acr = ?", string(consent.LevelPasskey)); n != 1 {
			t.Errorf("%d sign-ins at the level of a passkey", n)
		}
	})
}

// An app that asks for the surest sign-in gets it, and is told.
func TestAnAppAsksForAPasskey(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Named: true})
	app, ana := d.App(deputytest.Confidential), d.User("ana")
	b := d.Browser()
	b.SignIn(ana)
	dev := b.AddPasskey()
	query := app.Query("openid", "identity.profile.read")
	query.Set("acr_values", string(consent.LevelPasskey))
	page := b.Ask(query)
	if page.URL.Path != "/signin" {
		t.Fatalf("a sign-in with a password led to %s: %s", page.URL, page.Text())
	}
	tokens := d.Redeem(app, b.Code(page.Form("/signin/passkey").Signed(dev).Submit("").Agree()))
	if got := d.Words("SELECT acr FROM families"); got != string(consent.LevelPasskey) {
		t.Errorf("the app was told %q (%s)", got, tokens.Scope)
	}
}

// Each is a device or a browser that lies about one thing.
func TestAnswersThatProveNothing(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Named: true})
	ana, bob := d.User("ana"), d.User("bob")
	home := d.Browser()
	home.SignIn(ana)
	anas := home.AddPasskey()
	theirs := d.Browser()
	theirs.SignIn(bob)
	bobs := theirs.AddPasskey()
	stranger := d.Device()
	stranger.Authenticator.Options.UserHandle = []byte(ana.ID)

	for name, lie := range map[string]func(f *deputytest.Form) *deputytest.Form{
		"a page somewhere else": func(f *deputytest.Form) *deputytest.Form {
			dev := *anas
			dev.Site.Origin = "https://deputy.evil.example"
			return f.Signed(&dev)
		},
		"another site's passkey": func(f *deputytest.Form) *deputytest.Form {
			dev := *anas
			dev.Site.ID = "evil.example"
			return f.Signed(&dev)
		},
		"nobody was checked": func(f *deputytest.Form) *deputytest.Form {
			dev := *anas
			dev.Authenticator.Options.UserNotVerified = true
			return f.Signed(&dev)
		},
		"nobody was there": func(f *deputytest.Form) *deputytest.Form {
			dev := *anas
			dev.Authenticator.Options.UserNotPresent = true
			return f.Signed(&dev)
		},
		"a key nobody knows": func(f *deputytest.Form) *deputytest.Form { return f.Signed(stranger) },
		"another person's name": func(f *deputytest.Form) *deputytest.Form {
			dev := *bobs
			dev.Authenticator.Options.UserHandle = []byte(ana.ID)
			return f.Signed(&dev)
		},
		"another key under a known id": func(f *deputytest.Form) *deputytest.Form {
			dev := *stranger
			dev.Key.ID = anas.Key.ID
			return f.Signed(&dev)
		},
		"no answer":   func(f *deputytest.Form) *deputytest.Form { return f.Set("answer", "") },
		"no JSON":     func(f *deputytest.Form) *deputytest.Form { return f.Set("answer", "{") },
		"not its own": func(f *deputytest.Form) *deputytest.Form { return f.Set("answer", `{"type":"public-key"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			b := d.For(t).Browser()
			page := lie(b.Get("/signin").Form("/signin/passkey")).Submit("")
			if page.Status != 403 || !page.Says("This passkey does not belong to your account here.") || signedIn(b) != "" {
				t.Errorf("%d: %s", page.Status, page.Text())
			}
		})
	}
}

// An offer is for one browser, for one use and for five minutes.
func TestAnOfferCountsOnceWhereItWasMade(t *testing.T) {
	each(t, func(t *testing.T, d *deputytest.Deputy) {
		b := d.Browser()
		b.SignIn(d.User("ana"))
		dev := b.AddPasskey()

		victim, thief := d.Browser(), d.Browser()
		form := victim.Get("/signin").Form("/signin/passkey").Signed(dev)
		elsewhere := thief.Get("/signin").Form("/signin/passkey")
		elsewhere.Set("ticket", form.Values.Get("ticket")).Set("answer", form.Values.Get("answer"))
		if page := elsewhere.Submit(""); page.Status != 403 || !page.Says("That took too long") || signedIn(thief) != "" {
			t.Errorf("in another browser: %d %s", page.Status, page.Text())
		}
		again := form.Copy()
		if page := form.Submit(""); page.URL.Path != "/" {
			t.Fatalf("in its own: %d %s", page.Status, page.Text())
		}
		if page := again.Submit(""); page.Status != 403 || !page.Says("That took too long") {
			t.Errorf("again: %d %s", page.Status, page.Text())
		}
		slow := d.Browser()
		form = slow.Get("/signin").Form("/signin/passkey")
		d.Clock.Add(5 * time.Minute)
		if page := form.Signed(dev).Submit(""); page.Status != 403 || !page.Says("That took too long") || signedIn(slow) != "" {
			t.Errorf("after five minutes: %d %s", page.Status, page.Text())
		}
	})
}

func TestOfManyAtOnceOneIsSignedIn(t *testing.T) {
	each(t, func(t *testing.T, d *deputytest.Deputy) {
		b := d.Browser()
		b.SignIn(d.User("ana"))
		dev := b.AddPasskey()
		form := d.Browser().Get("/signin").Form("/signin/passkey").Signed(dev)
		before := d.Count("SELECT count(*) FROM sessions")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { form.Copy().Send("") })
		}
		wg.Wait()
		if n := d.Count("SELECT count(*) FROM sessions") - before; n != 1 {
			t.Errorf("%d sign-ins with one answer", n)
		}
	})
}

// Two devices with the same key: the one whose count is behind shows it.
func TestACopiedPasskeyIsRefusedAndRecorded(t *testing.T) {
	each(t, func(t *testing.T, d *deputytest.Deputy) {
		b := d.Browser()
		b.SignIn(d.User("ana"))
		dev := b.AddPasskey()
		stolen := *dev
		for range 2 {
			if page := withDevice(d.Browser(), dev, "/"); page.URL.Path != "/" {
				t.Fatalf("the original: %s", page.Text())
			}
		}
		thief := d.Browser()
		if page := withDevice(thief, &stolen, "/"); page.Status != 403 || signedIn(thief) != "" {
			t.Errorf("the copy: %d %s", page.Status, page.Text())
		}
		if page := b.Get(passkey.Path); !page.Says("It may have been copied. Remove it.") {
			t.Errorf("the list says %s", page.Text())
		}
		if page := b.Get("/activity"); !page.Says("A sign-in with a passkey that may have been copied.") {
			t.Errorf("the activity says %s", page.Text())
		}
	})
}

// Keys that are backed up do not count their signatures.
func TestAPasskeyThatDoesNotCount(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Named: true})
	b := d.Browser()
	b.SignIn(d.User("ana"))
	dev := d.Device()
	dev.Authenticator.Options.BackupEligible, dev.Authenticator.Options.BackupState = true, true
	b.Get(passkey.NewPath).Form(passkey.Path).Made(dev).Submit("")
	for range 2 {
		dev.Key.Counter-- // Signed counts one up again
		if page := withDevice(d.Browser(), dev, "/"); page.URL.Path != "/" {
			t.Fatalf("%s", page.Text())
		}
	}
	if page := b.Get(passkey.Path); !page.Says("Backed up by the maker of your device.") {
		t.Errorf("the list says %s", page.Text())
	}
}

// A stolen session or password alone neither adds a way in nor takes one away.
func TestThreat_O44_ChangesNeedASignInMadeJustNow(t *testing.T) {
	each(t, func(t *testing.T, d *deputytest.Deputy) {
		ana := d.User("ana")
		b := d.Browser()
		b.SignIn(ana)
		d.Clock.Add(11 * time.Minute)
		page := b.Get(passkey.NewPath)
		if page.URL.Path != "/signin/again" || !page.Says("Your last sign-in is more than 10 minutes ago.") {
			t.Fatalf("an old sign-in: %s %s", page.URL, page.Text())
		}
		if wrong := page.Form("/signin/again").Set("password", "wrong horse").Submit(""); wrong.Status != 403 || !wrong.Says("That did not fit.") {
			t.Errorf("a wrong password: %d %s", wrong.Status, wrong.Text())
		}
		session, cookie := d.Words("SELECT id FROM sessions"), b.Cookie("deputy_session")
		page = page.Form("/signin/again").Set("password", ana.Password).Submit("")
		if page.URL.Path != passkey.NewPath {
			t.Fatalf("the right one: %s %s", page.URL, page.Text())
		}
		if now := d.Words("SELECT id FROM sessions WHERE expires_at > ?", d.Clock.Now().UnixMilli()); now != session {
			t.Errorf("the sign-in was replaced: %s by %s", session, now)
		}
		old := d.Browser()
		if old.SetCookie("deputy_session", cookie); signedIn(old) != "" {
			t.Error("the token from before still signs in")
		}
		dev := d.Device()
		page.Form(passkey.Path).Made(dev).Submit("")

		// Now that there is a passkey, the password is not enough.
		thief := d.Browser()
		thief.SignIn(ana)
		asked := thief.Get(passkey.Path).Link("Remove")
		if asked.URL.Path != "/signin/again" || !asked.Says("Your password alone is not enough for that.") || strings.Contains(asked.Body, `name="password"`) {
			t.Fatalf("with the password: %s %s", asked.URL, asked.Text())
		}
		done := asked.Form("/signin/again/passkey").Copy()
		if page := done.Set("answer", "{}").Submit(""); page.Status != 403 {
			t.Errorf("without the key: %d %s", page.Status, page.Text())
		}
		if page := asked.Form("/signin/again/passkey").Signed(dev).Submit(""); !page.Says("Remove the passkey") {
			t.Errorf("with the key: %s %s", page.URL, page.Text())
		}
	})
}

// The passkey of one person does not vouch for the session of another.
func TestSomebodyElsesPasskeyProvesNothing(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Named: true})
	ana, bob := d.Browser(), d.Browser()
	ana.SignIn(d.User("ana"))
	bob.SignIn(d.User("bob"))
	ana.AddPasskey()
	bobs := bob.AddPasskey()
	d.Clock.Add(11 * time.Minute)
	page := ana.Get(passkey.NewPath).Form("/signin/again/passkey").Signed(bobs).Submit("")
	if page.Status != 403 || !page.Says("This passkey does not belong to your account here.") {
		t.Errorf("%d %s", page.Status, page.Text())
	}
	if page := ana.Get(passkey.NewPath); page.URL.Path != "/signin/again" {
		t.Errorf("the sign-in counts as new: %s", page.URL)
	}
}
