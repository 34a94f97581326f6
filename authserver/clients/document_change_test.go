package clients_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

func appAt(id string) deputytest.App {
	return deputytest.App{ID: consent.AppID(id), RedirectURI: "https://notes.example/callback", Verifier: strings.Repeat("v", 43)}
}

func TestThreat_O26_ChangeAfterConsent(t *testing.T) {
	t.Parallel()
	k, other := newKey(t, "ES256", "k"), newKey(t, "ES256", "other")
	for name, c := range map[string]struct {
		change []any
		asked  bool
	}{
		"another return address":  {[]any{"redirect_uris", []string{"https://notes.example/callback", "https://evil.example/"}}, true},
		"keys":                    {[]any{"jwks", set(k.public())}, true},
		"keys and how it proves":  {[]any{"jwks", set(k.public()), "token_endpoint_auth_method", "private_key_jwt"}, true},
		"only its name":           {[]any{"client_name", "Field Notes 2"}, false},
		"only its logo":           {[]any{"logo_uri", "https://notes.example/new.png"}, false},
		"the order of the fields": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
				s := newSite(t)
				app, ana := s.app(), d.SignedIn("ana")
				tokens := d.Redeem(app, ana.Authorize(app, profile, "offline_access"))
				s.change(c.change...)
				later(d, 6*time.Minute)
				form := app.Refreshing(tokens.Refresh)
				if strings.Contains(name, "proves") {
					form = proven(t, d, app, k, form)
				}
				got := d.Token(form)
				if c.asked != (got.Text("error") == "invalid_grant") || (!c.asked && got.Status != 200) {
					t.Fatalf("refresh: %d %s", got.Status, got.Raw)
				}
				if !c.asked {
					return
				}
				page := ana.Ask(app.Query(profile, "offline_access"))
				if page.Away() || !page.HasForm("/consent") {
					t.Fatalf("the changed app was not asked about: %s", page.URL)
				}
				ana.Code(page.Agree())
				later(d, time.Second)
				form = app.Refreshing(tokens.Refresh)
				if strings.Contains(name, "proves") {
					form = proven(t, d, app, k, form)
				}
				if got := d.Token(form); got.Status != 200 {
					t.Errorf("after a new yes: %d %s", got.Status, got.Raw)
				}
			})
		})
	}
	// Somebody else's yes to the changed app is not mine.
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		s := newSite(t)
		s.change("jwks", set(k.public()), "token_endpoint_auth_method", "private_key_jwt")
		app, ana, bob := s.app(), d.SignedIn("ana"), d.SignedIn("bob")
		tokens := d.Tokens(proven(t, d, app, k, app.Redemption(ana.Authorize(app, profile))))
		if page := ana.Ask(app.Query(profile)); !page.Away() {
			t.Errorf("an app that proves who it is was asked about again: %s", page.Text())
		}
		s.change("jwks", set(other.public()))
		later(d, 6*time.Minute)
		bob.Authorize(app, profile)
		if got := d.Token(proven(t, d, app, other, app.Refreshing(tokens.Refresh))); got.Text("error") != "invalid_grant" {
			t.Errorf("refresh with keys that only bob agreed to: %d %s", got.Status, got.Raw)
		}
		if page := ana.Ask(app.Query(profile)); page.Away() {
			t.Error("ana was not asked about the keys that only bob agreed to")
		}
	})
}

// proven replaces how a form says who sends it by an assertion.
func proven(t *testing.T, d *deputytest.Deputy, app deputytest.App, k key, form url.Values) url.Values {
	t.Helper()
	out := maps.Clone(form)
	maps.Copy(out, asserted(signer{d, t, app, k}.assertion()))
	return out
}

// One device's new yes must not end what another device has (threat O27).
func TestThreat_O27_TwoDevicesOneDocument(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{})
	app := newSite(t).app()
	ana := d.User("ana")
	laptop, phone := d.Browser(), d.Browser()
	laptop.SignIn(ana)
	phone.SignIn(ana)
	first := d.Redeem(app, laptop.Authorize(app, profile))
	d.Redeem(app, phone.Authorize(app, profile))
	d.Redeem(app, phone.Authorize(app, profile))
	if d.Refresh(app, first.Refresh).Access == "" {
		t.Error("the laptop lost its access")
	}
}

func TestThreat_O10_AFamousDocumentAndAProgramHere(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{})
	s := newSite(t)
	s.change("redirect_uris", []string{"http://127.0.0.1/callback"})
	app := s.app()
	app.RedirectURI = "http://127.0.0.1:49152/callback"
	page := d.SignedIn("ana").Ask(app.Query(profile))
	for _, want := range []string{"a program on this computer", "Only continue if you started it just now", strings.TrimPrefix(s.URL, "http://")} {
		if !page.Says(want) {
			t.Errorf("the page does not say %q: %s", want, page.Text())
		}
	}
}

func TestThreat_O25_OnePlaceCannotMakeUsFetchForEver(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{})
	s := newSite(t)
	ask := func(n int) deputytest.Answer {
		return d.Token(url.Values{"grant_type": {"refresh_token"}, "client_id": {fmt.Sprintf("%s/%d.json", s.URL, n)}, "refresh_token": {"x"}})
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	status := map[int]int{}
	for n := range 75 {
		wg.Go(func() {
			got := ask(n)
			mu.Lock()
			defer mu.Unlock()
			status[got.Status]++
			if got.Status == http.StatusTooManyRequests && got.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
	wg.Wait()
	if status[429] != 15 || status[401] != 60 || s.fetched() > 60 {
		t.Errorf("%v with %d fetches", status, s.fetched())
	}
	if page := d.Browser().Ask(appAt(s.URL + "/another.json").Query(profile)); page.Status != http.StatusForbidden || !page.Says("Too many apps") {
		t.Errorf("the authorization endpoint: %d %s", page.Status, page.Text())
	}
	if app := d.App(deputytest.Confidential, profile); d.Token(app.Form("grant_type", "client_credentials")).Status != 200 {
		t.Error("an app that is known was locked out")
	}
	d.Clock.Add(16 * time.Minute)
	if got := ask(1000); got.Status != 401 {
		t.Errorf("a quarter of an hour later: %d", got.Status)
	}
}

func TestASiteThatIsDown(t *testing.T) {
	t.Parallel()
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		s := newSite(t)
		app, ana := s.app(), d.SignedIn("ana")
		tokens := d.Redeem(app, ana.Authorize(app, profile))
		s.answer(503, "")
		later(d, 6*time.Minute)
		// The app must not throw its tokens away because its own site is down.
		if got := d.Token(app.Refreshing(tokens.Refresh)); got.Status != 503 || got.Text("error") != "temporarily_unavailable" {
			t.Errorf("refresh: %d %s", got.Status, got.Raw)
		}
		if page := ana.Ask(app.Query(profile)); page.Status != http.StatusBadGateway && page.Status != http.StatusServiceUnavailable {
			t.Errorf("authorize: %d %s", page.Status, page.Text())
		}
		s.answer(200, "")
		later(d, time.Second)
		if got := d.Token(app.Refreshing(tokens.Refresh)); got.Status != 200 {
			t.Errorf("after it came back: %d %s", got.Status, got.Raw)
		}
	})
}

// canned is a Fetcher with one answer.
type canned struct{ raw []byte }

func (c *canned) JSON(context.Context, string, int64) ([]byte, http.Header, error) {
	return c.raw, http.Header{}, nil
}
