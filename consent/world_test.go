package consent_test

import (
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// The scopes these tests ask for.
const (
	readRepos    consent.ScopeName = "services.github.repositories.read"
	writeRepos   consent.ScopeName = "services.github.repositories.write"
	deleteRepos  consent.ScopeName = "services.github.repositories.delete"
	readAccount  consent.ScopeName = "services.github.account.read"
	readPackages consent.ScopeName = "services.github.packages.read"
	readChannels consent.ScopeName = "services.slack.channels.read"
	postMessages consent.ScopeName = "services.slack.messages.write"
	readFiles    consent.ScopeName = "services.google.drive.files.read"
	readProfile  consent.ScopeName = "identity.profile.read"
)

const (
	repository consent.ResourceType = "github.repository"
	channel    consent.ResourceType = "slack.channel"
	folder     consent.ResourceType = "google.folder"
)

const (
	day  = 24 * time.Hour
	asha = consent.UserID("asha")
	bot  = consent.AppID("bot")
)

// noon is the moment of every decision in these tests.
func noon() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

// vocabulary returns a fresh catalogue: three providers, every class of access,
// every rule of narrowing, and implications over two steps.
func vocabulary() consent.Vocabulary {
	scopes := []consent.Scope{
		{
			Name: readRepos, Provider: "github", Access: consent.Read, Narrowing: consent.NarrowingRequired,
			Resources: []consent.ResourceType{"github.organization", repository},
			Needs:     map[string][]string{"app": {"contents"}, "token": {"repo"}},
		},
		{
			Name: writeRepos, Provider: "github", Access: consent.Write, Narrowing: consent.NarrowingRequired,
			Implies:   []consent.ScopeName{readRepos},
			Resources: []consent.ResourceType{"github.organization", repository},
			Needs:     map[string][]string{"app": {"contents", "contents:write"}, "token": {"repo"}},
		},
		{
			Name: deleteRepos, Provider: "github", Access: consent.Destructive, Narrowing: consent.NarrowingRequired,
			Implies: []consent.ScopeName{writeRepos}, MaxLifetime: day,
			Resources: []consent.ResourceType{"github.organization", repository},
			Needs:     map[string][]string{"app": {"contents", "contents:write", "administration"}},
		},
		{
			Name: readAccount, Provider: "github", Access: consent.Read, Narrowing: consent.NarrowingNone,
			Needs: map[string][]string{"app": {}, "token": {"user"}},
		},
		{
			Name: readPackages, Provider: "github", Access: consent.Read, Narrowing: consent.NarrowingRequired,
			Resources: []consent.ResourceType{"github.organization", "github.package"},
			Needs:     map[string][]string{"app": {"packages"}},
		},
		{
			Name: readChannels, Provider: "slack", Access: consent.Read, Narrowing: consent.NarrowingRequired,
			Resources: []consent.ResourceType{channel},
			Needs:     map[string][]string{"app": {"channels:read", "channels:history"}},
		},
		{
			Name: postMessages, Provider: "slack", Access: consent.Write, Narrowing: consent.NarrowingRequired,
			Resources: []consent.ResourceType{channel},
			Needs:     map[string][]string{"app": {"chat:write"}},
		},
		{
			Name: readFiles, Provider: "google", Access: consent.Read, Narrowing: consent.NarrowingOptional,
			Resources: []consent.ResourceType{folder},
			Needs:     map[string][]string{"app": {"drive.readonly"}},
		},
		{Name: readProfile, Access: consent.Read, Narrowing: consent.NarrowingNone},
		{Name: consent.OpenID, Access: consent.Read, Narrowing: consent.NarrowingNone},
		{Name: consent.OfflineAccess, Access: consent.Read, Modifier: true, Narrowing: consent.NarrowingNone},
		{Name: consent.Background, Access: consent.Read, Modifier: true, Narrowing: consent.NarrowingNone, Rate: consent.Rate{Daily: 100}},
		{
			Name: consent.Recurring, Access: consent.Read, Modifier: true, Narrowing: consent.NarrowingNone,
			Implies: []consent.ScopeName{consent.Background}, Rate: consent.Rate{Daily: 1000, Every: time.Hour},
		},
		{Name: consent.UnattendedWrites, Access: consent.Write, Modifier: true, Narrowing: consent.NarrowingNone, Rate: consent.Rate{Daily: 50}},
	}
	v := consent.Vocabulary{}
	for _, s := range scopes {
		v[s.Name] = s
	}
	return v
}

// names lists the vocabulary in a fixed order.
func names() []consent.ScopeName {
	return []consent.ScopeName{
		readRepos, writeRepos, deleteRepos, readAccount, readPackages, readChannels, postMessages, readFiles, readProfile,
		consent.OpenID, consent.OfflineAccess, consent.Background, consent.Recurring, consent.UnattendedWrites,
	}
}

// asks returns bot's request to asha for the named scopes.
func asks(scopes ...consent.ScopeName) consent.Request {
	req := consent.Request{User: asha, App: bot, Vocabulary: vocabulary(), Proven: true}
	for _, name := range scopes {
		req.Asked = append(req.Asked, req.Vocabulary[name])
	}
	return req
}

func repo(name string) consent.Resource {
	return consent.Resource{Type: repository, ID: "R_" + name, Name: "acme/" + name}
}

func only(resources ...consent.Resource) consent.Limit { return consent.Limit{Resources: resources} }

// octocat is asha's GitHub account, holding the given provider scopes.
func octocat(holds ...string) consent.Connection {
	return consent.Connection{
		ID: "octocat", User: asha, Provider: "github", Variant: "app", Login: "octocat", Granted: holds, Health: consent.Healthy,
	}
}

// acme is asha's Slack account, holding the given provider scopes.
func acme(holds ...string) consent.Connection {
	return consent.Connection{
		ID: "acme", User: asha, Provider: "slack", Variant: "app", Login: "asha@acme", Granted: holds, Health: consent.Healthy,
	}
}

func with(c consent.Connection, h consent.Health) consent.Connection {
	c.Health = h
	return c
}

// agreed is what asha agreed to for bot.
func agreed(items ...consent.Item) consent.Grant {
	return consent.Grant{ID: "grant", User: asha, App: bot, Items: items}
}

// yes is an item that stands for ten more days.
func yes(s consent.ScopeName, on consent.ConnectionID, l consent.Limit) consent.Item {
	return consent.Item{Scope: s, Connection: on, Limit: l, Since: noon().Add(-20 * day), Until: noon().Add(10 * day)}
}

// over is the item as it is on the day after its end.
func over(it consent.Item) consent.Item {
	it.Until = noon().Add(-day)
	return it
}
