package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	listNotes = "list_notes"
	addNote   = "add_note"
)

// notesLimit is how many notes a person may have, noteLimit how long one may be, in
// bytes.
const (
	notesLimit = 100
	noteLimit  = 2000
)

// notebook keeps everybody's notes, in memory. It is safe for concurrent use.
type notebook struct {
	mu sync.Mutex
	of map[string][]string // person → notes
}

// newNotes returns the MCP server. It answers over HTTP, without sessions.
func newNotes() http.Handler {
	book := &notebook{of: map[string][]string{}}
	s := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1.0.0"}, nil)
	mcp.AddTool(s, &mcp.Tool{Name: listNotes, Description: "List your notes", Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true}}, book.list)
	mcp.AddTool(s, &mcp.Tool{Name: addNote, Description: "Add a note"}, book.add)
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
}

type nothing struct{}

type note struct {
	Text string `json:"text" jsonschema:"what to remember"`
}

type notes struct {
	Notes []string `json:"notes"`
}

func (b *notebook) list(_ context.Context, req *mcp.CallToolRequest, _ nothing) (*mcp.CallToolResult, notes, error) {
	person, err := caller(req, readNotes)
	if err != nil {
		return nil, notes{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return nil, notes{append([]string{}, b.of[person]...)}, nil
}

func (b *notebook) add(_ context.Context, req *mcp.CallToolRequest, n note) (*mcp.CallToolResult, notes, error) {
	person, err := caller(req, writeNotes)
	if err != nil {
		return nil, notes{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.of[person]) >= notesLimit || len(n.Text) > noteLimit {
		return nil, notes{}, errors.New("there are too many notes, or this one is too long")
	}
	b.of[person] = append(b.of[person], n.Text)
	return nil, notes{slices.Clone(b.of[person])}, nil
}

// caller returns the person for whom a tool is called with a token that has the
// scope.
func caller(req *mcp.CallToolRequest, scope string) (string, error) {
	if req.Extra == nil || req.Extra.TokenInfo == nil || !slices.Contains(req.Extra.TokenInfo.Scopes, scope) {
		return "", errors.New("the token lacks the scope " + scope)
	}
	return req.Extra.TokenInfo.UserID, nil
}
