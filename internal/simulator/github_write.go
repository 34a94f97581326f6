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

// contentsChange is what a caller sends to write or delete a file.
type contentsChange struct{ Message, Content, Branch, SHA string }

// change reads and checks a change of a file, up to its content.
func (g *GitHub) change(c apiCall) (sent contentsChange, at string, refusal *apiReply) {
	at = strings.Trim(c.PathValue("path"), "/")
	if refusal = g.mayPush(c); refusal != nil {
		return sent, at, refusal
	}
	if strings.HasPrefix(at, ".github/workflows/") && !c.caller.may("workflow") {
		return sent, at, new(notFound())
	}
	switch err := json.Unmarshal(c.sent, &sent); {
	case err != nil:
		return sent, at, new(complaint(http.StatusBadRequest, "Problems parsing JSON"))
	case sent.Message == "":
		return sent, at, new(complaint(http.StatusUnprocessableEntity, `Invalid request. "message" wasn't supplied.`))
	}
	if sent.Branch == "" {
		sent.Branch = c.repo.branch
	}
	if !slices.Contains(c.repo.branches(), sent.Branch) {
		return sent, at, new(complaint(http.StatusNotFound, "Branch "+sent.Branch+" not found"))
	}
	return sent, at, nil
}

// mayPush refuses whoever cannot change the repository.
func (g *GitHub) mayPush(c apiCall) *apiReply {
	if refusal := signedIn(c); refusal != nil {
		return refusal
	}
	switch {
	case !c.caller.may("public_repo"), !c.repo.canPush(c.caller.login()):
		return new(notFound())
	case c.repo.archived:
		return new(complaint(http.StatusForbidden, "Repository was archived so is read-only."))
	}
	return nil
}

// putContents writes one file on one branch. History does not grow: the commit
// in the answer is the only trace of it.
func (g *GitHub) putContents(c apiCall) apiReply {
	sent, at, refusal := g.change(c)
	if refusal != nil {
		return *refusal
	}
	content, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(sent.Content, "\n", ""))
	if err != nil {
		return complaint(http.StatusUnprocessableEntity, "content is not valid Base64")
	}
	return g.write(c, at, sent.Branch, sent.SHA, sent.Message, string(content))
}

// deleteContents takes a file away that was written here. What every branch has
// from the start stays: there is no history to delete it in.
func (g *GitHub) deleteContents(c apiCall) apiReply {
	sent, at, refusal := g.change(c)
	if refusal != nil {
		return *refusal
	}
	content, written := c.repo.drafts[sent.Branch][at]
	switch {
	case !written:
		return notFound()
	case sent.SHA != blobSHA(content):
		return complaint(http.StatusConflict, at+" does not match "+sent.SHA)
	}
	delete(c.repo.drafts[sent.Branch], at)
	made := commit{sha: sha1Hex("commit without " + at + sent.Branch), message: sent.Message, at: g.cfg.Now().UTC()}
	return ok(object{"content": nil, "commit": c.site.commit(c.repo, made)})
}

// createRef makes a branch.
func (g *GitHub) createRef(c apiCall) apiReply {
	if refusal := g.mayPush(c); refusal != nil {
		return *refusal
	}
	var sent struct{ Ref, SHA string }
	if err := json.Unmarshal(c.sent, &sent); err != nil {
		return complaint(http.StatusBadRequest, "Problems parsing JSON")
	}
	name, isBranch := strings.CutPrefix(sent.Ref, "refs/heads/")
	switch {
	case !isBranch || name == "":
		return complaint(http.StatusUnprocessableEntity, "Reference name must be a branch here")
	case slices.Contains(c.repo.branches(), name):
		return complaint(http.StatusUnprocessableEntity, "Reference already exists")
	case !slices.ContainsFunc(c.repo.commits(), func(one commit) bool { return one.sha == sent.SHA }):
		return complaint(http.StatusUnprocessableEntity, "Object does not exist")
	case len(c.repo.made) >= maxDrafts:
		return complaint(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	}
	c.repo.made[name] = sent.SHA
	self := c.site.api + "/repos/" + c.repo.fullName()
	reply := ok(object{
		"ref": sent.Ref, "node_id": nodeID("REF", c.repo.id), "url": self + "/git/" + sent.Ref,
		"object": object{"type": "commit", "sha": sent.SHA, "url": self + "/git/commits/" + sent.SHA},
	})
	reply.status = http.StatusCreated
	return reply
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
