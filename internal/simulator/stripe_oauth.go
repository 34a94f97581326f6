package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

const (
	stripeCodeLife    = 5 * time.Minute
	stripeAccessLife  = time.Hour
	stripeRefreshLife = 365 * 24 * time.Hour
)

// stripeGrants are the installations of the app. Owners of tokens are accounts.
type stripeGrants struct {
	ledger
	codes codeBook[string] // of accounts
}

func newStripeGrants() stripeGrants {
	return stripeGrants{ledger: newLedger(), codes: newCodeBook[string](stripeCodeLife)}
}

func (g *stripeGrants) issue(account string, now time.Time) *token {
	return g.add(&token{access: "sk_test_" + randomText(99), refresh: "rt_" + randomText(48), owner: account, issued: now,
		expires: now.Add(stripeAccessLife), refreshExpires: now.Add(stripeRefreshLife)})
}

// dropAll uninstalls the app. Its access tokens stay known, so that they are told
// so.
func (g *stripeGrants) dropAll(account string) {
	for _, t := range g.tokens {
		if t.owner == account {
			t.revoked = true
			delete(g.byRefresh, t.refresh)
		}
	}
	g.codes.drop(func(owner string) bool { return owner == account })
}

func (s *Stripe) oauthRoutes() {
	s.mux.HandleFunc("GET /oauth/v2/authorize", s.showAuthorize)
	s.mux.Handle("POST /oauth/v2/authorize", sameSiteOnly(s.takeAuthorize))
	s.mux.HandleFunc("POST /v1/oauth/token", s.token)
}

// parseAsk checks an authorization request.
func (s *Stripe) parseAsk(w http.ResponseWriter, query url.Values) (redirectURI string, ok bool) {
	redirectURI = query.Get("redirect_uri")
	if redirectURI == "" && len(s.cfg.RedirectURIs) > 0 {
		redirectURI = s.cfg.RedirectURIs[0]
	}
	switch {
	case query.Get("client_id") != s.cfg.ClientID:
		s.pages.problem(w, http.StatusBadRequest, "invalid_client", "No app has this client_id.")
	case !s.returnAllowed(redirectURI):
		s.pages.problem(w, http.StatusBadRequest, "invalid_redirect_uri", "The return address is not one the app registered.")
	default:
		return redirectURI, true
	}
	return "", false
}

// showAuthorize asks whether the app may be installed, every time. What it may do
// is in its manifest, not in the request.
func (s *Stripe) showAuthorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	redirectURI, ok := s.parseAsk(w, query)
	if !ok {
		return
	}
	found := s.shop(s.visitor(r))
	if found == nil {
		s.toSignIn(w, r, r.URL.RequestURI(), "")
		return
	}
	s.pages.render(w, http.StatusOK, "consent.html", consentPage{
		Action: "/oauth/v2/authorize", Account: found.name + " (test mode)", App: s.cfg.AppName, ReturnHost: hostOf(redirectURI),
		Yes: "Install", No: "Cancel", Hidden: hiddenFields(query, "client_id", "redirect_uri", "state"),
		Scopes: []scopeWords{
			{Scope: "connected_account_read", Words: "See the account"}, {Scope: "balance_read, payout_read", Words: "See balance and payouts"},
			{Scope: "customer_write", Words: "See and change customers"}, {Scope: "invoice_write", Words: "See and change invoices"},
			{Scope: "charge_write, payment_intent_read", Words: "See payments and give money back"}, {Scope: "subscription_write", Words: "See and change subscriptions"},
		},
	})
}

// takeAuthorize takes the person's answer.
func (s *Stripe) takeAuthorize(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		s.pages.problem(w, http.StatusBadRequest, "invalid_request", "The form cannot be read.")
		return
	}
	redirectURI, ok := s.parseAsk(w, r.PostForm)
	if !ok {
		return
	}
	found := s.shop(s.visitor(r))
	if found == nil {
		s.toSignIn(w, r, (&url.URL{Path: "/oauth/v2/authorize", RawQuery: r.PostForm.Encode()}).String(), "")
		return
	}
	answer := url.Values{"state": {r.PostForm.Get("state")}, "error": {"access_denied"}, "error_description": {"The user denied your request"}}
	if r.PostForm.Get("authorize") == "1" {
		answer = url.Values{"state": answer["state"], "code": {s.agree(found)}, "scope": {"stripe_apps"}}
	}
	target, err := backTo(redirectURI, answer)
	if err != nil {
		s.pages.problem(w, http.StatusBadRequest, "invalid_redirect_uri", "The return address cannot be read.")
		return
	}
	http.Redirect(w, r, target, http.StatusFound)
}

func (s *Stripe) agree(found *shop) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.shop(s.quirks.SwitchAccount); other != nil {
		found = other
	}
	code := "ac_" + randomText(32)
	s.grants.codes.put(code, found.id, s.cfg.Now())
	return code
}

// token is the token endpoint. The app's secret key is the user of the Basic
// credentials, the password is empty, and there is no client_id anywhere.
func (s *Stripe) token(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		sendReply(w, r, oauthError(http.StatusBadRequest, "invalid_request", "The form cannot be read."))
		return
	}
	s.mu.Lock()
	s.tokenRequests++
	quirks := s.quirks
	reply := s.exchange(r, quirks, s.cfg.Now())
	s.mu.Unlock()
	s.answerToken(w, r, quirks, func(w http.ResponseWriter) { sendReply(w, r, reply.with("Cache-Control", "no-store")) })
}

// exchange decides one token request. The lock is held.
func (s *Stripe) exchange(r *http.Request, quirks Quirks, now time.Time) apiReply {
	key, password, _ := r.BasicAuth()
	if password != "" || !s.isClient(s.cfg.ClientID, key) {
		return oauthError(http.StatusUnauthorized, "invalid_client", "No such API key.")
	}
	for name := range r.PostForm {
		if !slices.Contains([]string{"grant_type", "code", "refresh_token"}, name) {
			return oauthError(http.StatusBadRequest, "invalid_request", "Received unknown parameter: "+name)
		}
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		account, good := s.grants.codes.take(r.PostForm.Get("code"), now)
		if !good {
			return oauthError(http.StatusBadRequest, "invalid_grant", "Authorization code does not exist, or has been used before.")
		}
		return s.tokenReply(s.grants.issue(account, now), "stripe_user_id", true)
	case "refresh_token":
		return s.refresh(r.PostForm.Get("refresh_token"), quirks, now)
	}
	return oauthError(http.StatusBadRequest, "unsupported_grant_type", "The grant type is not supported.")
}

// refresh redeems a refresh token, which works once. Its answer calls the account
// by another name than the first one.
func (s *Stripe) refresh(sent string, quirks Quirks, now time.Time) apiReply {
	old, known := s.grants.byRefresh[sent]
	if owner := s.grants.spentBy(sent); owner != "" && quirks.FamilyRevoke {
		s.grants.dropAll(owner)
	}
	if !known || !old.refreshable(now) {
		return oauthError(http.StatusBadRequest, "invalid_grant", "Invalid refresh token.")
	}
	s.grants.spend(old, !quirks.OldAccessDies)
	return s.tokenReply(s.grants.issue(old.owner, now), "account_id", !quirks.NoRefreshToken)
}

// tokenReply says nothing of when the token ends.
func (s *Stripe) tokenReply(t *token, accountField string, withRefresh bool) apiReply {
	s.remember(t.access, t.refresh)
	reply := object{"access_token": t.access, "token_type": "bearer", "scope": "stripe_apps", "livemode": false,
		"stripe_publishable_key": "pk_test_" + t.owner[5:], accountField: t.owner}
	if withRefresh {
		reply["refresh_token"] = t.refresh
	}
	return ok(reply)
}
