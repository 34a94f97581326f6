package simulator

import (
	"encoding/base64"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
)

func (g *GitHub) getRepo(c apiCall) apiReply {
	return ok(c.site.repository(c.repo, c.caller, true))
}

func (g *GitHub) getReadme(c apiCall) apiReply { return g.fileOrDirectory(c, "README.md") }

func (g *GitHub) getContents(c apiCall) apiReply {
	return g.fileOrDirectory(c, strings.Trim(c.PathValue("path"), "/"))
}

// fileOrDirectory answers with a file's content or with a directory's entries.
func (g *GitHub) fileOrDirectory(c apiCall, at string) apiReply {
	ref := c.query.Get("ref")
	if !c.repo.known(ref) {
		return complaint(404, "No commit found for the ref "+ref)
	}
	content, isFile := c.repo.file(ref, at)
	if isFile {
		if strings.Contains(c.Header.Get("Accept"), ".raw") {
			return apiReply{status: 200, raw: []byte(content)}
		}
		shape := c.site.entry(c.repo, at, "file", len(content), blobSHA(content))
		shape["encoding"], shape["content"] = "base64", wrapped(content)
		return ok(shape)
	}
	entries := directory(c.repo, ref, at)
	if len(entries) == 0 {
		return notFound()
	}
	list := []object{}
	for _, name := range entries {
		full := path.Join(at, name)
		content, isFile := c.repo.file(ref, full)
		if isFile {
			list = append(list, c.site.entry(c.repo, full, "file", len(content), blobSHA(content)))
			continue
		}
		list = append(list, c.site.entry(c.repo, full, "dir", 0, sha1Hex("tree "+full)))
	}
	return ok(list)
}

// directory returns the names directly below a path, in order, each once.
func directory(r *repository, ref, at string) []string {
	prefix := ""
	if at != "" {
		prefix = at + "/"
	}
	var names []string
	files := slices.Collect(maps.Keys(r.files))
	files = slices.AppendSeq(files, maps.Keys(r.drafts[strings.TrimPrefix(ref, "refs/heads/")]))
	for _, file := range files {
		rest, below := strings.CutPrefix(file, prefix)
		if !below {
			continue
		}
		name, _, _ := strings.Cut(rest, "/")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// entry is one file or directory. A private file's download address carries a
// credential, as GitHub's does.
func (s site) entry(r *repository, at, kind string, size int, sha string) object {
	escaped := (&url.URL{Path: at}).EscapedPath()
	self := s.api + "/repos/" + r.fullName() + "/contents/" + escaped + "?ref=" + r.branch
	page := s.web + "/" + r.fullName() + "/blob/" + r.branch + "/" + escaped
	git := s.api + "/repos/" + r.fullName() + "/git/blobs/" + sha
	var download any
	if kind == "file" {
		address := s.web + "/raw/" + r.fullName() + "/" + r.branch + "/" + escaped
		if r.private {
			address += "?token=" + r.rawToken
		}
		download = address
	}
	return object{
		"type": kind, "name": path.Base(at), "path": at, "sha": sha, "size": size, "url": self, "html_url": page, "git_url": git,
		"download_url": download, "_links": object{"self": self, "git": git, "html": page},
	}
}

// wrapped is base64 in lines of 60, the way GitHub sends files.
func wrapped(content string) string {
	encoded := base64.StdEncoding.EncodeToString([]byte(content))
	var lines strings.Builder
	for chunk := range slices.Chunk([]byte(encoded), 60) {
		lines.Write(chunk)
		lines.WriteByte('\n')
	}
	return lines.String()
}

func (g *GitHub) listBranches(c apiCall) apiReply {
	return paged(c, c.repo.idPath("/branches"), c.repo.branches(), func(name string) object { return c.site.branch(c.repo, name) })
}

func (g *GitHub) getBranch(c apiCall) apiReply {
	name := c.PathValue("branch")
	if !slices.Contains(c.repo.branches(), name) {
		return complaint(404, "Branch not found")
	}
	shape := c.site.branch(c.repo, name)
	shape["commit"] = c.site.commit(c.repo, c.repo.head(name))
	return ok(shape)
}

// head is the commit a ref stands for: the default branch has all of them, the
// other one is a commit behind.
func (r *repository) head(ref string) commit {
	history := r.commits()
	for _, one := range history {
		if one.sha == ref {
			return one
		}
	}
	if sha, made := r.made[ref]; made {
		return r.head(sha)
	}
	if ref == r.branch {
		return history[0]
	}
	return history[1]
}

func (s site) branch(r *repository, name string) object {
	head := r.head(name)
	return object{
		"name": name, "protected": name == r.branch,
		"commit": object{"sha": head.sha, "url": s.api + "/repos/" + r.fullName() + "/commits/" + head.sha},
	}
}

func (g *GitHub) listCommits(c apiCall) apiReply {
	history := c.repo.commits()
	if from := c.query.Get("sha"); from != "" {
		if !c.repo.known(from) {
			return notFound()
		}
		for history[0] != c.repo.head(from) {
			history = history[1:]
		}
	}
	return paged(c, c.repo.idPath("/commits"), history, func(one commit) object { return c.site.commit(c.repo, one) })
}

func (g *GitHub) getCommit(c apiCall) apiReply {
	ref := c.PathValue("ref")
	if slices.Contains(c.repo.branches(), ref) {
		return ok(c.site.commit(c.repo, c.repo.head(ref)))
	}
	for _, one := range c.repo.commits() {
		if one.sha == ref {
			return ok(c.site.commit(c.repo, one))
		}
	}
	return complaint(422, "No commit found for SHA: "+ref)
}
