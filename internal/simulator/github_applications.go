package simulator

import (
	"encoding/json"
	"net/http"
	"time"
)

// tokenNamed checks the app's Basic credentials and finds the token in the
// JSON body.
func (g *GitHub) tokenNamed(c apiCall) (*token, *apiReply) {
	id, secret := clientOf(c.Request)
	if !g.isClient(id, secret) || c.PathValue("client") != id {
		refusal := notFound()
		return nil, &refusal
	}
	var sent struct {
		AccessToken string `json:"access_token"`
	}
	err := json.Unmarshal(c.sent, &sent)
	if err != nil || sent.AccessToken == "" {
		refusal := invalid("OauthAccess", "access_token", "missing_field")
		return nil, &refusal
	}
	found, known := g.grants.byAccess[sent.AccessToken]
	if !known || !found.live(g.cfg.Now()) {
		refusal := notFound()
		return nil, &refusal
	}
	return found, nil
}

// checkToken says what a token is good for; 404 means for nothing.
func (g *GitHub) checkToken(c apiCall) apiReply {
	found, refusal := g.tokenNamed(c)
	if refusal != nil {
		return *refusal
	}
	scopes := found.scopes
	if scopes == nil {
		scopes = []string{}
	}
	var expires any
	if !found.expires.IsZero() {
		expires = found.expires.UTC().Format(time.RFC3339)
	}
	issued := found.issued.UTC().Format(time.RFC3339)
	return ok(object{
		"id": 1, "url": c.site.api + "/authorizations/1", "token": found.access, "token_last_eight": found.access[len(found.access)-8:],
		"hashed_token": sha1Hex(found.access), "app": object{"name": g.cfg.ClientID, "url": c.site.web, "client_id": g.cfg.ClientID},
		"note": nil, "note_url": nil, "fingerprint": nil, "scopes": scopes, "created_at": issued, "updated_at": issued, "expires_at": expires,
		"user": c.site.simpleAccount(g.world.person(found.owner)),
	})
}

// deleteToken ends one token.
func (g *GitHub) deleteToken(c apiCall) apiReply {
	found, refusal := g.tokenNamed(c)
	if refusal != nil {
		return *refusal
	}
	g.grants.drop(found)
	return apiReply{status: http.StatusNoContent}
}

// deleteGrant ends everything the token's person agreed to for this app.
func (g *GitHub) deleteGrant(c apiCall) apiReply {
	found, refusal := g.tokenNamed(c)
	if refusal != nil {
		return *refusal
	}
	g.grants.dropAll(found.owner)
	return apiReply{status: http.StatusNoContent}
}
