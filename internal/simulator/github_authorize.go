package simulator

import (
	"net/http"
	"net/url"
)

// githubAsk is a checked authorization request.
type githubAsk struct {
	query       url.Values
	redirectURI string // where the answer goes
	scopes      []string
	scopeSent   bool
}

// parseAsk checks an authorization request. When it answers itself, ok is false.
func (g *GitHub) parseAsk(w http.ResponseWriter, r *http.Request, query url.Values) (ask githubAsk, ok bool) {
	if query.Get("client_id") != g.cfg.ClientID {
		g.pages.problem(w, http.StatusNotFound, "not_found", "No app is registered under this client_id.")
		return ask, false
	}
	ask = githubAsk{query: query, redirectURI: query.Get("redirect_uri"), scopeSent: query.Has("scope"), scopes: normalizeScopes(query.Get("scope"))}
	if ask.redirectURI == "" && len(g.cfg.RedirectURIs) > 0 {
		ask.redirectURI = g.cfg.RedirectURIs[0]
	}
	if g.returnAllowed(ask.redirectURI) {
		method := query.Get("code_challenge_method")
		if query.Has("code_challenge") && method != "S256" {
			g.goBack(w, r, ask, url.Values{"error": {"invalid_request"}, "error_description": {"code_challenge_method must be S256"}})
			return ask, false
		}
		return ask, true
	}
	if len(g.cfg.RedirectURIs) == 0 {
		g.pages.problem(w, http.StatusBadRequest, "redirect_uri_mismatch", "The request names no usable return address.")
		return ask, false
	}
	// GitHub tells the registered address, never the one it does not know.
	ask.redirectURI = g.cfg.RedirectURIs[0]
	g.goBack(w, r, ask, url.Values{"error": {"redirect_uri_mismatch"},
		"error_description": {"The redirect_uri MUST match the registered callback URL for this application."}})
	return ask, false
}

// goBack sends the browser to the app.
func (g *GitHub) goBack(w http.ResponseWriter, r *http.Request, ask githubAsk, answer url.Values) {
	answer.Set("state", ask.query.Get("state"))
	target, err := backTo(ask.redirectURI, answer)
	if err != nil {
		g.pages.problem(w, http.StatusBadRequest, "redirect_uri_mismatch", "The return address cannot be read.")
		return
	}
	http.Redirect(w, r, target, http.StatusFound)
}

// showAuthorize is the start of the dance.
func (g *GitHub) showAuthorize(w http.ResponseWriter, r *http.Request) {
	ask, ok := g.parseAsk(w, r, r.URL.Query())
	if !ok {
		return
	}
	who := g.visitor(r)
	here := url.URL{Path: "/login/oauth/authorize", RawQuery: ask.query.Encode()}
	if ask.query.Get("prompt") == "select_account" {
		ask.query.Del("prompt")
		here.RawQuery = ask.query.Encode()
		if who != "" {
			g.pages.render(w, http.StatusOK, "choose.html", choosePage{
				Account: who, Continue: here.String(), SwitchAction: "/login/switch", Return: here.String(),
			})
			return
		}
	}
	if who == "" {
		g.toSignIn(w, r, here.String(), ask.query.Get("login"))
		return
	}
	if g.agreedBefore(who, ask) {
		g.agree(w, r, ask, who)
		return
	}
	g.pages.render(w, http.StatusOK, "consent.html", consentPage{
		Action: "/login/oauth/authorize", Account: who, App: g.cfg.AppName, ReturnHost: hostOf(ask.redirectURI),
		Yes: "Authorize", No: "Cancel", Scopes: describeScopes(githubScopes(), ask.scopes),
		Hidden: hiddenFields(ask.query, "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"),
	})
}

// agreedBefore reports whether GitHub would skip its page: it does for
// whatever was authorized before, and for a request without scope, which then
// gets everything ever authorized.
func (g *GitHub) agreedBefore(login string, ask githubAsk) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	approved, ever := g.grants.approved[login]
	return ever && holdsAll(approved, ask.scopes)
}

// takeAuthorize takes the person's answer.
func (g *GitHub) takeAuthorize(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		g.pages.problem(w, http.StatusBadRequest, "invalid_request", "The form cannot be read.")
		return
	}
	answer := r.PostForm.Get("authorize")
	r.PostForm.Del("authorize")
	ask, ok := g.parseAsk(w, r, r.PostForm)
	if !ok {
		return
	}
	who := g.visitor(r)
	if who == "" {
		here := url.URL{Path: "/login/oauth/authorize", RawQuery: ask.query.Encode()}
		g.toSignIn(w, r, here.String(), "")
		return
	}
	if answer != "1" {
		g.goBack(w, r, ask, url.Values{"error": {"access_denied"},
			"error_description": {"The user has denied your application access."}})
		return
	}
	g.agree(w, r, ask, who)
}

// agree makes the code and sends it to the app.
func (g *GitHub) agree(w http.ResponseWriter, r *http.Request, ask githubAsk, who string) {
	g.mu.Lock()
	if other := g.world.person(g.quirks.SwitchAccount); other != nil {
		who = other.login
	}
	scopes := ask.scopes
	if !ask.scopeSent {
		scopes = g.grants.approved[who]
	}
	if g.quirks.FewerScopes && len(scopes) > 0 {
		scopes = scopes[:len(scopes)-1]
	}
	code := g.grants.approve(githubCode{
		login: who, scopes: scopes, redirectURI: ask.redirectURI,
		challenge: ask.query.Get("code_challenge"),
	}, g.cfg.Now())
	g.mu.Unlock()
	g.goBack(w, r, ask, url.Values{"code": {code}})
}
