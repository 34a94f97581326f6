package bearer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

const (
	origin = "https://api.example"
	at     = "dpa_token"
)

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// proof is one that fits GET https://api.example/notes with the token at; a test
// changes one thing.
type proof struct {
	head, claims map[string]any
	sign         func(input string) []byte
}

func fitting(t testing.TB) proof {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(at))
	return proof{
		head:   map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": public(t, key.Public())},
		claims: map[string]any{"jti": rand.Text(), "htm": "GET", "htu": origin + "/notes", "iat": noon().Unix(), "ath": base64.RawURLEncoding.EncodeToString(sum[:])},
		sign:   es256(t, key),
	}
}

func es256(t testing.TB, key *ecdsa.PrivateKey) func(string) []byte {
	return func(input string) []byte {
		sum := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out
	}
}

func public(t testing.TB, key any) map[string]any {
	t.Helper()
	k, err := jwk.FromRaw(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (p proof) text(t testing.TB) string {
	t.Helper()
	input := part(t, p.head) + "." + part(t, p.claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(p.sign(input))
}

func part(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func newProofs() *Proofs {
	return &Proofs{Origin: origin, Replays: &Memory{Now: noon}, NonceKey: []byte("0123456789abcdef0123456789abcdef"), Now: noon}
}

func check(p *Proofs, method, path, token string, proofs ...string) (string, error) {
	r := httptest.NewRequest(method, path, nil)
	for _, text := range proofs {
		r.Header.Add("DPoP", text)
	}
	return p.Check(r, token)
}

func TestEveryKindOfKeyProves(t *testing.T) {
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ed := func(input string) []byte { return ed25519.Sign(edPrivate, []byte(input)) }
	signRSA := func(opts crypto.SignerOpts) func(string) []byte {
		return func(input string) []byte {
			sum := sha256.Sum256([]byte(input))
			out, err := rsaKey.Sign(rand.Reader, sum[:], opts)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	for _, k := range []struct {
		alg  string
		key  any
		sign func(string) []byte
	}{
		{"EdDSA", edPublic, ed},
		{"Ed25519", edPublic, ed},
		{"PS256", rsaKey.Public(), signRSA(&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})},
		{"RS256", rsaKey.Public(), signRSA(crypto.SHA256)},
	} {
		p := fitting(t)
		p.head["alg"], p.head["jwk"], p.sign = k.alg, public(t, k.key), k.sign
		if thumbprint, err := check(newProofs(), "GET", "/notes", at, p.text(t)); err != nil || len(thumbprint) != 43 {
			t.Errorf("%s: thumbprint %q, error %v", k.alg, thumbprint, err)
		}
	}
}

// RFC 9449 section 4.1's own proof, with the thumbprint of section 6.1.
func TestProofOfTheRFC(t *testing.T) {
	const text = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	then := time.Unix(1562262616, 0)
	p := &Proofs{Origin: "https://server.example.com", Replays: &Memory{}, Now: func() time.Time { return then }}
	thumbprint, err := check(p, "POST", "/token", "", text)
	if err != nil || thumbprint != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" {
		t.Errorf("thumbprint %q, error %v", thumbprint, err)
	}
}

func TestProofsThatFit(t *testing.T) {
	for name, change := range map[string]func(proof){
		"as it is":                    func(proof) {},
		"with a query and a fragment": func(p proof) { p.claims["htu"] = origin + "/notes?x=1#y" },
		"with the port of the scheme": func(p proof) { p.claims["htu"] = "https://api.example:443/notes" },
		"with capitals in the host":   func(p proof) { p.claims["htu"] = "HTTPS://API.example/notes" },
		"with a needless escape":      func(p proof) { p.claims["htu"] = origin + "/%6eotes" },
		"a minute old":                func(p proof) { p.claims["iat"] = noon().Unix() - 60 },
		"a minute early":              func(p proof) { p.claims["iat"] = noon().Unix() + 60 },
		"with a fraction of a second": func(p proof) { p.claims["iat"] = float64(noon().Unix()) + .25 },
		"with claims we do not know":  func(p proof) { p.claims["exp"] = 1 },
	} {
		p := fitting(t)
		change(p)
		if _, err := check(newProofs(), "GET", "/notes?page=2", at, p.text(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each thing that is not as it must be, one at a time.
func TestThreat_O31_ProofsThatDoNotFit(t *testing.T) {
	edPublic, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(p *proof){
		"another typ":             func(p *proof) { p.head["typ"] = "JWT" },
		"no typ":                  func(p *proof) { delete(p.head, "typ") },
		"alg none":                func(p *proof) { p.head["alg"] = "none"; p.sign = func(string) []byte { return nil } },
		"alg of another key":      func(p *proof) { p.head["alg"] = "RS256" },
		"a symmetric alg":         func(p *proof) { p.head["alg"] = "HS256" },
		"a crit header":           func(p *proof) { p.head["crit"] = []string{"b64"} },
		"no key":                  func(p *proof) { delete(p.head, "jwk") },
		"a private key":           func(p *proof) { p.head["jwk"].(map[string]any)["d"] = "AAAA" },
		"a symmetric key":         func(p *proof) { p.head["jwk"] = map[string]any{"kty": "oct", "k": "AAAA"} },
		"another key":             func(p *proof) { p.head["jwk"] = public(t, edPublic); p.head["alg"] = "EdDSA" },
		"a point off the curve":   func(p *proof) { p.head["jwk"].(map[string]any)["x"] = p.head["jwk"].(map[string]any)["y"] },
		"a signature of one less": func(p *proof) { s := p.sign; p.sign = func(in string) []byte { return s(in)[:63] } },
		"no jti":                  func(p *proof) { delete(p.claims, "jti") },
		"an endless jti":          func(p *proof) { p.claims["jti"] = strings.Repeat("j", 300) },
		"a jti of another type":   func(p *proof) { p.claims["jti"] = 7 },
		"another method":          func(p *proof) { p.claims["htm"] = "POST" },
		"a method in small":       func(p *proof) { p.claims["htm"] = "get" },
		"another path":            func(p *proof) { p.claims["htu"] = origin + "/note" },
		"a path below":            func(p *proof) { p.claims["htu"] = origin + "/notes/" },
		"another host":            func(p *proof) { p.claims["htu"] = "https://evil.example/notes" },
		"another scheme":          func(p *proof) { p.claims["htu"] = "http://api.example/notes" },
		"another port":            func(p *proof) { p.claims["htu"] = "https://api.example:8443/notes" },
		"a user in the address":   func(p *proof) { p.claims["htu"] = "https://api.example@evil.example/notes" },
		"only a path":             func(p *proof) { p.claims["htu"] = "/notes" },
		"no iat":                  func(p *proof) { delete(p.claims, "iat") },
		"an iat in words":         func(p *proof) { p.claims["iat"] = "now" },
		"a negative iat":          func(p *proof) { p.claims["iat"] = -1 },
		"no ath":                  func(p *proof) { delete(p.claims, "ath") },
		"the ath of another":      func(p *proof) { p.claims["ath"] = p.claims["ath"].(string)[1:] + "A" },
	} {
		p := fitting(t)
		change(&p)
		proofs := newProofs()
		_, err := check(proofs, "GET", "/notes", at, p.text(t))
		var bad *ProofError
		if !errors.As(err, &bad) || bad.Code() != InvalidProof {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(proofs.Replays.(*Memory).seen); n != 0 {
			t.Errorf("%s: a refused proof was remembered", name)
		}
	}
	p := fitting(t)
	if _, err := check(newProofs(), "GET", "/notes", at, p.text(t), p.text(t)); err == nil {
		t.Error("two proofs in one request counted")
	}
	if thumbprint, err := check(newProofs(), "GET", "/notes", at); err != nil || thumbprint != "" {
		t.Errorf("no proof gave %q, %v", thumbprint, err)
	}
}

// A client whose clock is off works after one more request; a nonce that is old
// or not ours does not help.
func TestNoncesTakeTheClocksPlace(t *testing.T) {
	proofs := newProofs()
	p := fitting(t)
	p.claims["iat"] = noon().Add(-3 * time.Hour).Unix()
	_, err := check(proofs, "GET", "/notes", at, p.text(t))
	var bad *ProofError
	if !errors.As(err, &bad) || bad.Code() != UseNonce || bad.Nonce == "" {
		t.Fatalf("an old proof: %v", err)
	}
	p.claims["nonce"] = bad.Nonce
	if _, err := check(proofs, "GET", "/notes", at, p.text(t)); err != nil {
		t.Errorf("with the nonce: %v", err)
	}
	for name, nonce := range map[string]string{
		"six minutes old": proofs.newNonce(noon().Add(-6 * time.Minute)),
		"of the future":   proofs.newNonce(noon().Add(6 * time.Minute)),
		"not ours":        (&Proofs{NonceKey: []byte("another")}).newNonce(noon()),
		"changed":         "B" + bad.Nonce[1:],
		"not base64":      "%%%",
	} {
		again := fitting(t)
		again.claims["nonce"] = nonce
		var refusal *ProofError
		if _, err := check(proofs, "GET", "/notes", at, again.text(t)); !errors.As(err, &refusal) || refusal.Code() != UseNonce {
			t.Errorf("a nonce %s: %v", name, err)
		}
	}
}

func TestThreat_O31_AProofIsGoodOnce(t *testing.T) {
	proofs, other := newProofs(), newProofs()
	other.Replays = proofs.Replays // another replica
	text := fitting(t).text(t)
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		p := proofs
		if i%2 == 1 {
			p = other
		}
		all.Go(func() {
			if _, err := check(p, "GET", "/notes", at, text); err == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 20 requests with one proof passed", won.Load())
	}
}

func TestMemoryRefusesRatherThanForgets(t *testing.T) {
	now := noon()
	m := &Memory{Now: func() time.Time { return now }}
	for range memoryLimit {
		if first, err := m.First(context.Background(), rand.Text(), noon().Add(time.Minute)); !first || err != nil {
			t.Fatal(first, err)
		}
	}
	if _, err := m.First(context.Background(), "one more", noon().Add(time.Minute)); !errors.Is(err, ErrFull) {
		t.Errorf("full, but: %v", err)
	}
	now = now.Add(2 * time.Minute)
	if first, err := m.First(context.Background(), "one more", now.Add(time.Minute)); !first || err != nil {
		t.Errorf("everything ended, but: %v, %v", first, err)
	}
}

// Bound, unbound, right and wrong key, right and wrong scheme.
func TestThreat_O32_ABoundTokenNeedsItsProof(t *testing.T) {
	mine, theirs := fitting(t), fitting(t)
	thumbprint, err := check(newProofs(), "GET", "/notes", at, mine.text(t))
	if err != nil {
		t.Fatal(err)
	}
	bound := Authority{Active: true, Thumbprint: thumbprint}
	for _, c := range []struct {
		name, scheme string
		token        Authority
		proof        *proof
		want         string // error code; "" when it passes
	}{
		{"bound, with its proof", "DPoP", bound, &mine, ""},
		{"bound, with its proof, scheme in capitals", "DPOP", bound, &mine, ""},
		{"bound, as a bearer token", "Bearer", bound, nil, InvalidToken},
		{"bound, as a bearer token with its proof", "Bearer", bound, &mine, InvalidToken},
		{"bound, without a proof", "DPoP", bound, nil, InvalidProof},
		{"bound, with another key's proof", "DPoP", bound, &theirs, InvalidToken},
		{"unbound, under DPoP", "DPoP", Authority{Active: true}, &mine, InvalidToken},
		{"bound by a certificate, under DPoP", "DPoP", Authority{Active: true, Thumbprint: "unknown"}, &mine, InvalidToken},
		{"unbound, as a bearer token", "Bearer", Authority{Active: true}, nil, ""},
	} {
		r := httptest.NewRequest("GET", "/notes", nil)
		r.Header.Set("Authorization", c.scheme+" "+at)
		if c.proof != nil {
			once := *c.proof
			once.claims = maps.Clone(once.claims)
			once.claims["jti"] = rand.Text()
			r.Header.Set("DPoP", once.text(t))
		}
		_, refusal, err := Admit(r, Config{Verifier: says(c.token), Proofs: newProofs()})
		switch {
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want == "" && refusal != nil:
			t.Errorf("%s: refused with %s", c.name, refusal)
		case c.want != "" && (refusal == nil || refusal.Error != c.want || refusal.Status() != 401 || !strings.HasPrefix(refusal.String(), "DPoP ")):
			t.Errorf("%s: %v, want %s", c.name, refusal, c.want)
		}
	}
	r := httptest.NewRequest("GET", "/notes", nil)
	r.Header.Set("Authorization", "DPoP "+at)
	if _, refusal, _ := Admit(r, Config{Verifier: says(bound)}); refusal == nil {
		t.Error("without a way to check proofs, a bound token passed")
	}
}

type says Authority

func (s says) Verify(context.Context, string) (Authority, error) { return Authority(s), nil }

func FuzzProof(f *testing.F) {
	f.Add(fitting(f).text(f))
	f.Add("..")
	f.Add("eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7fX0.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		proofs := newProofs()
		thumbprint, err := check(proofs, "GET", "/notes", at, text)
		var bad *ProofError
		switch {
		case err == nil && len(thumbprint) != 43:
			t.Errorf("%q gave the thumbprint %q", text, thumbprint)
		case err != nil && !errors.As(err, &bad):
			t.Errorf("%q: %v", text, err)
		}
	})
}
