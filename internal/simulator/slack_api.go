package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// slackCall is one API call with everything the methods look at.
type slackCall struct {
	args   url.Values
	token  *token
	scopes []string
	user   *member
}

// slackMethod answers one method. The lock is held.
type slackMethod func(c slackCall) object

// methods is every method that exists here.
func (s *Slack) methods() map[string]slackMethod {
	return map[string]slackMethod{
		"auth.test":             s.authTest,
		"auth.revoke":           s.authRevoke,
		"team.info":             s.teamInfo,
		"users.info":            s.usersInfo,
		"users.list":            s.usersList,
		"search.messages":       s.searchMessages,
		"users.conversations":   s.usersConversations,
		"conversations.list":    s.conversationsList,
		"conversations.info":    s.conversationsInfo,
		"conversations.history": s.conversationsHistory,
		"conversations.replies": s.conversationsReplies,
		"files.list":            s.filesList,
		"files.info":            s.filesInfo,
		"chat.postMessage":      s.postMessage,
		"chat.update":           s.updateMessage,
		"chat.delete":           s.deleteMessage,
	}
}

// api is the front door of the Web API. Apart from rate limits every answer
// has status 200.
func (s *Slack) api(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, func(_ []byte, err error) apiReply {
		if err != nil {
			return ok(refusal("invalid_form_data"))
		}
		args, problem := slackArguments(r)
		if problem != "" {
			return ok(refusal(problem))
		}
		if s.quirks.RateLimited {
			return apiReply{status: http.StatusTooManyRequests, body: refusal("ratelimited")}.with("Retry-After", "30")
		}
		body := s.call(w.Header(), r, args)
		return apiReply{status: http.StatusOK, body: body, read: body["ok"] != true || !strings.HasPrefix(r.PathValue("method"), "chat.")}
	})
}

// call finds the caller and the method. The lock is held.
func (s *Slack) call(h http.Header, r *http.Request, args url.Values) object {
	value := args.Get("token")
	kind, bearer, has := strings.Cut(r.Header.Get("Authorization"), " ")
	if has && strings.EqualFold(kind, "Bearer") {
		value = strings.TrimSpace(bearer)
	}
	if value == "" {
		return refusal("not_authed")
	}
	found, known := s.grants.byAccess[value]
	switch {
	case !known:
		return refusal("invalid_auth")
	case found.revoked:
		return refusal("token_revoked")
	case !found.live(s.cfg.Now()):
		return refusal("token_expired")
	}
	scopes := s.grants.scopes[found.owner]
	h.Set("X-OAuth-Scopes", strings.Join(scopes, ","))
	method, exists := s.methods()[r.PathValue("method")]
	if !exists {
		reply := refusal("unknown_method")
		reply["req_method"] = r.PathValue("method")
		return reply
	}
	return method(slackCall{args: args, token: found, scopes: scopes, user: s.world.person(found.owner)})
}

// slackArguments reads arguments from the address, a form or a JSON object.
func slackArguments(r *http.Request) (url.Values, string) {
	args := r.URL.Query()
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return nil, "invalid_post_type"
	}
	switch kind {
	case "application/json":
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, "invalid_json"
		}
		var sent map[string]any
		err = json.Unmarshal(body, &sent)
		if err != nil {
			return nil, "invalid_json"
		}
		for name, value := range sent {
			args.Set(name, argumentText(value))
		}
	case "multipart/form-data":
		err = r.ParseMultipartForm(1 << 20)
	default:
		err = r.ParseForm()
	}
	if err != nil {
		return nil, "invalid_form_data"
	}
	for name := range r.PostForm {
		args.Set(name, r.PostForm.Get(name))
	}
	return args, ""
}

// argumentText is a JSON value as a form would have sent it.
func argumentText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case map[string]any, []any:
		encoded, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(encoded)
	case float64:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprint(value)
}

// lacks answers when a scope is missing, and says which, as Slack does.
func (c slackCall) lacks(scope string) object {
	if slices.Contains(c.scopes, scope) {
		return nil
	}
	reply := refusal("missing_scope")
	reply["needed"], reply["provided"] = scope, strings.Join(c.scopes, ",")
	return reply
}

// cursor hides the key of the next item to show.
func cursor(key string) string { return base64.StdEncoding.EncodeToString([]byte("next:" + key)) }

// cursorKey opens a cursor.
func cursorKey(text string) (string, bool) {
	opened, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(opened), "next:")
}

// slackPage cuts one page out of a list and says where the next begins, with
// "" for the end. ok is false for a cursor that is not from here.
func slackPage[T any](args url.Values, all []T, key func(T) string) (page []T, next string, ok bool) {
	from := 0
	if sent := args.Get("cursor"); sent != "" {
		start, valid := cursorKey(sent)
		if !valid {
			return nil, "", false
		}
		from = slices.IndexFunc(all, func(item T) bool { return key(item) == start })
		if from < 0 {
			return nil, "", false
		}
	}
	to := min(from+min(positive(args.Get("limit"), 100), 999), len(all))
	if to < len(all) {
		next = cursor(key(all[to]))
	}
	return all[from:to], next, true
}

func (s *Slack) authTest(c slackCall) object {
	reply := object{"ok": true, "url": "https://northwind.slack.com/", "team": "Northwind", "team_id": slackTeam,
		"user": c.user.name, "user_id": c.user.id, "is_enterprise_install": false}
	if c.user.bot {
		reply["bot_id"] = slackAppBot
	}
	if !c.token.expires.IsZero() {
		reply["expires_in"] = int(c.token.expires.Sub(s.cfg.Now()).Seconds())
	}
	return reply
}

func (s *Slack) authRevoke(c slackCall) object {
	if test := c.args.Get("test"); test == "1" || test == "true" {
		return object{"ok": true, "revoked": false}
	}
	s.grants.revoke(c.token)
	return object{"ok": true, "revoked": true}
}

func (s *Slack) teamInfo(c slackCall) object {
	missing := c.lacks("team:read")
	if missing != nil {
		return missing
	}
	return object{"ok": true, "team": object{
		"id": slackTeam, "name": "Northwind", "domain": "northwind", "email_domain": "northwind.example",
		"url": "https://northwind.slack.com/", "is_verified": false,
		"icon": object{"image_34": "https://a.slack-edge.com/80588/img/avatars-teams/ava_0001-34.png", "image_default": true},
	}}
}
