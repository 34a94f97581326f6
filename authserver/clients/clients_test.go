package clients_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
)

func TestMatchRedirect(t *testing.T) {
	registered := []string{"https://app.example/cb", "https://app.example/cb?x=1", "http://127.0.0.1/cb", "http://[::1]:7777/cb", "http://localhost/callback", "com.example.app:/cb"}
	allow := []string{
		"https://app.example/cb", "https://app.example/cb?x=1", "http://127.0.0.1/cb", "http://127.0.0.1:51234/cb",
		"http://[::1]:1/cb", "http://[::1]/cb", "http://localhost:4000/callback", "com.example.app:/cb",
	}
	deny := []string{
		"", "https://app.example/cb/", "https://app.example/cb/../evil", "https://app.example/CB", "https://APP.example/cb", "https://app.example./cb",
		"https://app.example:443/cb", "https://app.example/cb#", "https://app.example/cb#x", "https://app.example/cb?x=1&y=2", "https://app.example/cb?",
		"https://app.example@evil.example/cb", "https://evil.example/cb", "https://app.example.evil.example/cb", "https:\\\\app.example\\cb", "//app.example/cb",
		"https://app.example/%63b", "http://app.example/cb", "https://127.0.0.1/cb", "https://127.0.0.1:51234/cb", "http://user@127.0.0.1:77/cb", "http://127.0.0.1:77/%63b",
		"http://127.0.0.1:77/cb?x", "http://127.0.0.2/cb", "http://127.1/cb", "http://2130706433/cb", "http://127.0.0.1.evil.example/cb", "http://127.0.0.1:80:80/cb",
		"http://localhost:4000/cb", "http://localhost.evil.example/callback", "http://LOCALHOST/callback", "http://127.0.0.1:/cb", "com.example.app:/cb2", "com.example.app://cb",
		"javascript:alert(1)", "http://127.0.0.1:51234/cb\n", " http://127.0.0.1/cb", "http://127.0.0.1/cb\t", "http://127.0.0.1:51234/./cb", "http://[::1%25eth0]/cb",
	}
	for _, uri := range allow {
		if !clients.MatchRedirect(registered, uri) {
			t.Errorf("%q was refused", uri)
		}
	}
	for _, uri := range deny {
		if clients.MatchRedirect(registered, uri) {
			t.Errorf("%q was accepted", uri)
		}
	}
}

// Whatever matches is equal to a registered address, or differs in the port of a
// loopback address only.
func FuzzMatchRedirect(f *testing.F) {
	registered := []string{"https://app.example/cb", "http://127.0.0.1/cb", "http://localhost:1/cb", "http://[::1]/cb"}
	for _, seed := range append(registered, "http://127.0.0.1:5/cb", "https://app.example@e/cb", "http://[::1]:9/cb", "http://localhost:%31/cb") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !clients.MatchRedirect(registered, uri) {
			return
		}
		for _, r := range registered {
			if uri == r {
				return
			}
		}
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "http" || u.Path != "/cb" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			t.Fatalf("%q matched", uri)
		}
		if h := u.Hostname(); h != "127.0.0.1" && h != "localhost" && h != "::1" {
			t.Fatalf("%q matched with host %q", uri, h)
		}
	})
}

func TestValidRedirect(t *testing.T) {
	for uri, why := range map[string]string{
		"https://app.example/cb":     "",
		"http://127.0.0.1:8000/cb":   "",
		"http://localhost/cb":        "",
		"com.example.app:/cb":        "",
		"http://app.example/cb":      "use https",
		"javascript:alert(1)":        "dot",
		"data:text/html,x":           "dot",
		"cursor://cb":                "dot",
		"https:///cb":                "no host",
		"https://a.example/cb#x":     "fragment",
		"https://u@a.example/cb":     "user name",
		"https://a.example/../cb":    "dots",
		"https://a.example/a b":      "character",
		"com.example.app:cb":         "path",
		"HTTPS://a.example/cb":       "plain form",
		"":                           "empty",
		"https://a.example/\u202ecb": "character",
	} {
		err := clients.ValidRedirect(uri)
		if (err == nil) != (why == "") || (err != nil && !strings.Contains(err.Error(), why)) {
			t.Errorf("%q: %v, want %q", uri, err, why)
		}
	}
}

type source map[consent.AppID]clients.Client

func (s source) Client(_ context.Context, id consent.AppID) (clients.Client, error) {
	if c, ok := s[id]; ok {
		return c, nil
	}
	return clients.Client{}, clients.ErrUnknown
}

func TestAuthenticate(t *testing.T) {
	from := source{
		"conf": {ID: "conf", Confidential: true, SecretHash: clients.HashSecret("s:cret %2B+")},
		"pub":  {ID: "pub"},
		"bare": {ID: "bare", Confidential: true}, // a confidential client without a secret can never authenticate
	}
	basic := func(user, pass string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+pass))
	}
	for name, c := range map[string]struct {
		header string
		form   url.Values
		want   consent.AppID
	}{
		"post":                            {"", url.Values{"client_id": {"conf"}, "client_secret": {"s:cret %2B+"}}, "conf"},
		"basic, form-encoded":             {basic("conf", url.QueryEscape("s:cret %2B+")), nil, "conf"},
		"basic, lower case scheme":        {"basic " + strings.TrimPrefix(basic("conf", url.QueryEscape("s:cret %2B+")), "Basic "), nil, "conf"},
		"basic with its own id":           {basic("conf", url.QueryEscape("s:cret %2B+")), url.Values{"client_id": {"conf"}}, "conf"},
		"basic with another id":           {basic("conf", url.QueryEscape("s:cret %2B+")), url.Values{"client_id": {"pub"}}, ""},
		"two methods":                     {basic("conf", url.QueryEscape("s:cret %2B+")), url.Values{"client_secret": {"s:cret %2B+"}}, ""},
		"wrong secret":                    {"", url.Values{"client_id": {"conf"}, "client_secret": {"guess"}}, ""},
		"confidential without a secret":   {"", url.Values{"client_id": {"conf"}}, ""},
		"public":                          {"", url.Values{"client_id": {"pub"}}, "pub"},
		"public with a secret":            {"", url.Values{"client_id": {"pub"}, "client_secret": {"x"}}, ""},
		"public by basic":                 {basic("pub", ""), nil, ""},
		"unknown":                         {"", url.Values{"client_id": {"none"}, "client_secret": {"x"}}, ""},
		"nothing":                         {"", nil, ""},
		"no secret stored, none sent":     {basic("bare", ""), nil, ""},
		"bearer instead of basic":         {"Bearer x", url.Values{"client_id": {"pub"}}, ""},
		"basic that is not base64":        {"Basic !!!", nil, ""},
		"basic without a colon":           {"Basic " + base64.StdEncoding.EncodeToString([]byte("conf")), nil, ""},
		"hash of the empty string stored": {basic("conf", ""), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got clients.Client
			cred, err := clients.Present(c.header, c.form)
			if err == nil {
				got, err = clients.Authenticator{Source: from}.Authenticate(t.Context(), cred)
			}
			if got.ID != c.want {
				t.Errorf("authenticated %q, want %q", got.ID, c.want)
			}
			var refused *clients.Refused
			if c.want == "" && !errors.As(err, &refused) && !errors.Is(err, clients.ErrTwoMethods) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
