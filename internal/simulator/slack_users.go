package simulator

func (s *Slack) usersInfo(c slackCall) object {
	missing := c.lacks("users:read")
	if missing != nil {
		return missing
	}
	found := s.world.person(c.args.Get("user"))
	if found == nil {
		return refusal("user_not_found")
	}
	return object{"ok": true, "user": memberShape(found, c.scopes)}
}

func (s *Slack) usersList(c slackCall) object {
	missing := c.lacks("users:read")
	if missing != nil {
		return missing
	}
	page, next, ok := slackPage(c.args, s.world.members, func(m *member) string { return m.id })
	if !ok {
		return refusal("invalid_cursor")
	}
	shown := []object{}
	for _, m := range page {
		shown = append(shown, memberShape(m, c.scopes))
	}
	return object{"ok": true, "members": shown, "cache_ts": 1763942400, "response_metadata": object{"next_cursor": next}}
}

// memberShape is a person. The address is there for whoever may see it.
func memberShape(m *member, scopes []string) object {
	profile := object{
		"real_name": m.realName, "real_name_normalized": m.realName, "display_name": m.name, "display_name_normalized": m.name,
		"title": "", "phone": "+351 555 0100", "skype": "", "status_text": "", "status_emoji": "", "avatar_hash": "g" + m.name, "team": slackTeam,
		"image_24":  "https://secure.gravatar.com/avatar/" + m.id + ".jpg?s=24",
		"image_192": "https://secure.gravatar.com/avatar/" + m.id + ".jpg?s=192",
	}
	if holds(scopes, "users:read.email") {
		profile["email"] = m.name + "@northwind.example"
	}
	return object{
		"id": m.id, "team_id": slackTeam, "name": m.name, "deleted": false, "color": "9f69e7", "real_name": m.realName,
		"tz": "Europe/Lisbon", "tz_label": "Western European Time", "tz_offset": 0, "is_admin": false, "is_owner": false,
		"is_primary_owner": false, "is_restricted": false, "is_ultra_restricted": false, "is_bot": m.bot, "is_app_user": false,
		"updated": 1763942400, "is_email_confirmed": true, "who_can_share_contact_card": "EVERYONE", "profile": profile,
	}
}
