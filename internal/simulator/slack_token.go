package simulator

import (
	"net/http"
	"strings"
)

// token is Slack's token endpoint, in both shapes: oauth.v2.user.access puts
// the user's token on top, oauth.v2.access puts the bot's there and the user's
// inside authed_user. Every answer has status 200.
func (s *Slack) token(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		writeJSON(w, http.StatusOK, refusal("invalid_form_data"))
		return
	}
	// Slack takes arguments from the address as well.
	for name := range r.Form {
		if !r.PostForm.Has(name) {
			r.PostForm.Set(name, r.Form.Get(name))
		}
	}
	s.mu.Lock()
	s.tokenRequests++
	quirks := s.quirks
	reply := s.exchange(r, quirks)
	s.mu.Unlock()
	s.answerToken(w, r, quirks, func(w http.ResponseWriter) { writeJSON(w, http.StatusOK, reply) })
}

// refusal is an error in Slack's shape.
func refusal(code string) object { return object{"ok": false, "error": code} }

// exchange decides one token request. The lock is held.
func (s *Slack) exchange(r *http.Request, quirks Quirks) object {
	id, secret := clientOf(r)
	switch {
	case id != s.cfg.ClientID:
		return refusal("invalid_client_id")
	case !s.isClient(id, secret):
		return refusal("bad_client_secret")
	case r.PostForm.Has("code_verifier"):
		return refusal("pkce_not_allowed")
	}
	now := s.cfg.Now()
	switch r.PostForm.Get("grant_type") {
	case "refresh_token":
		renewed := s.grants.refresh(r.PostForm.Get("refresh_token"), quirks, now)
		if renewed == nil {
			return refusal("invalid_refresh_token")
		}
		return s.tokenReply(s.tokenFields(renewed, quirks, quirks.NoRefreshToken), renewed.owner)
	case "", "authorization_code":
	default:
		return refusal("invalid_grant_type")
	}
	code, ok := s.grants.codes.take(r.PostForm.Get("code"), now)
	if !ok {
		return refusal("invalid_code")
	}
	if sent := r.PostForm.Get("redirect_uri"); sent != code.redirectURI && (sent != "" || len(s.cfg.RedirectURIs) == 0) {
		return refusal("bad_redirect_uri")
	}
	var user, bot object
	if len(code.userScopes) > 0 {
		user = s.tokenFields(s.grants.grant(code.user, code.userScopes, quirks.Rotate, now), quirks, false)
	}
	if len(code.botScopes) > 0 {
		bot = s.tokenFields(s.grants.grant(slackBot, code.botScopes, quirks.Rotate, now), quirks, false)
	}
	if strings.HasSuffix(r.URL.Path, "/oauth.v2.user.access") {
		if user == nil {
			return refusal("no_user_scopes")
		}
		return s.tokenReply(user, code.user)
	}
	reply := s.tokenReply(bot, code.user)
	for key, value := range user {
		reply["authed_user"].(object)[key] = value
	}
	return reply
}

// tokenFields is what a reply says about one token. The lock is held.
func (s *Slack) tokenFields(t *token, quirks Quirks, withoutRefresh bool) object {
	s.remember(t.access, t.refresh)
	fields := object{"access_token": t.access, "token_type": "user", "scope": strings.Join(s.grants.scopes[t.owner], ",")}
	if t.owner == slackBot {
		fields["token_type"], fields["bot_user_id"] = "bot", slackBot
	}
	if t.expires.IsZero() {
		return fields
	}
	if life, told := quirks.lifetime(slackAccessLife); told {
		fields["expires_in"] = life
	}
	if !withoutRefresh {
		fields["refresh_token"] = t.refresh
	}
	return fields
}

// tokenReply is a good answer around the fields of the token on top.
func (s *Slack) tokenReply(top object, user string) object {
	reply := object{
		"ok": true, "app_id": slackApp, "team": object{"id": slackTeam, "name": "Northwind"}, "enterprise": nil,
		"is_enterprise_install": false, "authed_user": object{"id": user},
	}
	for key, value := range top {
		reply[key] = value
	}
	return reply
}
