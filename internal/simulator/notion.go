package simulator

// Notion is a simulated Notion with one workspace, Northwind, on one origin: the
// consent page with its page picker at /v1/oauth/authorize, the API at /v1. The
// accounts are ana and ben; the password is the name.
type Notion struct {
	*base
	world  *notionWorld
	grants notionGrants
}

// Page is a page as a test sees it: the texts of its own blocks in order.
type Page struct {
	ID, Title string
	Texts     []string
	Trashed   bool
}

// NewNotion returns a Notion with its usual content.
func NewNotion(cfg Config) *Notion {
	n := &Notion{
		base: newBase(cfg, brand{
			Name: "Notion", Mark: "No", Theme: "notion", Account: "Name", Cookie: "notion_simulator_session", SignIn: "/signin",
		}),
		grants: newNotionGrants(),
	}
	n.world = newNotionWorld(n.cfg.Now())
	for _, p := range n.world.people {
		n.people = append(n.people, p.name)
	}
	n.webRoutes(n, "/v1/oauth/authorize", "/v1/oauth/token", "/v1")
	n.oauthRoutes()
	n.apiRoutes()
	return n
}

// RevokeAll ends everything a person (name or id) agreed to.
func (n *Notion) RevokeAll(subject string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.world.person(subject); p != nil {
		n.grants.dropAll(p.id)
	}
}

// ExpireTokens ends every access token now. Refresh tokens go on working.
func (n *Notion) ExpireTokens() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.grants.expire(n.cfg.Now())
}

// Page returns a page by its id, with or without dashes.
func (n *Notion) Page(id string) (Page, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	found := n.world.node(id)
	if found == nil || found.kind != "page" {
		return Page{}, false
	}
	page := Page{ID: found.id, Title: found.title(), Trashed: found.binned()}
	for _, child := range found.children {
		if child.kind == "block" && !child.trashed {
			page.Texts = append(page.Texts, child.text())
		}
	}
	return page, true
}

// Comments returns what was said on a page and its blocks, oldest first.
func (n *Notion) Comments(pageID string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	for _, c := range n.world.comments {
		if c.on.within(n.world.node(pageID)) {
			list = append(list, plainText(c.text))
		}
	}
	return list
}
