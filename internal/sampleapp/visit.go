package sampleapp

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

const (
	cookieName = "repo_scout_session"
	visitLife  = 8 * time.Hour
	maxVisits  = 1000
	// askLife is how long a person may take to answer at Deputy.
	askLife = 30 * time.Minute
	maxAsks = 8
)

// visit is one browser at Repo Scout. Its lock is held while its token is
// refreshed, because a refresh token must not be used twice at once.
type visit struct {
	ends time.Time

	mu       sync.Mutex
	asks     map[string]ask // by state
	token    *oauth2.Token  // nil: not connected
	asked    []string       // scopes of the request that led to the token
	granted  []string       // scopes the token has
	channels []channel      // what the last channel list showed
	news     string         // said once on the next page
}

// ask is one request on its way through Deputy.
type ask struct {
	verifier string
	scopes   []string
	ends     time.Time
}

// channel is a Slack channel this app was shown.
type channel struct{ ID, Name string }

// visitOf returns the visit of this browser, or nil.
func (a *App) visitOf(r *http.Request) *visit {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	found := a.visits[cookie.Value]
	if found == nil || !a.cfg.Now().Before(found.ends) {
		return nil
	}
	return found
}

// startVisit gives the browser a new cookie for this visit. It is called anew
// when a token arrives, so that a cookie from before is worth nothing.
func (a *App) startVisit(w http.ResponseWriter, r *http.Request, v *visit) {
	now := a.cfg.Now()
	id := rand.Text()
	a.mu.Lock()
	for key, old := range a.visits {
		if old == v || !now.Before(old.ends) || len(a.visits) >= maxVisits {
			delete(a.visits, key)
		}
	}
	v.ends = now.Add(visitLife)
	a.visits[id] = v
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(a.cfg.BaseURL, "https://"), MaxAge: int(visitLife.Seconds()),
	})
}

// endVisit forgets this browser.
func (a *App) endVisit(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie(cookieName)
	if err == nil {
		a.mu.Lock()
		delete(a.visits, cookie.Value)
		a.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", HttpOnly: true, MaxAge: -1})
}

// remember keeps a request until its answer comes, and forgets old ones.
func (v *visit) remember(state string, added ask, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.asks == nil {
		v.asks = map[string]ask{}
	}
	for key, old := range v.asks {
		if !now.Before(old.ends) || len(v.asks) >= maxAsks {
			delete(v.asks, key)
		}
	}
	v.asks[state] = added
}

// take finds the request an answer belongs to. An answer counts once.
func (v *visit) take(state string, now time.Time) (ask, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	found, known := v.asks[state]
	delete(v.asks, state)
	return found, known && now.Before(found.ends)
}

// hold keeps a token that just arrived. The lock is held. An answer without
// scope means that nothing changed: all that was asked for on a first token
// (RFC 6749 section 5.1), all there was on a renewed one (section 6).
func (v *visit) hold(token *oauth2.Token) {
	v.token = token
	said, ok := token.Extra("scope").(string)
	if ok {
		v.granted = strings.Fields(said)
	}
}
