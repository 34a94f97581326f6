package simulator_test

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const returnURI = "https://app.example/callback"

// clock is a clock that tests turn.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// person is somebody at a browser: cookies, and redirects that are followed
// until one leaves the provider.
type person struct {
	t    *testing.T
	srv  *httptest.Server
	http *http.Client
}

// page is what the browser shows, or where it was sent.
type page struct {
	status int
	body   string
	path   string
	sentTo *url.URL // set when the provider sends the browser to the app
	header http.Header
}

func start(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func newPerson(t *testing.T, srv *httptest.Server) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, srv: srv, http: &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host != strings.TrimPrefix(srv.URL, "http://") {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

func (p *person) read(resp *http.Response, err error) page {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	shown := page{status: resp.StatusCode, body: string(body), path: resp.Request.URL.Path, header: resp.Header}
	if location := resp.Header.Get("Location"); location != "" {
		shown.sentTo, err = url.Parse(location)
		if err != nil {
			p.t.Fatal(err)
		}
	}
	return shown
}

func (p *person) open(path string, query url.Values) page {
	p.t.Helper()
	return p.read(p.http.Get(p.srv.URL + path + "?" + query.Encode()))
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
var formAction = regexp.MustCompile(`<form method="post" action="([^"]*)">`)

// submit sends the only form of a page with what the person adds.
func (p *person) submit(shown page, add url.Values) page {
	p.t.Helper()
	action := formAction.FindStringSubmatch(shown.body)
	if action == nil {
		p.t.Fatalf("no form on this page (%d %s): %s", shown.status, shown.path, shown.body)
	}
	form := url.Values{}
	for _, field := range hiddenInput.FindAllStringSubmatch(shown.body, -1) {
		form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	for name, values := range add {
		form[name] = values
	}
	return p.read(p.http.PostForm(p.srv.URL+html.UnescapeString(action[1]), form))
}

// signIn fills the sign-in page.
func (p *person) signIn(shown page, name string) page {
	p.t.Helper()
	return p.submit(shown, url.Values{"login": {name}, "password": {name}})
}

// post sends a form from a program and reads the JSON answer.
func post(t *testing.T, address string, form url.Values) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	return do(t, req)
}

// do sends a request from a program and reads the JSON answer, if it is one.
func do(t *testing.T, req *http.Request) (int, map[string]any) {
	t.Helper()
	status, _, body := raw(t, req)
	answer := map[string]any{}
	if len(body) > 0 && body[0] == '{' {
		err := json.Unmarshal(body, &answer)
		if err != nil {
			t.Fatalf("%s %s answered no JSON: %s", req.Method, req.URL.Path, body)
		}
	}
	return status, answer
}

// raw sends a request from a program and follows no redirect.
func raw(t *testing.T, req *http.Request) (int, http.Header, []byte) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, body
}

func request(t *testing.T, method, address, token, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req
}

func wantText(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
