package upstream_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/server"
)

// company is an OpenID provider that says what the test wants.
type company struct {
	*httptest.Server
	t   *testing.T
	d   *deputytest.Deputy
	key jwk.Key

	mu    sync.Mutex
	codes map[string]answer
	// redeemed are the forms that codes were redeemed with.
	redeemed []url.Values
}

// answer is what a code is good for.
type answer struct {
	challenge string
	claims    map[string]any
	key       jwk.Key
	status    int
}

func newKey(t *testing.T) jwk.Key {
	t.Helper()
	raw, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwk.FromRaw(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Set(jwk.KeyIDKey, "one"); err != nil {
		t.Fatal(err)
	}
	return key
}

// acme is set up as a sign-in provider of d.
func acme(t *testing.T, d *deputytest.Deputy, change func(n *server.NewSignInProvider)) *company {
	t.Helper()
	c := &company{t: t, d: d, key: newKey(t), codes: map[string]answer{}}
	mux := http.NewServeMux()
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		c.write(w, 200, map[string]any{
			"issuer": c.URL, "authorization_endpoint": c.URL + "/authorize", "token_endpoint": c.URL + "/token", "jwks_uri": c.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		public, err := c.key.PublicKey()
		if err != nil {
			t.Error(err)
		}
		c.write(w, 200, map[string]any{"keys": []any{public}})
	})
	mux.HandleFunc("/token", c.token)
	n := server.NewSignInProvider{ID: "acme", Name: "Acme", Issuer: c.URL, ClientID: "deputy", Secret: secret.New("s3cret"), Domains: []string{"acme.example"}}
	if change != nil {
		change(&n)
	}
	redirect, err := d.Foundation.SetSignInProvider(context.Background(), n)
	if err != nil || redirect != d.URL+"/signin/with/acme/callback" {
		t.Fatalf("%s, %v", redirect, err)
	}
	return c
}

func (c *company) write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		c.t.Error(err)
	}
}

func (c *company) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		c.t.Error(err)
	}
	id, key, _ := r.BasicAuth()
	c.mu.Lock()
	a, known := c.codes[r.PostForm.Get("code")]
	delete(c.codes, r.PostForm.Get("code"))
	c.redeemed = append(c.redeemed, r.PostForm)
	c.mu.Unlock()
	if a.status != 0 {
		c.write(w, a.status, map[string]any{"error": "temporarily_unavailable"})
		return
	}
	if !known || id != "deputy" || key != "s3cret" || deputytest.Challenge(r.PostForm.Get("code_verifier")) != a.challenge {
		c.write(w, 400, map[string]any{"error": "invalid_grant"})
		return
	}
	token := jwt.New()
	for name, v := range a.claims {
		if err := token.Set(name, v); err != nil {
			c.t.Error(err)
		}
	}
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.RS256, a.key))
	if err != nil {
		c.t.Error(err)
	}
	c.write(w, 200, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": string(signed)})
}

// begin goes to the company and returns its authorization request.
func (c *company) begin(b *deputytest.Browser) url.Values {
	c.t.Helper()
	page := b.Get("/signin?next=/activity").Link("Sign in with Acme")
	if !strings.HasPrefix(page.URL.String(), c.URL+"/authorize?") {
		c.t.Fatalf("the link leads to %s: %s", page.URL, page.Text())
	}
	return page.URL.Query()
}

// says is an answer about somebody; change makes it a lie.
func (c *company) says(q url.Values, subject, email string, change func(a *answer)) url.Values {
	now := c.d.Clock.Now()
	a := answer{challenge: q.Get("code_challenge"), key: c.key, claims: map[string]any{
		"iss": c.URL, "aud": []string{"deputy"}, "sub": subject, "nonce": q.Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"email": email, "email_verified": true, "name": "Cara Stone",
	}}
	if change != nil {
		change(&a)
	}
	code := secret.Random().Reveal()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.codes[code] = a
	return url.Values{"code": {code}, "state": {q.Get("state")}}
}

func back(b *deputytest.Browser, answer url.Values) deputytest.Page {
	return b.Get("/signin/with/acme/callback?" + answer.Encode())
}

func in(b *deputytest.Browser) bool { return b.Get("/sessions").URL.Path == "/sessions" }

func TestACompanySignsIn(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		c := acme(t, d, nil)
		b := d.Browser()
		q := c.begin(b)
		for name, want := range map[string]string{"client_id": "deputy", "response_type": "code", "code_challenge_method": "S256", "redirect_uri": d.URL + "/signin/with/acme/callback"} {
			if q.Get(name) != want {
				t.Errorf("%s is %q", name, q.Get(name))
			}
		}
		if page := back(b, c.says(q, "cara-1", "Cara@acme.example", nil)); page.URL.Path != "/activity" {
			t.Fatalf("%d %s: %s", page.Status, page.URL, page.Text())
		}
		id := d.Words("SELECT id FROM users WHERE email_key = 'cara@acme.example'")
		// She is known by her subject, whatever becomes of her address.
		again := d.Browser()
		if page := back(again, c.says(c.begin(again), "cara-1", "cara@elsewhere.example", nil)); page.URL.Path != "/activity" {
			t.Fatalf("the second time: %d %s", page.Status, page.Text())
		}
		if n := d.Count("SELECT count(*) FROM sessions WHERE user_id = ?", id); n != 2 || d.Count("SELECT count(*) FROM users") != 1 {
			t.Errorf("%d sign-ins of %s", n, id)
		}
		// She has no password, and what needs one offers her company.
		if page := d.Browser().Get("/signin").Form("/signin").Set("email", "cara@acme.example").Set("password", "").Submit(""); page.Status != 403 {
			t.Errorf("no password signs in: %d", page.Status)
		}
		d.Clock.Add(time.Hour)
		page := b.Get("/sessions/codes/new")
		if page.URL.Path != "/signin/again" || strings.Contains(page.Body, `name="password"`) {
			t.Fatalf("%s %s", page.URL, page.Text())
		}
		asked := page.Link("Sign in with Acme").URL.Query()
		if asked.Get("prompt") != "login" {
			t.Error("the company need not ask again")
		}
		if page := back(b, c.says(asked, "cara-1", "", nil)); page.URL.Path != "/sessions/codes/new" {
			t.Errorf("after it: %s %s", page.URL, page.Text())
		}
		if n := d.Count("SELECT count(*) FROM sign_in_states"); n != 0 {
			t.Errorf("%d states are left", n)
		}
	})
}

// Who has a second step takes it after the company, too.
func TestTheSecondStepComesAfterTheCompany(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	c := acme(t, d, nil)
	b := d.Browser()
	back(b, c.says(c.begin(b), "cara-1", "cara@acme.example", nil))
	app, _ := b.TurnCodesOn()
	d.Clock.Add(30 * time.Second)
	other := d.Browser()
	page := back(other, c.says(c.begin(other), "cara-1", "", nil))
	if !page.Says("One more step") || in(other) {
		t.Fatalf("%s %s", page.URL, page.Text())
	}
	if page = page.Form("/signin/code").Set("code", app.Code()).Submit(""); page.URL.Path != "/activity" {
		t.Errorf("%d %s", page.Status, page.Text())
	}
}

// Whose account it is: never by an address that nobody answers for.
func TestThreat_C20_WhoseAccountItIs(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		c := acme(t, d, nil)
		ana := d.User("ana")
		try := func(email string, change func(a *answer)) (*deputytest.Browser, deputytest.Page) {
			b := d.Browser()
			return b, back(b, c.says(c.begin(b), "mallory", email, change))
		}
		unverified := func(v any) func(a *answer) {
			return func(a *answer) { a.claims["email_verified"] = v }
		}
		for name, c := range map[string]struct {
			email  string
			change func(a *answer)
			says   string
		}{
			"somebody's address, not answered for": {ana.Email, nil, "Your account here is not connected with Acme."},
			"another domain":                       {"m@evil.example", nil, "You have no account here."},
			"a domain that ends like it":           {"m@notacme.example", nil, "You have no account here."},
			"two addresses in one":                 {"m@evil.example,x@acme.example", nil, "This is not an e-mail address"},
			"an address that was not checked":      {"m@acme.example", unverified(false), "did not tell an e-mail address that it has checked"},
			"nobody says whether it was":           {"m@acme.example", func(a *answer) { delete(a.claims, "email_verified") }, "did not tell an e-mail address"},
			"said in a way nobody says it":         {"m@acme.example", unverified(1), "Acme did not sign you in."},
			"no address":                           {"", nil, "did not tell an e-mail address"},
		} {
			if b, page := try(c.email, c.change); page.Status < 400 || !page.Says(c.says) || in(b) {
				t.Errorf("%s: %d %s", name, page.Status, page.Text())
			}
		}
		if n := d.Count("SELECT count(*) FROM sign_in_links"); n != 0 || d.Count("SELECT count(*) FROM users") != 1 {
			t.Errorf("%d links", n)
		}
		verified := acme(t, d, func(n *server.NewSignInProvider) { n.VerifiedMail = true })
		b := d.Browser()
		if page := back(b, verified.says(verified.begin(b), "ana-1", strings.ToUpper(ana.Email), unverified("true"))); page.URL.Path != "/activity" {
			t.Fatalf("an address that the operator answers for: %d %s", page.Status, page.Text())
		}
		if got := d.Words("SELECT user_id FROM sign_in_links WHERE subject = 'ana-1'"); got != string(ana.ID) {
			t.Errorf("linked to %q", got)
		}
		// Somebody who was invited and comes this way is here: the invitation is over.
		invited, err := d.Foundation.Invite(t.Context(), "eve@acme.example", "Eve", "")
		if err != nil {
			t.Fatal(err)
		}
		b = d.Browser()
		if back(b, verified.says(verified.begin(b), "eve-1", "eve@acme.example", unverified("true"))); !in(b) {
			t.Fatal("Eve is not signed in")
		}
		if page := d.Browser().Get(strings.TrimPrefix(invited.Link, d.URL)); page.Status != http.StatusGone {
			t.Errorf("the invitation still opens: %d %s", page.Status, page.Text())
		}
	})
}

// Answers that are not the company's, or not to this question.
func TestAnswersThatProveNothing(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	c := acme(t, d, nil)
	claim := func(name string, v any) func(a *answer) { return func(a *answer) { a.claims[name] = v } }
	for name, lie := range map[string]func(a *answer){
		"another nonce":       claim("nonce", "x"),
		"no nonce":            func(a *answer) { delete(a.claims, "nonce") },
		"another issuer":      claim("iss", "https://evil.example"),
		"for another client":  claim("aud", []string{"other"}),
		"for several, not us": func(a *answer) { a.claims["aud"], a.claims["azp"] = []string{"deputy", "other"}, "other" },
		"for several, nobody": claim("aud", []string{"deputy", "other"}),
		"expired":             claim("exp", d.Clock.Now().Add(-time.Minute).Unix()),
		"nobody":              claim("sub", ""),
		"signed by another":   func(a *answer) { a.key = newKey(t) },
		"another verifier":    func(a *answer) { a.challenge = deputytest.Challenge("x") },
		"the company is down": func(a *answer) { a.status = 503 },
	} {
		b := d.Browser()
		if page := back(b, c.says(c.begin(b), "cara-1", "cara@acme.example", lie)); page.Status < 400 || in(b) {
			t.Errorf("%s: %d %s", name, page.Status, page.Text())
		}
	}
	b := d.Browser()
	for name, change := range map[string]func(v url.Values){
		"no state":        func(v url.Values) { v.Del("state") },
		"another state":   func(v url.Values) { v.Set("state", "x") },
		"no code":         func(v url.Values) { v.Del("code") },
		"another's iss":   func(v url.Values) { v.Set("iss", "https://evil.example") },
		"the person's no": func(v url.Values) { v.Set("error", "access_denied") },
	} {
		answer := c.says(c.begin(b), "cara-1", "cara@acme.example", nil)
		change(answer)
		if page := back(b, answer); page.Status < 400 || in(b) {
			t.Errorf("%s: %d %s", name, page.Status, page.Text())
		}
	}
	if n := d.Count("SELECT count(*) FROM users"); n != 0 {
		t.Errorf("%d accounts were made", n)
	}
}

// The way back is one browser's, once, for ten minutes, and of one provider.
func TestTheWayBackCountsOnce(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		c := acme(t, d, nil)
		victim, thief := d.Browser(), d.Browser()
		answer := c.says(c.begin(thief), "mallory", "mallory@acme.example", nil)
		victim.Get("/signin")
		if page := back(victim, answer); page.Status != 409 || in(victim) {
			t.Errorf("in another browser: %d %s", page.Status, page.Text())
		}
		b := d.Browser()
		answer = c.says(c.begin(b), "cara-1", "cara@acme.example", nil)
		if page := back(b, answer); page.URL.Path != "/activity" {
			t.Fatalf("%d %s", page.Status, page.Text())
		}
		if page := back(b, answer); page.Status != 409 {
			t.Errorf("again: %d %s", page.Status, page.Text())
		}
		slow := d.Browser()
		q := c.begin(slow)
		d.Clock.Add(10 * time.Minute)
		if page := back(slow, c.says(q, "cara-1", "", nil)); page.Status != 409 || in(slow) {
			t.Errorf("after ten minutes: %d %s", page.Status, page.Text())
		}
		other := d.Browser()
		q = c.begin(other)
		if page := other.Get("/signin/with/other/callback?" + c.says(q, "cara-1", "", nil).Encode()); page.Status != 409 {
			t.Errorf("from another provider: %d %s", page.Status, page.Text())
		}
		for _, form := range c.redeemed {
			if form.Get("code_verifier") == "" || form.Get("redirect_uri") != d.URL+"/signin/with/acme/callback" {
				t.Errorf("a code was redeemed with %v", form)
			}
		}
	})
}

func TestWhatIsNoProvider(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	if page := d.Browser().Get("/signin/with/acme"); page.Status != 404 {
		t.Errorf("nobody: %d", page.Status)
	}
	good := server.NewSignInProvider{ID: "acme", Issuer: "https://id.acme.example", ClientID: "x", Secret: secret.New("y")}
	for name, change := range map[string]func(n *server.NewSignInProvider){
		"an id with a slash":      func(n *server.NewSignInProvider) { n.ID = "a/b" },
		"an issuer by plain http": func(n *server.NewSignInProvider) { n.Issuer = "http://id.acme.example" },
		"an issuer with a query":  func(n *server.NewSignInProvider) { n.Issuer = "https://id.acme.example?x" },
		"no secret":               func(n *server.NewSignInProvider) { n.Secret = secret.Text{} },
		"a domain of one part":    func(n *server.NewSignInProvider) { n.Domains = []string{"com"} },
		"an address as a domain":  func(n *server.NewSignInProvider) { n.Domains = []string{"a@acme.example"} },
	} {
		n := good
		change(&n)
		if _, err := d.Foundation.SetSignInProvider(t.Context(), n); err == nil {
			t.Errorf("%s was stored", name)
		}
	}
	if _, err := d.Foundation.SetSignInProvider(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	if page := d.Browser().Get("/signin"); !page.Says("Sign in with acme") {
		t.Errorf("the page says %s", page.Text())
	}
	if err := d.Foundation.RemoveSignInProvider(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	if err := d.Foundation.RemoveSignInProvider(t.Context(), "acme"); err == nil {
		t.Error("it was removed twice")
	}
}
