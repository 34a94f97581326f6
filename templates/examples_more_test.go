package templates

import (
	"fmt"
	"strings"
	"time"
)

// detourExamples: the pages on the way to an answer.
func detourExamples() []example {
	pick := Picker{Frame: frame("/consent/pick"), Flow: "sealed", Type: "github.repository", App: repoScout(), Word: "repository", Words: "repositories",
		For: []string{readFiles().Label, readIssues().Label}, Provider: github(), Account: "octocat"}
	empty, failed, one, many, sure, bad := pick, pick, pick, pick, pick, pick
	failed.Failed = true
	one.Search, one.Items, one.From, one.To, one.NoneTicked = "web", []Item{{ID: "1", Name: "acme/web"}}, 1, 1, true
	for i, n := range []string{"acme/web", "acme/api", "acme/design-tokens", "acme/docs", "acme/infra", "acme/mobile", "acme/payments-reconciliation-and-reporting", "playground"} {
		it := Item{ID: fmt.Sprint(100 + i), Name: n, Private: i%2 == 0, Updated: ago(i * i), Ticked: i < 2}
		if i < 4 {
			it.Detail = "The shop front, orders and stock"
		}
		many.Items = append(many.Items, it)
	}
	many.From, many.To, many.Total, many.Prev, many.Next, many.Incomplete, many.Everything = 9, 16, 38, true, true, true, true
	many.Kept, many.Page = []Item{{ID: "7", Name: "acme/old-shop"}, {ID: "8", Name: "octocat/hello"}}, "cursor"
	sure.Items, sure.From, sure.To, sure.Everything, sure.Far, sure.Sure = many.Items[:2], 1, 2, true, true, true
	bad.App, bad.Flow, bad.Account, bad.Search, bad.Page = hostileApp(), hostile(), hostile(), hostile(), hostile()
	bad.Items, bad.From, bad.To = []Item{{ID: `"><script>`, Name: hostile(), Detail: hostile(), Updated: noon()}}, 1, 1
	bad.Kept = []Item{{ID: "x y", Name: hostile() + "/" + hostile()}}
	gone := pick
	gone.Search = "nothing like this"

	connect := Connect{Frame: frame("/consent"), Action: "/connect/github/start", Scopes: "services.github.repositories.read services.github.issues.read", App: "Repo Scout",
		Provider: github(), State: StateConnect, Needs: []string{readFiles().Label, readIssues().Label}, Asks: []string{"your repositories", "your name"}, OverGrant: true, Back: "/oauth/authorize?flow=sealed"}
	again := Connect{Frame: frame("/services"), Action: "/services/c1/reconnect", Provider: github(), Account: hostile(), State: StateReconnect, Connection: "c1"}
	return []example{
		{"picker-empty", empty}, {"picker-error", failed}, {"picker-one", one}, {"picker-many", many}, {"picker-everything", sure}, {"picker-hostile", bad}, {"picker-nothing-found", gone},
		{"connect-many", connect}, {"connect-again", again},
		{"done-allowed", Done{Frame: frame("/consent"), App: repoScout(), Allowed: []string{readFiles().Label}, Local: true}},
		{"done-many", Done{Frame: frame("/consent"), App: repoScout(), Allowed: []string{readFiles().Label, readIssues().Label}}},
		{"done-nothing", Done{Frame: frame("/consent"), App: hostileApp()}},
	}
}

func someEntries(app string) []Entry {
	at := noon().Add(-22 * time.Minute)
	var all []Entry
	for i, e := range []Entry{
		{Kind: EntryUsed, App: app, Did: "read issues in", In: "acme/web", Count: 14},
		{Kind: EntryChanged, App: app, Did: "posted a message in", In: "#releases"},
		{Kind: EntryUsed, App: app, Did: "read files in", In: "acme/api", Away: true},
		{Kind: EntryRefused, App: app, Did: "read files in", In: "acme/secrets", Why: WhyOutside},
		{Kind: EntryFailed, App: app, Did: "posted a message in", In: "#releases", Provider: "Slack"},
		{Kind: EntryAllowed, App: app, What: "2 to see, 1 to change"},
		{Kind: EntryConnected, Provider: "GitHub", Account: "octocat"},
		{Kind: EntrySignedIn, What: "Firefox on Linux"},
	} {
		e.At = at.Add(-time.Duration(i*i) * 3 * time.Hour)
		all = append(all, e)
	}
	return all
}

func everyNotice() []Notice {
	var every []Notice
	for _, k := range []NoticeKind{NoticeConnected, NoticeReconnected, NoticeWidened, NoticeOtherAccount, NoticeLess, NoticeRefused, NoticeDown,
		NoticePicked, NoticeSaved, NoticeNothing, NoticeRequired, NoticeChanged, NoticeRemoved, NoticeEnded, NoticeWaits, NoticeAsked, NoticeWithdrawn, NoticeLowered, NoticeSame} {
		every = append(every, Notice{Kind: k, Provider: "GitHub", Account: "octocat", Other: "hubot", What: "Repo Scout", Count: 2})
	}
	return every
}

func everyEntry() []Entry {
	one := Entry{App: "Repo Scout", Did: "read files in", In: "acme/web", Provider: "GitHub", Account: "octocat", What: "Firefox on Linux", At: noon()}
	var every []Entry
	// Used and changed read the same: the verb says it.
	for _, k := range []EntryKind{EntryUsed, EntryFailed, EntryAllowed, EntryDenied, EntryRemoved, EntryLowered, EntryReturned, EntryEnding, EntryAsked, EntryWithdrawn, EntryApproved, EntryBarred, EntryConnected, EntryReconnected,
		EntryDisconnected, EntryBroke, EntrySignedIn, EntrySignedOut, EntryPassword, EntryJoined, EntryProfile, EntryCompanyAdded, EntryCompanyRemoved, EntryReset, EntryCodesOn, EntryCodesOff, EntryRecoveryMade, EntryRecoveryUsed, EntryPasskeyAdded, EntryPasskeyRemoved, EntryPasskeyCopied, EntryReplayed} {
		one.Kind = k
		every = append(every, one)
	}
	one.Kind = EntryRefused
	for _, w := range []WhyRefused{WhyNotAllowed, WhyOutside, WhyAway, WhyNeedsYes, WhyLimit, WhyOften, WhyMany, WhyGone, WhyService, WhyUnknown} {
		one.Why = w
		every = append(every, one)
	}
	for _, k := range []EntryKind{EntryUsed, EntryRefused, EntryFailed} {
		every = append(every, Entry{Kind: k, App: "Repo Scout", Through: "Issue Sorter", Did: "read issues in", In: "acme/web", Why: WhyOutside, At: noon()})
	}
	return every
}

func petitions() []Petition {
	return []Petition{
		{ID: "p3", App: "Repo Scout", Rows: []string{readIssues().Label, postMessages().Label}, State: PetitionWaits, Why: "We triage together every morning.", Asked: ago(1), Until: in(29), CSRF: "withdraw-token"},
		{ID: "p2", App: "Repo Scout", Rows: []string{changeFiles().Label}, State: PetitionRefused, Why: "It fixes typos.", Answer: "Not before the audit.", Asked: ago(9), Answered: ago(8), Until: in(82)},
		{ID: "p1", App: "Repo Scout", Rows: []string{readFiles().Label}, State: PetitionApproved, Why: "It looks for outdated parts.", Asked: ago(12), Answered: ago(11), Until: in(354)},
	}
}

func adminExamples() []example {
	asks := []Ask{{ID: readIssues().ID, Label: readIssues().Label, Ticked: true}, {ID: changeFiles().ID, Label: changeFiles().Label}}
	page := AskAdmin{Frame: frame("/consent"), Flow: "sealed", App: repoScout(), Asks: asks, Back: "/consent?flow=sealed"}
	some, wrong, bad := page, page, page
	some.Petitions = petitions()
	for i := range some.Petitions {
		some.Petitions[i].App = ""
	}
	asked := some
	asked.Asks = nil
	wrong.Problem, wrong.Asks = AskNeedsTick, asks[1:]
	wrong.Why = "It fixes typos."
	bad.App, bad.Why, bad.Problem = hostileApp(), hostile(), AskNeedsWhy
	bad.Petitions = []Petition{{ID: hostile(), Rows: []string{"Read files"}, State: PetitionRefused, Why: hostile(), Answer: hostile(), Asked: ago(2), Answered: ago(1), Until: in(89)}}
	return []example{
		{"ask-empty", page}, {"ask-many", some}, {"ask-asked", asked}, {"ask-wrong", wrong}, {"ask-hostile", bad},
		{"consent-admin", barredRequest()},
	}
}

// barredRequest is one that an administrator has a say in.
func barredRequest() Consent {
	c := request(repoScout())
	c.Services = []string{"GitHub"}
	asked, said := readIssues(), changeFiles()
	asked.Ticked, asked.Barred, asked.State, asked.Pick, asked.Limit = false, true, StateAsked, "", nil
	said.Barred, said.State, said.Pick, said.RefusedOn = true, StateBarred, "", time.Time{}
	mail := Row{ID: "identity.email.read", Label: "See your e-mail address", Barred: true, State: StateAdmin, Technical: "identity.email.read"}
	c.See, c.Change = Group{[]Row{readFiles(), asked, mail}, ends(30, 90, 180)}, Group{[]Row{said}, ends(7, 30, 90)}
	c.Writes = WritesRefused
	c.Missing = []Step{
		{Do: "admin", State: StateAdmin, Needs: []string{mail.Label}},
		{Do: "admin", State: StateAsked, Needs: []string{asked.Label}, Optional: true},
		{Do: "admin", State: StateBarred, Needs: []string{said.Label}, Optional: true},
	}
	return c
}

func homeExamples() []example {
	home := frame("/")
	var days []Day
	for i := range 30 {
		d := Day{On: ago(29 - i), Reads: (i * 7) % 11, Changes: (i * 3) % 4 / 3}
		if i == 20 {
			d.Refused = 1
		}
		days = append(days, d)
	}
	scout := AppLine{App: repoScout(), See: []string{readFiles().Label, readIssues().Label}, Change: []string{postMessages().Label}, Away: []string{"Keep working when you are not here"},
		LastUsed: noon().Add(-22 * time.Minute), Uses: 139, Ends: in(90)}
	tidy := AppLine{App: App{ID: "tidy", Name: "Tidy Bot", Host: "tidy.bot.example"}, See: []string{readFiles().Label}, LastUsed: ago(40), Ends: in(5), Broken: true}
	never := AppLine{App: App{ID: "never", Name: "never used"}, Uses: 1}
	bad := AppLine{App: hostileApp(), See: []string{"Read files"}}
	gh := Connection{ID: "c1", Provider: github(), Account: "octocat", Apps: []App{repoScout(), {ID: "tidy", Name: "Tidy Bot"}}}
	sk := Connection{ID: "c2", Provider: slack(), Account: "ana, Northwind", State: StateReconnect}
	return []example{
		{"home-empty", Home{Frame: home, Sessions: 1}},
		{"home-one", Home{Frame: home, Apps: []AppLine{never}, Connections: []Connection{gh}, Days: days[:1], Sessions: 2, Notices: []Notice{{Kind: NoticeRemoved, What: "Repo Scout"}}}},
		{"home-many", Home{Frame: home, Apps: []AppLine{scout, tidy, never}, Ending: []Ending{{App: tidy.App, Label: readFiles().Label, On: in(5)}}, Connections: []Connection{gh, sk}, Days: days, Entries: someEntries("Repo Scout"), Sessions: 3}},
		{"home-hostile", Home{Frame: home, Apps: []AppLine{bad}, Connections: []Connection{{ID: hostile(), Provider: github(), Account: hostile(), Apps: []App{hostileApp()}}}, Entries: someEntries(hostile()), Sessions: 1}},
	}
}

func appExamples() []example {
	path := frame("/apps/repo-scout")
	rows := []Allowed{
		{Scope: "services.github.repositories.read", Label: readFiles().Label, Limit: []string{"acme/web", "acme/api"}, Group: "see", Provider: github(), Account: "octocat", Background: true, Until: in(90), LastUsed: ago(0)},
		{Scope: "services.slack.messages.read", Label: "Read messages in the channels you pick", Everything: true, Group: "see", Provider: slack(), Account: "ana, Northwind", Until: in(90), LastUsed: ago(1), State: StateReconnect},
		{Scope: "services.github.repositories.write", Label: changeFiles().Label, Limit: []string{"acme/web"}, Group: "change", Provider: github(), Account: "octocat", Until: in(30)},
		{Scope: "agents.jobs.background", Label: "Keep working when you are not here", Group: "away", Background: true, Until: in(7), Rate: Rate{Daily: 100}},
		{Scope: "agents.sync.recurring", Label: "Come back on a schedule while you are away", Group: "away", Background: true, Until: in(7), Rate: Rate{Daily: 1, Hours: 24}},
	}
	runs := []Run{{ID: "f1", Name: "release-writer", First: ago(50), Last: noon(), Background: true}, {ID: "f2", First: ago(40), Last: ago(2)}}
	bad := rows[0]
	bad.Limit, bad.Account, bad.Scope = []string{hostile()}, hostile(), "mcp:read&x=<y>"
	return []example{
		{"receipt-yes", Receipt{
			Frame: path, App: "Repo Scout", Publisher: "Scout Labs", Returns: "https://reposcout.example/callback", Yes: true, At: ago(20), Digest: strings.Repeat("a1b2", 16),
			Rows: []ReceiptRow{
				{Label: readFiles().Label, Provider: github(), Account: "octocat", Given: true, Limit: []string{"acme/web", "acme/docs"}, Until: ago(-70)},
				{Label: postMessages().Label, Account: "ana", Admin: PetitionRefused}, {Label: "Make changes without asking you", Given: true, Admin: PetitionApproved, Until: ago(-7), Daily: 20, Hours: 6}, {Label: "See your name", Had: true},
			},
		}},
		{"receipt-no", Receipt{Frame: path, App: "Repo Scout", Changes: changedApp().Changes, At: ago(1), Digest: strings.Repeat("0", 64), Rows: []ReceiptRow{{Label: readFiles().Label}}}},
		{"receipt-passing", Receipt{
			Frame: path, App: "evil.example", Claimed: "GitHub Support", Host: "evil.example", Check: CheckedWebsite, Checked: true,
			Returns: "http://127.0.0.1:7777/", At: ago(1), Digest: strings.Repeat("0", 64), Rows: []ReceiptRow{{Label: readFiles().Label}},
		}},
		{"receipt-hostile", Receipt{Frame: path, App: hostile(), Claimed: hostile(), Host: hostile(), Checked: true, Publisher: hostile(), Returns: "https://" + hostile(), Yes: true, At: ago(1), Digest: hostile(), Changes: everyChange(hostile()), Changed: true, Rows: []ReceiptRow{{Label: readFiles().Label, Account: hostile(), Given: true, Limit: []string{hostile()}, Until: ago(-1)}}}},
		{"app-empty", AppDetail{Frame: path, App: repoScout(), Since: ago(50)}},
		{"app-many", AppDetail{Frame: path, App: repoScout(), Since: ago(50), LastUsed: noon(), Allowed: rows, Runs: runs, Refused: []Refused{{postMessages().Label, ago(19)}}, Entries: someEntries("Repo Scout"), Writes: WritesRefused, Answers: []AnswerLine{{"receipt_2", false, ago(19)}, {"receipt_1", true, ago(50)}}}},
		{"app-one", AppDetail{Frame: path, App: repoScout(), Since: ago(50), Allowed: rows[2:3], Unattended: true, Notices: []Notice{{Kind: NoticeRemoved, What: readFiles().Label}}}},
		{"app-passing", AppDetail{Frame: path, App: passing(), Since: ago(1), Allowed: rows[:1]}},
		{"app-hostile", AppDetail{Frame: path, App: hostileApp(), Since: ago(1), Allowed: []Allowed{bad}, Runs: []Run{{ID: `"&x=`, Name: hostile(), First: ago(1), Last: ago(1)}}}},
		{"less-many", LessForm{Frame: path, App: repoScout(), Scope: "services.github.repositories.read@c1", Label: readFiles().Label, Also: []string{changeFiles().Label}, Keeps: []Keep{{"github.repository:1", "acme/web"}, {"github.repository:2", "acme/api"}}, Ends: ends(1, 7, 30), Until: in(60)}},
		{"less-empty", LessForm{Frame: path, App: repoScout(), Scope: "openid", Label: "Know you by a number", Until: in(1)}},
		{"less-hostile", LessForm{Frame: path, App: hostileApp(), Scope: hostile(), Label: "Read files", Keeps: []Keep{{hostile(), hostile()}}, Until: in(3)}},
		{"remove-app", RemoveConfirm{Frame: path, App: repoScout(), What: RemoveApp, Services: []string{"GitHub", "Slack"}}},
		{"remove-scope", RemoveConfirm{Frame: path, App: repoScout(), What: RemoveRow, Scope: "services.github.repositories.read", Label: readFiles().Label, Also: []string{"See the names of the repositories you pick"}}},
		{"remove-family", RemoveConfirm{Frame: path, App: repoScout(), What: RemoveRun, Family: "f1", Label: "release-writer"}},
		{"remove-hostile", RemoveConfirm{Frame: path, App: hostileApp(), What: RemoveRun, Family: hostile(), Label: hostile()}},
	}
}

func serviceExamples() []example {
	path := frame("/services")
	gh := Connection{ID: "c1", Provider: github(), Account: "octocat", Since: ago(50), LastUsed: noon(), Apps: []App{repoScout(), {ID: "tidy", Name: "Tidy Bot"}}, Holds: []string{"Read and change your repositories", "Read your name"}, CSRF: "c1-token"}
	sk := Connection{ID: "c2", Provider: slack(), Account: "ana, Northwind", State: StateReconnect, Since: ago(50), CSRF: "c2-token"}
	resting, lost := gh, sk
	resting.Rests, lost.Lost = noon().Add(7*time.Minute), true
	others := []Connectable{{Provider: github(), Again: true, CSRF: "g"}, {Provider: slack(), CSRF: "s"}}
	bad := gh
	bad.ID, bad.Account, bad.Apps, bad.State, bad.CSRF = hostile(), hostile(), []App{hostileApp()}, StateReconnect, hostile()
	stops := []Stop{{repoScout(), []string{readFiles().Label, readIssues().Label}}, {App{ID: "tidy", Name: "Tidy Bot"}, []string{readFiles().Label}}}
	return []example{
		{"services-empty", Services{Frame: path, Others: others[1:]}},
		{"services-one", Services{Frame: path, Connections: []Connection{gh}, Notices: []Notice{{Kind: NoticeReconnected, Provider: "GitHub", Account: "octocat"}}}},
		{"services-resting", Services{Frame: path, Connections: []Connection{resting, lost}, Others: others}},
		{"services-removed", Services{Frame: path, Removed: []Removed{{github(), "octocat", false}, {slack(), hostile(), true}}, Others: others}},
		{"services-many", Services{Frame: path, Connections: []Connection{gh, sk}, Others: others}},
		{"services-notices", Services{Frame: path, Notices: everyNotice()}},
		{"services-hostile", Services{Frame: path, Connections: []Connection{bad}}},
		{"disconnect-many", DisconnectConfirm{Frame: path, ID: "c1", Provider: github(), Account: "octocat", Stops: stops, Blast: "Every key Deputy has to this account ends"}},
		{"disconnect-empty", DisconnectConfirm{Frame: path, ID: "c1", Provider: github(), Account: "octocat"}},
		{"disconnect-hostile", DisconnectConfirm{Frame: path, ID: hostile(), Provider: github(), Account: hostile(), Stops: []Stop{{hostileApp(), []string{"Read files"}}}}},
		{"disconnected-revoked", DisconnectResult{Frame: path, Provider: github(), Account: "octocat", Answer: AnswerRevoked, Said: "204 No Content", Stopped: []string{"Repo Scout", "Tidy Bot"}}},
		{"disconnected-error", DisconnectResult{Frame: path, Provider: slack(), Account: hostile(), Answer: AnswerFailed, Said: hostile()}},
	}
}

func listExamples() []example {
	path, sessions := frame("/activity"), frame("/sessions")
	apps := []Option{{"", "All apps", false}, {"repo-scout", "Repo Scout", true}, {"x", hostile(), false}}
	services := []Option{{"", "All services", true}, {"github", "GitHub", false}}
	results := []Option{{"", "All results", true}, {"refused", "Refused", false}}
	here := Session{ID: "s1", Device: "Firefox on Linux", Place: "192.0.2.0/24", First: ago(3), Last: noon(), This: true}
	return []example{
		{"activity-empty", Activity{Frame: path, Apps: apps[:1], Services: services, Results: results}},
		{"activity-nothing-fits", Activity{Frame: path, Apps: apps, Services: services, Results: results, Filtered: true}},
		{"activity-every", Activity{Frame: path, Entries: everyEntry()}},
		{"activity-many", Activity{Frame: path, Apps: apps, Services: services, Results: results, Entries: someEntries("Repo Scout"), Older: "/activity?before=x", Newer: "/activity"}},
		{"activity-hostile", Activity{Frame: path, Apps: apps, Services: services, Results: results, Entries: someEntries(hostile())}},
		{"sessions-one", Sessions{Frame: sessions, Sessions: []Session{here}}},
		{"sessions-many", Sessions{Frame: sessions, Passkeys: true, Companies: true, Sessions: []Session{here, {ID: "s2", Device: "Safari on iPhone", First: ago(9), Last: ago(1)}, {ID: `"><b>`, Device: hostile(), Place: hostile(), First: ago(9), Last: ago(8)}}, Notices: []Notice{{Kind: NoticeEnded, Count: 1}}}},
	}
}
