package broker_test

import (
	"encoding/base64"
	"flag"
	"net/url"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

var update = flag.Bool("update", false, "write the golden answers anew")

// example is one operation asked inside the limit and, when it names a resource,
// outside of it.
type example struct {
	provider     consent.ProviderID
	operation    string
	method       string
	inside       string
	outside      string
	body         string
	outsideBody  string // with the outside resource in the body
	absentTarget string
	absentBody   string
	first        *call    // asked before
	more         []string // pages that are agreed as well
	everything   bool     // instead of a limit, all of Stripe
}

type call struct{ method, target, body string }

// put is what some operations need to be there.
var (
	put    = &call{"PUT", "/repos/acme/web/contents/notes.md", `{"message":"Add notes","content":"aGVsbG8=","branch":"next"}`}
	posted = &call{"POST", "/chat.postMessage", `{"channel":"C01GENERAL","text":"Release is out"}`}
)

// WEB is replaced by the id of acme/web, which is agreed; API by that of acme/api,
// which exists and is not; MAINTIP and NEXTTIP by where the branches of acme/web end.
var examples = []example{
	{provider: "github", operation: "account.get", method: "GET", inside: "/user"},
	{provider: "github", operation: "repositories.list", method: "GET", inside: "/user/repos?per_page=30&sort=full_name"},
	{provider: "github", operation: "repositories.get", method: "GET", inside: "/repos/acme/web", outside: "/repos/acme/api", absentTarget: "/repos/acme/nothing"},
	{provider: "github", operation: "repositories.get", method: "GET", inside: "/repositories/WEB", outside: "/repositories/API", absentTarget: "/repositories/99"},
	{provider: "github", operation: "repositories.branches.list", method: "GET", inside: "/repos/acme/web/branches?per_page=5", outside: "/repos/acme/api/branches", absentTarget: "/repos/acme/nothing/branches"},
	{provider: "github", operation: "repositories.contents.list", method: "GET", inside: "/repos/acme/web/contents/", outside: "/repos/acme/api/contents", absentTarget: "/repos/acme/nothing/contents"},
	{provider: "github", operation: "repositories.contents.get", method: "GET", inside: "/repos/acme/web/contents/package.json?ref=main", outside: "/repos/acme/api/contents/package.json", absentTarget: "/repos/acme/nothing/contents/package.json"},
	{provider: "github", operation: "repositories.readme.get", method: "GET", inside: "/repos/acme/web/readme", outside: "/repos/acme/api/readme", absentTarget: "/repos/acme/nothing/readme"},
	{provider: "github", operation: "repositories.commits.list", method: "GET", inside: "/repos/acme/web/commits?per_page=3", outside: "/repos/acme/api/commits", absentTarget: "/repos/acme/nothing/commits"},
	{provider: "github", operation: "repositories.contents.put", method: "PUT", inside: "/repos/acme/web/contents/notes.md", outside: "/repos/acme/api/contents/notes.md", absentTarget: "/repos/acme/nothing/contents/notes.md",
		body: `{"message":"Add notes","content":"aGVsbG8=","branch":"next"}`},
	{provider: "github", operation: "issues.list", method: "GET", inside: "/repos/acme/web/issues?state=all&per_page=2", outside: "/repos/acme/api/issues", absentTarget: "/repos/acme/nothing/issues"},
	{provider: "github", operation: "issues.get", method: "GET", inside: "/repos/acme/web/issues/1", outside: "/repos/acme/api/issues/1", absentTarget: "/repos/acme/nothing/issues/1"},
	{provider: "github", operation: "issues.comments.list", method: "GET", inside: "/repos/acme/web/issues/1/comments", outside: "/repos/acme/api/issues/1/comments", absentTarget: "/repos/acme/nothing/issues/1/comments"},
	{provider: "github", operation: "issues.create", method: "POST", inside: "/repos/acme/web/issues", outside: "/repos/acme/api/issues", absentTarget: "/repos/acme/nothing/issues",
		body: `{"title":"Broken link","body":"On the start page.","labels":["bug"]}`},
	{provider: "github", operation: "repositories.languages.get", method: "GET", inside: "/repos/acme/web/languages", outside: "/repos/acme/api/languages", absentTarget: "/repos/acme/nothing/languages"},
	{provider: "github", operation: "repositories.topics.list", method: "GET", inside: "/repos/acme/web/topics", outside: "/repos/acme/api/topics", absentTarget: "/repos/acme/nothing/topics"},
	{provider: "github", operation: "repositories.tags.list", method: "GET", inside: "/repos/acme/web/tags", outside: "/repos/acme/api/tags", absentTarget: "/repos/acme/nothing/tags"},
	{provider: "github", operation: "repositories.branches.get", method: "GET", inside: "/repos/acme/web/branches/next", outside: "/repos/acme/api/branches/next", absentTarget: "/repos/acme/nothing/branches/next"},
	{provider: "github", operation: "repositories.commits.get", method: "GET", inside: "/repos/acme/web/commits/main", outside: "/repos/acme/api/commits/main", absentTarget: "/repos/acme/nothing/commits/main"},
	{provider: "github", operation: "repositories.compare", method: "GET", inside: "/repos/acme/web/compare/main...next", outside: "/repos/acme/api/compare/main...next", absentTarget: "/repos/acme/nothing/compare/main...next",
		first: put},
	{provider: "github", operation: "repositories.trees.get", method: "GET", inside: "/repos/acme/web/git/trees/main?recursive=1", outside: "/repos/acme/api/git/trees/main", absentTarget: "/repos/acme/nothing/git/trees/main"},
	{provider: "github", operation: "repositories.releases.list", method: "GET", inside: "/repos/acme/web/releases", outside: "/repos/acme/api/releases", absentTarget: "/repos/acme/nothing/releases"},
	{provider: "github", operation: "repositories.releases.latest", method: "GET", inside: "/repos/acme/web/releases/latest", outside: "/repos/acme/api/releases/latest", absentTarget: "/repos/acme/nothing/releases/latest"},
	{provider: "github", operation: "repositories.releases.by_tag", method: "GET", inside: "/repos/acme/web/releases/tags/v2.4.0", outside: "/repos/acme/api/releases/tags/v2.4.0", absentTarget: "/repos/acme/nothing/releases/tags/v2.4.0"},
	{provider: "github", operation: "repositories.contents.delete", method: "DELETE", inside: "/repos/acme/web/contents/notes.md", outside: "/repos/acme/api/contents/notes.md", absentTarget: "/repos/acme/nothing/contents/notes.md",
		body: `{"message":"Drop notes","sha":"b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0","branch":"next"}`, first: put},
	{provider: "github", operation: "repositories.branches.create", method: "POST", inside: "/repos/acme/web/git/refs", outside: "/repos/acme/api/git/refs", absentTarget: "/repos/acme/nothing/git/refs",
		body: `{"ref":"refs/heads/fix/date-picker","sha":"MAINTIP"}`},
	{provider: "github", operation: "issues.update", method: "PATCH", inside: "/repos/acme/web/issues/1", outside: "/repos/acme/api/issues/1", absentTarget: "/repos/acme/nothing/issues/1",
		body: `{"state":"closed","state_reason":"completed","labels":["done"]}`},
	{provider: "github", operation: "issues.comments.create", method: "POST", inside: "/repos/acme/web/issues/1/comments", outside: "/repos/acme/api/issues/1/comments", absentTarget: "/repos/acme/nothing/issues/1/comments",
		body: `{"body":"Fixed in the next release."}`},
	{provider: "github", operation: "issues.labels.list", method: "GET", inside: "/repos/acme/web/labels", outside: "/repos/acme/api/labels", absentTarget: "/repos/acme/nothing/labels"},
	{provider: "github", operation: "pulls.list", method: "GET", inside: "/repos/acme/web/pulls?state=all&head=acme:next", outside: "/repos/acme/api/pulls", absentTarget: "/repos/acme/nothing/pulls"},
	{provider: "github", operation: "pulls.get", method: "GET", inside: "/repos/acme/web/pulls/2", outside: "/repos/acme/api/pulls/2", absentTarget: "/repos/acme/nothing/pulls/2"},
	{provider: "github", operation: "pulls.files.list", method: "GET", inside: "/repos/acme/web/pulls/2/files", outside: "/repos/acme/api/pulls/2/files", absentTarget: "/repos/acme/nothing/pulls/2/files",
		first: put},
	{provider: "github", operation: "pulls.commits.list", method: "GET", inside: "/repos/acme/web/pulls/2/commits", outside: "/repos/acme/api/pulls/2/commits", absentTarget: "/repos/acme/nothing/pulls/2/commits"},
	{provider: "github", operation: "pulls.reviews.list", method: "GET", inside: "/repos/acme/web/pulls/2/reviews", outside: "/repos/acme/api/pulls/2/reviews", absentTarget: "/repos/acme/nothing/pulls/2/reviews"},
	{provider: "github", operation: "pulls.comments.list", method: "GET", inside: "/repos/acme/web/pulls/2/comments", outside: "/repos/acme/api/pulls/2/comments", absentTarget: "/repos/acme/nothing/pulls/2/comments"},
	{provider: "github", operation: "pulls.create", method: "POST", inside: "/repos/acme/web/pulls", outside: "/repos/acme/api/pulls", absentTarget: "/repos/acme/nothing/pulls",
		body: `{"title":"A new date picker","body":"Closes #5.","head":"next","base":"main","draft":true}`},
	{provider: "github", operation: "pulls.update", method: "PATCH", inside: "/repos/acme/web/pulls/2", outside: "/repos/acme/api/pulls/2", absentTarget: "/repos/acme/nothing/pulls/2",
		body: `{"title":"Bump the test runner to 3"}`},
	{provider: "github", operation: "pulls.reviews.create", method: "POST", inside: "/repos/acme/web/pulls/2/reviews", outside: "/repos/acme/api/pulls/2/reviews", absentTarget: "/repos/acme/nothing/pulls/2/reviews",
		body: `{"body":"Looks right to me.","event":"COMMENT"}`},
	{provider: "github", operation: "pulls.merge", method: "PUT", inside: "/repos/acme/web/pulls/2/merge", outside: "/repos/acme/api/pulls/2/merge", absentTarget: "/repos/acme/nothing/pulls/2/merge",
		body: `{"merge_method":"squash","sha":"NEXTTIP"}`},
	{provider: "github", operation: "actions.workflows.list", method: "GET", inside: "/repos/acme/web/actions/workflows", outside: "/repos/acme/api/actions/workflows", absentTarget: "/repos/acme/nothing/actions/workflows"},
	{provider: "github", operation: "actions.runs.list", method: "GET", inside: "/repos/acme/web/actions/runs?branch=main&status=success", outside: "/repos/acme/api/actions/runs", absentTarget: "/repos/acme/nothing/actions/runs"},
	{provider: "github", operation: "actions.workflows.runs.list", method: "GET", inside: "/repos/acme/web/actions/workflows/ci.yml/runs", outside: "/repos/acme/api/actions/workflows/ci.yml/runs", absentTarget: "/repos/acme/nothing/actions/workflows/ci.yml/runs"},
	{provider: "github", operation: "actions.runs.get", method: "GET", inside: "/repos/acme/web/actions/runs/7001000011", outside: "/repos/acme/api/actions/runs/7001000011", absentTarget: "/repos/acme/nothing/actions/runs/7001000011"},
	{provider: "github", operation: "actions.jobs.list", method: "GET", inside: "/repos/acme/web/actions/runs/7001000011/jobs", outside: "/repos/acme/api/actions/runs/7001000011/jobs", absentTarget: "/repos/acme/nothing/actions/runs/7001000011/jobs"},
	{provider: "github", operation: "actions.workflows.dispatch", method: "POST", inside: "/repos/acme/web/actions/workflows/ci.yml/dispatches", outside: "/repos/acme/api/actions/workflows/ci.yml/dispatches", absentTarget: "/repos/acme/nothing/actions/workflows/ci.yml/dispatches",
		body: `{"ref":"main","inputs":{"environment":"staging"}}`},
	{provider: "github", operation: "actions.runs.rerun", method: "POST", inside: "/repos/acme/web/actions/runs/7001000012/rerun", outside: "/repos/acme/api/actions/runs/7001000012/rerun", absentTarget: "/repos/acme/nothing/actions/runs/7001000012/rerun"},

	{provider: "slack", operation: "auth.test", method: "POST", inside: "/auth.test"},
	{provider: "slack", operation: "team.info", method: "GET", inside: "/team.info"},
	{provider: "slack", operation: "users.conversations", method: "GET", inside: "/users.conversations?types=public_channel,private_channel&limit=100"},
	{provider: "slack", operation: "conversations.list", method: "POST", inside: "/conversations.list", body: `{"limit":100,"exclude_archived":true}`},
	{provider: "slack", operation: "conversations.info", method: "GET", inside: "/conversations.info?channel=C01GENERAL", outside: "/conversations.info?channel=C01RANDOM1", absentTarget: "/conversations.info?channel=C99NOTHING"},
	{provider: "slack", operation: "conversations.history", method: "GET", inside: "/conversations.history?channel=C01GENERAL&limit=2", outside: "/conversations.history?channel=C01RANDOM1", absentTarget: "/conversations.history?channel=C99NOTHING"},
	{provider: "slack", operation: "conversations.replies", method: "GET", inside: "/conversations.replies?channel=C01GENERAL&ts=FIRST", outside: "/conversations.replies?channel=C01RANDOM1&ts=1.1", absentTarget: "/conversations.replies?channel=C99NOTHING&ts=1.1"},
	{provider: "slack", operation: "search.messages", method: "GET", inside: "/search.messages?query=release"},
	{provider: "slack", operation: "files.list", method: "GET", inside: "/files.list?channel=C01GENERAL&count=10&page=1", outside: "/files.list?channel=C01RANDOM1", absentTarget: "/files.list?channel=C99NOTHING"},
	{provider: "slack", operation: "files.info", method: "GET", inside: "/files.info?file=F01HOLIDAYS", outside: "/files.info?file=F01KETTLE1", absentTarget: "/files.info?file=F01NOTHING"},
	{provider: "slack", operation: "users.list", method: "GET", inside: "/users.list?limit=2"},
	{provider: "slack", operation: "users.info", method: "GET", inside: "/users.info?user=U01BEN0002"},
	{provider: "slack", operation: "chat.postMessage", method: "POST", inside: "/chat.postMessage", outside: "/chat.postMessage", absentTarget: "/chat.postMessage",
		body: `{"channel":"C01GENERAL","text":"Release is out"}`, outsideBody: `{"channel":"C01RANDOM1","text":"Release is out"}`, absentBody: `{"channel":"C99NOTHING","text":"Release is out"}`},

	{provider: "slack", operation: "chat.update", method: "POST", inside: "/chat.update", outside: "/chat.update", absentTarget: "/chat.update", first: posted,
		body: `{"channel":"C01GENERAL","ts":"1795521600.000000","text":"Release 3 is out"}`, outsideBody: `{"channel":"C01RANDOM1","ts":"1795521600.000000","text":"x"}`, absentBody: `{"channel":"C01GENERAL","ts":"1.1","text":"x"}`},
	{provider: "slack", operation: "chat.delete", method: "POST", inside: "/chat.delete", outside: "/chat.delete", absentTarget: "/chat.delete", first: posted,
		body: `{"channel":"C01GENERAL","ts":"1795521600.000000"}`, outsideBody: `{"channel":"C01RANDOM1","ts":"1795521600.000000"}`, absentBody: `{"channel":"C01GENERAL","ts":"1.1"}`},
	{provider: "google", operation: "userinfo.get", method: "GET", inside: "/oauth2/v3/userinfo"},
	{provider: "google", operation: "calendarList.list", method: "GET", inside: "/calendar/v3/users/me/calendarList?maxResults=50&fields=items(id)"},
	{provider: "google", operation: "calendarList.get", method: "GET", inside: calendars("calendarList", team, ""), outside: calendars("calendarList", private, ""), absentTarget: calendars("calendarList", nobody, "")},
	{provider: "google", operation: "freebusy.query", method: "POST", inside: "/calendar/v3/freeBusy",
		body: `{"timeMin":"2026-11-24T00:00:00Z","timeMax":"2026-12-24T00:00:00Z","items":[{"id":"` + team + `"},{"id":"` + private + `"},{"id":"` + nobody + `"}]}`},
	{provider: "google", operation: "events.list", method: "GET", inside: calendars("calendars", team, "/events?singleEvents=true&orderBy=startTime&timeMin=2026-11-24T00:00:00Z&maxResults=1"), outside: calendars("calendars", private, "/events"), absentTarget: calendars("calendars", nobody, "/events")},
	{provider: "google", operation: "events.get", method: "GET", inside: calendars("calendars", team, "/events/standup0000000001"), outside: calendars("calendars", private, "/events/dentist0000000001"), absentTarget: calendars("calendars", nobody, "/events/dentist0000000001")},
	{provider: "google", operation: "events.insert", method: "POST", inside: calendars("calendars", team, "/events"), outside: calendars("calendars", "primary", "/events"), absentTarget: calendars("calendars", nobody, "/events"),
		body: `{"id":"plan0001","summary":"Planning","location":"Kitchen","start":{"dateTime":"2026-12-01T09:00:00Z","timeZone":"Europe/Lisbon"},"end":{"dateTime":"2026-12-01T10:00:00Z"},"transparency":"opaque"}`},
	{provider: "google", operation: "events.patch", method: "PATCH", inside: calendars("calendars", team, "/events/launch00000000001"), outside: calendars("calendars", private, "/events/dentist0000000001"), absentTarget: calendars("calendars", nobody, "/events/dentist0000000001"),
		body: `{"summary":"Relaunch, second try","start":{"date":"2026-12-20"},"end":{"date":"2026-12-21"}}`},
	{provider: "google", operation: "events.delete", method: "DELETE", inside: calendars("calendars", team, "/events/standup0000000001?sendUpdates=all"), outside: calendars("calendars", private, "/events/dentist0000000001"), absentTarget: calendars("calendars", nobody, "/events/dentist0000000001")},

	{provider: "google", operation: "files.list", method: "GET", inside: drive("?q=" + url.QueryEscape("'"+plans+"' in parents and trashed = false") + "&orderBy=name&pageSize=2&fields=files(id)"), outside: drive("?q=" + url.QueryEscape("'"+diaries+"' in parents")), absentTarget: drive("?q=" + url.QueryEscape("'"+noFile+"' in parents"))},
	{provider: "google", operation: "files.get", method: "GET", inside: drive("/" + plan + "?fields=*&supportsAllDrives=true"), outside: drive("/" + diary), absentTarget: drive("/" + noFile)},
	{provider: "google", operation: "files.download", method: "GET", inside: drive("/" + notes + "?alt=media"), outside: drive("/1AnaInvoice0100000000000000000000?alt=media"), absentTarget: drive("/" + noFile + "?alt=media")},
	{provider: "google", operation: "files.export", method: "GET", inside: drive("/" + plan + "/export?mimeType=text/plain"), outside: drive("/" + diary + "/export?mimeType=text/plain"), absentTarget: drive("/" + noFile + "/export?mimeType=text/plain")},
	{provider: "google", operation: "files.create", method: "POST", inside: drive(""), outside: drive(""), absentTarget: drive(""),
		body:        `{"id":"1New0000000000000000000000000000001","name":"Pictures","mimeType":"application/vnd.google-apps.folder","parents":["` + plans + `"]}`,
		outsideBody: `{"name":"x","parents":["` + diaries + `"]}`, absentBody: `{"name":"x","parents":["` + noFile + `"]}`},
	{provider: "google", operation: "files.update", method: "PATCH", inside: drive("/" + plan), outside: drive("/" + diary), absentTarget: drive("/" + noFile),
		body: `{"name":"Relaunch plan, second try","description":"From Monday","starred":true}`},
	{provider: "google", operation: "files.upload", method: "POST", inside: "/upload/drive/v3/files?uploadType=multipart", outside: "/upload/drive/v3/files?uploadType=multipart", absentTarget: "/upload/drive/v3/files?uploadType=multipart",
		body: related(`{"id":"1New0000000000000000000000000000002","name":"list.txt","parents":["` + plans + `"]}`), outsideBody: related(`{"name":"x","parents":["` + diaries + `"]}`), absentBody: related(`{"name":"x","parents":["` + noFile + `"]}`)},
	{provider: "google", operation: "files.content.update", method: "PATCH", inside: "/upload/drive/v3/files/" + notes + "?uploadType=multipart", outside: "/upload/drive/v3/files/" + diary + "?uploadType=multipart", absentTarget: "/upload/drive/v3/files/" + noFile + "?uploadType=multipart",
		body: related(`{}`)},
	{provider: "google", operation: "files.trash", method: "PATCH", inside: drive("/" + notes), outside: drive("/" + diary), absentTarget: drive("/" + noFile),
		body: `{"trashed":true}`},

	{provider: "notion", operation: "users.me", method: "GET", inside: "/v1/users/me"},
	{provider: "notion", operation: "search", method: "POST", inside: "/v1/search", body: `{"query":"o","filter":{"property":"object","value":"page"},"sort":{"timestamp":"last_edited_time","direction":"ascending"}}`},
	{provider: "notion", operation: "pages.retrieve", method: "GET", inside: "/v1/pages/" + holidays, outside: "/v1/pages/" + finance, absentTarget: "/v1/pages/" + noPage},
	{provider: "notion", operation: "pages.properties.retrieve", method: "GET", inside: "/v1/pages/" + holidays + "/properties/title", outside: "/v1/pages/" + finance + "/properties/title", absentTarget: "/v1/pages/" + noPage + "/properties/title"},
	{provider: "notion", operation: "pages.create", method: "POST", inside: "/v1/pages", outside: "/v1/pages", absentTarget: "/v1/pages",
		body:        `{"parent":{"type":"data_source_id","data_source_id":"` + tasks + `"},"properties":{"Name":{"title":[{"text":{"content":"Call the printer"}}]},"Hours":{"number":1.5},"Due":{"date":null},"Urgent":{"checkbox":true}},"children":[{"object":"block","type":"to_do","to_do":{"rich_text":[{"type":"text","text":{"content":"Ask for the price","link":null},"annotations":{"bold":true}}],"checked":false}}]}`,
		outsideBody: `{"parent":{"data_source_id":"` + budget + `"},"properties":{"Name":{"title":[{"text":{"content":"x"}}]}}}`,
		absentBody:  `{"parent":{"data_source_id":"` + noPage + `"},"properties":{"Name":{"title":[{"text":{"content":"x"}}]}}}`},
	{provider: "notion", operation: "pages.update", method: "PATCH", inside: "/v1/pages/" + row, outside: "/v1/pages/" + finance, absentTarget: "/v1/pages/" + noPage,
		body: `{"properties":{"Status":{"status":{"name":"Done"}},"Tags":{"multi_select":[{"name":"web"}]},"Notes":{"rich_text":[{"text":{"content":"Checked","link":{"url":"https://example.com/a"}}}]},"Due":{"date":{"start":"2026-12-01"}}}}`},
	{provider: "notion", operation: "pages.trash", method: "PATCH", inside: "/v1/pages/" + holidays, outside: "/v1/pages/" + finance, absentTarget: "/v1/pages/" + noPage, body: `{"in_trash":true}`},
	{provider: "notion", operation: "blocks.retrieve", method: "GET", inside: "/v1/blocks/" + holidays, outside: "/v1/blocks/" + finance, absentTarget: "/v1/blocks/" + noPage},
	{provider: "notion", operation: "blocks.children.list", method: "GET", inside: "/v1/blocks/" + handbook + "/children?page_size=2", outside: "/v1/blocks/" + finance + "/children", absentTarget: "/v1/blocks/" + noPage + "/children"},
	{provider: "notion", operation: "blocks.children.append", method: "PATCH", inside: "/v1/blocks/" + holidays + "/children", outside: "/v1/blocks/" + finance + "/children", absentTarget: "/v1/blocks/" + noPage + "/children",
		body: `{"children":[{"toggle":{"rich_text":[{"text":{"content":"In summer"}}],"children":[{"paragraph":{"rich_text":[{"text":{"content":"Three weeks."}}]}}]}}],"after":"` + block + `"}`},
	{provider: "notion", operation: "blocks.update", method: "PATCH", inside: "/v1/blocks/" + block, outside: "/v1/blocks/" + secret, absentTarget: "/v1/blocks/" + noPage,
		body: `{"paragraph":{"rich_text":[{"text":{"content":"Tell us a month ahead."}}]}}`},
	{provider: "notion", operation: "blocks.delete", method: "DELETE", inside: "/v1/blocks/" + holidays, outside: "/v1/blocks/" + finance, absentTarget: "/v1/blocks/" + noPage},
	{provider: "notion", operation: "databases.retrieve", method: "GET", inside: "/v1/databases/" + tasksBase, outside: "/v1/databases/" + budgetBase, absentTarget: "/v1/databases/" + noPage,
		more: []string{projects}},
	{provider: "notion", operation: "data_sources.retrieve", method: "GET", inside: "/v1/data_sources/" + tasks, outside: "/v1/data_sources/" + budget, absentTarget: "/v1/data_sources/" + noPage},
	{provider: "notion", operation: "data_sources.query", method: "POST", inside: "/v1/data_sources/" + tasks + "/query", outside: "/v1/data_sources/" + budget + "/query", absentTarget: "/v1/data_sources/" + noPage + "/query",
		body: `{"filter":{"and":[{"property":"Hours","number":{"greater_than_or_equal_to":1}},{"or":[{"property":"Name","title":{"contains":"Task 00"}},{"property":"Urgent","checkbox":{"equals":true}}]}]},"sorts":[{"property":"Hours","direction":"descending"},{"timestamp":"created_time","direction":"ascending"}],"page_size":2}`},
	{provider: "notion", operation: "comments.list", method: "GET", inside: "/v1/comments?block_id=" + handbook, outside: "/v1/comments?block_id=" + finance, absentTarget: "/v1/comments?block_id=" + noPage},
	{provider: "notion", operation: "comments.create", method: "POST", inside: "/v1/comments", outside: "/v1/comments", absentTarget: "/v1/comments",
		body:        `{"parent":{"page_id":"` + holidays + `"},"rich_text":[{"text":{"content":"Also for interns?"}}]}`,
		outsideBody: `{"parent":{"page_id":"` + finance + `"},"rich_text":[{"text":{"content":"x"}}]}`,
		absentBody:  `{"parent":{"page_id":"` + noPage + `"},"rich_text":[{"text":{"content":"x"}}]}`},

	{provider: "stripe", operation: "account.retrieve", method: "GET", inside: "/v1/account"},
	{provider: "stripe", operation: "balance.retrieve", method: "GET", inside: "/v1/balance"},
	{provider: "stripe", operation: "payouts.list", method: "GET", inside: "/v1/payouts?limit=3&status=paid&created[gt]=1"},
	{provider: "stripe", operation: "payouts.retrieve", method: "GET", inside: "/v1/payouts/po_NW000000000001"},
	{provider: "stripe", operation: "customers.list", method: "GET", inside: "/v1/customers?limit=100"},
	{provider: "stripe", operation: "customers.retrieve", method: "GET", inside: "/v1/customers/cus_NW000000000001", outside: "/v1/customers/cus_NW000000000002", absentTarget: "/v1/customers/cus_NW000000000099"},
	{provider: "stripe", operation: "invoices.retrieve", method: "GET", inside: "/v1/invoices/in_NW000000000001", outside: "/v1/invoices/in_NW000000000002", absentTarget: "/v1/invoices/in_NW000000000099"},
	{provider: "stripe", operation: "charges.retrieve", method: "GET", inside: "/v1/charges/ch_NW000000000001", outside: "/v1/charges/ch_NW000000000002", absentTarget: "/v1/charges/ch_NW000000000099"},
	{provider: "stripe", operation: "payment_intents.retrieve", method: "GET", inside: "/v1/payment_intents/pi_NW000000000001", outside: "/v1/payment_intents/pi_NW000000000002", absentTarget: "/v1/payment_intents/pi_NW000000000099"},
	{provider: "stripe", operation: "subscriptions.retrieve", method: "GET", inside: "/v1/subscriptions/sub_NW000000000005", outside: "/v1/subscriptions/sub_NW000000000010", absentTarget: "/v1/subscriptions/sub_NW000000000099"},
	{provider: "stripe", operation: "refunds.retrieve", method: "GET", inside: "/v1/refunds/re_1Sim000000000001", outside: "/v1/refunds/re_1Sim000000000099", absentTarget: "/v1/refunds/re_1Sim000000000098", first: &call{"POST", "/v1/refunds", "charge=ch_NW000000000001&amount=100"}},
	{provider: "stripe", operation: "invoices.list", method: "GET", inside: "/v1/invoices?limit=2&customer=cus_NW000000000001&status=paid", outside: "/v1/invoices?customer=cus_NW000000000002", absentTarget: "/v1/invoices?customer=cus_NW000000000099"},
	{provider: "stripe", operation: "invoiceitems.list", method: "GET", inside: "/v1/invoiceitems?limit=2&customer=cus_NW000000000001", outside: "/v1/invoiceitems?customer=cus_NW000000000002", absentTarget: "/v1/invoiceitems?customer=cus_NW000000000099"},
	{provider: "stripe", operation: "charges.list", method: "GET", inside: "/v1/charges?limit=2&customer=cus_NW000000000001&created[gte]=1&created[lt]=9999999999", outside: "/v1/charges?customer=cus_NW000000000002", absentTarget: "/v1/charges?customer=cus_NW000000000099"},
	{provider: "stripe", operation: "payment_intents.list", method: "GET", inside: "/v1/payment_intents?limit=2&customer=cus_NW000000000001", outside: "/v1/payment_intents?customer=cus_NW000000000002", absentTarget: "/v1/payment_intents?customer=cus_NW000000000099"},
	{provider: "stripe", operation: "subscriptions.list", method: "GET", inside: "/v1/subscriptions?limit=2&customer=cus_NW000000000005&status=all", outside: "/v1/subscriptions?customer=cus_NW000000000002", absentTarget: "/v1/subscriptions?customer=cus_NW000000000099"},
	{provider: "stripe", operation: "refunds.list", method: "GET", inside: "/v1/refunds?charge=ch_NW000000000001", outside: "/v1/refunds?charge=ch_NW000000000002", absentTarget: "/v1/refunds?charge=ch_NW000000000099", first: &call{"POST", "/v1/refunds", "charge=ch_NW000000000001&amount=100"}},
	{provider: "stripe", operation: "customers.create", method: "POST", inside: "/v1/customers", body: "name=Dora+Lind&email=dora%40buyers.example&address[city]=Faro&address[country]=PT&metadata[source]=form", everything: true},
	{provider: "stripe", operation: "customers.update", method: "POST", inside: "/v1/customers/cus_NW000000000001", outside: "/v1/customers/cus_NW000000000002", absentTarget: "/v1/customers/cus_NW000000000099", body: "phone=%2B351+1&metadata[vip]=yes&metadata[old]="},
	{provider: "stripe", operation: "invoices.create", method: "POST", inside: "/v1/invoices", outside: "/v1/invoices", absentTarget: "/v1/invoices", body: "customer=cus_NW000000000001&collection_method=send_invoice&days_until_due=14&description=Beans", outsideBody: "customer=cus_NW000000000002", absentBody: "customer=cus_NW000000000099"},
	{provider: "stripe", operation: "invoices.update", method: "POST", inside: "/v1/invoices/in_NW000000000003", outside: "/v1/invoices/in_NW000000000006", absentTarget: "/v1/invoices/in_NW000000000099", body: "description=More+beans"},
	{provider: "stripe", operation: "invoiceitems.create", method: "POST", inside: "/v1/invoiceitems", outside: "/v1/invoiceitems", absentTarget: "/v1/invoiceitems", body: "customer=cus_NW000000000003&invoice=in_NW000000000003&amount=700&currency=eur&description=Beans", outsideBody: "customer=cus_NW000000000002&invoice=in_NW000000000003&amount=700", absentBody: "customer=cus_NW000000000099&invoice=in_NW000000000003&amount=700"},
	{provider: "stripe", operation: "refunds.create", method: "POST", inside: "/v1/refunds", outside: "/v1/refunds", absentTarget: "/v1/refunds", body: "payment_intent=pi_NW000000000001&amount=500&reason=requested_by_customer", outsideBody: "charge=ch_NW000000000002", absentBody: "charge=ch_NW000000000099"},
	{provider: "stripe", operation: "subscriptions.update", method: "POST", inside: "/v1/subscriptions/sub_NW000000000005", outside: "/v1/subscriptions/sub_NW000000000010", absentTarget: "/v1/subscriptions/sub_NW000000000099", body: "cancel_at_period_end=true&items[0][id]=si_NW000000000005&items[0][price]=price_NW000000000002"},

	{provider: "gmail", operation: "labels.list", method: "GET", inside: "/gmail/v1/users/me/labels?fields=labels(id)"},
	{provider: "gmail", operation: "labels.get", method: "GET", inside: mailbox("labels/" + customers), outside: mailbox("labels/INBOX"), absentTarget: mailbox("labels/Label_9")},
	{provider: "gmail", operation: "messages.list", method: "GET", inside: mailbox("messages?labelIds=" + customers + "&maxResults=5"), outside: mailbox("messages?labelIds=INBOX"), absentTarget: mailbox("messages?labelIds=Label_9")},
	{provider: "gmail", operation: "messages.search", method: "GET", inside: mailbox("messages?labelIds=" + customers + "&q=from:carla"), outside: mailbox("messages?labelIds=INBOX&q=code"), absentTarget: mailbox("messages?labelIds=Label_9&q=code")},
	{provider: "gmail", operation: "messages.get", method: "GET", inside: mailbox("messages/" + receipt), outside: mailbox("messages/" + texts), absentTarget: mailbox("messages/" + noMail)},
	{provider: "gmail", operation: "messages.headers.get", method: "GET", inside: mailbox("messages/" + order + "?format=metadata&metadataHeaders=Subject"), outside: mailbox("messages/" + texts + "?format=metadata"), absentTarget: mailbox("messages/" + noMail + "?format=metadata")},
	{provider: "gmail", operation: "threads.list", method: "GET", inside: mailbox("threads?labelIds=" + customers), outside: mailbox("threads?labelIds=INBOX"), absentTarget: mailbox("threads?labelIds=Label_9")},
	{provider: "gmail", operation: "threads.search", method: "GET", inside: mailbox("threads?labelIds=" + customers + "&q=subject:order"), outside: mailbox("threads?labelIds=INBOX&q=code"), absentTarget: mailbox("threads?labelIds=Label_9&q=code")},
	{provider: "gmail", operation: "threads.get", method: "GET", inside: mailbox("threads/" + order), outside: mailbox("threads/" + texts), absentTarget: mailbox("threads/" + noMail)},
	{provider: "gmail", operation: "threads.headers.get", method: "GET", inside: mailbox("threads/" + order + "?format=minimal"), outside: mailbox("threads/" + texts + "?format=minimal"), absentTarget: mailbox("threads/" + noMail + "?format=minimal")},
	{provider: "gmail", operation: "messages.attachments.get", method: "GET", inside: mailbox("messages/" + receipt + "/attachments/ANGj" + receipt + "-0"), outside: mailbox("messages/" + texts + "/attachments/ANGj" + texts + "-0"), absentTarget: mailbox("messages/" + noMail + "/attachments/ANGj" + noMail + "-0")},
	{provider: "gmail", operation: "drafts.create", method: "POST", inside: mailbox("drafts"), body: `{"message":{"raw":"` + toCarla + `"}}`},
	{provider: "gmail", operation: "drafts.update", method: "PUT", inside: mailbox("drafts/r18c0000000000024"), body: `{"message":{"raw":"` + toCarla + `"}}`,
		first: &call{"POST", mailbox("drafts"), `{"message":{"raw":"` + toCarla + `"}}`}, outside: mailbox("drafts/r18c0000000000001"), absentTarget: mailbox("drafts/r1")},
}

// toCarla is an e-mail to a customer, in base64url.
var toCarla = base64.RawURLEncoding.EncodeToString([]byte("To: carla@customer.example\r\nSubject: Your order\r\n\r\nFour boxes.\r\n"))

// nobody is a calendar that does not exist.
const nobody = "nobody@northwind.example"

// Files and folders of the simulated Google; work has all but the diary in it.
const (
	work    = "1AnaProjectsFolder0000000000000000"
	plans   = "1AnaRelaunchFolder0000000000000000"
	plan    = "1AnaRelaunchPlanDoc000000000000000"
	notes   = "1AnaMeetingNotesTxt000000000000000"
	diaries = "1AnaPrivateFolder00000000000000000"
	diary   = "1AnaDiaryDoc0000000000000000000000"
	noFile  = "1Nothing00000000000000000000000000"
)

// related is a body of what is said of a file, and the file.
func related(said string) string {
	return "--x\r\nContent-Type: application/json\r\n\r\n" + said + "\r\n--x\r\nContent-Type: text/plain\r\n\r\nfour boxes\r\n--x--\r\n"
}

func drive(rest string) string { return "/drive/v3/files" + rest }

func mailbox(rest string) string { return "/gmail/v1/users/me/" + rest }

// calendars is a path below a calendar, its id escaped as Google's library does it.
func calendars(list, id, rest string) string {
	if list == "calendarList" {
		list = "users/me/calendarList"
	}
	return "/calendar/v3/" + list + "/" + url.QueryEscape(id) + rest
}

// More of the simulated Notion: a row of the tasks, a line in the holidays and one
// in finance, the page around the tasks, the databases that hold the two.
const (
	row        = "1a000000-0000-4000-8000-000000000201"
	block      = "1a000000-0000-4000-8000-000000000110"
	secret     = "1a000000-0000-4000-8000-000000000130"
	projects   = "1a000000-0000-4000-8000-000000000007"
	tasksBase  = "1a000000-0000-4000-8000-000000000008"
	budgetBase = "1a000000-0000-4000-8000-000000000005"
	noPage     = "1a000000-0000-4000-8000-000000000999"
)

func (w *world) target(text string) string {
	first := "1.1"
	if messages := w.slack.Messages("general"); len(messages) > 0 {
		first = messages[0].TS
	}
	return strings.NewReplacer("WEB", w.ids["acme/web"], "API", w.ids["acme/api"], "FIRST", first,
		"MAINTIP", tip("commit 700100001 0"), "NEXTTIP", tip("commit 700100001 1")).Replace(text)
}

func TestEachOperationInsideAndOutsideTheLimit(t *testing.T) {
	for _, e := range examples {
		name := string(e.provider) + "." + e.operation
		if strings.Contains(e.inside, "WEB") {
			name += ".by_id"
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).allowAll()
			if e.everything {
				w = newWorld(t).allow("", []consent.ScopeName{"agents.writes.unattended"}).allowEverything(onTill, "services.stripe.customers.write")
			}
			if e.more != nil {
				w.allow(onWiki, []consent.ScopeName{"services.notion.pages.read"}, e.more...)
			}
			if e.first != nil {
				if _, refusal := w.ask(e.first.method, e.provider, e.first.target, e.first.body); refusal != nil {
					t.Fatalf("first: %v", refusal)
				}
			}
			e.body = w.target(e.body)
			answer, refusal := w.ask(e.method, e.provider, w.target(e.inside), e.body)
			if refusal != nil {
				t.Fatalf("inside: %v", refusal)
			}
			if got := w.audit.last(); got.Outcome != broker.Done || got.Operation != e.operation {
				t.Errorf("recorded %s of %s, want done of %s", got.Outcome, got.Operation, e.operation)
			}
			w.golden(t, name, answer)
			if e.outside == "" {
				return
			}
			body := e.body
			if e.outsideBody != "" {
				body = e.outsideBody
			}
			before := w.writes()
			_, outside := w.ask(e.method, e.provider, w.target(e.outside), body)
			if outside == nil {
				t.Fatal("outside the limit, and answered")
			}
			if got := w.audit.last(); got.Outcome != broker.Denied || got.Reason != broker.CodeResource {
				t.Errorf("recorded %s, %s; want denied, %s", got.Outcome, got.Reason, broker.CodeResource)
			}
			if e.absentBody != "" {
				body = e.absentBody
			}
			_, absent := w.ask(e.method, e.provider, w.target(e.absentTarget), body)
			if absent == nil {
				t.Fatal("absent, and answered")
			}
			// Nobody can tell a resource they may not see from one that is not there.
			if outside.Status != absent.Status || outside.Code != absent.Code || outside.Message != absent.Message ||
				outside.Status != 404 || len(outside.Missing)+len(absent.Missing) > 0 {
				t.Errorf("outside: %+v\nabsent:  %+v", outside, absent)
			}
			if w.writes() != before {
				t.Error("something was written outside the limit")
			}
		})
	}
}

// writes counts the writes that reached the providers.
func (w *world) writes() int {
	n := 0
	for _, c := range w.github.Calls() {
		if c.Method != "GET" && strings.HasPrefix(c.Path, "/api/v3/") {
			n++
		}
	}
	for _, c := range w.google.Calls() {
		if c.Method != "GET" && (strings.HasPrefix(c.Path, "/calendar/v3/calendars/") || strings.HasPrefix(c.Path, "/drive/") || strings.HasPrefix(c.Path, "/upload/") || strings.HasPrefix(c.Path, "/gmail/")) {
			n++
		}
	}
	for _, c := range w.notion.Calls() {
		if c.Method != "GET" && c.Path != "/v1/oauth/token" && c.Path != "/v1/search" && !strings.HasSuffix(c.Path, "/query") {
			n++
		}
	}
	for _, c := range w.stripe.Calls() {
		if c.Method != "GET" && c.Path != "/v1/oauth/token" && strings.HasPrefix(c.Path, "/v1/") {
			n++
		}
	}
	for _, c := range w.slack.Calls() {
		if strings.HasPrefix(c.Path, "/api/chat.") {
			n++
		}
	}
	return n
}

func TestEveryOperationHasAnExample(t *testing.T) {
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, e := range examples {
		have[string(e.provider)+"."+e.operation] = true
	}
	for id, p := range c.Providers {
		for _, o := range p.Operations {
			if !have[string(id)+"."+o.ID] {
				t.Errorf("no example of %s %s", id, o.ID)
			}
		}
	}
}
