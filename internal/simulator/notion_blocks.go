package simulator

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// textBlocks are the kinds of blocks that can be written.
func textBlocks() []string {
	return []string{"paragraph", "heading_1", "heading_2", "heading_3", "bulleted_list_item", "numbered_list_item", "to_do", "toggle", "quote", "callout", "code", "divider"}
}

// blockShape is a block, or a page or database as a block of what it is in.
func (n *Notion) blockShape(c notionCall, b *notionNode) object {
	shape := c.common("block", b)
	shape["has_children"] = len(b.children) > 0
	switch {
	case b.kind == "page":
		shape["type"], shape["child_page"] = "child_page", object{"title": b.title()}
	case b.kind == "database":
		shape["type"], shape["child_database"], shape["has_children"] = "child_database", object{"title": b.title()}, false
	case b.block == "image":
		ends := n.cfg.Now().Add(time.Hour)
		shape["type"], shape["image"] = "image", object{"type": "file", "caption": b.content["caption"],
			"file": object{"url": otherHost(c.Request) + n.signedFile(b.id, ends), "expiry_time": ends.UTC().Format(notionTime)}}
	default:
		shape["type"], shape[b.block] = b.block, b.content
	}
	return shape
}

// signedFile is an address that works for an hour, for everybody who has it.
func (n *Notion) signedFile(id string, ends time.Time) string {
	until := strconv.FormatInt(ends.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(n.cfg.ClientSecret))
	mac.Write([]byte(id + until))
	return "/simulator/files/" + id + "?until=" + until + "&signature=" + hex.EncodeToString(mac.Sum(nil))
}

// file serves such an address.
func (n *Notion) file(w http.ResponseWriter, r *http.Request) {
	n.answer(w, r, func([]byte, error) apiReply {
		until, err := strconv.ParseInt(r.URL.Query().Get("until"), 10, 64)
		ends := time.Unix(until, 0)
		if err != nil || r.URL.RequestURI() != n.signedFile(r.PathValue("id"), ends) || !n.cfg.Now().Before(ends) {
			return apiReply{status: http.StatusForbidden, raw: []byte("AccessDenied")}.with("Content-Type", "text/plain")
		}
		return apiReply{status: http.StatusOK, raw: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)}.with("Content-Type", "image/svg+xml")
	})
}

func (n *Notion) getBlock(c notionCall) apiReply {
	found, refusal := n.reach(c, "block", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	return ok(n.blockShape(c, found))
}

func (n *Notion) listBlocks(c notionCall) apiReply {
	found, refusal := n.reach(c, "block", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	var list []*notionNode
	for _, child := range found.children {
		if !child.trashed && found.kind != "database" && found.kind != "data_source" {
			list = append(list, child)
		}
	}
	start, size := c.pageOfQuery()
	reply := notionPage(start, size, list, func(b *notionNode) object { return n.blockShape(c, b) })
	if body := reply.body.(object); reply.status == http.StatusOK {
		body["type"], body["block"] = "block", object{}
	}
	return reply
}

// readBlocks makes blocks of what a caller sends, two levels deep.
func (n *Notion) readBlocks(c notionCall, sent []json.RawMessage, depth int) ([]*notionNode, *apiReply) {
	refuse := func(format string, args ...any) ([]*notionNode, *apiReply) {
		refusal := notionInvalid("body failed validation: "+format, args...)
		return nil, &refusal
	}
	switch {
	case len(sent) > maxAppend:
		return refuse("body.children.length should be ≤ `%d`, instead was `%d`.", maxAppend, len(sent))
	case len(n.world.nodes)+len(sent) > maxNodes:
		refusal := notionError(http.StatusTooManyRequests, "rate_limited", "This workspace is full.").with("Retry-After", "30")
		return nil, &refusal
	case depth > 2:
		return refuse("blocks can be nested two levels deep.")
	}
	var list []*notionNode
	for _, raw := range sent {
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil {
			return refuse("a block should be an object.")
		}
		at := slices.IndexFunc(textBlocks(), func(kind string) bool { return fields[kind] != nil })
		if at < 0 {
			return refuse("only these blocks can be written here: %v.", textBlocks())
		}
		made := &notionNode{id: n.world.newID(), kind: "block", block: textBlocks()[at], by: c.who.bot}
		below, problem := made.read(fields[made.block])
		if problem != "" {
			return refuse("%s: %s.", made.block, problem)
		}
		children, refusal := n.readBlocks(c, below, depth+1)
		if refusal != nil {
			return nil, refusal
		}
		made.children = children
		list = append(list, made)
	}
	return list, nil
}

// read sets the content of a block, and returns the blocks inside of it.
func (b *notionNode) read(raw json.RawMessage) (children []json.RawMessage, problem string) {
	var sent struct {
		RichText json.RawMessage   `json:"rich_text"`
		Checked  bool              `json:"checked"`
		Language string            `json:"language"`
		Children []json.RawMessage `json:"children"`
	}
	if json.Unmarshal(raw, &sent) != nil {
		return nil, "it cannot be read"
	}
	if b.block == "divider" {
		b.content = object{}
		return nil, ""
	}
	runs, problem := readRuns(sent.RichText)
	if problem != "" {
		return nil, problem
	}
	b.content = object{"rich_text": runs, "color": "default"}
	switch b.block {
	case "to_do":
		b.content["checked"] = sent.Checked
	case "code":
		b.content["language"], b.content["caption"] = cmp.Or(sent.Language, "plain text"), []object{}
	}
	return sent.Children, ""
}

// place puts blocks into a page or block, at the end or behind another.
func (n *Notion) place(into *notionNode, blocks []*notionNode, behind *notionNode) {
	now := n.cfg.Now()
	at := len(into.children)
	if behind != nil {
		at = slices.Index(into.children, behind) + 1
	}
	for _, b := range blocks {
		inside := b.children
		b.children = nil
		n.world.put(b, into, now)
		n.place(b, inside, nil)
	}
	into.children = slices.Insert(into.children[:len(into.children)-len(blocks)], at, blocks...)
	into.page().edited = now
}

func (n *Notion) appendBlocks(c notionCall) apiReply {
	into, refusal := n.reach(c, "block", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	var sent struct {
		Children []json.RawMessage `json:"children"`
		After    string            `json:"after"`
		Position *struct {
			Type       string `json:"type"`
			AfterBlock struct {
				ID string `json:"id"`
			} `json:"after_block"`
		} `json:"position"`
	}
	refusal = c.decode(&sent)
	if refusal != nil {
		return *refusal
	}
	if sent.Position != nil {
		if sent.Position.Type != "after_block" && sent.Position.Type != "end" {
			return notionInvalid("body failed validation: body.position.type: only after_block and end are simulated.")
		}
		sent.After = sent.Position.AfterBlock.ID
	}
	behind := n.world.node(sent.After)
	switch {
	case into.kind == "database" || into.kind == "data_source" || into.binned():
		return notionInvalid("Can't append blocks here.")
	case sent.After != "" && (behind == nil || behind.parent != into):
		return notionMissing("block", sent.After)
	}
	blocks, refusal := n.readBlocks(c, sent.Children, 0)
	if refusal != nil {
		return *refusal
	}
	n.place(into, blocks, behind)
	shown := []object{}
	for _, b := range blocks {
		shown = append(shown, n.blockShape(c, b))
	}
	return ok(object{"object": "list", "results": shown, "next_cursor": nil, "has_more": false, "type": "block", "block": object{}, "request_id": randomHex(16)})
}

// updateBlock replaces a block's content, or moves it to the bin and out of it.
func (n *Notion) updateBlock(c notionCall) apiReply {
	found, refusal := n.reach(c, "block", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(c.sent, &fields) != nil {
		return notionError(http.StatusBadRequest, "invalid_json", "Error parsing JSON body.")
	}
	if found.kind != "block" || found.block == "image" {
		return notionInvalid("This block type cannot be updated via this endpoint.")
	}
	changed := *found
	for name, raw := range fields {
		switch name {
		case found.block:
			below, problem := changed.read(raw)
			if problem != "" || len(below) > 0 {
				return notionInvalid("body failed validation: %s: %s", name, cmp.Or(problem, "children are appended, not updated"))
			}
		case "in_trash", "archived":
			if json.Unmarshal(raw, &changed.trashed) != nil {
				return notionInvalid("body failed validation: body.%s should be a boolean.", name)
			}
		case "type":
		default:
			return notionInvalid("body failed validation: body.%s should be not present: this is a %s.", name, found.block)
		}
	}
	found.content, found.trashed, found.edited = changed.content, changed.trashed, n.cfg.Now()
	return ok(n.blockShape(c, found))
}

// deleteBlock moves a block, a page or a database to the bin.
func (n *Notion) deleteBlock(c notionCall) apiReply {
	found, refusal := n.reach(c, "block", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	found.trashed, found.edited = true, n.cfg.Now()
	return ok(n.blockShape(c, found))
}
