package simulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
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
	reply := object{}
	switch {
	case refused != nil:
		reply = object{"error": refused.code, "error_description": refused.sentence,
			"error_uri": "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/"}
	default:
		g.remember(issued.access, issued.refresh)
		reply = object{"access_token": issued.access, "token_type": "bearer", "scope": strings.Join(issued.scopes, ",")}
		if issued.app {
			g.addLives(reply, issued, r.PostForm.Get("grant_type") == "refresh_token")
		}
	}
	g.mu.Unlock()
	g.answerToken(w, r, quirks, func(w http.ResponseWriter) {
		// GitHub answers a form unless JSON is asked for.
		if quirks.FormReply || !strings.Contains(r.Header.Get("Accept"), "json") {
			sendForm(w, reply)
			return
		}
		writeJSON(w, http.StatusOK, reply)
	})
}

// addLives adds what a GitHub App is told about the ends of its tokens.
func (g *GitHub) addLives(reply object, issued *token, refreshing bool) {
	if life, told := g.quirks.lifetime(appAccessLife); told {
		reply["expires_in"] = life
	}
	if refreshing && g.quirks.NoRefreshToken {
		return
	}
	reply["refresh_token"] = issued.refresh
	if life, told := g.quirks.lifetime(appRefreshLife); told {
		reply["refresh_token_expires_in"] = life
	}
}

func sendForm(w http.ResponseWriter, reply object) {
	form := url.Values{}
	for name, value := range reply {
		form.Set(name, fmt.Sprint(value))
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w.Write([]byte(form.Encode()))
}

// exchange decides one token request. The lock is held.
func (g *GitHub) exchange(r *http.Request, quirks Quirks) (*token, *tokenError) {
	id, secret := clientOf(r)
	if !g.isClient(id, secret) {
		return nil, &tokenError{"incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."}
	}
	now := g.cfg.Now()
	if r.PostForm.Get("grant_type") == "refresh_token" {
		sent := r.PostForm.Get("refresh_token")
		old, ok := g.grants.byRefresh[sent]
		if owner := g.grants.spentBy(sent); owner != "" && quirks.FamilyRevoke {
			g.grants.dropOwner(owner)
		}
		if !ok || !old.refreshable(now) {
			return nil, &tokenError{"bad_refresh_token", "The refresh token passed is incorrect or expired."}
		}
		// The old pair ends at once, the access token too: requests in flight
		// with it fail.
		g.grants.spend(old, false)
		return g.grants.issue(old.owner, nil, true, quirks.TokenLimit, now), nil
	}
	stale := &tokenError{"bad_verification_code", "The code passed is incorrect or expired."}
	code, ok := g.grants.codes.take(r.PostForm.Get("code"), now)
	if !ok {
		return nil, stale
	}
	if sent := r.PostForm.Get("redirect_uri"); sent != "" && sent != code.redirectURI {
		return nil, &tokenError{"redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application."}
	}
	if code.challenge != "" && !provesChallenge(r.PostForm.Get("code_verifier"), code.challenge) {
		return nil, stale
	}
	return g.grants.issue(code.login, code.scopes, quirks.Expiring, quirks.TokenLimit, now), nil
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
