package broker_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// One method reads public and private channels; which permission it needs is
// decided by what the person picked.
func TestOneCallUnderSeveralScopes(t *testing.T) {
	const public, private, direct = "services.slack.messages.read", "services.slack.messages.private.read", "services.slack.dms.read"
	for name, c := range map[string]struct {
		allow   map[consent.ScopeName]string
		channel string
		scope   consent.ScopeName // that it was made under, or that was missing
		status  int
	}{
		"a public channel":                             {map[consent.ScopeName]string{public: "C01GENERAL"}, "C01GENERAL", public, 200},
		"a private one":                                {map[consent.ScopeName]string{private: "G01LEADERS"}, "G01LEADERS", private, 200},
		"either with both":                             {map[consent.ScopeName]string{public: "C01GENERAL", private: "G01LEADERS"}, "G01LEADERS", private, 200},
		"a private one, only public ones allowed":      {map[consent.ScopeName]string{public: "C01GENERAL"}, "G01LEADERS", private, 403},
		"a public one, only private ones allowed":      {map[consent.ScopeName]string{private: "G01LEADERS"}, "C01GENERAL", private, 404},
		"a direct one":                                 {map[consent.ScopeName]string{public: "C01GENERAL", direct: "D01ANABEN1"}, "D01ANABEN1", direct, 200},
		"another direct one":                           {map[consent.ScopeName]string{public: "C01GENERAL", direct: "D01ANABEN1"}, "D01ANANOTE", direct, 404},
		"a direct one that is not there":               {map[consent.ScopeName]string{direct: "D01ANABEN1"}, "D01NOTHING", direct, 404},
		"a direct one, only channels allowed":          {map[consent.ScopeName]string{public: "C01GENERAL"}, "D01ANABEN1", direct, 403},
		"a private channel, only a direct one allowed": {map[consent.ScopeName]string{direct: "D01ANABEN1"}, "G01LEADERS", private, 403},
		"neither": {nil, "C01GENERAL", public, 403},
		"not one": {map[consent.ScopeName]string{public: "C01GENERAL"}, "U01BEN0002", "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for scope, channel := range c.allow {
				w.allow(onChat, []consent.ScopeName{scope}, channel)
			}
			_, refusal := w.ask("GET", "slack", "/conversations.history?channel="+c.channel, "")
			switch got := w.audit.last(); {
			case c.status == http.StatusOK && (refusal != nil || got.Scope != c.scope || got.Resource.ID != c.channel):
				t.Errorf("%v; recorded %s on %s", refusal, got.Scope, got.Resource.ID)
			case c.status != http.StatusOK && (refusal == nil || refusal.Status != c.status || refusal.Scope != c.scope):
				t.Errorf("refused with %+v, want %d under %s", refusal, c.status, c.scope)
			}
			if c.status == http.StatusForbidden && (len(refusal.Missing) != 1 || refusal.Missing[0] != c.scope) {
				t.Errorf("missing are %v, want %s", refusal.Missing, c.scope)
			}
		})
	}
}

// What is found elsewhere leaves no trace, not even in numbers.
func TestASearchFindsOnlyWhatWasPicked(t *testing.T) {
	w := newWorld(t)
	w.allow(onChat, []consent.ScopeName{"services.slack.search.read"}, "C01RELEASE")
	answer, refusal := w.ask("GET", "slack", "/search.messages?query=the", "")
	if refusal != nil {
		t.Fatal(refusal)
	}
	for _, gone := range []string{"budget", "kettle", "office", "total", "pag", "previous", "said after"} {
		if strings.Contains(string(answer.Body), gone) {
			t.Errorf("%q leaves: %s", gone, answer.Body)
		}
	}
	if _, refusal := w.ask("GET", "slack", "/search.messages?query=the&count=1&page=2", ""); refusal == nil {
		t.Error("the place of what is left tells how much was found elsewhere")
	}
	for _, query := range []string{"in:random kettle", "the -office", `"the office"`, "from:ben", "has:link", "rel*"} {
		_, refusal := w.ask("POST", "slack", "/search.messages", `{"query":`+quote(query)+`}`)
		if refusal == nil || refusal.Code != broker.CodeInvalid {
			t.Errorf("%s: %v", query, refusal)
		}
	}
}

// A file is there when a channel that was picked has it, and says nothing of others
// that have it; in a message it does not stand at all.
func TestAFileIsSeenWhereItWasShared(t *testing.T) {
	w := newWorld(t).allow(onChat, []consent.ScopeName{"services.slack.files.read", "services.slack.messages.read"}, "C01GENERAL")
	r := &reply{}
	w.against(r)
	const file = `{"id":"F0000001","name":"a","channels":["C01RANDOM1","C01GENERAL"],"groups":["G01LEADERS"],"url_private":"1234","shares":{"public":{"C01RANDOM1":[]}}}`
	for target, c := range map[string]struct{ body, want string }{
		"/files.info?file=F0000001":                 {`{"ok":true,"content":"1234","file":` + file + `}`, `{"ok":true,"file":{"id":"F0000001","name":"a"}}`},
		"/files.list?channel=C01GENERAL":            {`{"ok":true,"files":[` + file + `,{"id":"F0000002","channels":["C01RANDOM1"]},{"id":"F0000003"}],"paging":{"total":3}}`, `{"ok":true,"files":[{"id":"F0000001","name":"a"}]}`},
		"/conversations.history?channel=C01GENERAL": {`{"ok":true,"messages":[{"text":"b","files":[` + file + `],"file":` + file + `}]}`, `{"ok":true,"messages":[{"text":"b"}]}`},
	} {
		r.body = c.body
		answer, refusal := w.ask("GET", "slack", target, "")
		if refusal != nil || string(answer.Body) != c.want {
			t.Errorf("%s: %v\n%s, want\n%s", target, refusal, answer.Body, c.want)
		}
	}
	for _, body := range []string{`{"ok":true,"file":{"id":"F0000001","channels":["C01RANDOM1"],"groups":["C01GENERAL"]}}`, `{"ok":true,"file":{"id":"F0000001"}}`, `{"ok":false,"error":"file_not_found"}`} {
		r.body = body
		if _, refusal := w.ask("GET", "slack", "/files.info?file=F0000001", ""); refusal == nil || refusal.Status != http.StatusNotFound {
			t.Errorf("%s: %v", body, refusal)
		}
	}
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

// Some things are only done while the person is there, whatever else was allowed.
func TestWhatNeedsThePersonThere(t *testing.T) {
	w := newWorld(t).allowAll()
	w.allow("", []consent.ScopeName{"agents.jobs.background"})
	w.bearer.Present = false
	merge := call{"PUT", "/repos/acme/web/pulls/2/merge", w.target(`{"sha":"NEXTTIP"}`)}
	before := w.writes()
	_, refusal := w.ask(merge.method, "github", merge.target, merge.body)
	if refusal == nil || refusal.Denial != consent.PersonAway || len(refusal.Missing) > 0 {
		t.Errorf("refused with %+v", refusal)
	}
	if _, refusal = w.ask("GET", "slack", "/search.messages?query=release", ""); refusal == nil || refusal.Denial != consent.PersonAway {
		t.Errorf("refused with %+v", refusal)
	}
	w.allow(onChat, []consent.ScopeName{"services.slack.dms.read"}, "D01ANABEN1")
	w.bearer.Present = false
	if _, refusal = w.ask("GET", "slack", "/conversations.history?channel=D01ANABEN1", ""); refusal == nil || refusal.Denial != consent.PersonAway {
		t.Errorf("refused with %+v", refusal)
	}
	if w.writes() != before {
		t.Error("it was merged")
	}
	w.bearer.Present = true
	if _, refusal = w.ask(merge.method, "github", merge.target, merge.body); refusal != nil {
		t.Error(refusal)
	}
}
