package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	slackTeam   = "T01NORTHWD"
	slackApp    = "A01SIMAPP1"
	slackBot    = "U01DEPBOT9"
	slackAppBot = "B01DEPBOT9"

	maxMessages = 500
)

// member is a person in the workspace.
type member struct {
	id, name, realName string
	bot                bool
}

// channel is a public or private channel or a direct message.
type channel struct {
	id       string
	name     string // "" for a direct message
	topic    string
	private  bool
	direct   bool
	archived bool
	members  []string
	created  time.Time
	messages []*message // oldest first
	lastTick int64      // microseconds of the newest timestamp
}

// message is one message.
type message struct {
	ts, thread string // thread is the ts of the message it answers
	user       string
	text       string
}

// kind is the channel's type as Slack's `types` parameter spells it.
func (c *channel) kind() string {
	switch {
	case c.direct:
		return "im"
	case c.private:
		return "private_channel"
	}
	return "public_channel"
}

// family is the first half of the scopes that guard this kind of channel.
func family(kind string) string {
	switch kind {
	case "im":
		return "im"
	case "mpim":
		return "mpim"
	case "private_channel":
		return "groups"
	}
	return "channels"
}

func (c *channel) has(user string) bool { return slices.Contains(c.members, user) }

// visible reports whether this person may know the channel exists.
func (c *channel) visible(user string) bool { return c.has(user) || !c.private && !c.direct }

// workspace is everything that exists at the simulated Slack.
type workspace struct {
	members  []*member
	channels []*channel
	files    []sharedFile
}

// newWorkspace makes the same workspace every time, dated from now.
func newWorkspace(now time.Time) *workspace {
	ana, ben := "U01ANA0001", "U01BEN0002"
	w := &workspace{members: []*member{
		{id: ana, name: "ana", realName: "Ana Ferreira"},
		{id: ben, name: "ben", realName: "Ben Okafor"},
		{id: slackBot, name: "deputy", realName: "Deputy", bot: true},
	}}
	start := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -2)
	both, onlyAna, onlyBen := []string{ana, ben}, []string{ana}, []string{ben}
	say := func(id, name, topic string, members []string, lines ...string) *channel {
		c := &channel{id: id, name: name, topic: topic, members: slices.Clone(members), created: start.AddDate(-1, 0, 0)}
		w.channels = append(w.channels, c)
		for i, line := range lines {
			author, text, _ := strings.Cut(line, ": ")
			c.post(w.named(author).id, text, "", start.Add(time.Duration(i)*17*time.Minute))
		}
		return c
	}
	say("C01GENERAL", "general", "Company-wide announcements", both,
		"ana: Good morning, everybody", "ben: The office is closed on Friday", "ana: Thanks for telling us")
	say("C01RELEASE", "releases", "What went out, and when", both,
		"ana: Release 2.4 is cut", "ben: Release notes are in acme/docs", "ana: 2.4 is live, all checks are green", "ben: Rolling 2.4 out to everybody")
	say("C01RANDOM1", "random", "Anything else", both, "ben: Who left the kettle on?", "ana: Not me this time")
	say("C01DEPLOYS", "deploys", "Machines talking", onlyAna,
		"ana: web deployed to production", "ana: api deployed to staging", "ana: api deployed to production")
	say("C01NORTHOF", "north-office", "Only for the north office", onlyBen, "ben: The printer works again")
	say("C01OLDSITE", "old-website", "Kept for reading", both, "ana: This channel is closed now").archived = true
	say("G01LEADERS", "leadership", "Budget and people", onlyAna, "ana: The budget for next year is in the folder").private = true
	say("D01ANABEN1", "", "", both, "ana: Lunch at one?", "ben: Yes").direct = true
	say("D01ANANOTE", "", "", onlyAna, "ana: Buy oats").direct = true
	w.seedFiles(ana, ben)
	return w
}

// post adds a message and forgets the oldest beyond the limit. A timestamp is
// a message's id within its channel, so no two there are the same.
func (c *channel) post(user, text, thread string, at time.Time) *message {
	c.lastTick = max(c.lastTick+1, at.UnixMicro())
	m := &message{ts: fmt.Sprintf("%d.%06d", c.lastTick/1e6, c.lastTick%1e6), thread: thread, user: user, text: text}
	c.messages = append(c.messages, m)
	if len(c.messages) > maxMessages {
		c.messages = slices.Clone(c.messages[len(c.messages)-maxMessages:])
	}
	return m
}

// person finds a member by id.
func (w *workspace) person(id string) *member {
	for _, m := range w.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

// named finds a member by name.
func (w *workspace) named(name string) *member {
	for _, m := range w.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

// people are the names that can sign in.
func (w *workspace) people() []string {
	var names []string
	for _, m := range w.members {
		if !m.bot {
			names = append(names, m.name)
		}
	}
	return names
}

// channel finds a channel by id.
func (w *workspace) channel(id string) *channel {
	for _, c := range w.channels {
		if c.id == id {
			return c
		}
	}
	return nil
}

// addressed finds where a message goes. Like Slack it takes more than ids: a
// channel's name, with or without #, and a person's id, which opens a direct
// message.
func (w *workspace) addressed(to, from string, now time.Time) *channel {
	found := w.channel(to)
	if found != nil {
		return found
	}
	other := w.person(to)
	if other == nil {
		for _, c := range w.channels {
			if c.name != "" && c.name == strings.TrimPrefix(to, "#") {
				return c
			}
		}
		return nil
	}
	for _, c := range w.channels {
		if c.direct && slices.Equal(sorted(c.members), sorted([]string{from, to})) {
			return c
		}
	}
	opened := &channel{id: fmt.Sprintf("D01OPENED%d", len(w.channels)), direct: true, members: []string{from, to}, created: now}
	w.channels = append(w.channels, opened)
	return opened
}

// message finds a message by its timestamp.
func (c *channel) message(ts string) *message {
	for _, m := range c.messages {
		if m.ts == ts {
			return m
		}
	}
	return nil
}
