package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/seal"
)

func newKey(t *testing.T) seal.Key {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.key")
	if err := seal.Create(path); err != nil {
		t.Fatal(err)
	}
	key, err := seal.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func anyToken(t *rapid.T) token {
	text := rapid.StringN(0, 60, 200)
	return token{
		ID: text.Draw(t, "id"), Family: consent.FamilyID(text.Draw(t, "family")), Grant: consent.GrantID(text.Draw(t, "grant")),
		User: consent.UserID(text.Draw(t, "user")), App: consent.AppID(text.Draw(t, "app")), Scopes: text.Draw(t, "scopes"), Audience: text.Draw(t, "audience"),
		Issued: rapid.Int64().Draw(t, "issued"), Expires: rapid.Int64().Draw(t, "expires"), AuthTime: rapid.Int64().Draw(t, "auth time"),
	}
}

func TestAnAccessTokenComesBackAsItWas(t *testing.T) {
	a := accessTokens{box: newKey(t).Box("access token")}
	rapid.Check(t, func(rt *rapid.T) {
		in := anyToken(rt)
		raw, err := a.mint(in)
		if err != nil {
			rt.Fatal(err)
		}
		out, err := a.read(raw)
		if diff := cmp.Diff(in, out); err != nil || diff != "" {
			rt.Fatalf("%v\n%s", err, diff)
		}
		if again, err := a.mint(in); err != nil || again == raw {
			rt.Fatal("two tokens of the same content look the same")
		}
		if strings.Trim(raw, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" || !strings.HasPrefix(raw, "dpa_") {
			rt.Fatalf("a token with characters that need escaping: %s", raw)
		}
	})
}

// TestAChangedAccessTokenIsNone changes every character, one at a time, also with
// a checksum that fits again: then the seal must tell.
func TestAChangedAccessTokenIsNone(t *testing.T) {
	a := accessTokens{box: newKey(t).Box("access token")}
	raw, err := a.mint(token{ID: "t1", Family: "family_1", App: "app_1", Scopes: "a b", Audience: "https://deputy.example/api", Issued: 1, Expires: 2})
	if err != nil {
		t.Fatal(err)
	}
	body := raw[len(accessPrefix) : len(raw)-checksumSize]
	for i := range raw {
		for _, c := range "Az0_-~ \x00" {
			changed := raw[:i] + string(c) + raw[i+1:]
			if changed == raw {
				continue
			}
			if _, err := a.read(changed); err == nil {
				t.Errorf("character %d as %q: still a token", i, c)
			}
		}
		if j := i - len(accessPrefix); j >= 0 && j < len(body) {
			forged := body[:j] + flip(body[j]) + body[j+1:]
			if _, err := a.read(accessPrefix + forged + checksum(forged)); err == nil {
				t.Errorf("character %d with a new checksum: still a token", i)
			}
		}
	}
	other := accessTokens{box: newKey(t).Box("access token")}
	if _, err := other.read(raw); err == nil {
		t.Error("a token of another server is read")
	}
}

func flip(c byte) string {
	if c == 'A' {
		return "Q"
	}
	return "A"
}

// A secret scanner can tell a real token from a look-alike by its end.
func TestTheChecksumOfAnAccessToken(t *testing.T) {
	a := accessTokens{box: newKey(t).Box("access token")}
	raw, err := a.mint(token{ID: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	end := raw[len(raw)-6:]
	if got := checksum(raw[4 : len(raw)-6]); got != end {
		t.Errorf("checksum %s, the token ends in %s", got, end)
	}
	for _, garbage := range []string{"", "dpa_", "dpa_" + end, "dpa_" + strings.Repeat("A", maxValue), "dpr_" + raw[4:], raw + raw} {
		if _, err := a.read(garbage); err != errNotAToken {
			t.Errorf("%.20q: %v", garbage, err)
		}
	}
}

func TestARefreshTokenIsAFunctionOfFamilyAndGeneration(t *testing.T) {
	r := refreshTokens{key: newKey(t).Derive("refresh token")}
	rapid.Check(t, func(rt *rapid.T) {
		family := consent.FamilyID(familyPrefix + uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "id")).String())
		generation := rapid.Int64Min(0).Draw(rt, "generation")
		raw, err := r.mint(family, generation)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := r.mint(family, generation)
		if err != nil || again != raw {
			rt.Fatalf("another token for the same generation: %v", err)
		}
		f, g, err := r.read(raw)
		if err != nil || f != family || g != generation {
			rt.Fatalf("%s %d %v, want %s %d", f, g, err, family, generation)
		}
		at := rapid.IntRange(0, len(raw)-1).Draw(rt, "at")
		changed := raw[:at] + flip(raw[at]) + raw[at+1:]
		if _, _, err := r.read(changed); err == nil {
			rt.Fatalf("character %d changed: still a token", at)
		}
	})
	if _, err := r.mint("nobody", 0); err == nil {
		t.Error("a token for a family id that is none")
	}
}

func TestCodesAreUnguessableAndStoredAsHashes(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		code, hash := newCode()
		if raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(code, codePrefix)); err != nil || len(raw) != 32 || seen[code] {
			t.Fatalf("code %s: %d bytes, %v", code, len(raw), err)
		}
		if want := sha256.Sum256([]byte(code)); string(hash) != string(want[:]) {
			t.Fatal("the hash is not of the code")
		}
		seen[code] = true
	}
}

// TestVerified has the vector of RFC 7636 appendix B and what must not pass.
func TestVerified(t *testing.T) {
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	long := strings.Repeat("~", 128)
	sum := sha256.Sum256([]byte(long))
	for _, c := range []struct {
		name, challenge, verifier string
		want                      bool
	}{
		{"appendix B", challenge, verifier, true},
		{"128 characters", base64.RawURLEncoding.EncodeToString(sum[:]), long, true},
		{"none", challenge, "", false},
		{"the challenge", challenge, challenge, false},
		{"42 characters", challenge, verifier[:42], false},
		{"129 characters", challenge, long + "~", false},
		{"a character that is not allowed", challenge, verifier[:42] + "+", false},
		{"a line end after it", challenge, verifier + "\n", false},
		{"another case", challenge, strings.ToLower(verifier), false},
		{"nothing was asked for", "", verifier, false},
		{"plain", verifier, verifier, false},
	} {
		if got := verified(c.challenge, c.verifier); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
