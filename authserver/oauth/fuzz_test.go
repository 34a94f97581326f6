package oauth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// FuzzTokenForm: whatever is posted, the answer is an OAuth error and never a
// failure of the server.
func FuzzTokenForm(f *testing.F) {
	d := deputytest.New(f, deputytest.Options{})
	app := d.App(deputytest.Confidential)
	for _, form := range []url.Values{
		app.Redemption("dpc_x"), app.Refreshing("dpr_x"), app.Form("grant_type", "client_credentials"),
		app.Form("grant_type", "client_credentials", "scope", "a b", "resource", "https://x.example#y"), {"grant_type": {"password"}}, {"": {""}},
	} {
		f.Add(form.Encode())
	}
	f.Add("grant_type=authorization_code&code=%00&client_id=\xff")
	f.Add(strings.Repeat("a=b&", 1000))
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/oauth/token", "/oauth/introspect", "/oauth/revoke"} {
			got := d.For(t).Send("POST", path, body, "Content-Type", formType)
			if got.Status >= 500 || got.Header.Get("Cache-Control") != "no-store" || got.JSON == nil {
				t.Errorf("%s: %d %s", path, got.Status, got.Raw)
			}
			if got.Status != 200 && got.Text("error") == "" {
				t.Errorf("%s: an error without a code: %s", path, got.Raw)
			}
		}
	})
}

// FuzzAuthorizeQuery: whatever is asked, the answer is a page, the sign-in page,
// or goes to the one address the app has registered.
func FuzzAuthorizeQuery(f *testing.F) {
	d := deputytest.New(f, deputytest.Options{})
	app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
	for _, query := range []string{
		app.Query(profile).Encode(), changed(app, "", "redirect_uri", "https://evil.example"), changed(app, "&prompt=none"), changed(app, "&prompt=login&max_age=0"),
		changed(app, "&resource=x&resource=y"), "client_id=" + string(app.ID), "client_id=" + string(app.ID) + "&redirect_uri=%00", "%zz",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		u := url.URL{Path: "/oauth/authorize", RawQuery: query}
		if _, err := url.Parse(u.String()); err != nil || strings.ContainsAny(query, " #\n\r\t") {
			t.Skip("not an address")
		}
		got := ana.For(t).Do("GET", u.String(), nil)
		if got.Status >= 500 || (got.Status != 303 && got.Status != 400) {
			t.Errorf("%d: %s", got.Status, got.Text())
		}
		if to := got.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/consent?") && !strings.HasPrefix(to, "/signin?") && !strings.HasPrefix(to, app.RedirectURI+"?") {
			t.Errorf("sent to %s", to)
		}
	})
}
