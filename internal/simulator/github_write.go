package simulator

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// maxDrafts is how many files a branch may get beyond its seed.
const maxDrafts = 200

// putContents writes one file on one branch. History does not grow: the commit
// in the answer is the only trace of it.
func (g *GitHub) putContents(c apiCall) apiReply {
	refusal := signedIn(c)
	if refusal != nil {
		return *refusal
	}
	at := strings.Trim(c.PathValue("path"), "/")
	switch {
	case !c.caller.may("public_repo"), !c.repo.canPush(c.caller.login()):
		return notFound()
	case strings.HasPrefix(at, ".github/workflows/") && !c.caller.may("workflow"):
		return notFound()
	case c.repo.archived:
		return complaint(http.StatusForbidden, "Repository was archived so is read-only.")
	}
	var sent struct{ Message, Content, Branch, SHA string }
	err := json.Unmarshal(c.sent, &sent)
	if err != nil {
		return complaint(http.StatusBadRequest, "Problems parsing JSON")
	}
	content, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(sent.Content, "\n", ""))
	if err != nil {
		return complaint(http.StatusUnprocessableEntity, "content is not valid Base64")
	}
	if sent.Message == "" {
		return complaint(http.StatusUnprocessableEntity, `Invalid request. "message" wasn't supplied.`)
	}
	if sent.Branch == "" {
		sent.Branch = c.repo.branch
	}
	if !slices.Contains(c.repo.branches(), sent.Branch) {
		return complaint(http.StatusNotFound, "Branch "+sent.Branch+" not found")
	}
	return g.write(c, at, sent.Branch, sent.SHA, sent.Message, string(content))
}

// write stores the file, unless the caller has not seen what it replaces.
func (g *GitHub) write(c apiCall, at, branch, seen, message, content string) apiReply {
	old, exists := c.repo.file(branch, at)
	switch {
	case exists && seen == "":
		return complaint(http.StatusUnprocessableEntity, `Invalid request. "sha" wasn't supplied.`)
	case exists && seen != blobSHA(old):
		return complaint(http.StatusConflict, at+" does not match "+seen)
	case len(c.repo.drafts[branch]) >= maxDrafts:
		return complaint(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	}
	if c.repo.drafts[branch] == nil {
		c.repo.drafts[branch] = map[string]string{}
	}
	c.repo.drafts[branch][at] = content
	if branch == c.repo.branch {
		// Reads without a ref look at the default branch under "".
		c.repo.drafts[""] = c.repo.drafts[branch]
	}
	made := commit{sha: sha1Hex("commit " + at + branch + content), message: message, at: g.cfg.Now().UTC()}
	reply := ok(object{
		"content": c.site.entry(c.repo, at, "file", len(content), blobSHA(content)),
		"commit":  c.site.commit(c.repo, made),
	})
	if !exists {
		reply.status = http.StatusCreated
	}
	return reply
}
