package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/server"
)

// recorded stands in for a provider: its sign-in, and its API by answers that are
// written down, by request without a query. Of its accounts and projects "acme/web",
// number 7, is picked; "acme/payroll", number 8, is not.
type recorded struct {
	t       *testing.T
	secret  string
	prefix  string // of its OAuth endpoints
	answers map[string]json.RawMessage

	mu       sync.Mutex
	asked    []string // requests of its API
	scopes   string   // as asked for at last
	verified map[string]string
}

func record(t *testing.T, d *deputytest.Deputy, provider, prefix string) *recorded {
	t.Helper()
	raw, err := os.ReadFile("testdata/filed/" + provider + ".json")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorded{t: t, secret: d.ProviderSecret, prefix: prefix, verified: map[string]string{}}
	if err := json.Unmarshal(raw, &r.answers); err != nil {
		t.Fatal(err)
	}
	d.ServedBy(provider, r)
	return r
}

func (r *recorded) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	path, isOAuth := strings.CutPrefix(req.URL.Path, r.prefix)
	switch {
	case isOAuth && path == "authorize":
		q := req.URL.Query()
		r.scopes = q.Get("scope")
		r.verified["code-1"] = q.Get("code_challenge")
		http.Redirect(w, req, q.Get("redirect_uri")+"?"+url.Values{"code": {"code-1"}, "state": {q.Get("state")}}.Encode(), http.StatusSeeOther)
	case isOAuth:
		if req.FormValue("client_secret") != r.secret || deputytest.Challenge(req.FormValue("code_verifier")) != r.verified[req.FormValue("code")] {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error": "invalid_client"}`)
			return
		}
		fmt.Fprintf(w, `{"access_token": "canary-access", "refresh_token": "canary-refresh", "token_type": "bearer", "expires_in": 3600, "scope": %q}`, r.scopes)
	case req.Header.Get("Authorization") != "Bearer canary-access":
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"message": "401 Unauthorized"}`)
	default:
		r.asked = append(r.asked, req.Method+" "+req.URL.Path)
		answer, ok := r.answers[req.Method+" "+req.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = r.answers["404"]
		}
		if _, err := w.Write(answer); err != nil {
			r.t.Error(err)
		}
	}
}

// heard is what the API was asked since heard was asked last.
func (r *recorded) heard() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.asked
	r.asked = nil
	return asked
}

// filed is one call of the table below. With outside the answer is that of what does
// not exist.
type filed struct {
	call, body string
	outside    bool
	says       []string // in the answer
}

var filedCalls = map[string]struct {
	prefix, scopes string
	calls          []filed
}{
	"gitea": {"/login/oauth/", "account.read repositories.metadata.read issues.read", []filed{
		{call: "GET /api/v1/version", says: []string{"1.24.6"}},
		{call: "GET /api/v1/user", says: []string{`"login":`, "ana"}},
		{call: "GET /api/v1/user/repos?limit=50", says: []string{"acme/web", "The shop"}},
		{call: "GET /api/v1/repos/acme/web", says: []string{"The shop"}},
		{call: "GET /api/v1/repositories/7", says: []string{"The shop"}},
		{call: "GET /api/v1/repos/acme/web/issues?state=open", says: []string{"Broken link"}},
		{call: "GET /api/v1/repos/acme/web/issues/1", says: []string{"On the start page."}},
		{call: "GET /api/v1/repos/acme/payroll", outside: true},
		{call: "GET /api/v1/repositories/8", outside: true},
		{call: "GET /api/v1/repos/acme/payroll/issues/9", outside: true},
		{call: "GET /api/v1/repos/acme/nothing/issues/9", outside: true},
	}},
	"gitlab": {"/oauth/", "account.read projects.metadata.read issues.read issues.write", []filed{
		{call: "GET /api/v4/user", says: []string{`"username":`, "ana"}},
		{call: "GET /api/v4/projects?membership=true&per_page=20", says: []string{"acme/web", "The shop"}},
		{call: "GET /api/v4/projects/7", says: []string{"The shop"}},
		{call: "GET /api/v4/projects/7/issues?state=opened", says: []string{"Broken link"}},
		{call: "GET /api/v4/projects/7/issues/1", says: []string{"My key is "}},
		{call: "GET /api/v4/projects/7/issues/1/notes", says: []string{"Seen."}},
		{call: "POST /api/v4/projects/7/issues", body: `{"title":"Slow page"}`, says: []string{`"iid":`}},
		{call: "POST /api/v4/projects/7/issues/1/notes", body: `{"body":"Done."}`, says: []string{"Done."}},
		{call: "GET /api/v4/projects/8", outside: true},
		{call: "GET /api/v4/projects/8/issues", outside: true},
		{call: "GET /api/v4/projects/9", outside: true},
		{call: "POST /api/v4/projects/8/issues", body: `{"title":"Slow page"}`, outside: true},
	}},
}

// TestAProviderIsAFile takes the two files of docs/providers, for which there is no
// line of Go, from the connection to the bounded call.
func TestAProviderIsAFile(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Providers: "../../docs/providers"})
	for provider, c := range filedCalls {
		t.Run(provider, func(t *testing.T) {
			d := d.For(t)
			upstream := record(t, d, provider, c.prefix)
			var scopes []string
			for name := range strings.FieldsSeq(c.scopes) {
				scopes = append(scopes, "services."+provider+"."+name)
			}
			scopes = append(scopes, "agents.writes.unattended")
			app, ana := d.App(deputytest.Confidential), d.SignedIn(provider+"ana").For(t)
			token := d.Redeem(app, ana.Code(ana.Ask(app.Query(scopes...)).Agree("7"))).Access
			upstream.heard()
			for _, f := range c.calls {
				ask(t, d, upstream, provider, token, f)
			}
			if got := d.API(token, "DELETE", "/api/"+provider+"/api/v4/projects/7"); got.Status != 404 || len(upstream.heard()) != 0 {
				t.Errorf("what no file says: %d %s", got.Status, got.Raw)
			}
			if secrets := d.Log.String(); strings.Contains(secrets, "canary-") {
				t.Error("a provider's token is in the log")
			}
		})
	}
}

func ask(t *testing.T, d *deputytest.Deputy, upstream *recorded, provider, token string, f filed) {
	t.Helper()
	method, target, _ := strings.Cut(f.call, " ")
	headers := []string{"Authorization", "Bearer " + token}
	if f.body != "" {
		headers = append(headers, "Content-Type", "application/json", "Idempotency-Key", strings.ReplaceAll(f.call, " ", "-"))
	}
	got := d.Send(method, "/api/"+provider+target, f.body, headers...)
	heard := upstream.heard()
	if f.outside {
		path, _, _ := strings.Cut(f.call, "?")
		if got.Status != 404 || slices.Contains(heard, path) && !strings.Contains(path, "/repos/acme/payroll") {
			t.Errorf("%s: %d %s, and the provider was asked %q", f.call, got.Status, got.Raw, heard)
		}
	} else if got.Status/100 != 2 {
		t.Errorf("%s: %d %s", f.call, got.Status, got.Raw)
	}
	for _, words := range f.says {
		if !strings.Contains(got.Raw, words) {
			t.Errorf("%s does not say %q: %s", f.call, words, got.Raw)
		}
	}
	for _, words := range []string{"payroll", "Who earns", "Raise for Ben", "GR1348941", "glpat-", "canary-", "northwind.example:acme", "incoming.example"} {
		if strings.Contains(got.Raw, words) {
			t.Errorf("%s leaks %q: %s", f.call, words, got.Raw)
		}
	}
}

// A name that was given to another repository since it was looked up, and an issue
// that moved: what the answer says it is about decides.
func TestAnAnswerThatSaysAnotherIDDoesNotLeave(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Providers: "../../docs/providers"})
	for provider, target := range map[string]string{"gitea": "/api/v1/repos/acme/moved/issues/9", "gitlab": "/api/v4/projects/7/issues/9"} {
		upstream := record(t, d, provider, filedCalls[provider].prefix)
		app, ana := d.App(deputytest.Confidential), d.SignedIn(provider+"ana")
		token := d.Redeem(app, ana.Code(ana.Ask(app.Query("services."+provider+".issues.read")).Agree("7"))).Access
		got := d.API(token, "GET", "/api/"+provider+target)
		if got.Status == 200 || strings.Contains(got.Raw, "Raise") || !slices.Contains(upstream.heard(), "GET "+target) {
			t.Errorf("%s: %d %s", provider, got.Status, got.Raw)
		}
	}
}

// A provider that is hosted somewhere is reached there and nowhere inside.
func TestAHostedProviderIsOutside(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{Providers: "../../docs/providers"})
	for _, address := range []string{"http://git.northwind.example", "http://10.0.0.7", "http://169.254.169.254", "https://ana:secret@git.northwind.example", "https://git.northwind.example?x=1", "ftp://git.northwind.example"} {
		if _, err := d.Foundation.SetProvider(t.Context(), server.NewProvider{Provider: "gitea", ClientID: "a", Secret: secret.New("b"), WebURL: address, APIURL: address}); err == nil {
			t.Errorf("%s was taken", address)
		}
	}
	if _, err := d.Foundation.SetProvider(t.Context(), server.NewProvider{Provider: "gitea", ClientID: "a", Secret: secret.New("b"), WebURL: "https://git.northwind.example", APIURL: "https://git.northwind.example"}); err != nil {
		t.Error(err)
	}
}
