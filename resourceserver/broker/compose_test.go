package broker_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// What Gmail is sent is not what the app wrote: what an e-mail may say goes on, written
// anew, and with anything else in it nothing is sent.
func TestADraftIsWrittenAnew(t *testing.T) {
	w := newWorld(t).allow("", []consent.ScopeName{"agents.writes.unattended"}).allow(onPost, []consent.ScopeName{"services.gmail.drafts.write"})
	draft := func(mail string) (broker.Answer, *broker.Refusal) {
		raw := base64.RawURLEncoding.EncodeToString([]byte(mail))
		return w.ask("POST", "gmail", mailbox("drafts"), `{"message":{"raw":"`+raw+`"}}`)
	}
	answer, refusal := draft("From: Boss <boss@bank.example>\r\nTo: carla@customer.example\r\nSubject: Order\r\nX-Mailer: Scout\r\n\r\nFour boxes.\r\n")
	if refusal != nil || !strings.Contains(string(answer.Body), `"labelIds":["DRAFT"]`) {
		t.Fatalf("%v %s", refusal, answer.Body)
	}
	_, body := w.wire.last()
	var sent struct{ Message struct{ Raw string } }
	if err := json.Unmarshal([]byte(body), &sent); err != nil {
		t.Fatal(err)
	}
	text, err := base64.RawURLEncoding.DecodeString(sent.Message.Raw)
	if err != nil || !strings.Contains(string(text), "Four boxes.") || !strings.Contains(string(text), "<carla@customer.example>") || strings.Contains(string(text), "bank") || strings.Contains(string(text), "Scout") {
		t.Errorf("%v\n%s", err, text)
	}
	before := w.wire.count()
	for name, mail := range map[string]string{
		"answers go elsewhere":  "To: carla@customer.example\r\nReply-To: eve@evil.example\r\n\r\nx",
		"a header in a subject": "To: carla@customer.example\r\nSubject: =?utf-8?q?a=0D=0ABcc:_eve@evil.example?=\r\n\r\nx",
		"no e-mail":             "hello",
	} {
		if _, refusal := draft(mail); refusal == nil || refusal.Code != broker.CodeInvalid || strings.Contains(refusal.Message, "evil") {
			t.Errorf("%s: %+v", name, refusal)
		}
	}
	for _, target := range []string{"drafts/send", "messages/send"} {
		if _, refusal := w.ask("POST", "gmail", mailbox(target), `{"id":"r1"}`); refusal == nil || refusal.Code != broker.CodeUnknown {
			t.Errorf("%s: %+v", target, refusal)
		}
	}
	if w.wire.count() != before {
		t.Error("something was sent")
	}
}
