package sampleapp_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/sampleapp"
)

// server is Deputy as far as an app can see it.
type server struct {
	*httptest.Server
	mu        sync.Mutex
	challenge string
	life      int    // seconds of an access token
	scope     string // in token answers; "" leaves it out
	refuse    string // error code of the token endpoint
	forms     []url.Values
	revoked   []string
	calls     []*http.Request
	bodies    []string
	answer    func(http.ResponseWriter, *http.Request)
	serial    int
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{life: 3600, scope: "services.github.repositories.read identity.profile.read"}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth/token", s.token)
	mux.HandleFunc("POST /oauth/revoke", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.PostFormValue("client_secret") != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.revoked = append(s.revoked, r.PostFormValue("token_type_hint")+" "+r.PostFormValue("token"))
	})
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.calls, s.bodies = append(s.calls, r), append(s.bodies, string(body))
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// token is a strict token endpoint: secret in the form, PKCE, exact address.
func (s *server) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := r.ParseForm()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	proved := base64.RawURLEncoding.EncodeToString(sum[:]) == s.challenge && r.PostForm.Get("code") == "good" &&
		strings.HasSuffix(r.PostForm.Get("redirect_uri"), "/callback")
	proved = proved || r.PostForm.Get("refresh_token") == fmt.Sprintf("dpr_%d", s.serial)
	code := s.refuse
	if code == "" && (err != nil || !proved || r.PostForm.Get("client_id") != "scout" || r.PostForm.Get("client_secret") != "s3cret") {
		code = "invalid_grant"
	}
	s.forms = append(s.forms, r.PostForm)
	w.Header().Set("Content-Type", "application/json")
	if code != "" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":%q,"error_description":"secret details"}`, code)
		return
	}
	s.serial++
	reply := map[string]any{"access_token": fmt.Sprintf("dpa_access_token_%d", s.serial), "token_type": "Bearer",
		"expires_in": s.life, "refresh_token": fmt.Sprintf("dpr_%d", s.serial)}
	if s.scope != "" {
		reply["scope"] = s.scope
	}
	json.NewEncoder(w).Encode(reply)
}

func (s *server) set(change func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// browser is somebody at Repo Scout.
type browser struct {
	t      *testing.T
	app    *httptest.Server
	deputy *server
	http   *http.Client
}

type page struct {
	status int
	body   string
	sentTo *url.URL
}

func newBrowser(t *testing.T, now func() time.Time) *browser {
	t.Helper()
	deputy := newServer(t)
	var handler http.Handler
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(app.Close)
	made, err := sampleapp.New(sampleapp.Config{
		DeputyURL: deputy.URL + "/", ClientID: "scout", ClientSecret: "s3cret", BaseURL: app.URL, HTTPClient: deputy.Client(), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	handler = made
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, app: app, deputy: deputy, http: &http.Client{Jar: jar}}
	b.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if "http://"+r.URL.Host != app.URL {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return b
}

func (b *browser) read(resp *http.Response, err error) page {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	shown := page{status: resp.StatusCode, body: string(body)}
	if location := resp.Header.Get("Location"); location != "" {
		shown.sentTo, err = url.Parse(location)
		if err != nil {
			b.t.Fatal(err)
		}
	}
	return shown
}

func (b *browser) get(path string) page { b.t.Helper(); return b.read(b.http.Get(b.app.URL + path)) }

func (b *browser) press(path, name, value string) page {
	b.t.Helper()
	return b.read(b.http.PostForm(b.app.URL+path, url.Values{name: {value}}))
}

// ask presses a connect button and returns what Deputy is asked.
func (b *browser) ask(want string) url.Values {
	b.t.Helper()
	shown := b.press("/connect", "want", want)
	if shown.sentTo == nil || !strings.HasPrefix(shown.sentTo.String(), b.deputy.URL+"/oauth/authorize?") {
		b.t.Fatalf("connect leads to %v (%d %s)", shown.sentTo, shown.status, shown.body)
	}
	query := shown.sentTo.Query()
	b.deputy.set(func(s *server) { s.challenge = query.Get("code_challenge") })
	return query
}

// back returns from Deputy.
func (b *browser) back(answer url.Values) page {
	b.t.Helper()
	return b.get("/callback?" + answer.Encode())
}

func (b *browser) good(asked url.Values) url.Values {
	return url.Values{"code": {"good"}, "state": {asked.Get("state")}, "iss": {b.deputy.URL}}
}

func (b *browser) connect(want string) page {
	b.t.Helper()
	shown := b.back(b.good(b.ask(want)))
	if !strings.Contains(shown.body, "You are connected") {
		b.t.Fatalf("not connected: %d %s", shown.status, shown.body)
	}
	return shown
}

// says checks that a page has these words.
func (b *browser) says(shown page, status int, words ...string) {
	b.t.Helper()
	plain := html.UnescapeString(shown.body)
	if shown.status != status {
		b.t.Errorf("status %d, want %d", shown.status, status)
	}
	for _, w := range words {
		if !strings.Contains(plain, w) {
			b.t.Errorf("the page does not say %q: %s", w, plain)
		}
	}
}

func reply(status int, header, value, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set(header, value)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}
