package simulator

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const maxIssues = 1000

// account is a person or an organisation at GitHub.
type account struct {
	id      int64
	login   string
	name    string
	org     bool
	members []string // logins; organisations only
}

func (a *account) kind() string {
	if a.org {
		return "Organization"
	}
	return "User"
}

// repository is one repository with everything the API can show of it.
type repository struct {
	id          int64
	owner       *account
	name        string
	description string
	private     bool
	archived    bool
	language    string
	branch      string
	created     time.Time
	pushed      time.Time
	files       map[string]string
	made        map[string]string // branches that were made here → commit
	runs        []*run            // builds, oldest first
	// drafts are files written here, by branch, over what every branch has.
	drafts  map[string]map[string]string
	writers []string // logins beyond the owner who can push
	readers []string // logins who can look
	issues  []*issue // by number, from 1
	// rawToken and cloneToken are the credentials GitHub itself puts into the
	// bodies of answers about private repositories.
	rawToken   string
	cloneToken string
}

// issue is an issue or, as in GitHub's lists, a pull request.
type issue struct {
	number  int
	title   string
	body    string
	author  *account
	labels  []string
	closed  bool
	pull    bool
	created time.Time
	asked   pull // of a pull request

	comments []comment
}

// comment is something said below an issue.
type comment struct {
	author *account
	text   string
	at     time.Time
}

// commit is one version of a repository.
type commit struct {
	sha     string
	message string
	at      time.Time
}

func (r *repository) fullName() string { return r.owner.login + "/" + r.name }

// canPush reports whether this person may change the repository.
func (r *repository) canPush(login string) bool {
	return r.owner.login == login || slices.Contains(r.writers, login)
}

// canSee reports whether this person, "" for nobody, may look at it.
func (r *repository) canSee(login string) bool {
	return !r.private || login != "" && (r.canPush(login) || slices.Contains(r.readers, login))
}

// listed reports whether it belongs in this person's own list.
func (r *repository) listed(login string) bool {
	return r.canPush(login) || slices.Contains(r.readers, login)
}

// commits returns the history, newest first. It is computed: nobody pushes here.
func (r *repository) commits() []commit {
	messages := []string{"Tidy up before the release", "Add the first tests", "Start " + r.name}
	history := make([]commit, len(messages))
	for i, message := range messages {
		history[i] = commit{
			sha:     sha1Hex(fmt.Sprintf("commit %d %d", r.id, i)),
			message: message,
			at:      r.pushed.AddDate(0, 0, -3*i),
		}
	}
	return history
}

// file returns a file of a branch or commit; "" is the default branch.
func (r *repository) file(ref, at string) (string, bool) {
	content, written := r.drafts[strings.TrimPrefix(ref, "refs/heads/")][at]
	if !written {
		content, written = r.files[at]
	}
	return content, written
}

// branches are the default branch at the newest commit, one behind it and those
// that were made here.
func (r *repository) branches() []string {
	return append([]string{"next", r.branch}, slices.Sorted(maps.Keys(r.made))...)
}

// known reports whether ref names a branch or a commit of this repository.
func (r *repository) known(ref string) bool {
	return ref == "" || slices.Contains(r.branches(), strings.TrimPrefix(ref, "refs/heads/")) ||
		slices.ContainsFunc(r.commits(), func(c commit) bool { return c.sha == ref })
}

// world is everything that exists at the simulated GitHub.
type world struct {
	accounts []*account
	repos    []*repository
	moved    map[string]int64 // former full name, lower case → id
}

// account finds a person or an organisation by login, without regard to case.
func (w *world) account(login string) *account {
	for _, a := range w.accounts {
		if strings.EqualFold(a.login, login) {
			return a
		}
	}
	return nil
}

// person finds somebody who can sign in.
func (w *world) person(login string) *account {
	a := w.account(login)
	if a == nil || a.org {
		return nil
	}
	return a
}

// people are the logins that can sign in.
func (w *world) people() []string {
	var logins []string
	for _, a := range w.accounts {
		if !a.org {
			logins = append(logins, a.login)
		}
	}
	return logins
}

// orgsOf are the organisations a person is a member of.
func (w *world) orgsOf(login string) []*account {
	var orgs []*account
	for _, a := range w.accounts {
		if a.org && slices.Contains(a.members, login) {
			orgs = append(orgs, a)
		}
	}
	return orgs
}

func (w *world) byID(id int64) *repository {
	for _, r := range w.repos {
		if r.id == id {
			return r
		}
	}
	return nil
}

// byName finds a repository by its present full name, without regard to case.
func (w *world) byName(fullName string) *repository {
	for _, r := range w.repos {
		if strings.EqualFold(r.fullName(), fullName) {
			return r
		}
	}
	return nil
}

// rename gives a repository another full name, perhaps with another owner, and
// leaves the old name behind as a redirect.
func (w *world) rename(from, to string) error {
	r := w.byName(from)
	if r == nil {
		return fmt.Errorf("rename %s: no such repository", from)
	}
	if w.byName(to) != nil {
		return fmt.Errorf("rename %s: %s exists", from, to)
	}
	login, name, ok := strings.Cut(to, "/")
	owner := w.account(login)
	if !ok || owner == nil {
		return fmt.Errorf("rename %s: %s has no known owner", from, to)
	}
	w.moved[strings.ToLower(from)] = r.id
	delete(w.moved, strings.ToLower(to))
	r.owner, r.name = owner, name
	return nil
}

// storefront gives acme/web another name, and its name to another repository.
func (w *world) storefront(now time.Time) {
	const taken = "acme/web"
	if w.rename(taken, "acme/storefront") != nil {
		return // it was done before
	}
	w.add(w.account("acme"), seedRepo{700100099, "web", "Took the name", false, 0, false}, now.UTC().Truncate(24*time.Hour))
	delete(w.moved, taken)
}

// open adds an issue and returns it, or nil when the repository is full.
func (r *repository) open(author *account, title, body string, labels []string, at time.Time) *issue {
	if len(r.issues) >= maxIssues {
		return nil
	}
	added := &issue{number: len(r.issues) + 1, title: title, body: body, author: author, labels: labels, created: at}
	r.issues = append(r.issues, added)
	return added
}

// sha1Hex names things the way git does. Git's names are SHA-1; nothing here
// is secured by them.
func sha1Hex(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func blobSHA(content string) string {
	return sha1Hex(fmt.Sprintf("blob %d\x00%s", len(content), content))
}
