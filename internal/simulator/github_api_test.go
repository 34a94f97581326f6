package simulator_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

// list calls an endpoint that answers an array.
func (h *hub) list(path, token string) (int, http.Header, []map[string]any) {
	h.t.Helper()
	status, header, body := raw(h.t, request(h.t, "GET", h.srv.URL+"/api/v3"+path, token, ""))
	var items []map[string]any
	if status == http.StatusOK {
		err := json.Unmarshal(body, &items)
		if err != nil {
			h.t.Fatalf("GET %s: %v in %s", path, err, body)
		}
	}
	return status, header, items
}

func names(items []map[string]any, key string) string {
	var list []string
	for _, item := range items {
		list = append(list, fmt.Sprint(item[key]))
	}
	return strings.Join(list, " ")
}

// expectation is one API call and the status it gets.
type expectation struct {
	name, method, path, token, body string
	want                            int
}

func (h *hub) expect(cases []expectation) {
	h.t.Helper()
	for _, c := range cases {
		status, answer := h.api(c.method, c.path, c.token, c.body)
		if status != c.want {
			h.t.Errorf("%s: %d %v, want %d", c.name, status, answer["message"], c.want)
		}
		if status >= 400 && (answer["message"] == nil || answer["status"] != fmt.Sprint(status)) {
			h.t.Errorf("%s: the error is %v, want GitHub's shape", c.name, answer)
		}
	}
}

func TestGitHubReads(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	full, public := h.token("repo"), h.token("read:user")
	h.expect([]expectation{
		{"nobody reads a public repository", "GET", "/repos/octocat/hello-world", "", "", 200},
		{"nobody asks who they are", "GET", "/user", "", "", 401},
		{"a made-up token", "GET", "/repos/octocat/hello-world", "gho_made_up", "", 401},
		{"a private repository", "GET", "/repos/acme/web", full, "", 200},
		{"in other letters", "GET", "/repos/ACME/Web", full, "", 200},
		{"a private repository without scope", "GET", "/repos/acme/web", public, "", 404},
		{"a private repository by id without scope", "GET", "/repositories/700100001", public, "", 404},
		{"another person's private repository", "GET", "/repos/hubot/hubot-scripts", full, "", 404},
		{"an absent repository", "GET", "/repos/acme/nothing", full, "", 404},
		{"a repository with a large id", "GET", "/repositories/5000000103", full, "", 200},
		{"an id that is none", "GET", "/repositories/web", full, "", 404},
		{"a file", "GET", "/repos/acme/web/contents/src/lib/greet.js", full, "", 200},
		{"a file by id", "GET", "/repositories/700100001/contents/src/lib/greet.js", full, "", 200},
		{"a file with spaces", "GET", "/repos/acme/web/contents/docs/how%20to%20run.md", full, "", 200},
		{"the readme", "GET", "/repos/acme/web/readme", full, "", 200},
		{"an absent file", "GET", "/repos/acme/web/contents/nope", full, "", 404},
		{"a file of an unknown ref", "GET", "/repos/acme/web/contents/README.md?ref=nope", full, "", 404},
		{"a file of a branch", "GET", "/repos/acme/web/contents/README.md?ref=next", full, "", 200},
		{"the commits", "GET", "/repos/acme/web/commits", full, "", 200},
		{"the newest commit", "GET", "/repos/acme/web/commits/main", full, "", 200},
		{"an unknown commit", "GET", "/repos/acme/web/commits/0000", full, "", 422},
		{"the branches", "GET", "/repositories/700100001/branches", full, "", 200},
		{"one branch", "GET", "/repos/acme/web/branches/main", full, "", 200},
		{"an absent branch", "GET", "/repos/acme/web/branches/nope", full, "", 404},
		{"an issue", "GET", "/repos/acme/web/issues/1", full, "", 200},
		{"an absent issue", "GET", "/repos/acme/web/issues/999", full, "", 404},
		{"issues in an unknown state", "GET", "/repos/acme/web/issues?state=odd", full, "", 422},
		{"organisations without scope", "GET", "/user/orgs", full, "", 403},
		{"organisations", "GET", "/user/orgs", public, "", 200},
		{"repositories of no organisation", "GET", "/orgs/octocat/repos", full, "", 404},
		{"installations with an OAuth App's token", "GET", "/user/installations", full, "", 403},
		{"an unknown path", "GET", "/nope", full, "", 404},
		{"an unknown method", "DELETE", "/repos/acme/web", full, "", 404},
	})
}

func TestGitHubRefusesWrites(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	full, public := h.token("repo"), h.token("read:user")
	h.expect([]expectation{
		{"an issue without title", "POST", "/repos/acme/web/issues", full, `{"body":"x"}`, 422},
		{"an issue that is no JSON", "POST", "/repos/acme/web/issues", full, `{`, 400},
		{"an issue by nobody", "POST", "/repos/octocat/hello-world/issues", "", `{"title":"x"}`, 401},
		{"an issue without scope", "POST", "/repos/octocat/hello-world/issues", public, `{"title":"x"}`, 404},
		{"an issue in an archived repository", "POST", "/repos/octocat/experiment-12/issues", full, `{"title":"x"}`, 403},
	})
}

func TestGitHubRepositoryShape(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	token := h.token("repo")
	_, repo := h.api("GET", "/repos/acme/web", token, "")
	wantText(t, "full_name", repo["full_name"], "acme/web")
	wantText(t, "owner type", repo["owner"].(map[string]any)["type"], "Organization")
	if repo["id"] != float64(700100001) || repo["private"] != true || repo["permissions"].(map[string]any)["push"] != true {
		t.Errorf("the repository is %v", repo)
	}
	planted := strings.Join(h.sim.PlantedSecrets(), " ")
	clone := repo["temp_clone_token"].(string)
	_, file := h.api("GET", "/repos/acme/web/contents/package.json", token, "")
	download := file["download_url"].(string)
	_, leaked, _ := strings.Cut(download, "?token=")
	if clone == "" || leaked == "" || !strings.Contains(planted, clone) || !strings.Contains(planted, leaked) {
		t.Errorf("temp_clone_token %q and download_url %q are not among the planted secrets", clone, download)
	}
	content, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(file["content"].(string), "\n", ""))
	if err != nil || !strings.Contains(string(content), `"lodash": "4.17.15"`) || file["size"] != float64(len(content)) {
		t.Errorf("package.json is %q (%v)", content, err)
	}
	_, open := h.api("GET", "/repos/acme/docs/contents/README.md", token, "")
	if strings.Contains(open["download_url"].(string), "token") {
		t.Error("a public file's download_url carries a token")
	}
	req := request(t, "GET", h.srv.URL+"/api/v3/repos/acme/web/contents/README.md", token, "")
	req.Header.Set("Accept", "application/vnd.github.raw+json")
	_, _, body := raw(t, req)
	if !strings.HasPrefix(string(body), "# web\n") {
		t.Errorf("the raw file is %q", body)
	}
}

func TestGitHubDirectory(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	_, _, root := h.list("/repos/acme/web/contents", h.token("repo"))
	wantText(t, "the root", names(root, "name"), ".github README.md docs package.json src test")
	wantText(t, "their kinds", names(root, "type"), "dir file dir file dir dir")
}

func TestGitHubHeaders(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	token := h.token("repo read:user")
	_, header, _ := raw(t, request(t, "GET", h.srv.URL+"/api/v3/repos/acme/web", token, ""))
	wantText(t, "X-OAuth-Scopes", header.Get("X-OAuth-Scopes"), "repo, read:user")
	wantText(t, "X-Accepted-OAuth-Scopes", header.Get("X-Accepted-OAuth-Scopes"), "repo")
	wantText(t, "X-RateLimit-Remaining", header.Get("X-RateLimit-Remaining"), "4999")
	wantText(t, "X-RateLimit-Reset", header.Get("X-RateLimit-Reset"), fmt.Sprint(h.clock.now().Unix()+3600))
	req := request(t, "GET", h.srv.URL+"/api/v3/repos/acme/web", token, "")
	req.Header.Set("If-None-Match", header.Get("ETag"))
	status, _, body := raw(t, req)
	if status != http.StatusNotModified || len(body) != 0 {
		t.Errorf("asked again with the ETag: %d and %d bytes", status, len(body))
	}
}

func TestGitHubPages(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	token := h.token("repo")
	seen := map[string]bool{}
	path, pages := "/user/repos?per_page=20&sort=full_name", 0
	for path != "" {
		_, header, items := h.list(path, token)
		for _, item := range items {
			seen[item["full_name"].(string)] = true
		}
		pages++
		next, _, found := strings.Cut(header.Get("Link"), `>; rel="next"`)
		path = ""
		if found {
			_, path, _ = strings.Cut(next[strings.LastIndex(next, "<"):], "/api/v3")
		}
	}
	if len(seen) != 45 || pages != 3 || seen["hubot/hubot-scripts"] {
		t.Errorf("%d repositories on %d pages, want 45 on 3, none of hubot's own", len(seen), pages)
	}
	_, header, _ := h.list("/repos/acme/web/issues?per_page=2", token)
	if !strings.Contains(header.Get("Link"), "/api/v3/repositories/700100001/issues?") {
		t.Errorf("links below a repository are %q, want them by id", header.Get("Link"))
	}
	_, _, public := h.list("/user/repos?per_page=100", h.token("read:user"))
	for _, item := range public {
		if item["private"] != false {
			t.Errorf("without scope repo the list shows %v", item["full_name"])
		}
	}
	_, _, newest := h.list("/user/repos?per_page=3&sort=pushed&affiliation=organization_member", token)
	wantText(t, "newest in organisations", names(newest, "full_name"), "acme/web acme/api acme/design-tokens")
}

func TestGitHubIssues(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	token := h.token("repo")
	_, _, open := h.list("/repos/acme/web/issues", token)
	pulls := 0
	for _, item := range open {
		wantText(t, "repository_url", item["repository_url"], h.srv.URL+"/api/v3/repos/acme/web")
		if item["pull_request"] != nil {
			pulls++
		}
	}
	_, _, all := h.list("/repos/acme/web/issues?state=all", token)
	if pulls != 1 || len(all) != len(open)+1 {
		t.Errorf("%d pull requests among %d open of %d; want one, and one closed issue", pulls, len(open), len(all))
	}
	status, made := h.api("POST", "/repos/acme/web/issues", token, `{"title":"Too old <lodash>","body":"Please","labels":["bug"]}`)
	if status != http.StatusCreated || made["title"] != "Too old <lodash>" || made["state"] != "open" {
		t.Errorf("creating gives %d %v", status, made)
	}
	_, _, labelled := h.list("/repositories/700100001/issues?labels=bug&per_page=1", token)
	wantText(t, "the newest bug", names(labelled, "title"), "Too old <lodash>")
	kept := h.sim.Issues("acme/web")
	last := kept[len(kept)-1]
	want := simulator.Issue{Number: len(kept), Title: "Too old <lodash>", Body: "Please", Author: "octocat"}
	if last != want {
		t.Errorf("kept %+v, want %+v", last, want)
	}
}

func TestGitHubRenames(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	token := h.token("repo")
	moved := func(path, token string) (int, string) {
		status, header, _ := raw(t, request(t, "GET", h.srv.URL+"/api/v3"+path, token, ""))
		return status, strings.TrimPrefix(header.Get("Location"), h.srv.URL+"/api/v3")
	}
	status, target := moved("/repos/acme/webshop/contents/docs/how%20to%20run.md?ref=main", token)
	if status != 301 || target != "/repositories/700100001/contents/docs/how%20to%20run.md?ref=main" {
		t.Errorf("a former name gives %d to %q", status, target)
	}
	status, _ = moved("/repos/acme/webshop", h.token("gist"))
	if status != 404 {
		t.Errorf("a former name of something out of reach gives %d, want 404", status)
	}
	err := h.sim.Rename("acme/api", "octocat/orders")
	if err != nil {
		t.Fatal(err)
	}
	status, target = moved("/repos/acme/api", token)
	_, repo := h.api("GET", target, token, "")
	if status != 301 || repo["full_name"] != "octocat/orders" || repo["owner"].(map[string]any)["login"] != "octocat" {
		t.Errorf("after a transfer: %d, then %v", status, repo["full_name"])
	}
	// A name that is taken again leads to the new repository, without a word.
	err = h.sim.Rename("acme/infra", "acme/api")
	if err != nil {
		t.Fatal(err)
	}
	_, repo = h.api("GET", "/repos/acme/api", token, "")
	if repo["id"] != float64(5000000103) {
		t.Errorf("the reused name leads to %v", repo["id"])
	}
	for _, c := range [][2]string{{"acme/none", "acme/x"}, {"acme/web", "acme/docs"}, {"acme/web", "nobody/web"}, {"acme/web", "web"}} {
		if h.sim.Rename(c[0], c[1]) == nil {
			t.Errorf("renaming %s to %s works", c[0], c[1])
		}
	}
}

func TestGitHubWritesFiles(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	token := h.token("repo")
	_, before := h.api("GET", "/repos/acme/web/contents/README.md?ref=next", token, "")
	sha := before["sha"].(string)
	content := base64.StdEncoding.EncodeToString([]byte("# new\n"))
	for _, c := range []struct {
		name, path, token, body string
		want                    int
	}{
		{"without what it replaces", "README.md", token, `{"message":"m","content":"` + content + `","branch":"next"}`, 422},
		{"with something else", "README.md", token, `{"message":"m","content":"` + content + `","branch":"next","sha":"0"}`, 409},
		{"without a message", "README.md", token, `{"content":"` + content + `","branch":"next","sha":"` + sha + `"}`, 422},
		{"in no base64", "README.md", token, `{"message":"m","content":"!","branch":"next","sha":"` + sha + `"}`, 422},
		{"in no JSON", "README.md", token, `{`, 400},
		{"on no branch", "README.md", token, `{"message":"m","content":"` + content + `","branch":"nope"}`, 404},
		{"without scope", "README.md", h.token("gist"), `{"message":"m","content":"` + content + `","branch":"next","sha":"` + sha + `"}`, 404},
		{"a workflow without its scope", ".github/workflows/a.yml", token, `{"message":"m","content":"` + content + `","branch":"next"}`, 404},
		{"as it should be", "README.md", token, `{"message":"m","content":"` + content + `","branch":"next","sha":"` + sha + `"}`, 200},
		{"a new file", "notes/a.md", token, `{"message":"m","content":"` + content + `","branch":"next"}`, 201},
	} {
		status, answer := h.api("PUT", "/repos/acme/web/contents/"+c.path, c.token, c.body)
		if status != c.want {
			t.Errorf("writing %s: %d %v, want %d", c.name, status, answer["message"], c.want)
		}
	}
	read := func(path string) any {
		_, file := h.api("GET", "/repos/acme/web/contents/"+path, token, "")
		return file["content"]
	}
	wantText(t, "the branch that was written", read("README.md?ref=next"), content+"\n")
	if read("README.md") == content+"\n" || read("notes/a.md") != nil {
		t.Error("a write to next shows on main")
	}
	_, _, root := h.list("/repos/acme/web/contents?ref=next", token)
	wantText(t, "the root of next", names(root, "name"), ".github README.md docs notes package.json src test")
}

func TestGitHubHistoryAndComments(t *testing.T) {
	h := newHub(t, simulator.Quirks{})
	token := h.token("repo")
	_, _, all := h.list("/repos/acme/web/commits", token)
	_, _, behind := h.list("/repos/acme/web/commits?sha=next", token)
	if len(all) != 3 || len(behind) != 2 || behind[0]["sha"] != all[1]["sha"] {
		t.Errorf("%d commits, %d on next", len(all), len(behind))
	}
	_, _, said := h.list("/repositories/700100001/issues/1/comments", token)
	wantText(t, "comments", names(said, "body"), "Nothing else depends on the old one.")
	status, _, _ := h.list("/repos/acme/web/issues/999/comments", token)
	if status != 404 {
		t.Errorf("comments of an absent issue: %d", status)
	}
}
