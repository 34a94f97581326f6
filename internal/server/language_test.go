package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// Pages are in the language an app asks for, else the one the person chose, else
// the browser's.
func TestPagesSpeakTheLanguageThatIsWanted(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	ana := d.Browser()
	is := func(p deputytest.Page, language string) {
		t.Helper()
		if !strings.Contains(p.Body, `<html lang="`+language+`" dir="ltr">`) || p.Header.Get("Content-Language") != language {
			t.Errorf("%s is not in %s: %.200s", p.URL, language, p.Body)
		}
	}
	choose := func(p deputytest.Page, language string) deputytest.Page {
		t.Helper()
		f := p.Form("/language")
		return f.Set("language", language).Submit("")
	}
	is(ana.Get("/signin"), "en")
	german := choose(ana.Get("/signin?next=%2Fservices"), "de")
	is(german, "de")
	if german.URL.RequestURI() != "/signin?next=%2Fservices" || !german.Says("Passwort") {
		t.Errorf("after the choice: %s: %s", german.URL, german.Text())
	}
	is(ana.Get("/nothing"), "de")
	if there := ana.Get("/nothing"); !there.Says("Diese Seite gibt es nicht.") {
		t.Errorf("an error in German reads: %s", there.Text())
	}

	app := d.App(deputytest.Public)
	query := app.Query("openid", "services.github.repositories.read")
	query.Set("ui_locales", "fr-CA en")
	is(ana.Ask(query), "en")
	is(ana.Get("/signin"), "en") // while the request lasts
	is(choose(ana.Get("/signin"), "de"), "de")
	page := ana.SignIn(d.User("ana"))
	is(page, "de")
	query.Del("ui_locales")
	consent := ana.Ask(query)
	is(consent, "de")
	if !consent.Says("Inhalte der Repositorys lesen, die Sie auswählen") || consent.Says("Read the contents") {
		t.Errorf("the row is not in German: %s", consent.Text())
	}
}

// The switch leads to pages of ours only, and from pages of ours only.
func TestTheLanguageSwitchLeadsNowhereElse(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	b := d.Browser()
	for _, back := range []string{"https://evil.example/", "//evil.example", `/\evil.example`} {
		p := b.Do("POST", d.URL+"/language", url.Values{"language": {"de"}, "return": {back}})
		if p.Status != http.StatusBadRequest || p.Header.Get("Location") != "" {
			t.Errorf("%q: %d, Location %q", back, p.Status, p.Header.Get("Location"))
		}
	}
	foreign := d.Send("POST", "/language", "language=de&return=/", "Origin", "https://evil.example", "Content-Type", "application/x-www-form-urlencoded")
	if foreign.Status != http.StatusForbidden {
		t.Errorf("a form of another site: %d", foreign.Status)
	}
}

// RFC 8414 section 2: clients may learn which languages there are.
func TestLanguagesAreDiscovered(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	got := d.Send("GET", "/.well-known/oauth-authorization-server", "")
	if diff := cmp.Diff([]string{"en", "de"}, list(t, got.JSON, "ui_locales_supported")); diff != "" {
		t.Error(diff)
	}
}
