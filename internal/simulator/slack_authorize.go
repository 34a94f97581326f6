package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// slackScopes are the scopes an app can ask for here, in words.
func slackScopes() []scopeWords {
	return []scopeWords{
		{Scope: "channels:read", Words: "See the public channels of the workspace"},
		{Scope: "channels:history", Words: "Read messages in public channels"},
		{Scope: "groups:read", Words: "See your private channels"},
		{Scope: "groups:history", Words: "Read messages in your private channels"},
		{Scope: "im:read", Words: "See your direct messages"},
		{Scope: "im:history", Words: "Read your direct messages"},
		{Scope: "mpim:read", Words: "See your group messages"},
		{Scope: "mpim:history", Words: "Read your group messages"},
		{Scope: "chat:write", Words: "Send messages for you"},
		{Scope: "users:read", Words: "See who is in the workspace"},
		{Scope: "team:read", Words: "See the workspace's name and icon"},
		{Scope: "files:read", Words: "See files shared in channels"},
		{Scope: "search:read", Words: "Search messages you can see"},
		{Scope: "search:read.public", Words: "Search public channels"},
		{Scope: "search:read.private", Words: "Search your private channels"},
	}
}

// slackAsk is a checked authorization request.
type slackAsk struct {
	query                 url.Values
	redirectURI           string
	userScopes, botScopes []string
}

// parseAsk checks an authorization request. Slack explains what is wrong on a
// page of its own and sends nobody back.
func (s *Slack) parseAsk(w http.ResponseWriter, r *http.Request, query url.Values) (ask slackAsk, ok bool) {
	refuse := func(code, sentence string) (slackAsk, bool) {
		s.pages.problem(w, http.StatusBadRequest, code, sentence)
		return slackAsk{}, false
	}
	if query.Get("client_id") != s.cfg.ClientID {
		return refuse("invalid_client_id", "No app is registered under this client_id.")
	}
	ask = slackAsk{query: query, redirectURI: query.Get("redirect_uri")}
	if ask.redirectURI == "" && len(s.cfg.RedirectURIs) > 0 {
		ask.redirectURI = s.cfg.RedirectURIs[0]
	}
	if !s.returnAllowed(ask.redirectURI) {
		return refuse("bad_redirect_uri", "The return address is not one the app registered.")
	}
	// This app has not switched PKCE on, and doing so cannot be undone.
	if query.Has("code_challenge") || query.Has("code_challenge_method") {
		return refuse("pkce_not_allowed", "This app is not set up for PKCE.")
	}
	ask.userScopes, ask.botScopes = commaList(query.Get("user_scope")), commaList(query.Get("scope"))
	if strings.HasSuffix(r.URL.Path, "/v2_user/authorize") {
		ask.userScopes, ask.botScopes = ask.botScopes, nil
	}
	asked := slices.Concat(ask.userScopes, ask.botScopes)
	if len(asked) == 0 {
		return refuse("no_scopes", "The request names no scope.")
	}
	for _, scope := range asked {
		if !slices.ContainsFunc(slackScopes(), func(known scopeWords) bool { return known.Scope == scope }) {
			return refuse("invalid_scope", "The request names a scope that does not exist.")
		}
	}
	return ask, true
}

func commaList(text string) []string {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item != "" && !slices.Contains(list, item) {
			list = append(list, item)
		}
	}
	return list
}

// showAuthorize asks the person, every time: Slack never skips its page.
func (s *Slack) showAuthorize(w http.ResponseWriter, r *http.Request) {
	ask, ok := s.parseAsk(w, r, r.URL.Query())
	if !ok {
		return
	}
	who := s.visitor(r)
	if who == "" {
		s.toSignIn(w, r, r.URL.RequestURI(), "")
		return
	}
	s.pages.render(w, http.StatusOK, "consent.html", consentPage{
		Action: r.URL.Path, Account: who + " in Northwind", App: s.cfg.AppName, ReturnHost: hostOf(ask.redirectURI), Yes: "Allow", No: "Cancel",
		Scopes: describeScopes(slackScopes(), slices.Concat(ask.userScopes, ask.botScopes)),
		Hidden: hiddenFields(ask.query, "client_id", "redirect_uri", "scope", "user_scope", "state", "team"),
	})
}

// takeAuthorize takes the person's answer.
func (s *Slack) takeAuthorize(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		s.pages.problem(w, http.StatusBadRequest, "invalid_form_data", "The form cannot be read.")
		return
	}
	answer := r.PostForm.Get("authorize")
	r.PostForm.Del("authorize")
	ask, ok := s.parseAsk(w, r, r.PostForm)
	if !ok {
		return
	}
	who := s.world.named(s.visitor(r))
	if who == nil {
		here := url.URL{Path: r.URL.Path, RawQuery: ask.query.Encode()}
		s.toSignIn(w, r, here.String(), "")
		return
	}
	back := url.Values{"state": {ask.query.Get("state")}}
	if answer == "1" {
		back.Set("code", s.agree(ask, who))
	} else {
		back.Set("error", "access_denied")
	}
	target, err := backTo(ask.redirectURI, back)
	if err != nil {
		s.pages.problem(w, http.StatusBadRequest, "bad_redirect_uri", "The return address cannot be read.")
		return
	}
	http.Redirect(w, r, target, http.StatusFound)
}

// agree makes a code.
func (s *Slack) agree(ask slackAsk, who *member) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.world.members {
		if other.id == s.quirks.SwitchAccount || other.name == s.quirks.SwitchAccount {
			who = other
		}
	}
	if s.quirks.FewerScopes && len(ask.userScopes) > 0 {
		ask.userScopes = ask.userScopes[:len(ask.userScopes)-1]
	}
	return s.grants.approve(slackCode{
		user: who.id, userScopes: ask.userScopes, botScopes: ask.botScopes, redirectURI: ask.redirectURI,
	}, s.cfg.Now())
}
