package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// person is somebody at a browser: it follows links and redirects, reads the
// forms of the pages and presses their buttons, as everybody must. Nothing is
// set up behind the server's back.
type person struct {
	email, password string
	accounts        map[string]string // at providers, by host; the password is the name
	http            *http.Client
	jar             *cookiejar.Jar
	picked          bool
}

// callback is where the bench's apps are answered. Nobody listens there: the
// person stops before going.
const callback = "http://127.0.0.1:1/callback"

// repository is what every app is allowed to read.
const repository = "acme/web"

func newPerson(email, password string, accounts map[string]string) (*person, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	p := &person{email: email, password: password, accounts: accounts, jar: jar}
	p.http = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return p, nil
}

// cookies are what the browser sends to a URL, as a header.
func (p *person) cookies(to *url.URL) string {
	var parts []string
	for _, c := range p.jar.Cookies(to) {
		parts = append(parts, c.Name+"="+c.Value)
	}
	return "Cookie: " + strings.Join(parts, "; ")
}

// agree goes through everything that an authorization request leads to, saying
// yes, and returns what the app is answered.
func (p *person) agree(authorize string) (url.Values, error) {
	p.picked = false
	resp, err := p.http.Get(authorize)
	for range 20 {
		if err != nil {
			return nil, err
		}
		if at := resp.Header.Get("Location"); strings.HasPrefix(at, callback) {
			resp.Body.Close()
			return answered(at)
		}
		resp, err = p.answer(resp)
	}
	return nil, errors.New("the pages go round in circles")
}

func answered(at string) (url.Values, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	if u.Query().Get("code") == "" {
		return nil, fmt.Errorf("the app was told no: %s", u.RawQuery)
	}
	return u.Query(), nil
}

// answer fills the page's form in and sends it.
func (p *person) answer(resp *http.Response) (*http.Response, error) {
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, largest))
	if err != nil {
		return nil, err
	}
	page, err := html.Parse(strings.NewReader(string(text)))
	if err != nil {
		return nil, err
	}
	form, ok := formOf(page)
	if !ok || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d without a form to go on: %s", resp.Request.URL, resp.StatusCode, text)
	}
	switch {
	case form.has("email"):
		form.set("email", p.email)
		form.set("password", p.password)
	case form.has("login"): // a simulated provider
		form.set("login", p.accounts[resp.Request.URL.Host])
		form.set("password", p.accounts[resp.Request.URL.Host])
	case form.button("authorize", "1") != "":
		form.set("authorize", "1")
	case strings.HasSuffix(form.action, "/consent/pick"):
		if form.boxes[repository] == "" {
			return nil, fmt.Errorf("%s is not among what can be picked: %s", repository, text)
		}
		form.set("pick", form.boxes[repository])
		form.set("do", "use")
		p.picked = true
	case form.button("do", "connect:") != "":
		form.set("do", form.button("do", "connect:"))
	case form.button("do", "pick:") != "" && !p.picked:
		form.set("do", form.button("do", "pick:"))
	case form.button("do", "allow") != "":
		form.set("do", "allow")
	}
	target, err := resp.Request.URL.Parse(form.action)
	if err != nil {
		return nil, err
	}
	return p.http.PostForm(target.String(), form.values)
}
