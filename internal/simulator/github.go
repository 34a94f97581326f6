package simulator

import (
	"net/http"
	"strconv"
)

// GitHub is a simulated GitHub on one origin, laid out like GitHub Enterprise
// Server: web pages at /login/…, the REST API under /api/v3. The accounts are
// octocat and hubot; the password is the name.
type GitHub struct {
	*base
	mux    *http.ServeMux
	world  *world
	grants githubGrants
	used   map[string]int // login → API calls, for the rate headers
}

// Issue is an issue as a test sees it.
type Issue struct {
	Number int
	Title  string
	Body   string
	Author string
}

// NewGitHub returns a GitHub with its usual content.
func NewGitHub(cfg Config) *GitHub {
	g := &GitHub{
		base: newBase(cfg, brand{
			Name: "GitHub", Mark: "Gh", Theme: "github", Account: "Username", Cookie: "github_simulator_session",
		}),
		mux: http.NewServeMux(), grants: newGithubGrants(), used: map[string]int{},
	}
	g.world = newWorld(g.cfg.Now())
	g.webRoutes()
	g.apiRoutes()
	return g
}

// ServeHTTP implements http.Handler.
func (g *GitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.serve(w, r, g.mux) }

func (g *GitHub) webRoutes() {
	g.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		g.pages.render(w, http.StatusOK, "home.html", g.world.people())
	})
	g.mux.HandleFunc("GET "+stylePath, g.pages.serveStyle)
	g.mux.HandleFunc("GET /login", g.showSignIn)
	g.mux.Handle("POST /login", sameSiteOnly(g.takeSignIn))
	g.mux.Handle("POST /login/switch", sameSiteOnly(g.switchAccount))
	g.mux.HandleFunc("GET /login/oauth/authorize", g.showAuthorize)
	g.mux.Handle("POST /login/oauth/authorize", sameSiteOnly(g.takeAuthorize))
	g.mux.HandleFunc("POST /login/oauth/access_token", g.token)
}

// Issues returns the issues and pull requests of a repository ("owner/name"),
// oldest first.
func (g *GitHub) Issues(fullName string) []Issue {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.world.byName(fullName)
	if r == nil {
		return nil
	}
	var list []Issue
	for _, i := range r.issues {
		list = append(list, Issue{Number: i.number, Title: i.title, Body: i.body, Author: i.author.login})
	}
	return list
}

// Rename gives a repository another full name ("owner/name"), also another
// owner. The old name redirects until something else takes it.
func (g *GitHub) Rename(from, to string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.world.rename(from, to)
}

// RevokeAll ends everything a person (login or numeric id) agreed to, as
// "revoke access" in their settings does.
func (g *GitHub) RevokeAll(subject string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.world.accounts {
		if a.login == subject || strconv.FormatInt(a.id, 10) == subject {
			g.grants.dropAll(a.login)
		}
	}
}

// ExpireTokens ends every access token now. Refresh tokens go on working.
func (g *GitHub) ExpireTokens() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.cfg.Now()
	for _, t := range g.grants.byAccess {
		if t.app {
			t.expires = now
			continue
		}
		g.grants.drop(t)
	}
}

// PlantedSecrets returns the credentials that GitHub itself puts into answers
// about private repositories (temp_clone_token, the token in download_url).
func (g *GitHub) PlantedSecrets() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var planted []string
	for _, r := range g.world.repos {
		if r.private {
			planted = append(planted, r.rawToken, r.cloneToken)
		}
	}
	return planted
}
