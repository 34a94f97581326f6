// Command mcp-client is an example of an MCP client that Deputy has never heard of:
// it calls the tools of an MCP server, and asks you to open a page whenever the
// server wants more authority than it has.
//
// It reads one call a line, a tool and its arguments as JSON:
//
//	list_notes
//	add_note {"text": "Buy milk"}
//
// The official Go SDK finds the authorization server, registers or shows its
// metadata document, and asks again when a call needs another scope. What is here
// is the part an app has to add: opening the page and waiting for the answer.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

func main() {
	document := flag.String("client-id", "", "https `URL` of the client's metadata document; without one it registers itself")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: mcp-client [--client-id URL] SERVER, with one call a line on standard input")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(context.Background(), flag.Arg(0), *document); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, server, document string) error {
	answers, err := listen()
	if err != nil {
		return err
	}
	cfg := auth.AuthorizationCodeHandlerConfig{
		RedirectURL: answers.url, RequestRefreshToken: true, AuthorizationCodeFetcher: answers.ask,
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			ClientName: "Example client", RedirectURIs: []string{answers.url}, GrantTypes: []string{"authorization_code", "refresh_token"},
			TokenEndpointAuthMethod: "none",
		}},
	}
	if document != "" {
		cfg.ClientIDMetadataDocumentConfig = &auth.ClientIDMetadataDocumentConfig{URL: document}
	}
	authority, err := auth.NewAuthorizationCodeHandler(&cfg)
	if err != nil {
		return err
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "example-client", Version: "1.0.0"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: server, OAuthHandler: authority, DisableStandaloneSSE: true}, nil)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", server, err)
	}
	defer session.Close()
	fmt.Println("Connected.")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := call(ctx, session, lines.Text()); err != nil {
			fmt.Println("error:", err)
		}
	}
	return lines.Err()
}

// call calls a tool, as a line says, and prints what it returns.
func call(ctx context.Context, session *mcp.ClientSession, line string) error {
	tool, arguments, found := strings.Cut(strings.TrimSpace(line), " ")
	if !found {
		arguments = "{}"
	}
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
	if err != nil {
		return err
	}
	for _, c := range result.Content {
		if said, ok := c.(*mcp.TextContent); ok {
			fmt.Println(said.Text)
		}
	}
	return nil
}

// callback is where the browser brings the authorization server's answers: a port
// of this computer (RFC 8252 section 7.3).
type callback struct {
	url     string
	answers chan *auth.AuthorizationResult
}

func listen() (*callback, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &callback{url: "http://" + l.Addr().String() + "/callback", answers: make(chan *auth.AuthorizationResult)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", c.receive)
	s := http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { log.Fatal(s.Serve(l)) }()
	return c, nil
}

func (c *callback) receive(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	select {
	case c.answers <- &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}:
		fmt.Fprintln(w, "Done. You can close this page.")
	case <-r.Context().Done():
	}
}

// ask has the person open the page, and waits for the answer.
func (c *callback) ask(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	fmt.Printf("Open this page to go on:\n%s\n", args.URL)
	select {
	case a := <-c.answers:
		if a.Code == "" {
			return nil, fmt.Errorf("you did not allow it")
		}
		return a, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
