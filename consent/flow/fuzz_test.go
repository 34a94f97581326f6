package flow_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// FuzzFlow: a flow parameter that was not made here, for this browser, leads
// nowhere: no page of a request, no answer, no failure of the server. Sign-in only
// says which app waits behind it.
func FuzzFlow(f *testing.F) {
	d := deputytest.New(f, deputytest.Options{})
	app, ana, bob := d.App(deputytest.Confidential), d.SignedIn("ana"), d.SignedIn("bob")
	page := ana.Ask(app.Query(profile))
	answer := page.Form("/consent").Values
	mine := page.URL.Query().Get("flow")
	for _, flow := range []string{mine[:len(mine)-1], mine + "A", strings.ToUpper(mine), bob.Ask(app.Query(profile)).URL.Query().Get("flow"), "", "a", "\x00", "\xff", "../", "https://evil.example"} {
		f.Add(flow)
	}
	f.Fuzz(func(t *testing.T, flow string) {
		if flow == mine {
			t.Skip("the one that is good")
		}
		at := "flow=" + url.QueryEscape(flow)
		for _, path := range []string{"/consent?", "/consent/pick?", "/signin?next=" + url.QueryEscape("/consent?"+at) + "&"} {
			got := ana.For(t).Do("GET", path+at, nil)
			if got.Status >= 500 || (got.Says("Repo Scout") && !strings.HasPrefix(path, "/signin")) || strings.HasPrefix(got.Header.Get("Location"), app.RedirectURI) {
				t.Errorf("GET %s%s: %d %s %s", path, at, got.Status, got.Header.Get("Location"), got.Text())
			}
		}
		form := maps.Clone(answer)
		form.Set("flow", flow)
		got := ana.For(t).Do("POST", "/consent", form)
		if got.Status < 400 || got.Status >= 500 {
			t.Errorf("POST: %d %s", got.Status, got.Header.Get("Location"))
		}
	})
}
