package simulator

import (
	"slices"
)

func (s *Slack) usersConversations(c slackCall) object {
	return s.listChannels(c, func(ch *channel) bool { return ch.has(c.user.id) })
}

func (s *Slack) conversationsList(c slackCall) object {
	return s.listChannels(c, func(ch *channel) bool { return ch.visible(c.user.id) })
}

// listChannels lists the channels of the kinds asked for. Each kind needs its
// own scope.
func (s *Slack) listChannels(c slackCall, in func(*channel) bool) object {
	kinds := commaList(c.args.Get("types"))
	if len(kinds) == 0 {
		kinds = []string{"public_channel"}
	}
	for _, kind := range kinds {
		if !slices.Contains([]string{"public_channel", "private_channel", "im", "mpim"}, kind) {
			return refusal("invalid_types")
		}
		missing := c.lacks(family(kind) + ":read")
		if missing != nil {
			return missing
		}
	}
	hideArchived := c.args.Get("exclude_archived")
	var list []*channel
	for _, ch := range s.world.channels {
		if slices.Contains(kinds, ch.kind()) && in(ch) && (!ch.archived || hideArchived != "true" && hideArchived != "1") {
			list = append(list, ch)
		}
	}
	page, next, ok := slackPage(c.args, list, func(ch *channel) string { return ch.id })
	if !ok {
		return refusal("invalid_cursor")
	}
	shown := []object{}
	for _, ch := range page {
		shown = append(shown, channelShape(ch, c.user.id))
	}
	return object{"ok": true, "channels": shown, "response_metadata": object{"next_cursor": next}}
}

// channelShape is a channel as this person sees it.
func channelShape(ch *channel, viewer string) object {
	created := ch.created.Unix()
	if ch.direct {
		other := ch.members[0]
		if other == viewer && len(ch.members) > 1 {
			other = ch.members[1]
		}
		return object{"id": ch.id, "created": created, "is_archived": false, "is_im": true, "is_org_shared": false,
			"context_team_id": slackTeam, "updated": created * 1000, "user": other, "is_user_deleted": false, "priority": 0}
	}
	words := func(text string) object { return object{"value": text, "creator": ch.members[0], "last_set": created} }
	return object{
		"id": ch.id, "name": ch.name, "name_normalized": ch.name, "is_channel": !ch.private, "is_group": ch.private, "is_im": false,
		"is_mpim": false, "is_private": ch.private, "created": created, "is_archived": ch.archived, "is_general": ch.name == "general",
		"unlinked": 0, "is_shared": false, "is_org_shared": false, "is_pending_ext_shared": false, "pending_shared": []string{},
		"context_team_id": slackTeam, "updated": created * 1000, "parent_conversation": nil, "creator": ch.members[0],
		"is_ext_shared": false, "shared_team_ids": []string{slackTeam}, "is_member": ch.has(viewer), "topic": words(ch.topic),
		"purpose": words(ch.topic), "previous_names": []string{}, "num_members": len(ch.members),
	}
}

// reach finds the channel a call names and checks what the caller may do
// there: right is the second half of the scope, read or history.
func (s *Slack) reach(c slackCall, right string) (*channel, object) {
	// Unlike chat.postMessage these methods take ids only.
	found := s.world.channel(c.args.Get("channel"))
	if found == nil || !found.visible(c.user.id) {
		return nil, refusal("channel_not_found")
	}
	missing := c.lacks(family(found.kind()) + ":" + right)
	if missing != nil {
		return nil, missing
	}
	// A person may read any public channel; a bot only where it was invited.
	if right == "history" && c.user.bot && !found.has(c.user.id) {
		return nil, refusal("not_in_channel")
	}
	return found, nil
}

func (s *Slack) conversationsInfo(c slackCall) object {
	found, refused := s.reach(c, "read")
	if refused != nil {
		return refused
	}
	return object{"ok": true, "channel": channelShape(found, c.user.id)}
}
