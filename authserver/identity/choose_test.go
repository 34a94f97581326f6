package identity_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/seal"
	"github.com/deputy-oauth/deputy/internal/secret"
)

func sealer(t *testing.T) seal.Box {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := seal.Create(path); err != nil {
		t.Fatal(err)
	}
	key, err := seal.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return key.Box("sign-in")
}

// person adds an account: name@example.com, with the password of all.
func (w *world) person(name string) {
	w.t.Helper()
	if _, err := w.identity.CreateUser(w.t.Context(), name+"@example.com", strings.ToUpper(name[:1])+name[1:], secret.New(password)); err != nil {
		w.t.Fatal(err)
	}
}

// both returns a browser in which Ana is signed in and then Ben.
func (w *world) both() *browser {
	w.t.Helper()
	w.person("ben")
	b := w.signedIn("192.0.2.1")
	if a := b.signIn("ben@example.com", password, "/me"); a.status != http.StatusSeeOther {
		w.t.Fatalf("sign in: %d %s", a.status, a.body)
	}
	return b
}

// who is the address of who acts, "" for nobody.
func (b *browser) who() string {
	b.w.t.Helper()
	if me := b.me(); me != nil {
		return me[0]
	}
	return ""
}

// listed are the addresses that the chooser lists, with the sign-in of each.
func (b *browser) listed(next string) (order []string, ids map[string]string, page answer) {
	b.w.t.Helper()
	page, ids = b.get("/accounts?next="+url.QueryEscape(next)), map[string]string{}
	for _, m := range regexp.MustCompile(`<p class="small soft"><bdi>([^<]*)</bdi>.*?value="use:([^"]*)"`).FindAllStringSubmatch(page.body, -1) {
		order, ids[m[1]] = append(order, m[1]), m[2]
	}
	return order, ids, page
}

// choose presses a button of the chooser.
func (b *browser) choose(next, do string) answer {
	b.w.t.Helper()
	page := b.get("/accounts?next=" + url.QueryEscape(next))
	csrf, err := hidden(page.body, "csrf")
	if err != nil {
		b.w.t.Fatalf("%v in %d %s", err, page.status, page.body)
	}
	return b.send(http.MethodPost, "/accounts", url.Values{"csrf": {csrf}, "return": {next}, "do": {do}})
}

func TestSeveralAccountsAreSignedInAndOneActs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.both()
		if b.who() != "ben@example.com" {
			t.Fatalf("after the second sign-in %q acts", b.who())
		}
		order, ids, page := b.listed("/me?x=1")
		if !slices.Equal(order, []string{"ben@example.com", "Ana@Example.com"}) || strings.Count(page.body, "in use now") != 1 {
			t.Fatalf("the chooser lists %q: %s", order, page.body)
		}
		a := b.choose("/me?x=1", "use:"+ids["Ana@Example.com"])
		if a.status != http.StatusSeeOther || a.location != "/me?x=1" || b.who() != "Ana@Example.com" {
			t.Fatalf("chosen: %d to %q, and %q acts", a.status, a.location, b.who())
		}
		b.choose("/", "use:"+ids["ben@example.com"])
		if order, _, _ := b.listed("/"); b.who() != "ben@example.com" || len(order) != 2 {
			t.Errorf("back again: %q acts, of %q", b.who(), order)
		}
		if n := len(w.sessions()); n != 1 {
			t.Errorf("Ana has %d sign-ins, want the one", n)
		}
	})
}

func TestAnAccountIsThereOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.both()
		first := w.sessions()[0].ID
		b.signIn("ana@example.com", password, "/me")
		if order, _, _ := b.listed("/"); !slices.Equal(order, []string{"Ana@Example.com", "ben@example.com"}) {
			t.Errorf("listed are %q", order)
		}
		if list := w.sessions(); len(list) != 1 || list[0].ID == first {
			t.Errorf("the sign-in before is still there: %+v", list)
		}
	})
}

func TestTheSixthAccountEndsTheOneUsedLeastLately(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	b := w.signedIn("192.0.2.1")
	for n := range 5 {
		name := fmt.Sprintf("p%d", n)
		w.person(name)
		b.signIn(name+"@example.com", password, "/")
	}
	order, _, _ := b.listed("/")
	if want := []string{"p4@example.com", "p3@example.com", "p2@example.com", "p1@example.com", "p0@example.com"}; !slices.Equal(order, want) {
		t.Errorf("listed are %q, want %q", order, want)
	}
	if n := len(w.sessions()); n != 0 {
		t.Errorf("Ana, the first, has %d sign-ins", n)
	}
}

func TestSigningOutOfOneAccountKeepsTheOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.both()
		_, ids, _ := b.listed("/")
		if a := b.choose("/me", "end:"+ids["Ana@Example.com"]); a.location != "/accounts?next=%2Fme" {
			t.Errorf("ending one that does not act: %d to %q", a.status, a.location)
		}
		if b.who() != "ben@example.com" || len(w.sessions()) != 0 {
			t.Errorf("%q acts, and Ana has %d sign-ins", b.who(), len(w.sessions()))
		}
		b.signIn("ana@example.com", password, "/")
		a := b.send(http.MethodPost, "/signout", url.Values{"csrf": {b.me()[3]}})
		if a.status != http.StatusOK || !strings.Contains(a.body, "Still signed in in this browser") || !strings.Contains(a.body, "ben@example.com") {
			t.Errorf("the goodbye does not name who is left: %d %s", a.status, a.body)
		}
		if b.who() != "" {
			t.Errorf("%q acts without being chosen", b.who())
		}
		if page := b.get("/signin"); !strings.Contains(page.body, `href="/accounts?next=%2f"`) {
			t.Error("the sign-in page does not lead to who is signed in")
		}
		b.choose("/", "use:"+ids["ben@example.com"])
		if b.who() != "ben@example.com" {
			t.Errorf("%q acts", b.who())
		}
	})
}

func TestSigningOutOfAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.both()
		a := b.choose("/", "end-all")
		if a.status != http.StatusOK || strings.Contains(a.body, "Still signed in") || b.who() != "" || len(w.sessions()) != 0 {
			t.Errorf("%d, %q acts, and Ana has %d sign-ins", a.status, b.who(), len(w.sessions()))
		}
		if b.cookie("deputy_aside") != "" || b.get("/accounts").location != "/signin" {
			t.Error("the browser still knows them")
		}
	})
}

// A sign-in that was set aside ends like any other: with its time, with the account,
// and when its person ends it elsewhere.
func TestWhatIsSetAsideEndsAsWell(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.both()
		if _, err := w.identity.EndOthers(t.Context(), w.ana, ""); err != nil {
			t.Fatal(err)
		}
		if order, _, _ := b.listed("/"); !slices.Equal(order, []string{"ben@example.com"}) {
			t.Errorf("after the end listed are %q", order)
		}
		b.signIn("ana@example.com", password, "/")
		for range 24 {
			w.later(time.Hour)
			b.who() // Ana's pages do not keep Ben's sign-in alive
		}
		if order, _, _ := b.listed("/"); !slices.Equal(order, []string{"Ana@Example.com"}) {
			t.Errorf("after a day listed are %q", order)
		}
	})
}

// Attacks: the form of another page or browser, the sign-in of somebody who is not
// in this browser, and the cookie of what is set aside in another browser.
func TestThreat_O13_NobodyIsMadeToActAsSomebodyElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b, other := w.both(), w.signedIn("192.0.2.9")
		_, ids, page := b.listed("/me")
		csrf, err := hidden(page.body, "csrf")
		if err != nil {
			t.Fatal(err)
		}
		stranger := w.browser("192.0.2.8").with("deputy_aside", b.cookie("deputy_aside"))
		for name, try := range map[string]struct {
			b      *browser
			form   url.Values
			status int
		}{
			"no token":             {b, url.Values{"return": {"/me"}, "do": {"use:" + ids["Ana@Example.com"]}}, http.StatusForbidden},
			"another way on":       {b, url.Values{"csrf": {csrf}, "return": {"/"}, "do": {"use:" + ids["Ana@Example.com"]}}, http.StatusForbidden},
			"another browser":      {other, url.Values{"csrf": {csrf}, "return": {"/me"}, "do": {"use:" + ids["ben@example.com"]}}, http.StatusForbidden},
			"a sign-in elsewhere":  {b, url.Values{"csrf": {csrf}, "return": {"/me"}, "do": {"use:" + other.me()[2]}}, http.StatusNotFound},
			"ending one elsewhere": {b, url.Values{"csrf": {csrf}, "return": {"/me"}, "do": {"end:" + other.me()[2]}}, http.StatusNotFound},
			"no such button":       {b, url.Values{"csrf": {csrf}, "return": {"/me"}, "do": {"become:admin"}}, http.StatusBadRequest},
			"a way off":            {b, url.Values{"csrf": {csrf}, "return": {"//evil.example"}, "do": {"use:x"}}, http.StatusBadRequest},
		} {
			if a := try.b.send(http.MethodPost, "/accounts", try.form); a.status != try.status {
				t.Errorf("%s: %d, want %d", name, a.status, try.status)
			}
			if b.who() != "ben@example.com" || other.who() != "Ana@Example.com" {
				t.Fatalf("%s: %q and %q act", name, b.who(), other.who())
			}
		}
		if a := stranger.get("/accounts"); a.location != "/signin" {
			t.Errorf("in another browser the cookie opens the chooser: %d %s", a.status, a.body)
		}
	})
}

// An app's hint is compared with who is signed in here, and tells nothing else.
func TestAHintPutsThatAccountFirst(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t), false)
	b := w.both()
	_, ids, _ := b.listed("/")
	b.choose("/", "use:"+ids["Ana@Example.com"])
	if order, _, page := b.listed("/consent?flow=x"); !slices.Equal(order, []string{"ben@example.com", "Ana@Example.com"}) || !strings.Contains(page.body, "mailbot.example") {
		t.Errorf("listed are %q: %s", order, page.body)
	}
	one := w.signedIn("192.0.2.2")
	if order, _, page := one.listed("/consent?flow=x"); !slices.Equal(order, []string{"Ana@Example.com"}) || strings.Contains(strings.ToLower(page.body), "ben@example.com") {
		t.Errorf("listed are %q, or the hint is told", order)
	}
}
