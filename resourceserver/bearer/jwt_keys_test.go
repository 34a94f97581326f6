package bearer

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A key id finds a key of this issuer and does nothing else: it opens no file, no
// address, and costs the issuer one fetch in half a minute.
func TestThreat_O23_AKeyIDIsOnlyLookedUp(t *testing.T) {
	i, other := newIssuer(t), newIssuer(t)
	other.keys = []map[string]any{published(t, "other", other.key.Public())}
	v := i.verifier(resource)
	accepts(t, v, "the good one", i.token(head("at+jwt"), i.claims(nil)), true)
	i.change(func() { i.now = i.now.Add(time.Minute) })
	for _, kid := range []any{
		"../../etc/passwd", "' or 1=1 --", other.URL + "/keys", "file:///etc/passwd", strings.Repeat("k", 10<<10), "other", "", "one\x00", "ONE", " one", 1, nil,
	} {
		h := head("at+jwt")
		h["kid"] = kid
		accepts(t, v, fmt.Sprintf("kid %.40v, the issuer's key", kid), i.token(h, i.claims(nil)), false)
		accepts(t, v, fmt.Sprintf("kid %.40v, another's key", kid), signedBy(t, h, i.claims(nil), es256(t, other.key)), false)
	}
	if i.fetches() != 2 || other.fetches() != 0 {
		t.Errorf("the keys were fetched %d times, another issuer's %d times; want 2, 0", i.fetches(), other.fetches())
	}
}

func TestANewKeyIsFoundWhenItIsUsed(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(resource)
	accepts(t, v, "the first key", i.token(head("at+jwt"), i.claims(nil)), true)
	pub, next, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.change(func() {
		i.keys, i.now = append(i.keys, published(t, "two", pub)), i.now.Add(fetchPause)
	})
	token := signedBy(t, map[string]any{"typ": "at+jwt", "alg": "EdDSA", "kid": "two"}, i.claims(nil), func(input string) []byte { return ed25519.Sign(next, []byte(input)) })
	accepts(t, v, "the next key", token, true)
	if i.fetches() != 2 {
		t.Errorf("fetched %d times, want 2", i.fetches())
	}
}

func TestAKeyThatIsTakenBackIsForgotten(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(resource)
	token := func() string { return i.token(head("at+jwt"), i.claims(nil)) }
	accepts(t, v, "published", token(), true)
	i.change(func() { i.keys, i.now = nil, i.now.Add(2*defaultKeysFor) })
	accepts(t, v, "two hours after", token(), false)
}

func TestKeysCountAWhileWithoutTheIssuer(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(resource)
	accepts(t, v, "at the start", i.token(head("at+jwt"), i.claims(nil)), true)
	i.change(func() {
		i.broken = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(500); return true }
		i.now = i.now.Add(2*defaultKeysFor - time.Second)
	})
	accepts(t, v, "just before they end", i.token(head("at+jwt"), i.claims(nil)), true)
	i.change(func() { i.now = i.now.Add(time.Minute) })
	if a, err := v.Verify(t.Context(), i.token(head("at+jwt"), i.claims(nil))); err == nil || a.Active {
		t.Errorf("later: %+v, %v; want an error", a, err)
	}
	i.change(func() { i.broken, i.now = nil, i.now.Add(fetchPause) })
	accepts(t, v, "when it is back", i.token(head("at+jwt"), i.claims(nil)), true)
}

// What an issuer answers is bounded and taken from where it says it is.
func TestOnlyTheIssuersOwnAnswersCount(t *testing.T) {
	writes := func(path, kind, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != path {
				return false
			}
			w.Header().Set("Content-Type", kind)
			fmt.Fprint(w, body)
			return true
		}
	}
	const about, json = "/.well-known/oauth-authorization-server", "application/json"
	elsewhere := newIssuer(t)
	for name, broken := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"another issuer's metadata": writes(about, json, `{"issuer":"`+elsewhere.URL+`","jwks_uri":"`+elsewhere.URL+`/keys"}`),
		"keys over http":            writes(about, json, `{"issuer":"ISSUER","jwks_uri":"http://keys.example/"}`),
		"keys in a file":            writes(about, json, `{"issuer":"ISSUER","jwks_uri":"file:///etc/passwd"}`),
		"no keys":                   writes(about, json, `{"issuer":"ISSUER"}`),
		"keys that are HTML":        writes("/keys", "text/html", `{"keys":[]}`),
		"keys that are no JSON":     writes("/keys", json, `{`),
		"a key that is text":        writes("/keys", json, `{"keys":["x"]}`),
		"33 keys":                   writes("/keys", json, `{"keys":[`+strings.Repeat("{},", 32)+`{}]}`),
		"65 KB":                     writes("/keys", json, `{"x":"`+strings.Repeat("x", 65<<10)+`","keys":[]}`),
		"a redirect": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/keys" {
				http.Redirect(w, r, elsewhere.URL+"/keys", http.StatusFound)
			}
			return r.URL.Path == "/keys"
		},
	} {
		i := newIssuer(t)
		i.broken = func(w http.ResponseWriter, r *http.Request) bool {
			rec := httptest.NewRecorder()
			if !broken(rec, r) {
				return false
			}
			maps.Copy(w.Header(), rec.Header())
			w.WriteHeader(rec.Code)
			fmt.Fprint(w, strings.ReplaceAll(rec.Body.String(), "ISSUER", i.URL))
			return true
		}
		if a, err := i.verifier(resource).Verify(t.Context(), i.token(head("at+jwt"), i.claims(nil))); err == nil || a.Active {
			t.Errorf("%s: %+v, %v; want an error", name, a, err)
		}
	}
	if elsewhere.fetches() != 0 {
		t.Error("keys were taken from elsewhere")
	}
	twice := newIssuer(t)
	twice.keys = append(twice.keys, published(t, "one", newES256(t).Public()))
	if a, err := twice.verifier(resource).Verify(t.Context(), twice.token(head("at+jwt"), twice.claims(nil))); err == nil || a.Active {
		t.Errorf("two keys of one id: %+v, %v; want an error", a, err)
	}
}

func TestManyCallersShareOneFetch(t *testing.T) {
	i := newIssuer(t)
	v, token := i.verifier(resource), i.token(head("at+jwt"), i.claims(nil))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { accepts(t, v, "together", token, true) })
	}
	wg.Wait()
	if i.fetches() != 1 {
		t.Errorf("fetched %d times", i.fetches())
	}
}
