package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/auth"

	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

const (
	readNotes  = "mcp:read"
	writeNotes = "mcp:write"
)

// bodyLimit bounds a request, in bytes.
const bodyLimit = 1 << 20

// guard lets requests with a token for this server through to next. Who has none is
// told where to get one (401); who lacks a scope is told every scope the call needs
// (403), so that a client can ask for all of them at once.
func guard(next http.Handler, verifier bearer.Verifier, metadata string) http.Handler {
	needs := func(scopes ...string) http.Handler {
		return bearer.Middleware(identified(next), bearer.Config{Verifier: verifier, Realm: "notes", Metadata: metadata, Scopes: scopes})
	}
	reading, writing := needs(readNotes), needs(readNotes, writeNotes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
		if err != nil {
			http.Error(w, "The request cannot be read, or is too long.", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if calls(body, addNote) {
			writing.ServeHTTP(w, r)
		} else {
			reading.ServeHTTP(w, r)
		}
	})
}

// calls reports whether a JSON-RPC message, or one of a batch, calls the tool. It
// decides which challenge a client gets, not what a token may do: the tool looks at
// the scopes itself, however the message was spelt.
func calls(body []byte, tool string) bool {
	type message struct {
		Method string
		Params struct{ Name string }
	}
	batch := make([]message, 1)
	if json.Unmarshal(body, &batch[0]) != nil && json.Unmarshal(body, &batch) != nil {
		return false
	}
	return slices.ContainsFunc(batch, func(m message) bool { return m.Method == "tools/call" && m.Params.Name == tool })
}

// identified tells the SDK who calls: tools find it in their request, and a session
// belongs to the person who began it.
func identified(next http.Handler) bearer.Handler {
	return func(w http.ResponseWriter, r *http.Request, who bearer.Authority) {
		verified := func(context.Context, string, *http.Request) (*auth.TokenInfo, error) {
			return &auth.TokenInfo{UserID: who.Subject, Scopes: who.Scopes, Expiration: who.Expires}, nil
		}
		auth.RequireBearerToken(verified, nil)(next).ServeHTTP(w, r)
	}
}
