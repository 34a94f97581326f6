package broker_test

import (
	"cmp"
	"net/http"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// A person may delete all they ever wrote; an app only what it wrote itself, and of the
// rest it is not told whether it is there.
func TestAnAppDeletesOnlyWhatItPosted(t *testing.T) {
	w := newWorld(t).allow("", []consent.ScopeName{"agents.writes.unattended"})
	w.allow(onChat, []consent.ScopeName{"services.slack.messages.delete"}, "C01GENERAL", "C01RELEASE")
	if _, refusal := w.ask(posted.method, "slack", posted.target, posted.body); refusal != nil {
		t.Fatal(refusal)
	}
	messages := w.slack.Messages("general")
	own, persons := messages[len(messages)-1].TS, messages[0].TS // both are of ana's account
	for name, c := range map[string]struct {
		channel, ts, app string
		grant            consent.GrantID
	}{
		"the person's own":                         {"C01GENERAL", persons, "", ""},
		"one that is not there":                    {"C01GENERAL", "1.1", "", ""},
		"one in another channel":                   {"C01RELEASE", own, "", ""},
		"of a time that is nearly the same":        {"C01GENERAL", strings.TrimRight(own, "0"), "", ""},
		"one that another app posted for somebody": {"C01GENERAL", own, "", "grant-2"},
	} {
		for _, method := range []string{"/chat.delete", "/chat.update"} {
			w.bearer.Grant = cmp.Or(c.grant, grant)
			w.live.grant.ID = w.bearer.Grant
			before := w.writes()
			body := `{"channel":"` + c.channel + `","ts":"` + c.ts + `"}`
			if method == "/chat.update" {
				body = strings.Replace(body, "}", `,"text":"x"}`, 1)
			}
			_, refusal := w.ask("POST", "slack", method, body)
			if c.ts == strings.TrimRight(own, "0") {
				if refusal == nil || w.writes() != before {
					t.Errorf("%s, %s: %v", name, method, refusal)
				}
				continue
			}
			if refusal == nil || refusal.Status != http.StatusNotFound || refusal.Code != broker.CodeResource || refusal.Outside != nil || w.writes() != before {
				t.Errorf("%s, %s: %+v", name, method, refusal)
			}
		}
	}
	w.bearer.Grant, w.live.grant.ID = grant, grant
	for _, call := range []call{{"POST", "/chat.update", `{"channel":"C01GENERAL","ts":"` + own + `","text":"Better"}`}, {"POST", "/chat.delete", `{"channel":"C01GENERAL","ts":"` + own + `"}`}} {
		if answer, refusal := w.ask(call.method, "slack", call.target, call.body); refusal != nil || !strings.Contains(string(answer.Body), `"ok":true`) {
			t.Errorf("%s: %v %s", call.target, refusal, answer.Body)
		}
	}
	if left := w.slack.Messages("general"); len(left) != len(messages)-1 {
		t.Errorf("%d messages are left of %d", len(left), len(messages))
	}
	// What the app deleted is as if it had never been there.
	_, refusal := w.ask("POST", "slack", "/chat.delete", `{"channel":"C01GENERAL","ts":"`+own+`"}`)
	if refusal == nil || refusal.Code != broker.CodeResource || refusal.Status != http.StatusNotFound {
		t.Errorf("again: %+v", refusal)
	}
}

// What Slack did not confirm is nobody's.
func TestWhatWasNotSeenMadeIsNotOwn(t *testing.T) {
	w := newWorld(t).allow("", []consent.ScopeName{"agents.writes.unattended"})
	w.allow(onChat, []consent.ScopeName{"services.slack.messages.delete"}, "C01GENERAL")
	r := &reply{}
	w.against(r)
	for _, body := range []string{`{"ok":true,"channel":"C01GENERAL"}`, `{"ok":true,"channel":"C01GENERAL","ts":""}`, `{"ok":true,"channel":"C01GENERAL","ts":{}}`, `{"ok":false,"error":"internal_error","ts":"1.1"}`, `<html>`, `{}`, `{"ok":true,"channel":"C01RANDOM1","ts":"1.1"}`} {
		r.body = body
		if _, refusal := w.ask(posted.method, "slack", posted.target, posted.body); refusal == nil || refusal.Code != broker.CodeOutcome {
			t.Errorf("%s: %+v", body, refusal)
		}
	}
	if _, refusal := w.ask("POST", "slack", "/chat.delete", `{"channel":"C01GENERAL","ts":"1.1"}`); refusal == nil || refusal.Status != http.StatusNotFound {
		t.Errorf("deleted: %+v", refusal)
	}
}
