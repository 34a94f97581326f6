package simulator

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// gmailRoutes is every route of Gmail that exists here.
func (g *Google) gmailRoutes() {
	heads := []string{"gmail.metadata", "gmail.readonly", "gmail.modify"}
	reads := []string{"gmail.readonly", "gmail.modify"}
	drafts := []string{"gmail.compose", "gmail.modify"}
	me := "/gmail/v1/users/{user}"
	g.handleMail("GET "+me+"/profile", append(slices.Clone(heads), "gmail.compose"), g.mailProfile)
	g.handleMail("GET "+me+"/labels", heads, g.listLabels)
	g.handleMail("GET "+me+"/labels/{id}", heads, g.getLabel)
	g.handleMail("GET "+me+"/messages", heads, g.listMails)
	g.handleMail("GET "+me+"/messages/{id}", heads, g.getMail)
	g.handleMail("GET "+me+"/messages/{id}/attachments/{attachment}", reads, g.getAttachment)
	g.handleMail("GET "+me+"/threads", heads, g.listThreads)
	g.handleMail("GET "+me+"/threads/{id}", heads, g.getThread)
	g.handleMail("GET "+me+"/drafts", append(slices.Clone(drafts), "gmail.readonly"), g.listDrafts)
	g.handleMail("GET "+me+"/drafts/{id}", append(slices.Clone(drafts), "gmail.readonly"), g.getDraft)
	g.handleMail("POST "+me+"/drafts", drafts, g.createDraft)
	g.handleMail("PUT "+me+"/drafts/{id}", drafts, g.updateDraft)
	g.handleMail("DELETE "+me+"/drafts/{id}", drafts, g.deleteDraft)
	g.handleMail("POST "+me+"/drafts/send", drafts, g.sendDraft)
	g.handleMail("POST "+me+"/messages/send", append(slices.Clone(drafts), "gmail.send"), g.sendMail)
}

// handleMail registers a route of a person's own mailbox.
func (g *Google) handleMail(pattern string, anyOf []string, h googleHandler) {
	g.handle(pattern, anyOf, func(c googleCall) apiReply {
		if user := c.PathValue("user"); user != "me" && !strings.EqualFold(user, c.who.email) {
			return googleError(http.StatusForbidden, "forbidden", "Delegation denied for "+c.who.email)
		}
		return h(c)
	})
}

func mailNotFound() apiReply {
	return googleRefusal(http.StatusNotFound, "NOT_FOUND", "notFound", "Requested entity was not found.", "Requested entity was not found.")
}

func mailInvalid(message string) apiReply {
	return googleRefusal(http.StatusBadRequest, "INVALID_ARGUMENT", "invalidArgument", message, message)
}

// headsOnly reports whether the token reaches headers and no text.
func (c googleCall) headsOnly() bool { return !c.may("gmail.readonly", "gmail.modify") }

func (g *Google) mailProfile(c googleCall) apiReply {
	box := c.who.mailbox
	threads := map[string]bool{}
	for _, m := range box.messages {
		threads[m.thread] = true
	}
	return ok(object{"emailAddress": c.who.email, "messagesTotal": len(box.messages), "threadsTotal": len(threads), "historyId": strconv.Itoa(box.serial)})
}

func labelShape(l mailLabel) object {
	kind := "user"
	if l.system() {
		kind = "system"
	}
	return object{"id": l.id, "name": l.name, "type": kind}
}

func (g *Google) listLabels(c googleCall) apiReply {
	list := []object{}
	for _, l := range c.who.mailbox.labels {
		list = append(list, labelShape(l))
	}
	return c.masked(object{"labels": list}, "")
}

func (g *Google) getLabel(c googleCall) apiReply {
	found := c.who.mailbox.label(c.PathValue("id"))
	if found == nil {
		return mailNotFound()
	}
	shape, total, unread := labelShape(*found), 0, 0
	for _, m := range c.who.mailbox.messages {
		if slices.Contains(m.labels, found.id) {
			total++
			if slices.Contains(m.labels, "UNREAD") {
				unread++
			}
		}
	}
	shape["messagesTotal"], shape["messagesUnread"] = total, unread
	return c.masked(shape, "")
}

// mailsWanted applies labelIds, all of which a message must have, and q.
func (g *Google) mailsWanted(c googleCall) ([]*mail, *apiReply) {
	words := c.query.Get("q")
	if words != "" && c.headsOnly() {
		refusal := googleRefusal(http.StatusForbidden, "PERMISSION_DENIED", "forbidden", "Forbidden", "Metadata scope does not support 'q' parameter")
		return nil, &refusal
	}
	test, err := parseMailQuery(words, c.who.mailbox)
	if err != nil {
		refusal := mailInvalid(err.Error())
		return nil, &refusal
	}
	for _, id := range c.query["labelIds"] {
		if c.who.mailbox.label(id) == nil {
			refusal := mailInvalid("Invalid label: " + id)
			return nil, &refusal
		}
	}
	var list []*mail
	for _, m := range c.who.mailbox.messages {
		missing := slices.ContainsFunc(c.query["labelIds"], func(id string) bool { return !slices.Contains(m.labels, id) })
		binned := slices.Contains(m.labels, "TRASH") || slices.Contains(m.labels, "SPAM")
		if !missing && test(m) && (!binned || c.query.Get("includeSpamTrash") == "true") {
			list = append(list, m)
		}
	}
	slices.Reverse(list)
	return list, nil
}

// parseMailQuery reads the part of Gmail's search that exists here: words,
// from:, to:, subject:, label:, in: and is:unread, all of which must hold.
func parseMailQuery(text string, box *mailbox) (func(*mail) bool, error) {
	var tests []func(*mail) bool
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		operator, value, has := strings.Cut(word, ":")
		value = strings.Trim(value, `"`)
		switch {
		case !has:
			word = strings.Trim(word, `"`)
			tests = append(tests, func(m *mail) bool { return strings.Contains(strings.ToLower(m.subject+" "+m.text+" "+m.from), word) })
		case operator == "from":
			tests = append(tests, func(m *mail) bool { return strings.Contains(strings.ToLower(m.from), value) })
		case operator == "to":
			tests = append(tests, func(m *mail) bool { return strings.Contains(strings.ToLower(strings.Join(m.to, " ")), value) })
		case operator == "subject":
			tests = append(tests, func(m *mail) bool { return strings.Contains(strings.ToLower(m.subject), value) })
		case operator == "label", operator == "in", operator == "is" && value == "unread":
			at := slices.IndexFunc(box.labels, func(l mailLabel) bool { return strings.EqualFold(l.name, value) })
			tests = append(tests, func(m *mail) bool { return at >= 0 && slices.Contains(m.labels, box.labels[at].id) })
		default:
			return nil, fmt.Errorf("not simulated: %s:", operator)
		}
	}
	return func(m *mail) bool {
		return !slices.ContainsFunc(tests, func(test func(*mail) bool) bool { return !test(m) })
	}, nil
}

func (g *Google) listMails(c googleCall) apiReply {
	list, refusal := g.mailsWanted(c)
	if refusal != nil {
		return *refusal
	}
	page, next, refusal := googlePage(c, list, "maxResults", 100, 500, func(m *mail) string { return m.id })
	if refusal != nil {
		return *refusal
	}
	body := object{"resultSizeEstimate": len(list)}
	shown := []object{}
	for _, m := range page {
		shown = append(shown, object{"id": m.id, "threadId": m.thread})
	}
	if len(shown) > 0 {
		body["messages"] = shown // Gmail leaves an empty list out
	}
	return c.masked(withNext(body, next), "")
}

func (g *Google) listThreads(c googleCall) apiReply {
	list, refusal := g.mailsWanted(c)
	if refusal != nil {
		return *refusal
	}
	var first []*mail // of each thread
	for _, m := range list {
		if !slices.ContainsFunc(first, func(other *mail) bool { return other.thread == m.thread }) {
			first = append(first, m)
		}
	}
	page, next, refusal := googlePage(c, first, "maxResults", 100, 500, func(m *mail) string { return m.thread })
	if refusal != nil {
		return *refusal
	}
	shown := []object{}
	for _, m := range page {
		shown = append(shown, object{"id": m.thread, "snippet": m.snippet(), "historyId": strconv.Itoa(m.history)})
	}
	return c.masked(withNext(object{"threads": shown, "resultSizeEstimate": len(first)}, next), "")
}

func (g *Google) getThread(c googleCall) apiReply {
	messages := c.who.mailbox.threadOf(c.PathValue("id"))
	if len(messages) == 0 {
		return mailNotFound()
	}
	shown := []object{}
	for _, m := range messages {
		shape, refusal := mailShape(c, m)
		if refusal != nil {
			return *refusal
		}
		shown = append(shown, shape)
	}
	return c.masked(object{"id": c.PathValue("id"), "historyId": strconv.Itoa(messages[len(messages)-1].history), "messages": shown}, "")
}

func (g *Google) getMail(c googleCall) apiReply {
	found := c.who.mailbox.message(c.PathValue("id"))
	if found == nil {
		return mailNotFound()
	}
	shape, refusal := mailShape(c, found)
	if refusal != nil {
		return *refusal
	}
	return c.masked(shape, "")
}

// mailShape is a message in the format asked for. A token that reaches only
// headers gets no other.
func mailShape(c googleCall, m *mail) (object, *apiReply) {
	format := c.query.Get("format")
	if format == "" {
		format = "full"
		if c.headsOnly() {
			format = "metadata"
		}
	}
	if c.headsOnly() && (format == "full" || format == "raw") {
		refusal := googleRefusal(http.StatusForbidden, "PERMISSION_DENIED", "forbidden", "Forbidden", "Metadata scope doesn't allow format "+strings.ToUpper(format))
		return nil, &refusal
	}
	shape := object{"id": m.id, "threadId": m.thread, "labelIds": m.labels, "historyId": strconv.Itoa(m.history),
		"internalDate": strconv.FormatInt(m.date.UnixMilli(), 10), "sizeEstimate": len(m.source())}
	if !c.headsOnly() {
		shape["snippet"] = m.snippet()
	}
	switch format {
	case "minimal":
	case "raw":
		shape["raw"] = base64.URLEncoding.EncodeToString(m.source())
	case "metadata":
		shape["payload"] = object{"mimeType": m.kind(), "headers": headerShape(m, c.query["metadataHeaders"])}
	case "full":
		shape["payload"] = payload(m)
	default:
		refusal := mailInvalid("Invalid value at 'format'")
		return nil, &refusal
	}
	return shape, nil
}

func (m *mail) kind() string {
	if len(m.attachments) > 0 {
		return "multipart/mixed"
	}
	return "text/plain"
}

// headerShape are the headers, or those that were asked for.
func headerShape(m *mail, only []string) []object {
	list := []object{}
	for _, line := range m.header() {
		if len(only) == 0 || slices.ContainsFunc(only, func(name string) bool { return strings.EqualFold(name, line[0]) }) {
			list = append(list, object{"name": line[0], "value": line[1]})
		}
	}
	return list
}

// payload is a message cut into its parts.
func payload(m *mail) object {
	text := object{"size": len(m.text), "data": base64.URLEncoding.EncodeToString([]byte(m.text))}
	shape := object{"partId": "", "mimeType": m.kind(), "filename": "", "headers": headerShape(m, nil), "body": text}
	if len(m.attachments) == 0 {
		return shape
	}
	parts := []object{{"partId": "0", "mimeType": "text/plain", "filename": "", "headers": []object{}, "body": text}}
	for i, a := range m.attachments {
		parts = append(parts, object{"partId": strconv.Itoa(i + 1), "mimeType": a.kind, "filename": a.name,
			"headers": []object{{"name": "Content-Disposition", "value": "attachment; filename=" + strconv.Quote(a.name)}},
			"body":    object{"attachmentId": attachmentID(m, i), "size": len(a.content)}})
	}
	shape["body"], shape["parts"] = object{"size": 0}, parts
	return shape
}

func attachmentID(m *mail, i int) string { return fmt.Sprintf("ANGj%s-%d", m.id, i) }

func (g *Google) getAttachment(c googleCall) apiReply {
	found := c.who.mailbox.message(c.PathValue("id"))
	if found == nil {
		return mailNotFound()
	}
	for i, a := range found.attachments {
		if attachmentID(found, i) == c.PathValue("attachment") {
			return ok(object{"attachmentId": c.PathValue("attachment"), "size": len(a.content), "data": base64.URLEncoding.EncodeToString(a.content)})
		}
	}
	return mailInvalid("Invalid attachment token")
}
