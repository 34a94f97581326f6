package bearer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

const audience = "https://notes.example/mcp"

var start = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)

// server is an introspection endpoint that says what it is told to say.
type server struct {
	*httptest.Server
	asked  atomic.Int64
	answer func(w http.ResponseWriter, r *http.Request)
}

func newServer(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *server {
	t.Helper()
	s := &server{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func says(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		io.WriteString(w, text)
	}
}

func active(members string) string {
	return fmt.Sprintf(`{"active":true,"aud":%q,"scope":"mcp:read mcp:write","client_id":"app_1","sub":"user_ana"%s}`, audience, members)
}

func introspector(t *testing.T, s *server, change ...func(*bearer.IntrospectorConfig)) *bearer.Introspector {
	t.Helper()
	cfg := bearer.IntrospectorConfig{
		Endpoint: s.URL, ClientID: "rs 1", Secret: bearer.NewSecret("p:w+d"), Audience: audience, Now: func() time.Time { return start },
	}
	for _, c := range change {
		c(&cfg)
	}
	i, err := bearer.NewIntrospector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestTheQuestionIsAuthenticatedAndHoldsTheToken(t *testing.T) {
	got := map[string]string{}
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		got["method"], got["id"], got["secret"], got["query"] = r.Method, id, secret, r.URL.RawQuery
		got["token"], got["hint"] = r.PostFormValue("token"), r.PostFormValue("token_type_hint")
		says(active(""))(w, r)
	})
	if _, err := introspector(t, s).Verify(t.Context(), "dpa_a+/=="); err != nil {
		t.Fatal(err)
	}
	// The id and the secret are form-encoded first (RFC 6749 section 2.3.1).
	want := map[string]string{"method": "POST", "id": "rs+1", "secret": "p%3Aw%2Bd", "query": "", "token": "dpa_a+/==", "hint": "access_token"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatATokenStandsFor(t *testing.T) {
	exp := start.Add(time.Minute)
	s := newServer(t, says(active(fmt.Sprintf(`,"token_type":"Bearer","iat":%d,"exp":%d,"grant_id":"grant_1","family_id":"family_1","present":true,"extra":1`, start.Unix(), exp.Unix()))))
	got, err := introspector(t, s).Verify(t.Context(), "dpa_abc")
	if err != nil {
		t.Fatal(err)
	}
	if got.Claims["extra"] != 1.0 {
		t.Errorf("claims %v", got.Claims)
	}
	got.Claims = nil
	want := bearer.Authority{
		Active: true, Subject: "user_ana", ClientID: "app_1", Grant: "grant_1", Family: "family_1", Scopes: []string{"mcp:read", "mcp:write"},
		Audience: []string{audience}, IssuedAt: start, Expires: exp, Present: true, TokenType: "Bearer",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotActiveHere(t *testing.T) {
	for name, answer := range map[string]string{
		"inactive":                 `{"active":false}`,
		"inactive with a scope":    `{"active":false,"aud":"` + audience + `","scope":"mcp:read","sub":"user_ana"}`,
		"no audience":              `{"active":true,"scope":"mcp:read"}`,
		"an empty audience":        `{"active":true,"aud":[],"scope":"mcp:read"}`,
		"an audience of null":      `{"active":true,"aud":null,"scope":"mcp:read"}`,
		"somebody else's":          `{"active":true,"aud":"https://mail.example/mcp","scope":"mcp:read"}`,
		"ours and somebody else's": `{"active":true,"aud":["` + audience + `","https://mail.example/mcp"],"scope":"mcp:read"}`,
		"ours with a slash":        `{"active":true,"aud":"` + audience + `/","scope":"mcp:read"}`,
		"ours in upper case":       `{"active":true,"aud":"HTTPS://notes.example/mcp","scope":"mcp:read"}`,
		"the beginning of ours":    `{"active":true,"aud":"https://notes.example","scope":"mcp:read"}`,
		"over":                     active(fmt.Sprintf(`,"exp":%d`, start.Unix())),
		"not yet":                  active(fmt.Sprintf(`,"nbf":%d`, start.Unix()+1)),
	} {
		got, err := introspector(t, newServer(t, says(answer))).Verify(t.Context(), "dpa_abc")
		if err != nil || !cmp.Equal(got, bearer.Authority{}) {
			t.Errorf("%s: %+v, %v; want nothing", name, got, err)
		}
	}
}

func TestABoundTokenSaysToWhat(t *testing.T) {
	for members, want := range map[string]string{
		``:                                 "",
		`,"cnf":{"jkt":"abc"}`:             "abc",
		`,"cnf":{"x5t#S256":"def"}`:        "def",
		`,"cnf":{"kid":"new and strange"}`: "unknown",
	} {
		got, err := introspector(t, newServer(t, says(active(members)))).Verify(t.Context(), "dpa_abc")
		if err != nil || got.Thumbprint != want {
			t.Errorf("%s: %q, %v; want %q", members, got.Thumbprint, err, want)
		}
	}
}

// Whatever goes wrong, it is an error and never an answer; and the error holds
// neither the token nor the secret nor what came back.
func TestItFailsClosed(t *testing.T) {
	status := func(code int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			io.WriteString(w, active(""))
		}
	}
	other := newServer(t, says(active("")))
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"unauthorized":    status(401),
		"forbidden":       status(403),
		"created":         status(201),
		"broken":          status(500),
		"busy":            status(503),
		"no JSON":         says("<html>canary"),
		"half of it":      says(`{"active":true,"aud":"canary`),
		"a list":          says(`[true]`),
		"null":            says(`null`),
		"no active":       says(`{"aud":"` + audience + `"}`),
		"active as text":  says(`{"active":"true","aud":"` + audience + `"}`),
		"scope as a list": says(`{"active":true,"aud":"` + audience + `","scope":["mcp:read"]}`),
		"exp as text":     says(active(`,"exp":"never"`)),
		"aud as a number": says(`{"active":true,"aud":7}`),
		"cnf as text":     says(active(`,"cnf":"abc"`)),
		"70 KB":           says(active(`,"x":"` + strings.Repeat("x", 70<<10) + `"`)),
		"another type": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, active(""))
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		},
		"a hang-up": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
	} {
		got, err := introspector(t, newServer(t, answer)).Verify(t.Context(), "dpa_canary")
		if err == nil || got.Active {
			t.Errorf("%s: %+v without an error", name, got)
			continue
		}
		if text := err.Error(); strings.Contains(text, "canary") || strings.Contains(text, "p:w+d") {
			t.Errorf("%s: the error tells too much: %s", name, text)
		}
	}
	if other.asked.Load() != 0 {
		t.Error("a redirect was followed, with the token")
	}
}

func TestGarbageIsNotAskedAbout(t *testing.T) {
	s := newServer(t, says(active("")))
	i := introspector(t, s)
	for _, token := range []string{"", "a b", "ä", "\r\n", strings.Repeat("a", 9<<10)} {
		if got, err := i.Verify(t.Context(), token); err != nil || got.Active {
			t.Errorf("%q: %+v, %v", token, got, err)
		}
	}
	if s.asked.Load() != 0 {
		t.Errorf("asked %d times", s.asked.Load())
	}
}

func TestAnAnswerCountsForAMomentAndNeverBeyondItsEnd(t *testing.T) {
	now := start
	var mu sync.Mutex
	clock := func(c *bearer.IntrospectorConfig) {
		c.CacheFor = 2 * time.Second
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	}
	s := newServer(t, says(active(fmt.Sprintf(`,"exp":%d`, start.Add(3*time.Second).Unix()))))
	i := introspector(t, s, clock)
	for _, c := range []struct {
		after  time.Duration
		active bool
		asked  int64
	}{
		{0, true, 1},
		{1999 * time.Millisecond, true, 1},
		{2 * time.Second, true, 2},
		{2999 * time.Millisecond, true, 2},
		{3 * time.Second, false, 2}, // what is remembered ends with the token
	} {
		mu.Lock()
		now = start.Add(c.after)
		mu.Unlock()
		got, err := i.Verify(t.Context(), "dpa_abc")
		if err != nil || got.Active != c.active || s.asked.Load() != c.asked {
			t.Errorf("after %s: active %v, asked %d times, %v; want %v, %d", c.after, got.Active, s.asked.Load(), err, c.active, c.asked)
		}
	}
}

func TestErrorsAreNotRemembered(t *testing.T) {
	s := newServer(t, says("no"))
	i := introspector(t, s)
	if _, err := i.Verify(t.Context(), "dpa_abc"); err == nil {
		t.Fatal("no error")
	}
	s.answer = says(active(""))
	if got, err := i.Verify(t.Context(), "dpa_abc"); err != nil || !got.Active {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestManyCallersShareOneQuestion(t *testing.T) {
	release := make(chan struct{})
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		says(active(""))(w, r)
	})
	i := introspector(t, s)
	ctx, leave := context.WithCancel(t.Context())
	var first, rest sync.WaitGroup
	first.Go(func() {
		if _, err := i.Verify(ctx, "dpa_abc"); !errors.Is(err, context.Canceled) {
			t.Errorf("the one who left: %v", err)
		}
	})
	for s.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	for range 50 {
		rest.Go(func() {
			if got, err := i.Verify(t.Context(), "dpa_abc"); err != nil || !got.Active {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	leave() // the one who asked first leaves; the others still get the answer
	first.Wait()
	close(release)
	rest.Wait()
	if s.asked.Load() != 1 {
		t.Errorf("asked %d times, want once", s.asked.Load())
	}
}

// However many tokens are tried, memory does not grow and each gets its own answer.
func TestManyTokensAreKeptApart(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		says(fmt.Sprintf(`{"active":true,"aud":%q,"sub":%q}`, audience, r.PostFormValue("token")))(w, r)
	})
	i := introspector(t, s)
	for round := range 2 {
		for n := range 200 {
			token := fmt.Sprint("dpa_", n)
			if got, err := i.Verify(t.Context(), token); err != nil || got.Subject != token {
				t.Fatalf("round %d: %s is %q, %v", round, token, got.Subject, err)
			}
		}
	}
	if s.asked.Load() != 200 {
		t.Errorf("asked %d times, want once a token", s.asked.Load())
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	good := bearer.IntrospectorConfig{Endpoint: "https://deputy.example/oauth/introspect", ClientID: "rs", Secret: bearer.NewSecret("s"), Audience: audience}
	if _, err := bearer.NewIntrospector(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*bearer.IntrospectorConfig){
		"plain http":         func(c *bearer.IntrospectorConfig) { c.Endpoint = "http://deputy.example/oauth/introspect" },
		"a name like ours":   func(c *bearer.IntrospectorConfig) { c.Endpoint = "http://localhost.example/oauth/introspect" },
		"no host":            func(c *bearer.IntrospectorConfig) { c.Endpoint = "https:///x" },
		"no audience":        func(c *bearer.IntrospectorConfig) { c.Audience = "" },
		"no client":          func(c *bearer.IntrospectorConfig) { c.ClientID = "" },
		"no secret":          func(c *bearer.IntrospectorConfig) { c.Secret = bearer.Secret{} },
		"remembers too long": func(c *bearer.IntrospectorConfig) { c.CacheFor = time.Minute },
	} {
		cfg := good
		change(&cfg)
		if _, err := bearer.NewIntrospector(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTheSecretIsNotPrinted(t *testing.T) {
	cfg := bearer.IntrospectorConfig{Secret: bearer.NewSecret("canary")}
	text, err := json.Marshal(map[string]any{"secret": cfg.Secret})
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%v %+v %#v %s %q %x %+v", cfg, cfg, cfg, cfg.Secret, cfg.Secret, cfg.Secret, struct{ hidden bearer.IntrospectorConfig }{cfg}) + string(text); strings.Contains(all, "canary") || strings.Contains(all, "63616e617279") {
		t.Error(all)
	}
}
