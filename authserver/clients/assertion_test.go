package clients_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// signer is an app that proves itself with a key.
type signer struct {
	d   *deputytest.Deputy
	t   testing.TB
	app deputytest.App
	key key
}

func newSigner(t testing.TB, d *deputytest.Deputy, k key) signer {
	t.Helper()
	app := d.Register(server.NewApp{
		Name: "Night Shift", Confidential: true, JWKS: []byte(encoded(t, set(k.public()))), Scopes: []string{"identity.profile.read"},
		GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}, RedirectURIs: []string{"https://shift.example/callback"},
	})
	if app.Secret != "" {
		t.Fatal("an app with a key got a secret as well")
	}
	return signer{d, t, app, k}
}

func (s signer) header() map[string]any {
	return map[string]any{"alg": s.key.alg, "kid": s.key.kid, "typ": "client-authentication+jwt"}
}

func (s signer) claims() map[string]any {
	now := s.d.Clock.Now()
	return map[string]any{
		"iss": s.app.ID, "sub": s.app.ID, "aud": s.d.URL, "jti": uuid.NewString(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
}

func (s signer) assertion() string {
	s.t.Helper()
	return s.key.sign(s.t, encoded(s.t, s.header()), encoded(s.t, s.claims()))
}

func asserted(compact string, pairs ...string) url.Values {
	form := url.Values{"client_assertion_type": {assertionType}, "client_assertion": {compact}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// own asks for a token of the app's own.
func (s signer) own(compact string) deputytest.Answer {
	s.t.Helper()
	return s.d.Token(asserted(compact, "grant_type", "client_credentials", "resource", s.d.URL+"/api"))
}

func with(m map[string]any, pairs ...any) map[string]any {
	out := maps.Clone(m)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(out, pairs[i].(string))
			continue
		}
		out[pairs[i].(string)] = pairs[i+1]
	}
	return out
}

func TestAssertionsOfEveryAlgorithmAtEveryEndpoint(t *testing.T) {
	t.Parallel()
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		for _, alg := range clients.AssertionAlgorithms() {
			s := newSigner(t, d, newKey(t, alg, "k1"))
			got := s.own(s.assertion())
			if got.Status != http.StatusOK {
				t.Fatalf("%s at the token endpoint: %d %s", alg, got.Status, got.Raw)
			}
			token := got.Text("access_token")
			seen := d.Post("/oauth/introspect", asserted(s.assertion(), "token", token))
			if seen.Status != http.StatusOK || seen.JSON["active"] != true {
				t.Errorf("%s at introspection: %d %s", alg, seen.Status, seen.Raw)
			}
			if got := d.Post("/oauth/revoke", asserted(s.assertion(), "token", token, "client_id", string(s.app.ID))); got.Status != http.StatusOK {
				t.Errorf("%s at revocation: %d %s", alg, got.Status, got.Raw)
			}
			if seen := d.Post("/oauth/introspect", asserted(s.assertion(), "token", token)); seen.JSON["active"] != false {
				t.Errorf("%s: the token survived its revocation: %s", alg, seen.Raw)
			}
		}
	})
}

func TestAssertionsThatHold(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{})
	s := newSigner(t, d, newKey(t, "ES256", "k1"))
	now := d.Clock.Now()
	for name, c := range map[string]struct{ header, claims map[string]any }{
		"typ JWT":               {with(s.header(), "typ", "JWT"), s.claims()},
		"no typ":                {with(s.header(), "typ", nil), s.claims()},
		"no kid":                {with(s.header(), "kid", nil), s.claims()},
		"aud in a list of one":  {s.header(), with(s.claims(), "aud", []string{d.URL})},
		"five minutes":          {s.header(), with(s.claims(), "exp", now.Add(5*time.Minute).Unix())},
		"a fraction of seconds": {s.header(), with(s.claims(), "exp", float64(now.Add(time.Minute).UnixMilli())/1000+0.25)},
		"no iat":                {s.header(), with(s.claims(), "iat", nil)},
		"a clock 5 s ahead":     {s.header(), with(s.claims(), "iat", now.Add(5*time.Second).Unix())},
		"unknown claims":        {s.header(), with(s.claims(), "extra", map[string]any{"a": 1})},
		"a header's own key":    {with(s.header(), "jwk", newKey(t, "ES256", "x").public(), "jku", "https://evil.example/jwks"), s.claims()},
	} {
		if got := s.own(s.key.sign(t, encoded(t, c.header), encoded(t, c.claims))); got.Status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.Status, got.Raw)
		}
	}
}

// A key that was registered by one of the two names of Ed25519 signs by either: the
// libraries do not agree on one (RFC 9864 section 2.2).
func TestAnAlgorithmWithTwoNames(t *testing.T) {
	t.Parallel()
	d := deputytest.New(t, deputytest.Options{})
	for _, registered := range []string{"EdDSA", "Ed25519"} {
		s := newSigner(t, d, newKey(t, registered, "k1"))
		for _, alg := range []string{"EdDSA", "Ed25519"} {
			if got := s.own(s.key.sign(t, encoded(t, with(s.header(), "alg", alg)), encoded(t, s.claims()))); got.Status != http.StatusOK {
				t.Errorf("registered for %s, signed with %s: %d %s", registered, alg, got.Status, got.Raw)
			}
		}
		for _, alg := range []string{"ES256", "ed25519", "Ed448"} {
			if got := s.own(s.key.sign(t, encoded(t, with(s.header(), "alg", alg)), encoded(t, s.claims()))); got.Status != http.StatusUnauthorized {
				t.Errorf("registered for %s, signed with %s: %d %s", registered, alg, got.Status, got.Raw)
			}
		}
	}
}

// forged is an assertion that must not count, as it goes over the wire.
type forged struct {
	name, compact string
}

// forgeries makes every crafted assertion of threats O22, O23 and O38.
func (s signer) forgeries() []forged {
	t, now, h, c := s.t, s.d.Clock.Now(), s.header(), s.claims()
	es := func(header, claims map[string]any) string {
		return s.key.sign(t, encoded(t, header), encoded(t, claims))
	}
	stranger := newKey(t, "ES256", s.key.kid)
	rs := newKey(t, "RS256", s.key.kid)
	good := es(h, c)
	parts := strings.Split(good, ".")
	jwk := encoded(t, s.key.public())
	with := func(m map[string]any, pairs ...any) map[string]any {
		return with(m, append(pairs, "jti", uuid.NewString())...)
	}
	header := func(pairs ...any) map[string]any {
		out := maps.Clone(h)
		for i := 0; i+1 < len(pairs); i += 2 {
			out[pairs[i].(string)] = pairs[i+1]
		}
		return out
	}
	claims := func(pairs ...any) string { return es(h, with(c, pairs...)) }
	head := func(pairs ...any) string { return es(header(pairs...), with(c)) }
	dup := strings.Replace(encoded(t, with(c)), "{", `{"aud":"https://other.example",`, 1)
	return []forged{
		{"O22: alg none", b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."},
		{"O22: alg none, spelled NoNe", b64([]byte(`{"alg":"NoNe"}`)) + "." + parts[1] + "."},
		{"O22: alg none with the old signature", b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + "." + parts[2]},
		{"O22: HMAC with the public key", hmacSigned(jwk, encoded(t, header("alg", "HS256")), encoded(t, with(c)))},
		{"O22: HMAC with nothing", hmacSigned("", encoded(t, header("alg", "HS256")), encoded(t, with(c)))},
		{"O22: says RS256, is ES256", head("alg", "RS256")},
		{"O22: says ES256, is RS256", rs.sign(t, encoded(t, h), encoded(t, with(c)))},
		{"O22: signed by a key of another kind", rs.sign(t, encoded(t, header("alg", "RS256")), encoded(t, with(c)))},
		{"O22: says ES384", head("alg", "ES384")},
		{"O22: says ES256K", head("alg", "ES256K")},
		{"O22: no alg", es(map[string]any{"kid": s.key.kid}, with(c))},
		{"O22: alg is a number", head("alg", 5)},
		{"O22: typ of an access token", head("typ", "at+jwt")},
		{"O22: typ of a DPoP proof", head("typ", "dpop+jwt")},
		{"O22: typ of a logout token", head("typ", "logout+jwt")},
		{"O22: critical extensions", head("crit", []string{"exp"})},
		{"O22: payload not encoded", head("b64", false, "crit", []string{"b64"})},
		{"O23: somebody else's key of the same name", stranger.sign(t, encoded(t, h), encoded(t, with(c)))},
		{"O23: kid is a path", head("kid", "../../dev/null")},
		{"O23: kid is SQL", head("kid", "' or 1=1 --")},
		{"O23: kid is an address", head("kid", "https://evil.example/k")},
		{"O23: kid is 3 KB", head("kid", strings.Repeat("k", 3000))},
		{"O23: the header brings its key", stranger.sign(t, encoded(t, header("jwk", stranger.public())), encoded(t, with(c)))},
		{"O38: aud is the token endpoint", claims("aud", s.d.URL+"/oauth/token")},
		{"O38: aud is another server", claims("aud", "https://other.example")},
		{"O38: aud is two servers", claims("aud", []string{s.d.URL, "https://other.example"})},
		{"O38: aud is the issuer twice", claims("aud", []string{s.d.URL, s.d.URL})},
		{"O38: aud is an empty list", claims("aud", []string{})},
		{"O38: aud with a slash", claims("aud", s.d.URL+"/")},
		{"O38: no aud", claims("aud", nil)},
		{"O38: aud is there twice", s.key.sign(t, encoded(t, h), dup)},
		{"O38: iss is another", claims("iss", "app_other")},
		{"O38: sub and iss are another", claims("iss", "app_other", "sub", "app_other")},
		{"O38: no sub", claims("sub", nil)},
		{"O38: no exp", claims("exp", nil)},
		{"O38: expired", claims("exp", now.Add(-time.Minute).Unix())},
		{"O38: ten minutes", claims("exp", now.Add(10*time.Minute).Unix())},
		{"O38: exp is a string", claims("exp", "9999999999")},
		{"O38: exp is huge", claims("exp", 1e18)},
		{"O38: exp is in milliseconds", claims("exp", now.Add(time.Minute).UnixMilli())},
		{"O38: issued in the future", claims("iat", now.Add(time.Minute).Unix())},
		{"O38: not before the future", claims("nbf", now.Add(time.Minute).Unix())},
		{"O38: no jti", es(h, func() map[string]any { m := maps.Clone(c); delete(m, "jti"); return m }())},
		{"O38: jti is a number", es(h, func() map[string]any { m := maps.Clone(c); m["jti"] = 5; return m }())},
		{"O38: jti is 1 KB", es(h, func() map[string]any { m := maps.Clone(c); m["jti"] = strings.Repeat("j", 1000); return m }())},
		{"signature cut", good[:len(good)-4]},
		{"signature of other claims", parts[0] + "." + b64([]byte(encoded(t, with(c)))) + "." + parts[2]},
		{"padding", parts[0] + "." + parts[1] + "." + parts[2] + "=="},
		{"line breaks", parts[0] + "." + parts[1] + "\n." + parts[2]},
		{"two parts", parts[0] + "." + parts[1]},
		{"five parts", good + ".."},
		{"claims are a list", s.key.sign(t, encoded(t, h), `["`+string(s.app.ID)+`"]`)},
		{"something follows the claims", s.key.sign(t, encoded(t, h), encoded(t, with(c))+"{}")},
		{"not a JWT", "hello"},
	}
}

func TestThreat_O22_O23_O38_ForgedAssertions(t *testing.T) {
	t.Parallel()
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		s := newSigner(t, d, newKey(t, "ES256", "k1"))
		all := s.forgeries()
		if len(all) < 40 {
			t.Fatalf("only %d forgeries", len(all))
		}
		for _, f := range all {
			got := s.own(f.compact)
			if got.Status != http.StatusUnauthorized || got.Text("error") != "invalid_client" {
				t.Errorf("%s: %d %s", f.name, got.Status, got.Raw)
			}
			if got.Header.Get("WWW-Authenticate") == "" || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: headers %v", f.name, got.Header)
			}
		}
		if n := d.Count("SELECT count(*) FROM seen"); n != 0 {
			t.Errorf("%d forgeries left a row", n)
		}
		if got := s.own(s.assertion()); got.Status != http.StatusOK {
			t.Errorf("the honest app is refused afterwards: %s", got.Raw)
		}
	})
}

func TestThreat_O38_AnAssertionCountsOnce(t *testing.T) {
	t.Parallel()
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		s := newSigner(t, d, newKey(t, "EdDSA", "k1"))
		compact := s.assertion()
		var mu sync.Mutex
		status := map[int]int{}
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				got := s.own(compact)
				mu.Lock()
				defer mu.Unlock()
				status[got.Status]++
			})
		}
		wg.Wait()
		if status[http.StatusOK] != 1 || status[http.StatusUnauthorized] != 11 {
			t.Errorf("12 at once: %v", status)
		}
		if got := d.Post("/oauth/revoke", asserted(compact, "token", "x")); got.Status != http.StatusUnauthorized {
			t.Errorf("at another endpoint: %d", got.Status)
		}
		// What two clients call the same is not the same.
		other := newSigner(t, d, newKey(t, "EdDSA", "k1"))
		same := with(s.claims(), "jti", "one")
		if got := s.own(s.key.sign(t, encoded(t, s.header()), encoded(t, same))); got.Status != http.StatusOK {
			t.Fatal(got.Raw)
		}
		if got := other.own(other.key.sign(t, encoded(t, other.header()), encoded(t, with(other.claims(), "jti", "one")))); got.Status != http.StatusOK {
			t.Errorf("another client's jti got in the way: %s", got.Raw)
		}
		// Ended rows go with later writes.
		d.Clock.Add(time.Hour)
		s.own(s.assertion())
		s.own(s.assertion())
		if n := d.Count("SELECT count(*) FROM seen"); n > 2 {
			t.Errorf("%d rows of ended assertions are left", n)
		}
	})
}

func TestOneMethodOnly(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	s := newSigner(t, d, newKey(t, "ES256", "k1"))
	secretApp := d.App(deputytest.Confidential)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(string(secretApp.ID)+":"+secretApp.Secret))
	cc := func(form url.Values, pairs ...string) int {
		form.Set("grant_type", "client_credentials")
		return d.Post("/oauth/token", form, pairs...).Status
	}
	for name, got := range map[string]int{
		"an assertion and a secret": cc(asserted(s.assertion(), "client_secret", "x")),
		"an assertion and Basic":    cc(asserted(s.assertion()), "Authorization", basic),
		"another client_id":         cc(asserted(s.assertion(), "client_id", string(secretApp.ID))),
		"another type":              cc(url.Values{"client_assertion": {s.assertion()}, "client_assertion_type": {"urn:other"}}),
		"no type":                   cc(url.Values{"client_assertion": {s.assertion()}}),
		"only a type":               cc(url.Values{"client_assertion_type": {assertionType}, "client_id": {string(s.app.ID)}}),
		"no proof at all":           cc(url.Values{"client_id": {string(s.app.ID)}}),
		"a secret it does not have": cc(url.Values{"client_id": {string(s.app.ID)}, "client_secret": {"x"}}),
		"signed for a secret app": cc(asserted(s.key.sign(t, encoded(t, s.header()),
			encoded(t, with(s.claims(), "iss", secretApp.ID, "sub", secretApp.ID))))),
	} {
		want := http.StatusUnauthorized
		if name == "an assertion and a secret" || name == "an assertion and Basic" {
			want = http.StatusBadRequest // malformed, whoever sent it: RFC 6749 section 5.2
		}
		if got != want {
			t.Errorf("%s: %d", name, got)
		}
	}
}

// Whatever is presented, authentication ends in a refusal and never in a write,
// unless it is the honest assertion.
func FuzzAssertion(f *testing.F) {
	k := newKey(f, "ES256", "k1")
	now := time.Unix(1_800_000_000, 0)
	honest := k.sign(f, `{"alg":"ES256","kid":"k1"}`, fmt.Sprintf(`{"iss":"app","sub":"app","aud":"https://deputy.example","jti":"1","exp":%d}`, now.Unix()+60))
	parts := strings.Split(honest, ".")
	for _, seed := range []string{honest, parts[0] + "." + parts[1] + ".", "..", "a.b.c", b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."} {
		f.Add(seed)
	}
	a := clients.Authenticator{
		Source: source{"app": {ID: "app", Confidential: true, AuthMethod: clients.PrivateKeyJWT, JWKS: encoded(f, set(k.public()))}},
		Issuer: "https://deputy.example", Seen: once{}, Now: func() time.Time { return now },
	}
	f.Fuzz(func(t *testing.T, compact string) {
		cred, err := clients.Present("", asserted(compact))
		if err != nil {
			return
		}
		c, err := a.Authenticate(t.Context(), cred)
		if (err == nil) != (compact == honest) {
			// Another signature over the same claims would be one, too: only the honest
			// header and claims may ever count.
			got := strings.Split(compact, ".")
			if err == nil && got[0] == parts[0] && got[1] == parts[1] {
				return
			}
			t.Fatalf("%q: %v %v", compact, c.ID, err)
		}
	})
}
