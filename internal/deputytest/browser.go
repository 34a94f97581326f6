package deputytest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Browser is one browser with its cookies. Requests may run at the same time.
type Browser struct {
	// Login says who signs in at a provider; the simulators' first people by
	// default.
	Login map[string]string
	d     *Deputy
	t     testing.TB
	jar   http.CookieJar
	http  *http.Client
}

// Browser opens a browser in which nobody is signed in.
func (d *Deputy) Browser() *Browser {
	d.t.Helper()
	jar, err := cookiejar.New(nil)
	d.must(err)
	return &Browser{
		Login: map[string]string{"github": "octocat", "slack": "ana", "google": "ana"}, d: d, t: d.t, jar: jar,
		http: &http.Client{Jar: jar, CheckRedirect: stay},
	}
}

// For returns the same browser for a test inside the test; see Deputy.For.
func (b *Browser) For(t testing.TB) *Browser {
	inner := *b
	inner.t, inner.d = t, b.d.For(t)
	return &inner
}

// Page is what the browser shows, or where it was sent.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
	root   *html.Node
	b      *Browser
}

// maxHops bounds redirects like real browsers do.
const maxHops = 20

// Get opens an address, of the server when it is a path, and follows redirects
// until there is a page or an app's return address.
func (b *Browser) Get(target string) Page {
	b.t.Helper()
	return b.follow(b.Do("GET", target, nil))
}

func (b *Browser) follow(p Page) Page {
	b.t.Helper()
	for range maxHops {
		to := p.Location()
		if to == nil {
			return p
		}
		if _, known := b.d.origins[to.Scheme+"://"+to.Host]; !known {
			return Page{URL: to, Status: p.Status, Header: p.Header, b: b}
		}
		p = b.Do("GET", to.String(), nil)
	}
	b.t.Fatalf("more than %d redirects, the last to %s", maxHops, p.URL)
	return p
}

// Do makes one request and follows nothing.
func (b *Browser) Do(method, target string, form url.Values) Page {
	b.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.d.URL + target
	}
	req, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	b.must(err)
	if method != "GET" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
	}
	res, err := b.http.Do(req)
	b.must(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	b.must(err)
	p := Page{URL: req.URL, Status: res.StatusCode, Header: res.Header, Body: string(raw), b: b}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		p.root, err = html.Parse(strings.NewReader(p.Body))
		b.must(err)
	}
	return p
}

// Cookie returns the value of one of the server's cookies, "" when absent.
func (b *Browser) Cookie(name string) string {
	u, err := url.Parse(b.d.URL)
	b.must(err)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// SetCookie replaces one of the server's cookies.
func (b *Browser) SetCookie(name, value string) {
	u, err := url.Parse(b.d.URL)
	b.must(err)
	b.jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// Copy opens another browser with the same cookies.
func (b *Browser) Copy() *Browser {
	other := b.d.Browser()
	for origin := range b.d.origins {
		u, err := url.Parse(origin)
		b.must(err)
		other.jar.SetCookies(u, b.jar.Cookies(u))
	}
	return other
}

func (b *Browser) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}
