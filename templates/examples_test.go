package templates

import (
	"strings"
	"time"
)

// example is one page in one state.
type example struct {
	name string
	page any
}

// noon is when every example is looked at.
func noon() time.Time { return time.Date(2026, 11, 22, 14, 20, 0, 0, time.UTC) }

func ago(days int) time.Time { return noon().AddDate(0, 0, -days) }
func in(days int) time.Time  { return noon().AddDate(0, 0, days) }

const hostileName = `<script>alert(1)</script><img src=x onerror=alert(1)>"'&{{.}}`

// hostile is what an app, a provider or a repository may call itself.
func hostile() string {
	return hostileName + " \u202egnissap\u202c \u200b\u2066\x00\x1b[31m" + strings.Repeat("ภาษา العربية long ", 20)
}

func frame(path string) Frame {
	return Frame{Account: "ana@example.com", SignOut: "sign-out-token", CSRF: "page-token", Path: path, Now: noon()}
}

func github() Provider { return Provider{"github", "GitHub", "Gh"} }
func slack() Provider  { return Provider{"slack", "Slack", "Sk"} }

func repoScout() App {
	return App{ID: "repo-scout", Name: "Repo Scout", Host: "reposcout.example", Publisher: "Scout Labs", Check: CheckedWebsite, People: 3}
}

func hostileApp() App {
	return App{ID: `"><script>`, Name: hostile(), Host: "xn--rposcout-g1a.example", Publisher: hostile(), Claimed: hostile(), Like: LikeOther, Of: hostile(), Changes: everyChange(hostile())}
}

// passing is an app whose name passes for another's.
func passing() App {
	return App{ID: "helper", Name: "evil.example", Claimed: "GitHub Support", Like: LikeOther, Of: "GitHub", Host: "evil.example", Check: CheckedWebsite, People: 2, New: true}
}

// changedApp is an app that went to others since the person said yes to it.
func changedApp() App {
	a := repoScout()
	a.Changes = []Change{{ChangedName, "Repo Ranger", "Repo Scout"}, {ChangedPublisher, "", "Scout Labs"}, {ChangedWebsite, "ranger.example", "reposcout.example"}, {ChangedHost, "", "reposcout.example"}}
	return a
}

// everyChange is one of each kind, from and to an app's words, and nothing.
func everyChange(words string) []Change {
	var out []Change
	for _, k := range []ChangeKind{ChangedName, ChangedPublisher, ChangedWebsite, ChangedHost, ChangedReturns, ChangedKeys, ChangedLogo} {
		out = append(out, Change{k, words, words}, Change{k, "", words}, Change{k, words, ""})
	}
	return out
}

func ends(days ...int) []End {
	var out []End
	for i, d := range days {
		out = append(out, End{Days: d, On: in(d), Chosen: i == 1})
	}
	return out
}

func examples() []example {
	var all []example
	all = append(all, doorExamples()...)
	all = append(all, deviceExamples()...)
	all = append(all, passkeyExamples()...)
	all = append(all, codesExamples()...)
	all = append(all, consentExamples()...)
	all = append(all, detourExamples()...)
	all = append(all, adminExamples()...)
	all = append(all, mailsExamples()...)
	all = append(all, homeExamples()...)
	all = append(all, appExamples()...)
	all = append(all, serviceExamples()...)
	return append(all, listExamples()...)
}

// doorExamples: before a person is in, and after they left.
func doorExamples() []example {
	stranger := Frame{CSRF: "page-token", Path: "/signin", Return: "/", Now: noon()}
	accounts := []Account{
		{ID: "session_1", Name: "Ana Lima", Email: "ana@northwind.example", Since: ago(0), Acts: true, Picture: "AAAA"},
		{ID: "session_2", Name: "Ben Okafor-Vandenberghe", Email: "benjamin.okafor-vandenberghe@northwind.example", Since: ago(3)},
	}
	return []example{
		{"signin-empty", SignIn{Frame: stranger}},
		{"signin-app", SignIn{Frame: stranger, AppName: "Repo Scout", AppHost: "reposcout.example", Flow: "sealed"}},
		{"signin-wrong", SignIn{Frame: stranger, AppName: "Repo Scout", Flow: "sealed", Email: "ana@example.com", Tried: Tried{Wrong: true}}},
		{"signin-wait", SignIn{Frame: stranger, Email: "ana@example.com", Tried: Tried{Wait: 95 * time.Second}}},
		{"signin-ended", SignIn{Frame: stranger, Ended: true}},
		{"signin-hostile", SignIn{Frame: stranger, AppName: hostile(), AppHost: "evil.example", Flow: hostile(), Email: hostile()}},
		{"signout-empty", SignOutConfirm{Frame: frame("/oauth/logout")}},
		{"signout-app", SignOutConfirm{Frame: frame("/oauth/logout"), AppName: "Repo Scout", Away: []string{"Repo Scout", "Tidy Bot"}, Goes: true, Returns: Return{Host: "reposcout.example"}, To: "https://reposcout.example/bye"}},
		{"signout-other", SignOutConfirm{Frame: frame("/oauth/logout"), AppName: "Scout CLI", Other: true, Goes: true, Returns: Return{Local: true}, To: "http://127.0.0.1:7777/bye"}},
		{"signout-hostile", SignOutConfirm{Frame: frame("/oauth/logout"), AppName: hostile(), Other: true, Away: []string{hostile()}, Goes: true, Returns: Return{Host: "evil.example"}, To: hostile()}},
		{"signin-others", SignIn{Frame: stranger, Ended: true, Others: true}},
		{"accounts-one", Accounts{Frame: stranger, Accounts: accounts[:1]}},
		{"accounts-many", Accounts{Frame: stranger, AppName: "Repo Scout", AppHost: "reposcout.example", Accounts: accounts}},
		{"accounts-hostile", Accounts{Frame: stranger, AppName: hostile(), AppHost: "x", Accounts: []Account{{ID: hostile(), Name: hostile(), Email: hostile(), Since: ago(1)}}}},
		{"companies-empty", CompanyAccounts{Frame: frame("/sessions/companies")}},
		{"companies-many", CompanyAccounts{Frame: frame("/sessions/companies"), Full: true, Accounts: []CompanyAccount{{"l1", "Northwind", "ana@northwind.example", ago(3)}, {"l2", "", "", ago(90)}}}},
		{"companies-hostile", CompanyAccounts{Frame: frame("/sessions/companies"), Offers: []Company{{`"><script>`, hostile()}}, Accounts: []CompanyAccount{{`"><script>`, hostile(), hostile(), ago(3)}}}},
		{"company-new", NewCompanyAccount{Frame: frame("/sessions/companies"), Company: "Northwind", Account: "ana@northwind.example", Ticket: "sealed"}},
		{"company-new-hostile", NewCompanyAccount{Frame: frame("/sessions/companies"), Company: hostile(), Account: hostile(), Ticket: hostile()}},
		{"company-remove", RemoveCompanyAccount{Frame: frame("/sessions/companies"), Account: CompanyAccount{"l1", "Northwind", "ana@northwind.example", ago(3)}}},
		{"company-remove-hostile", RemoveCompanyAccount{Frame: frame("/sessions/companies"), Account: CompanyAccount{`"><script>`, hostile(), hostile(), ago(3)}}},
		{"profile-empty", Profile{Frame: frame("/profile"), Name: "Ana Lima"}},
		{"profile-one", Profile{Frame: frame("/profile"), Name: "Ana Lima", Picture: "AAAA"}},
		{"profile-hostile", Profile{Frame: frame("/profile"), Name: hostile(), Picture: hostile()}},
		{"signedout-others", SignedOut{Frame: stranger, Others: []string{"ana@northwind.example", "ben@northwind.example"}}},
		{"signedout-empty", SignedOut{Frame: stranger}},
		{"signedout-app", SignedOut{Frame: stranger, Next: Link{"https://reposcout.example/bye", "Go back to reposcout.example"}}},
		{"signedout-many", SignedOut{Frame: stranger, Away: []string{"Repo Scout", "Tidy Bot", hostile()}}},
		{"error-ended", Error{Frame: frame("/consent"), Title: "Nothing was shared", Lead: "The request from Repo Scout ended before you answered. Go back to Repo Scout and start again.",
			What: "10 minutes had passed", At: noon(), Reference: "7F3K-92QD", Next: Link{"https://reposcout.example/", "Go back to reposcout.example"}}},
		{"error-empty", Error{Frame: stranger, Title: "Something went wrong", Reference: "7F3K-92QD"}},
		{"error-hostile", Error{Frame: stranger, Title: hostileName, Lead: hostileName, What: hostileName, Next: Link{"javascript:alert(1)", hostile()}}},
	}
}

func readFiles() Row {
	return Row{ID: "services.github.repositories.read", Ticked: true, Label: "Read the contents of the repositories you pick",
		Limit: []string{"acme/web", "acme/api"}, Pick: "pick:github.repository", Says: "We read package lists to find outdated parts.",
		AlsoFor: []string{"Tidy Bot"}, Included: "Files, commits and releases.", NotIncluded: "Secrets, settings, other repositories.",
		Technical: "services.github.repositories.read", Provider: github(), Account: "octocat", OverGrant: true}
}

func readIssues() Row {
	r := readFiles()
	r.ID, r.Technical, r.Label = "services.github.issues.read", "services.github.issues.read", "Read issues in the repositories you pick"
	r.State, r.Says, r.AlsoFor, r.OverGrant = StateWiden, "We skip updates that already have an issue.", nil, false
	r.Included, r.NotIncluded = "With comments and labels. Links into other repositories are cut.", ""
	return r
}

func postMessages() Row {
	return Row{ID: "services.slack.messages.write", Label: "Post messages in the Slack channels you pick", Says: "We tell your team when an update is ready.",
		Included: "New messages and replies in those channels.", NotIncluded: "Direct messages, waking a whole channel.",
		Technical: "services.slack.messages.write", Provider: slack(), State: StateConnect}
}

func changeFiles() Row {
	return Row{ID: "services.github.repositories.write", Label: "Change files in the repositories you pick", Limit: []string{"acme/web"}, Pick: "pick:github.repository",
		Provider: github(), Account: "octocat", RefusedOn: ago(19), Final: true, Technical: "services.github.repositories.write"}
}

func awayRows() []Row {
	return []Row{
		{ID: "agents.jobs.background", Label: "Keep working when you are not here", Says: "Long checks take up to an hour.", Technical: "agents.jobs.background",
			With: []string{"Come back on a schedule while you are away"}, Ends: ends(1, 7, 30), Daily: []Amount{{50, true}, {100, false}}},
		{ID: "agents.sync.recurring", Label: "Come back on a schedule while you are away", Technical: "agents.sync.recurring", EndsOn: in(2),
			Ends: ends(1, 7, 30), Daily: []Amount{{1, false}, {1000, true}}, Hours: []Amount{{1, true}, {6, false}, {24, false}, {168, false}}},
		{ID: "agents.writes.unattended", Label: "Make changes without asking you each time", ExpiredOn: ago(3), Technical: "agents.writes.unattended",
			Ends: ends(1, 7, 30), Daily: []Amount{{20, false}, {50, true}}},
	}
}

func hadRows() []Had {
	return []Had{
		{Label: "Read the contents of the repositories you pick", Limit: []string{"acme/web", "acme/api"}, Group: "see", Provider: github(), Account: "octocat", Until: in(90)},
		{Label: "Read messages in the channels you pick", Everything: true, Group: "see", Provider: slack(), Account: "ana, Northwind", Until: in(90), State: StateReconnect},
		{Label: "Change files in the repositories you pick", Limit: []string{"acme/web"}, Group: "change", Provider: github(), Account: "octocat", Until: in(30)},
		{Label: "Keep working when you are not here", Group: "away"},
	}
}

func request(app App) Consent {
	return Consent{Frame: frame("/consent"), Flow: "sealed", App: app, Returns: Return{Host: app.Host}, Expires: noon().Add(10 * time.Minute)}
}

func fullRequest() Consent {
	c := request(repoScout())
	c.Frame.Return = "/oauth/authorize?flow=sealed"
	c.Services = []string{"GitHub", "Slack"}
	c.Missing = []Step{
		{Do: "widen:c1", State: StateWiden, Provider: github(), Account: "octocat", Needs: []string{readIssues().Label}},
		{Do: "connect:slack", State: StateConnect, Provider: slack(), Needs: []string{postMessages().Label}, Optional: true},
	}
	c.See = Group{[]Row{readFiles(), readIssues()}, ends(30, 90, 180)}
	c.Change = Group{[]Row{postMessages(), changeFiles()}, ends(7, 30, 90)}
	c.Away = Group{Rows: awayRows()}
	c.Writes = WritesTick
	return c
}

func consentExamples() []example {
	empty := request(App{ID: "tool", Name: "Tool", People: 1})
	empty.Returns = Return{Local: true}
	one := request(App{ID: "notes", Name: "Notes", Host: "notes.example", Check: CheckedOperator, People: 12})
	one.Services = []string{"Slack"}
	one.See = Group{Rows: []Row{{ID: "services.slack.channels.read", Ticked: true, Fixed: true, Required: true, Label: "See the names of the channels you pick", State: StatePick,
		Pick: "pick:slack.channel", Provider: slack(), Account: "ana, Northwind"}}, Ends: ends(30, 90)}
	one.Missing = []Step{{Do: "pick:slack.channel", State: StatePick, Provider: slack(), Account: "ana, Northwind", Words: "channels", Needs: []string{"See the names of the channels you pick"}}}
	one.Notices = []Notice{{Kind: NoticeConnected, Provider: "Slack", Account: "ana, Northwind", Kept: true}}

	delta := request(repoScout())
	delta.Delta, delta.Services = true, []string{"Slack"}
	ready := postMessages()
	ready.Ticked, ready.State, ready.Account, ready.Limit, ready.Pick = true, StateReady, "ana, Northwind", []string{"#releases"}, "pick:slack.channel"
	delta.Change, delta.Had = Group{[]Row{ready}, ends(7, 30, 90)}, hadRows()
	delta.Notices = []Notice{{Kind: NoticePicked, Count: 1}}

	return []example{
		{"stranger-one", Stranger{Frame: frame("/consent/app"), Flow: "sealed", App: App{ID: "tool", Name: "Tool"}, Why: CautionNew, Since: noon(), Returns: Return{Local: true}}},
		{"stranger-many", Stranger{Frame: frame("/consent/app"), Flow: "sealed", App: App{ID: "mail", Name: "Field Mail", Host: "mail.example", Check: CheckedWebsite, People: 41}, Why: CautionUnverified,
			Services: []string{"GitHub", "Slack"}, Changes: true, Away: true, Returns: Return{Host: "mail.example"}, Expires: noon().Add(time.Minute)}},
		{"stranger-passing", Stranger{Frame: frame("/consent/app"), Flow: "sealed", App: passing(), Why: CautionNew, Services: []string{"GitHub"}, Returns: Return{Host: "evil.example"}, Expires: noon().Add(time.Minute)}},
		{"stranger-changed", Stranger{Frame: frame("/consent/app"), Flow: "sealed", App: changedApp(), Why: CautionChanged, Services: []string{"GitHub"}, Returns: Return{Host: "reposcout.example"}, Expires: noon().Add(time.Minute)}},
		{"stranger-hostile", Stranger{Frame: frame("/consent/app"), Flow: hostile(), App: hostileApp(), Why: CautionChanged, Returns: Return{Host: hostile()}}},
		{"consent-empty", empty},
		{"consent-one", one},
		{"consent-many", fullRequest()},
		{"consent-delta", delta},
		{"consent-renews", renewsRequest()},
		{"consent-passing", passingRequest()},
		{"consent-logo", logoRequest()},
		{"consent-accounts", accountsRequest()},
		{"consent-hostile", hostileRequest()},
		{"confirm-many", Confirm{Frame: frame("/consent"), Flow: "sealed", App: repoScout(), Had: hadRows(), Returns: Return{Host: "reposcout.example"}, Expires: noon().Add(time.Minute)}},
		{"confirm-empty", Confirm{Frame: frame("/consent"), Flow: "sealed", App: App{ID: "tool", Name: "Tool"}, Returns: Return{Local: true}}},
		{"confirm-changed", Confirm{Frame: frame("/consent"), Flow: "sealed", App: changedApp(), Had: hadRows(), Returns: Return{Host: "reposcout.example"}, Expires: noon().Add(time.Minute)}},
		{"confirm-hostile", Confirm{Frame: frame("/consent"), Flow: hostile(), App: hostileApp(), Had: []Had{{Label: "Read files", Limit: []string{hostile()}, Account: hostile(), Provider: github()}}, Returns: Return{Host: "evil.example"}}},
	}
}

// passingRequest is of an app whose name passes for another's.
func passingRequest() Consent {
	c := request(passing())
	c.Services = []string{"GitHub"}
	c.See = Group{[]Row{readFiles()}, ends(30, 90)}
	return c
}

// logoRequest is of an app that the operator answers for, with its picture.
func logoRequest() Consent {
	c := request(App{ID: "notes", Name: "Notes", Host: "notes.example", Check: CheckedOperator, People: 12, Logo: "/logos/" + strings.Repeat("0", 64) + ".png"})
	c.Services = []string{"GitHub"}
	c.See = Group{[]Row{readFiles()}, ends(30, 90)}
	return c
}

// renewsRequest has nothing new: it ends soon.
func renewsRequest() Consent {
	c := request(repoScout())
	c.Delta, c.Renews, c.Services, c.Had = true, true, []string{"GitHub"}, hadRows()
	row := readFiles()
	row.EndsOn, row.AlsoFor, row.Required = in(3), nil, true
	c.See = Group{[]Row{row}, ends(30, 90, 180)}
	return c
}

// accountsRequest has several accounts, a broken connection and many limits.
func accountsRequest() Consent {
	c := request(repoScout())
	c.Services = []string{"GitHub"}
	broken, wide, all := readFiles(), readIssues(), changeFiles()
	broken.State = StateReconnect
	wide.State, wide.Limit = StateReady, []string{"acme/web", "acme/api", "acme/docs", "acme/infra", "acme/mobile", "acme/payments", "acme/playground"}
	all.Everything, all.Limit, all.Ticked = true, nil, true
	c.See, c.Change = Group{[]Row{broken, wide}, ends(30, 90)}, Group{[]Row{all}, ends(7, 30)}
	c.Writes = WritesRefused
	c.Missing = []Step{{Do: "reconnect:c1", State: StateReconnect, Provider: github(), Account: "octocat"}}
	c.Accounts = []AccountChoice{{Provider: github(), Another: "connect:github", Options: []AccountOption{
		{ID: "c1", Login: "octocat", Chosen: true, UsedBy: []string{"Tidy Bot", "Notes"}}, {ID: "c2", Login: "hubot"}}}}
	c.Notices = []Notice{{Kind: NoticeOtherAccount, Provider: "GitHub", Account: "hubot", Other: "octocat"}, {Kind: NoticeNothing}}
	return c
}

func hostileRequest() Consent {
	c := request(hostileApp())
	c.Flow, c.Services = hostile(), []string{"GitHub"}
	r := readFiles()
	r.Limit, r.Says, r.AlsoFor, r.Account = []string{hostile(), hostile()}, hostile(), []string{hostile()}, hostile()
	c.See = Group{[]Row{r}, ends(30, 90)}
	c.Missing = []Step{{Do: hostile(), State: StateWiden, Provider: github(), Account: hostile()}}
	c.Accounts = []AccountChoice{{Provider: github(), Options: []AccountOption{{ID: "c1", Login: hostile(), UsedBy: []string{hostile()}}}}}
	c.Notices = []Notice{{Kind: NoticeConnected, Provider: "GitHub", Account: hostile(), Kept: true}}
	c.Had = []Had{{Label: "Read files", Limit: []string{hostile()}, Provider: github(), Account: hostile()}}
	return c
}
