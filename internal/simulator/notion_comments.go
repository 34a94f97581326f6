package simulator

import (
	"encoding/json"
	"net/http"
)

func (n *Notion) commentShape(c notionCall, said *notionComment) object {
	kind := said.on.kind + "_id"
	return object{"object": "comment", "id": said.id, "parent": object{"type": kind, kind: said.on.id}, "discussion_id": said.discussion,
		"created_time": said.at.UTC().Format(notionTime), "last_edited_time": said.at.UTC().Format(notionTime),
		"created_by": object{"object": "user", "id": said.by}, "rich_text": said.text, "attachments": []object{}}
}

// listComments lists what was said about one page or block.
func (n *Notion) listComments(c notionCall) apiReply {
	found, refusal := n.reach(c, "block", c.URL.Query().Get("block_id"))
	if refusal != nil {
		return *refusal
	}
	about := map[string]object{}
	var list []*notionNode
	for _, said := range n.world.comments {
		if said.on == found {
			about[said.id] = n.commentShape(c, said)
			list = append(list, &notionNode{id: said.id})
		}
	}
	start, size := c.pageOfQuery()
	reply := notionPage(start, size, list, func(item *notionNode) object { return about[item.id] })
	if body := reply.body.(object); reply.status == http.StatusOK {
		body["type"], body["comment"] = "comment", object{}
	}
	return reply
}

// createComment begins a discussion on a page or block, or adds to one.
func (n *Notion) createComment(c notionCall) apiReply {
	var sent struct {
		Parent       *notionParent   `json:"parent"`
		DiscussionID string          `json:"discussion_id"`
		RichText     json.RawMessage `json:"rich_text"`
	}
	refusal := c.decode(&sent)
	if refusal != nil {
		return *refusal
	}
	on, discussion, refusal := n.discussion(c, sent.Parent, sent.DiscussionID)
	if refusal != nil {
		return *refusal
	}
	runs, problem := readRuns(sent.RichText)
	switch {
	case problem != "" || len(runs) == 0:
		return notionInvalid("body failed validation: body.rich_text: %s", problem)
	case len(n.world.comments) >= maxComments:
		return notionError(http.StatusTooManyRequests, "rate_limited", "This workspace is full.").with("Retry-After", "30")
	}
	said := &notionComment{id: n.world.newID(), discussion: discussion, on: on, by: c.who.bot, text: runs, at: n.cfg.Now()}
	n.world.comments = append(n.world.comments, said)
	return ok(n.commentShape(c, said))
}

// discussion finds what is talked about, and the discussion it belongs to.
func (n *Notion) discussion(c notionCall, parent *notionParent, id string) (*notionNode, string, *apiReply) {
	if parent != nil && id == "" {
		if parent.BlockID != "" {
			on, refusal := n.reach(c, "block", parent.BlockID)
			return on, n.world.newID(), refusal
		}
		on, refusal := n.reach(c, "page", parent.PageID)
		return on, n.world.newID(), refusal
	}
	plain, _ := notionID(id)
	for _, said := range n.world.comments {
		if said.discussion == plain && n.world.reaches(c.picked, said.on) && said.on.visibleTo(c.who) {
			return said.on, plain, nil
		}
	}
	refusal := notionMissing("discussion", id)
	return nil, "", &refusal
}
