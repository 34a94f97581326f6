package broker_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// reader may read what has one of these labels.
func reader(t *testing.T, labels ...string) *world {
	t.Helper()
	return newWorld(t).allow(onPost, []consent.ScopeName{"services.gmail.messages.read"}, labels...)
}

const signInCode = "18c0000000000005" // a mail with a sign-in code, in the inbox

// gone asserts that a call is answered as if there were nothing.
func (w *world) gone(why, target string) {
	w.t.Helper()
	answer, refusal := w.ask("GET", "gmail", target, "")
	if refusal == nil || refusal.Status != http.StatusNotFound || refusal.Code != broker.CodeResource {
		w.t.Errorf("%s: %v %s", why, refusal, answer.Body)
	}
}

// A conversation goes through labels: its other mails are not shown.
func TestOfAConversationTheMailsUnderTheLabelsAreShown(t *testing.T) {
	for label, want := range map[string][]string{"INBOX": {"Texts for the shop"}, "SENT": {"Re: Texts for the shop"}} {
		w := reader(t, label)
		for _, format := range []string{"", "?format=full", "?format=metadata"} {
			answer, refusal := w.ask("GET", "gmail", mailbox("threads/"+texts+format), "")
			if refusal != nil {
				t.Fatal(refusal)
			}
			var thread struct {
				Messages []struct {
					Payload struct {
						Headers []struct{ Name, Value string }
					}
				}
			}
			if err := json.Unmarshal(answer.Body, &thread); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range thread.Messages {
				for _, h := range m.Payload.Headers {
					if h.Name == "Subject" {
						got = append(got, h.Value)
					}
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", label, format, diff)
			}
		}
	}
}

// What lets its reader in somewhere as the person is not there for an app: the mail,
// what is in it, and the conversation it is alone in.
func TestAMailWithACodeIsHeldBack(t *testing.T) {
	w := reader(t, "INBOX")
	for _, target := range []string{"messages/" + signInCode, "messages/" + signInCode + "?format=metadata", "threads/" + signInCode, "threads/" + signInCode + "?format=minimal"} {
		w.gone(target, mailbox(target))
	}
	before := w.wire.count()
	w.gone("a file in it", mailbox("messages/"+signInCode+"/attachments/x"))
	if got := w.wire.count() - before; got != 1 {
		t.Errorf("%d calls: the file was asked for", got)
	}
	r := &reply{}
	w.against(r)
	for subject, held := range map[string]bool{
		"Your sign-in code": true, "482913 is your verification code": true, "Reset your password": true, "Ihr Bestätigungscode": true, "Passwort zurücksetzen": true,
		"Votre code de vérification": true, "Código de verificación": true, "Your code is 1234": true, "Magic link for you": true, "One-time PIN": true,
		"Dress code for Friday": false, "Code review": false, "Order 1042": false, "Zip code of the shop": false, "Password manager for teams": false, "QR code": false,
	} {
		text, err := json.Marshal(subject)
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{`{"id":"1","labelIds":["INBOX"],"snippet":` + string(text) + `}`, `{"id":"1","labelIds":["INBOX"],"payload":{"headers":[{"name":"Subject","value":` + string(text) + `}]}}`} {
			r.body = body
			if _, refusal := w.ask("GET", "gmail", mailbox("messages/1"), ""); (refusal != nil) != held {
				t.Errorf("%s: %v", body, refusal)
			}
		}
	}
	r.body = `{"id":"1","labelIds":["INBOX"],"snippet":"hello","payload":{"body":{"data":"` + strings.Repeat("a ", 5000) + `magic link"}}}`
	if _, refusal := w.ask("GET", "gmail", mailbox("messages/1"), ""); refusal != nil {
		t.Errorf("further on than anybody looks: %v", refusal)
	}
}

// A mail whose labels cannot be read is outside.
func TestAMailWithoutReadableLabelsIsOutside(t *testing.T) {
	w := reader(t, "INBOX")
	r := &reply{}
	w.against(r)
	for _, labels := range []string{`[]`, `"INBOX"`, `null`, `{"0":"INBOX"}`, `["inbox"]`, `["INBOX2"]`, `[["INBOX"]]`, `[null,true,{"id":"INBOX"}]`} {
		r.body = `{"id":"1","labelIds":` + labels + `}`
		w.gone(labels, mailbox("messages/1"))
		w.gone("a file, "+labels, mailbox("messages/1/attachments/x"))
		r.body = `{"id":"1","messages":[` + r.body + `]}`
		w.gone("a conversation, "+labels, mailbox("threads/1"))
	}
	r.body = `{"id":"1"}`
	w.gone("none", mailbox("messages/1"))
	for target, body := range map[string]string{
		"messages/1": `{"labelIds":["SENT"],"labelIds":["INBOX"]}`, "messages/2": `[{"labelIds":["INBOX"]}]`, "threads/1": `{"id":"1"}`, "threads/2": `{"messages":{"labelIds":["INBOX"]}}`,
		"messages/3": `{"labelIds":["INBOX"],"payload":{"headers":{"Subject":"x"}}}`, "messages/4?format=metadata": `{"labelIds":["INBOX"],"payload":"x"}`,
	} {
		r.body = body
		if got := w.status(w.request("GET", "gmail", mailbox(target), "")); got != http.StatusServiceUnavailable && got != http.StatusNotFound {
			t.Errorf("%s: %d", body, got)
		}
	}
}

// Of a mail's headers those leave that a person would say a mail has.
func TestOfTheHeadersTheKnownOnesLeave(t *testing.T) {
	w := reader(t, "INBOX")
	headers := `[{"name":"subject","value":"a"},{"name":"X-Secret","value":"1234"},{"name":"Received","value":"1234"},{"value":"1234"},{"name":["From"],"value":"1234"},"1234",{"name":"FROM","value":"b"}]`
	w.against(&reply{body: `{"id":"1","labelIds":["INBOX"],"raw":"1234","snippet":"c","payload":{"mimeType":"text/plain","headers":` + headers + `,"body":{"data":"ZA"}}}`})
	for format, want := range map[string]string{
		"":                 `{"id":"1","labelIds":["INBOX"],"snippet":"c","payload":{"mimeType":"text/plain","headers":[{"name":"subject","value":"a"},{"name":"FROM","value":"b"}],"body":{"data":"ZA"}}}`,
		"?format=metadata": `{"id":"1","labelIds":["INBOX"],"payload":{"mimeType":"text/plain","headers":[{"name":"subject","value":"a"},{"name":"FROM","value":"b"}]}}`,
	} {
		answer, refusal := w.ask("GET", "gmail", mailbox("messages/1"+format), "")
		if refusal != nil {
			t.Fatal(refusal)
		}
		if diff := cmp.Diff(want, string(answer.Body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// One path has two permissions; the word of a query says which one is meant. What
// Gmail is asked for is ours to say.
func TestWhoMaySeeWhoWroteDoesNotReadWhat(t *testing.T) {
	w := newWorld(t).allow(onPost, []consent.ScopeName{"services.gmail.metadata.read"}, "INBOX")
	for query, want := range map[string]int{
		"": 403, "?format=full": 403, "?format=raw": 400, "?format=": 400, "?format=metadata&format=full": 400, "?format=full&format=metadata": 400, "?format=FULL": 400,
		"?format=metadata": 200, "?format=minimal": 200, "?format=metadata&metadataHeaders=X-Secret&fields=payload": 200,
		"?format=metadata&metadataHeaders=To&metadataHeaders=From": 200, "?format=metadata" + strings.Repeat("&metadataHeaders=To", 51): 400,
	} {
		before := w.wire.count()
		if got := w.status(w.request("GET", "gmail", mailbox("messages/"+texts+query), "")); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
		if want != http.StatusOK {
			if w.wire.count() != before {
				t.Errorf("%s: Gmail was asked", query)
			}
			continue
		}
		if sent, _ := w.wire.last(); sent.URL.RawQuery != "fields=%2A&format=metadata" {
			t.Errorf("%s: Gmail was asked with %s", query, sent.URL.RawQuery)
		}
	}
	for _, target := range []string{"messages?labelIds=INBOX&q=code", "threads?labelIds=INBOX&q=code", "messages/" + receipt + "/attachments/x"} {
		if got := w.status(w.request("GET", "gmail", mailbox(target), "")); got != http.StatusForbidden {
			t.Errorf("%s: %d", target, got)
		}
	}
}

// A list names one label, and is nothing but ids. An empty one is left out by Gmail.
func TestMailIsListedUnderOneLabel(t *testing.T) {
	w := reader(t, "INBOX", customers)
	for _, target := range []string{"messages", "messages?q=order", "messages?labelIds=INBOX&labelIds=" + customers, "messages?labelIds=INBOX&includeSpamTrash=true", "messages?labelIds=INBOX&q=in:anywhere", "threads", "messages?labelIds=INBOX&pageToken=2"} {
		if got := w.status(w.request("GET", "gmail", mailbox(target), "")); got != http.StatusBadRequest {
			t.Errorf("%s: %d", target, got)
		}
	}
	r := &reply{body: `{"resultSizeEstimate":201}`}
	w.against(r)
	for body, want := range map[string]string{
		`{"resultSizeEstimate":201}`: `{}`,
		`{"messages":[{"id":"1","threadId":"2","snippet":"x"},"y"],"resultSizeEstimate":201}`: `{"messages":[{"id":"1","threadId":"2"}]}`,
	} {
		r.body = body
		answer, refusal := w.ask("GET", "gmail", mailbox("messages?labelIds=INBOX"), "")
		if refusal != nil || string(answer.Body) != want {
			t.Errorf("%s: %v %s", body, refusal, answer.Body)
		}
	}
	for _, body := range []string{`{"messages":"x"}`, `[]`, `"x"`} {
		r.body = body
		if got := w.status(w.request("GET", "gmail", mailbox("messages?labelIds=INBOX"), "")); got != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", body, got)
		}
	}
	// Where items are checked one by one, a list that is not there is no empty list.
	r.body = `{"resultSizeEstimate":201}`
	if got := w.status(w.request("GET", "gmail", mailbox("labels"), "")); got != http.StatusServiceUnavailable {
		t.Errorf("labels: %d", got)
	}
}

func TestMailPagesByOurTokens(t *testing.T) {
	w := reader(t, "INBOX")
	var ids []string
	token := ""
	for range 20 {
		answer, refusal := w.ask("GET", "gmail", mailbox("messages?labelIds=INBOX&maxResults=10"+token), "")
		if refusal != nil {
			t.Fatal(refusal)
		}
		var page struct {
			Messages      []struct{ ID string }
			NextPageToken string
		}
		if err := json.Unmarshal(answer.Body, &page); err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			ids = append(ids, m.ID)
		}
		if token = "&pageToken=" + page.NextPageToken; page.NextPageToken == "" {
			break
		}
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != 34 {
		t.Errorf("%d mails: %v", len(ids), ids)
	}
}
