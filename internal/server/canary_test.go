package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/simulator"
)

// tap keeps everything the server answers.
type tap struct {
	mu      sync.Mutex
	answers []tapped
}

// tapped is one answer: its head and its body.
type tapped struct{ request, head, body string }

func (w *tap) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		for name, values := range rec.Header() {
			out.Header()[name] = values
		}
		out.WriteHeader(rec.Code)
		out.Write(rec.Body.Bytes())
		w.mu.Lock()
		defer w.mu.Unlock()
		w.answers = append(w.answers, tapped{r.Method + " " + r.URL.Path, fmt.Sprint(rec.Header()), rec.Body.String()})
	})
}

// canary is a secret with where it may be.
type canary struct {
	name, secret string
	in           []string // requests whose body may hold it
	inHead       bool     // in Location or Set-Cookie
}

// TestThreat_O21_C12_C18_C19_Canaries plays the whole path with secrets that can be recognised, and then
// looks for them: in every answer, every log line and every byte of the database
// (threats C12, C18, O21).
func TestThreat_O21_C12_C18_C19_Canaries(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		t.Run(map[bool]string{false: "sqlite", true: "postgres"}[postgres], func(t *testing.T) {
			w := &tap{}
			d := deputytest.New(t, deputytest.Options{Postgres: postgres, Wrap: w.wrap, Quirks: simulator.Quirks{Rotate: true}})
			secrets := journey(t, d)
			for _, name := range []string{"github", "slack"} {
				if !slices.ContainsFunc(secrets, func(c canary) bool { return strings.HasPrefix(c.name, name+" token") }) {
					t.Fatalf("%s issued no token: the test looks for nothing", name)
				}
			}
			log, rows := d.Log.String(), databaseBytes(t, d, postgres)
			for _, c := range secrets {
				if len(c.secret) < 10 {
					t.Fatalf("%s is %q: too short to be recognised", c.name, c.secret)
				}
				if strings.Contains(log, c.secret) {
					t.Errorf("the log holds the %s", c.name)
				}
				for form, text := range map[string]string{"": c.secret, " in hexadecimal": hex.EncodeToString([]byte(c.secret)), " in base64": base64.RawStdEncoding.EncodeToString([]byte(c.secret))} {
					if bytes.Contains(rows, []byte(text)) {
						t.Errorf("the database holds the %s%s", c.name, form)
					}
				}
				seen := len(c.in) == 0
				for _, a := range w.answers {
					seen = seen || strings.Contains(a.body, c.secret)
					if strings.Contains(a.body, c.secret) && !slices.Contains(c.in, a.request) {
						t.Errorf("the answer to %s holds the %s", a.request, c.name)
					}
					if strings.Contains(a.head, c.secret) && !c.inHead {
						t.Errorf("the headers of %s hold the %s", a.request, c.name)
					}
				}
				if !seen {
					t.Errorf("no answer holds the %s: the test looks for the wrong thing", c.name)
				}
			}
		})
	}
}

// journey is everything people and apps do, and much that goes wrong.
func journey(t *testing.T, d *deputytest.Deputy) []canary {
	t.Helper()
	rs := d.ResourceServer("https://notes.example/mcp", "mcp:read")
	user, ana, app := d.User("ana"), d.Browser(), d.App(deputytest.Confidential, "mcp:read")
	const wrong = "wrong-password-canary"
	ana.Get("/signin").Form("/signin").Set("email", user.Email).Set("password", wrong).Submit("")
	ana.SignIn(user)
	scopes := []string{"services.github.repositories.read", "services.github.issues.write", "services.slack.messages.read", "services.slack.channels.read", "openid", "offline_access", "agents.jobs.background", "agents.writes.unattended"}
	code := ana.Code(ana.Ask(app.Query(scopes...)).Complete().Agree())
	first := d.Redeem(app, code)
	second := d.Refresh(app, first.Refresh)
	own := d.Tokens(app.Form("grant_type", "client_credentials"))

	reads := func(token string, paths ...string) {
		t.Helper()
		for _, path := range paths {
			if got := d.API(token, "GET", path); got.Status != 200 {
				t.Errorf("%s: %d %s", path, got.Status, got.Raw)
			}
		}
	}
	reads(first.Access, "/api/github/repos/acme/web/contents/README.md", "/api/github/user/repos", "/api/slack/conversations.list")
	for _, path := range []string{
		"/api/github/user/repos", "/api/github/repos/acme/web", "/api/github/repos/acme/web/contents/README.md", "/api/github/repos/acme/infra", "/api/github/nothing",
		"/api/slack/conversations.list", "/api/slack/conversations.history?channel=C0", "/api/github/user?access_token=" + first.Access,
	} {
		d.API(first.Access, "GET", path)
	}
	d.Clock.Add(9 * time.Minute)
	d.GitHub.SetDown(true)
	d.API(second.Access, "GET", "/api/github/repos/acme/web")
	d.GitHub.SetDown(false)
	d.GitHub.SetQuirks(simulator.Quirks{RateLimited: true})
	d.API(second.Access, "GET", "/api/github/repos/acme/web")
	d.GitHub.SetQuirks(simulator.Quirks{})

	d.Introspect(rs.ID, rs.Secret, own.Access)
	d.Introspect(rs.ID, app.Secret, own.Access)
	d.Introspect(string(app.ID), app.Secret, first.Access)
	d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+second.Access)
	d.Send("GET", "/oauth/token?"+app.Redemption(code).Encode(), "")
	d.Send("GET", "/oauth/userinfo?access_token="+first.Access, "")
	d.Token(app.Redemption(code + "x"))
	d.Post("/oauth/revoke", url.Values{"client_id": {string(app.ID)}, "client_secret": {app.Secret + "x"}, "token": {second.Access}})
	ana.Get("/oauth/authorize?client_id=" + app.Secret)
	ana.Get("/connect/github/callback?state=" + first.Access + "&code=" + code)

	// Twelve hours later Slack's tokens are refreshed, and then everything ends.
	d.Clock.Add(12 * time.Hour)
	ana.SignIn(user)
	late := d.Refresh(app, second.Refresh)
	refreshes := d.Slack.TokenRequests()
	reads(late.Access, "/api/slack/conversations.list")
	if d.Slack.TokenRequests() == refreshes {
		t.Error("Slack's token was not refreshed: the test looks for nothing new")
	}
	for _, path := range []string{"/", "/services", "/activity", "/sessions"} {
		ana.Get(path)
	}
	session, browser := ana.Cookie("deputy_session"), ana.Cookie("deputy_browser")
	replayed := d.Token(app.Redemption(code))
	ana.Get("/services").Link("Disconnect GitHub").Form("/services/").Submit("")
	d.API(late.Access, "GET", "/api/github/repos/acme/web")
	ana.SignOut()
	if replayed.Status != 400 {
		t.Errorf("a replay: %d %s", replayed.Status, replayed.Raw)
	}

	token := []string{"POST /oauth/token"}
	secrets := []canary{
		{name: "password", secret: user.Password}, {name: "wrong password", secret: wrong}, {name: "client secret at the providers", secret: d.ProviderSecret},
		{name: "app's secret", secret: app.Secret}, {name: "resource server's secret", secret: rs.Secret}, {name: "PKCE verifier", secret: app.Verifier},
		{name: "code", secret: code, inHead: true}, {name: "session cookie", secret: session, inHead: true}, {name: "browser cookie", secret: browser, inHead: true},
		{name: "first access token", secret: first.Access, in: token}, {name: "second access token", secret: second.Access, in: token}, {name: "own access token", secret: own.Access, in: token},
		{name: "refresh token", secret: first.Refresh, in: token}, {name: "ID token", secret: first.ID, in: token},
	}
	for i, s := range d.GitHub.IssuedTokens() {
		secrets = append(secrets, canary{name: fmt.Sprintf("github token %d", i), secret: s})
	}
	for i, s := range d.Slack.IssuedTokens() {
		secrets = append(secrets, canary{name: fmt.Sprintf("slack token %d", i), secret: s})
	}
	for i, s := range d.GitHub.PlantedSecrets() {
		secrets = append(secrets, canary{name: fmt.Sprintf("credential %d that GitHub puts into its answers", i), secret: s})
	}
	return secrets
}

// databaseBytes is every byte that a thief of the database would have.
func databaseBytes(t *testing.T, d *deputytest.Deputy, postgres bool) []byte {
	t.Helper()
	var out bytes.Buffer
	if !postgres {
		for _, suffix := range []string{"", "-wal"} {
			raw, err := os.ReadFile(d.Foundation.Config.SQLitePath() + suffix)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(raw)
		}
		return out.Bytes()
	}
	var tables []string
	g := d.Foundation.DB.Read(t.Context())
	if err := g.Raw("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'").Scan(&tables).Error; err != nil || len(tables) < 15 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, name := range tables {
		var rows []string
		if err := g.Raw("SELECT t::text FROM " + name + " t").Scan(&rows).Error; err != nil {
			t.Fatal(err)
		}
		out.WriteString(strings.Join(rows, "\n"))
	}
	return out.Bytes()
}
