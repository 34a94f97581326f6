package server_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

const signedNotes = "https://notes.example/mcp"

func verifierOf(t *testing.T, d *deputytest.Deputy, audience string) *bearer.JWTVerifier {
	t.Helper()
	v, err := bearer.NewJWTVerifier(bearer.JWTVerifierConfig{Issuer: d.URL, Audience: audience, Now: d.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// publishedKeys are the ids in the document of keys, as it is now.
func publishedKeys(t *testing.T, d *deputytest.Deputy) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	keys, ok := d.Send("GET", "/.well-known/jwks.json", "").JSON["keys"].([]any)
	if !ok {
		t.Fatal("there is no document of keys")
	}
	for _, k := range keys {
		out[k.(map[string]any)["kid"].(string)] = true
	}
	return out
}

func keyOf(token string) string {
	var head struct{ Kid string }
	first, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil || json.Unmarshal(raw, &head) != nil {
		return ""
	}
	return head.Kid
}

// Keys rotate three times in six days while apps get tokens. Each is verified at
// once, and its key is among those a resource server fetched up to an hour before
// (threat O48).
func TestThreat_O48_RotationUnderLoadFailsNobody(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	d.SignedResourceServer(signedNotes, "mcp:read")
	app, v := d.App(deputytest.Confidential, "mcp:read"), verifierOf(t, d, signedNotes)
	form := app.Form("grant_type", "client_credentials", "scope", "mcp:read")

	var still sync.RWMutex // time passes between requests, not within one: tokens live five minutes
	cached := publishedKeys(t, d)
	used := sync.Map{}
	var verified atomic.Int64
	var apps sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		apps.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				still.RLock()
				token := d.Token(form).Text("access_token")
				kid := keyOf(token)
				if a, err := v.Verify(t.Context(), token); err != nil || !a.Active || !cached[kid] {
					t.Errorf("refused: %+v, %v; its key was known: %v", a, err, cached[kid])
				}
				used.Store(kid, true)
				still.RUnlock()
				verified.Add(1)
			}
		})
	}
	const step, anHour, steps = 20 * time.Minute, 3, 6 * 24 * 3
	for n := range steps {
		if n%(48*anHour) == 1 {
			if _, err := d.Foundation.RotateKey(t.Context()); err != nil {
				t.Error(err)
			}
		}
		for seen := verified.Load(); verified.Load() < seen+4 && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		still.Lock()
		d.Clock.Add(step)
		if n%anHour == anHour-1 {
			cached = publishedKeys(t, d)
		}
		still.Unlock()
	}
	close(done)
	apps.Wait()
	signed := 0
	used.Range(func(any, any) bool { signed++; return true })
	if published := publishedKeys(t, d); signed != 4 || len(published) > 3 {
		t.Errorf("%d keys signed, %d are published; want 4, and 3 at most", signed, len(published))
	}
}

// Every JWT of one kind, presented in the place of every other (threat O22).
func TestThreat_O22_EachKindOfJWTIsOnlyTakenWhereItBelongs(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	rs := d.SignedResourceServer(signedNotes, "mcp:read")
	app, ana := d.App(deputytest.Confidential, "mcp:read"), d.SignedIn("ana")
	tokens := d.Redeem(app, ana.Authorize(app, "mcp:read", "openid"))
	verifier := verifierOf(t, d, signedNotes)
	proofs := &bearer.Proofs{Origin: "https://notes.example", Replays: &bearer.Memory{Now: d.Clock.Now}, NonceKey: []byte("0123456789abcdef0123456789abcdef"), Now: d.Clock.Now}

	places := map[string]func(token string) bool{
		"an access token, introspected": func(token string) bool {
			return d.Introspect(rs.ID, rs.Secret, token).JSON["active"] == true
		},
		"an access token, verified": func(token string) bool {
			a, err := verifier.Verify(t.Context(), token)
			return err == nil && a.Active
		},
		"an access token of the broker": func(token string) bool { return d.API(token, "GET", "/api/github/user").Status != 401 },
		"a client assertion": func(token string) bool {
			return d.Token(url.Values{
				"grant_type": {"client_credentials"}, "client_id": {string(app.ID)}, "client_assertion": {token},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			}).Status == 200
		},
		"a DPoP proof": func(token string) bool {
			r := httptest.NewRequest("GET", "/notes", nil)
			r.Header.Set("DPoP", token)
			thumbprint, err := proofs.Check(r, "")
			return err == nil && thumbprint != ""
		},
		"a refresh token": func(token string) bool { return d.Token(app.Refreshing(token)).Status == 200 },
		"a code":          func(token string) bool { return d.Token(app.Redemption(token)).Status == 200 },
	}
	for name, kind := range map[string]struct {
		token string
		where string // part of the names of the places it belongs to
	}{
		"the signed access token": {tokens.Access, "an access token, "},
		"the ID token":            {tokens.ID, "nowhere"},
	} {
		for place, takes := range places {
			if want := strings.HasPrefix(place, kind.where); takes(kind.token) != want {
				t.Errorf("%s as %s: taken is %v", name, place, !want)
			}
		}
	}
	if got := d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+tokens.ID); got.Status != 401 {
		t.Errorf("the ID token at userinfo: %d %s", got.Status, got.Raw)
	}
	if got := d.Send("GET", "/oauth/userinfo", "", "Authorization", "Bearer "+tokens.Access); got.Status != 200 {
		t.Errorf("the access token at userinfo: %d %s", got.Status, got.Raw)
	}
}

// The verifier of one resource server refuses what was issued for another.
func TestThreat_O20_ASignedTokenIsForOneResourceServer(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	d.SignedResourceServer(signedNotes, "mcp:read")
	d.SignedResourceServer("https://papers.example", "papers:read")
	app := d.App(deputytest.Confidential, "mcp:read", "papers:read")
	servers := map[string]*bearer.JWTVerifier{"mcp:read": verifierOf(t, d, signedNotes), "papers:read": verifierOf(t, d, "https://papers.example")}
	for scope := range servers {
		token := d.Tokens(app.Form("grant_type", "client_credentials", "scope", scope)).Access
		for own, v := range servers {
			a, err := v.Verify(t.Context(), token)
			if err != nil || a.Active != (own == scope) {
				t.Errorf("a token for %s at the server of %s: %+v, %v", scope, own, a, err)
			}
		}
	}
}
