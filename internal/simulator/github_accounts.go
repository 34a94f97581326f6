package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// signedIn refuses calls without a token.
func signedIn(c apiCall) *apiReply {
	if c.caller.user != nil {
		return nil
	}
	refusal := complaint(http.StatusUnauthorized, "Requires authentication")
	return &refusal
}

func (g *GitHub) getUser(c apiCall) apiReply {
	refusal := signedIn(c)
	if refusal != nil {
		return *refusal
	}
	return ok(c.site.fullAccount(c.caller.user))
}

func (g *GitHub) getAccount(c apiCall) apiReply {
	found := g.world.account(c.PathValue("login"))
	if found == nil {
		return notFound()
	}
	return ok(c.site.fullAccount(found))
}

func (g *GitHub) listOrgs(c apiCall) apiReply {
	refusal := signedIn(c)
	if refusal != nil {
		return *refusal
	}
	if !c.caller.may("read:org") && !c.caller.may("read:user") && !c.caller.may("user:email") {
		return complaint(http.StatusForbidden, "You need at least read:org scope or user scope to list your organizations")
	}
	return paged(c, "/user/orgs", g.world.orgsOf(c.caller.login()), c.site.organization)
}

// listRepos is everything this person owns or works on. Organisations that
// keep the app out are silently missing, as at GitHub.
func (g *GitHub) listRepos(c apiCall) apiReply {
	refusal := signedIn(c)
	if refusal != nil {
		return *refusal
	}
	var list []*repository
	partial := false
	for _, r := range g.world.repos {
		if !r.listed(c.caller.login()) || !c.caller.reaches(r) || !wanted(c, r) {
			continue
		}
		if r.owner.org && g.quirks.SSOPartial {
			partial = true
			continue
		}
		if g.orgRefuses(c, r.owner) == nil {
			list = append(list, r)
		}
	}
	reply := g.repoPage(c, "/user/repos", list)
	if partial {
		if reply.header == nil {
			reply.header = map[string]string{}
		}
		reply.header["X-GitHub-SSO"] = "partial-results; organizations=" + orgIDs(g.world.orgsOf(c.caller.login()))
	}
	return reply
}

func orgIDs(orgs []*account) string {
	var ids []string
	for _, a := range orgs {
		ids = append(ids, strconv.FormatInt(a.id, 10))
	}
	return strings.Join(ids, ",")
}

// wanted applies the filters of a repository list.
func wanted(c apiCall, r *repository) bool {
	visibility := c.query.Get("visibility")
	if visibility == "private" && !r.private || visibility == "public" && r.private {
		return false
	}
	affiliation := c.query.Get("affiliation")
	if affiliation == "" {
		return true
	}
	kind := "collaborator"
	switch {
	case r.owner.org:
		kind = "organization_member"
	case r.owner.login == c.caller.login():
		kind = "owner"
	}
	return slices.Contains(strings.Split(affiliation, ","), kind)
}

func (g *GitHub) listOrgRepos(c apiCall) apiReply {
	org := g.world.account(c.PathValue("login"))
	if org == nil || !org.org {
		return notFound()
	}
	refusal := g.orgRefuses(c, org)
	if refusal != nil {
		return *refusal
	}
	var list []*repository
	for _, r := range g.world.repos {
		if r.owner == org && c.caller.reaches(r) {
			list = append(list, r)
		}
	}
	return g.repoPage(c, fmt.Sprintf("/organizations/%d/repos", org.id), list)
}

// repoPage orders and cuts a repository list.
func (g *GitHub) repoPage(c apiCall, path string, list []*repository) apiReply {
	order := c.query.Get("sort")
	slices.SortStableFunc(list, func(a, b *repository) int {
		switch order {
		case "pushed", "updated":
			return b.pushed.Compare(a.pushed)
		case "created":
			return b.created.Compare(a.created)
		}
		return cmp.Compare(a.fullName(), b.fullName())
	})
	newestFirst := order == "pushed" || order == "updated" || order == "created"
	if direction := c.query.Get("direction"); direction == "asc" && newestFirst || direction == "desc" && !newestFirst {
		slices.Reverse(list)
	}
	return paged(c, path, list, func(r *repository) object { return c.site.repository(r, c.caller, false) })
}

// listInstallations is for tokens of a GitHub App, which is installed at every
// account the person can see.
func (g *GitHub) listInstallations(c apiCall) apiReply {
	if !c.caller.app {
		return complaint(http.StatusForbidden, "You must authenticate with an access token authorized to a GitHub App in order to list installations")
	}
	list := []object{}
	for _, a := range g.installed(c.caller) {
		list = append(list, object{
			"id": a.id, "account": c.site.simpleAccount(a), "repository_selection": "all", "target_type": a.kind(), "target_id": a.id,
			"permissions": object{"contents": "write", "issues": "write", "metadata": "read"}, "events": []string{},
			"repositories_url": c.site.api + "/installation/repositories", "suspended_at": nil, "suspended_by": nil,
		})
	}
	return ok(object{"total_count": len(list), "installations": list})
}

func (g *GitHub) installed(who caller) []*account {
	return append([]*account{who.user}, g.world.orgsOf(who.login())...)
}

func (g *GitHub) listInstallationRepos(c apiCall) apiReply {
	if !c.caller.app {
		return complaint(http.StatusForbidden, "You must authenticate with an access token authorized to a GitHub App in order to list installations")
	}
	for _, a := range g.installed(c.caller) {
		if strconv.FormatInt(a.id, 10) != c.PathValue("id") {
			continue
		}
		var list []*repository
		for _, r := range g.world.repos {
			if r.owner == a && r.listed(c.caller.login()) {
				list = append(list, r)
			}
		}
		reply := g.repoPage(c, "/user/installations/"+c.PathValue("id")+"/repositories", list)
		reply.body = object{"total_count": len(list), "repository_selection": "all", "repositories": reply.body}
		return reply
	}
	return notFound()
}
