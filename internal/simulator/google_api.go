package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// googleCall is one API call with everything the handlers look at.
type googleCall struct {
	*http.Request
	who   *googleAccount
	token *token
	query url.Values
	sent  []byte
}

// may reports whether the token carries one of these scopes.
func (c googleCall) may(anyOf ...string) bool { return holdsGoogle(c.token.scopes, anyOf...) }

type googleHandler func(c googleCall) apiReply

// handle registers one API route and the scopes of which it needs one.
func (g *Google) handle(pattern string, anyOf []string, h googleHandler) {
	g.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		g.answer(w, r, func(sent []byte, err error) apiReply {
			if err != nil {
				return googleError(http.StatusRequestEntityTooLarge, "uploadTooLarge", "Request too large")
			}
			c := googleCall{Request: r, query: r.URL.Query(), sent: sent}
			refusal := g.authenticate(&c, anyOf)
			if refusal != nil {
				return *refusal
			}
			return h(c)
		})
	})
}

// authenticate finds the caller, and whether it may call this at all. The lock
// is held.
func (g *Google) authenticate(c *googleCall, anyOf []string) *apiReply {
	kind, value, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	found, known := g.grants.byAccess[strings.TrimSpace(value)]
	var refusal apiReply
	switch {
	case !strings.EqualFold(kind, "Bearer"), !known, !found.live(g.cfg.Now()):
		refusal = googleRefusal(http.StatusUnauthorized, "UNAUTHENTICATED", "authError", "Invalid Credentials",
			"Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.")
		refusal = refusal.with("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
	case g.quirks.SwitchedOff:
		refusal = googleRefusal(http.StatusForbidden, "PERMISSION_DENIED", "accessNotConfigured", "Access Not Configured",
			"This API has not been used in the app's project before or it is disabled.", "SERVICE_DISABLED")
	case g.quirks.RateLimited:
		refusal = googleRefusal(http.StatusForbidden, "", "rateLimitExceeded", "Rate Limit Exceeded", "Rate Limit Exceeded")
	case !holdsGoogle(found.scopes, anyOf...):
		refusal = googleRefusal(http.StatusForbidden, "PERMISSION_DENIED", "insufficientPermissions", "Insufficient Permission",
			"Request had insufficient authentication scopes.", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
	default:
		c.token, c.who = found, g.world.account(found.owner)
		return nil
	}
	return &refusal
}

// googleError is an error in Google's older shape.
func googleError(status int, reason, message string) apiReply {
	return googleRefusal(status, "", reason, message, message)
}

// googleRefusal is an error in both of Google's shapes: errors[].reason and, with
// details, details[].reason. Callers must read either.
func googleRefusal(status int, canonical, reason, short, message string, details ...string) apiReply {
	domain := "global"
	if strings.HasSuffix(reason, "LimitExceeded") || reason == "accessNotConfigured" {
		domain = "usageLimits"
	}
	body := object{"code": status, "message": message, "errors": []object{{"message": short, "domain": domain, "reason": reason}}}
	if canonical != "" {
		body["status"] = canonical
	}
	if len(details) > 0 {
		body["details"] = []object{{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": details[0], "domain": "googleapis.com"}}
	}
	return apiReply{status: status, body: object{"error": body}}
}

// at names the parameter an error is about.
func (a apiReply) at(parameter string) apiReply {
	list := a.body.(object)["error"].(object)["errors"].([]object)
	list[0]["location"], list[0]["locationType"] = parameter, "parameter"
	return a
}

func googleInvalid(parameter, message string) apiReply {
	return googleError(http.StatusBadRequest, "invalid", message).at(parameter)
}

// decode reads a JSON body into place, which must be a pointer.
func (c googleCall) decode(place any) *apiReply {
	err := json.Unmarshal(c.sent, place)
	if err == nil || len(c.sent) == 0 {
		return nil
	}
	refusal := googleError(http.StatusBadRequest, "parseError", "Parse Error")
	return &refusal
}

// masked answers with the fields a caller asked for; without a wish, with those
// of usual, "" being all.
func (c googleCall) masked(body object, usual string) apiReply {
	wanted := c.query.Get("fields")
	if wanted == "" {
		wanted = usual
	}
	if wanted == "" {
		return ok(body)
	}
	mask, good := parseFields(wanted)
	if !good {
		return googleError(http.StatusBadRequest, "invalidParameter", "Invalid field selection "+wanted).at("fields")
	}
	return ok(mask.apply(body))
}

// googlePage cuts one page out of a list; next is "" at the end.
func googlePage[T any](c googleCall, all []T, sizeName string, usual, most int, key func(T) string) (page []T, next string, refusal *apiReply) {
	from := 0
	if sent := c.query.Get("pageToken"); sent != "" {
		start, valid := cursorKey(sent)
		for from < len(all) && key(all[from]) != start {
			from++
		}
		if !valid || from == len(all) {
			bad := googleInvalid("pageToken", "Invalid Value")
			return nil, "", &bad
		}
	}
	to := min(from+min(positive(c.query.Get(sizeName), usual), most), len(all))
	if to < len(all) {
		next = cursor(key(all[to]))
	}
	return all[from:to], next, nil
}
