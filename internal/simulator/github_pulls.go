package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// pull is what makes an issue a pull request.
type pull struct {
	head, base string
	draft      bool
	merged     bool
	reviews    []review
}

// review is one review of a pull request.
type review struct {
	author *account
	text   string
	state  string
	at     time.Time
}

func (i *issue) pullFrom(head, base string) {
	i.pull, i.asked = true, pull{head: head, base: base}
}

func (g *GitHub) pullRoutes() {
	g.handleRepo("GET", "/pulls", g.listPulls)
	g.handleRepo("POST", "/pulls", g.createPull)
	g.handleRepo("GET", "/pulls/{number}", withPull(func(c apiCall, i *issue) apiReply { return ok(c.site.pull(c.repo, i, true)) }))
	g.handleRepo("PATCH", "/pulls/{number}", g.updatePull)
	g.handleRepo("GET", "/pulls/{number}/files", withPull(g.listPullFiles))
	g.handleRepo("GET", "/pulls/{number}/commits", withPull(g.listPullCommits))
	g.handleRepo("GET", "/pulls/{number}/reviews", withPull(g.listReviews))
	g.handleRepo("POST", "/pulls/{number}/reviews", withPull(g.createReview))
	g.handleRepo("GET", "/pulls/{number}/comments", withPull(func(c apiCall, i *issue) apiReply {
		return paged(c, c.repo.idPath(fmt.Sprintf("/pulls/%d/comments", i.number)), []review(nil), nil)
	}))
	g.handleRepo("PUT", "/pulls/{number}/merge", withPull(g.mergePull))
}

// withPull finds the pull request of the path.
func withPull(h func(apiCall, *issue) apiReply) apiHandler {
	return func(c apiCall) apiReply {
		found := issueNamed(c)
		if found == nil || !found.pull {
			return notFound()
		}
		return h(c, found)
	}
}

func (g *GitHub) listPulls(c apiCall) apiReply {
	state := c.query.Get("state")
	var list []*issue
	for _, i := range c.repo.issues {
		fits := i.pull && (state == "all" || i.closed == (state == "closed"))
		if base := c.query.Get("base"); fits && (base == "" || base == i.asked.base) {
			list = append(list, i)
		}
	}
	if c.query.Get("direction") != "asc" {
		slices.Reverse(list)
	}
	return paged(c, c.repo.idPath("/pulls"), list, func(i *issue) object { return c.site.pull(c.repo, i, false) })
}

// createPull opens a pull request between two branches of the repository.
func (g *GitHub) createPull(c apiCall) apiReply {
	if refusal := g.mayPush(c); refusal != nil {
		return *refusal
	}
	var sent struct {
		Title, Body, Head, Base string
		Draft                   bool
	}
	if err := json.Unmarshal(c.sent, &sent); err != nil {
		return complaint(http.StatusBadRequest, "Problems parsing JSON")
	}
	switch branches := c.repo.branches(); {
	case strings.TrimSpace(sent.Title) == "":
		return invalid("PullRequest", "title", "missing_field")
	case !slices.Contains(branches, sent.Head) || sent.Head == sent.Base:
		return invalid("PullRequest", "head", "invalid")
	case !slices.Contains(branches, sent.Base):
		return invalid("PullRequest", "base", "invalid")
	}
	added := c.repo.open(c.caller.user, sent.Title, sent.Body, nil, g.cfg.Now().UTC())
	if added == nil {
		return complaint(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	}
	added.pullFrom(sent.Head, sent.Base)
	added.asked.draft = sent.Draft
	reply := ok(c.site.pull(c.repo, added, true))
	reply.status = http.StatusCreated
	return reply
}

func (g *GitHub) updatePull(c apiCall) apiReply {
	found := issueNamed(c)
	if found == nil || !found.pull {
		return notFound()
	}
	if reply := g.updateIssue(c); reply.status != http.StatusOK {
		return reply
	}
	return ok(c.site.pull(c.repo, found, true))
}

// listPullFiles compares the files written on the two branches.
func (g *GitHub) listPullFiles(c apiCall, i *issue) apiReply {
	return paged(c, c.repo.idPath(fmt.Sprintf("/pulls/%d/files", i.number)), c.repo.changed(i.asked.base, i.asked.head), c.site.changedFile(c.repo))
}

func (g *GitHub) listPullCommits(c apiCall, i *issue) apiReply {
	head := []commit{c.repo.head(i.asked.head)}
	return paged(c, c.repo.idPath(fmt.Sprintf("/pulls/%d/commits", i.number)), head, func(one commit) object { return c.site.commit(c.repo, one) })
}

func (g *GitHub) listReviews(c apiCall, i *issue) apiReply {
	return paged(c, c.repo.idPath(fmt.Sprintf("/pulls/%d/reviews", i.number)), i.asked.reviews, func(r review) object { return c.site.review(c.repo, i, r) })
}

// createReview adds a review. Without an event it waits, unseen, for another call.
func (g *GitHub) createReview(c apiCall, i *issue) apiReply {
	if refusal := signedIn(c); refusal != nil {
		return *refusal
	}
	var sent struct{ Body, Event string }
	if err := json.Unmarshal(c.sent, &sent); err != nil {
		return complaint(http.StatusBadRequest, "Problems parsing JSON")
	}
	state, known := map[string]string{"": "PENDING", "COMMENT": "COMMENTED", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}[sent.Event]
	if !known || len(i.asked.reviews) >= maxIssues {
		return invalid("PullRequestReview", "event", "invalid")
	}
	said := review{author: c.caller.user, text: sent.Body, state: state, at: g.cfg.Now().UTC()}
	i.asked.reviews = append(i.asked.reviews, said)
	return ok(c.site.review(c.repo, i, said))
}

// mergePull merges, once, and only what the caller has seen.
func (g *GitHub) mergePull(c apiCall, i *issue) apiReply {
	if refusal := g.mayPush(c); refusal != nil {
		return *refusal
	}
	var sent struct{ SHA string }
	if err := json.Unmarshal(c.sent, &sent); err != nil && len(c.sent) > 0 {
		return complaint(http.StatusBadRequest, "Problems parsing JSON")
	}
	head := c.repo.head(i.asked.head)
	switch {
	case i.closed || i.asked.merged || i.asked.draft:
		return complaint(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	case sent.SHA != "" && sent.SHA != head.sha:
		return complaint(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	}
	i.closed, i.asked.merged = true, true
	return ok(object{"sha": sha1Hex("merge " + head.sha), "merged": true, "message": "Pull Request successfully merged"})
}

// pull is a pull request in its own API. Where its branches are is told with the
// whole repository, as at GitHub.
func (s site) pull(r *repository, i *issue, full bool) object {
	self := fmt.Sprintf("%s/repos/%s/pulls/%d", s.api, r.fullName(), i.number)
	shape := s.issue(r, i)
	for _, name := range []string{"pull_request", "repository_url", "labels_url", "events_url", "state_reason", "closed_by"} {
		delete(shape, name)
	}
	end := func(branch string) object {
		return object{"label": r.owner.login + ":" + branch, "ref": branch, "sha": r.head(branch).sha, "user": s.simpleAccount(r.owner),
			"repo": s.repository(r, caller{}, false)}
	}
	shape["url"], shape["head"], shape["base"], shape["draft"] = self, end(i.asked.head), end(i.asked.base), i.asked.draft
	shape["merged_at"], shape["merge_commit_sha"] = nil, nil
	shape["_links"] = object{"self": object{"href": self}, "html": object{"href": shape["html_url"]}}
	if full {
		shape["merged"], shape["mergeable"], shape["commits"] = i.asked.merged, !i.closed, 1
		shape["changed_files"] = len(r.changed(i.asked.base, i.asked.head))
	}
	return shape
}

func (s site) review(r *repository, i *issue, said review) object {
	id := r.id%1000000*100000 + int64(i.number)*100 + said.at.Unix()%100
	return object{
		"id": id, "node_id": nodeID("PRR", id), "user": s.simpleAccount(said.author), "body": said.text, "state": said.state,
		"html_url":         fmt.Sprintf("%s/%s/pull/%d#pullrequestreview-%d", s.web, r.fullName(), i.number, id),
		"pull_request_url": fmt.Sprintf("%s/repos/%s/pulls/%d", s.api, r.fullName(), i.number),
		"submitted_at":     said.at.Format(githubTime), "commit_id": r.head(i.asked.head).sha, "author_association": "MEMBER",
	}
}
