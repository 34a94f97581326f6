package connect_test

import (
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/simulator"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
	"github.com/deputy-oauth/deputy/resourceserver/vault"
)

// world is a Deputy with the pages of this package and a simulated GitHub.
type world struct {
	t       *testing.T
	mem     *memory
	handler *connect.Handler
	client  *provider.Client
	server  *httptest.Server
	sim     *simulator.GitHub
	github  *httptest.Server

	mu sync.Mutex
	at time.Time
}

// header says who is at the browser: "user session browser". A server has
// cookies for this; which is not this package's affair.
const header = "X-Test-Person"

type people struct{}

func (people) Person(c *gin.Context) (connect.Person, bool, error) {
	parts := strings.Fields(c.GetHeader(header))
	if len(parts) != 3 {
		return connect.Person{}, false, nil
	}
	return connect.Person{User: consent.UserID(parts[0]), Session: consent.SessionID(parts[1]), Browser: parts[2]}, true, nil
}

// words shows an error page as its sentence.
type words struct{}

func (words) Language(...string) string { return "en" }

func (words) Say(_, english string) string { return english }
func (words) Languages() []string          { return []string{"en"} }

func (words) Render(w io.Writer, page any, _, _ string) error {
	_, err := fmt.Fprint(w, page)
	return err
}

func newWorld(t *testing.T) *world {
	t.Helper()
	gin.SetMode(gin.TestMode)
	w := &world{t: t, mem: newMemory(), at: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	w.sim = simulator.NewGitHub(simulator.Config{ClientID: "app", ClientSecret: "s3cret", Now: w.now})
	w.github = httptest.NewServer(w.sim)
	t.Cleanup(w.github.Close)
	router := gin.New()
	w.server = httptest.NewServer(router)
	t.Cleanup(w.server.Close)

	v, err := vault.Create(filepath.Join(t.TempDir(), "vault.key"))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w.client, err = provider.New(provider.Config{
		Catalog: cat, Registrations: w.mem, Credentials: w.mem, Vault: v, Now: w.now, Log: log, AllowLoopback: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []provider.RegistrationID{"gh", "gh-other"} {
		sealed, err := v.Seal(provider.RegistrationPlace(id), secret.New("s3cret"))
		if err != nil {
			t.Fatal(err)
		}
		reg := provider.Registration{ID: id, Provider: "github", Variant: "oauth_app", ClientID: "app", WebURL: w.github.URL, APIURL: w.github.URL + "/api/v3"}
		if id != "gh" {
			reg.Provider = "elsewhere"
		}
		w.mem.regs[id] = provider.SealedRegistration{Registration: reg, Sealed: sealed}
	}
	external, err := url.Parse(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	w.handler, err = connect.New(connect.Config{
		External: external, Catalog: cat, Providers: w.client, Vault: v, People: people{}, States: w.mem, Connections: w.mem, Farewells: w.mem,
		Transactions: w.mem, Audit: w.mem, Forms: web.Forms{Key: []byte("key")}, Now: w.now, Log: log,
		Disconnected: func(c *gin.Context, _ connect.Person, d connect.Disconnection) error {
			c.String(http.StatusOK, "%s answered %s", d.Connection.Login, d.Answer)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	site := &web.Site{Renderer: words{}, Log: log, ErrorPage: func(_ *gin.Context, _ fault.Kind, message, _ string) any { return message }}
	router.POST("/connect/:provider/start", site.Page(w.handler.Start))
	router.GET("/connect/:provider/callback", site.Page(w.handler.Callback))
	router.POST("/services/:connection/reconnect", site.Page(w.handler.Reconnect))
	router.POST("/services/:connection/disconnect", site.Page(w.handler.Disconnect))
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// browser is a person at a browser: a sign-in here, cookies at the provider.
type browser struct {
	w       *world
	user    consent.UserID
	session consent.SessionID
	name    string
	http    *http.Client
}

func (w *world) browser(user consent.UserID, session consent.SessionID, name string) *browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{w: w, user: user, session: session, name: name, http: &http.Client{Jar: jar, CheckRedirect: stay}}
}

// page is what a browser shows, and where it was sent.
type page struct {
	status   int
	body     string
	location string
	from     *url.URL
}

func (b *browser) send(method, target string, form url.Values) page {
	b.w.t.Helper()
	req, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if strings.HasPrefix(target, b.w.server.URL) && b.user != "" {
		req.Header.Set(header, string(b.user)+" "+string(b.session)+" "+b.name)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	out := page{status: resp.StatusCode, body: string(body), from: resp.Request.URL}
	if to := resp.Header.Get("Location"); to != "" {
		u, err := resp.Request.URL.Parse(to)
		if err != nil {
			b.w.t.Fatal(err)
		}
		out.location = u.String()
	}
	return out
}

// start presses the button of a page of ours.
func (b *browser) start(change url.Values) page {
	form := url.Values{
		"csrf": {b.w.handler.StartToken(b.session, "github")}, "scopes": {"services.github.repositories.read"},
		"return": {"/consent?flow=f1"},
	}
	for name, list := range change {
		form[name] = list
	}
	return b.send(http.MethodPost, b.w.server.URL+"/connect/github/start", form)
}

func (b *browser) reconnect(id consent.ConnectionID) page {
	return b.send(http.MethodPost, b.w.server.URL+"/services/"+string(id)+"/reconnect", url.Values{
		"csrf": {b.w.handler.ReconnectToken(b.session, id)}, "return": {"/services"},
	})
}

func (b *browser) disconnect(id consent.ConnectionID) page {
	return b.send(http.MethodPost, b.w.server.URL+"/services/"+string(id)+"/disconnect", url.Values{
		"csrf": {b.w.handler.DisconnectToken(b.session, id)},
	})
}

var (
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	formAction  = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
)

// agree goes through GitHub's pages as login and returns the callback's URL.
func (b *browser) agree(started page, login, yes string) string {
	b.w.t.Helper()
	if !strings.HasPrefix(started.location, b.w.github.URL) {
		b.w.t.Fatalf("not sent to GitHub: %d %q %s", started.status, started.location, started.body)
	}
	shown := started
	for range 8 {
		switch {
		case strings.HasPrefix(shown.location, b.w.server.URL):
			return shown.location
		case shown.location != "":
			shown = b.send(http.MethodGet, shown.location, nil)
			continue
		}
		action := formAction.FindStringSubmatch(shown.body)
		if action == nil {
			b.w.t.Fatalf("no form on GitHub's page: %d %s", shown.status, shown.body)
		}
		form := url.Values{"login": {login}, "password": {login}, "authorize": {yes}}
		for _, field := range hiddenInput.FindAllStringSubmatch(shown.body, -1) {
			form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
		}
		target, err := shown.from.Parse(html.UnescapeString(action[1]))
		if err != nil {
			b.w.t.Fatal(err)
		}
		shown = b.send(http.MethodPost, target.String(), form)
	}
	b.w.t.Fatal("GitHub never sent the person back")
	return ""
}

func (b *browser) get(target string) page { return b.send(http.MethodGet, target, nil) }

// connect goes all the way and wants to come back with an outcome.
func (b *browser) connect(login string, want connect.Outcome, change url.Values) {
	b.w.t.Helper()
	b.arrives(b.get(b.agree(b.start(change), login, "1")), want)
}

// arrives wants a page to send the browser back with an outcome.
func (b *browser) arrives(p page, want connect.Outcome) url.Values {
	b.w.t.Helper()
	u, err := url.Parse(p.location)
	if err != nil || p.status != http.StatusSeeOther || u.Query().Get("outcome") != string(want) {
		b.w.t.Fatalf("%d %q %s, want outcome %s", p.status, p.location, p.body, want)
	}
	return u.Query()
}
