package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// operation is something to measure.
type operation struct {
	name string // for -only
	what string // for the report
	aim  float64
	// client returns the client of a number that works over c.
	client func(w *world, c *conn, number int) client
	// elsewhere is where the operation's server is, when it is not Deputy.
	elsewhere func(w *world) string
	// costs is false for what touches no database.
	costs bool
}

// distinct is how many tokens are introspected in turn: more than can be asked
// twice while the server remembers an answer.
const distinct = 20_000

func operations() []operation {
	return []operation{
		{name: "tokens", what: "client_credentials tokens", aim: 10_000, client: tokens, costs: true},
		{name: "signed", what: "at+jwt tokens (client_credentials)", aim: 10_000, client: signedTokens, costs: true},
		{name: "introspections", what: fmt.Sprintf("introspections, %d tokens in turn", distinct), aim: 15_000, client: introspections(), costs: true},
		{name: "hot", what: "introspections of one person's token", aim: 15_000, client: hot, costs: true},
		{name: "garbage", what: "introspections of made-up tokens", aim: 20_000, client: garbage, costs: true},
		{name: "refreshes", what: "refreshes, public app (rotating)", aim: 4_000, client: refreshes(rotating), costs: true},
		{name: "lasting", what: "refreshes, confidential app", aim: 4_000, client: refreshes(lasting), costs: true},
		{name: "flows", what: "code flows (authorize + token)", aim: 1_000, client: flows, costs: true},
		{name: "pages", what: fmt.Sprintf("consent pages of somebody with %d grants", agreed), client: consentPages, costs: true},
		{name: "reads", what: "brokered reads", aim: 3_000, client: reads, costs: true},
		{name: "direct", what: "the same read, straight from the simulator", client: direct, elsewhere: atGitHub},
	}
}

// tokens asks for a token the app has for itself.
func tokens(w *world, c *conn, _ int) client { return own(w, c, ownScope, accessPrefix) }

// signedTokens asks for one that the resource server verifies by itself.
func signedTokens(w *world, c *conn, _ int) client { return own(w, c, signedScope, jwtPrefix) }

// How the two forms of access tokens begin.
const (
	accessPrefix = "dpa_"
	jwtPrefix    = "eyJ"
)

func own(w *world, c *conn, scope, prefix string) client {
	request := post(nil, w.host, "/oauth/token", w.robot, "grant_type=client_credentials&scope="+url.QueryEscape(scope))
	want := []byte(`"access_token":"` + prefix)
	return func() error {
		body, err := c.want(http.StatusOK, request)
		if err == nil && !bytes.Contains(body, want) {
			err = fmt.Errorf("this is not a token of the form %s…", prefix)
		}
		return err
	}
}

// garbage asks for tokens that somebody made up: random, but with a checksum that
// is right, so that the server has to look at the seal.
func garbage(w *world, c *conn, _ int) client {
	var request []byte
	return func() error {
		request = post(request[:0], w.host, "/oauth/introspect", w.reader, "token=", madeUp())
		body, err := c.want(http.StatusOK, request)
		if err == nil && !bytes.Contains(body, []byte(`"active":false`)) {
			err = fmt.Errorf("a made-up token is answered with %s", body)
		}
		return err
	}
}

// madeUpSize is how many bytes a real token of an app has below its base64.
const madeUpSize = 240

func madeUp() string {
	var random [madeUpSize]byte
	rand.Read(random[:])
	body := base64.RawURLEncoding.EncodeToString(random[:])
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body)))
	return accessPrefix + body + base64.RawURLEncoding.EncodeToString(sum)
}

var errInactive = errors.New("a live token is said to be inactive")

func introspect(c *conn, request []byte) error {
	body, err := c.want(http.StatusOK, request)
	if err != nil {
		return err
	}
	if !bytes.Contains(body, []byte(`"active":true`)) {
		return errInactive
	}
	return nil
}

// introspections asks for many tokens in turn, all clients together.
func introspections() func(*world, *conn, int) client {
	var next atomic.Uint64
	return func(w *world, c *conn, _ int) client {
		var request []byte
		return func() error {
			request = post(request[:0], w.host, "/oauth/introspect", w.reader, "token=", w.tokens[next.Add(1)%distinct])
			return introspect(c, request)
		}
	}
}

// hot asks for one token of a person again and again.
func hot(w *world, c *conn, _ int) client {
	request := post(nil, w.host, "/oauth/introspect", w.reader, "token=", w.hot)
	return func() error { return introspect(c, request) }
}

// kept says where a client's refresh token is kept, and how its app signs in.
type kept func(w *world, number int) (token *string, authorization, form string)

func rotating(w *world, number int) (*string, string, string) {
	return &w.rotating[number], "", "grant_type=refresh_token&client_id=" + w.phoneID + "&refresh_token="
}

func lasting(w *world, number int) (*string, string, string) {
	return &w.lasting[number], w.robot, "grant_type=refresh_token&refresh_token="
}

// refreshes refreshes a family of the client's own, each time with the token of
// the time before.
func refreshes(where kept) func(*world, *conn, int) client {
	return func(w *world, c *conn, number int) client {
		token, authorization, form := where(w, number)
		var request []byte
		return func() error {
			request = post(request[:0], w.host, "/oauth/token", authorization, form, *token)
			body, err := c.want(http.StatusOK, request)
			if err != nil {
				return err
			}
			*token, err = member(body, "refresh_token")
			return err
		}
	}
}

// flows is a whole code flow of somebody who is signed in and agreed before.
func flows(w *world, c *conn, number int) client {
	authorize := get(nil, w.host, ask(w.robotID, readRepo), w.persons[number%people].cookies(w.issuer))
	var request []byte
	return func() error {
		if _, err := c.want(http.StatusSeeOther, authorize); err != nil {
			return fmt.Errorf("authorize: %w", err)
		}
		got, err := answered(string(c.location))
		if err != nil {
			return err
		}
		request = redeem(request[:0], w.host, w.robotID, w.robot, got.Get("code"))
		if _, err := c.want(http.StatusOK, request); err != nil {
			return fmt.Errorf("redeem code: %w", err)
		}
		return nil
	}
}

const repositoryPath = "/repos/" + repository

// reads reads a repository through the broker.
func reads(w *world, c *conn, number int) client {
	return reading(c, get(nil, w.host, "/api/github"+repositoryPath, "Authorization: Bearer "+w.broker[number%people]))
}

// direct reads it where the broker reads it.
func direct(w *world, c *conn, _ int) client {
	return reading(c, get(nil, atGitHub(w), "/api/v3"+repositoryPath, "Authorization: Bearer "+w.githubToken))
}

func atGitHub(w *world) string { return w.github.url.Host }

func reading(c *conn, request []byte) client {
	return func() error {
		body, err := c.want(http.StatusOK, request)
		if err != nil {
			return err
		}
		if !bytes.Contains(body, []byte(`"`+repository+`"`)) {
			return fmt.Errorf("this is not %s: %s", repository, body)
		}
		return nil
	}
}

// clients opens n connections to the operation's server.
func (o operation) clients(w *world, n int) ([]client, func(), error) {
	address := w.host
	if o.elsewhere != nil {
		address = o.elsewhere(w)
	}
	return connect(address, n, func(c *conn, number int) client { return o.client(w, c, number) })
}

func connect(address string, n int, make func(c *conn, number int) client) ([]client, func(), error) {
	var list []client
	var open []*conn
	closeAll := func() {
		for _, c := range open {
			c.close() // nothing is under way
		}
	}
	for i := range n {
		c, err := dial(address)
		if err == nil {
			open = append(open, c)
			err = c.patient()
		}
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		list = append(list, make(c, i))
	}
	return list, closeAll, nil
}

// mint fills w.tokens.
func (w *world) mint() error {
	var mu sync.Mutex
	w.tokens = nil
	form := "grant_type=client_credentials&scope=" + url.QueryEscape(ownScope)
	clients, done, err := connect(w.host, people, func(c *conn, _ int) client {
		request := post(nil, w.host, "/oauth/token", w.robot, form)
		return func() error {
			body, err := c.want(http.StatusOK, request)
			if err != nil {
				return err
			}
			token, err := member(body, "access_token")
			mu.Lock()
			defer mu.Unlock()
			w.tokens = append(w.tokens, token)
			return err
		}
	})
	if err != nil {
		return err
	}
	defer done()
	return repeat(clients, distinct)
}

// tokenOf reads the simulated GitHub's answer, a form unless asked otherwise.
func tokenOf(resp *http.Response) (string, error) {
	text, err := io.ReadAll(io.LimitReader(resp.Body, largest))
	if err != nil {
		return "", err
	}
	form, err := url.ParseQuery(strings.TrimSpace(string(text)))
	if err != nil || form.Get("access_token") == "" {
		return "", fmt.Errorf("the simulated GitHub gave no token: %s", text)
	}
	return form.Get("access_token"), nil
}
