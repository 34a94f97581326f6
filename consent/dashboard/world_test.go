package dashboard_test

import (
	"context"
	"fmt"
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

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/consent/dashboard"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// Scopes the tests use.
const (
	readFiles  = consent.ScopeName("services.github.repositories.read")
	writeFiles = consent.ScopeName("services.github.repositories.write")
	readIssues = consent.ScopeName("services.github.issues.read")
	profile    = consent.ScopeName("identity.profile.read")
)

// world is a server with two people, Ana and Bob. Each has connected a GitHub
// account and lets Repo Scout read two repositories there.
type world struct {
	t       *testing.T
	server  *httptest.Server
	store   *store.Store
	audit   *audit.Recorder
	ana     someone
	bob     someone
	words   consent.Vocabulary
	mu      sync.Mutex
	now     time.Time
	changed []consent.GrantID
}

// someone is a person with what is theirs.
type someone struct {
	user       consent.UserID
	grant      consent.GrantID
	connection consent.ConnectionID
	family     consent.FamilyID
	session    consent.SessionID
	*browser
}

// connectForms makes tokens that tell in a page which form they stand in.
type connectForms struct{}

func (connectForms) Destination(_ context.Context, p consent.ProviderID) (string, error) {
	return "https://" + string(p) + ".example", nil
}

func (connectForms) StartToken(_ consent.SessionID, p consent.ProviderID) string {
	return "start-" + string(p)
}

func (connectForms) ReconnectToken(_ consent.SessionID, id consent.ConnectionID) string {
	return "reconnect-" + string(id)
}

func (connectForms) DisconnectToken(_ consent.SessionID, id consent.ConnectionID) string {
	return "disconnect-" + string(id)
}

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)}
	w.store = &store.Store{DB: d, Now: w.clock}
	w.audit = audit.New(audit.Config{DB: d, Now: w.clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	t.Cleanup(func() {
		if err := w.audit.Close(); err != nil {
			t.Error(err)
		}
	})
	w.serve()
	w.must(w.store.AddApp(t.Context(), clients.Client{
		ID: "repo-scout", Name: "Repo Scout", Publisher: "Scout Labs", RedirectURIs: []string{"https://reposcout.example/callback"},
	}))
	w.exec("INSERT INTO registrations (id, provider, variant, client_id, secret, web_url, api_url, updated_at) VALUES ('github', 'github', 'oauth_app', 'x', ?, '', '', 1)", []byte("s"))
	w.ana = w.person("ana", "octocat")
	w.bob = w.person("bob", "hubot")
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	w.must(w.store.DB.Tx(w.t.Context(), func(ctx context.Context) error { return w.store.DB.Read(ctx).Exec(query, args...).Error }))
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

func (w *world) serve() {
	pages, err := templates.New(templates.Site{})
	w.must(err)
	cat, err := catalog.Default()
	w.must(err)
	w.words = cat.Scopes
	site := &web.Site{Renderer: pages, ErrorPage: func(_ *gin.Context, _ fault.Kind, message, reference string) any {
		return templates.Error{Title: "Nothing was changed.", Lead: message, Reference: reference}
	}}
	forms := web.Forms{Key: []byte("a key of the test, 32 bytes long")}
	people, err := identity.New(identity.Config{
		Users: w.store, Sessions: w.store, Attempts: w.store, Audit: w.audit, Site: site, Forms: forms, Now: w.clock,
	})
	w.must(err)
	for _, name := range []string{"ana", "bob"} {
		_, err := people.CreateUser(w.t.Context(), name+"@example.com", name, secret.New(name+"'s password"))
		w.must(err)
	}
	rows := store.Dashboard{Store: w.store}
	d := dashboard.New(dashboard.Config{
		People: people, Holdings: rows, Services: rows, Records: w.audit, Counts: rows, Answers: rows, Petitions: store.Petitioner{Store: w.store, Audit: w.audit}, Connect: connectForms{},
		Revoker: &store.Revoker{Store: w.store, Audit: w.audit, Changed: w.note},
		Catalog: cat, Vocabulary: func(context.Context) (consent.Vocabulary, error) { return cat.Scopes, nil },
		Site: site, Forms: forms, Now: w.clock,
	})
	gin.SetMode(gin.TestMode)
	e := gin.New()
	w.must(e.SetTrustedProxies(nil))
	e.Use(web.Logged(slog.New(slog.NewTextHandler(w.t.Output(), nil)), w.clock), site.Headers, site.SameOrigin())
	e.GET("/signin", site.Page(people.SignInPage))
	e.POST("/signin", site.Page(people.SignIn))
	for _, r := range routes(d) {
		e.Handle(r.method, r.path, site.Page(r.handler))
	}
	w.server = httptest.NewServer(e)
	w.t.Cleanup(w.server.Close)
}

type route struct {
	method, path string
	handler      web.Handler
}

func routes(d *dashboard.Dashboard) []route {
	return []route{
		{"GET", "/", d.Home},
		{"GET", "/apps/:grant", d.App},
		{"GET", "/apps/:grant/less", d.LessPage},
		{"POST", "/apps/:grant/less", d.Less},
		{"GET", "/apps/:grant/remove", d.RemovePage},
		{"POST", "/apps/:grant/remove", d.Remove},
		{"POST", "/petitions/withdraw", d.Withdraw},
		{"GET", "/services", d.ServicesPage},
		{"GET", "/services/:connection/disconnect", d.DisconnectPage},
		{"GET", "/activity", d.Activity},
		{"GET", "/sessions", d.SessionsPage},
		{"POST", "/sessions", d.EndSessions},
	}
}

func (w *world) note(id consent.GrantID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed = append(w.changed, id)
}

// person gives somebody an account at GitHub and a grant for Repo Scout, and
// signs them in.
func (w *world) person(name, login string) someone {
	w.t.Helper()
	p := someone{browser: w.browser(name + "@example.com"), connection: consent.ConnectionID("connection-" + name), family: consent.FamilyID("family-" + name)}
	u, found, err := w.store.AccountByEmail(w.t.Context(), name+"@example.com")
	if err != nil || !found {
		w.t.Fatal(found, err)
	}
	p.user = u.ID
	w.exec("INSERT INTO connections (id, user_id, registration_id, provider, variant, subject, login, name, picture, granted, health, reason, created_at)"+
		" VALUES (?, ?, 'github', 'github', 'oauth_app', ?, ?, '', '', 'repo read:user', 'healthy', '', ?)", p.connection, p.user, login, login, w.clock().UnixMilli())
	p.grant, err = w.store.SaveGrant(w.t.Context(), consent.Grant{User: p.user, App: "repo-scout", Items: []consent.Item{
		w.item(profile, ""), w.item(readFiles, p.connection, name+"/web", name+"/api"), w.item(readIssues, p.connection, name+"/web"),
	}})
	w.must(err)
	sessions, err := w.store.SessionsOf(w.t.Context(), p.user)
	w.must(err)
	p.session = sessions[0].ID
	w.exec("INSERT INTO families (id, grant_id, app_id, user_id, session_id, scopes, audience, offline, rotates, generation, created_at, refreshed_at, expires_at)"+
		" VALUES (?, ?, 'repo-scout', ?, ?, '', '', ?, ?, 1, ?, ?, ?)", p.family, p.grant, p.user, p.session, true, true,
		w.clock().UnixMilli(), w.clock().UnixMilli(), w.clock().Add(90*24*time.Hour).UnixMilli())
	return p
}

// item is an agreed scope, limited to repositories whose ids are their places in
// the list.
func (w *world) item(scope consent.ScopeName, on consent.ConnectionID, repositories ...string) consent.Item {
	it := consent.Item{Scope: scope, Connection: on, Since: w.clock(), Until: w.clock().Add(90 * 24 * time.Hour)}
	for i, name := range repositories {
		it.Limit.Resources = append(it.Limit.Resources, consent.Resource{Type: "github.repository", ID: fmt.Sprint(i + 1), Name: name})
	}
	return it
}

func (w *world) grant(id consent.GrantID) consent.Grant {
	w.t.Helper()
	g, err := w.store.Grant(w.t.Context(), id)
	w.must(err)
	return g
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) { test(t, newWorld(t, d)) })
}

// browser is a person's browser; it does not follow redirects.
type browser struct {
	w      *world
	client *http.Client
}

func (w *world) browser(email string) *browser {
	jar, err := cookiejar.New(nil)
	w.must(err)
	b := &browser{w: w, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	name, _, _ := strings.Cut(email, "@")
	if a := b.post("/signin", url.Values{"csrf": {b.token("/signin")}, "email": {email}, "password": {name + "'s password"}}); a.status != http.StatusSeeOther {
		w.t.Fatalf("sign in %s: %d %s", email, a.status, a.body)
	}
	return b
}

type answer struct {
	status         int
	body, location string
	header         http.Header
}

func (b *browser) do(method, path string, form url.Values) answer {
	b.w.t.Helper()
	req, err := http.NewRequest(method, b.w.server.URL+path, strings.NewReader(form.Encode()))
	b.w.must(err)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := b.client.Do(req)
	b.w.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	b.w.must(err)
	return answer{res.StatusCode, string(body), res.Header.Get("Location"), res.Header}
}

func (b *browser) get(path string) answer { b.w.t.Helper(); return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, form url.Values) answer {
	b.w.t.Helper()
	return b.do(http.MethodPost, path, form)
}

// page is the body of a page that must be there.
func (b *browser) page(path string) string {
	b.w.t.Helper()
	a := b.get(path)
	if a.status != http.StatusOK {
		b.w.t.Fatalf("GET %s: %d %s", path, a.status, a.body)
	}
	return a.body
}

// token is the form token of the page's own form.
func (b *browser) token(path string) string {
	b.w.t.Helper()
	page := b.page(path)
	m := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page[strings.Index(page, "<main"):])
	if m == nil {
		b.w.t.Fatalf("no form token on %s", path)
	}
	return m[1]
}

// remove takes something away through the page that asks.
func (b *browser) remove(grant consent.GrantID, query url.Values) answer {
	b.w.t.Helper()
	path := "/apps/" + string(grant) + "/remove"
	form := url.Values{"csrf": {b.token(path + "?" + query.Encode())}}
	for k, v := range query {
		form[k] = v
	}
	return b.post(path, form)
}

// says fails unless the page contains every text.
func says(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}

// silent fails when the page contains any text.
func silent(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) {
			t.Errorf("the page says %q", text)
		}
	}
}
