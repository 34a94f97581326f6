package broker_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

var update = flag.Bool("update", false, "write the golden answers anew")

// example is one operation asked inside the limit and, when it names a resource,
// outside of it.
type example struct {
	provider     consent.ProviderID
	operation    string
	method       string
	inside       string
	outside      string
	body         string
	outsideBody  string // with the outside resource in the body
	absentTarget string
	absentBody   string
}

// WEB is replaced by the id of acme/web, which is agreed; API by that of acme/api,
// which exists and is not.
var examples = []example{
	{provider: "github", operation: "account.get", method: "GET", inside: "/user"},
	{provider: "github", operation: "repositories.list", method: "GET", inside: "/user/repos?per_page=30&sort=full_name"},
	{provider: "github", operation: "repositories.get", method: "GET", inside: "/repos/acme/web", outside: "/repos/acme/api", absentTarget: "/repos/acme/nothing"},
	{provider: "github", operation: "repositories.get", method: "GET", inside: "/repositories/WEB", outside: "/repositories/API", absentTarget: "/repositories/99"},
	{provider: "github", operation: "repositories.branches.list", method: "GET", inside: "/repos/acme/web/branches?per_page=5", outside: "/repos/acme/api/branches", absentTarget: "/repos/acme/nothing/branches"},
	{provider: "github", operation: "repositories.contents.list", method: "GET", inside: "/repos/acme/web/contents/", outside: "/repos/acme/api/contents", absentTarget: "/repos/acme/nothing/contents"},
	{provider: "github", operation: "repositories.contents.get", method: "GET", inside: "/repos/acme/web/contents/package.json?ref=main", outside: "/repos/acme/api/contents/package.json", absentTarget: "/repos/acme/nothing/contents/package.json"},
	{provider: "github", operation: "repositories.readme.get", method: "GET", inside: "/repos/acme/web/readme", outside: "/repos/acme/api/readme", absentTarget: "/repos/acme/nothing/readme"},
	{provider: "github", operation: "repositories.commits.list", method: "GET", inside: "/repos/acme/web/commits?per_page=3", outside: "/repos/acme/api/commits", absentTarget: "/repos/acme/nothing/commits"},
	{provider: "github", operation: "repositories.contents.put", method: "PUT", inside: "/repos/acme/web/contents/notes.md", outside: "/repos/acme/api/contents/notes.md", absentTarget: "/repos/acme/nothing/contents/notes.md",
		body: `{"message":"Add notes","content":"aGVsbG8=","branch":"next"}`},
	{provider: "github", operation: "issues.list", method: "GET", inside: "/repos/acme/web/issues?state=all&per_page=2", outside: "/repos/acme/api/issues", absentTarget: "/repos/acme/nothing/issues"},
	{provider: "github", operation: "issues.get", method: "GET", inside: "/repos/acme/web/issues/1", outside: "/repos/acme/api/issues/1", absentTarget: "/repos/acme/nothing/issues/1"},
	{provider: "github", operation: "issues.comments.list", method: "GET", inside: "/repos/acme/web/issues/1/comments", outside: "/repos/acme/api/issues/1/comments", absentTarget: "/repos/acme/nothing/issues/1/comments"},
	{provider: "github", operation: "issues.create", method: "POST", inside: "/repos/acme/web/issues", outside: "/repos/acme/api/issues", absentTarget: "/repos/acme/nothing/issues",
		body: `{"title":"Broken link","body":"On the start page.","labels":["bug"]}`},

	{provider: "slack", operation: "auth.test", method: "POST", inside: "/auth.test"},
	{provider: "slack", operation: "team.info", method: "GET", inside: "/team.info"},
	{provider: "slack", operation: "users.conversations", method: "GET", inside: "/users.conversations?types=public_channel,private_channel&limit=100"},
	{provider: "slack", operation: "conversations.list", method: "POST", inside: "/conversations.list", body: `{"limit":100,"exclude_archived":true}`},
	{provider: "slack", operation: "conversations.info", method: "GET", inside: "/conversations.info?channel=C01GENERAL", outside: "/conversations.info?channel=C01RANDOM1", absentTarget: "/conversations.info?channel=C99NOTHING"},
	{provider: "slack", operation: "conversations.history", method: "GET", inside: "/conversations.history?channel=C01GENERAL&limit=2", outside: "/conversations.history?channel=C01RANDOM1", absentTarget: "/conversations.history?channel=C99NOTHING"},
	{provider: "slack", operation: "conversations.replies", method: "GET", inside: "/conversations.replies?channel=C01GENERAL&ts=FIRST", outside: "/conversations.replies?channel=C01RANDOM1&ts=1.1", absentTarget: "/conversations.replies?channel=C99NOTHING&ts=1.1"},
	{provider: "slack", operation: "chat.postMessage", method: "POST", inside: "/chat.postMessage", outside: "/chat.postMessage", absentTarget: "/chat.postMessage",
		body: `{"channel":"C01GENERAL","text":"Release is out"}`, outsideBody: `{"channel":"C01RANDOM1","text":"Release is out"}`, absentBody: `{"channel":"C99NOTHING","text":"Release is out"}`},
}

func (w *world) target(text string) string {
	first := "1.1"
	if messages := w.slack.Messages("general"); len(messages) > 0 {
		first = messages[0].TS
	}
	return strings.NewReplacer("WEB", w.ids["acme/web"], "API", w.ids["acme/api"], "FIRST", first).Replace(text)
}

// golden compares an answer with its file; addresses of this run are replaced.
func (w *world) golden(t *testing.T, name string, a broker.Answer) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, a.Body, "", "  "); err != nil {
		t.Fatalf("the answer is no JSON: %v: %s", err, a.Body)
	}
	text := pretty.String() + "\n"
	for _, e := range w.wire.ends {
		text = strings.ReplaceAll(text, strings.Split(e.base, "/api")[0], "https://sim.example")
		text = strings.ReplaceAll(text, strings.TrimPrefix(strings.Split(e.base, "/api")[0], "http://"), "sim.example")
	}
	file := filepath.Join("testdata", "golden", name+".json")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestEachOperationInsideAndOutsideTheLimit(t *testing.T) {
	for _, e := range examples {
		name := string(e.provider) + "." + e.operation
		if strings.Contains(e.inside, "WEB") {
			name += ".by_id"
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).allowAll()
			answer, refusal := w.ask(e.method, e.provider, w.target(e.inside), e.body)
			if refusal != nil {
				t.Fatalf("inside: %v", refusal)
			}
			if got := w.audit.last(); got.Outcome != broker.Done || got.Operation != e.operation {
				t.Errorf("recorded %s of %s, want done of %s", got.Outcome, got.Operation, e.operation)
			}
			w.golden(t, name, answer)
			if e.outside == "" {
				return
			}
			body := e.body
			if e.outsideBody != "" {
				body = e.outsideBody
			}
			before := w.writes()
			_, outside := w.ask(e.method, e.provider, w.target(e.outside), body)
			if outside == nil {
				t.Fatal("outside the limit, and answered")
			}
			if got := w.audit.last(); got.Outcome != broker.Denied || got.Reason != broker.CodeResource {
				t.Errorf("recorded %s, %s; want denied, %s", got.Outcome, got.Reason, broker.CodeResource)
			}
			if e.absentBody != "" {
				body = e.absentBody
			}
			_, absent := w.ask(e.method, e.provider, w.target(e.absentTarget), body)
			if absent == nil {
				t.Fatal("absent, and answered")
			}
			// Nobody can tell a resource they may not see from one that is not there.
			if outside.Status != absent.Status || outside.Code != absent.Code || outside.Message != absent.Message ||
				outside.Status != 404 || len(outside.Missing)+len(absent.Missing) > 0 {
				t.Errorf("outside: %+v\nabsent:  %+v", outside, absent)
			}
			if w.writes() != before {
				t.Error("something was written outside the limit")
			}
		})
	}
}

// writes counts the writes that reached the providers.
func (w *world) writes() int {
	n := 0
	for _, c := range w.github.Calls() {
		if (c.Method == "POST" || c.Method == "PUT") && strings.HasPrefix(c.Path, "/api/v3/") {
			n++
		}
	}
	for _, c := range w.slack.Calls() {
		if c.Path == "/api/chat.postMessage" {
			n++
		}
	}
	return n
}

func TestEveryOperationHasAnExample(t *testing.T) {
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, e := range examples {
		have[string(e.provider)+"."+e.operation] = true
	}
	for id, p := range c.Providers {
		for _, o := range p.Operations {
			if !have[string(id)+"."+o.ID] {
				t.Errorf("no example of %s %s", id, o.ID)
			}
		}
	}
}
