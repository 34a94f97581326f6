package clients_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/outward"
)

const profile = "identity.profile.read"

// site is the website of an app that describes itself in a document.
type site struct {
	*httptest.Server
	mu       sync.Mutex
	document map[string]any
	raw      string // instead of document
	header   map[string]string
	status   int
	fetches  int
}

// newSite serves a document that holds, at /app.json.
func newSite(t testing.TB) *site {
	s := &site{header: map[string]string{"Content-Type": "application/json"}, status: 200}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fetches++
		for name, value := range s.header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(s.status)
		if s.raw != "" {
			fmt.Fprint(w, s.raw)
			return
		}
		fmt.Fprint(w, encoded(t, s.document))
	}))
	t.Cleanup(s.Close)
	s.document = map[string]any{
		"client_id": s.URL + "/app.json", "client_name": "Field Notes", "redirect_uris": []string{"https://notes.example/callback"},
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}, "token_endpoint_auth_method": "none",
	}
	return s
}

func (s *site) change(pairs ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.document = with(s.document, pairs...)
}

func (s *site) answer(status int, raw string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.raw = status, raw
}

func (s *site) fetched() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

func (s *site) app() deputytest.App {
	return deputytest.App{ID: consent.AppID(s.URL + "/app.json"), RedirectURI: "https://notes.example/callback", Verifier: strings.Repeat("v", 43)}
}

func TestAppThatIsADocument(t *testing.T) {
	t.Parallel()
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		s := newSite(t)
		app, ana := s.app(), d.SignedIn("ana")
		page := ana.Ask(app.Query(profile))
		for _, want := range []string{"Field Notes", strings.TrimPrefix(s.URL, "http://"), "Website checked, company not checked.", "notes.example"} {
			if !page.Says(want) {
				t.Errorf("the page does not say %q: %s", want, page.Text())
			}
		}
		if strings.Index(page.Body, strings.TrimPrefix(s.URL, "http://")) > strings.Index(page.Body, "Its name is") && strings.Contains(page.Body, "Its name is") {
			t.Error("the host comes after the name's explanation")
		}
		if n := d.Count("SELECT count(*) FROM apps"); n != 0 {
			t.Fatalf("%d rows were stored before anybody answered", n)
		}
		tokens := d.Redeem(app, ana.Code(page.Agree()))
		if got := d.Refresh(app, tokens.Refresh); got.Access == "" || got.Refresh == tokens.Refresh {
			t.Error("the refresh token of an app without proof does not rotate")
		}
		if n := d.Count("SELECT count(*) FROM apps WHERE origin = 'document' AND digest <> ''"); n != 1 {
			t.Errorf("%d rows after a yes", n)
		}
		if n := s.fetched(); n != 1 {
			t.Errorf("%d fetches for one conversation", n)
		}
		// It cannot prove who it is: the next time is a click.
		if again := ana.Ask(app.Query(profile)); again.Away() {
			t.Error("a repeated request passed without a click")
		}
		// What an operator switches off is unknown from then on.
		d.Exec("UPDATE apps SET disabled_at = 1")
		later(d, time.Second)
		if page := ana.Ask(app.Query(profile)); page.Status != http.StatusBadRequest {
			t.Errorf("switched off: %d", page.Status)
		}
	})
}

func TestARefusalOfADocumentIsRemembered(t *testing.T) {
	t.Parallel()
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana := newSite(t).app(), d.SignedIn("ana")
		page := ana.Ask(app.Query(profile)).Form("/consent").Submit("deny")
		if !page.Away() || page.Answer("error") != "access_denied" {
			t.Fatalf("refused: %s", page.URL)
		}
		if n := d.Count("SELECT count(*) FROM refusals"); n != 1 {
			t.Errorf("%d refusals", n)
		}
	})
}

// hostileAddresses are client_ids that must not even be fetched.
func hostileAddresses() []string {
	return []string{
		"https://site.example", "https://site.example/", "https://user@site.example/app", "https://user:pass@site.example/app",
		"https://site.example/app#x", "https://site.example/app?x=1", "https://site.example/app?", "https://site.example/a/../app", "https://site.example/./app",
		"https://site.example/%2e%2e/app", "https://site.example/a b", "https://site.example/\u202eapp", "https://SITE.example/app", "HTTPS://site.example/app",
		"https://site.example:443/app", "https://site.example:/app", "https://site.example./app", "https://.example/app", "https://intranet/app", "https://localhost/app",
		"https://127.0.0.1/app", "https://127.1/app", "https://0x7f.1/app", "https://2130706433/app", "https://10.0.0.1/app", "https://169.254.169.254/latest/meta-data",
		"https://[::1]/app", "https://[::ffff:169.254.169.254]/app", "https://[fd00::1]/app", "https://[64:ff9b::a00:1]/app", "https://0177.0.0.1/app",
		"http://site.example/app", "http://127.0.0.1/app", "http://localhost:8080/app", "https:\\\\site.example\\app", "https:///app", "https://site.example@evil.example/app",
		"https://exa_mple.example/app", "https://b\u00fccher.example/app", "https://site.example/" + strings.Repeat("a", 500),
	}
}

// refusing is a Fetcher that must not be asked.
type refusing struct{ t *testing.T }

func (r refusing) JSON(_ context.Context, address string, _ int64) ([]byte, http.Header, error) {
	r.t.Errorf("%s was fetched", address)
	return nil, nil, outward.ErrNotFetched
}

type nobody struct{}

func (nobody) Document(context.Context, consent.AppID) (clients.Stored, error) {
	return clients.Stored{}, nil
}

func TestThreat_O25_AddressesThatAreNotFetched(t *testing.T) {
	t.Parallel()
	d := clients.NewDocuments(clients.DocumentsConfig{Fetch: refusing{t}, Known: nobody{}, Now: time.Now})
	for _, id := range hostileAddresses() {
		if _, err := d.Client(t.Context(), consent.AppID(id)); !errors.Is(err, clients.ErrUnknown) {
			t.Errorf("%s: %v", id, err)
		}
	}
	// And this computer itself is behind the fence even for a name that leads there.
	fenced := clients.NewDocuments(clients.DocumentsConfig{Fetch: outward.NewFetcher(false), Known: nobody{}, Now: time.Now, AllowLoopback: true, Step: time.Millisecond})
	if _, err := fenced.Client(t.Context(), consent.AppID(newSite(t).URL+"/app.json")); !errors.Is(err, clients.ErrUnknown) {
		t.Errorf("a fetcher behind the fence: %v", err)
	}
}

func TestThreat_O25_DocumentsThatDoNotHold(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{})
	ana := d.SignedIn("ana")
	k := newKey(t, "ES256", "k")
	private := k.public()
	private["d"] = "AAAA"
	many := make([]string, 11)
	for i := range many {
		many[i] = fmt.Sprintf("https://notes.example/%d", i)
	}
	change := func(pairs ...any) func(*site) { return func(s *site) { s.change(pairs...) } }
	raw := func(status int, body string) func(*site) { return func(s *site) { s.answer(status, body) } }
	cases := map[string]func(*site){
		"another client_id":      change("client_id", "https://other.example/app.json"),
		"client_id with a slash": func(s *site) { s.change("client_id", s.URL+"/app.json/") },
		"client_id in capitals":  func(s *site) { s.change("client_id", strings.ToUpper(s.URL)+"/app.json") },
		"no client_id":           change("client_id", nil),
		"Client_ID":              func(s *site) { s.change("client_id", nil, "Client_ID", s.URL+"/app.json") },
		"client_id is a number":  change("client_id", 5),
		"client_id twice": func(s *site) {
			s.answer(200, strings.Replace(encoded(t, s.document), "{", `{"client_id":"https://x.example/a",`, 1))
		},
		"a secret":                change("client_secret", "s"),
		"a secret's end":          change("client_secret_expires_at", 0),
		"client_secret_basic":     change("token_endpoint_auth_method", "client_secret_basic"),
		"client_secret_post":      change("token_endpoint_auth_method", "client_secret_post"),
		"client_secret_jwt":       change("token_endpoint_auth_method", "client_secret_jwt"),
		"no name":                 change("client_name", nil),
		"a name nobody sees":      change("client_name", "\u202e\u200b\u2060\u3164 "),
		"no return address":       change("redirect_uris", nil),
		"an empty list":           change("redirect_uris", []string{}),
		"eleven return addresses": change("redirect_uris", many),
		"javascript:":             change("redirect_uris", []string{"https://notes.example/callback", "javascript:alert(1)"}),
		"data:":                   change("redirect_uris", []string{"data:text/html,x"}),
		"plain http":              change("redirect_uris", []string{"http://notes.example/callback"}),
		"a fragment":              change("redirect_uris", []string{"https://notes.example/callback#"}),
		"one string":              change("redirect_uris", "https://notes.example/callback"),
		"a null in the list":      change("redirect_uris", []any{nil}),
		"only implicit":           change("grant_types", []string{"implicit"}),
		"only client_credentials": change("grant_types", []string{"client_credentials"}),
		"response type token":     change("response_types", []string{"token"}),
		"keys without keys":       change("token_endpoint_auth_method", "private_key_jwt"),
		"a private key":           change("token_endpoint_auth_method", "private_key_jwt", "jwks", set(private)),
		"a symmetric key":         change("jwks", set(map[string]any{"kty": "oct", "k": "AAAA"})),
		"two places of keys":      change("jwks", set(k.public()), "jwks_uri", "https://notes.example/jwks"),
		"jwks_uri is http":        change("jwks_uri", "http://notes.example/jwks"),
		"jwks_uri is file:":       change("jwks_uri", "file:///etc/passwd"),
		"a list":                  raw(200, `[{}]`),
		"two documents":           func(s *site) { s.answer(200, encoded(t, s.document)+"{}") },
		"cut off":                 raw(200, `{"client_id":`),
		"not UTF-8":               raw(200, "{\"client_id\":\"\xff\"}"),
		"deep":                    raw(200, strings.Repeat(`{"a":`, 900)),
		"longer than 5 KB":        change("x", strings.Repeat("x", 6000)),
		"another type":            func(s *site) { s.header["Content-Type"] = "text/html" },
		"an error":                raw(500, ""),
		"not there":               raw(404, ""),
		"a redirect":              func(s *site) { s.header["Location"] = "/else"; s.status = 302 },
	}
	var wg sync.WaitGroup
	for name, break_ := range cases {
		s := newSite(t)
		break_(s)
		wg.Go(func() {
			page := ana.Do("GET", "/oauth/authorize?"+s.app().Query(profile).Encode(), nil)
			if page.Status != http.StatusBadRequest || page.Header.Get("Location") != "" || !page.Says("We do not know the app") {
				t.Errorf("%s: %d %s %s", name, page.Status, page.Header.Get("Location"), page.Text())
			}
			if s.fetched() != 1 {
				t.Errorf("%s: %d fetches", name, s.fetched())
			}
		})
	}
	wg.Wait()
	if n := d.Count("SELECT count(*) FROM apps"); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestErrorsAreNeverKept(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{})
	ana, s := d.SignedIn("ana"), newSite(t)
	s.answer(500, "")
	if page := ana.Ask(s.app().Query(profile)); page.Status != http.StatusBadRequest {
		t.Fatalf("broken: %d", page.Status)
	}
	s.answer(200, "")
	if page := ana.Ask(s.app().Query(profile)); page.Status != http.StatusOK || !page.HasForm("/consent") {
		t.Errorf("mended: %d %s", page.Status, page.Text())
	}
}

func TestHowLongADocumentIsKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header map[string]string
		fresh  time.Duration // still kept
		stale  time.Duration // fetched again
	}{
		"no header":     {nil, 4 * time.Minute, 6 * time.Minute},
		"one second":    {map[string]string{"Cache-Control": "max-age=1"}, 4 * time.Minute, 6 * time.Minute},
		"no-store":      {map[string]string{"Cache-Control": "max-age=7200, no-store"}, 4 * time.Minute, 6 * time.Minute},
		"two hours":     {map[string]string{"Cache-Control": "public, max-age=7200"}, 119 * time.Minute, 121 * time.Minute},
		"a year":        {map[string]string{"Cache-Control": "max-age=31536000"}, 23 * time.Hour, 25 * time.Hour},
		"nonsense":      {map[string]string{"Cache-Control": "max-age=-5", "Expires": "0"}, 4 * time.Minute, 6 * time.Minute},
		"Expires":       {map[string]string{"Expires": time.Unix(1_800_000_000, 0).Add(time.Hour).UTC().Format(http.TimeFormat)}, 59 * time.Minute, 61 * time.Minute},
		"a huge number": {map[string]string{"Cache-Control": "max-age=99999999999999"}, 4 * time.Minute, 6 * time.Minute},
	} {
		s := newSite(t)
		maps.Copy(s.header, c.header)
		now := time.Unix(1_800_000_000, 0)
		d := clients.NewDocuments(clients.DocumentsConfig{Fetch: outward.NewFetcher(true), Known: nobody{}, Now: func() time.Time { return now }, AllowLoopback: true})
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{0, 1}, {c.fresh, 1}, {c.stale, 2}} {
			now = time.Unix(1_800_000_000, 0).Add(step.after)
			if _, err := d.Client(t.Context(), s.app().ID); err != nil || s.fetched() != step.want {
				t.Errorf("%s, after %s: %d fetches, want %d (%v)", name, step.after, s.fetched(), step.want, err)
			}
		}
	}
}

// A visitor must not learn from the time or the words what is behind a port.
func TestThreat_O25_NoPortScanner(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{})
	ana := d.SignedIn("ana")
	closed := closedPort(t)
	open := newSite(t)
	open.answer(200, "SSH-2.0-OpenSSH")
	ask := func(origin string) (time.Duration, string) {
		q := appAt(origin + "/app.json").Query(profile)
		began := time.Now()
		page := ana.Do("GET", "/oauth/authorize?"+q.Encode(), nil)
		return time.Since(began), page.Text()
	}
	slow, saysClosed := ask(closed)
	other, saysOpen := ask(open.URL)
	if spread := (slow - other).Abs(); spread > 500*time.Millisecond || slow < 900*time.Millisecond {
		t.Errorf("closed %s, open %s", slow, other)
	}
	if cut := func(s string) string { before, _, _ := strings.Cut(s, "Reference"); return before }; cut(saysClosed) != cut(saysOpen) {
		t.Errorf("closed: %q, open: %q", saysClosed, saysOpen)
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return "http://" + l.Addr().String()
}

// Whatever a document says, the client made of it keeps the rules.
func FuzzDocument(f *testing.F) {
	const id = "https://notes.example/app.json"
	for _, seed := range []string{
		`{"client_id":"` + id + `","client_name":"Notes","redirect_uris":["https://notes.example/cb"]}`,
		`{"client_id":"` + id + `","client_name":"\u202eNotes","redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none","grant_types":["implicit","authorization_code"]}`,
		`{"client_id":"` + id + `","client_name":"a","redirect_uris":["com.example.app:/cb"],"jwks_uri":"https://notes.example/jwks","token_endpoint_auth_method":"private_key_jwt","scope":"a b"}`,
		`{}`, `[]`, `{"client_id":1}`, ``,
	} {
		f.Add([]byte(seed))
	}
	now, answer := time.Unix(1_800_000_000, 0), &canned{}
	d := clients.NewDocuments(clients.DocumentsConfig{Fetch: answer, Known: nobody{}, Now: func() time.Time { return now }, Step: time.Nanosecond})
	f.Fuzz(func(t *testing.T, raw []byte) {
		now, answer.raw = now.Add(48*time.Hour), raw // what was kept has ended
		c, err := d.Client(t.Context(), id)
		if err != nil {
			if !errors.Is(err, clients.ErrUnknown) {
				t.Fatal(err)
			}
			return
		}
		if c.ID != id || c.Name == "" || c.Name != clients.CleanName(c.Name) || len([]rune(c.Name)) > 60 || c.SecretHash != nil || c.Origin != clients.Document {
			t.Fatalf("%+v", c)
		}
		if len(c.RedirectURIs) == 0 || len(c.RedirectURIs) > 10 || c.Confidential != (c.AuthMethod == clients.PrivateKeyJWT) || (c.Confidential && c.JWKS == "" && c.JWKSURI == "") {
			t.Fatalf("%+v", c)
		}
		for _, uri := range c.RedirectURIs {
			if err := clients.ValidRedirect(uri); err != nil {
				t.Fatalf("%q: %v", uri, err)
			}
		}
		if c.Grants("client_credentials") || c.Grants("implicit") || c.Digest() == "" {
			t.Fatalf("%+v", c)
		}
	})
}

func TestCleanName(t *testing.T) {
	for raw, want := range map[string]string{
		"Field Notes":                     "Field Notes",
		"  Field \t\n Notes ":             "Field Notes",
		"Field\u202eseton":                "Fieldseton",
		"Git\u200bHub":                    "GitHub",
		"a\x00b\u0085c\u2028d":            "ab c d",
		"\u3164\u2800\ufe0f":              "",
		"Möbius 猫":                        "Möbius 猫",
		"Mo\u0308bius":                    "Möbius",
		"GitHub ✅ ☑️ 🔒\u20e3":             "GitHub",
		"Notes™ by us®":                   "Notes by us",
		"Z" + strings.Repeat("\u0333", 9): "Z\u0333\u0333\u0333",
		strings.Repeat("x", 100):          strings.Repeat("x", 60),
		strings.Repeat("x", 59) + " y":    strings.Repeat("x", 59),
	} {
		if got := clients.CleanName(raw); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}
