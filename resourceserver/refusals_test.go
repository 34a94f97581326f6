package resourceserver_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

const (
	metadataAPI    = external + "/.well-known/oauth-protected-resource/api"
	metadataGitHub = metadataAPI + "/github"
	good           = "Authorization: Bearer good"
)

// Each way to be refused, from the request to the words.
func TestRefusals(t *testing.T) {
	challenge := func(code, description string, scopes ...consent.ScopeName) string {
		names := make([]string, len(scopes))
		for i, s := range scopes {
			names[i] = string(s)
		}
		return fmt.Sprintf(`Bearer realm="deputy", error=%q, error_description=%q, scope=%q, resource_metadata=%q`,
			code, description, strings.Join(names, " "), metadataGitHub)
	}
	body := func(code, message string, more ...any) map[string]any {
		out := map[string]any{"ok": false, "error": code, "error_description": message, "message": message}
		for i := 0; i < len(more); i += 2 {
			out[more[i].(string)] = more[i+1]
		}
		return out
	}
	list := func(scopes ...consent.ScopeName) []any {
		var out []any
		for _, s := range scopes {
			out = append(out, string(s))
		}
		return out
	}
	const (
		gone      = "The person took this app's permission away, or it ended."
		dead      = "The access token is expired, revoked or not for this resource."
		away      = "The person is not signed in, and has not allowed this app to work while they are away."
		notAgreed = "The person has not allowed this app to do that."
		unasked   = "This change needs the person's permission to write without asking."
		none      = "There is no such resource for this app."
		wider     = "The person has to allow Deputy one more thing at this service."
		again     = "The person has to sign in to this service again."
		noToken   = "This needs an access token. Send it in the Authorization header."
		offline   = "The access token could not be verified just now."
	)
	for _, c := range []struct {
		name      string
		world     func(w *world)
		method    string
		path      string
		header    string
		status    int
		challenge string
		body      map[string]any
		left      string // the steps that the person has to take, and "next" for where
	}{
		{
			name: "no token", path: "/repos/acme/web", header: "X-Nothing: x", status: 401,
			challenge: `Bearer realm="deputy", scope="services.github.repositories.metadata.read", resource_metadata="` + metadataGitHub + `"`,
			body:      body("unauthorized", noToken),
		},
		{
			name: "no token and no operation", path: "", header: "X-Nothing: x", status: 401,
			challenge: `Bearer realm="deputy", scope="services.github.account.read services.github.issues.read services.github.repositories.metadata.read", resource_metadata="` + metadataGitHub + `"`,
			body:      body("unauthorized", noToken),
		},
		{
			name: "a dead token", path: "/repos/acme/web/issues", header: "Authorization: Bearer dead", status: 401,
			challenge: challenge("invalid_token", dead, readIssues), body: body("invalid_token", dead),
		},
		{
			name: "a token nobody can check", path: "/repos/acme/web/issues", header: "Authorization: Bearer unreachable", status: 503,
			body: body("temporarily_unavailable", offline),
		},
		{
			name: "the grant was taken back", world: func(w *world) { w.agree(readIssues).grant.Revoked = true }, path: "/repos/acme/web/issues", status: 401,
			challenge: challenge("invalid_token", gone, readIssues), body: body("invalid_token", gone, "reason", "grant_gone"),
		},
		{
			name: "another scope", left: "approve[services.github.issues.read] next",
			world: func(w *world) { w.agree(readRepos) }, path: "/repos/acme/web/issues", status: 403,
			challenge: challenge("insufficient_scope", notAgreed, readIssues),
			body:      body("insufficient_scope", notAgreed, "reason", "scope_missing", "missing_scopes", list(readIssues)),
		},
		{
			name: "reading is no writing: all that is needed is named at once", left: "approve[services.github.issues.write agents.writes.unattended agents.jobs.background] next",
			world:  func(w *world) { leave(w.agree(readIssues)) },
			method: "POST", path: "/repos/acme/web/issues", status: 403,
			challenge: challenge("insufficient_scope", notAgreed, writeIssues, consent.UnattendedWrites, consent.Background),
			body: body("insufficient_scope", notAgreed, "reason", "scope_missing",
				"missing_scopes", list(writeIssues, consent.UnattendedWrites, consent.Background)),
		},
		{
			name: "the person is away", left: "approve[agents.jobs.background] next",
			world: func(w *world) { leave(w.agree(readIssues)) }, path: "/repos/acme/web/issues", status: 403,
			challenge: challenge("insufficient_scope", away, readIssues, consent.Background),
			body:      body("insufficient_scope", away, "reason", "person_away", "missing_scopes", list(consent.Background)),
		},
		{
			name: "a write nobody said yes to", left: "approve[agents.writes.unattended] next",
			world: func(w *world) { w.agree(writeIssues) }, method: "POST", path: "/repos/acme/web/issues", status: 403,
			challenge: challenge("insufficient_scope", unasked, writeIssues, consent.UnattendedWrites),
			body:      body("insufficient_scope", unasked, "reason", "write_needs_yes", "missing_scopes", list(consent.UnattendedWrites)),
		},
		{
			name: "outside the limit", left: "next",
			world: func(w *world) { w.agree(readIssues).grant.Items[0].Limit.Resources[0].ID = "8" }, path: "/repos/acme/web/issues",
			status: 404, challenge: challenge("insufficient_authorization", none, readIssues), body: body("resource_unavailable", none),
		},
		{
			name: "the connection lacks a permission", left: "widen[services.github.issues.read] next",
			world: func(w *world) { w.agree(readIssues).granted = []string{"read:user"} }, path: "/repos/acme/web/issues",
			status: 403, challenge: challenge("insufficient_scope", wider, readIssues),
			body: body("insufficient_scope", wider, "reason", "provider_permission", "missing_scopes", list(readIssues)),
		},
		{
			name: "the provider wants the person", left: "reconnect[services.github.issues.read] next",
			world: func(w *world) { w.agree(readIssues).health = consent.NeedsPerson }, path: "/repos/acme/web/issues",
			status: 424, body: body("connection_needs_you", again),
		},
		{
			name: "the service is disconnected", left: "connect[services.github.issues.read] next",
			world: func(w *world) { w.agree(readIssues).health = consent.Disconnected }, path: "/repos/acme/web/issues",
			status: 424, body: body("connection_missing", "The person has disconnected this service."),
		},
		{
			name: "no such operation", world: func(w *world) { w.agree(readIssues) }, path: "/repos/acme/web/hooks", status: 404,
			body: body("unknown_operation", "Deputy does not offer this call."),
		},
	} {
		w := newWorld(t)
		if c.world != nil {
			c.world(w)
		}
		w.start(t)
		if c.method == "" {
			c.method = "GET"
		}
		if c.header == "" {
			c.header = good
		}
		content := ""
		headers := []string{c.header}
		if c.method == "POST" {
			content, headers = `{"title":"t"}`, append(headers, "Content-Type: application/json")
		}
		got := w.do(t, c.method, "/api/github"+c.path, content, headers...)
		if got.status != c.status {
			t.Errorf("%s: status %d, want %d", c.name, got.status, c.status)
		}
		if diff := cmp.Diff(c.challenge, got.header.Get("WWW-Authenticate")); diff != "" {
			t.Errorf("%s: challenge %s", c.name, diff)
		}
		if left := whatIsLeft(got.body); left != c.left {
			t.Errorf("%s: left %q, want %q", c.name, left, c.left)
		}
		if diff := cmp.Diff(c.body, got.body); diff != "" {
			t.Errorf("%s: body %s", c.name, diff)
		}
		if got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: a page of another origin cannot read why", c.name)
		}
		if n := w.upstream.writes(); n != 0 {
			t.Errorf("%s: %d writes reached the provider", c.name, n)
		}
	}
}

// whatIsLeft takes the way out of a refusal's body.
func whatIsLeft(body map[string]any) string {
	var out []string
	steps, _ := body["steps"].([]any) // none in most
	for _, s := range steps {
		step := s.(map[string]any)
		out = append(out, fmt.Sprintf("%v%v", step["kind"], step["scopes"]))
	}
	if next, _ := body["next"].(string); strings.HasPrefix(next, external+"/allow?need=") {
		out = append(out, "next")
	}
	delete(body, "steps")
	delete(body, "next")
	return strings.Join(out, " ")
}

// leave ends the sign-in under which the token was issued.
func leave(w *world) {
	who := w.tokens["good"]
	who.Present = false
	w.tokens["good"] = who
}

// answers is a broker that says one thing.
type answers struct {
	answer broker.Answer
	err    error
	panics bool
}

func (a answers) Serve(context.Context, broker.Request) (broker.Answer, error) {
	if a.panics {
		panic("canary")
	}
	return a.answer, a.err
}

// What a provider refuses, and what is our own mistake.
func TestWhatTheBrokerSays(t *testing.T) {
	refusal := &broker.Refusal{Class: catalog.RateLimited, Status: 429, Code: "rate_limited", Message: "The service asks to wait.", RetryAfter: 1500 * time.Millisecond}
	for _, c := range []struct {
		name   string
		broker answers
		status int
		code   string
		retry  string
	}{
		{"wait", answers{err: refusal}, 429, "rate_limited", "2"},
		{"wait, with something for the log", answers{err: errors.Join(refusal, errors.New("canary"))}, 429, "rate_limited", "2"},
		{"down", answers{err: &broker.Refusal{Class: catalog.ProviderDown, Status: 503, Code: "provider_down", Message: "m"}}, 503, "provider_down", ""},
		{"unknown", answers{err: &broker.Refusal{Class: catalog.ProviderDown, Status: 504, Code: broker.CodeOutcome, Message: "m"}}, 504, "unknown_outcome", ""},
		{"an organisation", answers{err: &broker.Refusal{Class: catalog.OrgBlocked, Status: 403, Code: "blocked_by_organisation", Message: "m"}}, 403, "blocked_by_organisation", ""},
		{"no record, no answer", answers{err: errors.New("record github call: canary")}, 500, "server_error", ""},
		{"a panic", answers{panics: true}, 500, "server_error", ""},
	} {
		w := newWorld(t).agree(readIssues)
		w.broker = c.broker
		got := w.start(t).get(t, "/api/github/repos/acme/web/issues", good)
		if got.status != c.status || got.body["error"] != c.code || got.header.Get("Retry-After") != c.retry {
			t.Errorf("%s: %d %s, retry %q", c.name, got.status, got.text, got.header.Get("Retry-After"))
		}
		if got.header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: a new token would not help, but the answer asks for one", c.name)
		}
		if strings.Contains(got.text, "canary") {
			t.Errorf("%s: the app reads what is for the log: %s", c.name, got.text)
		}
		if (got.body["reference"] != nil) != (c.status == 500) {
			t.Errorf("%s: reference %v", c.name, got.body["reference"])
		}
	}
}

func TestAnswersWithoutABody(t *testing.T) {
	w := newWorld(t).agree(readIssues)
	w.broker = answers{answer: broker.Answer{Status: 304, Header: map[string][]string{"Etag": {`"tag"`}}}}
	got := w.start(t).get(t, "/api/github/repos/acme/web/issues", good)
	if got.status != 304 || got.text != "" || got.header.Get("ETag") != `"tag"` || got.header.Get("Content-Type") != "" {
		t.Errorf("%d %q %v", got.status, got.text, got.header)
	}
}
