package simulator

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	googleAccessLife = 3599 * time.Second
	// googleTestingLife is how long refresh tokens of an app in Testing live.
	googleTestingLife = 7 * 24 * time.Hour
	// googleIdle is how long a refresh token lives unused.
	googleIdle = 180 * 24 * time.Hour
	// googleTokens is how many refresh tokens a person and an app may have; the
	// oldest dies without a word.
	googleTokens = 100
)

// googleCode is what a person agreed to at Google.
type googleCode struct {
	sub         string
	scopes      []string
	redirectURI string
	challenge   string
	nonce       string
	offline     bool
}

// googleGrants is what people agreed to and what came of it. Owners of tokens
// are subs. A refresh token is a token without access; access tokens live on
// their own.
type googleGrants struct {
	ledger
	codes   codeBook[googleCode]
	granted map[string][]string // sub → every scope ever agreed to
}

func newGoogleGrants() googleGrants {
	return googleGrants{ledger: newLedger(), codes: newCodeBook[googleCode](codeLife), granted: map[string][]string{}}
}

// approve remembers a yes and makes a code for it.
func (g *googleGrants) approve(c googleCode, now time.Time) string {
	g.granted[c.sub] = union(g.granted[c.sub], c.scopes)
	code := "4/0A" + randomText(70)
	g.codes.put(code, c, now)
	return code
}

// dropAll ends everything a person agreed to, for every app of the project.
func (g *googleGrants) dropAll(sub string) {
	g.dropOwner(sub)
	g.codes.drop(func(c googleCode) bool { return c.sub == sub })
	delete(g.granted, sub)
}

func (g *googleGrants) access(sub string, scopes []string, now time.Time) *token {
	return g.add(&token{access: "ya29.a0" + randomText(180), owner: sub, scopes: scopes, issued: now, expires: now.Add(googleAccessLife)})
}

func (g *googleGrants) offline(sub string, scopes []string, quirks Quirks, now time.Time) *token {
	t := g.add(&token{refresh: "1//0" + randomText(98), owner: sub, scopes: scopes, issued: now, refreshExpires: now.Add(googleIdle)})
	if quirks.Testing {
		t.refreshExpires = now.Add(googleTestingLife)
	}
	g.evict(func(other *token) bool { return other.refresh != "" && other.owner == sub }, cmp.Or(quirks.TokenLimit, googleTokens))
	return t
}

func (g *Google) oauthRoutes() {
	g.mux.HandleFunc("GET /o/oauth2/v2/auth", g.showAuthorize)
	g.mux.Handle("POST /o/oauth2/v2/auth", sameSiteOnly(g.takeAuthorize))
	for _, path := range []string{"/token", "/oauth2/v4/token"} {
		g.mux.HandleFunc("POST "+path, g.token)
	}
	g.mux.HandleFunc("POST /revoke", g.revoke)
	g.mux.HandleFunc("/tokeninfo", g.tokenInfo)
	g.mux.HandleFunc("GET /.well-known/openid-configuration", g.discovery)
	g.mux.HandleFunc("GET /oauth2/v3/certs", g.certs)
	for _, path := range []string{"/v1/userinfo", "/oauth2/v3/userinfo"} {
		g.handle("GET "+path, []string{"userinfo.email", "userinfo.profile"}, g.userInfo)
	}
	g.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		g.answer(w, r, func([]byte, error) apiReply {
			return googleError(http.StatusNotFound, "notFound", "Not Found")
		})
	})
}

// oauthError is a refusal of the token endpoint and its siblings.
func oauthError(status int, code, sentence string) apiReply {
	return apiReply{status: status, body: object{"error": code, "error_description": sentence}}
}

// token is Google's token endpoint.
func (g *Google) token(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		sendReply(w, r, oauthError(http.StatusBadRequest, "invalid_request", "Bad Request"))
		return
	}
	g.mu.Lock()
	g.tokenRequests++
	quirks := g.quirks
	reply := g.exchange(r, quirks)
	g.mu.Unlock()
	g.answerToken(w, r, quirks, func(w http.ResponseWriter) { sendReply(w, r, reply.with("Cache-Control", "no-store")) })
}

// exchange decides one token request. The lock is held.
func (g *Google) exchange(r *http.Request, quirks Quirks) apiReply {
	id, secret := clientOf(r)
	switch {
	case id != g.cfg.ClientID:
		return oauthError(http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
	case !g.isClient(id, secret):
		return oauthError(http.StatusUnauthorized, "invalid_client", "Unauthorized")
	}
	now := g.cfg.Now()
	switch r.PostForm.Get("grant_type") {
	case "refresh_token":
		return g.refresh(r, quirks, now)
	case "authorization_code":
	default:
		return oauthError(http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+r.PostForm.Get("grant_type"))
	}
	code, good := g.grants.codes.take(r.PostForm.Get("code"), now)
	switch {
	case !good:
		return oauthError(http.StatusBadRequest, "invalid_grant", "Malformed auth code.")
	case r.PostForm.Get("redirect_uri") != code.redirectURI:
		return oauthError(http.StatusBadRequest, "redirect_uri_mismatch", "Bad Request")
	case code.challenge != "" && !provesChallenge(r.PostForm.Get("code_verifier"), code.challenge):
		return oauthError(http.StatusBadRequest, "invalid_grant", "Invalid code verifier.")
	}
	reply := g.tokenReply(r, code.sub, code.scopes, code.nonce, quirks, now)
	if code.offline {
		kept := g.grants.offline(code.sub, code.scopes, quirks, now)
		g.remember(kept.refresh)
		reply["refresh_token"] = kept.refresh
		if quirks.Testing {
			reply["refresh_token_expires_in"] = int(googleTestingLife.Seconds()) - 1
		}
	}
	return ok(reply)
}

// refresh redeems a refresh token. It stays the same, and the answer does not
// repeat it.
func (g *Google) refresh(r *http.Request, quirks Quirks, now time.Time) apiReply {
	kept, known := g.grants.byRefresh[r.PostForm.Get("refresh_token")]
	switch {
	case quirks.SessionControl:
		reply := oauthError(http.StatusBadRequest, "invalid_grant", "reauth related error (invalid_rapt)")
		reply.body.(object)["error_subtype"] = "invalid_rapt"
		return reply
	case !known, !kept.refreshable(now):
		return oauthError(http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked.")
	}
	if !quirks.Testing {
		kept.refreshExpires = now.Add(googleIdle)
	}
	scopes := kept.scopes
	if asked := r.PostForm.Get("scope"); asked != "" {
		fewer, unknown := googleScopeList(asked)
		if unknown != "" || slices.ContainsFunc(fewer, func(s string) bool { return !slices.Contains(scopes, s) }) {
			return oauthError(http.StatusBadRequest, "invalid_scope", "Bad Request")
		}
		scopes = fewer
	}
	return ok(g.tokenReply(r, kept.owner, scopes, "", quirks, now))
}

// tokenReply makes an access token and says so. The lock is held.
func (g *Google) tokenReply(r *http.Request, sub string, scopes []string, nonce string, quirks Quirks, now time.Time) object {
	issued := g.grants.access(sub, scopes, now)
	g.remember(issued.access)
	reply := object{"access_token": issued.access, "token_type": "Bearer", "scope": strings.Join(scopes, " ")}
	if life, told := quirks.lifetime(googleAccessLife); told {
		reply["expires_in"] = life
	}
	if slices.Contains(scopes, "openid") {
		reply["id_token"] = g.idToken(originOf(r), g.world.account(sub), issued, nonce, now)
	}
	return reply
}

// revoke ends everything the token's person agreed to: not one token, and not
// for one app, but for the whole project.
func (g *Google) revoke(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, func(_ []byte, err error) apiReply {
		if err != nil || r.ParseForm() != nil {
			return oauthError(http.StatusBadRequest, "invalid_request", "Bad Request")
		}
		sent := r.Form.Get("token")
		found, known := g.grants.byAccess[sent]
		if !known {
			found, known = g.grants.byRefresh[sent]
		}
		if !known {
			return oauthError(http.StatusBadRequest, "invalid_token", "Token expired or revoked")
		}
		g.grants.dropAll(found.owner)
		return ok(object{})
	})
}

// tokenInfo says what an access token is good for.
func (g *Google) tokenInfo(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, func(_ []byte, err error) apiReply {
		if err != nil || r.ParseForm() != nil {
			return oauthError(http.StatusBadRequest, "invalid_request", "Bad Request")
		}
		now := g.cfg.Now()
		found, known := g.grants.byAccess[r.Form.Get("access_token")]
		if !known || !found.live(now) {
			return oauthError(http.StatusBadRequest, "invalid_token", "Invalid Value")
		}
		return g.aboutToken(found, now)
	})
}
