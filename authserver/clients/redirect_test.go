package clients_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

// hostileRedirects are addresses that only look like https://good.example/cb or
// http://127.0.0.1/cb: every odd character at every seam, and known tricks.
func hostileRedirects() []string {
	out := []string{
		"", "https://good@evil.example/cb", "https://good.example@evil.example/cb", "https://good.example:x@evil.example/cb", "https://good.evil.example/cb",
		"https://good.example.evil.example/cb", "https://evil.example/https://good.example/cb", "https://evilgood.example/cb", `https:\\good.example\cb`, `https:\\evil.example`, "//good.example/cb",
		"//evil.example", "/cb", "cb", "https:/good.example/cb", "https:good.example/cb", "https:///good.example/cb", "HTTPS://good.example/cb", "https://GOOD.example/cb", "https://good.example/CB",
		"https://good.example:443/cb", "https://good.example:8443/cb", "http://good.example/cb", "https://good.example/cb/../evil", "https://good.example/cb/..", "https://good.example/./cb",
		"https://good.example/a/../cb", "https://good.example/%2e%2e/cb", "https://good.example/%63b", "https://good.example/cb?x=1", "https://good.example/cb?", "https://good.example/cb#",
		"https://good.example/cb/", "https://good.example/cb/x", "https://good.example/c", "https://xn--god-0ma.example/cb", "https://go\u043ed.example/cb", "https://good\u3002example/cb",
		"https://good.example./cb", "https://[::ffff:1.2.3.4]/cb", "https://127.0.0.1/cb", "http://127.0.0.2/cb", "http://127.1/cb", "http://0x7f.1/cb", "http://2130706433/cb", "http://0177.0.0.1/cb",
		"http://127.0.0.1.evil.example/cb", "http://127.0.0.1@evil.example/cb", "http://user@127.0.0.1/cb", "http://127.0.0.1:80:80/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:99999999/x", "http://localhost/cb",
		"http://[::1]/cb", "http://[::ffff:127.0.0.1]/cb", "http://127.0.0.1:5/cb/", "http://127.0.0.1:5/CB", "http://127.0.0.1:5/cb?x", "http://127.0.0.1:5/%63b", "javascript:alert(1)//https://good.example/cb",
	}
	for _, base := range []string{"https://good.example/cb", "http://127.0.0.1/cb"} {
		seams := []int{0, 4, strings.Index(base, "/"), strings.Index(base, "//") + 2, strings.Index(base, "."), strings.LastIndex(base, "/"), strings.LastIndex(base, "/") + 1, len(base)}
		for _, odd := range []string{
			"\t", "\n", "\r", " ", "\x00", "\x7f", `\`, "%2e", "%2f", "%5c", "%00", "%0a", "@", ";", "#", "?", "..", "/", "//", ":", "*", "[", "]", "^", "`", "|", "\u00e9", "\u202e", "\u200b", "\uff0f", "\ufeff", "&", "$", "'",
		} {
			for _, at := range seams {
				out = append(out, base[:at]+odd+base[at:])
			}
		}
	}
	return out
}

// OAuth 2.1 section 2.3.1: byte for byte, and for this computer any port. Nobody
// is sent anywhere by an address that is only like a registered one.
func TestThreat_O7_AddressesThatOnlyLookRight(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{})
	app := d.Register(server.NewApp{Name: "Good", RedirectURIs: []string{"https://good.example/cb", "http://127.0.0.1/cb"}})
	ana := d.SignedIn("ana")
	corpus := hostileRedirects()
	if len(corpus) < 400 {
		t.Fatalf("only %d addresses", len(corpus))
	}
	for _, uri := range corpus {
		app.RedirectURI = uri
		if clients.MatchRedirect([]string{"https://good.example/cb", "http://127.0.0.1/cb"}, uri) {
			t.Errorf("%q matches", uri)
		}
		got := ana.Do("GET", "/oauth/authorize?"+app.Query(profile).Encode(), nil)
		if got.Status != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("%q: %d, Location %q", uri, got.Status, got.Header.Get("Location"))
		}
	}
}

// dangerous are schemes that run or open something, however they are spelled.
func dangerous() []string {
	var out []string
	for _, scheme := range []string{"javascript", "data", "vbscript", "blob", "file", "about", "ftp", "ws", "mailto", "intent", "filesystem", "view-source", "chrome"} {
		for _, spelling := range []string{
			scheme, strings.ToUpper(scheme), strings.ToUpper(scheme[:1]) + scheme[1:], " " + scheme, "\t" + scheme, "\n" + scheme, "\x01" + scheme, "\u00a0" + scheme, scheme[:1] + "\t" + scheme[1:], scheme[:1] + "\n" + scheme[1:], scheme[:1] + "\x00" + scheme[1:], scheme + " ", "%6a" + scheme[1:],
		} {
			out = append(out, spelling+":alert(1)", spelling+"://good.example/cb")
		}
	}
	return append(out, "http://good.example/cb", "cursor://cb", "app:/cb", "//good.example/cb", "https:good.example", "\\\\good.example\\cb")
}

// RFC 8252 sections 7.1 and 8.4: an allow-list of schemes, at each of the doors an
// address can come in by.
func TestThreat_O8_DangerousSchemes(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{Registration: "public"})
	s, ana := newSite(t), d.SignedIn("ana")
	app := s.app()
	for i, uri := range dangerous() {
		if err := clients.ValidRedirect(uri); err == nil {
			t.Errorf("%q is valid", uri)
		}
		if _, _, err := d.Foundation.CreateApp(t.Context(), server.NewApp{Name: "Evil", RedirectURIs: []string{uri}}); err == nil {
			t.Errorf("an operator registered %q", uri)
		}
		if i%13 != 0 {
			continue // a place has only so many registrations
		}
		if got := register(d, encoded(t, map[string]any{"client_name": "Evil", "redirect_uris": []string{"https://good.example/cb", uri}})); got.Status != http.StatusBadRequest || got.Text("error") != "invalid_redirect_uri" {
			t.Errorf("an app registered %q: %d %s", uri, got.Status, got.Raw)
		}
		if i%65 != 0 {
			continue // a refused document takes a second
		}
		s.change("client_id", fmt.Sprintf("%s/%d.json", s.URL, i), "redirect_uris", []string{uri})
		app.ID = consent.AppID(fmt.Sprintf("%s/%d.json", s.URL, i))
		app.RedirectURI = uri
		if got := ana.Do("GET", "/oauth/authorize?"+app.Query(profile).Encode(), nil); got.Status != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("a document with %q: %d", uri, got.Status)
		}
	}
	if n := d.Count("SELECT count(*) FROM apps"); n != 0 {
		t.Errorf("%d apps", n)
	}
}
