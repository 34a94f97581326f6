package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	notionWorkspace = "9a000000-0000-4000-8000-000000000001"
	maxNodes        = 4000
	maxComments     = 1000
)

// notionPerson is somebody in the workspace, and the bot that stands for the app
// when this person connected it.
type notionPerson struct {
	id, bot, name, fullName string
}

func (p *notionPerson) shape() object {
	return object{"object": "user", "id": p.id, "name": p.fullName, "avatar_url": nil, "type": "person", "person": object{"email": p.name + "@northwind.example"}}
}

// notionNode is a page, a database, a data source or a block. Everything has one
// parent; at the top it is the workspace.
type notionNode struct {
	id       string
	kind     string // page, database, data_source or block
	parent   *notionNode
	children []*notionNode
	block    string        // type of a block
	content  object        // of a block: what its type names; of a page: values by property
	schema   []notionField // of a data source
	private  string        // name of the only person who may see it; tops only
	trashed  bool
	by       string // id of who made it
	created  time.Time
	edited   time.Time
}

// notionField is a column of a data source.
type notionField struct {
	id, name, kind string
	options        []string // of select, multi_select and status
	target         *notionNode
	through, of    string // rollup: over this relation, of that property
}

// notionComment is something said on a page or a block.
type notionComment struct {
	id, discussion string
	on             *notionNode
	by             string
	text           []object
	at             time.Time
}

// notionWorld is everything that exists at the simulated Notion.
type notionWorld struct {
	people   []*notionPerson
	tops     []*notionNode
	nodes    map[string]*notionNode
	comments []*notionComment
	serial   int
}

func (w *notionWorld) person(subject string) *notionPerson {
	for _, p := range w.people {
		if subject != "" && (p.name == subject || p.id == subject) {
			return p
		}
	}
	return nil
}

// node finds anything by its id, with or without dashes.
func (w *notionWorld) node(id string) *notionNode {
	plain, good := notionID(id)
	if !good {
		return nil
	}
	return w.nodes[plain]
}

// notionID puts dashes into an id; ok is false when it is none.
func notionID(text string) (id string, ok bool) {
	plain := strings.ToLower(strings.ReplaceAll(text, "-", ""))
	if len(plain) != 32 || strings.Trim(plain, "0123456789abcdef") != "" {
		return "", false
	}
	return plain[:8] + "-" + plain[8:12] + "-" + plain[12:16] + "-" + plain[16:20] + "-" + plain[20:], true
}

// newID makes an id. Those that always exist have a number they can be named by.
func (w *notionWorld) newID() string {
	raw := randomHex(16)
	id, _ := notionID(raw[:12] + "4" + raw[13:16] + "8" + raw[17:])
	return id
}

// seedID is the id of the thing with this number in what always exists.
func seedID(number int) string { return fmt.Sprintf("1a000000-0000-4000-8000-%012d", number) }

// put adds a node below another, or at the top.
func (w *notionWorld) put(n *notionNode, parent *notionNode, at time.Time) *notionNode {
	n.parent, n.created, n.edited = parent, at, at
	w.nodes[n.id] = n
	if parent == nil {
		w.tops = append(w.tops, n)
		return n
	}
	parent.children = append(parent.children, n)
	return n
}

// within reports whether a node is another or somewhere inside of it.
func (n *notionNode) within(top *notionNode) bool {
	for at := n; at != nil; at = at.parent {
		if at == top {
			return true
		}
	}
	return false
}

// binned reports whether a node or anything around it is in the bin.
func (n *notionNode) binned() bool {
	for at := n; at != nil; at = at.parent {
		if at.trashed {
			return true
		}
	}
	return false
}

// page is the page or database that a block belongs to.
func (n *notionNode) page() *notionNode {
	at := n
	for at.kind == "block" {
		at = at.parent
	}
	return at
}

// title is what a page, a database or a data source is called.
func (n *notionNode) title() string {
	for _, value := range n.content {
		if cell, is := value.(object); is && cell["title"] != nil {
			return plainText(cell["title"].([]object))
		}
	}
	return ""
}

// text is what a block says.
func (n *notionNode) text() string {
	texts, _ := n.content["rich_text"].([]object)
	return plainText(texts)
}

// visibleTo reports whether a person may see a node in Notion itself.
func (n *notionNode) visibleTo(p *notionPerson) bool {
	top := n
	for top.parent != nil {
		top = top.parent
	}
	return top.private == "" || top.private == p.name
}

// reaches reports whether a connection does: something around the node, or it,
// was picked.
func (w *notionWorld) reaches(picked []string, n *notionNode) bool {
	for at := n; at != nil; at = at.parent {
		if slices.Contains(picked, at.id) {
			return true
		}
	}
	return false
}

// picks are the pages and databases a person can choose from, with those above
// in their names. Rows of databases are not among them.
func (w *notionWorld) picks(p *notionPerson, already []string) []pick {
	var list []pick
	var walk func(n *notionNode, path string)
	walk = func(n *notionNode, path string) {
		if n.trashed || n.kind != "page" && n.kind != "database" {
			return
		}
		path = strings.TrimPrefix(path+" / "+n.title(), " / ")
		list = append(list, pick{ID: n.id, Label: path, Ticked: slices.Contains(already, n.id)})
		for _, child := range n.children {
			walk(child, path)
		}
	}
	for _, top := range w.tops {
		if top.visibleTo(p) {
			walk(top, "")
		}
	}
	return list
}

// richText is a text as Notion has it.
func richText(text string) []object {
	if text == "" {
		return []object{}
	}
	return []object{textRun("text", text, object{"text": object{"content": text, "link": nil}})}
}

func textRun(kind, plain string, more object) object {
	run := object{"type": kind, "plain_text": plain, "href": nil,
		"annotations": object{"bold": false, "italic": false, "strikethrough": false, "underline": false, "code": false, "color": "default"}}
	for name, value := range more {
		run[name] = value
	}
	return run
}

func plainText(runs []object) string {
	var out strings.Builder
	for _, run := range runs {
		fmt.Fprint(&out, run["plain_text"])
	}
	return out.String()
}
