package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

// world is the server, with an authorization server that knows a few tokens: a
// token is the person and the scopes, joined by "~",
// with "-" for ":".
func world(t *testing.T) (url string) {
	t.Helper()
	var notes *httptest.Server
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		person, scopes, known := strings.Cut(r.FormValue("token"), "~")
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"active": known, "sub": person, "scope": strings.ReplaceAll(strings.ReplaceAll(scopes, "~", " "), "mcp-", "mcp:"), "aud": notes.URL + "/mcp", "exp": time.Now().Add(time.Minute).Unix(),
		})
	}))
	t.Cleanup(issuer.Close)
	notes = httptest.NewUnstartedServer(nil)
	notes.Start()
	t.Cleanup(notes.Close)
	verifier, err := newVerifier(notes.URL+"/mcp", issuer.URL, "rs_notes", bearer.NewSecret("secret"), false)
	if err != nil {
		t.Fatal(err)
	}
	h, err := handler(notes.URL+"/mcp", issuer.URL, verifier)
	if err != nil {
		t.Fatal(err)
	}
	notes.Config.Handler = h
	return notes.URL + "/mcp"
}

// as is an HTTP client whose requests carry a token.
type as string

func (token as) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(token))
	return http.DefaultTransport.RoundTrip(r)
}

const (
	reader = as("ana~mcp-read")
	writer = as("ana~mcp-read~mcp-write")
)

func post(t *testing.T, url, token, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

const (
	listing = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_notes","arguments":{}}}`
	adding  = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add_note","arguments":{"text":"Buy milk"}}}`
)

func TestChallenges(t *testing.T) {
	url := world(t)
	metadata := strings.TrimSuffix(url, "/mcp") + "/.well-known/oauth-protected-resource/mcp"
	for name, c := range map[string]struct {
		token, body string
		status      int
		says        string
	}{
		"no token":             {"", listing, 401, `Bearer realm="notes", scope="mcp:read", resource_metadata="` + metadata + `"`},
		"no token, to write":   {"", adding, 401, `scope="mcp:read mcp:write"`},
		"a token of nobody":    {"nothing", listing, 401, `error="invalid_token"`},
		"no scope at all":      {"ana~", listing, 403, `scope="mcp:read"`},
		"writing with reading": {string(reader), adding, 403, `error="insufficient_scope"`},
		"all scopes it needs":  {string(reader), adding, 403, `scope="mcp:read mcp:write"`},
		"writing in a batch":   {string(reader), "[" + listing + "," + adding + "]", 403, `scope="mcp:read mcp:write"`},
		"writing without read": {"ana~mcp-write", adding, 403, `scope="mcp:read mcp:write"`},
		"reading":              {string(reader), listing, 200, ""},
		"writing":              {string(writer), adding, 200, ""},
		"too long":             {string(writer), strings.Repeat(" ", bodyLimit+1), 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			res := post(t, url, c.token, c.body)
			if got := res.Header.Get("WWW-Authenticate"); res.StatusCode != c.status || !strings.Contains(got, c.says) || (c.says == "" && got != "") {
				t.Errorf("%d %s, want %d with %s", res.StatusCode, got, c.status, c.says)
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	url := world(t)
	res, err := http.Get(strings.TrimSuffix(url, "/mcp") + "/.well-known/oauth-protected-resource/mcp")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var about struct {
		Resource string
		Scopes   []string `json:"scopes_supported"`
	}
	if err := json.NewDecoder(res.Body).Decode(&about); err != nil || about.Resource != url || len(about.Scopes) != 1 || about.Scopes[0] != readNotes {
		t.Errorf("%+v, %v", about, err)
	}
}

// call calls a tool as the SDK's client does.
func call(t *testing.T, url string, token as, tool string, arguments any) (text string, failed bool) {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: url, HTTPClient: &http.Client{Transport: token}, DisableStandaloneSSE: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatal(err)
	}
	return result.Content[0].(*mcp.TextContent).Text, result.IsError
}

func TestEverybodyHasNotesOfTheirOwn(t *testing.T) {
	url := world(t)
	if got, _ := call(t, url, writer, addNote, note{"Buy milk"}); got != `{"notes":["Buy milk"]}` {
		t.Errorf("added: %s", got)
	}
	if got, _ := call(t, url, reader, listNotes, nothing{}); got != `{"notes":["Buy milk"]}` {
		t.Errorf("ana's: %s", got)
	}
	if got, _ := call(t, url, "bob~mcp-read", listNotes, nothing{}); got != `{"notes":[]}` {
		t.Errorf("bob's: %s", got)
	}
	if got, failed := call(t, url, writer, addNote, note{strings.Repeat("x", noteLimit+1)}); !failed {
		t.Errorf("a note without an end: %s", got)
	}
}

// A message that the guard reads in one way and the SDK in another gets past the
// guard, and no further.
func TestTheToolItselfLooksAtTheScopes(t *testing.T) {
	url := world(t)
	body := strings.Replace(adding, `"name":"add_note"`, `"name":"add_note","Name":"list_notes"`, 1)
	res := post(t, url, string(reader), body)
	var said strings.Builder
	if err := res.Write(&said); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "the token lacks the scope mcp:write") {
		t.Errorf("got %s", said.String())
	}
	if got, _ := call(t, url, reader, listNotes, nothing{}); got != `{"notes":[]}` {
		t.Errorf("written without mcp:write: %s", got)
	}
}
