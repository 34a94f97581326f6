package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// prover is a client that holds a key.
type prover struct {
	t   testing.TB
	d   *deputytest.Deputy
	key *ecdsa.PrivateKey
}

func newProver(t testing.TB, d *deputytest.Deputy) prover {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return prover{t, d, key}
}

// jwk is the public key; its members are in the order of RFC 7638.
func (p prover) jwk() string {
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		p.t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	return `{"crv":"P-256","kty":"EC","x":"` + b64(point[1:33]) + `","y":"` + b64(point[33:]) + `"}`
}

func (p prover) thumbprint() string {
	sum := sha256.Sum256([]byte(p.jwk()))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// proof proves a request now; change changes its claims before they are signed.
func (p prover) proof(method, path, token string, change ...func(map[string]any)) string {
	p.t.Helper()
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": p.d.URL + path, "iat": p.d.Clock.Now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	for _, c := range change {
		c(claims)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	input := b64([]byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+p.jwk()+`}`)) + "." + b64(body)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		p.t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + b64(signature)
}

// token calls the token endpoint with a proof.
func (p prover) token(form url.Values) deputytest.Answer {
	p.t.Helper()
	return p.d.Post("/oauth/token", form, "DPoP", p.proof("POST", "/oauth/token", ""))
}

// call uses an access token with a proof.
func (p prover) call(token, method, path string) deputytest.Answer {
	p.t.Helper()
	return p.d.Send(method, path, "", "Authorization", "DPoP "+token, "DPoP", p.proof(method, path, token))
}

// refusedWith fails the test unless a is an OAuth error with this code.
func refusedWith(t testing.TB, what string, a deputytest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Text("error") != code {
		t.Errorf("%s: %d %s, want %d %s", what, a.Status, a.Raw, status, code)
	}
}

func TestATokenIsBoundToItsKey(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana, mine, theirs := d.App(deputytest.Public), d.SignedIn("ana"), newProver(t, d), newProver(t, d)
		got := mine.token(app.Redemption(ana.Authorize(app, "openid", "profile")))
		if got.Status != 200 || got.Text("token_type") != "DPoP" {
			t.Fatalf("redeem: %d %s", got.Status, got.Raw)
		}
		access, refresh := got.Text("access_token"), got.Text("refresh_token")
		if me := mine.call(access, "GET", "/oauth/userinfo"); me.Status != 200 || me.Text("name") != "Ana Example" {
			t.Errorf("userinfo: %d %s", me.Status, me.Raw)
		}
		for what, a := range map[string]deputytest.Answer{
			"as a bearer token":      d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+access),
			"with another key":       theirs.call(access, "GET", "/oauth/userinfo"),
			"without a proof":        d.Send("GET", "/oauth/userinfo", "", "Authorization", "DPoP "+access),
			"as bearer with a proof": d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+access, "DPoP", mine.proof("GET", "/oauth/userinfo", access)),
		} {
			if a.Status != 401 || a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %d %s", what, a.Status, a.Raw)
			}
		}
		refusedWith(t, "a refresh without the key", d.Token(app.Refreshing(refresh)), 400, "invalid_grant")
		refusedWith(t, "a refresh with another key", theirs.token(app.Refreshing(refresh)), 400, "invalid_grant")
		for range 3 { // bound to a key, it need not change: there is nothing to replay
			next := mine.token(app.Refreshing(refresh))
			if next.Status != 200 || next.Text("refresh_token") != refresh || next.Text("token_type") != "DPoP" {
				t.Errorf("refresh: %d %s", next.Status, next.Raw)
			}
		}
	})
}

func TestAConfidentialClientMayChangeKeys(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	app, ana, first, second := d.App(deputytest.Confidential), d.SignedIn("ana"), newProver(t, d), newProver(t, d)
	got := first.token(app.Redemption(ana.Authorize(app, "profile")))
	next := second.token(app.Refreshing(got.Text("refresh_token")))
	if next.Status != 200 {
		t.Fatalf("refresh with a new key: %d %s", next.Status, next.Raw)
	}
	if a := second.call(next.Text("access_token"), "GET", "/oauth/userinfo"); a.Status != 200 {
		t.Errorf("the new key: %d %s", a.Status, a.Raw)
	}
	if a := first.call(next.Text("access_token"), "GET", "/oauth/userinfo"); a.Status != 401 {
		t.Errorf("the old key: %d %s", a.Status, a.Raw)
	}
}

// A bound token sent as a bearer token is a stolen one: at the broker, and where
// a resource server is told what it is.
func TestThreat_O32_ABoundTokenIsNoBearerToken(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana, mine, theirs := d.App(deputytest.Confidential), d.SignedIn("ana"), newProver(t, d), newProver(t, d)
		code := ana.Code(ana.Ask(app.Query("services.github.repositories.read")).Agree("700100001"))
		access := mine.token(app.Redemption(code)).Text("access_token")
		const path = "/api/github/repos/acme/web"
		if a := mine.call(access, "GET", path); a.Status != 200 || a.Text("full_name") != "acme/web" {
			t.Errorf("with its proof: %d %s", a.Status, a.Raw)
		}
		bearer := d.API(access, "GET", path)
		refusedWith(t, "as a bearer token", bearer, 401, "invalid_token")
		if h := bearer.Header.Get("WWW-Authenticate"); !strings.HasPrefix(h, "DPoP ") || !strings.Contains(h, `algs="ES256 `) {
			t.Errorf("the challenge is %q", h)
		}
		refusedWith(t, "with another key", theirs.call(access, "GET", path), 401, "invalid_token")
		refusedWith(t, "without a proof", d.Send("GET", path, "", "Authorization", "DPoP "+access), 401, "invalid_dpop_proof")
		plain := d.Redeem(app, ana.Authorize(app, "services.github.repositories.read")).Access
		refusedWith(t, "an unbound token under DPoP", mine.call(plain, "GET", path), 401, "invalid_token")

		seen := d.Introspect(string(app.ID), app.Secret, access)
		cnf, _ := seen.JSON["cnf"].(map[string]any)
		if seen.Text("token_type") != "DPoP" || cnf["jkt"] != mine.thumbprint() {
			t.Errorf("introspection says %s", seen.Raw)
		}
		if seen := d.Introspect(string(app.ID), app.Secret, plain); seen.Text("token_type") != "Bearer" || seen.JSON["cnf"] != nil {
			t.Errorf("introspection of an unbound token says %s", seen.Raw)
		}
	})
}

// A proof works once, for its own request, token and minute, whichever replica is
// asked.
func TestThreat_O31_AProofIsForOneRequest(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana, mine := d.App(deputytest.Public), d.SignedIn("ana"), newProver(t, d)
		got := mine.token(app.Redemption(ana.Authorize(app, "profile")))
		access, refresh := got.Text("access_token"), got.Text("refresh_token")
		const path = "/oauth/userinfo"
		for what, proof := range map[string]string{
			"another method":        mine.proof("POST", path, access),
			"another path":          mine.proof("GET", "/oauth/token", access),
			"another token":         mine.proof("GET", path, access+"x"),
			"no token":              mine.proof("GET", path, ""),
			"the Host header's":     mine.proof("GET", path, access, func(c map[string]any) { c["htu"] = "https://evil.example" + path }),
			"an algorithm-less one": strings.Replace(mine.proof("GET", path, access), ".", "..", 1),
		} {
			a := d.Send("GET", path, "", "Authorization", "DPoP "+access, "DPoP", proof)
			refusedWith(t, "the proof of "+what, a, 401, "invalid_dpop_proof")
		}
		// Off by more than a minute: come again with a nonce.
		for _, off := range []time.Duration{-61 * time.Second, 61 * time.Second} {
			then := func(c map[string]any) { c["iat"] = d.Clock.Now().Add(off).Unix() }
			late := d.Post("/oauth/token", app.Refreshing(refresh), "DPoP", mine.proof("POST", "/oauth/token", "", then))
			refusedWith(t, "a proof of another time", late, 400, "use_dpop_nonce")
			nonce := late.Header.Get("DPoP-Nonce")
			with := func(c map[string]any) { c["nonce"] = nonce }
			if a := d.Post("/oauth/token", app.Refreshing(refresh), "DPoP", mine.proof("POST", "/oauth/token", "", then, with)); a.Status != 200 {
				t.Errorf("with the nonce: %d %s", a.Status, a.Raw)
			}
			if !strings.Contains(late.Header.Get("Access-Control-Expose-Headers"), "DPoP-Nonce") {
				t.Error("a browser's script cannot read the nonce")
			}
		}
		refusedWith(t, "two proofs", d.Post("/oauth/token", app.Refreshing(refresh), "DPoP", mine.proof("POST", "/oauth/token", ""), "DPoP", mine.proof("POST", "/oauth/token", "")), 400, "invalid_dpop_proof")

		again := mine.proof("GET", path, access)
		won := make([]int, 12)
		var all sync.WaitGroup
		for i := range won {
			all.Go(func() {
				won[i] = d.Send("GET", path, "", "Authorization", "DPoP "+access, "DPoP", again).Status
			})
		}
		all.Wait()
		if n := count(won, 200); n != 1 || count(won, 401) != len(won)-1 {
			t.Errorf("one proof twelve times at once: %v", won)
		}
	})
}

func count(list []int, want int) int {
	n := 0
	for _, v := range list {
		if v == want {
			n++
		}
	}
	return n
}

// ConsentFix: somebody is talked into pasting the address with the code. Who has
// not the key of dpop_jkt cannot use it, and does not use it up.
func TestThreat_O11_AStolenCodeNeedsTheKeyItIsBoundTo(t *testing.T) {
	deputytest.Each(t, func(t *testing.T, d *deputytest.Deputy) {
		app, ana, mine, theirs := d.App(deputytest.Public), d.SignedIn("ana"), newProver(t, d), newProver(t, d)
		q := app.Query("profile")
		q.Set("dpop_jkt", mine.thumbprint())
		code := ana.Code(ana.Ask(q).Agree())
		refusedWith(t, "no key", d.Token(app.Redemption(code)), 400, "invalid_grant")
		refusedWith(t, "another key", theirs.token(app.Redemption(code)), 400, "invalid_grant")
		if a := mine.token(app.Redemption(code)); a.Status != 200 {
			t.Errorf("the right key: %d %s", a.Status, a.Raw)
		}
		q.Set("dpop_jkt", "not a thumbprint")
		if p := ana.Ask(q); p.Answer("error") != "invalid_request" || p.Answer("iss") != d.URL {
			t.Errorf("a bad dpop_jkt: %s", p.URL)
		}
	})
}

func TestDiscoveryTellsOfProofs(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/api"} {
		algs, _ := d.Send("GET", path, "").JSON["dpop_signing_alg_values_supported"].([]any)
		for _, a := range algs {
			if a == "none" || strings.HasPrefix(a.(string), "HS") {
				t.Errorf("%s offers %v", path, a)
			}
		}
		if len(algs) == 0 {
			t.Errorf("%s does not say which proofs are taken", path)
		}
	}
	doc := d.Send("GET", "/.well-known/openid-configuration", "")
	for member, path := range map[string]string{"pushed_authorization_request_endpoint": "/oauth/par", "device_authorization_endpoint": "/oauth/device_authorization"} {
		if doc.Text(member) != d.URL+path {
			t.Errorf("%s is %q", member, doc.Text(member))
		}
		if a := d.Send("GET", path, ""); a.Status != 405 || a.Header.Get("Allow") != "POST" {
			t.Errorf("GET %s: %d %s", path, a.Status, a.Raw)
		}
	}
	if !strings.Contains(doc.Raw, oauth.GrantTypes()[3]) {
		t.Errorf("the document does not offer %s", oauth.GrantTypes()[3])
	}
}
