package simulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// tokenError is GitHub's refusal, sent with status 200.
type tokenError struct{ code, sentence string }

// token is GitHub's token endpoint.
func (g *GitHub) token(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	g.mu.Lock()
	g.tokenRequests++
	quirks := g.quirks
	issued, refused := g.exchange(r, quirks)
	reply := url.Values{}
	if refused != nil {
		reply.Set("error", refused.code)
		reply.Set("error_description", refused.sentence)
		reply.Set("error_uri", "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/")
	} else {
		reply.Set("access_token", issued.access)
		reply.Set("token_type", "bearer")
		reply.Set("scope", strings.Join(issued.scopes, ","))
		g.remember(issued.access, issued.refresh)
	}
	refreshing := r.PostForm.Get("grant_type") == "refresh_token"
	g.mu.Unlock()

	if refused == nil && issued.app {
		reply.Set("expires_in", fmt.Sprint(int(appAccessLife.Seconds())))
		if !refreshing || !quirks.NoRefreshToken {
			reply.Set("refresh_token", issued.refresh)
			reply.Set("refresh_token_expires_in", fmt.Sprint(int(appRefreshLife.Seconds())))
		}
	}
	g.answerToken(w, r, quirks, func(w http.ResponseWriter) { sendTokenReply(w, r, reply, quirks.StringExpiry) })
}

// exchange decides one token request. The lock is held.
func (g *GitHub) exchange(r *http.Request, quirks Quirks) (*githubToken, *tokenError) {
	id, secret := clientOf(r)
	if !g.isClient(id, secret) {
		return nil, &tokenError{"incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."}
	}
	now := g.cfg.Now()
	if r.PostForm.Get("grant_type") == "refresh_token" {
		old, ok := g.grants.byRefresh[r.PostForm.Get("refresh_token")]
		if !ok || !now.Before(old.refreshExpires) {
			return nil, &tokenError{"bad_refresh_token", "The refresh token passed is incorrect or expired."}
		}
		// The old pair ends at once, the access token too: requests in flight
		// with it fail.
		g.grants.drop(old)
		return g.grants.issue(old.login, nil, true, now), nil
	}
	stale := &tokenError{"bad_verification_code", "The code passed is incorrect or expired."}
	code, ok := g.grants.redeem(r.PostForm.Get("code"), now)
	if !ok {
		return nil, stale
	}
	if sent := r.PostForm.Get("redirect_uri"); sent != "" && sent != code.redirectURI {
		return nil, &tokenError{"redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application."}
	}
	if code.challenge != "" && !provesChallenge(r.PostForm.Get("code_verifier"), code.challenge) {
		return nil, stale
	}
	return g.grants.issue(code.login, code.scopes, quirks.Expiring, now), nil
}

// isClient checks the registered app's credentials.
func (b *base) isClient(id, secret string) bool {
	return id == b.cfg.ClientID && subtle.ConstantTimeCompare([]byte(secret), []byte(b.cfg.ClientSecret)) == 1
}

// clientOf reads client credentials from the Basic header or the form.
func clientOf(r *http.Request) (id, secret string) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		return r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	// RFC 6749 section 2.3.1: both are form-encoded inside the header. Providers
	// take them raw as well.
	plainID, errID := url.QueryUnescape(id)
	plainSecret, errSecret := url.QueryUnescape(secret)
	if errID != nil || errSecret != nil {
		return id, secret
	}
	return plainID, plainSecret
}

// provesChallenge checks RFC 7636 section 4.6 for S256.
func provesChallenge(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:]) == challenge
}

// sendTokenReply writes a reply in the form GitHub chooses by Accept: a form
// unless JSON is asked for. Lifetimes are numbers in JSON.
func sendTokenReply(w http.ResponseWriter, r *http.Request, reply url.Values, stringExpiry bool) {
	if !strings.Contains(r.Header.Get("Accept"), "json") {
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		w.Write([]byte(reply.Encode()))
		return
	}
	body := object{}
	for name := range reply {
		body[name] = reply.Get(name)
		if strings.HasSuffix(name, "expires_in") && !stringExpiry {
			body[name] = json.Number(reply.Get(name))
		}
	}
	writeJSON(w, http.StatusOK, body)
}
