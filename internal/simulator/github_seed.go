package simulator

import (
	"fmt"
	"time"
)

// seedRepo is one line of the table of repositories that always exist.
type seedRepo struct {
	id          int64
	name        string
	description string
	private     bool
	daysAgo     int
	hubotWrites bool
}

// acmeRepos is the company's work. One id is beyond 32 bits, as GitHub's will
// be: whoever stores ids too small finds out here.
func acmeRepos() []seedRepo {
	return []seedRepo{
		{700100001, "web", "The shop front", true, 0, true},
		{700100002, "api", "Orders and stock", true, 1, true},
		{5000000103, "infra", "Servers and networks", true, 8, false},
		{700100004, "design-tokens", "Colours and type for all apps", true, 5, false},
		{700100005, "docs", "Handbook and guides", false, 7, true},
		{700100006, "mobile", "Phone app", true, 17, false},
		{700100007, "payments-reconciliation-and-reporting", "Monthly books", true, 23, false},
		{700100008, "playground", "", true, 80, false},
	}
}

// newWorld makes the same GitHub every time, dated from now.
func newWorld(now time.Time) *world {
	today := now.UTC().Truncate(24 * time.Hour)
	octocat := &account{id: 583231, login: "octocat", name: "The Octocat"}
	hubot := &account{id: 480938, login: "hubot", name: "Hubot"}
	acme := &account{id: 90210001, login: "acme", name: "Acme", org: true, members: []string{"octocat", "hubot"}}
	w := &world{accounts: []*account{octocat, hubot, acme}, moved: map[string]int64{}}

	for _, s := range acmeRepos() {
		r := w.add(acme, s, today)
		r.writers = []string{"octocat"}
		if s.hubotWrites {
			r.writers = append(r.writers, "hubot")
		}
	}
	w.moved["acme/webshop"] = w.byName("acme/web").id
	w.add(octocat, seedRepo{1296269, "hello-world", "My first repository on GitHub!", false, 30, false}, today)
	for i := 1; i <= 36; i++ {
		s := seedRepo{
			id: 710200000 + int64(i), name: fmt.Sprintf("experiment-%02d", i),
			description: fmt.Sprintf("Small experiment number %d", i), private: i%2 == 0, daysAgo: 90 + i,
		}
		w.add(octocat, s, today).archived = i%12 == 0
	}
	w.add(hubot, seedRepo{710300001, "hubot-scripts", "Scripts for a robot", true, 12, false}, today)

	web := w.byName("acme/web")
	for i, title := range []string{"Update the date picker", "Cart forgets its items", "Search is slow on phones",
		"Wrong currency on receipts", "Add a dark theme", "Checkout button overlaps the footer"} {
		web.open(octocat, title, "Seen by a customer this week.", []string{"bug"}, today.Add(time.Duration(i-6)*time.Hour))
	}
	return w
}

// add creates one repository with files and a few issues.
func (w *world) add(owner *account, s seedRepo, today time.Time) *repository {
	pushed := today.AddDate(0, 0, -s.daysAgo)
	r := &repository{
		id: s.id, owner: owner, name: s.name, description: s.description, private: s.private,
		language: "JavaScript", branch: "main", created: pushed.AddDate(-1, 0, 0), pushed: pushed,
		files: seedFiles(owner.login, s), drafts: map[string]map[string]string{}, made: map[string]string{},
	}
	if s.private {
		r.rawToken, r.cloneToken = "A"+randomText(28), "A"+randomText(28)
	}
	author := w.accounts[0]
	r.open(author, "Update lodash to 4.17.21", "The package list pins an old version.", []string{"dependencies"}, pushed.Add(-72*time.Hour)).
		comments = []comment{{w.accounts[1], "Nothing else depends on the old one.", pushed.Add(-60 * time.Hour)}}
	r.open(w.accounts[1], "Bump the test runner", "Opened by a robot.", []string{"dependencies"}, pushed.Add(-48*time.Hour)).pullFrom("next", "main")
	r.open(author, "Write down how to start "+s.name, "New people ask every week.", []string{"documentation"}, pushed.Add(-24*time.Hour))
	r.open(author, "Remove the old build", "", nil, pushed.Add(-12*time.Hour)).closed = true
	r.runs = []*run{
		{id: s.id*10 + 1, branch: "main", event: "push", state: "completed", end: "success", at: pushed},
		{id: s.id*10 + 2, branch: "next", event: "pull_request", state: "completed", end: "failure", at: pushed.Add(time.Hour)},
	}
	w.repos = append(w.repos, r)
	return r
}

func seedFiles(owner string, s seedRepo) map[string]string {
	about := s.description
	if about == "" {
		about = "Nothing much yet."
	}
	return map[string]string{
		"README.md": fmt.Sprintf("# %s\n\n%s\n\nBelongs to %s.\n", s.name, about, owner),
		"package.json": fmt.Sprintf(`{
  "name": "@%s/%s",
  "version": "2.4.0",
  "private": %t,
  "scripts": {
    "start": "node src/index.js",
    "test": "node --test"
  },
  "dependencies": {
    "express": "^4.18.2",
    "lodash": "4.17.15",
    "pino": "^8.16.0"
  },
  "devDependencies": {
    "eslint": "^8.52.0"
  }
}
`, owner, s.name, s.private),
		"src/index.js":        fmt.Sprintf("import { greet } from './lib/greet.js';\n\nconsole.log(greet(%q));\n", s.name),
		"src/lib/greet.js":    "export const greet = (name) => `Hello from ${name}`;\n",
		"docs/how to run.md":  "# How to run\n\n    npm install\n    npm start\n",
		".github/CODEOWNERS":  "* @octocat\n",
		"test/greet.test.mjs": "import { greet } from '../src/lib/greet.js';\n\nconsole.assert(greet('a') === 'Hello from a');\n",
	}
}
