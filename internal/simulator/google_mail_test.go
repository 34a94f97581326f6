package simulator_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

const gmail = "/gmail/v1/users/me"

// mails are the subjects that a Gmail search finds, newest first.
func (c *campus) mails(token string, query url.Values) []string {
	c.t.Helper()
	status, answer := c.api("GET", gmail+"/messages?"+query.Encode(), token, "")
	if status != 200 {
		return []string{reason(answer)}
	}
	var subjects []string
	list, _ := answer["messages"].([]any)
	for _, m := range list {
		_, full := c.api("GET", gmail+"/messages/"+m.(map[string]any)["id"].(string)+"?format=metadata&metadataHeaders=Subject", token, "")
		subjects = append(subjects, full["payload"].(map[string]any)["headers"].([]any)[0].(map[string]any)["value"].(string))
	}
	return subjects
}

func TestGmailReading(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	token := c.token("gmail.readonly")
	for _, k := range []struct {
		query url.Values
		want  []string
	}{
		{url.Values{"labelIds": {"Label_1"}}, []string{"Order 1042"}},
		{url.Values{"labelIds": {"INBOX", "UNREAD"}}, []string{"Your sign-in code", "Order 1042"}},
		{url.Values{"q": {"from:ben is:unread"}}, nil},
		{url.Values{"q": {"label:receipts subject:receipt"}}, []string{"Your receipt"}},
		{url.Values{"q": {"order where"}}, []string{"Order 1042"}},
		{url.Values{"q": {"has:attachment"}}, []string{"invalidArgument"}},
		{url.Values{"labelIds": {"Label_9"}}, []string{"invalidArgument"}},
		{url.Values{"q": {"news"}, "maxResults": {"1"}}, []string{"Morning news 30"}},
	} {
		if diff := cmp.Diff(k.want, c.mails(token, k.query)); diff != "" {
			t.Errorf("%v: %s", k.query, diff)
		}
	}
	_, found := c.api("GET", gmail+"/messages?labelIds=Label_2", token, "")
	id := found["messages"].([]any)[0].(map[string]any)["id"].(string)
	_, receipt := c.api("GET", gmail+"/messages/"+id, token, "")
	parts := receipt["payload"].(map[string]any)["parts"].([]any)
	attached := parts[1].(map[string]any)
	_, content := c.api("GET", gmail+"/messages/"+id+"/attachments/"+attached["body"].(map[string]any)["attachmentId"].(string), token, "")
	text, err := base64.URLEncoding.DecodeString(content["data"].(string))
	if err != nil || attached["filename"] != "receipt.txt" || !strings.HasPrefix(string(text), "Paper, 20 boxes") {
		t.Errorf("attachment %v: %s %v", attached, text, err)
	}
	_, threads := c.api("GET", gmail+"/threads?q=texts", token, "")
	list := threads["threads"].([]any)
	_, thread := c.api("GET", gmail+"/threads/"+list[0].(map[string]any)["id"].(string), token, "")
	if len(list) != 1 || len(thread["messages"].([]any)) != 2 {
		t.Errorf("the thread about texts: %d threads, %v", len(list), thread)
	}
	for path, want := range map[string]int{"/messages/nothing": 404, "/threads/nothing": 404, "/messages/" + id + "?format=odd": 400, "/messages/" + id + "/attachments/x": 400,
		"/labels/Label_9": 404, "/settings/forwardingAddresses": 404} {
		if status, answer := c.api("GET", gmail+path, token, ""); status != want {
			t.Errorf("%s: %d %v, want %d", path, status, answer, want)
		}
	}
	status, _ := c.api("GET", "/gmail/v1/users/ben@northwind.example/labels", token, "")
	wantText(t, "somebody else's mailbox", status, 403)
}

func TestGmailMetadataOnly(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	token := c.token("gmail.metadata")
	_, found := c.api("GET", gmail+"/messages?labelIds=Label_1", token, "")
	id := found["messages"].([]any)[0].(map[string]any)["id"].(string)
	_, heads := c.api("GET", gmail+"/messages/"+id, token, "")
	if heads["snippet"] != nil || heads["payload"].(map[string]any)["body"] != nil {
		t.Errorf("headers only, and yet: %v", heads)
	}
	for _, path := range []string{"/messages?q=order", "/messages/" + id + "?format=full", "/messages/" + id + "?format=raw", "/messages/" + id + "/attachments/x"} {
		if status, answer := c.api("GET", gmail+path, token, ""); status != 403 {
			t.Errorf("%s: %d %v, want 403", path, status, answer)
		}
	}
}

func rawMail(lines ...string) string {
	return `"` + base64.URLEncoding.EncodeToString([]byte(strings.Join(lines, "\r\n"))) + `"`
}

func TestGmailSending(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	token := c.token("gmail.send")
	body := `{"raw":` + rawMail("From: boss@northwind.example", "To: Ben <ben@northwind.example>", "Bcc: x@else.example", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
		`Content-Type: multipart/mixed; boundary="b"`, "", "--b", "Content-Type: text/plain", "", "Hello", "--b", `Content-Disposition: attachment; filename="a.txt"`,
		"Content-Transfer-Encoding: base64", "", "aGk=", "--b--", "") + `}`
	status, sent := c.api("POST", gmail+"/messages/send", token, body)
	kept, arrived := c.sim.Mails("ana", "SENT"), c.sim.Mails("ben", "INBOX")
	if status != 200 || sent["id"] != kept[len(kept)-1].ID || len(arrived) != 1 {
		t.Fatalf("sending: %d %v, %d arrived", status, sent, len(arrived))
	}
	want := simulator.Mail{ID: arrived[0].ID, From: "Ana Ferreira <ana@northwind.example>", To: []string{"ben@northwind.example"}, Subject: "Grüße", Text: "Hello", Labels: []string{"INBOX", "UNREAD"}}
	if diff := cmp.Diff(want, arrived[0]); diff != "" {
		t.Errorf("what ben got: %s", diff)
	}
	for name, body := range map[string]string{"nothing": `{}`, "no base64": `{"raw":"*"}`, "nobody": `{"raw":` + rawMail("Subject: x", "", "x") + `}`,
		"no address": `{"raw":` + rawMail("To: @@", "", "x") + `}`} {
		if status, answer := c.api("POST", gmail+"/messages/send", token, body); status != 400 {
			t.Errorf("sending %s: %d %v", name, status, answer)
		}
	}
	status, _ = c.api("GET", gmail+"/messages", token, "")
	wantText(t, "reading with gmail.send", status, 403)
}

func TestGmailDrafts(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	token := c.token("gmail.compose")
	_, made := c.api("POST", gmail+"/drafts", token, `{"message":{"raw":`+rawMail("To: ben@northwind.example", "Subject: First", "", "x")+`}}`)
	id := made["id"].(string)
	c.api("PUT", gmail+"/drafts/"+id, token, `{"message":{"raw":`+rawMail("To: ben@northwind.example", "Subject: Second", "", "x")+`}}`)
	if drafts := c.sim.Mails("ana", "DRAFT"); len(drafts) != 1 || drafts[0].Subject != "Second" || len(c.sim.Mails("ben", "INBOX")) != 0 {
		t.Errorf("drafts: %+v", drafts)
	}
	_, shown := c.api("GET", gmail+"/drafts/"+id, token, "")
	_, list := c.api("GET", gmail+"/drafts", token, "")
	if shown["message"].(map[string]any)["payload"] == nil || len(list["drafts"].([]any)) != 1 {
		t.Errorf("draft %v, list %v", shown, list)
	}
	status, _ := c.api("POST", gmail+"/drafts/send", token, `{"id":"`+id+`"}`)
	if status != 200 || len(c.sim.Mails("ana", "DRAFT")) != 0 || len(c.sim.Mails("ben", "INBOX")) != 1 {
		t.Errorf("sending the draft: %d", status)
	}
	again, _ := c.api("POST", gmail+"/drafts/send", token, `{"id":"`+id+`"}`)
	gone, _ := c.api("DELETE", gmail+"/drafts/"+id, token, "")
	if again != 404 || gone != 404 {
		t.Errorf("a draft that was sent: send %d, delete %d", again, gone)
	}
}
