package broker_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// The attacks on a broker's request (threats B1 to B11, B15, B18, B26): each is
// refused, and nothing but looking up a name ever reaches the provider.
func TestThreat_B1_B2_B3_B4_B6_B7_B9_B10_B11_B15_B18_B26_RequestsThatReachNoProvider(t *testing.T) {
	w := newWorld(t).allowAll()
	for _, tt := range []struct {
		why      string
		method   string
		provider consent.ProviderID
		target   string
		body     string
		status   int
	}{
		{"B1 traversal to another operation", "GET", "github", "/repos/acme/web/../../../user", "", 400},
		{"B1 traversal inside a file path", "GET", "github", "/repos/acme/web/contents/a/../../../api/contents/x", "", 400},
		{"B1 double slash", "GET", "github", "/repos/acme//web", "", 400},
		{"B1 path parameters", "GET", "github", "/repos/acme/web;x=/contents", "", 400},
		{"B2 encoded dots", "GET", "github", "/repos/acme/web/contents/%2e%2e/%2e%2e/api", "", 400},
		{"B2 twice encoded dots", "GET", "github", "/repos/acme/web/contents/%252e%252e/api", "", 400},
		{"B2 encoded slash in a name", "GET", "github", "/repos/acme%2fapi/web", "", 404},
		{"B2 nul", "GET", "github", "/repos/acme/web%00", "", 400},
		{"B2 name of another form", "GET", "github", "/repos/acme/w%20eb", "", 400},
		{"B2 id of another form", "GET", "github", "/repositories/7001e5", "", 400},
		{"B3 the same parameter twice", "GET", "github", "/repos/acme/web/issues?state=open&state=all", "", 400},
		{"B3 semicolon", "GET", "github", "/repos/acme/web/issues?state=open;state=all", "", 400},
		{"B3 array", "GET", "github", "/repos/acme/web/issues?state[]=open", "", 400},
		{"B3 fragment in a value", "GET", "github", "/repos/acme/web/contents/a?ref=main%23x", "", 400},
		{"B3 line break in a value", "GET", "github", "/repos/acme/web/contents/a?ref=main%0d%0aX:y", "", 400},
		{"B4 absolute form", "GET", "github", "https://evil.example/user", "", 400},
		{"B6 token in the query", "GET", "github", "/user?access_token=gho_x", "", 400},
		{"B6 token in the body", "POST", "slack", "/auth.test", `{"token":"xoxp-1"}`, 400},
		{"B7 method override", "POST", "github", "/user?_method=GET", "", 404},
		{"B7 HEAD for GET", "HEAD", "github", "/user", "", 404},
		{"B7 lower-case verb", "get", "github", "/user", "", 404},
		{"B7 a GET with a body", "GET", "github", "/repos/acme/web/issues", `{"title":"x"}`, 400},
		{"B9 graphql", "POST", "github", "/graphql", `{"query":"{viewer{login}}"}`, 404},
		{"B10 batch", "POST", "github", "/batch", `[]`, 404},
		{"B10 a list instead of an object", "POST", "github", "/repos/acme/web/issues", `[{"title":"x"}]`, 400},
		{"B11 the repository again in the body", "POST", "github", "/repos/acme/web/issues", `{"title":"x","repo":"api"}`, 400},
		{"B11 the owner in the query", "GET", "github", "/repos/acme/web/issues?owner=other", "", 400},
		{"B11 the channel twice in the body", "POST", "slack", "/chat.postMessage", `{"channel":"C01GENERAL","channel":"C01RANDOM1","text":"x"}`, 400},
		{"B11 the channel twice, once escaped", "POST", "slack", "/chat.postMessage", `{"channel":"C01GENERAL","\u0063hannel":"C01RANDOM1","text":"x"}`, 400},
		{"B11 the channel in query and body", "POST", "slack", "/chat.postMessage?channel=C01RANDOM1", `{"channel":"C01GENERAL","text":"x"}`, 400},
		{"B11 a channel's name", "POST", "slack", "/chat.postMessage", `{"channel":"#random","text":"x"}`, 400},
		{"B11 a person, to open a direct message", "POST", "slack", "/chat.postMessage", `{"channel":"U01BEN0002","text":"x"}`, 400},
		{"B15 an address to fetch", "POST", "slack", "/chat.postMessage", `{"channel":"C01GENERAL","text":"x","icon_url":"http://10.0.0.1/"}`, 400},
		{"another name to post under", "POST", "slack", "/chat.postMessage", `{"channel":"C01GENERAL","text":"x","username":"ceo"}`, 400},
		{"waking a channel", "POST", "slack", "/chat.postMessage", `{"channel":"C01GENERAL","text":"<!channel> x"}`, 400},
		{"waking a channel, escaped", "POST", "slack", "/chat.postMessage", `{"channel":"C01GENERAL","text":"\u003c!here>"}`, 400},
		{"attachments around the guard", "POST", "slack", "/chat.postMessage", `{"channel":"C01GENERAL","text":"x","attachments":[{"text":"<!channel>"}]}`, 400},
		{"a number for a text", "POST", "github", "/repos/acme/web/issues", `{"title":1}`, 400},
		{"an object for a label", "POST", "github", "/repos/acme/web/issues", `{"title":"x","labels":[{"name":"a"}]}`, 400},
		{"nothing that is required", "POST", "github", "/repos/acme/web/issues", `{"title":null}`, 400},
		{"broken JSON", "POST", "github", "/repos/acme/web/issues", `{"title":"x"`, 400},
		{"two JSON values", "POST", "github", "/repos/acme/web/issues", `{"title":"x"}{}`, 400},
		{"B18 deep JSON", "POST", "github", "/repos/acme/web/issues", `{"title":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, 400},
		{"a workflow file", "PUT", "github", "/repos/acme/web/contents/.github/workflows/x.yml", `{"message":"m","content":"eA==","branch":"next"}`, 400},
		{"a workflow file, escaped", "PUT", "github", "/repos/acme/web/contents/.github%2Fworkflows%2Fx.yml", `{"message":"m","content":"eA==","branch":"next"}`, 400},
		{"no branch, so the main one", "PUT", "github", "/repos/acme/web/contents/x.md", `{"message":"m","content":"eA=="}`, 400},
		{"somebody else as author", "PUT", "github", "/repos/acme/web/contents/x.md", `{"message":"m","content":"eA==","branch":"next","author":{"name":"ceo"}}`, 400},
		{"a bare commit id", "GET", "github", "/repos/acme/web/contents/x?ref=7fd1a60b01f91b314f59955a4e4d4e80d8edf11d", "", 400},
		{"B26 a sibling nobody offers", "GET", "github", "/repos/acme/web/hooks", "", 404},
		{"an unknown provider", "GET", "gitlab", "/user", "", 404},
	} {
		before := w.wire.count()
		_, refusal := w.ask(tt.method, tt.provider, tt.target, tt.body)
		if refusal == nil || refusal.Status != tt.status {
			t.Errorf("%s: got %v, want status %d", tt.why, refusal, tt.status)
		}
		if n := w.wire.count() - before; n != 0 {
			t.Errorf("%s: %d calls went out", tt.why, n)
		}
		if e := w.audit.last(); e.Outcome != broker.Denied {
			t.Errorf("%s: recorded as %s", tt.why, e.Outcome)
		}
	}
}

// Threats B4, B5, B6: of an app's headers nothing is passed on but a proper tag.
func TestThreat_B4_B5_B6_OnlyOurOwnHeadersReachTheProvider(t *testing.T) {
	w := newWorld(t).allowAll()
	req := w.request("GET", "github", "/repositories/"+w.ids["acme/web"], "")
	for _, name := range []string{
		"Authorization", "Cookie", "Host", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Api-Key", "X-Http-Method-Override",
		"Connection", "Transfer-Encoding", "Te", "Upgrade", "Proxy-Authorization", "X-Github-Api-Version", "User-Agent", "Range", "X_Under",
	} {
		req.Header.Set(name, "evil")
	}
	req.Header.Set("Accept", "application/vnd.github.v3+json")
	req.Header.Set("If-None-Match", `W/"abc"`)
	if _, refusal := w.send(req); refusal != nil {
		t.Fatal(refusal)
	}
	sent, _ := w.wire.last()
	for name, list := range sent.Header {
		for _, v := range list {
			if strings.Contains(v, "evil") {
				t.Errorf("%s: %s went out", name, v)
			}
		}
	}
	if got := sent.Header.Get("If-None-Match"); got != `W/"abc"` {
		t.Errorf("If-None-Match is %q", got)
	}
	for _, bad := range []string{`"a", "b"`, "*", "abc", "\"a\r\nX: y\"", `"` + strings.Repeat("a", 300) + `"`} {
		req.Header.Set("If-None-Match", bad)
		if _, refusal := w.send(req); refusal != nil {
			t.Fatal(refusal)
		}
		if sent, _ = w.wire.last(); sent.Header.Get("If-None-Match") != "" {
			t.Errorf("the tag %q went out", bad)
		}
	}
}

func TestWhoeverCannotReadJSONIsTold(t *testing.T) {
	w := newWorld(t).allowAll()
	for accept, status := range map[string]int{
		"": 0, "*/*": 0, "application/json": 0, "application/vnd.github.v3+json": 0, "text/html, application/json;q=0.9": 0,
		"application/vnd.github.raw+json": 406, "text/html": 406, "application/vnd.github.diff": 406,
	} {
		req := w.request("GET", "github", "/user", "")
		if accept != "" {
			req.Header.Set("Accept", accept)
		}
		_, refusal := w.send(req)
		if got := status != 0; (refusal != nil) != got || (refusal != nil && refusal.Status != status) {
			t.Errorf("Accept %q gives %v, want %d", accept, refusal, status)
		}
	}
}

// The request a provider sees is the template with the checked values in it.
func TestWhatTheProviderSees(t *testing.T) {
	w := newWorld(t).allowAll()
	web := w.ids["acme/web"]
	for _, tt := range []struct {
		provider           consent.ProviderID
		method, target     string
		body, want, inBody string
	}{
		{"github", "GET", "/repos/ACME/Web/contents/src%2Findex.js?ref=refs/heads/main", "", "GET /repositories/" + web + "/contents/src/index.js?ref=refs%2Fheads%2Fmain", ""},
		{"github", "GET", "/repos/acme/web/contents/a%20b%3F%23.md", "", "GET /repositories/" + web + "/contents/a%20b%3F%23.md", ""},
		{"github", "POST", "/repos/acme/web/issues", `{"title":"A","labels":["x","y"],"body":null}`, "POST /repositories/" + web + "/issues", `{"labels":["x","y"],"title":"A"}`},
		{"slack", "GET", "/users.conversations?types=public_channel,private_channel", "", "GET /users.conversations?types=public_channel", ""},
		{"slack", "POST", "/conversations.history", `{"channel":"C01GENERAL","limit":2,"inclusive":true}`, "GET /conversations.history?channel=C01GENERAL&inclusive=true&limit=2", ""},
		{"slack", "POST", "/chat.postMessage", `{"channel":"C01GENERAL","text":"A","reply_broadcast":false}`, "POST /chat.postMessage",
			`{"channel":"C01GENERAL","link_names":false,"parse":"none","reply_broadcast":false,"text":"A","unfurl_links":false,"unfurl_media":false}`},
	} {
		if _, refusal := w.ask(tt.method, tt.provider, tt.target, tt.body); refusal != nil && refusal.Code != broker.CodeResource {
			t.Errorf("%s %s: %v", tt.method, tt.target, refusal)
			continue
		}
		sent, body := w.wire.last()
		got := sent.Method + " " + strings.TrimPrefix(strings.TrimPrefix(sent.URL.RequestURI(), "/api/v3"), "/api")
		if got != tt.want || body != tt.inBody {
			t.Errorf("%s %s went out as\n%s %s\nwant\n%s %s", tt.method, tt.target, got, body, tt.want, tt.inBody)
		}
	}
}

// Slack's own SDK posts every method as a form.
func TestASlackMethodCanBePostedAsAForm(t *testing.T) {
	w := newWorld(t).allowAll()
	req := w.request("POST", "slack", "/conversations.history", "")
	req.Body = []byte(url.Values{"channel": {"C01GENERAL"}, "limit": {"1"}}.Encode())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, refusal := w.send(req)
	if refusal != nil || answer.Status != http.StatusOK || !strings.Contains(string(answer.Body), `"messages"`) {
		t.Errorf("got %v %s", refusal, answer.Body)
	}
	req.Body = []byte("channel=C01GENERAL&channel=C01RANDOM1")
	if _, refusal = w.send(req); refusal == nil || refusal.Status != 400 {
		t.Errorf("two channels in a form: %v", refusal)
	}
	req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	if _, refusal = w.send(req); refusal == nil || refusal.Status != 400 {
		t.Errorf("multipart: %v", refusal)
	}
}
