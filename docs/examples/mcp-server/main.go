// Command mcp-server is an example of an MCP server behind Deputy: people's notes,
// with one tool to read them (scope mcp:read) and one to add to them (mcp:write).
//
// It owns no account, no password and no token. guard.go asks Deputy what a token
// stands for; notes.go is the server itself.
package main

import (
	"errors"
	"flag"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "`address` to listen on")
	resource := flag.String("url", "http://localhost:8090/mcp", "`URL` that clients dial, as registered with deputy resource-server create --identifier")
	issuer := flag.String("issuer", "http://localhost:8080", "`URL` of Deputy")
	id := flag.String("client-id", "", "client `id` that deputy resource-server create printed; the secret comes from NOTES_SECRET")
	signed := flag.Bool("signed", false, "verify tokens here instead of asking Deputy: registered with --token-format jwt")
	flag.Parse()
	// The environment, because everybody on this computer can read the arguments.
	verifier, err := newVerifier(*resource, *issuer, *id, bearer.NewSecret(os.Getenv("NOTES_SECRET")), *signed)
	if err != nil {
		log.Fatal(err)
	}
	h, err := handler(*resource, *issuer, verifier)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("notes at %s", *resource)
	s := http.Server{Addr: *listen, Handler: h, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(s.ListenAndServe())
}

// newVerifier returns what finds out what a token stands for. Asking Deputy sees at
// once what a person took back; a signed token is good until it ends, five minutes
// at most.
func newVerifier(resource, issuer, id string, secret bearer.Secret, signed bool) (bearer.Verifier, error) {
	if signed {
		return bearer.NewJWTVerifier(bearer.JWTVerifierConfig{Issuer: issuer, Audience: resource})
	}
	return bearer.NewIntrospector(bearer.IntrospectorConfig{
		Endpoint: issuer + "/oauth/introspect", ClientID: id, Secret: secret, Audience: resource,
	})
}

// handler is the whole server: the notes behind their guard, and the document that
// tells clients where to get a token (RFC 9728).
func handler(resource, issuer string, verifier bearer.Verifier) (http.Handler, error) {
	at, err1 := url.Parse(resource)
	metadata, err2 := bearer.MetadataURL(resource)
	about, err3 := bearer.Metadata{
		Resource: resource, AuthorizationServers: []string{issuer}, Scopes: []string{readNotes}, Name: "Notes",
	}.Handler()
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+bearer.WellKnown+at.Path, about)
	mux.Handle(at.Path, guard(newNotes(), verifier, metadata))
	return mux, nil
}
