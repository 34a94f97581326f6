package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	notionTime   = "2006-01-02T15:04:05.000Z"
	maxAppend    = 100
	notionOrigin = "https://www.notion.so/"
)

// parentShape says where a node is, in the words of the caller's version.
func (c notionCall) parentShape(n *notionNode) object {
	switch up := n.parent; {
	case up == nil:
		return object{"type": "workspace", "workspace": true}
	case up.kind == "data_source" && c.sources():
		return object{"type": "data_source_id", "data_source_id": up.id, "database_id": up.parent.id}
	case up.kind == "data_source":
		return object{"type": "database_id", "database_id": up.parent.id}
	default:
		return object{"type": up.kind + "_id", up.kind + "_id": up.id}
	}
}

// common is what everything tells about itself.
func (c notionCall) common(kind string, n *notionNode) object {
	shape := object{"object": kind, "id": n.id, "created_time": n.created.UTC().Format(notionTime), "last_edited_time": n.edited.UTC().Format(notionTime),
		"created_by": object{"object": "user", "id": n.by}, "last_edited_by": object{"object": "user", "id": n.by},
		"parent": c.parentShape(n), "in_trash": n.binned()}
	if c.version < "2026-03-11" {
		shape["archived"] = n.binned()
	}
	return shape
}

func (c notionCall) pageShape(n *notionNode) object {
	shape := c.common("page", n)
	cells := object{}
	for _, f := range n.fieldsOf() {
		cells[f.name] = n.cell(f)
	}
	shape["properties"], shape["cover"], shape["icon"], shape["is_locked"] = cells, nil, nil, false
	shape["url"], shape["public_url"] = notionOrigin+strings.ReplaceAll(n.id, "-", ""), nil
	return shape
}

// databaseShape is a database: since data sources exist, only what holds them.
func (c notionCall) databaseShape(n *notionNode) object {
	shape := c.common("database", n)
	shape["title"], shape["description"], shape["is_inline"], shape["icon"], shape["cover"] = richText(n.title()), []object{}, false, nil, nil
	shape["url"], shape["public_url"] = notionOrigin+strings.ReplaceAll(n.id, "-", ""), nil
	sources := []object{}
	for _, source := range n.children {
		sources = append(sources, object{"id": source.id, "name": source.title()})
		if !c.sources() {
			shape["properties"] = schemaShapes(source)
		}
	}
	if c.sources() {
		shape["data_sources"] = sources
	}
	return shape
}

func schemaShapes(source *notionNode) object {
	columns := object{}
	for _, f := range source.schema {
		columns[f.name] = f.schemaShape()
	}
	return columns
}

func (c notionCall) sourceShape(n *notionNode) object {
	shape := c.common("data_source", n)
	shape["title"], shape["description"], shape["properties"] = richText(n.title()), []object{}, schemaShapes(n)
	shape["database_parent"] = c.parentShape(n.parent)
	return shape
}

func (n *Notion) getPage(c notionCall) apiReply {
	found, refusal := n.reach(c, "page", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	return ok(c.pageShape(found))
}

// getProperty answers one value; what is a list at Notion is one here too.
func (n *Notion) getProperty(c notionCall) apiReply {
	found, refusal := n.reach(c, "page", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	id, err := url.PathUnescape(c.PathValue("property"))
	for _, f := range found.fieldsOf() {
		if err != nil || f.id != id {
			continue
		}
		cell := found.cell(f)
		cell["object"] = "property_item"
		values, many := cell[f.kind].([]object)
		if !many || f.kind == "multi_select" {
			return ok(cell)
		}
		items := []object{}
		for _, value := range values {
			items = append(items, object{"object": "property_item", "id": f.id, "type": f.kind, f.kind: value})
		}
		return ok(object{"object": "list", "results": items, "next_cursor": nil, "has_more": false, "type": "property_item",
			"property_item": object{"id": f.id, "type": f.kind, f.kind: object{}, "next_url": nil}})
	}
	return notionMissing("property", c.PathValue("property"))
}

// notionParent is where callers put things.
type notionParent struct {
	Type         string `json:"type"`
	PageID       string `json:"page_id"`
	DatabaseID   string `json:"database_id"`
	DataSourceID string `json:"data_source_id"`
	BlockID      string `json:"block_id"`
}

// createPage makes a page inside a page or a row in a data source.
func (n *Notion) createPage(c notionCall) apiReply {
	var sent struct {
		Parent     notionParent               `json:"parent"`
		Properties map[string]json.RawMessage `json:"properties"`
		Children   []json.RawMessage          `json:"children"`
	}
	refusal := c.decode(&sent)
	if refusal != nil {
		return *refusal
	}
	parent, refusal := n.parentOf(c, sent.Parent)
	if refusal != nil {
		return *refusal
	}
	made := &notionNode{id: n.world.newID(), kind: "page", by: c.who.bot, content: object{}, parent: parent}
	refusal = n.setCells(made, sent.Properties)
	if refusal != nil {
		return *refusal
	}
	blocks, refusal := n.readBlocks(c, sent.Children, 0)
	if refusal != nil {
		return *refusal
	}
	n.world.put(made, parent, n.cfg.Now())
	n.place(made, blocks, nil)
	return ok(c.pageShape(made))
}

func (n *Notion) parentOf(c notionCall, sent notionParent) (*notionNode, *apiReply) {
	if len(n.world.nodes) >= maxNodes {
		refusal := notionError(http.StatusTooManyRequests, "rate_limited", "This workspace is full.").with("Retry-After", "30")
		return nil, &refusal
	}
	switch {
	case sent.PageID != "":
		return n.reach(c, "page", sent.PageID)
	case sent.DataSourceID != "" && c.sources():
		return n.reach(c, "data_source", sent.DataSourceID)
	case sent.DatabaseID != "":
		database, refusal := n.reach(c, "database", sent.DatabaseID)
		if refusal != nil {
			return nil, refusal
		}
		return database.children[0], nil
	}
	refusal := notionInvalid("body failed validation: body.parent should be a page or a data source; others are not simulated.")
	return nil, &refusal
}

// setCells checks all values before it sets any.
func (n *Notion) setCells(page *notionNode, sent map[string]json.RawMessage) *apiReply {
	set := object{}
	for name, raw := range sent {
		fields := page.fieldsOf()
		at := slices.IndexFunc(fields, func(f notionField) bool { return f.name == name || f.id == name })
		if at < 0 {
			refusal := notionInvalid("%s is not a property that exists.", name)
			return &refusal
		}
		value, refusal := n.world.readCell(fields[at], raw)
		if refusal != nil {
			return refusal
		}
		set[fields[at].name] = value
	}
	for name, value := range set {
		page.content[name] = value
	}
	return nil
}

// updatePage changes values, and moves a page to the bin and out of it.
func (n *Notion) updatePage(c notionCall) apiReply {
	found, refusal := n.reach(c, "page", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	var sent struct {
		Properties map[string]json.RawMessage `json:"properties"`
		InTrash    *bool                      `json:"in_trash"`
		Archived   *bool                      `json:"archived"`
	}
	refusal = c.decode(&sent)
	if refusal != nil {
		return *refusal
	}
	if sent.InTrash == nil {
		sent.InTrash = sent.Archived
	}
	if found.binned() && sent.InTrash == nil {
		return notionInvalid("Can't edit page that is in the trash. You must restore the page before editing.")
	}
	refusal = n.setCells(found, sent.Properties)
	if refusal != nil {
		return *refusal
	}
	if sent.InTrash != nil {
		found.trashed = *sent.InTrash
	}
	found.edited = n.cfg.Now()
	return ok(c.pageShape(found))
}

func (n *Notion) getDatabase(c notionCall) apiReply {
	found, refusal := n.reach(c, "database", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	return ok(c.databaseShape(found))
}

func (n *Notion) getSource(c notionCall) apiReply {
	if !c.sources() {
		return notionError(http.StatusBadRequest, "invalid_request_url", "Invalid request URL.")
	}
	found, refusal := n.reach(c, "data_source", c.PathValue("id"))
	if refusal != nil {
		return *refusal
	}
	return ok(c.sourceShape(found))
}
