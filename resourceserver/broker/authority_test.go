package broker_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// Live state decides on each call; what is denied reaches no provider.
func TestDenials(t *testing.T) {
	repo := "/repos/acme/web/contents/package.json"
	issue := `{"title":"x"}`
	for _, tt := range []struct {
		says    string
		change  func(*world)
		method  string
		target  string
		body    string
		status  int
		code    string
		missing []consent.ScopeName
	}{
		{"the grant is revoked", func(w *world) { w.live.grant.Revoked = true }, "GET", repo, "", 401, "grant_gone", nil},
		{"the grant is not there", func(w *world) { w.bearer.Grant = "other" }, "GET", repo, "", 401, "grant_gone", nil},
		{"another app's token", func(w *world) { w.bearer.App = "other" }, "GET", repo, "", 401, "grant_gone", nil},
		{"another person's token", func(w *world) { w.bearer.User = "ben" }, "GET", repo, "", 401, "grant_gone", nil},
		{"the scope is not agreed", func(w *world) { w.live.grant.Items = nil }, "GET", repo, "", 403, "scope_missing", []consent.ScopeName{"services.github.repositories.read"}},
		{"the scope is not in the token", func(w *world) { w.bearer.Scopes = []consent.ScopeName{"services.github.issues.read"} }, "GET", repo, "", 403, "scope_missing", []consent.ScopeName{"services.github.repositories.read"}},
		{"the agreement has ended", func(w *world) {
			for i := range w.live.grant.Items {
				w.live.grant.Items[i].Until = noon
			}
		}, "GET", repo, "", 403, "scope_missing", []consent.ScopeName{"services.github.repositories.read"}},
		{"nobody is there", func(w *world) { w.bearer.Present = false }, "GET", repo, "", 403, "person_away", []consent.ScopeName{consent.Background}},
		{"a change without a yes", func(w *world) { w.live.grant.Items = w.live.grant.Items[1:] }, "POST", "/repos/acme/web/issues", issue, 403, "write_needs_yes", []consent.ScopeName{consent.UnattendedWrites}},
		{"disconnected", func(w *world) { w.live.connections[0].Health = consent.Disconnected }, "GET", repo, "", 424, "connection_missing", nil},
		{"signed out over there", func(w *world) { w.live.connections[0].Health = consent.NeedsPerson }, "GET", repo, "", 424, "connection_needs_you", nil},
		{"the connection lacks something", func(w *world) { w.live.connections[0].Granted = nil }, "GET", repo, "", 403, "provider_permission", nil},
		{"disconnected while it went on", func(w *world) { w.wire.fail = errGone }, "GET", repo, "", 424, "connection_missing", nil},
	} {
		t.Run(tt.says, func(t *testing.T) {
			w := newWorld(t).allowAll()
			before := w.wire.count()
			tt.change(w)
			_, r := w.ask(tt.method, "github", tt.target, tt.body)
			if r == nil || r.Status != tt.status || r.Code != tt.code {
				t.Fatalf("got %v, want %d %s", r, tt.status, tt.code)
			}
			if diff := cmp.Diff(tt.missing, r.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
			if w.wire.fail == nil && w.wire.count() != before {
				t.Error("a call went out")
			}
			if e := w.audit.last(); e.Outcome != broker.Denied || e.Reason != tt.code || e.Status != tt.status {
				t.Errorf("recorded %+v", e)
			}
		})
	}
}

func TestBackgroundWorkWithTheYesForIt(t *testing.T) {
	w := newWorld(t).allowAll()
	w.bearer.Present = false
	w.allow("", []consent.ScopeName{consent.Background})
	if _, refusal := w.ask("GET", "github", "/repos/acme/web", ""); refusal != nil {
		t.Error(refusal)
	}
}

// Providers.md section 5: what an app is told, by what the provider said.
func TestEachErrorClassHasOneAnswer(t *testing.T) {
	w := newWorld(t).allowAll()
	web := w.ids["acme/web"]
	r := &reply{}
	w.against(r)
	for _, tt := range []struct {
		says     string
		provider consent.ProviderID
		target   string
		reply    reply
		status   int
		code     string
		wait     time.Duration
	}{
		{"dead key", "github", "/repositories/" + web, reply{status: 401, body: `{"message":"Bad credentials"}`}, 424, "connection_needs_you", 0},
		{"dead key", "slack", "/auth.test", reply{body: `{"ok":false,"error":"token_revoked"}`}, 424, "connection_needs_you", 0},
		{"more needed", "slack", "/auth.test", reply{body: `{"ok":false,"error":"missing_scope","needed":"team:read","provided":"x"}`}, 403, "provider_permission", 0},
		{"organisation", "github", "/repositories/" + web, reply{status: 403, body: `{"message":"OAuth App access restrictions"}`}, 403, "blocked_by_organisation", 0},
		{"sign-on", "github", "/repositories/" + web, reply{status: 403, body: `{}`, header: map[string]string{"X-GitHub-SSO": "required; url=https://github.com/orgs/secret/sso"}}, 403, "blocked_by_organisation", 0},
		{"gone", "github", "/repositories/" + web, reply{status: 404, body: `{"message":"Not Found"}`}, 404, "resource_unavailable", 0},
		{"gone", "slack", "/conversations.info?channel=C01GENERAL", reply{body: `{"ok":false,"error":"channel_not_found"}`}, 404, "resource_unavailable", 0},
		{"down", "github", "/repositories/" + web, reply{status: 502, body: `<html>`}, 503, "provider_down", 0},
		// The last of each: from then on it is waited for.
		{"slow down", "github", "/repositories/" + web, reply{status: 403, body: `{"message":"secondary rate limit"}`, header: map[string]string{"Retry-After": "9"}}, 429, "rate_limited", 9 * time.Second},
		{"slow down", "slack", "/auth.test", reply{status: 429, header: map[string]string{"Retry-After": "30"}}, 429, "rate_limited", 30 * time.Second},
	} {
		*r = tt.reply
		_, got := w.ask("GET", tt.provider, tt.target, "")
		if got == nil || got.Status != tt.status || got.Code != tt.code || got.RetryAfter != tt.wait {
			t.Errorf("%s %s: got %+v, want %d %s after %s", tt.provider, tt.says, got, tt.status, tt.code, tt.wait)
			continue
		}
		for _, never := range []string{"team:read", "secret", "github.com", "octocat"} {
			if strings.Contains(got.Error(), never) {
				t.Errorf("%s %s: tells %q: %v", tt.provider, tt.says, never, got)
			}
		}
		if e := w.audit.last(); e.Outcome != broker.Failed || e.Reason != tt.code {
			t.Errorf("%s: recorded %+v", tt.says, e)
		}
	}
}

func TestWhatTheProviderSaysAboutTheContentIsPassedOn(t *testing.T) {
	w := newWorld(t).allowAll()
	r := &reply{status: 422, body: `{"message":"Validation Failed","errors":[{"field":"labels"}],"debug":"gho_16C7e42F292c6912E7710c838347Ae178B4a","documentation_url":"https://docs.github.com"}`}
	w.against(r)
	answer, refusal := w.ask("POST", "github", "/repositories/"+w.ids["acme/web"]+"/issues", `{"title":"x"}`)
	want := `{"message":"Validation Failed","errors":[{"field":"labels"}],"documentation_url":"https://docs.github.com"}`
	if refusal != nil || answer.Status != 422 || string(answer.Body) != want {
		t.Errorf("got %v %d %s", refusal, answer.Status, answer.Body)
	}
	if e := w.audit.last(); e.Outcome != broker.Failed || e.Reason != "caller_fault" {
		t.Errorf("recorded %+v", e)
	}
	*r = reply{body: `{"ok":false,"error":"no_text","response_metadata":{"messages":["x"]}}`}
	answer, refusal = w.ask("POST", "slack", "/chat.postMessage", `{"channel":"C01GENERAL","text":" "}`)
	if refusal != nil || answer.Status != 200 || string(answer.Body) != `{"ok":false,"error":"no_text"}` {
		t.Errorf("got %v %d %s", refusal, answer.Status, answer.Body)
	}
}

// failure is what package provider says about a call without an answer.
type failure struct {
	class catalog.ErrorClass
	sent  bool
}

func (f failure) Error() string             { return "connection reset, gho_16C7e42F292c6912E7710c838347Ae178B4a" }
func (f failure) Class() catalog.ErrorClass { return f.class }
func (f failure) RetryAfter() time.Duration { return 0 }
func (f failure) MayHaveHappened() bool     { return f.sent }

// Threat B20: a write is sent once, and when nobody knows, the answer says so.
func TestThreat_B20_AWriteIsNeverSentTwice(t *testing.T) {
	for _, tt := range []struct {
		says    string
		fail    error
		reply   reply
		code    string
		outcome broker.Outcome
	}{
		{"cut off after sending", failure{catalog.ProviderDown, true}, reply{}, "unknown_outcome", broker.Unknown},
		{"never sent", failure{catalog.ProviderDown, false}, reply{}, "provider_down", broker.Failed},
		{"timed out", http.ErrHandlerTimeout, reply{}, "unknown_outcome", broker.Unknown},
		{"5xx", nil, reply{status: 500, body: `{}`}, "unknown_outcome", broker.Unknown},
		{"an answer about something else", nil, reply{status: 201, body: `<html>`}, "unknown_outcome", broker.Unknown},
		{"an answer elsewhere", nil, reply{status: 303, header: map[string]string{"Location": "https://evil.example"}}, "unknown_outcome", broker.Unknown},
		{"too many", nil, reply{status: 429, body: `{}`}, "rate_limited", broker.Failed},
	} {
		t.Run(tt.says, func(t *testing.T) {
			w := newWorld(t).allowAll()
			r := tt.reply
			w.against(&r)
			w.wire.fail = tt.fail
			before, recorded := w.wire.count(), len(w.audit.events)
			_, refusal := w.ask("POST", "github", "/repositories/"+w.ids["acme/web"]+"/issues", `{"title":"x"}`)
			if refusal == nil || refusal.Code != tt.code {
				t.Fatalf("got %v, want %s", refusal, tt.code)
			}
			if n := w.wire.count() - before; n != 1 {
				t.Errorf("it was sent %d times", n)
			}
			events := w.audit.events[recorded:]
			if len(events) != 2 || events[0].Outcome != broker.Started || events[1].Outcome != tt.outcome {
				t.Errorf("recorded %+v", events)
			}
			if strings.Contains(refusal.Error(), "gho_") {
				t.Errorf("the refusal tells the cause: %v", refusal)
			}
		})
	}
}

func TestAReadIsTriedOnceMore(t *testing.T) {
	w := newWorld(t).allowAll()
	w.wire.fail = failure{catalog.ProviderDown, true}
	before := w.wire.count()
	_, refusal := w.ask("GET", "github", "/user", "")
	if refusal == nil || refusal.Code != "provider_down" {
		t.Errorf("got %v", refusal)
	}
	if n := w.wire.count() - before; n != 2 {
		t.Errorf("it was sent %d times, want 2", n)
	}
}

func TestTheMainBranchIsNotWritten(t *testing.T) {
	w := newWorld(t).allowAll()
	before := w.writes()
	_, refusal := w.ask("PUT", "github", "/repos/acme/web/contents/x.md", `{"message":"m","content":"eA==","branch":"main"}`)
	if refusal == nil || refusal.Code != broker.CodePolicy || refusal.Status != 403 {
		t.Errorf("got %v", refusal)
	}
	if w.writes() != before {
		t.Error("it was written")
	}
	for _, e := range w.audit.events {
		if e.Outcome == broker.Started {
			t.Error("a write is recorded as started")
		}
	}
}

// No record, no access: neither an answer nor a write.
func TestWithoutAnAuditThereIsNoAnswerAndNoWrite(t *testing.T) {
	w := newWorld(t).allowAll()
	w.audit.fail = true
	var refusal *broker.Refusal
	answer, err := w.broker.Serve(t.Context(), w.request("GET", "github", "/user", ""))
	if err == nil || errors.As(err, &refusal) || len(answer.Body) > 0 {
		t.Errorf("read: %v %s", err, answer.Body)
	}
	before := w.writes()
	_, err = w.broker.Serve(t.Context(), w.request("POST", "github", "/repos/acme/web/issues", `{"title":"x"}`))
	if err == nil || w.writes() != before {
		t.Errorf("write: %v, %d went out", err, w.writes()-before)
	}
}

// A write that was done but whose end cannot be recorded is not reported as done,
// nor as something to try again.
func TestAWriteWhoseEndIsNotRecorded(t *testing.T) {
	w := newWorld(t).allowAll()
	if _, refusal := w.ask("GET", "github", "/repos/acme/web", ""); refusal != nil {
		t.Fatal(refusal)
	}
	w.audit.left = 1
	_, refusal := w.ask("POST", "github", "/repos/acme/web/issues", `{"title":"x"}`)
	if refusal == nil || refusal.Code != broker.CodeOutcome {
		t.Errorf("got %v", refusal)
	}
}

func TestARecordSaysWhoDidWhatWhere(t *testing.T) {
	w := newWorld(t).allowAll()
	if _, refusal := w.ask("GET", "github", "/repos/acme/web/contents/package.json", ""); refusal != nil {
		t.Fatal(refusal)
	}
	want := broker.Event{
		Request: "req-1", At: noon, User: ana, App: scout, Grant: grant, Provider: "github", Operation: "repositories.contents.get",
		Scope: "services.github.repositories.read", Access: consent.Read, Connection: onHub,
		Resource: consent.Resource{Type: "github.repository", ID: w.ids["acme/web"], Name: "acme/web"},
		Words:    "read files in", Outcome: broker.Done, Status: 200,
	}
	if diff := cmp.Diff(want, w.audit.last()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
