package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// codeRoutes are what can be asked of the code beyond files and branches.
func (g *GitHub) codeRoutes() {
	g.handleRepo("GET", "/languages", func(c apiCall) apiReply { return ok(object{c.repo.language: 12345}) })
	g.handleRepo("GET", "/topics", func(c apiCall) apiReply { return ok(object{"names": []string{"shop", "demo"}}) })
	g.handleRepo("GET", "/tags", func(c apiCall) apiReply {
		return paged(c, c.repo.idPath("/tags"), c.repo.tags(), func(name string) object {
			self := c.site.api + "/repos/" + c.repo.fullName()
			sha := c.repo.commits()[1].sha
			return object{"name": name, "commit": object{"sha": sha, "url": self + "/commits/" + sha}, "node_id": nodeID("REF", c.repo.id),
				"zipball_url": self + "/zipball/refs/tags/" + name, "tarball_url": self + "/tarball/refs/tags/" + name}
		})
	})
	g.handleRepo("GET", "/releases", func(c apiCall) apiReply {
		return paged(c, c.repo.idPath("/releases"), c.repo.tags(), func(tag string) object { return c.site.release(c.repo, tag) })
	})
	g.handleRepo("GET", "/releases/latest", func(c apiCall) apiReply { return ok(c.site.release(c.repo, c.repo.tags()[0])) })
	g.handleRepo("GET", "/releases/tags/{tag}", func(c apiCall) apiReply {
		if !slices.Contains(c.repo.tags(), c.PathValue("tag")) {
			return notFound()
		}
		return ok(c.site.release(c.repo, c.PathValue("tag")))
	})
	g.handleRepo("GET", "/git/trees/{sha}", g.getTree)
	g.handleRepo("GET", "/compare/{basehead...}", g.compare)
	g.handleRepo("GET", "/commits/{sha}/branches-where-head", func(c apiCall) apiReply {
		list := []object{}
		for _, name := range c.repo.branches() {
			if c.repo.head(name).sha == c.PathValue("sha") {
				list = append(list, c.site.branch(c.repo, name))
			}
		}
		return ok(list)
	})
}

func (r *repository) tags() []string { return []string{"v2.4.0", "v2.3.1"} }

// release is a release with one file, whose address needs no key.
func (s site) release(r *repository, tag string) object {
	self, page := s.api+"/repos/"+r.fullName(), s.web+"/"+r.fullName()
	id := r.id%1000000*10 + int64(slices.Index(r.tags(), tag))
	at := r.pushed.AddDate(0, 0, -7).Format(githubTime)
	return object{
		"id": id, "node_id": nodeID("RE", id), "tag_name": tag, "name": tag, "body": "What changed in " + tag, "draft": false, "prerelease": false,
		"url": fmt.Sprintf("%s/releases/%d", self, id), "html_url": page + "/releases/tag/" + tag, "target_commitish": r.branch,
		"author": s.simpleAccount(r.owner), "created_at": at, "published_at": at,
		"tarball_url": self + "/tarball/" + tag, "zipball_url": self + "/zipball/" + tag,
		"assets": []object{{"id": id*10 + 1, "name": r.name + ".tgz", "size": 20480, "content_type": "application/gzip", "state": "uploaded",
			"url": fmt.Sprintf("%s/releases/assets/%d", self, id*10+1), "browser_download_url": page + "/releases/download/" + tag + "/" + r.name + ".tgz"}},
	}
}

// getTree lists the files of a branch, all of them when asked.
func (g *GitHub) getTree(c apiCall) apiReply {
	ref := c.PathValue("sha")
	if !c.repo.known(ref) {
		return notFound()
	}
	list := []object{}
	names := slices.AppendSeq(slices.Collect(maps.Keys(c.repo.files)), maps.Keys(c.repo.drafts[ref]))
	slices.Sort(names)
	for _, at := range slices.Compact(names) {
		if strings.Contains(at, "/") && c.query.Get("recursive") == "" {
			continue
		}
		content, _ := c.repo.file(ref, at)
		sha := blobSHA(content)
		list = append(list, object{"path": at, "mode": "100644", "type": "blob", "size": len(content), "sha": sha,
			"url": c.site.api + "/repos/" + c.repo.fullName() + "/git/blobs/" + sha})
	}
	sha := sha1Hex("tree " + c.repo.head(ref).sha)
	return ok(object{"sha": sha, "url": c.site.api + "/repos/" + c.repo.fullName() + "/git/trees/" + sha, "tree": list, "truncated": false})
}

// compare tells what one branch has over another.
func (g *GitHub) compare(c apiCall) apiReply {
	base, head, two := strings.Cut(c.PathValue("basehead"), "...")
	if !two || !c.repo.known(base) || !c.repo.known(head) {
		return notFound()
	}
	files := []object{}
	for _, at := range c.repo.changed(base, head) {
		files = append(files, c.site.changedFile(c.repo)(at))
	}
	from := c.site.commit(c.repo, c.repo.head(base))
	return ok(object{
		"url": c.site.api + "/repos/" + c.repo.fullName() + "/compare/" + base + "..." + head, "status": "diverged", "ahead_by": 1, "behind_by": 1,
		"total_commits": 1, "base_commit": from, "merge_base_commit": from,
		"commits": []object{c.site.commit(c.repo, c.repo.head(head))}, "files": files,
	})
}

// changed lists the files that one branch has otherwise than the other.
func (r *repository) changed(base, head string) []string {
	var names []string
	for at, content := range r.drafts[head] {
		if other, _ := r.file(base, at); other != content {
			names = append(names, at)
		}
	}
	slices.Sort(names)
	return names
}

func (s site) changedFile(r *repository) func(at string) object {
	return func(at string) object {
		return object{"filename": at, "status": "modified", "additions": 1, "deletions": 1, "changes": 2, "sha": sha1Hex(at),
			"contents_url": s.api + "/repos/" + r.fullName() + "/contents/" + at, "patch": "@@ -1 +1 @@"}
	}
}
