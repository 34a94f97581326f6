package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"
)

// recorder keeps every answer that a browser or an app got.
type recorder struct {
	mu      sync.Mutex
	answers []answer
}

// answer is one HTTP answer, whole.
type answer struct {
	from   *url.URL
	status int
	header http.Header
	body   string
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(strings.NewReader(string(body)))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, answer{req.URL, res.StatusCode, res.Header.Clone(), string(body)})
	return res, nil
}

// all returns the answers so far.
func (r *recorder) all() []answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.answers)
}

// person is somebody at a browser of their own: cookies, redirects and forms, as
// the pages really have them.
type person struct {
	t    testing.TB
	http *http.Client
}

func newPerson(t testing.TB, seen *recorder) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &person{t: t, http: &http.Client{Transport: seen, Jar: jar, CheckRedirect: stay}}
}

// page is what the browser shows, or the app's address it was sent to.
type page struct {
	url    *url.URL
	status int
	header http.Header
	root   *html.Node // nil for an app's address
}

// away reports whether the browser was sent back to the app.
func (p page) away() bool { return p.root == nil }

// open follows redirects to a page, or to the app's callback.
func (p *person) open(target string) page {
	p.t.Helper()
	return p.send("GET", target, nil)
}

func (p *person) send(method, target string, form url.Values) page {
	p.t.Helper()
	for range 12 {
		req, err := http.NewRequestWithContext(p.t.Context(), method, target, strings.NewReader(form.Encode()))
		must(p.t, err)
		if method == "POST" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		res, err := p.http.Do(req)
		must(p.t, err)
		defer res.Body.Close()
		next, err := res.Location()
		if err != nil {
			root, err := html.Parse(res.Body)
			must(p.t, err)
			return page{req.URL, res.StatusCode, res.Header, root}
		}
		if strings.HasPrefix(next.String(), callback) {
			return page{url: next, status: res.StatusCode, header: res.Header}
		}
		method, target, form = "GET", next.String(), nil
	}
	p.t.Fatalf("too many redirects, last to %s", target)
	return page{}
}

// press submits the form of a button, with what the page has filled in and set
// on top.
func (p *person) press(at page, button string, set url.Values) page {
	p.t.Helper()
	action, form := p.form(at, button)
	for name, values := range set {
		form[name] = values
	}
	return p.send("POST", action, form)
}

// form returns what the button would send, and where.
func (p *person) form(at page, button string) (string, url.Values) {
	p.t.Helper()
	pressed := find(at.root, func(n *html.Node) bool {
		return n.Data == "button" && attribute(n, "tabindex") != "-1" && strings.HasPrefix(text(n), button)
	})
	if pressed == nil {
		p.t.Fatalf("%s (%d) has no button %q: %s", at.url, at.status, button, text(at.root))
	}
	around := pressed
	for around.Data != "form" {
		around = around.Parent
	}
	form := url.Values{}
	for n := range around.Descendants() {
		switch kind := attribute(n, "type"); {
		case attribute(n, "name") == "" || n.Data != "input" && n.Data != "select":
		case n.Data == "select":
			form.Set(attribute(n, "name"), chosen(n))
		case kind != "checkbox" && kind != "radio" || has(n, "checked"):
			form.Add(attribute(n, "name"), attribute(n, "value"))
		}
	}
	if name := attribute(pressed, "name"); name != "" {
		form.Set(name, attribute(pressed, "value"))
	}
	action, err := at.url.Parse(attribute(around, "action"))
	must(p.t, err)
	return action.String(), form
}

func chosen(sel *html.Node) string {
	first, picked := "", ""
	for n := range sel.Descendants() {
		if n.Data == "option" && first == "" {
			first = attribute(n, "value")
		}
		if n.Data == "option" && has(n, "selected") {
			picked = attribute(n, "value")
		}
	}
	if picked != "" {
		return picked
	}
	return first
}

// offers reports whether the page has the button.
func (p page) offers(button string) bool {
	return p.root != nil && find(p.root, func(n *html.Node) bool { return n.Data == "button" && text(n) == button }) != nil
}

// says reports whether a person reads the words here.
func (p page) says(words string) bool { return p.root != nil && strings.Contains(text(p.root), words) }

// labelled returns the values of the fields that have these labels.
func (p *person) labelled(at page, labels ...string) []string {
	p.t.Helper()
	var out []string
	for _, words := range labels {
		label := find(at.root, func(n *html.Node) bool { return n.Data == "label" && text(n) == words })
		if label == nil {
			p.t.Fatalf("%s has no field %q: %s", at.url, words, text(at.root))
		}
		field := find(at.root, func(n *html.Node) bool { return attribute(n, "id") == attribute(label, "for") })
		out = append(out, attribute(field, "value"))
	}
	return out
}

// rows are the values of all rows of a consent page.
func (p page) rows() []string {
	var out []string
	for n := range p.root.Descendants() {
		if n.Data == "input" && attribute(n, "name") == "shown" {
			out = append(out, attribute(n, "value"))
		}
	}
	return out
}

// signIn answers Deputy's sign-in page.
func (p *person) signIn(at page) page {
	p.t.Helper()
	return p.press(at, "Sign in", url.Values{"email": {email}, "password": {password}})
}

// connect takes the step of a consent page that connects a service.
func (p *person) connect(at page, service, login, yes string) page {
	p.t.Helper()
	at = p.press(p.press(at, "Connect "+service, nil), "Continue to "+service, nil)
	at = p.press(at, "Sign in", url.Values{"login": {login}, "password": {login}})
	return p.press(at, yes, nil)
}

// complete takes every step of an app's request, ticks every row and allows. It
// returns the answer to the app.
func (p *person) complete(request string, repositories, channels []string) url.Values {
	p.t.Helper()
	at := p.open(request)
	if at.offers("Sign in") {
		at = p.signIn(at)
	}
	if at.offers("Connect GitHub") {
		at = p.connect(at, "GitHub", "octocat", "Authorize")
	}
	if at.offers("Connect Slack") {
		at = p.connect(at, "Slack", "ana", "Allow")
	}
	for words, picks := range map[string][]string{"Choose repositories": repositories, "Choose channels": channels} {
		if at.offers(words) {
			picker := p.press(at, words, nil)
			at = p.press(picker, "Use these", url.Values{"pick": p.labelled(picker, picks...)})
		}
	}
	if !at.away() {
		at = p.press(at, "Allow", url.Values{"allow": at.rows()})
	}
	if !at.away() {
		p.t.Fatalf("the app should be answered, but there is %s (%d): %s", at.url, at.status, text(at.root))
	}
	return at.url.Query()
}

func find(root *html.Node, fits func(*html.Node) bool) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && fits(n) {
			return n
		}
	}
	return nil
}

func text(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			out.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}
