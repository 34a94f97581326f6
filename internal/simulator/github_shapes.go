package simulator

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

const githubTime = time.RFC3339

// nodeID is GitHub's opaque id for its graph: a kind and the number.
func nodeID(kind string, id int64) string {
	return kind + "_" + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d", id))
}

// simpleAccount is an account as it appears inside other objects.
func (s site) simpleAccount(a *account) object {
	self := s.api + "/users/" + a.login
	return object{
		"login": a.login, "id": a.id, "node_id": nodeID(a.kind()[:1], a.id),
		"avatar_url": fmt.Sprintf("https://avatars.githubusercontent.com/u/%d?v=4", a.id), "gravatar_id": "",
		"url": self, "html_url": s.web + "/" + a.login, "followers_url": self + "/followers",
		"organizations_url": self + "/orgs", "repos_url": self + "/repos", "events_url": self + "/events{/privacy}",
		"type": a.kind(), "user_view_type": "public", "site_admin": false,
	}
}

// fullAccount is an account as its own answer.
func (s site) fullAccount(a *account) object {
	shape := s.simpleAccount(a)
	for key, value := range (object{
		"name": a.name, "company": nil, "blog": "", "location": nil, "email": nil, "hireable": nil, "bio": nil,
		"twitter_username": nil, "public_repos": 8, "public_gists": 0, "followers": 42, "following": 9,
		"created_at": "2011-01-25T18:44:36Z", "updated_at": "2026-01-22T11:44:20Z",
	}) {
		shape[key] = value
	}
	return shape
}

// organization is an organisation in a list.
func (s site) organization(a *account) object {
	self := s.api + "/orgs/" + a.login
	return object{
		"login": a.login, "id": a.id, "node_id": nodeID("O", a.id), "url": self, "repos_url": self + "/repos",
		"members_url": self + "/members{/member}", "avatar_url": fmt.Sprintf("https://avatars.githubusercontent.com/u/%d?v=4", a.id),
		"description": a.name + " builds things.",
	}
}

// repository is a repository. full adds what only its own answer has.
func (s site) repository(r *repository, c caller, full bool) object {
	self := s.api + "/repos/" + r.fullName()
	home := s.web + "/" + r.fullName()
	_, host, _ := strings.Cut(s.web, "://")
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	shape := object{
		"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.fullName(), "private": r.private,
		"owner": s.simpleAccount(r.owner), "html_url": home, "description": textOrNull(r.description), "fork": false, "url": self,
		"archive_url": self + "/{archive_format}{/ref}", "branches_url": self + "/branches{/branch}",
		"commits_url": self + "/commits{/sha}", "contents_url": self + "/contents/{+path}", "hooks_url": self + "/hooks",
		"issues_url": self + "/issues{/number}", "keys_url": self + "/keys{/key_id}", "pulls_url": self + "/pulls{/number}",
		"git_url": "git://" + host + "/" + r.fullName() + ".git", "ssh_url": "git@" + host + ":" + r.fullName() + ".git", "clone_url": home + ".git",
		"homepage": nil, "language": r.language, "forks_count": 0, "stargazers_count": 3, "watchers_count": 3, "size": 108,
		"default_branch": r.branch, "open_issues_count": openCount(r), "is_template": false, "topics": []string{},
		"has_issues": true, "has_projects": true, "has_wiki": false, "has_pages": false, "has_downloads": true, "has_discussions": false,
		"archived": r.archived, "disabled": false, "visibility": visibility, "license": nil, "allow_forking": true,
		"created_at": r.created.Format(githubTime), "updated_at": r.pushed.Format(githubTime), "pushed_at": r.pushed.Format(githubTime),
		"permissions": object{
			"admin": r.owner.login == c.login(), "maintain": r.canPush(c.login()), "push": r.canPush(c.login()),
			"triage": r.canPush(c.login()), "pull": true,
		},
	}
	if !full {
		return shape
	}
	shape["temp_clone_token"] = r.cloneToken
	shape["network_count"], shape["subscribers_count"] = 0, 2
	shape["allow_merge_commit"], shape["allow_squash_merge"], shape["delete_branch_on_merge"] = true, true, false
	if r.owner.org {
		shape["organization"] = s.simpleAccount(r.owner)
	}
	return shape
}

func openCount(r *repository) int {
	count := 0
	for _, i := range r.issues {
		if !i.closed {
			count++
		}
	}
	return count
}

func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// issue is an issue or a pull request in the issues API.
func (s site) issue(r *repository, i *issue) object {
	repo := s.api + "/repos/" + r.fullName()
	self := fmt.Sprintf("%s/issues/%d", repo, i.number)
	kind, state := "issues", "open"
	if i.pull {
		kind = "pull"
	}
	page := fmt.Sprintf("%s/%s/%s/%d", s.web, r.fullName(), kind, i.number)
	labels := []object{}
	for n, name := range i.labels {
		labels = append(labels, object{"id": r.id*10 + int64(n), "name": name, "color": "0366d6", "default": false, "description": nil,
			"url": repo + "/labels/" + name})
	}
	id := r.id%1000000*1000 + int64(i.number)
	shape := object{
		"id": id, "node_id": nodeID("I", id), "number": i.number, "title": i.title, "body": textOrNull(i.body),
		"url": self, "repository_url": repo, "labels_url": self + "/labels{/name}", "comments_url": self + "/comments",
		"events_url": self + "/events", "html_url": page, "user": s.simpleAccount(i.author), "labels": labels, "locked": false,
		"assignee": nil, "assignees": []object{}, "milestone": nil, "comments": len(i.comments), "author_association": "MEMBER",
		"active_lock_reason": nil, "state_reason": nil, "closed_at": nil, "closed_by": nil,
		"created_at": i.created.Format(githubTime), "updated_at": i.created.Format(githubTime),
	}
	if i.closed {
		state = "closed"
		shape["state_reason"], shape["closed_at"] = "completed", i.created.Add(time.Hour).Format(githubTime)
	}
	shape["state"] = state
	if i.pull {
		shape["pull_request"] = object{
			"url": fmt.Sprintf("%s/pulls/%d", repo, i.number), "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch", "merged_at": nil,
		}
	}
	return shape
}

// comment is a comment on an issue.
func (s site) comment(r *repository, i *issue, said comment) object {
	id := r.id%1000000*100000 + int64(i.number)*100 + said.at.Unix()%100
	repo, at := s.api+"/repos/"+r.fullName(), said.at.Format(githubTime)
	return object{
		"id": id, "node_id": nodeID("IC", id), "url": fmt.Sprintf("%s/issues/comments/%d", repo, id), "body": said.text,
		"html_url":  fmt.Sprintf("%s/%s/issues/%d#issuecomment-%d", s.web, r.fullName(), i.number, id),
		"issue_url": fmt.Sprintf("%s/issues/%d", repo, i.number), "user": s.simpleAccount(said.author),
		"created_at": at, "updated_at": at, "author_association": "MEMBER",
	}
}

// commit is one commit.
func (s site) commit(r *repository, c commit) object {
	repo := s.api + "/repos/" + r.fullName()
	author := object{"name": r.owner.name, "email": r.owner.login + "@users.noreply.github.com", "date": c.at.Format(githubTime)}
	tree := sha1Hex("tree " + c.sha)
	return object{
		"sha": c.sha, "node_id": nodeID("C", r.id), "url": repo + "/commits/" + c.sha,
		"html_url": s.web + "/" + r.fullName() + "/commit/" + c.sha, "comments_url": repo + "/commits/" + c.sha + "/comments",
		"author": s.simpleAccount(r.owner), "committer": s.simpleAccount(r.owner), "parents": []object{},
		"commit": object{
			"author": author, "committer": author, "message": c.message, "comment_count": 0,
			"tree": object{"sha": tree, "url": repo + "/git/trees/" + tree}, "url": repo + "/git/commits/" + c.sha,
			"verification": object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
		},
	}
}
