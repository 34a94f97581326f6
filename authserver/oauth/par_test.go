package oauth_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// pushing is the form that pushes an app's usual request.
func pushing(a deputytest.App, scopes ...string) url.Values {
	f := a.Query(scopes...)
	if a.Secret != "" {
		f.Set("client_secret", a.Secret)
	}
	return f
}

func push(t testing.TB, d *deputytest.Deputy, form url.Values, headers ...string) string {
	t.Helper()
	a := d.Post("/oauth/par", form, headers...)
	if a.Status != 201 || a.JSON["expires_in"] != 90.0 || !strings.HasPrefix(a.Text("request_uri"), "urn:ietf:params:oauth:request_uri:") || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("push: %d %s", a.Status, a.Raw)
	}
	return a.Text("request_uri")
}

func referring(a deputytest.App, uri string) url.Values {
	return url.Values{"client_id": {string(a.ID)}, "request_uri": {uri}}
}

func TestAPushedRequestIsAnsweredLikeAnyOther(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		for _, kind := range []deputytest.Kind{deputytest.Confidential, deputytest.Public} {
			app, browser := d.App(kind), d.Browser()
			uri := push(t, d, pushing(app, "profile"))
			// Sign-in, reloads and the time a person takes do not cost the request.
			page := browser.Ask(referring(app, uri)).SignIn(d.User("ana" + strings.ToLower(string(app.ID[len(app.ID)-6:]))))
			d.Clock.Add(5 * time.Minute)
			page = browser.Get(page.URL.String())
			back := page.Agree()
			if back.Answer("state") != "state-of-the-app" || back.Answer("iss") != d.URL {
				t.Errorf("answered at %s", back.URL)
			}
			if got := d.Redeem(app, browser.Code(back)); got.Scope != "profile" {
				t.Errorf("the token has %q", got.Scope)
			}
		}
		if n := d.Count("SELECT count(*) FROM pushed"); n != 0 {
			t.Errorf("%d answered requests are still there", n)
		}
	})
}

// The address that starts a browser carries only a name of the request, which
// was made here, for this app, for once and for 90 seconds (CVE-2026-9793).
func TestThreat_O40_OnlyOurOwnRequestURI(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, other, ana := d.App(deputytest.Confidential), d.App(deputytest.Confidential), d.SignedIn("ana")
		uri := push(t, d, pushing(app, "profile"))
		for what, q := range map[string]url.Values{
			"another app's":         referring(other, uri),
			"one that was not made": referring(app, uri[:len(uri)-4]+"AAAA"),
			"named twice":           {"client_id": {string(app.ID)}, "request_uri": {uri, uri}},
			"without an app":        {"request_uri": {uri}},
		} {
			if p := ana.Ask(q); p.Away() || p.Status < 400 || p.Status >= 500 {
				t.Errorf("%s: %d %s", what, p.Status, p.URL)
			}
		}
		// Nothing is fetched from an address of somebody's choice.
		q := app.Query("profile")
		q.Set("request_uri", "http://169.254.169.254/latest")
		if p := ana.Ask(q); p.Answer("error") != "request_not_supported" {
			t.Errorf("a remote request_uri: %s", p.URL)
		}
		// What comes along in the browser does not count: neither adds nor replaces.
		mixed := referring(app, uri)
		mixed.Set("scope", "services.github.repositories.write")
		mixed.Set("redirect_uri", "https://evil.example/")
		mixed.Set("state", "evil")
		mixed.Set("prompt", "none")
		page := ana.Ask(mixed)
		if page.Away() || page.Says("Change files") {
			t.Fatalf("parameters of the address count: %s %s", page.URL, page.Text())
		}
		back := page.Agree()
		if back.URL.Host != "scout.example" || back.Answer("state") != "state-of-the-app" {
			t.Errorf("answered at %s", back.URL)
		}
		if p := ana.Ask(referring(app, uri)); p.Away() || p.Status != 409 {
			t.Errorf("a second use: %d %s", p.Status, p.URL)
		}
		late := push(t, d, pushing(app, "profile"))
		d.Clock.Add(91 * time.Second)
		if p := ana.Ask(referring(app, late)); p.Away() || p.Status != 409 {
			t.Errorf("after its time: %d %s", p.Status, p.URL)
		}
	})
}

func TestAPushedRequestIsAnsweredOnce(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := d.App(deputytest.Confidential), d.SignedIn("ana")
		ana.Authorize(app, "profile") // agreed already: the next requests need no page
		uri := push(t, d, pushing(app, "profile"))
		codes := make([]string, 10)
		var all sync.WaitGroup
		for i := range codes {
			all.Go(func() { codes[i] = ana.Ask(referring(app, uri)).Answer("code") })
		}
		all.Wait()
		if n := len(strings.Join(codes, "")) / len("dpc_0123456789012345678901234567890123456789012"); n != 1 {
			t.Errorf("one request got %d codes: %q", n, codes)
		}
	})
}

func TestWhatIsPushedIsCheckedAtOnce(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, public := d.App(deputytest.Confidential), d.App(deputytest.Public)
	with := func(name string, values ...string) url.Values {
		f := pushing(app, "profile")
		f[name] = values
		return f
	}
	for what, c := range map[string]struct {
		form   url.Values
		status int
		code   string
	}{
		"a wrong secret":          {with("client_secret", "wrong"), 401, "invalid_client"},
		"no secret":               {with("client_secret"), 401, "invalid_client"},
		"a request_uri":           {with("request_uri", "urn:ietf:params:oauth:request_uri:x"), 400, "invalid_request"},
		"a request object":        {with("request", "e30.e30."), 400, "request_not_supported"},
		"only a request object":   {url.Values{"client_id": {string(app.ID)}, "client_secret": {app.Secret}, "request": {"e30.e30."}}, 400, "request_not_supported"},
		"another return address":  {with("redirect_uri", "https://evil.example/"), 400, "invalid_request"},
		"an unknown scope":        {with("scope", "root"), 400, "invalid_scope"},
		"an unknown resource":     {with("resource", "https://other.example"), 400, "invalid_target"},
		"no challenge":            {with("code_challenge"), 400, "invalid_request"},
		"a plain challenge":       {with("code_challenge_method", "plain"), 400, "invalid_request"},
		"another response type":   {with("response_type", "token"), 400, "unsupported_response_type"},
		"a parameter twice":       {with("state", "a", "b"), 400, "invalid_request"},
		"a bad dpop_jkt":          {with("dpop_jkt", "x"), 400, "invalid_request"},
		"a prompt that is none":   {with("prompt", "maybe"), 400, "invalid_request"},
		"a secret of public apps": {func() url.Values { f := pushing(public, "profile"); f.Set("client_secret", "x"); return f }(), 401, "invalid_client"},
	} {
		refusedWith(t, what, d.Post("/oauth/par", c.form), c.status, c.code)
	}
	refusedWith(t, "parameters in the address", d.Send("POST", "/oauth/par?"+pushing(app, "profile").Encode(), "", "Content-Type", "application/x-www-form-urlencoded"), 400, "invalid_request")
	if n := d.Count("SELECT count(*) FROM pushed"); n != 0 {
		t.Errorf("%d refused requests were kept", n)
	}
}

// No credential is kept, and ended requests go on the way of the next ones
// (CVE-2024-4540: parameters of the push that leak).
func TestThreat_O40_NothingSecretIsKeptAndNothingForLong(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app := d.App(deputytest.Confidential)
		for range 4 {
			push(t, d, pushing(app, "profile"))
		}
		basic := app.Query("profile")
		basic.Del("client_id")
		push(t, d, basic, "Authorization", "Basic "+basicOf(string(app.ID), app.Secret))
		if n := d.Count("SELECT count(*) FROM pushed WHERE query LIKE '%secret%' OR query LIKE '%" + app.Secret + "%'"); n != 0 {
			t.Errorf("%d rows hold a credential", n)
		}
		d.Clock.Add(20 * time.Minute)
		push(t, d, pushing(app, "profile"))
		push(t, d, pushing(app, "profile"))
		if n := d.Count("SELECT count(*) FROM pushed"); n != 2 {
			t.Errorf("%d rows are left, want the newest 2", n)
		}
	})
}

// A request pushed with a proof binds its code to the key (RFC 9449 section
// 10.1).
func TestAPushWithAProofBindsTheCode(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana, mine, theirs := d.App(deputytest.Public), d.SignedIn("ana"), newProver(t, d), newProver(t, d)
	uri := push(t, d, pushing(app, "profile"), "DPoP", mine.proof("POST", "/oauth/par", ""))
	code := ana.Code(ana.Ask(referring(app, uri)).Agree())
	refusedWith(t, "without the key", d.Token(app.Redemption(code)), 400, "invalid_grant")
	refusedWith(t, "with another", theirs.token(app.Redemption(code)), 400, "invalid_grant")
	if a := mine.token(app.Redemption(code)); a.Status != 200 {
		t.Errorf("with the key: %d %s", a.Status, a.Raw)
	}
	both := pushing(app, "profile")
	both.Set("dpop_jkt", theirs.thumbprint())
	refusedWith(t, "two keys", d.Post("/oauth/par", both, "DPoP", mine.proof("POST", "/oauth/par", "")), 400, "invalid_dpop_proof")
}

// Later hops carry nothing but a sealed name: a parameter changed on the way is
// not read (CVE-2026-7571).
func TestThreat_O41_LaterHopsCarryOnlyASealedName(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	one, two, ana := d.App(deputytest.Confidential), d.App(deputytest.Confidential), d.SignedIn("ana")
	for what, q := range map[string]url.Values{"pushed": referring(one, push(t, d, pushing(one, "profile"))), "plain": two.Query("profile")} {
		page := ana.Ask(q)
		for _, more := range []string{"&response_type=token", "&response_mode=fragment", "&redirect_uri=https://evil.example/", "&scope=services.github.repositories.write", "&state=evil", "&client_id=other"} {
			same := ana.Get(page.URL.String() + more)
			if same.Status != 200 || same.Text() != page.Text() {
				t.Errorf("%s: %s changed the page: %s", what, more, same.Text())
			}
		}
		f := page.Form("/consent")
		for name, value := range map[string]string{"redirect_uri": "https://evil.example/", "response_mode": "fragment", "state": "evil", "scope": "services.github.repositories.write"} {
			f.Set(name, value)
		}
		back := f.Submit("allow")
		if back.URL.Host != "scout.example" || back.URL.Fragment != "" || back.Answer("state") != "state-of-the-app" {
			t.Errorf("%s: answered at %s", what, back.URL)
		}
	}
}

func basicOf(id, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":" + url.QueryEscape(secret)))
}
