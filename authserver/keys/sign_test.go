package keys_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/authserver/keys"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/resourceserver/vault"
)

func newSealer(t *testing.T) sealer {
	t.Helper()
	v, err := vault.Create(filepath.Join(t.TempDir(), "vault.key"))
	if err != nil {
		t.Fatal(err)
	}
	return sealer{v}
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decode(t *testing.T, part string) []byte {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	var head struct{ Kid string }
	if err := json.Unmarshal(decode(t, strings.Split(token, ".")[0]), &head); err != nil {
		t.Fatal(err)
	}
	return head.Kid
}

// publicKey is the key as a verifier reads it from the document.
func publicKey(t *testing.T, r *keys.Ring) *ecdsa.PublicKey {
	t.Helper()
	var set struct {
		Keys []struct{ X, Y string }
	}
	if err := json.Unmarshal(r.JWKS(t.Context()), &set); err != nil {
		t.Fatal(err)
	}
	x, y := decode(t, set.Keys[0].X), decode(t, set.Keys[0].Y)
	return &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
}

// The token is checked with the standard library alone, as a stranger would.
func TestAStrangerCanVerifyWithTheDocument(t *testing.T) {
	r := newWorld(t, dbtest.SQLite(t)).open(t)
	token := sign(t, r, map[string]any{"iss": "http://localhost:8080", "sub": "user_ana"}, "JWT")
	parts := strings.Split(token, ".")
	if want := fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"JWT"}`, published(t, r)[0]); string(decode(t, parts[0])) != want {
		t.Errorf("header %s, want %s", decode(t, parts[0]), want)
	}
	if want := `{"iss":"http://localhost:8080","sub":"user_ana"}`; string(decode(t, parts[1])) != want {
		t.Errorf("payload %s, want %s", decode(t, parts[1]), want)
	}
	sum, signature := sha256.Sum256([]byte(parts[0]+"."+parts[1])), decode(t, parts[2])
	if len(signature) != 64 {
		t.Fatalf("the signature has %d bytes, want 64 (RFC 7518 section 3.4)", len(signature))
	}
	if !ecdsa.Verify(publicKey(t, r), sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		t.Error("the signature does not verify")
	}
}

func TestTheDocumentMayBeCachedAndReadFromAnywhere(t *testing.T) {
	r := newWorld(t, dbtest.SQLite(t)).open(t)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest("GET", "/oauth/jwks.json", nil))
	got := map[string]string{}
	for _, name := range []string{"Content-Type", "Cache-Control", "Access-Control-Allow-Origin"} {
		got[name] = w.Header().Get(name)
	}
	want := map[string]string{
		"Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestVerifyLooksAtTheTimeAndHintDoesNot(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	r, now := w.open(t), w.clock.now()
	token := sign(t, r, map[string]any{"sub": "ana", "nbf": now.Unix(), "exp": now.Add(time.Minute).Unix()}, "JWT")
	endless := sign(t, r, map[string]any{"sub": "ana"}, "JWT")
	for _, c := range []struct {
		name  string
		token string
		at    time.Time
		want  error
	}{
		{"in time", token, now, nil},
		{"the last second", token, now.Add(59 * time.Second), nil},
		{"at its end", token, now.Add(time.Minute), keys.ErrExpired},
		{"before its time", token, now.Add(-time.Second), keys.ErrExpired},
		{"without an end", endless, now, keys.ErrExpired},
	} {
		claims, err := r.Verify(t.Context(), c.token, "JWT", c.at)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if (claims != nil) != (c.want == nil) {
			t.Errorf("%s: claims %v together with %v", c.name, claims, err)
		}
		if claims, err := r.Hint(t.Context(), c.token, "JWT"); err != nil || claims["sub"] != "ana" {
			t.Errorf("%s: hint %v, %v", c.name, claims, err)
		}
	}
}

// Each is a token that some library has accepted once (threats O22, O23).
func TestCraftedTokensAreRefused(t *testing.T) {
	r := newWorld(t, dbtest.SQLite(t)).open(t)
	kid, public := published(t, r)[0], publicKey(t, r)
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	payload := b64(`{"sub":"ana","exp":9999999999}`)
	es256 := func(header string) string {
		input := b64(header) + "." + payload
		sum := sha256.Sum256([]byte(input))
		a, b, err := ecdsa.Sign(rand.Reader, own, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		var signature [64]byte
		a.FillBytes(signature[:32])
		b.FillBytes(signature[32:])
		return input + "." + base64.RawURLEncoding.EncodeToString(signature[:])
	}
	hs256 := func(header string, key []byte) string {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(b64(header) + "." + payload))
		return b64(header) + "." + payload + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	point, err := public.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	good := sign(t, r, map[string]any{"sub": "ana", "exp": 9999999999}, "JWT")
	parts := strings.Split(good, ".")
	with := func(members string) string { return `{"alg":"ES256","kid":"` + kid + `","typ":"JWT"` + members + `}` }
	head := func(alg, kid string) string { return fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"JWT"}`, alg, kid) }

	tokens := map[string]string{
		"nothing":                   "",
		"dots":                      "..",
		"header only":               parts[0],
		"no signature":              parts[0] + "." + parts[1] + ".",
		"a fourth part":             good + ".x",
		"another payload":           parts[0] + "." + b64(`{"sub":"ben"}`) + "." + parts[2],
		"a flipped signature":       parts[0] + "." + parts[1] + "." + flip(parts[2]),
		"a signature of zeros":      parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"a short signature":         parts[0] + "." + parts[1] + "." + parts[2][:40],
		"padding":                   good + "=",
		"a space":                   good + " ",
		"a line":                    parts[0] + "\n." + parts[1] + "." + parts[2],
		"JSON serialisation":        `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
		"alg none":                  b64(head("none", kid)) + "." + payload + ".",
		"alg None":                  b64(head("None", kid)) + "." + payload + "." + parts[2],
		"alg none with our rest":    b64(head("none", kid)) + "." + parts[1] + "." + parts[2],
		"alg empty":                 b64(head("", kid)) + "." + payload + "." + parts[2],
		"HMAC with the public key":  hs256(head("HS256", kid), point),
		"HMAC with the document":    hs256(head("HS256", kid), r.JWKS(t.Context())),
		"HMAC called ES256":         hs256(head("ES256", kid), point),
		"RS256":                     es256(head("RS256", kid)),
		"ES384":                     es256(head("ES384", kid)),
		"EdDSA":                     es256(head("EdDSA", kid)),
		"own key, our kid":          es256(head("ES256", kid)),
		"own key, no kid":           es256(`{"alg":"ES256","typ":"JWT"}`),
		"kid with a path":           es256(head("ES256", "../../etc/passwd")),
		"kid with SQL":              es256(head("ES256", "' or 1=1 --")),
		"kid with a URL":            es256(head("ES256", "http://127.0.0.1/key")),
		"kid of 10 KB":              es256(head("ES256", strings.Repeat("k", 10<<10))),
		"kid is a number":           es256(`{"alg":"ES256","kid":1,"typ":"JWT"}`),
		"kid twice":                 es256(`{"alg":"ES256","kid":"x","kid":"` + kid + `","typ":"JWT"}`),
		"jku":                       es256(with(`,"jku":"http://127.0.0.1/keys"`)),
		"x5u":                       es256(with(`,"x5u":"http://127.0.0.1/cert"`)),
		"embedded jwk":              es256(with(`,"jwk":` + jwkOf(t, own) + ``)),
		"crit":                      es256(with(`,"crit":["exp"]`)),
		"b64 false":                 es256(with(`,"b64":false,"crit":["b64"]`)),
		"our header with a space":   b64(strings.ReplaceAll(string(decode(t, parts[0])), ",", ", ")) + "." + parts[1] + "." + parts[2],
		"our header, other order":   b64(fmt.Sprintf(`{"typ":"JWT","alg":"ES256","kid":%q}`, kid)) + "." + parts[1] + "." + parts[2],
		"typ missing":               es256(fmt.Sprintf(`{"alg":"ES256","kid":%q}`, kid)),
		"a token of 20 KB":          parts[0] + "." + strings.Repeat("a", 20<<10) + "." + parts[2],
		"our signature, DER":        parts[0] + "." + parts[1] + "." + der(t, decode(t, parts[2])),
		"control characters":        "\x00" + good,
		"a token of another server": otherServers(t),
	}
	if len(tokens) < 40 {
		t.Errorf("only %d tokens", len(tokens))
	}
	for name, token := range tokens {
		if claims, err := r.Hint(t.Context(), token, "JWT"); !errors.Is(err, keys.ErrNotOurs) || claims != nil {
			t.Errorf("%s: %v, %v; want ErrNotOurs", name, claims, err)
		}
	}
	if _, err := r.Verify(t.Context(), good, "JWT", time.Unix(1, 0)); err != nil {
		t.Errorf("the good token: %v", err)
	}
}

func TestATokenOfOneTypeIsNoTokenOfAnother(t *testing.T) {
	r := newWorld(t, dbtest.SQLite(t)).open(t)
	types := []string{"JWT", "at+jwt", "logout+jwt", "dpop+jwt", "jwt", "at+JWT"}
	for _, made := range types {
		token := sign(t, r, map[string]any{"sub": "ana"}, made)
		for _, asked := range append(types, "") {
			_, err := r.Hint(t.Context(), token, asked)
			if (err == nil) != (made == asked) {
				t.Errorf("made as %q, presented as %q: %v", made, asked, err)
			}
		}
	}
	if _, err := r.Sign(t.Context(), nil, ""); err == nil {
		t.Error("a token without a type was signed")
	}
}

// otherServers is a token signed by a server with a key of its own.
func otherServers(t *testing.T) string {
	t.Helper()
	return sign(t, newWorld(t, dbtest.SQLite(t)).open(t), map[string]any{"sub": "ana"}, "JWT")
}

func flip(part string) string {
	if part[0] == 'A' {
		return "B" + part[1:]
	}
	return "A" + part[1:]
}

func jwkOf(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, encode(point[1:33]), encode(point[33:]))
}

// der is a raw signature in the other encoding libraries know.
func der(t *testing.T, raw []byte) string {
	t.Helper()
	integer := func(b []byte) []byte { return append([]byte{2, byte(len(b) + 1), 0}, b...) }
	body := append(integer(raw[:32]), integer(raw[32:])...)
	return base64.RawURLEncoding.EncodeToString(append([]byte{0x30, byte(len(body))}, body...))
}

func BenchmarkSign(b *testing.B) {
	v, err := vault.Create(filepath.Join(b.TempDir(), "vault.key"))
	if err != nil {
		b.Fatal(err)
	}
	r, err := keys.Open(b.Context(), keys.Config{Store: &memory{}, Sealer: sealer{v}})
	if err != nil {
		b.Fatal(err)
	}
	claims := map[string]any{"iss": "http://localhost:8080", "sub": "user_ana", "aud": "app_1", "exp": 1, "iat": 1, "nonce": "n"}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := r.Sign(b.Context(), claims, "JWT"); err != nil {
				b.Error(err)
			}
		}
	})
}
