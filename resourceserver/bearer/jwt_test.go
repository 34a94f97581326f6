package bearer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const resource = "https://notes.example/mcp"

// issuer is an authorization server: metadata and keys, as a test changes them.
type issuer struct {
	*httptest.Server
	t   testing.TB
	key *ecdsa.PrivateKey

	mu      sync.Mutex
	now     time.Time
	keys    []map[string]any
	fetched int
	broken  func(w http.ResponseWriter, r *http.Request) bool // answers itself
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{t: t, key: newES256(t), now: noon()}
	i.keys = []map[string]any{published(t, "one", i.key.Public())}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

func newES256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func published(t testing.TB, kid string, key any) map[string]any {
	t.Helper()
	jwk := public(t, key)
	jwk["kid"], jwk["use"] = kid, "sig"
	return jwk
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.broken != nil && i.broken(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server":
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, i.URL, i.URL+"/keys")
	case "/keys":
		i.fetched++
		if err := json.NewEncoder(w).Encode(map[string]any{"keys": i.keys}); err != nil {
			i.t.Error(err)
		}
	default:
		http.NotFound(w, r)
	}
}

// change changes something that requests read.
func (i *issuer) change(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
}

func (i *issuer) clock() (now time.Time) {
	i.change(func() { now = i.now })
	return now
}

func (i *issuer) fetches() (n int) {
	i.change(func() { n = i.fetched })
	return n
}

func (i *issuer) verifier(audience string) *JWTVerifier {
	i.t.Helper()
	v, err := NewJWTVerifier(JWTVerifierConfig{Issuer: i.URL, Audience: audience, Now: i.clock})
	if err != nil {
		i.t.Fatal(err)
	}
	return v
}

// claims are those of a good token; with replaces some, nil removes.
func (i *issuer) claims(with map[string]any) map[string]any {
	now := i.clock().Unix()
	out := map[string]any{
		"iss": i.URL, "sub": "user_ana", "aud": resource, "client_id": "app_1", "scope": "mcp:read mcp:write", "jti": "t1", "iat": now, "exp": now + 300,
	}
	maps.Copy(out, with)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

func head(typ string) map[string]any { return map[string]any{"typ": typ, "alg": "ES256", "kid": "one"} }

// token signs claims with the issuer's key.
func (i *issuer) token(head, claims map[string]any) string {
	return signedBy(i.t, head, claims, es256(i.t, i.key))
}

func signedBy(t testing.TB, head, claims map[string]any, sign func(string) []byte) string {
	t.Helper()
	input := part(t, head) + "." + part(t, claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
}

func accepts(t *testing.T, v Verifier, what, token string, want bool) {
	t.Helper()
	a, err := v.Verify(t.Context(), token)
	if err != nil || a.Active != want {
		t.Errorf("%s: active %v, %v; want %v", what, a.Active, err, want)
	}
	if !want && cmp.Diff(Authority{}, a) != "" {
		t.Errorf("%s: an inactive token says %+v", what, a)
	}
}

func TestASignedTokenSaysWhatItStandsFor(t *testing.T) {
	i := newIssuer(t)
	for _, typ := range []string{"at+jwt", "application/at+jwt", "AT+JWT"} {
		token := i.token(head(typ), i.claims(map[string]any{"cnf": map[string]any{"jkt": "thumb"}}))
		got, err := i.verifier(resource).Verify(t.Context(), token)
		want := Authority{
			Active: true, Subject: "user_ana", ClientID: "app_1", Scopes: []string{"mcp:read", "mcp:write"}, Audience: []string{resource},
			IssuedAt: noon(), Expires: noon().Add(5 * time.Minute), TokenType: "DPoP", Thumbprint: "thumb",
		}
		if got.Claims["jti"] != "t1" {
			t.Errorf("claims %v", got.Claims)
		}
		got.Claims = nil
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", typ, err, diff)
		}
	}
}

func TestThreat_O20_ATokenForOneResourceServerIsNoneAtAnother(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(resource)
	for name, c := range map[string]struct {
		aud  any
		want bool
	}{
		"for us":             {resource, true},
		"for us, as a list":  {[]string{resource}, true},
		"for another":        {"https://papers.example", false},
		"for us and another": {[]string{resource, "https://papers.example"}, false},
		"for us twice":       {[]string{resource, resource}, false},
		"for nobody":         {nil, false},
		"for an empty list":  {[]string{}, false},
		"with a slash":       {resource + "/", false},
		"in capitals":        {strings.ToUpper(resource), false},
		"a prefix":           {resource[:len(resource)-1], false},
		"a number":           {1, false},
	} {
		accepts(t, v, name, i.token(head("at+jwt"), i.claims(map[string]any{"aud": c.aud})), c.want)
	}
}

func TestASignedTokenIsReadStrictly(t *testing.T) {
	i := newIssuer(t)
	v, now := i.verifier(resource), noon().Unix()
	for name, c := range map[string]struct {
		with map[string]any
		want bool
	}{
		"as it should be":           {nil, true},
		"without a scope":           {map[string]any{"scope": nil}, true},
		"another issuer":            {map[string]any{"iss": "https://evil.example"}, false},
		"the issuer with a slash":   {map[string]any{"iss": i.URL + "/"}, false},
		"no issuer":                 {map[string]any{"iss": nil}, false},
		"no subject":                {map[string]any{"sub": nil}, false},
		"no client":                 {map[string]any{"client_id": nil}, false},
		"no id":                     {map[string]any{"jti": nil}, false},
		"no end":                    {map[string]any{"exp": nil}, false},
		"no beginning":              {map[string]any{"iat": nil}, false},
		"an end that is text":       {map[string]any{"exp": "9999999999"}, false},
		"ended within the skew":     {map[string]any{"exp": now - 9}, true},
		"ended":                     {map[string]any{"exp": now - 10}, false},
		"made within the skew":      {map[string]any{"iat": now + 10}, true},
		"made later":                {map[string]any{"iat": now + 11}, false},
		"not before, in the skew":   {map[string]any{"nbf": now + 10}, true},
		"not yet":                   {map[string]any{"nbf": now + 11}, false},
		"bound to something else":   {map[string]any{"cnf": map[string]any{"kid": "x"}}, true}, // and Thumbprint says so
		"bound to something broken": {map[string]any{"cnf": "x"}, false},
	} {
		accepts(t, v, name, i.token(head("at+jwt"), i.claims(c.with)), c.want)
	}
	a, err := v.Verify(t.Context(), i.token(head("at+jwt"), i.claims(map[string]any{"cnf": map[string]any{"kid": "x"}})))
	if err != nil || a.Thumbprint == "" {
		t.Errorf("bound to something unknown: %+v, %v", a, err)
	}
}

// Everything else that Deputy or its clients sign with a key the verifier knows
// (threat O22: each type presented as an access token).
func TestThreat_O22_OtherKindsOfTokensAreNoAccessTokens(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(resource)
	for _, typ := range []string{"", "JWT", "jwt", "logout+jwt", "dpop+jwt", "client-authentication+jwt", "token-introspection+jwt", "secevent+jwt", "at+jwt ", "application/JWT", "at", "application/application/at+jwt"} {
		accepts(t, v, "typ "+typ, i.token(head(typ), i.claims(nil)), false)
	}
	none := head("")
	delete(none, "typ")
	accepts(t, v, "no typ", i.token(none, i.claims(nil)), false)
}

// Each is a token that some library has accepted once.
func TestThreat_O22_CraftedTokensAreRefused(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(resource)
	own := newES256(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i.keys = append(i.keys, published(t, "rsa", rsaKey.Public()))
	good := i.token(head("at+jwt"), i.claims(nil))
	parts := strings.Split(good, ".")
	payload := i.claims(nil)
	with := func(name string, value any) map[string]any {
		h := head("at+jwt")
		h[name] = value
		return h
	}
	mac := func(key []byte) func(string) []byte {
		return func(input string) []byte {
			m := hmac.New(sha256.New, key)
			m.Write([]byte(input))
			return m.Sum(nil)
		}
	}
	point, err := i.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(map[string]any{"keys": i.keys})
	if err != nil {
		t.Fatal(err)
	}
	fixed := func(signature []byte) func(string) []byte { return func(string) []byte { return signature } }
	b64 := base64.RawURLEncoding.EncodeToString
	tokens := map[string]string{
		"nothing":                  "",
		"dots":                     "..",
		"header only":              parts[0],
		"no signature":             parts[0] + "." + parts[1] + ".",
		"a fourth part":            good + ".x",
		"five parts":               good + "..",
		"an empty payload":         parts[0] + ".." + parts[2],
		"another payload":          parts[0] + "." + part(t, i.claims(map[string]any{"sub": "user_bob"})) + "." + parts[2],
		"another header":           part(t, with("x", 1)) + "." + parts[1] + "." + parts[2],
		"a signature of zeros":     signedBy(t, head("at+jwt"), payload, fixed(make([]byte, 64))),
		"a short signature":        parts[0] + "." + parts[1] + "." + parts[2][:40],
		"a long signature":         parts[0] + "." + parts[1] + "." + parts[2] + "AAAA",
		"padding":                  good + "=",
		"a space":                  good + " ",
		"a line":                   parts[0] + "\n." + parts[1] + "." + parts[2],
		"JSON serialisation":       `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
		"alg none":                 part(t, with("alg", "none")) + "." + parts[1] + ".",
		"alg None, our signature":  part(t, with("alg", "None")) + "." + parts[1] + "." + parts[2],
		"alg empty":                i.token(with("alg", ""), payload),
		"alg missing":              i.token(map[string]any{"typ": "at+jwt", "kid": "one"}, payload),
		"alg in small letters":     i.token(with("alg", "es256"), payload),
		"alg is a list":            i.token(with("alg", []string{"ES256"}), payload),
		"HMAC with the public key": signedBy(t, with("alg", "HS256"), payload, mac(point)),
		"HMAC with the document":   signedBy(t, with("alg", "HS256"), payload, mac(document)),
		"HMAC called ES256":        signedBy(t, head("at+jwt"), payload, mac(point)),
		"our signature as RS256":   i.token(with("alg", "RS256"), payload),
		"our signature as ES384":   i.token(with("alg", "ES384"), payload),
		"our signature as EdDSA":   i.token(with("alg", "EdDSA"), payload),
		"an RSA key's id":          i.token(with("kid", "rsa"), payload),
		"RS256 with its RSA key":   signedBy(t, map[string]any{"typ": "at+jwt", "alg": "RS256", "kid": "rsa"}, payload, rs256(t, rsaKey)),
		"own key, our kid":         signedBy(t, head("at+jwt"), payload, es256(t, own)),
		"embedded jwk":             signedBy(t, with("jwk", public(t, own.Public())), payload, es256(t, own)),
		"jku":                      signedBy(t, with("jku", "http://127.0.0.1:1/keys"), payload, es256(t, own)),
		"x5u":                      signedBy(t, with("x5u", "http://127.0.0.1:1/cert"), payload, es256(t, own)),
		"x5c":                      signedBy(t, with("x5c", []string{b64(point)}), payload, es256(t, own)),
		"crit":                     i.token(with("crit", []string{"exp"}), payload),
		"b64 false":                i.token(map[string]any{"typ": "at+jwt", "alg": "ES256", "kid": "one", "b64": false, "crit": []string{"b64"}}, payload),
		"typ is a list":            i.token(with("typ", []string{"at+jwt"}), payload),
		"a payload that is text":   "",
		"a token of 9 KB":          i.token(head("at+jwt"), i.claims(map[string]any{"x": strings.Repeat("x", 9<<10)})),
		"another server's":         newIssuer(t).token(head("at+jwt"), payload),
	}
	text := parts[0] + "." + b64([]byte("text"))
	tokens["a payload that is text"] = text + "." + b64(es256(t, i.key)(text))
	if len(tokens) < 40 {
		t.Errorf("only %d tokens", len(tokens))
	}
	for name, token := range tokens {
		accepts(t, v, name, token, false)
	}
	accepts(t, v, "the good one", good, true)
}

func rs256(t testing.TB, key *rsa.PrivateKey) func(string) []byte {
	return func(input string) []byte {
		sum := sha256.Sum256([]byte(input))
		out, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func TestAVerifierIsMadeOfSoundParts(t *testing.T) {
	good := JWTVerifierConfig{Issuer: "https://deputy.example", Audience: resource}
	for name, broken := range map[string]func(*JWTVerifierConfig){
		"no issuer":            func(c *JWTVerifierConfig) { c.Issuer = "" },
		"http elsewhere":       func(c *JWTVerifierConfig) { c.Issuer = "http://deputy.example" },
		"an issuer with query": func(c *JWTVerifierConfig) { c.Issuer += "?a=b" },
		"a password":           func(c *JWTVerifierConfig) { c.Issuer = "https://a:b@deputy.example" },
		"no audience":          func(c *JWTVerifierConfig) { c.Audience = "" },
		"keys for two days":    func(c *JWTVerifierConfig) { c.CacheFor = 48 * time.Hour },
	} {
		cfg := good
		broken(&cfg)
		if _, err := NewJWTVerifier(cfg); err == nil {
			t.Errorf("%s: a verifier was made", name)
		}
	}
	for issuer, want := range map[string]string{
		"https://deputy.example":         "https://deputy.example/.well-known/oauth-authorization-server",
		"https://deputy.example/tenant/": "https://deputy.example/.well-known/oauth-authorization-server/tenant",
	} {
		if got, err := metadataAddress(issuer); err != nil || got != want {
			t.Errorf("%s: %s, %v", issuer, got, err)
		}
	}
}

func FuzzJWTVerifier(f *testing.F) {
	i := newIssuer(f)
	v, good := i.verifier(resource), i.token(head("at+jwt"), i.claims(nil))
	f.Add(good)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if a, err := v.Verify(t.Context(), token); err != nil || (a.Active && token != good) {
			t.Fatalf("%q: %+v, %v", token, a, err)
		}
	})
}

func BenchmarkJWTVerifier(b *testing.B) {
	i := newIssuer(b)
	v, token := i.verifier(resource), i.token(head("at+jwt"), i.claims(nil))
	for b.Loop() {
		if a, err := v.Verify(b.Context(), token); err != nil || !a.Active {
			b.Fatal(a, err)
		}
	}
}
