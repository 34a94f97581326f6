package clients_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

// keySite publishes a key set that tests change.
type keySite struct {
	*httptest.Server
	mu      sync.Mutex
	body    string
	kind    string
	status  int
	fetches int
}

func newKeySite(t testing.TB, body string) *keySite {
	s := &keySite{body: body, kind: "application/jwk-set+json", status: 200}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fetches++
		if s.status == http.StatusFound {
			http.Redirect(w, r, "/elsewhere", s.status)
			return
		}
		w.Header().Set("Content-Type", s.kind)
		w.WriteHeader(s.status)
		fmt.Fprint(w, s.body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keySite) publish(body string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body, s.status = body, status
}

func (s *keySite) fetched() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

func TestThreat_O24_KeysAtAnAddress(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{})
	first, second := newKey(t, "ES256", "one"), newKey(t, "ES256", "two")
	site := newKeySite(t, encoded(t, set(first.public())))
	app := d.Register(server.NewApp{
		Name: "Night Shift", Confidential: true, JWKSURI: site.URL + "/jwks", GrantTypes: []string{"client_credentials"}, Scopes: []string{"identity.profile.read"},
	})
	s := signer{d, t, app, first}
	for range 3 {
		if got := s.own(s.assertion()); got.Status != http.StatusOK {
			t.Fatalf("with the published key: %s", got.Raw)
		}
	}
	if n := site.fetched(); n != 1 {
		t.Errorf("%d fetches for three assertions", n)
	}
	// A rotation is noticed by an assertion with a key that is not known yet, but
	// made-up keys make us fetch once a minute only.
	site.publish(encoded(t, set(first.public(), second.public())), 200)
	rotated := signer{d, t, app, second}
	if got := rotated.own(rotated.assertion()); got.Status != http.StatusUnauthorized || site.fetched() != 1 {
		t.Errorf("right after a fetch: %d after %d fetches", got.Status, site.fetched())
	}
	d.Clock.Add(2 * time.Minute)
	if got := rotated.own(rotated.assertion()); got.Status != http.StatusOK {
		t.Errorf("after a rotation: %s", got.Raw)
	}
	stranger := signer{d, t, app, newKey(t, "ES256", "made-up")}
	for range 5 {
		if got := stranger.own(stranger.assertion()); got.Status != http.StatusUnauthorized {
			t.Errorf("a made-up key: %d", got.Status)
		}
	}
	if n := site.fetched(); n != 2 {
		t.Errorf("made-up keys made us fetch: %d fetches", n)
	}
	// A key that was taken back ends with the copy.
	site.publish(encoded(t, set(second.public())), 200)
	d.Clock.Add(10 * time.Minute)
	if got := s.own(s.assertion()); got.Status != http.StatusUnauthorized {
		t.Errorf("a key that is no longer published: %d", got.Status)
	}
}

func TestThreat_O24_KeySetsThatDoNotHold(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{})
	k := newKey(t, "ES256", "one")
	private := k.public()
	private["d"] = "AAAA"
	for name, c := range map[string]struct {
		body   string
		status int
		want   int
	}{
		"a private key":     {encoded(t, set(k.public(), private)), 200, 401},
		"a symmetric key":   {encoded(t, set(k.public(), map[string]any{"kty": "oct", "k": "AAAA"})), 200, 401},
		"no keys":           {`{"keys":[]}`, 200, 401},
		"not a set":         {`[]`, 200, 401},
		"larger than 64 KB": {`{"keys":[],"x":"` + strings.Repeat("x", 70<<10) + `"}`, 200, 503},
		"a redirect":        {"", 302, 503},
		"an error":          {"{}", 500, 503},
	} {
		site := newKeySite(t, c.body)
		site.publish(c.body, c.status)
		app := d.Register(server.NewApp{Name: "Night Shift", Confidential: true, JWKSURI: site.URL + "/jwks", GrantTypes: []string{"client_credentials"}})
		s := signer{d, t, app, k}
		for range 3 {
			if got := s.own(s.assertion()); got.Status != c.want {
				t.Errorf("%s: %d %s", name, got.Status, got.Raw)
			}
		}
		if n := site.fetched(); c.want == 503 && n != 1 {
			t.Errorf("%s: hammered with %d fetches", name, n)
		}
		// Nothing of it was kept.
		site.publish(encoded(t, set(k.public())), 200)
		d.Clock.Add(15 * time.Second)
		if got := s.own(s.assertion()); got.Status != http.StatusOK {
			t.Errorf("%s: not forgotten: %d %s", name, got.Status, got.Raw)
		}
	}
}

func TestCheckKeys(t *testing.T) {
	good := newKey(t, "ES256", "a").public()
	weak := map[string]any{"kty": "RSA", "n": b64(make([]byte, 64)), "e": "AQAB"}
	off := with(good, "y", good["x"])
	for name, c := range map[string]struct {
		set  string
		want string
	}{
		"a key":                      {encoded(t, set(good)), ""},
		"beside one for encryption":  {encoded(t, set(with(good, "use", "enc"), good)), ""},
		"only one for encryption":    {encoded(t, set(with(good, "use", "enc"))), "no key"},
		"weak RSA":                   {encoded(t, set(weak)), "no key"},
		"not on the curve":           {encoded(t, set(off)), "no key"},
		"for another algorithm":      {encoded(t, set(with(good, "alg", "ES384"))), "no key"},
		"a secret":                   {`{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`, "symmetric"},
		"private":                    {encoded(t, set(with(good, "d", "AAAA"))), "private"},
		"a member twice":             {`{"keys":[],"keys":[]}`, "twice"},
		"keys is an object":          {`{"keys":{}}`, "no list"},
		"kty is a number":            {`{"keys":[{"kty":1}]}`, "not a string"},
		"a key of an unknown family": {`{"keys":[{"kty":"AKP","pub":"AAAA"}]}`, "no key"},
		"null":                       {`null`, "not a JSON object"},
		"nothing":                    {``, "not a JSON object"},
	} {
		_, err := clients.CheckKeys([]byte(c.set))
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
