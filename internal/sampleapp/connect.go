package sampleapp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// wishes are the scopes behind each button of the first page.
func wishes(button string) []string {
	basic := []string{"services.github.repositories.read", "services.github.issues.read", "identity.profile.read"}
	switch button {
	case "github":
		return basic
	case "slack":
		return append(basic, "services.slack.channels.read", "services.slack.messages.read")
	case "away":
		return append(basic, "offline_access", "agents.jobs.background")
	}
	return nil
}

// connect sends the person to Deputy. What the app already has is asked for
// again together with what is new.
func (a *App) connect(w http.ResponseWriter, r *http.Request) error {
	scopes := wishes(r.PostFormValue("want"))
	if scopes == nil {
		return trouble{status: http.StatusBadRequest, Headline: "That is not one of our buttons", Text: "Go back to the first page and choose again."}
	}
	v := a.visitOf(r)
	if v == nil {
		v = &visit{}
		a.startVisit(w, r, v)
	}
	v.mu.Lock()
	for _, scope := range v.asked {
		if v.token != nil && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	v.mu.Unlock()
	state, verifier, now := rand.Text(), oauth2.GenerateVerifier(), a.cfg.Now()
	v.remember(state, ask{verifier: verifier, scopes: scopes, ends: now.Add(askLife)}, now)
	config := a.oauth
	config.Scopes = scopes
	http.Redirect(w, r, config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)), http.StatusSeeOther)
	return nil
}

// callback takes Deputy's answer.
func (a *App) callback(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	v := a.visitOf(r)
	if v == nil {
		return strayAnswer()
	}
	sent, known := v.take(query.Get("state"), a.cfg.Now())
	if !known {
		return strayAnswer()
	}
	// RFC 9207 section 2.4: compare before anything else is believed, on errors too.
	if query.Get("iss") != a.cfg.DeputyURL {
		return trouble{status: http.StatusBadRequest, Headline: "This answer is not from Deputy",
			Text: "It does not name the server we asked, so we threw it away. Nothing was shared."}
	}
	if query.Get("error") == "access_denied" {
		return trouble{status: http.StatusOK, Headline: "You said no. Nothing was shared.", Text: "That is fine. You can connect another time."}
	}
	if code := query.Get("error"); code != "" {
		return trouble{status: http.StatusBadRequest, Headline: "Deputy did not accept our request",
			Text: "Nothing was shared.", Detail: strings.TrimSpace(code + " " + query.Get("error_description"))}
	}
	config := a.oauth
	token, err := config.Exchange(a.deputyContext(r), query.Get("code"), oauth2.VerifierOption(sent.verifier))
	if err != nil {
		return exchangeTrouble(err)
	}
	v.mu.Lock()
	v.asked, v.granted, v.channels = sent.scopes, sent.scopes, nil
	v.hold(token)
	v.news = "Connected. Deputy gave us a token of its own."
	v.mu.Unlock()
	a.startVisit(w, r, v)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func strayAnswer() error {
	return trouble{status: http.StatusBadRequest, Headline: "We did not expect this answer",
		Text: "It does not belong to a request from this browser, or it came twice or too late. Nothing was shared. Please start again."}
}

// exchangeTrouble says why there is no token. The server's error code is all
// that is shown of its answer.
func exchangeTrouble(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return unreachable(err)
	}
	code := refused.ErrorCode
	if code == "" {
		code = fmt.Sprintf("status %d", refused.Response.StatusCode)
	}
	return trouble{status: http.StatusBadGateway, Headline: "Deputy gave us no token", Text: "Please start again.", Detail: code, cause: err}
}

func unreachable(err error) error {
	return trouble{status: http.StatusBadGateway, Headline: "Deputy cannot be reached",
		Text: "Your permissions there are untouched. Try again in a moment.", cause: err}
}

// deputyContext makes x/oauth2 use this app's HTTP client.
func (a *App) deputyContext(r *http.Request) context.Context {
	return context.WithValue(r.Context(), oauth2.HTTPClient, a.http)
}

// freshToken returns a token that has not run out. The visit's lock is held.
// A permission that ended at Deputy takes the token with it.
func (a *App) freshToken(r *http.Request, v *visit) (*oauth2.Token, error) {
	config := a.oauth
	token, err := config.TokenSource(a.deputyContext(r), v.token).Token()
	if err == nil {
		if token != v.token {
			v.hold(token)
		}
		return token, nil
	}
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant", v.token.RefreshToken == "":
		v.token, v.channels = nil, nil
		return nil, trouble{status: http.StatusForbidden, Headline: "Your permission has ended",
			Text: "Deputy does not renew our token any more. Connect again if you like.", cause: err}
	case errors.As(err, &refused):
		return nil, trouble{status: http.StatusBadGateway, Headline: "Deputy did not renew our token", Text: "Try again in a moment.", Detail: refused.ErrorCode, cause: err}
	}
	return nil, unreachable(err)
}

// signOut gives the token back (RFC 7009) and forgets this browser.
func (a *App) signOut(w http.ResponseWriter, r *http.Request) error {
	v := a.visitOf(r)
	a.endVisit(w, r)
	if v == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	v.mu.Lock()
	token := v.token
	v.token = nil
	v.mu.Unlock()
	if token != nil {
		err := a.revoke(r, token)
		if err != nil {
			return trouble{status: http.StatusBadGateway, Headline: "You are signed out here",
				Text: "We could not tell Deputy, so our token may live on there for a while. Remove Repo Scout on your Deputy page to be sure.", cause: err}
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// revoke ends the longest-lived token we hold; the others go with it.
func (a *App) revoke(r *http.Request, token *oauth2.Token) error {
	form := url.Values{"token": {token.AccessToken}, "token_type_hint": {"access_token"}, "client_id": {a.cfg.ClientID}}
	if token.RefreshToken != "" {
		form.Set("token", token.RefreshToken)
		form.Set("token_type_hint", "refresh_token")
	}
	if a.cfg.ClientSecret != "" {
		form.Set("client_secret", a.cfg.ClientSecret)
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, a.cfg.DeputyURL+"/oauth/revoke", strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := a.http.Do(req)
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("revoke token: status %d", resp.StatusCode)
	}
	return nil
}
