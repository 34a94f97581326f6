package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// notionAccessLife is how long an access token lives. Notion does not tell.
const notionAccessLife = time.Hour

// notionCode is what a person agreed to at Notion.
type notionCode struct {
	person      string
	picked      []string
	redirectURI string // "" when the request named none
}

// notionGrants is what people agreed to and what came of it. Owners of tokens
// are people; what was picked holds for all their tokens.
type notionGrants struct {
	ledger
	codes  codeBook[notionCode]
	picked map[string][]string // person → ids of pages and databases
}

func newNotionGrants() notionGrants {
	return notionGrants{ledger: newLedger(), codes: newCodeBook[notionCode](codeLife), picked: map[string][]string{}}
}

func (g *notionGrants) issue(person string, quirks Quirks, now time.Time) *token {
	t := &token{access: "ntn_" + randomText(46), refresh: "nrt_" + randomText(46), owner: person, issued: now, expires: now.Add(notionAccessLife)}
	if quirks.LongLived {
		t.refresh, t.expires = "", time.Time{}
	}
	return g.add(t)
}

func (g *notionGrants) dropAll(person string) {
	g.dropOwner(person)
	g.codes.drop(func(c notionCode) bool { return c.person == person })
	delete(g.picked, person)
}

func (n *Notion) oauthRoutes() {
	n.mux.HandleFunc("GET /v1/oauth/authorize", n.showAuthorize)
	n.mux.Handle("POST /v1/oauth/authorize", sameSiteOnly(n.takeAuthorize))
	n.mux.HandleFunc("POST /v1/oauth/token", n.token)
	n.mux.HandleFunc("POST /v1/oauth/introspect", n.aboutToken(n.introspect))
	n.mux.HandleFunc("POST /v1/oauth/revoke", n.aboutToken(n.revoke))
}

// parseAsk checks an authorization request.
func (n *Notion) parseAsk(w http.ResponseWriter, query url.Values) (redirectURI string, ok bool) {
	refuse := func(sentence string) (string, bool) {
		n.pages.problem(w, http.StatusBadRequest, "invalid_request", sentence)
		return "", false
	}
	redirectURI = query.Get("redirect_uri")
	if redirectURI == "" && len(n.cfg.RedirectURIs) > 0 {
		redirectURI = n.cfg.RedirectURIs[0]
	}
	switch {
	case query.Get("client_id") != n.cfg.ClientID:
		return refuse("Missing or invalid client_id.")
	case query.Get("response_type") != "code":
		return refuse("The request must have the response_type code.")
	case query.Get("owner") != "user":
		return refuse("The request must have the owner user.")
	case !n.returnAllowed(redirectURI):
		return refuse("Missing or invalid redirect_uri.")
	}
	return redirectURI, true
}

// showAuthorize asks which pages the app may see, every time. What was picked
// before is ticked.
func (n *Notion) showAuthorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	redirectURI, ok := n.parseAsk(w, query)
	if !ok {
		return
	}
	who := n.world.person(n.visitor(r))
	if who == nil {
		n.toSignIn(w, r, r.URL.RequestURI(), "")
		return
	}
	n.mu.Lock()
	picks := n.world.picks(who, n.grants.picked[who.id])
	n.mu.Unlock()
	n.pages.render(w, http.StatusOK, "consent.html", consentPage{
		Action: "/v1/oauth/authorize", Account: who.name + " in Northwind", App: n.cfg.AppName, ReturnHost: hostOf(redirectURI),
		Yes: "Allow access", No: "Cancel", Picks: picks, Hidden: hiddenFields(query, "client_id", "redirect_uri", "response_type", "owner", "state"),
		Scopes: []scopeWords{{Scope: "content", Words: "See and change the pages you choose, and what is inside them"}, {Scope: "comments", Words: "Read and write comments there"}, {Scope: "users", Words: "See who is in the workspace, with addresses"}},
	})
}

// takeAuthorize takes the person's answer.
func (n *Notion) takeAuthorize(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		n.pages.problem(w, http.StatusBadRequest, "invalid_request", "The form cannot be read.")
		return
	}
	redirectURI, ok := n.parseAsk(w, r.PostForm)
	if !ok {
		return
	}
	who := n.world.person(n.visitor(r))
	if who == nil {
		here := url.URL{Path: "/v1/oauth/authorize", RawQuery: r.PostForm.Encode()}
		n.toSignIn(w, r, here.String(), "")
		return
	}
	answer := url.Values{"state": {r.PostForm.Get("state")}, "error": {"access_denied"}}
	if r.PostForm.Get("authorize") == "1" {
		answer.Del("error")
		answer.Set("code", n.agree(who, r.PostForm["picked"], r.PostForm.Get("redirect_uri")))
	}
	target, err := backTo(redirectURI, answer)
	if err != nil {
		n.pages.problem(w, http.StatusBadRequest, "invalid_request", "The return address cannot be read.")
		return
	}
	http.Redirect(w, r, target, http.StatusFound)
}

// agree makes a code for what was picked of what there was to pick.
func (n *Notion) agree(who *notionPerson, picked []string, redirectURI string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if other := n.world.person(n.quirks.SwitchAccount); other != nil {
		who = other
	}
	offered := n.world.picks(who, nil)
	picked = slices.DeleteFunc(slices.Clone(picked), func(id string) bool {
		return !slices.ContainsFunc(offered, func(p pick) bool { return p.ID == id })
	})
	code := "03" + randomHex(17)
	n.grants.codes.put(code, notionCode{who.id, picked, redirectURI}, n.cfg.Now())
	return code
}

// tokenRefusal is an error of the token endpoint, which spells it in one of two
// ways.
func (q Quirks) tokenRefusal(status int, code, message string) apiReply {
	if q.OddErrors {
		return oauthError(status, code, message)
	}
	return notionError(status, code, message)
}

// token is Notion's token endpoint: Basic credentials and a JSON body.
func (n *Notion) token(w http.ResponseWriter, r *http.Request) {
	var sent struct {
		GrantType    string `json:"grant_type"`
		Code         string `json:"code"`
		RedirectURI  string `json:"redirect_uri"`
		RefreshToken string `json:"refresh_token"`
	}
	bad := !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || json.NewDecoder(r.Body).Decode(&sent) != nil
	n.mu.Lock()
	n.tokenRequests++
	quirks, now := n.quirks, n.cfg.Now()
	id, secret, basic := r.BasicAuth()
	var reply apiReply
	switch {
	case bad:
		reply = notionError(http.StatusBadRequest, "invalid_json", "Error parsing JSON body.")
	case !basic || !n.isClient(id, secret):
		reply = quirks.tokenRefusal(http.StatusUnauthorized, "invalid_client", "The client credentials are invalid.")
	case sent.GrantType == "authorization_code":
		reply = n.redeem(sent.Code, sent.RedirectURI, quirks, now)
	case sent.GrantType == "refresh_token":
		reply = n.refresh(sent.RefreshToken, quirks, now)
	default:
		reply = quirks.tokenRefusal(http.StatusBadRequest, "unsupported_grant_type", "The grant_type is not supported.")
	}
	n.mu.Unlock()
	n.answerToken(w, r, quirks, func(w http.ResponseWriter) { sendReply(w, r, reply.with("Cache-Control", "no-store")) })
}

func (n *Notion) redeem(sent, redirectURI string, quirks Quirks, now time.Time) apiReply {
	code, good := n.grants.codes.take(sent, now)
	if !good || redirectURI != code.redirectURI {
		return quirks.tokenRefusal(http.StatusBadRequest, "invalid_grant", "Invalid code or redirect_uri.")
	}
	if quirks.SecondConnectEnds {
		for _, t := range slices.Clone(n.grants.tokens) {
			if t.owner == code.person && t.refresh != "" {
				n.grants.spend(t, true)
			}
		}
	}
	n.grants.picked[code.person] = code.picked
	return n.tokenReply(n.grants.issue(code.person, quirks, now), true)
}

// refresh redeems a refresh token. It works once; the access token beside it
// lives on.
func (n *Notion) refresh(sent string, quirks Quirks, now time.Time) apiReply {
	old, known := n.grants.byRefresh[sent]
	if owner := n.grants.spentBy(sent); owner != "" && quirks.FamilyRevoke {
		n.grants.dropOwner(owner)
	}
	if !known {
		return quirks.tokenRefusal(http.StatusBadRequest, "invalid_grant", "Invalid refresh token.")
	}
	n.grants.spend(old, !quirks.OldAccessDies)
	return n.tokenReply(n.grants.issue(old.owner, quirks, now), !quirks.NoRefreshToken)
}

// tokenReply says who the token is for, and nothing of when it ends.
func (n *Notion) tokenReply(t *token, withRefresh bool) apiReply {
	n.remember(t.access, t.refresh)
	who := n.world.person(t.owner)
	reply := object{"access_token": t.access, "token_type": "bearer", "refresh_token": nil, "bot_id": who.bot, "workspace_id": notionWorkspace,
		"workspace_name": "Northwind", "workspace_icon": nil, "duplicated_template_id": nil, "request_id": randomHex(16),
		"owner": object{"type": "user", "user": who.shape()}}
	if t.refresh != "" && withRefresh {
		reply["refresh_token"] = t.refresh
	}
	return ok(reply)
}

// aboutToken is an endpoint that gets a token from the app itself.
func (n *Notion) aboutToken(h func(t *token) apiReply) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n.answer(w, r, func(body []byte, err error) apiReply {
			var sent struct{ Token string }
			id, secret, basic := r.BasicAuth()
			switch {
			case err != nil || json.Unmarshal(body, &sent) != nil:
				return notionError(http.StatusBadRequest, "invalid_json", "Error parsing JSON body.")
			case !basic || !n.isClient(id, secret):
				return notionError(http.StatusUnauthorized, "invalid_client", "The client credentials are invalid.")
			}
			found, known := n.grants.byAccess[sent.Token]
			if !known {
				found = n.grants.byRefresh[sent.Token]
			}
			return h(found)
		})
	}
}

func (n *Notion) introspect(t *token) apiReply {
	about := object{"active": false, "request_id": randomHex(16)}
	if t != nil && t.live(n.cfg.Now()) {
		about["active"], about["scope"], about["iat"] = true, "read_content insert_content update_content read_comment insert_comment", t.issued.UnixMilli()
	}
	reply := ok(about)
	reply.read = true
	return reply
}

func (n *Notion) revoke(t *token) apiReply {
	if t == nil {
		return notionError(http.StatusBadRequest, "validation_error", "The token is not valid.")
	}
	n.grants.drop(t)
	return ok(object{"request_id": randomHex(16)})
}
