package consent_test

import (
	"slices"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

type story struct {
	name        string
	req         consent.Request
	connections []consent.Connection
	grants      []consent.Grant
}

func stories() []story {
	return slices.Concat(storiesOfAsking(), storiesOfAccounts(), storiesOfDetails(), storiesOfEnds(), storiesOfAdmins(), storiesOfChanges())
}

// storiesOfAsking are about what the app asks and what was answered before.
func storiesOfAsking() []story {
	both := []consent.Connection{octocat("contents", "contents:write"), acme("chat:write")}
	standing := agreed(yes(readRepos, "octocat", only(repo("site"))))
	refused := consent.Grant{ID: "grant", User: asha, App: bot, Refused: []consent.Refusal{{Scope: readRepos, At: noon().Add(-5 * day)}}}
	declined := consent.Agree(standing, nil, []consent.ScopeName{writeRepos}, noon().Add(-5*day))
	again := asks(readRepos)
	again.Ask = true
	unproven := asks(readRepos)
	unproven.Proven = false
	ticked := asks(readRepos, writeRepos)
	ticked.Choices.Ticked = map[consent.ScopeName]bool{readRepos: false, writeRepos: true}
	changed := asks(readRepos)
	changed.Choices.Ticked = map[consent.ScopeName]bool{readRepos: true}
	week := asks(readProfile, deleteRepos, consent.Background)
	week.Choices.Days = map[consent.ScopeName]int{readProfile: 7, deleteRepos: 7, consent.Background: 3}
	week.Choices.Picked = map[consent.ResourceType]consent.Limit{repository: only(repo("site"))}
	everything := asks(readFiles, readRepos)
	everything.Choices.Picked = map[consent.ResourceType]consent.Limit{
		folder: {Everything: true}, repository: {Everything: true},
	}
	drive := consent.Connection{ID: "drive", User: asha, Provider: "google", Variant: "app", Granted: []string{"drive.readonly"}, Health: consent.Healthy}
	other := consent.Grant{ID: "other", User: asha, App: "notes", Items: []consent.Item{yes(writeRepos, "octocat", only(repo("site")))}}
	first := other
	first.App = "mail"
	return []story{
		{name: "an agent asks a newcomer for everything it may ever want", req: asks(names()...)},
		{name: "two scopes of one provider wait for one connection", req: asks(readRepos, readAccount)},
		{name: "two scopes lacking different permissions are one upgrade", req: asks(readChannels, postMessages), connections: both[1:]},
		{name: "two scopes lacking the same permission name it once", req: asks(readRepos, writeRepos), connections: []consent.Connection{octocat()}},
		{name: "two types of things are picked one after the other", req: asks(readRepos, readPackages),
			connections: []consent.Connection{octocat("contents", "packages")}},
		{name: "an app that reads asks to write as well", req: asks(readRepos, writeRepos), connections: both, grants: []consent.Grant{standing}},
		{name: "writing was agreed and reading comes along", req: asks(readRepos), connections: both,
			grants: []consent.Grant{agreed(yes(writeRepos, "octocat", only(repo("site"))))}},
		{name: "only writing is ticked", req: ticked, connections: both, grants: nil},
		{name: "the app wants the page although all is agreed", req: again, connections: both, grants: []consent.Grant{standing}},
		{name: "all is agreed but the app cannot prove itself", req: unproven, connections: both, grants: []consent.Grant{standing}},
		{name: "the only scope asked was refused", req: asks(readRepos), connections: both, grants: []consent.Grant{refused}},
		{name: "writing was refused, so what it lacks can wait", req: asks(readRepos, writeRepos),
			connections: []consent.Connection{octocat("contents")}, grants: []consent.Grant{declined}},
		{name: "the person changes their mind about a refusal", req: changed, connections: both, grants: []consent.Grant{refused}},
		{name: "one week for reading, one for deleting (at most a day), three days for the background", req: week,
			connections: []consent.Connection{octocat("contents", "contents:write", "administration")}},
		{name: "everything is picked: enough where it may be chosen, nothing where resources must be", req: everything,
			connections: []consent.Connection{drive, octocat("contents")}},
		{name: "another app has the same on the same account", req: asks(readRepos), connections: both, grants: []consent.Grant{other}},
		{name: "two other apps have it, whatever the order they come in", req: asks(readRepos), connections: both, grants: []consent.Grant{other, first}},
		{name: "the grant was revoked", req: asks(readRepos), connections: both,
			grants: []consent.Grant{{ID: "grant", User: asha, App: bot, Revoked: true, Items: standing.Items}}},
		{name: "the app asks for nothing", req: asks(), connections: both},
	}
}

// storiesOfEnds are about what ends soon.
func storiesOfEnds() []story {
	connections := []consent.Connection{octocat("contents", "contents:write")}
	ending := func(it consent.Item, left time.Duration) consent.Item {
		it.Until = noon().Add(left)
		return it
	}
	reading := ending(yes(readRepos, "octocat", only(repo("site"))), 3*day)
	writing := ending(yes(writeRepos, "octocat", only(repo("site"))), 3*day)
	away := consent.Item{Scope: consent.Background, Since: noon().Add(-6 * day), Until: noon().Add(day), Rate: consent.Rate{Daily: 20}}
	kept := asks(readRepos)
	kept.Choices.Ticked = map[consent.ScopeName]bool{readRepos: false}
	page := asks(readRepos, writeRepos, consent.Background)
	page.Ask = true
	shorter := asks(consent.Background)
	shorter.Choices.Days = map[consent.ScopeName]int{consent.Background: 1}
	along := asks(readProfile)
	along.Along = []consent.Scope{along.Vocabulary[readRepos]}
	return []story{
		{name: "what ends in three days is offered again and opens no page", req: asks(readRepos), connections: connections, grants: []consent.Grant{agreed(reading)}},
		{name: "what ends in eight days is not", req: asks(readRepos), connections: connections, grants: []consent.Grant{agreed(ending(reading, 8*day))}},
		{name: "the app wants the page: reading is ticked, writing and working alone are not", req: page, connections: connections,
			grants: []consent.Grant{agreed(reading, writing, away)}},
		{name: "something new is asked beside what ends soon", req: asks(readRepos, readProfile), connections: connections, grants: []consent.Grant{agreed(reading)}},
		{name: "the person unticks what ends soon", req: kept, connections: connections, grants: []consent.Grant{agreed(reading)}},
		{name: "a day more would not be longer", req: shorter, grants: []consent.Grant{agreed(away)}},
		{name: "what ends soon on a broken account is mended first", req: asks(readRepos),
			connections: []consent.Connection{with(connections[0], consent.NeedsPerson)}, grants: []consent.Grant{agreed(reading)}},
		{name: "what comes along is not offered again", req: along, connections: connections, grants: []consent.Grant{agreed(reading, yes(readProfile, "", consent.Limit{}))}},
		{name: "everything, which nobody may choose any more, ends", req: asks(readRepos), connections: connections,
			grants: []consent.Grant{agreed(ending(yes(readRepos, "octocat", consent.Limit{Everything: true}), day))}},
	}
}

// storiesOfAccounts are about several accounts, lost ones and other people's.
func storiesOfAccounts() []story {
	work := octocat("contents")
	work.ID = "work"
	token := consent.Connection{ID: "pat", User: asha, Provider: "github", Variant: "token", Granted: []string{"repo"}, Health: consent.Healthy}
	stranger := octocat("contents")
	stranger.User = "bruno"
	standing := agreed(yes(readRepos, "octocat", only(repo("site"))))
	emptied := agreed(yes(readRepos, "octocat", consent.Limit{}))
	moved := agreed(yes(readRepos, "octocat", only(repo("site"))), yes(readRepos, "work", only(repo("api"))))
	chosen := asks(readRepos)
	chosen.Choices.Account = map[consent.ProviderID]consent.ConnectionID{"github": "work"}
	writeAtWork := asks(readRepos, writeRepos)
	writeAtWork.Choices.Account = map[consent.ProviderID]consent.ConnectionID{"github": "work"}
	bare := work
	bare.Granted = nil
	split := agreed(yes(readRepos, "octocat", only(repo("site"))), yes(writeRepos, "work", only(repo("api"))))
	picked := asks(readRepos)
	picked.Choices.Picked = map[consent.ResourceType]consent.Limit{repository: only(repo("api"))}
	connections := func(c ...consent.Connection) []consent.Connection { return c }
	return []story{
		{name: "of two accounts the sufficient one is taken", req: asks(readRepos), connections: connections(octocat(), work)},
		{name: "of two accounts the healthy one is taken", req: asks(readRepos),
			connections: connections(with(octocat("contents"), consent.NeedsPerson), work)},
		{name: "the person chooses the other account", req: chosen, connections: connections(octocat("contents"), work)},
		{name: "a further scope goes to the account the app already uses", req: asks(readAccount),
			connections: connections(octocat("contents"), work), grants: []consent.Grant{agreed(yes(readRepos, "work", only(repo("api"))))}},
		{name: "a package that was picked is no repository", req: asks(readRepos), connections: connections(octocat("contents")),
			grants: []consent.Grant{agreed(yes(readPackages, "octocat", only(consent.Resource{Type: "github.package", ID: "1", Name: "acme/npm"})))}},
		{name: "an account the app used once has no say", req: asks(readAccount), connections: connections(octocat("contents"), work),
			grants: []consent.Grant{agreed(over(yes(readRepos, "work", only(repo("api")))))}},
		{name: "what is picked on one account does not follow to another", req: writeAtWork, connections: connections(octocat("contents"), work),
			grants: []consent.Grant{standing}},
		{name: "two accounts of one provider are two upgrades", req: asks(readRepos, writeRepos), grants: []consent.Grant{split},
			connections: connections(octocat(), bare)},
		{name: "a personal token can never delete", req: asks(deleteRepos), connections: connections(token)},
		{name: "the account is another person's", req: asks(readRepos), connections: connections(stranger)},
		{name: "the account was disconnected", req: asks(readRepos), grants: []consent.Grant{standing},
			connections: connections(with(octocat("contents"), consent.Disconnected))},
		{name: "the account was disconnected and another one connected", req: picked, grants: []consent.Grant{standing},
			connections: connections(with(octocat("contents"), consent.Disconnected), work)},
		{name: "agreed on a lost account and again on a new one", req: asks(readRepos), connections: connections(work), grants: []consent.Grant{moved}},
		{name: "agreed on two accounts, one of them broken", req: asks(readRepos), grants: []consent.Grant{moved},
			connections: connections(with(octocat("contents"), consent.NeedsPerson), work)},
		{name: "the person took the last repository away", req: asks(readRepos), connections: connections(octocat("contents")), grants: []consent.Grant{emptied}},
		{name: "the person took the last repository away and picks another", req: picked, connections: connections(octocat("contents")), grants: []consent.Grant{emptied}},
		{name: "the state of the account is unknown", req: asks(readRepos), grants: []consent.Grant{standing},
			connections: connections(with(octocat("contents"), ""))},
	}
}

// storiesOfDetails are about apps that say which resources they ask for.
func storiesOfDetails() []story {
	connections := []consent.Connection{octocat("contents", "contents:write")}
	standing := []consent.Grant{agreed(yes(readRepos, "octocat", only(repo("site"))))}
	naming := func(scopes []consent.ScopeName, ids ...string) consent.Request {
		req := asks(scopes...)
		for _, id := range ids {
			req.Details = append(req.Details, consent.Detail{Type: repository, ID: id})
		}
		req.Offers = []consent.Offer{{Connection: "octocat", Resource: repo("site")}, {Connection: "octocat", Resource: repo("api")}}
		return req
	}
	read := []consent.ScopeName{readRepos}
	picked := naming(read, "R_api")
	picked.Choices.Picked = map[consent.ResourceType]consent.Limit{repository: only(repo("docs"))}
	unticked := naming(read, "R_api")
	unticked.Choices.Ticked = map[consent.ScopeName]bool{readRepos: false}
	elsewhere := naming(read, "R_api")
	elsewhere.Offers = []consent.Offer{{Connection: "work", Resource: repo("api")}}
	return []story{
		{name: "the app names a repository that the account has", req: naming(read, "R_api"), connections: connections},
		{name: "the app names a repository that the account has not", req: naming(read, "R_secret"), connections: connections},
		{name: "the person picks another one than the app names", req: picked, connections: connections},
		{name: "the app names what is allowed already", req: naming(read, "R_site"), connections: connections, grants: standing},
		{name: "the app names one more for a scope that is allowed", req: naming(read, "R_api"), connections: connections, grants: standing},
		{name: "the app names one more, and the person picks another", req: picked, connections: connections, grants: standing},
		{name: "the app names one more, and the person unticks it", req: unticked, connections: connections, grants: standing},
		{name: "the app names one more that the account has not", req: naming(read, "R_secret"), connections: connections, grants: standing},
		{name: "the app names one more that only another account has", req: elsewhere, connections: connections, grants: standing},
		{name: "the app names one more for writing, too", req: naming([]consent.ScopeName{readRepos, writeRepos}, "R_api"), connections: connections, grants: standing},
	}
}
