package identity_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

const password = "correct horse battery"

// world is a server with one account, Ana's, on a real database.
type world struct {
	t        *testing.T
	server   *httptest.Server
	identity *identity.Identity
	store    *store.Store
	audit    *audit.Recorder
	ana      consent.UserID

	// meanwhile, if set, happens after a sign-in was found right and before it counts.
	meanwhile func()

	mu    sync.Mutex
	now   time.Time
	ended []consent.UserID
}

// attempts lets something happen meanwhile.
type attempts struct {
	*store.Store
	w *world
}

func (a attempts) ForgiveTries(ctx context.Context, forget, less []string) error {
	if a.w.meanwhile != nil {
		a.w.meanwhile()
	}
	return a.Store.ForgiveTries(ctx, forget, less)
}

// mailbot asks for the sign-ins that lead to /consent.
type mailbot struct{}

func (mailbot) Asking(_ context.Context, next string) (identity.Asking, bool, error) {
	if !strings.HasPrefix(next, "/consent") {
		return identity.Asking{}, false, nil
	}
	return identity.Asking{App: "Mailbot", Host: "mailbot.example", ReturnURL: "https://mailbot.example/callback", Hint: "Ben@Example.com"}, true, nil
}

func (mailbot) Stakes(string) []string { return nil }

// nightwatch goes on when people leave.
type nightwatch struct{}

func (nightwatch) AppsAway(context.Context, consent.UserID) ([]string, error) {
	return []string{"Night Watch"}, nil
}

func newWorld(t *testing.T, d *db.DB, https bool) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)}
	w.store = &store.Store{DB: d, Now: w.clock}
	w.audit = audit.New(audit.Config{DB: d, Now: w.clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	t.Cleanup(func() {
		if err := w.audit.Close(); err != nil {
			t.Error(err)
		}
	})
	pages, err := templates.New(templates.Site{})
	if err != nil {
		t.Fatal(err)
	}
	site := &web.Site{Renderer: pages, HTTPS: https, ErrorPage: func(_ *gin.Context, kind fault.Kind, message, reference string) any {
		return templates.Error{Title: "Nothing was shared.", Lead: message, Reference: reference}
	}}
	w.identity, err = identity.New(identity.Config{
		Users: w.store, Sessions: w.store, Attempts: attempts{w.store, w}, Audit: w.audit,
		Asking: mailbot{}, Away: nightwatch{}, Box: sealer(t),
		Site: site, Forms: web.Forms{Key: []byte("a key of the test, 32 bytes long")}, HTTPS: https, Now: w.clock,
		Ended: func(u consent.UserID) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ended = append(w.ended, u)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.ana, err = w.identity.CreateUser(t.Context(), "Ana@Example.com", "Ana Lima", secret.New(password))
	if err != nil {
		t.Fatal(err)
	}
	w.serve(site, https)
	return w
}

func (w *world) serve(site *web.Site, https bool) {
	gin.SetMode(gin.TestMode)
	e := gin.New()
	// The tests play many networks: their own proxy says where a browser is.
	if err := e.SetTrustedProxies([]string{"127.0.0.1"}); err != nil {
		w.t.Fatal(err)
	}
	e.Use(web.Logged(slog.New(slog.NewTextHandler(w.t.Output(), nil)), w.clock), site.Headers, site.SameOrigin())
	e.GET("/signin", site.Page(w.identity.SignInPage))
	e.POST("/signin", site.Page(w.identity.SignIn))
	e.POST("/signout", site.Page(w.identity.SignOut))
	e.GET("/accounts", site.Page(w.identity.AccountsPage))
	e.POST("/accounts", site.Page(w.identity.ChooseAccount))
	me := func(c *gin.Context) error {
		p, ok, err := w.identity.Require(c)
		if err != nil || !ok {
			return err
		}
		c.String(http.StatusOK, "%s|%s|%s|%s", p.Email, p.Name, p.Session, w.identity.SignOutToken(p))
		return nil
	}
	e.GET("/me", site.Page(me))
	e.POST("/me", site.Page(me))
	e.GET("/consent", site.Page(me))
	if https {
		w.server = httptest.NewTLSServer(e)
	} else {
		w.server = httptest.NewServer(e)
	}
	w.t.Cleanup(w.server.Close)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// each runs a test on both databases.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) { test(t, newWorld(t, d, false)) })
}

// browser is one person's browser; it does not follow redirects.
type browser struct {
	w      *world
	client *http.Client
	from   string // its address
	agent  string
	header http.Header // sent with every form
}

func (w *world) browser(from string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	c := w.server.Client()
	return &browser{w: w, from: from, header: http.Header{}, client: &http.Client{
		Transport: c.Transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
}

// answer is what came back.
type answer struct {
	status   int
	header   http.Header
	body     string
	location string
}

func (b *browser) send(method, path string, form url.Values) answer {
	b.w.t.Helper()
	req, err := http.NewRequest(method, b.w.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", b.from)
	req.Header.Set("User-Agent", b.agent)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		for k, v := range b.header {
			req.Header[k] = v
		}
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body), res.Header.Get("Location")}
}

func (b *browser) get(path string) answer { return b.send(http.MethodGet, path, nil) }

// hidden finds the value of a hidden field in a page's own form.
func hidden(page, name string) (string, error) {
	main := page[strings.Index(page, "<main"):]
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(main)
	if m == nil {
		return "", errors.New("there is no field " + name)
	}
	return strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#34;", `"`).Replace(m[1]), nil
}

// signIn fills the form in as a person would.
func (b *browser) signIn(email, password, next string) answer {
	b.w.t.Helper()
	page := b.get("/signin?next=" + url.QueryEscape(next))
	csrf, err := hidden(page.body, "csrf")
	if err != nil {
		b.w.t.Fatalf("%v in: %s", err, page.body)
	}
	back, err := hidden(page.body, "return")
	if err != nil {
		b.w.t.Fatal(err)
	}
	return b.send(http.MethodPost, "/signin", url.Values{"csrf": {csrf}, "return": {back}, "email": {email}, "password": {password}})
}

// signedIn returns a browser in which Ana is signed in.
func (w *world) signedIn(from string) *browser {
	w.t.Helper()
	b := w.browser(from)
	if a := b.signIn("ana@example.com", password, "/me"); a.status != http.StatusSeeOther {
		w.t.Fatalf("sign in: %d %s", a.status, a.body)
	}
	return b
}

// me is what the page says about the person: e-mail, name, session and token of
// the sign-out form; nil when nobody is signed in.
func (b *browser) me() []string {
	b.w.t.Helper()
	a := b.get("/me")
	if a.status == http.StatusSeeOther {
		return nil
	}
	if a.status != http.StatusOK {
		b.w.t.Fatalf("GET /me: %d %s", a.status, a.body)
	}
	return strings.Split(a.body, "|")
}
