package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// googleAsk is a checked authorization request.
type googleAsk struct {
	query       url.Values
	redirectURI string
	scopes      []string
	prompt      []string
}

// parseAsk checks an authorization request. Google explains what is wrong on a
// page of its own and sends nobody back.
func (g *Google) parseAsk(w http.ResponseWriter, query url.Values) (ask googleAsk, ok bool) {
	refuse := func(code, sentence string) (googleAsk, bool) {
		g.pages.problem(w, http.StatusBadRequest, code, sentence)
		return googleAsk{}, false
	}
	ask = googleAsk{query: query, redirectURI: query.Get("redirect_uri"), prompt: strings.Fields(query.Get("prompt"))}
	var unknown string
	ask.scopes, unknown = googleScopeList(query.Get("scope"))
	method := query.Get("code_challenge_method")
	switch {
	case query.Get("client_id") != g.cfg.ClientID:
		return refuse("invalid_client", "The OAuth client was not found.")
	case !g.returnAllowed(ask.redirectURI):
		return refuse("redirect_uri_mismatch", "The return address is not one the app registered.")
	case query.Get("response_type") != "code":
		return refuse("invalid_request", "The request must have the response_type code.")
	case unknown != "":
		return refuse("invalid_scope", "The request names a scope that does not exist: "+unknown)
	case len(ask.scopes) == 0:
		return refuse("invalid_request", "The request names no scope.")
	case query.Has("code_challenge") && method != "S256":
		return refuse("invalid_request", "The code_challenge_method must be S256.")
	}
	return ask, true
}

// askHere is the address of this request without one prompt.
func (ask googleAsk) askHere(without string) string {
	query := url.Values{}
	for name := range ask.query {
		query.Set(name, ask.query.Get(name))
	}
	query.Set("prompt", strings.Join(slices.DeleteFunc(slices.Clone(ask.prompt), func(p string) bool { return p == without }), " "))
	return (&url.URL{Path: "/o/oauth2/v2/auth", RawQuery: query.Encode()}).String()
}

// showAuthorize is the start of the dance.
func (g *Google) showAuthorize(w http.ResponseWriter, r *http.Request) {
	ask, ok := g.parseAsk(w, r.URL.Query())
	if !ok {
		return
	}
	who := g.world.account(g.visitor(r))
	hint := ask.query.Get("login_hint")
	silent := slices.Contains(ask.prompt, "none")
	switch {
	case who == nil && silent:
		g.goBack(w, r, ask, url.Values{"error": {"login_required"}})
	case who == nil, hint != "" && g.world.account(hint) != who:
		g.toSignIn(w, r, ask.askHere(""), g.world.nameOf(hint))
	case slices.Contains(ask.prompt, "select_account"):
		here := ask.askHere("select_account")
		g.pages.render(w, http.StatusOK, "choose.html", choosePage{
			Account: who.email, Continue: here, SwitchAction: "/signin/switch", Return: here,
		})
	case !slices.Contains(ask.prompt, "consent") && g.agreedBefore(who, ask):
		g.agree(w, r, ask, who, ask.scopes, false)
	case silent:
		g.goBack(w, r, ask, url.Values{"error": {"consent_required"}})
	default:
		g.askConsent(w, ask, who)
	}
}

// askConsent shows what is asked for. Of several kinds of data each has a box,
// and none is ticked.
func (g *Google) askConsent(w http.ResponseWriter, ask googleAsk, who *googleAccount) {
	shown := describeScopes(googleScopes(), ask.scopes)
	if len(dataScopes(ask.scopes)) < 2 {
		for i := range shown {
			shown[i].Tick = false
		}
	}
	g.pages.render(w, http.StatusOK, "consent.html", consentPage{
		Action: "/o/oauth2/v2/auth", Account: who.email, App: g.cfg.AppName, ReturnHost: hostOf(ask.redirectURI),
		Yes: "Continue", No: "Cancel", Scopes: shown, SelectAll: len(dataScopes(ask.scopes)) > 1,
		Hidden: hiddenFields(ask.query, "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "access_type",
			"include_granted_scopes", "code_challenge", "code_challenge_method"),
	})
}

// dataScopes are those a person can untick.
func dataScopes(scopes []string) []string {
	var list []string
	for _, known := range describeScopes(googleScopes(), scopes) {
		if known.Tick {
			list = append(list, known.Scope)
		}
	}
	return list
}

// agreedBefore reports whether Google would skip its page.
func (g *Google) agreedBefore(who *googleAccount, ask googleAsk) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	granted, ever := g.grants.granted[who.sub]
	return ever && !slices.ContainsFunc(ask.scopes, func(s string) bool { return !slices.Contains(granted, s) })
}

// takeAuthorize takes the person's answer.
func (g *Google) takeAuthorize(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		g.pages.problem(w, http.StatusBadRequest, "invalid_request", "The form cannot be read.")
		return
	}
	ask, ok := g.parseAsk(w, r.PostForm)
	if !ok {
		return
	}
	who := g.world.account(g.visitor(r))
	switch {
	case who == nil:
		g.toSignIn(w, r, ask.askHere(""), "")
	case r.PostForm.Get("authorize") != "1":
		g.goBack(w, r, ask, url.Values{"error": {"access_denied"}})
	default:
		g.agree(w, r, ask, who, ticked(ask.scopes, r.PostForm["ticked"]), true)
	}
}

// ticked are the scopes a person left in: what cannot be unticked, and what was
// ticked.
func ticked(asked, boxes []string) []string {
	data := dataScopes(asked)
	if len(data) < 2 || slices.Contains(boxes, "all") {
		return asked
	}
	return slices.DeleteFunc(slices.Clone(asked), func(scope string) bool {
		return slices.Contains(data, scope) && !slices.Contains(boxes, scope)
	})
}

// agree makes a code and sends it to the app. shown says that the person saw the
// consent page, without which there is no refresh token.
func (g *Google) agree(w http.ResponseWriter, r *http.Request, ask googleAsk, who *googleAccount, scopes []string, shown bool) {
	g.mu.Lock()
	if other := g.world.account(g.quirks.SwitchAccount); other != nil {
		who = other
	}
	if g.quirks.FewerScopes && len(scopes) > 0 {
		scopes = scopes[:len(scopes)-1]
	}
	if ask.query.Get("include_granted_scopes") == "true" {
		scopes = union(scopes, g.grants.granted[who.sub])
	}
	code := g.grants.approve(googleCode{
		sub: who.sub, scopes: scopes, redirectURI: ask.redirectURI, challenge: ask.query.Get("code_challenge"), nonce: ask.query.Get("nonce"),
		offline: ask.query.Get("access_type") == "offline" && shown,
	}, g.cfg.Now())
	g.mu.Unlock()
	g.goBack(w, r, ask, url.Values{"code": {code}, "scope": {strings.Join(scopes, " ")}, "authuser": {"0"}, "hd": {googleDomain}})
}

// union adds to a list what it lacks of another.
func union(list, more []string) []string {
	list = slices.Clone(list)
	for _, item := range more {
		if !slices.Contains(list, item) {
			list = append(list, item)
		}
	}
	return list
}

func (g *Google) goBack(w http.ResponseWriter, r *http.Request, ask googleAsk, answer url.Values) {
	answer.Set("state", ask.query.Get("state"))
	target, err := backTo(ask.redirectURI, answer)
	if err != nil {
		g.pages.problem(w, http.StatusBadRequest, "redirect_uri_mismatch", "The return address cannot be read.")
		return
	}
	http.Redirect(w, r, target, http.StatusFound)
}
