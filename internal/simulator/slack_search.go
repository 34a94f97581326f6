package simulator

import (
	"slices"
	"strings"
)

// searchMessages finds messages that have every word, in everything the person can
// see, newest first. Of Slack's own search language it knows nothing.
func (s *Slack) searchMessages(c slackCall) object {
	missing := c.lacks("search:read")
	if missing != nil {
		return missing
	}
	words := strings.Fields(strings.ToLower(c.args.Get("query")))
	if len(words) == 0 {
		return refusal("no_query")
	}
	found := []object{}
	for _, ch := range s.world.channels {
		if !ch.visible(c.user.id) {
			continue
		}
		for _, m := range ch.messages {
			text := strings.ToLower(m.text)
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
				found = append(found, matchShape(s, ch, m))
			}
		}
	}
	slices.SortStableFunc(found, func(a, b object) int { return compareTS(b["ts"].(string), a["ts"].(string)) })
	count, page := min(positive(c.args.Get("count"), 20), 100), positive(c.args.Get("page"), 1)
	from := min((page-1)*count, len(found))
	pages := (len(found) + count - 1) / count
	return object{"ok": true, "query": c.args.Get("query"), "messages": object{
		"total": len(found), "paging": object{"count": count, "total": len(found), "page": page, "pages": pages},
		"pagination": object{"total_count": len(found), "page": page, "per_page": count, "page_count": pages},
		"matches":    found[from:min(from+count, len(found))],
	}}
}

// matchShape is a message that was found, with what was said around it.
func matchShape(s *Slack, ch *channel, m *message) object {
	author := s.world.person(m.user)
	return object{
		"iid": ch.id + m.ts, "team": slackTeam, "score": 0, "type": "message", "user": m.user, "username": author.name, "ts": m.ts, "text": m.text,
		"channel":   object{"id": ch.id, "name": ch.name, "is_private": ch.private, "is_im": ch.direct, "is_mpim": false},
		"permalink": "https://northwind.slack.com/archives/" + ch.id + "/p" + strings.ReplaceAll(m.ts, ".", ""),
		"previous":  object{"text": "what was said before"}, "next": object{"text": "what was said after"},
	}
}
