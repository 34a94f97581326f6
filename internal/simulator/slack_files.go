package simulator

import "slices"

// sharedFile is a file, with the channels it was shared in.
type sharedFile struct {
	id, name, kind, user, text string
	channels                   []string
}

// seedFiles puts one file into a public and a private channel, and one elsewhere.
func (w *workspace) seedFiles(ana, ben string) {
	w.files = []sharedFile{
		{"F01HOLIDAYS", "holidays.txt", "text/plain", ana, "Closed on Friday.\n", []string{"C01GENERAL", "G01LEADERS"}},
		{"F01KETTLE1", "kettle.txt", "text/plain", ben, "It was me.\n", []string{"C01RANDOM1"}},
	}
}

// fileShape is a file as this person sees it: without the channels they are not in.
func (w *workspace) fileShape(f sharedFile, viewer string, at int64) object {
	public, private := []string{}, []string{}
	for _, id := range f.channels {
		switch ch := w.channel(id); {
		case !ch.visible(viewer):
		case ch.private:
			private = append(private, id)
		default:
			public = append(public, id)
		}
	}
	return object{
		"id": f.id, "created": at, "timestamp": at, "name": f.name, "title": f.name, "mimetype": f.kind, "filetype": "text", "pretty_type": "Plain Text",
		"user": f.user, "size": len(f.text), "mode": "snippet", "is_public": len(public) > 0, "preview": f.text,
		"channels": public, "groups": private, "ims": []string{},
		"url_private": "https://files.slack.com/files-pri/" + slackTeam + "-" + f.id + "/" + f.name, "permalink_public": "https://slack-files.com/" + slackTeam + "-" + f.id + "-ab12",
		"permalink": "https://northwind.slack.com/files/" + f.user + "/" + f.id + "/" + f.name,
	}
}

// sees reports whether the person is somewhere the file was shared.
func (w *workspace) sees(f sharedFile, viewer string) bool {
	return slices.ContainsFunc(f.channels, func(id string) bool { return w.channel(id).visible(viewer) })
}

func (s *Slack) filesList(c slackCall) object {
	missing := c.lacks("files:read")
	if missing != nil {
		return missing
	}
	at := c.args.Get("channel")
	if at != "" && (s.world.channel(at) == nil || !s.world.channel(at).visible(c.user.id)) {
		return refusal("channel_not_found")
	}
	count, page := min(positive(c.args.Get("count"), 100), 1000), positive(c.args.Get("page"), 1)
	shown, total := []object{}, 0
	for _, f := range s.world.files {
		if !s.world.sees(f, c.user.id) || at != "" && !slices.Contains(f.channels, at) {
			continue
		}
		if total/count+1 == page {
			shown = append(shown, s.world.fileShape(f, c.user.id, s.cfg.Now().Unix()))
		}
		total++
	}
	return object{"ok": true, "files": shown, "paging": object{"count": count, "total": total, "page": page, "pages": (total + count - 1) / count}}
}

func (s *Slack) filesInfo(c slackCall) object {
	missing := c.lacks("files:read")
	if missing != nil {
		return missing
	}
	for _, f := range s.world.files {
		if f.id == c.args.Get("file") && s.world.sees(f, c.user.id) {
			return object{"ok": true, "file": s.world.fileShape(f, c.user.id, s.cfg.Now().Unix()), "content": f.text, "is_truncated": false, "comments": []object{}}
		}
	}
	return refusal("file_not_found")
}
