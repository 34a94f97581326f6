package simulator

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

const maxDraftMails = 200

// sentMail is a message as callers send one.
type sentMail struct {
	Raw      string `json:"raw"`
	ThreadID string `json:"threadId"`
}

// composed reads a message and makes it the caller's own: whatever From says,
// it is from them.
func (g *Google) composed(c googleCall, sent sentMail) (*mail, *apiReply) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(sent.Raw, "="))
	if err != nil || len(raw) == 0 {
		refusal := mailInvalid("'raw' RFC822 payload message string or uploading message via /upload/* URL required")
		return nil, &refusal
	}
	m, err := readMail(raw)
	if err != nil {
		refusal := mailInvalid("Invalid message: " + err.Error())
		return nil, &refusal
	}
	if sent.ThreadID != "" && len(c.who.mailbox.threadOf(sent.ThreadID)) == 0 {
		refusal := mailNotFound()
		return nil, &refusal
	}
	m.from, m.date, m.thread = fmt.Sprintf("%s <%s>", c.who.fullName, c.who.email), g.cfg.Now(), sent.ThreadID
	return m, nil
}

// sendMail sends a message: into the caller's SENT, and into the inbox of
// whoever it is for and has one here.
func (g *Google) sendMail(c googleCall) apiReply {
	var sent sentMail
	refusal := c.decode(&sent)
	if refusal != nil {
		return *refusal
	}
	m, refusal := g.composed(c, sent)
	if refusal != nil {
		return *refusal
	}
	return g.post(c, m)
}

func (g *Google) post(c googleCall, m *mail) apiReply {
	recipients := slices.Concat(m.to, m.cc, m.bcc)
	if len(recipients) == 0 {
		return mailInvalid("Recipient address required")
	}
	c.who.mailbox.deliver(m, m.thread, "SENT")
	for _, a := range g.world.accounts {
		if !slices.ContainsFunc(recipients, func(address string) bool { return strings.EqualFold(address, a.email) }) {
			continue
		}
		if a == c.who {
			m.labels = append(m.labels, "INBOX", "UNREAD")
			continue
		}
		arrived := *m
		arrived.bcc = nil
		a.mailbox.deliver(&arrived, "", "INBOX", "UNREAD")
	}
	return ok(object{"id": m.id, "threadId": m.thread, "labelIds": m.labels})
}

func (b *mailbox) draft(id string) *draft {
	for _, d := range b.drafts {
		if d.id == id {
			return d
		}
	}
	return nil
}

// forget takes a draft and its message away.
func (b *mailbox) forget(d *draft) {
	b.drafts = slices.DeleteFunc(b.drafts, func(other *draft) bool { return other == d })
	b.messages = slices.DeleteFunc(b.messages, func(m *mail) bool { return m == d.message })
}

func draftShape(d *draft) object {
	return object{"id": d.id, "message": object{"id": d.message.id, "threadId": d.message.thread, "labelIds": d.message.labels}}
}

func (g *Google) listDrafts(c googleCall) apiReply {
	page, next, refusal := googlePage(c, c.who.mailbox.drafts, "maxResults", 100, 500, func(d *draft) string { return d.id })
	if refusal != nil {
		return *refusal
	}
	shown := []object{}
	for _, d := range page {
		shown = append(shown, draftShape(d))
	}
	return c.masked(withNext(object{"drafts": shown, "resultSizeEstimate": len(c.who.mailbox.drafts)}, next), "")
}

// getDraft shows a draft with its text: whoever wrote it may.
func (g *Google) getDraft(c googleCall) apiReply {
	found := c.who.mailbox.draft(c.PathValue("id"))
	if found == nil {
		return mailNotFound()
	}
	shape := draftShape(found)
	message := shape["message"].(object)
	message["snippet"], message["payload"] = found.message.snippet(), payload(found.message)
	return c.masked(shape, "")
}

// sentDraft is a draft as callers send one.
type sentDraft struct {
	ID      string   `json:"id"`
	Message sentMail `json:"message"`
}

func (g *Google) createDraft(c googleCall) apiReply {
	var sent sentDraft
	refusal := c.decode(&sent)
	if refusal != nil {
		return *refusal
	}
	m, refusal := g.composed(c, sent.Message)
	switch {
	case refusal != nil:
		return *refusal
	case len(c.who.mailbox.drafts) >= maxDraftMails:
		return googleRefusal(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "rateLimitExceeded", "Too many drafts", "Too many drafts")
	}
	c.who.mailbox.deliver(m, m.thread, "DRAFT")
	added := &draft{id: "r" + m.id, message: m}
	c.who.mailbox.drafts = append(c.who.mailbox.drafts, added)
	return ok(draftShape(added))
}

// updateDraft replaces a draft's message. The draft keeps its id, the message
// does not.
func (g *Google) updateDraft(c googleCall) apiReply {
	found := c.who.mailbox.draft(c.PathValue("id"))
	if found == nil {
		return mailNotFound()
	}
	var sent sentDraft
	refusal := c.decode(&sent)
	if refusal != nil {
		return *refusal
	}
	m, refusal := g.composed(c, sent.Message)
	if refusal != nil {
		return *refusal
	}
	c.who.mailbox.messages = slices.DeleteFunc(c.who.mailbox.messages, func(old *mail) bool { return old == found.message })
	c.who.mailbox.deliver(m, m.thread, "DRAFT")
	found.message = m
	return ok(draftShape(found))
}

func (g *Google) deleteDraft(c googleCall) apiReply {
	found := c.who.mailbox.draft(c.PathValue("id"))
	if found == nil {
		return mailNotFound()
	}
	c.who.mailbox.forget(found)
	return apiReply{status: http.StatusNoContent}
}

func (g *Google) sendDraft(c googleCall) apiReply {
	var sent sentDraft
	refusal := c.decode(&sent)
	if refusal != nil {
		return *refusal
	}
	found := c.who.mailbox.draft(sent.ID)
	if found == nil {
		return mailNotFound()
	}
	if len(slices.Concat(found.message.to, found.message.cc, found.message.bcc)) == 0 {
		return mailInvalid("Recipient address required")
	}
	c.who.mailbox.forget(found)
	thread := found.message.thread
	if thread == found.message.id {
		thread = ""
	}
	found.message.thread = thread
	return g.post(c, found.message)
}
