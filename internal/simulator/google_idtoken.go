package simulator

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// googleKey is the name of the one key that signs ID tokens.
const googleKey = "simulated-1"

// key makes the signing key when it is first needed. The lock is held.
func (g *Google) key() *rsa.PrivateKey {
	if g.signer == nil {
		made, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic("simulator: make a signing key: " + err.Error())
		}
		g.signer = made
	}
	return g.signer
}

// identity is what the scopes let an app know of a person.
func (a *googleAccount) identity(scopes []string) object {
	claims := object{"sub": a.sub}
	if holdsGoogle(scopes, "userinfo.email") {
		claims["email"], claims["email_verified"], claims["hd"] = a.email, true, googleDomain
	}
	if holdsGoogle(scopes, "userinfo.profile") {
		given, family, _ := strings.Cut(a.fullName, " ")
		claims["name"], claims["given_name"], claims["family_name"] = a.fullName, given, family
		claims["picture"] = "https://lh3.googleusercontent.com/a/" + a.name + "=s96-c"
	}
	return claims
}

// idToken makes an ID token (OpenID Connect Core section 2), signed with RS256.
// The lock is held.
func (g *Google) idToken(issuer string, a *googleAccount, t *token, nonce string, now time.Time) string {
	claims := a.identity(t.scopes)
	claims["iss"], claims["aud"], claims["azp"] = issuer, g.cfg.ClientID, g.cfg.ClientID
	claims["iat"], claims["exp"] = now.Unix(), now.Add(time.Hour).Unix()
	if nonce != "" {
		claims["nonce"] = nonce
	}
	sum := sha256.Sum256([]byte(t.access))
	claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:16])
	signed := jsonSegment(object{"alg": "RS256", "kid": googleKey, "typ": "JWT"}) + "." + jsonSegment(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, g.key(), crypto.SHA256, digest[:])
	if err != nil {
		panic("simulator: sign an ID token: " + err.Error())
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func jsonSegment(claims object) string {
	encoded, err := json.Marshal(claims)
	if err != nil {
		panic("simulator: encode claims: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// certs publishes the key (RFC 7517).
func (g *Google) certs(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, func([]byte, error) apiReply {
		public := g.key().PublicKey
		return ok(object{"keys": []object{{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": googleKey,
			"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
		}}})
	})
}

// discovery says where everything is. Unlike Google's own, the issuer is this
// very simulator.
func (g *Google) discovery(w http.ResponseWriter, r *http.Request) {
	origin := originOf(r)
	g.answer(w, r, func([]byte, error) apiReply {
		return ok(object{
			"issuer": origin, "authorization_endpoint": origin + "/o/oauth2/v2/auth", "token_endpoint": origin + "/token",
			"userinfo_endpoint": origin + "/v1/userinfo", "revocation_endpoint": origin + "/revoke", "jwks_uri": origin + "/oauth2/v3/certs",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid", "email", "profile"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
			"code_challenge_methods_supported":      []string{"S256"}, "grant_types_supported": []string{"authorization_code", "refresh_token"},
		})
	})
}

func (g *Google) userInfo(c googleCall) apiReply { return ok(c.who.identity(c.token.scopes)) }

// aboutToken is what tokeninfo answers, numbers as strings as Google has it.
func (g *Google) aboutToken(t *token, now time.Time) apiReply {
	about := object{
		"azp": g.cfg.ClientID, "aud": g.cfg.ClientID, "sub": t.owner, "scope": strings.Join(t.scopes, " "), "access_type": "offline",
		"exp": strconv.FormatInt(t.expires.Unix(), 10), "expires_in": strconv.Itoa(int(t.expires.Sub(now).Seconds())),
	}
	if holdsGoogle(t.scopes, "userinfo.email") {
		about["email"], about["email_verified"] = g.world.account(t.owner).email, "true"
	}
	return ok(about)
}
