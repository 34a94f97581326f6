package simulator

import (
	"strconv"
	"time"
)

// GitHub is a simulated GitHub on one origin, laid out like GitHub Enterprise
// Server: web pages at /login/…, the REST API under /api/v3. The accounts are
// octocat and hubot; the password is the name.
type GitHub struct {
	*base
	world  *world
	grants githubGrants
	used   map[string]int // login → API calls, for the rate headers
	failed []time.Time    // newest calls with a bad token
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
			Name: "GitHub", Mark: "Gh", Theme: "github", Account: "Username", Cookie: "github_simulator_session", SignIn: "/login",
		}),
		grants: newGithubGrants(), used: map[string]int{},
	}
	g.world = newWorld(g.cfg.Now())
	g.people = g.world.people()
	g.SetQuirks(g.quirks)
	g.webRoutes(g, "/login/oauth/authorize", "/login/oauth/access_token", "/api/v3")
	g.mux.HandleFunc("GET /login/oauth/authorize", g.showAuthorize)
	g.mux.Handle("POST /login/oauth/authorize", sameSiteOnly(g.takeAuthorize))
	g.mux.HandleFunc("POST /login/oauth/access_token", g.token)
	g.mux.HandleFunc("GET /simulator/archive/{ticket}", g.archive)
	g.apiRoutes()
	return g
}

// SetQuirks replaces the manners from the next request on. A repository that was
// renamed stays renamed.
func (g *GitHub) SetQuirks(q Quirks) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.quirks = q
	g.failed = nil
	if q.Renamed {
		g.world.storefront(g.cfg.Now())
	}
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
	g.emit(func() (events []hook) {
		for _, a := range g.world.accounts {
			if a.login == subject || strconv.FormatInt(a.id, 10) == subject {
				g.grants.dropAll(a.login)
				events = append(events, githubRevoked(a))
			}
		}
		return events
	})
}

// ExpireTokens ends every access token now. Refresh tokens go on working.
func (g *GitHub) ExpireTokens() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.grants.expire(g.cfg.Now())
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
