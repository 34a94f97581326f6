package deputytest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Answer is what a script got from the server.
type Answer struct {
	Status int
	Header http.Header
	Raw    string
	JSON   map[string]any // nil when the body is no JSON object
}

// Text returns a member of the JSON that is a string, else "".
func (a Answer) Text(name string) string {
	s, _ := a.JSON[name].(string) // absent and of another type are the same to a test
	return s
}

// Tokens is a successful answer of the token endpoint.
type Tokens struct {
	Access, Refresh, ID, Scope string
	Lasts                      float64 // seconds
}

// Send makes one request without a browser. pairs are names and values of
// headers.
func (d *Deputy) Send(method, path, body string, pairs ...string) Answer {
	d.t.Helper()
	req, err := http.NewRequest(method, d.URL+path, strings.NewReader(body))
	d.must(err)
	for i := 0; i+1 < len(pairs); i += 2 {
		req.Header.Add(pairs[i], pairs[i+1])
	}
	res, err := (&http.Client{CheckRedirect: stay}).Do(req)
	d.must(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	d.must(err)
	a := Answer{Status: res.StatusCode, Header: res.Header, Raw: string(raw)}
	if json.Unmarshal(raw, &a.JSON) != nil {
		a.JSON = nil
	}
	return a
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Post sends a form without a browser.
func (d *Deputy) Post(path string, form url.Values, pairs ...string) Answer {
	d.t.Helper()
	return d.Send("POST", path, form.Encode(), append(pairs, "Content-Type", "application/x-www-form-urlencoded")...)
}

// Token is a raw call of the token endpoint.
func (d *Deputy) Token(form url.Values) Answer {
	d.t.Helper()
	return d.Post("/oauth/token", form)
}

// Tokens is a call of the token endpoint that succeeds.
func (d *Deputy) Tokens(form url.Values) Tokens {
	d.t.Helper()
	a := d.Token(form)
	if a.Status != http.StatusOK {
		d.t.Fatalf("token endpoint: %d %s", a.Status, a.Raw)
	}
	lasts, _ := a.JSON["expires_in"].(float64) // zero is as wrong as absent
	return Tokens{Access: a.Text("access_token"), Refresh: a.Text("refresh_token"), ID: a.Text("id_token"), Scope: a.Text("scope"), Lasts: lasts}
}

// Redeem turns a code into tokens.
func (d *Deputy) Redeem(a App, code string) Tokens {
	d.t.Helper()
	return d.Tokens(a.Redemption(code))
}

// Refresh turns a refresh token into new tokens.
func (d *Deputy) Refresh(a App, token string) Tokens {
	d.t.Helper()
	return d.Tokens(a.Refreshing(token))
}

// Introspect asks about a token with the credentials of a client or a resource
// server.
func (d *Deputy) Introspect(id, secret, token string) Answer {
	d.t.Helper()
	return d.Post("/oauth/introspect", url.Values{"client_id": {id}, "client_secret": {secret}, "token": {token}})
}

// Active reports whether the app's own access token counts.
func (d *Deputy) Active(a App, token string) bool {
	d.t.Helper()
	got := d.Introspect(string(a.ID), a.Secret, token)
	if got.Status != http.StatusOK {
		d.t.Fatalf("introspect: %d %s", got.Status, got.Raw)
	}
	return got.JSON["active"] == true
}

// API calls the broker with an access token.
func (d *Deputy) API(token, method, path string) Answer {
	d.t.Helper()
	return d.Send(method, path, "", "Authorization", "Bearer "+token)
}
