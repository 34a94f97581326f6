package broker_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// GitHub's issues API has pull requests in it. Who may use issues neither sees nor
// changes those.
func TestAPullRequestIsNoIssue(t *testing.T) {
	w := newWorld(t)
	w.allow("", []consent.ScopeName{"agents.writes.unattended"})
	w.allow(onHub, []consent.ScopeName{"services.github.issues.write"}, "acme/web")
	answer, refusal := w.ask("GET", "github", "/repos/acme/web/issues?state=all&per_page=100", "")
	if refusal != nil {
		t.Fatal(refusal)
	}
	var issues []struct {
		Number int
		Pull   any `json:"pull_request"`
	}
	if err := json.Unmarshal(answer.Body, &issues); err != nil || len(issues) == 0 {
		t.Fatalf("%d issues, %v", len(issues), err)
	}
	for _, i := range issues {
		if i.Pull != nil || i.Number == 2 {
			t.Errorf("number %d is a pull request", i.Number)
		}
	}
	if answer.Header.Get("ETag") != "" {
		t.Error("the tag of a list tells about what was taken out")
	}
	if got := w.audit.last(); got.Items != len(issues) {
		t.Errorf("%d items are recorded of %d", got.Items, len(issues))
	}
	before := w.writes()
	for _, c := range []call{
		{"GET", "/repos/acme/web/issues/2", ""},
		{"GET", "/repos/acme/web/issues/2/comments", ""},
		{"PATCH", "/repos/acme/web/issues/2", `{"state":"closed"}`},
		{"POST", "/repos/acme/web/issues/2/comments", `{"body":"hello"}`},
	} {
		_, refusal := w.ask(c.method, "github", c.target, c.body)
		if refusal == nil || refusal.Status != http.StatusNotFound || refusal.Code != broker.CodeResource {
			t.Errorf("%s %s: %v", c.method, c.target, refusal)
		}
	}
	if w.writes() != before {
		t.Error("something was written")
	}
}

// What the rules of the catalogue keep an app from doing with what it was allowed.
func TestWhatIsNotOfferedAlthoughAllowed(t *testing.T) {
	for name, c := range map[string]struct {
		call
		status int
		code   string
	}{
		"a branch at a commit of somewhere else":  {call{"POST", "/repos/acme/web/git/refs", `{"ref":"refs/heads/x","sha":"` + strings.Repeat("0", 40) + `"}`}, 403, broker.CodePolicy},
		"a branch inside the history":             {call{"POST", "/repos/acme/web/git/refs", `{"ref":"refs/heads/x","sha":"` + tip("commit 700100001 2") + `"}`}, 403, broker.CodePolicy},
		"a tag":                                   {call{"POST", "/repos/acme/web/git/refs", `{"ref":"refs/tags/x","sha":"MAINTIP"}`}, 400, broker.CodeInvalid},
		"a file of the main branch":               {call{"DELETE", "/repos/acme/web/contents/README.md", `{"message":"m","sha":"MAINTIP","branch":"main"}`}, 403, broker.CodePolicy},
		"approving":                               {call{"POST", "/repos/acme/web/pulls/2/reviews", `{"body":"ok","event":"APPROVE"}`}, 400, broker.CodeInvalid},
		"a review nobody sees":                    {call{"POST", "/repos/acme/web/pulls/2/reviews", `{"body":"ok"}`}, 400, broker.CodeInvalid},
		"a pull request from elsewhere":           {call{"POST", "/repos/acme/web/pulls", `{"title":"t","head":"hubot:next","base":"main"}`}, 400, broker.CodeInvalid},
		"a merge of whatever is there":            {call{"PUT", "/repos/acme/web/pulls/2/merge", `{}`}, 400, broker.CodeInvalid},
		"what else hangs on a commit":             {call{"GET", "/repos/acme/web/commits/main/pulls", ""}, 404, broker.CodeUnknown},
		"a comparison with a bare commit":         {call{"GET", "/repos/acme/web/compare/main...0badcafe", ""}, 400, broker.CodeInvalid},
		"inputs that are no texts":                {call{"POST", "/repos/acme/web/actions/workflows/ci.yml/dispatches", `{"ref":"main","inputs":{"a":{"b":1}}}`}, 400, broker.CodeInvalid},
		"inputs with a name that says two things": {call{"POST", "/repos/acme/web/actions/workflows/ci.yml/dispatches", `{"ref":"main","inputs":{"a":"1","a":"2"}}`}, 400, broker.CodeInvalid},
		"secrets of builds":                       {call{"GET", "/repos/acme/web/actions/secrets", ""}, 404, broker.CodeUnknown},
		"logs of builds":                          {call{"GET", "/repos/acme/web/actions/runs/7001000011/logs", ""}, 404, broker.CodeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).allowAll()
			before := w.writes()
			_, refusal := w.ask(c.method, "github", w.target(c.target), w.target(c.body))
			if refusal == nil || refusal.Status != c.status || refusal.Code != c.code {
				t.Errorf("answered %v, want %d %s", refusal, c.status, c.code)
			}
			if w.writes() != before {
				t.Error("something was written")
			}
		})
	}
}
