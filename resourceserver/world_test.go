package resourceserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/resourceserver"
	"github.com/deputy-oauth/deputy/resourceserver/bearer"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

const (
	external = "https://deputy.example"
	audience = external + "/api"
	hub      = consent.ConnectionID("connection_hub")

	readRepos   consent.ScopeName = "services.github.repositories.read"
	readIssues  consent.ScopeName = "services.github.issues.read"
	writeIssues consent.ScopeName = "services.github.issues.write"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// world is the routes on the real broker and the real catalogue, with one person,
// one app, and a provider across the network that notes everything it is sent.
type world struct {
	server   *httptest.Server
	upstream *upstream
	grant    consent.Grant
	health   consent.Health
	granted  []string
	tokens   map[string]bearer.Authority
	short    consent.Shortage      // what is left of the budgets: nothing, when it says so
	broker   resourceserver.Broker // set before start to replace the real one
	words    consent.Vocabulary
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{upstream: &upstream{}, health: consent.Healthy, granted: []string{"repo", "read:user"}, tokens: map[string]bearer.Authority{}}
	w.upstream.Server = httptest.NewServer(w.upstream)
	t.Cleanup(w.upstream.Close)
	w.grant = consent.Grant{ID: "grant_1", User: "user_ana", App: "app_scout"}
	return w
}

// agree lets the app have scopes on acme/web, and gives it the token "good".
func (w *world) agree(scopes ...consent.ScopeName) *world {
	who := bearer.Authority{
		Active: true, Subject: "user_ana", ClientID: "app_scout", Grant: "grant_1", Audience: []string{audience}, Present: true, TokenType: "Bearer",
	}
	for _, s := range scopes {
		item := consent.Item{Scope: s, Until: noon.Add(30 * 24 * time.Hour)}
		if strings.HasPrefix(string(s), "services.") {
			item.Connection, item.Limit.Resources = hub, []consent.Resource{{Type: "github.repository", ID: "7"}}
		}
		w.grant.Items = append(w.grant.Items, item)
		who.Scopes = append(who.Scopes, string(s))
	}
	w.tokens["good"] = who
	return w
}

func (w *world) start(t *testing.T) *world {
	t.Helper()
	files, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	w.words = files.Scopes
	if w.broker == nil {
		w.broker, err = broker.New(broker.Config{
			Catalog: files, Authority: w, Budgets: w, Meter: w, Credentials: w, Outcomes: w, Audit: w, Made: w, Cursors: w, Now: func() time.Time { return noon }, BaseURL: audience,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	gin.SetMode(gin.TestMode)
	engine := gin.New()
	err = resourceserver.Mount(engine, resourceserver.Config{Verifier: w, Broker: w.broker, Outlook: w, Catalog: files, ExternalURL: external})
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(engine)
	t.Cleanup(w.server.Close)
	return w
}

// Verify implements bearer.Verifier.
func (w *world) Verify(_ context.Context, token string) (bearer.Authority, error) {
	if token == "unreachable" {
		return bearer.Authority{}, errors.New("the database is away")
	}
	return w.tokens[token], nil
}

// Live implements broker.Authority.
func (w *world) Live(_ context.Context, id consent.GrantID) (consent.Grant, []consent.Connection, error) {
	if id != w.grant.ID {
		return consent.Grant{}, nil, nil
	}
	return w.grant, []consent.Connection{{
		ID: hub, User: "user_ana", Provider: "github", Variant: "oauth_app", Granted: w.granted, Health: w.health,
	}}, nil
}

// Plan implements resourceserver.Outlook with the page's own decision.
func (w *world) Plan(ctx context.Context, b consent.Bearer, wish resourceserver.Wish) (consent.Plan, error) {
	grant, connections, err := w.Live(ctx, b.Grant)
	req := consent.Request{User: b.User, App: b.App, Vocabulary: w.words, Proven: true}
	for _, name := range strings.Fields(wish.Scope) {
		req.Asked = append(req.Asked, w.words[consent.ScopeName(name)])
	}
	return consent.Decide(req, connections, []consent.Grant{grant}, noon), err
}

// Next implements resourceserver.Outlook.
func (w *world) Next(_ consent.Bearer, wish resourceserver.Wish) (string, error) {
	return external + "/allow?need=" + url.QueryEscape(wish.Scope+wish.Details), nil
}

// Spend implements broker.Budgets.
func (w *world) Spend(context.Context, consent.GrantID, []consent.Budget) (consent.Shortage, error) {
	return w.short, nil
}

// Count implements broker.Meter: there is always room.
func (w *world) Count(context.Context, consent.GrantID, bool) (consent.Shortage, error) {
	return consent.Shortage{}, nil
}

// Begin, End and Forget implement broker.Outcomes: nothing is remembered.
func (w *world) Begin(context.Context, broker.Attempt, time.Time) (broker.Past, error) {
	return broker.Past{}, nil
}

func (w *world) End(context.Context, broker.Attempt, broker.Past) error { return nil }
func (w *world) Forget(context.Context, broker.Attempt) error           { return nil }

// APIBase and Do implement broker.Credentials.
func (w *world) APIBase(context.Context, consent.ConnectionID) (string, error) {
	return w.upstream.URL, nil
}

func (w *world) Do(_ context.Context, _ consent.ConnectionID, req *http.Request) (*http.Response, error) {
	req.Header.Set("Authorization", "Bearer gho_provider")
	return http.DefaultTransport.RoundTrip(req)
}

// Fetch implements broker.Credentials.
func (w *world) Fetch(ctx context.Context, id consent.ConnectionID, req *http.Request) (*http.Response, error) {
	return w.Do(ctx, id, req)
}

// Record implements broker.Audit.
func (w *world) Record(context.Context, broker.Event) error { return nil }

// Has implements broker.Made: no app made anything.
func (w *world) Has(context.Context, consent.GrantID, consent.ConnectionID, broker.Item) (bool, error) {
	return false, nil
}

// Seal and Open implement broker.Cursors.
func (w *world) Seal(plain []byte, _ string) (string, error) { return string(plain), nil }
func (w *world) Open(sealed, _ string) ([]byte, error)       { return []byte(sealed), nil }

// upstream is the provider.
type upstream struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
	body []string
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.mu.Lock()
	u.seen, u.body = append(u.seen, r), append(u.body, string(body))
	u.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", `"tag"`)
	w.Header().Set("Set-Cookie", "provider=1")
	switch {
	case r.Method == http.MethodPost:
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"id":1,"number":1,"title":"t"}`)
	case strings.HasSuffix(r.URL.Path, "/issues"):
		io.WriteString(w, `[{"id":1,"number":1,"title":"t"}]`)
	default:
		io.WriteString(w, `{"id":7,"full_name":"acme/web","name":"web"}`)
	}
}

// calls returns what the provider was sent.
func (u *upstream) calls() []*http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen
}

func (u *upstream) writes() int {
	n := 0
	for _, r := range u.calls() {
		if r.Method != http.MethodGet {
			n++
		}
	}
	return n
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

func (w *world) get(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	return w.do(t, http.MethodGet, path, "", headers...)
}

// do makes a request with headers written as "Name: value".
func (w *world) do(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return readAnswer(t, resp)
}

// raw sends a request as it stands, for what no client library would send.
func (w *world) raw(t *testing.T, lines ...string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return readAnswer(t, resp)
}

func readAnswer(t *testing.T, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	if strings.HasPrefix(a.text, "{") {
		if err := json.Unmarshal(text, &a.body); err != nil {
			t.Fatal(err)
		}
	}
	return a
}
