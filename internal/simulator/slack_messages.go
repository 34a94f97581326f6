package simulator

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

const maxText = 40000

// messageShape is a message as history shows it.
func messageShape(ch *channel, m *message) object {
	shape := object{"type": "message", "user": m.user, "text": m.text, "ts": m.ts, "team": slackTeam}
	if m.thread != "" {
		shape["thread_ts"], shape["parent_user_id"] = m.thread, ""
		parent := ch.message(m.thread)
		if parent != nil {
			shape["parent_user_id"] = parent.user
		}
		return shape
	}
	replies, last := 0, ""
	for _, other := range ch.messages {
		if other.thread == m.ts {
			replies, last = replies+1, other.ts
		}
	}
	if replies > 0 {
		shape["thread_ts"], shape["reply_count"], shape["latest_reply"] = m.ts, replies, last
	}
	return shape
}

// conversationsHistory lists messages, newest first, without what was said in
// threads.
func (s *Slack) conversationsHistory(c slackCall) object {
	found, refused := s.reach(c, "history")
	if refused != nil {
		return refused
	}
	var list []*message
	for _, m := range found.messages {
		if m.thread == "" && between(m.ts, c) {
			list = append(list, m)
		}
	}
	slices.Reverse(list)
	reply := messagePage(c, found, list)
	reply["pin_count"] = 0
	return reply
}

// conversationsReplies lists a thread, oldest first, beginning with the
// message it answers.
func (s *Slack) conversationsReplies(c slackCall) object {
	found, refused := s.reach(c, "history")
	if refused != nil {
		return refused
	}
	if found.message(c.args.Get("ts")) == nil {
		return refusal("thread_not_found")
	}
	var list []*message
	for _, m := range found.messages {
		if m.ts == c.args.Get("ts") || m.thread == c.args.Get("ts") {
			list = append(list, m)
		}
	}
	return messagePage(c, found, list)
}

// messagePage cuts one page. A last page has no cursor at all.
func messagePage(c slackCall, ch *channel, list []*message) object {
	page, next, ok := slackPage(c.args, list, func(m *message) string { return m.ts })
	if !ok {
		return refusal("invalid_cursor")
	}
	shown := []object{}
	for _, m := range page {
		shown = append(shown, messageShape(ch, m))
	}
	reply := object{"ok": true, "messages": shown, "has_more": next != ""}
	if next != "" {
		reply["response_metadata"] = object{"next_cursor": next}
	}
	return reply
}

// between applies oldest, latest and inclusive.
func between(ts string, c slackCall) bool {
	inclusive := c.args.Get("inclusive") == "true" || c.args.Get("inclusive") == "1"
	oldest, latest := c.args.Get("oldest"), c.args.Get("latest")
	if oldest != "" && (compareTS(ts, oldest) < 0 || !inclusive && compareTS(ts, oldest) == 0) {
		return false
	}
	return latest == "" || compareTS(ts, latest) < 0 || inclusive && compareTS(ts, latest) == 0
}

// compareTS orders timestamps. Both halves count: as floating point numbers
// they would lose their last digits.
func compareTS(a, b string) int {
	secondsA, microsA, _ := strings.Cut(a, ".")
	secondsB, microsB, _ := strings.Cut(b, ".")
	return cmp.Or(cmp.Compare(whole(secondsA), whole(secondsB)), cmp.Compare(whole(microsA), whole(microsB)))
}

func whole(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// postMessage sends a message. Like Slack it takes channel names and the ids
// of people as well as channel ids.
func (s *Slack) postMessage(c slackCall) object {
	missing := c.lacks("chat:write")
	if missing != nil {
		return missing
	}
	text := c.args.Get("text")
	switch {
	case text == "" && c.args.Get("blocks") == "" && c.args.Get("attachments") == "":
		return refusal("no_text")
	case len(text) > maxText:
		return refusal("msg_too_long")
	}
	now := s.cfg.Now()
	found := s.world.addressed(c.args.Get("channel"), c.user.id, now)
	switch {
	case found == nil || !found.visible(c.user.id):
		return refusal("channel_not_found")
	case found.archived:
		return refusal("is_archived")
	case !found.has(c.user.id):
		return refusal("not_in_channel")
	}
	thread := c.args.Get("thread_ts")
	if thread != "" && found.message(thread) == nil {
		return refusal("thread_not_found")
	}
	sent := found.post(c.user.id, text, thread, now)
	shape := messageShape(found, sent)
	shape["app_id"], shape["bot_id"] = slackApp, slackAppBot
	return object{"ok": true, "channel": found.id, "ts": sent.ts, "message": shape}
}

// authored finds a message that a call names and may change: a person's own.
func (s *Slack) authored(c slackCall, refusedAs string) (*channel, *message, object) {
	if missing := c.lacks("chat:write"); missing != nil {
		return nil, nil, missing
	}
	// Unlike chat.postMessage these methods take ids only.
	found := s.world.channel(c.args.Get("channel"))
	if found == nil || !found.visible(c.user.id) {
		return nil, nil, refusal("channel_not_found")
	}
	m := found.message(c.args.Get("ts"))
	switch {
	case m == nil:
		return nil, nil, refusal("message_not_found")
	case m.user != c.user.id:
		return nil, nil, refusal(refusedAs)
	}
	return found, m, nil
}

// updateMessage gives a message another text.
func (s *Slack) updateMessage(c slackCall) object {
	found, m, refused := s.authored(c, "cant_update_message")
	text := c.args.Get("text")
	switch {
	case refused != nil:
		return refused
	case text == "" && c.args.Get("blocks") == "" && c.args.Get("attachments") == "":
		return refusal("no_text")
	case len(text) > maxText:
		return refusal("msg_too_long")
	}
	m.text = text
	return object{"ok": true, "channel": found.id, "ts": m.ts, "text": m.text, "message": messageShape(found, m)}
}

// deleteMessage takes a message away. What answered it stays.
func (s *Slack) deleteMessage(c slackCall) object {
	found, m, refused := s.authored(c, "cant_delete_message")
	if refused != nil {
		return refused
	}
	found.messages = slices.DeleteFunc(found.messages, func(other *message) bool { return other == m })
	return object{"ok": true, "channel": found.id, "ts": m.ts}
}
