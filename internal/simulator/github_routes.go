package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// apiRoutes is every route of the REST API that exists here.
func (g *GitHub) apiRoutes() {
	g.handle("GET /user", "", g.getUser)
	g.handle("GET /users/{login}", "", g.getAccount)
	g.handle("GET /user/orgs", "admin:org, read:org, repo, user, write:org", g.listOrgs)
	g.handle("GET /user/repos", "", g.listRepos)
	g.handle("GET /orgs/{login}", "", g.getAccount)
	g.handle("GET /orgs/{login}/repos", "admin:org, read:org, repo, user, write:org", g.listOrgRepos)
	g.handle("GET /user/installations", "", g.listInstallations)
	g.handle("GET /user/installations/{id}/repositories", "", g.listInstallationRepos)

	g.handleRepo("GET", "", g.getRepo)
	g.handleRepo("GET", "/readme", g.getReadme)
	g.handleRepo("GET", "/contents", g.getContents)
	g.handleRepo("GET", "/contents/{path...}", g.getContents)
	g.handleRepo("PUT", "/contents/{path...}", g.putContents)
	g.handleRepo("DELETE", "/contents/{path...}", g.deleteContents)
	g.handleRepo("POST", "/git/refs", g.createRef)
	g.handleRepo("GET", "/tarball/{ref}", g.getTarball)
	g.handleRepo("GET", "/branches", g.listBranches)
	g.handleRepo("GET", "/branches/{branch}", g.getBranch)
	g.handleRepo("GET", "/commits", g.listCommits)
	g.handleRepo("GET", "/commits/{ref}", g.getCommit)
	g.handleRepo("GET", "/issues", g.listIssues)
	g.handleRepo("POST", "/issues", g.createIssue)
	g.handleRepo("GET", "/issues/{number}", g.getIssue)
	g.handleRepo("PATCH", "/issues/{number}", g.updateIssue)
	g.handleRepo("GET", "/issues/{number}/comments", g.listComments)
	g.handleRepo("POST", "/issues/{number}/comments", g.createComment)
	g.handleRepo("GET", "/labels", g.listLabels)
	g.pullRoutes()
	g.actionRoutes()
	g.codeRoutes()

	g.handle("POST /applications/{client}/token", "", g.checkToken)
	g.handle("DELETE /applications/{client}/token", "", g.deleteToken)
	g.handle("DELETE /applications/{client}/grant", "", g.deleteGrant)
	g.handle(" /", "", func(apiCall) apiReply { return notFound() })
}

// handleRepo registers a path below a repository under both of its addresses:
// by name, and by the id that never changes.
func (g *GitHub) handleRepo(method, path string, h apiHandler) {
	g.handle(method+" /repos/{owner}/{name}"+path, "repo", func(c apiCall) apiReply {
		fullName := c.PathValue("owner") + "/" + c.PathValue("name")
		r := g.world.byName(fullName)
		if r == nil {
			return g.movedTo(c, fullName)
		}
		return g.withRepo(c, r, h)
	})
	g.handle(method+" /repositories/{id}"+path, "repo", func(c apiCall) apiReply {
		id, err := strconv.ParseInt(c.PathValue("id"), 10, 64)
		if err != nil {
			return notFound()
		}
		r := g.world.byID(id)
		if r == nil {
			return notFound()
		}
		return g.withRepo(c, r, h)
	})
}

// withRepo checks that the caller may look at the repository and goes on.
func (g *GitHub) withRepo(c apiCall, r *repository, h apiHandler) apiReply {
	if !c.caller.reaches(r) {
		// A private repository that is out of reach is not there.
		return notFound()
	}
	refusal := g.orgRefuses(c, r.owner)
	if refusal != nil {
		return *refusal
	}
	c.repo = r
	return h(c)
}

// orgRefuses answers for an organisation whose policy keeps the app out.
func (g *GitHub) orgRefuses(c apiCall, owner *account) *apiReply {
	var refusal apiReply
	switch {
	case !owner.org:
		return nil
	case strings.EqualFold(owner.login, g.quirks.OrgBlocked):
		refusal = complaint(http.StatusForbidden, fmt.Sprintf("Although you appear to have the correct authorization credentials, "+
			"the `%s` organization has enabled OAuth App access restrictions, meaning that data access to third-parties is limited.", owner.login))
	case strings.EqualFold(owner.login, g.quirks.SSORequired):
		refusal = complaint(http.StatusForbidden, "Resource protected by organization SAML enforcement. You must grant your OAuth token access to this organization.")
		refusal.header = map[string]string{"X-GitHub-SSO": fmt.Sprintf("required; url=%s/orgs/%s/sso?authorization_request=simulated", c.site.web, owner.login)}
	default:
		return nil
	}
	return &refusal
}

// movedTo redirects a former name to the id, when the caller may know of it.
func (g *GitHub) movedTo(c apiCall, fullName string) apiReply {
	r := g.world.byID(g.world.moved[strings.ToLower(fullName)])
	if r == nil || !c.caller.reaches(r) {
		return notFound()
	}
	// What follows the name stays: /repos/old/name/issues → /repositories/1/issues.
	rest := strings.SplitN(strings.TrimPrefix(c.URL.EscapedPath(), "/api/v3/repos/"), "/", 3)
	target := fmt.Sprintf("%s/repositories/%d", c.site.api, r.id)
	if len(rest) == 3 {
		target += "/" + rest[2]
	}
	if c.URL.RawQuery != "" {
		target += "?" + c.URL.RawQuery
	}
	reply := complaint(http.StatusMovedPermanently, "Moved Permanently")
	reply.body.(object)["url"] = target
	reply.header = map[string]string{"Location": target}
	return reply
}
