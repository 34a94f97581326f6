package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// notionCall is one API call with everything the handlers look at.
type notionCall struct {
	*http.Request
	who     *notionPerson
	picked  []string
	version string
	sent    []byte
}

// sources reports whether the caller's version knows data sources.
func (c notionCall) sources() bool { return c.version >= "2025-09-03" }

type notionHandler func(c notionCall) apiReply

// notionError is an error in Notion's shape.
func notionError(status int, code, message string) apiReply {
	return apiReply{status: status, body: object{"object": "error", "status": status, "code": code, "message": message, "request_id": randomHex(16)}}
}

func notionInvalid(format string, args ...any) apiReply {
	return notionError(http.StatusBadRequest, "validation_error", fmt.Sprintf(format, args...))
}

// notionMissing is the answer for what is absent and for what was not shared.
func notionMissing(kind, id string) apiReply {
	return notionError(http.StatusNotFound, "object_not_found",
		fmt.Sprintf("Could not find %s with ID: %s. Make sure the relevant pages and databases are shared with your connection.", kind, id))
}

// apiRoutes is every route of the API that exists here. What only reads although
// it is a POST says so.
func (n *Notion) apiRoutes() {
	read, write := n.handle(false), n.handle(true)
	read("GET /v1/users/me", n.getMe)
	read("GET /v1/users", n.listUsers)
	read("GET /v1/users/{id}", n.getUser)
	read("POST /v1/search", n.search)
	read("GET /v1/pages/{id}", n.getPage)
	read("GET /v1/pages/{id}/properties/{property}", n.getProperty)
	write("POST /v1/pages", n.createPage)
	write("PATCH /v1/pages/{id}", n.updatePage)
	read("GET /v1/databases/{id}", n.getDatabase)
	read("POST /v1/databases/{id}/query", n.queryDatabase)
	read("GET /v1/data_sources/{id}", n.getSource)
	read("POST /v1/data_sources/{id}/query", n.querySource)
	read("GET /v1/blocks/{id}", n.getBlock)
	read("GET /v1/blocks/{id}/children", n.listBlocks)
	write("PATCH /v1/blocks/{id}/children", n.appendBlocks)
	write("PATCH /v1/blocks/{id}", n.updateBlock)
	write("DELETE /v1/blocks/{id}", n.deleteBlock)
	read("GET /v1/comments", n.listComments)
	write("POST /v1/comments", n.createComment)
	read("/", func(c notionCall) apiReply {
		return notionError(http.StatusBadRequest, "invalid_request_url", "Invalid request URL.")
	})
	n.mux.HandleFunc("GET /simulator/files/{id}", n.file)
}

// handle registers routes that change something, or that do not.
func (n *Notion) handle(changes bool) func(pattern string, h notionHandler) {
	return func(pattern string, h notionHandler) {
		n.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			n.answer(w, r, func(sent []byte, err error) apiReply {
				if err != nil {
					return notionError(http.StatusRequestEntityTooLarge, "validation_error", "Request body too large.")
				}
				c := notionCall{Request: r, version: r.Header.Get("Notion-Version"), sent: sent}
				refusal := n.authenticate(&c, changes)
				if refusal != nil {
					return *refusal
				}
				reply := h(c)
				reply.read = !changes
				return reply
			})
		})
	}
}

// authenticate finds the caller, and whether it may call this at all. The lock
// is held.
func (n *Notion) authenticate(c *notionCall, changes bool) *apiReply {
	kind, value, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	found, known := n.grants.byAccess[strings.TrimSpace(value)]
	var refusal apiReply
	switch {
	case !strings.EqualFold(kind, "Bearer"), !known, !found.live(n.cfg.Now()):
		refusal = notionError(http.StatusUnauthorized, "unauthorized", "API token is invalid.")
	case n.quirks.RateLimited:
		refusal = notionError(http.StatusTooManyRequests, "rate_limited", "You have been rate limited. Please try again in a few minutes.").with("Retry-After", "30")
	case n.quirks.Overloaded:
		refusal = notionError(529, "service_overload", "Notion is overloaded. Please try again later.")
	case c.version == "":
		refusal = notionError(http.StatusBadRequest, "missing_version", "Notion-Version header failed validation: Notion-Version header should be defined, instead was `undefined`.")
	case !slices.Contains([]string{"2022-06-28", "2025-09-03", "2026-03-11"}, c.version):
		refusal = notionInvalid("Notion-Version header failed validation: %s is not simulated.", c.version)
	case changes && n.quirks.ReadOnly:
		refusal = notionError(http.StatusForbidden, "restricted_resource", "Insufficient permissions for this endpoint.")
	default:
		c.who = n.world.person(found.owner)
		c.picked = n.grants.picked[found.owner]
		return nil
	}
	return &refusal
}

// decode reads a JSON body strictly: what nothing here does is refused by name.
func (c notionCall) decode(place any) *apiReply {
	if len(bytes.TrimSpace(c.sent)) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(c.sent))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(place)
	if err == nil {
		return nil
	}
	var refusal apiReply
	if strings.Contains(err.Error(), "unknown field") || strings.Contains(err.Error(), "cannot unmarshal") {
		refusal = notionInvalid("body failed validation: %s (it may exist at Notion, and not here)", strings.TrimPrefix(err.Error(), "json: "))
	} else {
		refusal = notionError(http.StatusBadRequest, "invalid_json", "Error parsing JSON body.")
	}
	return &refusal
}

// reach finds a node of some kind that the connection reaches. A page and a
// database are blocks as well.
func (n *Notion) reach(c notionCall, kind, id string) (*notionNode, *apiReply) {
	plain, good := notionID(id)
	if !good {
		refusal := notionInvalid("path failed validation: path.%s_id should be a valid uuid, instead was `\"%s\"`.", kind, id)
		return nil, &refusal
	}
	found := n.world.nodes[plain]
	fits := found != nil && (found.kind == kind || kind == "block" && found.kind != "data_source")
	if !fits || !n.world.reaches(c.picked, found) || !found.visibleTo(c.who) {
		refusal := notionMissing(kind, plain)
		return nil, &refusal
	}
	return found, nil
}

// notionPage cuts one page out of a list. A cursor is the id of the next item.
func notionPage(start string, size int, all []*notionNode, show func(*notionNode) object) apiReply {
	from := 0
	if start != "" {
		id, _ := notionID(start)
		from = slices.IndexFunc(all, func(item *notionNode) bool { return item.id == id })
		if from < 0 {
			return notionInvalid("start_cursor: the start_cursor provided is invalid: %s", start)
		}
	}
	if size == 0 {
		size = 100
	}
	if size < 1 || size > 100 {
		return notionInvalid("body failed validation: body.page_size should be ≤ `100`, instead was `%d`.", size)
	}
	to := min(from+size, len(all))
	body := object{"object": "list", "results": []object{}, "next_cursor": nil, "has_more": to < len(all), "request_id": randomHex(16)}
	if to < len(all) {
		body["next_cursor"] = all[to].id
	}
	shown := []object{}
	for _, item := range all[from:to] {
		shown = append(shown, show(item))
	}
	body["results"] = shown
	return ok(body)
}

// pageOfQuery is the page that a GET asks for.
func (c notionCall) pageOfQuery() (start string, size int) {
	query := c.URL.Query()
	if query.Has("page_size") {
		return query.Get("start_cursor"), positive(query.Get("page_size"), -1)
	}
	return query.Get("start_cursor"), 0
}

func (n *Notion) getMe(c notionCall) apiReply {
	return ok(object{"object": "user", "id": c.who.bot, "name": n.cfg.AppName, "avatar_url": nil, "type": "bot", "request_id": randomHex(16),
		"bot": object{"owner": object{"type": "user", "user": c.who.shape()}, "workspace_name": "Northwind", "workspace_id": notionWorkspace}})
}

func (n *Notion) getUser(c notionCall) apiReply {
	id, good := notionID(c.PathValue("id"))
	found := n.world.person(id)
	if !good || found == nil {
		return notionMissing("user", c.PathValue("id"))
	}
	return ok(found.shape())
}

func (n *Notion) listUsers(notionCall) apiReply {
	list := []object{}
	for _, p := range n.world.people {
		list = append(list, p.shape())
	}
	return ok(object{"object": "list", "results": list, "next_cursor": nil, "has_more": false, "type": "user", "user": object{}, "request_id": randomHex(16)})
}
