package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	maxTitle = 256
	maxBody  = 65536
)

// idPath is the address of something below a repository that GitHub uses in
// its own links.
func (r *repository) idPath(rest string) string {
	return fmt.Sprintf("/repositories/%d%s", r.id, rest)
}

// listIssues lists issues and, like GitHub, pull requests among them.
func (g *GitHub) listIssues(c apiCall) apiReply {
	state := c.query.Get("state")
	if !slices.Contains([]string{"", "open", "closed", "all"}, state) {
		return invalid("Issue", "state", "invalid")
	}
	var list []*issue
	for _, i := range c.repo.issues {
		fits := state == "all" || i.closed == (state == "closed")
		if fits && hasLabels(i, c.query.Get("labels")) {
			list = append(list, i)
		}
	}
	if c.query.Get("direction") != "asc" {
		slices.Reverse(list)
	}
	return paged(c, c.repo.idPath("/issues"), list, func(i *issue) object { return c.site.issue(c.repo, i) })
}

// hasLabels reports whether an issue has every label of a comma-separated list.
func hasLabels(i *issue, labels string) bool {
	if labels == "" {
		return true
	}
	for label := range strings.SplitSeq(labels, ",") {
		if !slices.Contains(i.labels, label) {
			return false
		}
	}
	return true
}

// issueNamed finds the issue of the path, or nil.
func issueNamed(c apiCall) *issue {
	number, err := strconv.Atoi(c.PathValue("number"))
	if err != nil || number < 1 || number > len(c.repo.issues) {
		return nil
	}
	return c.repo.issues[number-1]
}

func (g *GitHub) getIssue(c apiCall) apiReply {
	found := issueNamed(c)
	if found == nil {
		return notFound()
	}
	return ok(c.site.issue(c.repo, found))
}

func (g *GitHub) listComments(c apiCall) apiReply {
	found := issueNamed(c)
	if found == nil {
		return notFound()
	}
	path := c.repo.idPath(fmt.Sprintf("/issues/%d/comments", found.number))
	return paged(c, path, found.comments, func(said comment) object { return c.site.comment(c.repo, found, said) })
}

// orNotFound is the refusal, or that there is nothing.
func orNotFound(refusal *apiReply) apiReply {
	if refusal != nil {
		return *refusal
	}
	return notFound()
}

// createIssue opens an issue.
func (g *GitHub) createIssue(c apiCall) apiReply {
	refusal := signedIn(c)
	if refusal != nil {
		return *refusal
	}
	if c.repo.archived {
		return complaint(http.StatusForbidden, "Repository was archived so is read-only.")
	}
	if !c.caller.may("public_repo") {
		return notFound()
	}
	var sent struct {
		Title  any      `json:"title"` // text or number at GitHub
		Body   string   `json:"body"`
		Labels []string `json:"labels"`
	}
	err := json.Unmarshal(c.sent, &sent)
	if err != nil {
		return complaint(http.StatusBadRequest, "Problems parsing JSON")
	}
	title, text := sent.Title.(string)
	if sent.Title != nil && !text {
		title = fmt.Sprint(sent.Title)
	}
	if sent.Title == nil || strings.TrimSpace(title) == "" {
		return invalid("Issue", "title", "missing_field")
	}
	if len(title) > maxTitle || len(sent.Body) > maxBody {
		return invalid("Issue", "title", "too_long")
	}
	if !c.repo.canPush(c.caller.login()) {
		sent.Labels = nil
	}
	added := c.repo.open(c.caller.user, title, sent.Body, sent.Labels, g.cfg.Now().UTC())
	if added == nil {
		return complaint(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	}
	reply := ok(c.site.issue(c.repo, added))
	reply.status = http.StatusCreated
	reply.header = map[string]string{"Location": reply.body.(object)["url"].(string)}
	return reply
}

// updateIssue changes what is sent of an issue, of a pull request too.
func (g *GitHub) updateIssue(c apiCall) apiReply {
	found := issueNamed(c)
	if refusal := g.mayPush(c); refusal != nil || found == nil {
		return orNotFound(refusal)
	}
	var sent struct {
		Title, Body, State *string
		Labels             []string
	}
	if err := json.Unmarshal(c.sent, &sent); err != nil {
		return complaint(http.StatusBadRequest, "Problems parsing JSON")
	}
	if sent.State != nil && *sent.State != "open" && *sent.State != "closed" {
		return invalid("Issue", "state", "invalid")
	}
	if sent.Title != nil {
		found.title = *sent.Title
	}
	if sent.Body != nil {
		found.body = *sent.Body
	}
	if sent.State != nil {
		found.closed = *sent.State == "closed"
	}
	if sent.Labels != nil {
		found.labels = sent.Labels
	}
	return ok(c.site.issue(c.repo, found))
}

// createComment says something below an issue.
func (g *GitHub) createComment(c apiCall) apiReply {
	found := issueNamed(c)
	if refusal := signedIn(c); refusal != nil || found == nil {
		return orNotFound(refusal)
	}
	var sent struct{ Body string }
	switch err := json.Unmarshal(c.sent, &sent); {
	case err != nil:
		return complaint(http.StatusBadRequest, "Problems parsing JSON")
	case strings.TrimSpace(sent.Body) == "" || len(sent.Body) > maxBody:
		return invalid("IssueComment", "body", "missing_field")
	case len(found.comments) >= maxIssues:
		return complaint(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	}
	said := comment{author: c.caller.user, text: sent.Body, at: g.cfg.Now().UTC()}
	found.comments = append(found.comments, said)
	reply := ok(c.site.comment(c.repo, found, said))
	reply.status = http.StatusCreated
	return reply
}

// listLabels lists the labels that issues have.
func (g *GitHub) listLabels(c apiCall) apiReply {
	var names []string
	for _, i := range c.repo.issues {
		names = append(names, i.labels...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return paged(c, c.repo.idPath("/labels"), names, func(name string) object {
		return object{"id": c.repo.id*10 + int64(slices.Index(names, name)), "name": name, "color": "0366d6", "default": false, "description": nil,
			"url": c.site.api + "/repos/" + c.repo.fullName() + "/labels/" + name}
	})
}
