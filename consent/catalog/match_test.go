package catalog_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

func load(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMatchFindsTheOperation(t *testing.T) {
	c := load(t)
	vars := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for _, tt := range []struct {
		provider consent.ProviderID
		method   string
		path     string
		want     string
		vars     map[string]string
	}{
		{"github", "GET", "/user", "account.get", vars()},
		{"github", "GET", "/user/repos", "repositories.list", vars()},
		{"github", "GET", "/repos/acme/web", "repositories.get", vars("owner", "acme", "repo", "web")},
		{"github", "GET", "/repositories/1296269", "repositories.get", vars("repository_id", "1296269")},
		{"github", "GET", "/repos/acme/web/contents", "repositories.contents.list", vars("owner", "acme", "repo", "web")},
		{"github", "GET", "/repos/acme/web/contents/", "repositories.contents.list", vars("owner", "acme", "repo", "web")},
		{"github", "GET", "/repos/acme/web/contents/src/a%20b.js", "repositories.contents.get", vars("owner", "acme", "repo", "web", "path", "src/a b.js")},
		{"github", "GET", "/repos/acme/web/contents/src%2Findex.js", "repositories.contents.get", vars("owner", "acme", "repo", "web", "path", "src/index.js")},
		{"github", "GET", "/repos/acme/web/contents/100%25.md", "repositories.contents.get", vars("owner", "acme", "repo", "web", "path", "100%.md")},
		{"github", "GET", "/repos/acme/web/contents/.github/workflows/ci.yml", "repositories.contents.get", vars("owner", "acme", "repo", "web", "path", ".github/workflows/ci.yml")},
		{"github", "PUT", "/repos/acme/web/contents/README.md", "repositories.contents.put", vars("owner", "acme", "repo", "web", "path", "README.md")},
		{"github", "POST", "/repositories/7/issues", "issues.create", vars("repository_id", "7")},
		{"github", "GET", "/repos/acme/web/issues/12/comments", "issues.comments.list", vars("owner", "acme", "repo", "web", "issue_number", "12")},
		{"slack", "POST", "/conversations.history", "conversations.history", vars()},
		{"slack", "GET", "/conversations.history", "conversations.history", vars()},
	} {
		m, err := c.Match(tt.provider, tt.method, tt.path)
		if err != nil {
			t.Errorf("%s %s: %v", tt.method, tt.path, err)
			continue
		}
		if m.Operation.ID != tt.want {
			t.Errorf("%s %s is %s, want %s", tt.method, tt.path, m.Operation.ID, tt.want)
		}
		if diff := cmp.Diff(tt.vars, m.Vars); diff != "" {
			t.Errorf("%s %s: variables (-want +got):\n%s", tt.method, tt.path, diff)
		}
	}
}

// Threats B1, B2, B4, B7, B10 and B26: whatever is not exactly an operation is none.
func TestThreat_B1_B2_B4_B7_B10_B26_MatchRefuses(t *testing.T) {
	c := load(t)
	for _, tt := range []struct {
		why    string
		method string
		path   string
		want   error
	}{
		{"dot segment", "GET", "/repos/acme/web/contents/../../../user", catalog.ErrPath},
		{"dot segment at the end", "GET", "/repos/acme/web/contents/..", catalog.ErrPath},
		{"single dot", "GET", "/repos/./web", catalog.ErrPath},
		{"three dots", "GET", "/repos/acme/.../contents", catalog.ErrPath},
		{"encoded dots", "GET", "/repos/acme/web/contents/%2e%2e/x", catalog.ErrPath},
		{"half encoded dots", "GET", "/repos/acme/web/contents/.%2E/x", catalog.ErrPath},
		{"dots behind an encoded slash", "GET", "/repos/acme/web/contents/a%2F..%2F..%2Fuser", catalog.ErrUnknown},
		{"twice encoded dots", "GET", "/repos/acme/web/contents/%252e%252e/x", catalog.ErrPath},
		{"twice encoded slash", "GET", "/repos/acme/web/contents/a%252fb", catalog.ErrPath},
		{"three times encoded", "GET", "/repos/acme/web/contents/a%25252fb", catalog.ErrPath},
		{"empty segment", "GET", "/repos//acme/web", catalog.ErrPath},
		{"leading double slash", "GET", "//repos/acme/web", catalog.ErrPath},
		{"double slash in a file path", "GET", "/repos/acme/web/contents/a//b", catalog.ErrPath},
		{"encoded empty segment", "GET", "/repos/acme/web/contents/a%2F%2Fb", catalog.ErrUnknown},
		{"trailing slash", "GET", "/repos/acme/web/", catalog.ErrUnknown},
		{"trailing slash after a file", "GET", "/repos/acme/web/contents/a/", catalog.ErrUnknown},
		{"semicolon", "GET", "/repos/acme/web;x=1", catalog.ErrPath},
		{"encoded semicolon", "GET", "/repos/acme/web%3Bx", catalog.ErrPath},
		{"backslash", "GET", `/repos/acme\web`, catalog.ErrPath},
		{"encoded backslash", "GET", "/repos/acme/web/contents/..%5c..%5cuser", catalog.ErrPath},
		{"encoded slash in a name", "GET", "/repos/acme%2Fother/web", catalog.ErrUnknown},
		{"encoded slash that would add segments", "GET", "/repos%2Facme%2Fweb", catalog.ErrUnknown},
		{"encoded nul", "GET", "/repos/acme/web%00", catalog.ErrPath},
		{"encoded line break", "GET", "/repos/acme/web%0d%0aX:y", catalog.ErrPath},
		{"overlong UTF-8", "GET", "/repos/acme/%c0%ae%c0%ae", catalog.ErrPath},
		{"full-width dots", "GET", "/repos/acme/web/contents/%EF%BC%8E%EF%BC%8E/x", catalog.ErrPath},
		{"full-width slash", "GET", "/repos/acme/web/contents/a%EF%BC%8Fb", catalog.ErrPath},
		{"raw bytes beyond ASCII", "GET", "/repos/acme/w\xe9b", catalog.ErrPath},
		{"half an escape", "GET", "/repos/acme/web%2", catalog.ErrPath},
		{"a question mark", "GET", "/user?x", catalog.ErrPath},
		{"a fragment", "GET", "/user#x", catalog.ErrPath},
		{"absolute form", "GET", "https://evil.example/user", catalog.ErrPath},
		{"too long", "GET", "/repos/acme/web/contents/" + strings.Repeat("a", 5000), catalog.ErrPath},
		{"no slash", "GET", "user", catalog.ErrPath},
		{"nothing", "GET", "", catalog.ErrPath},
		{"only a slash", "GET", "/", catalog.ErrPath},
		{"lower-case verb", "get", "/user", catalog.ErrUnknown},
		{"HEAD for GET", "HEAD", "/user", catalog.ErrUnknown},
		{"a verb nobody offers", "DELETE", "/repos/acme/web", catalog.ErrUnknown},
		{"other case", "GET", "/USER", catalog.ErrUnknown},
		{"a sibling nobody offers", "GET", "/repos/acme/web/keys", catalog.ErrUnknown},
		{"a batch", "POST", "/graphql", catalog.ErrUnknown},
		{"something inside of an operation", "GET", "/user/repos/x", catalog.ErrUnknown},
	} {
		m, err := c.Match("github", tt.method, tt.path)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %s %s gave %v, want %v (matched %v)", tt.why, tt.method, tt.path, err, tt.want, m.Operation)
		}
	}
	if _, err := c.Match("gitlab", "GET", "/user"); !errors.Is(err, catalog.ErrUnknown) {
		t.Errorf("unknown provider: %v", err)
	}
}

// The path that was decided on is the path that would be sent: what Match read,
// written again, reads the same.
func FuzzTheMatchedPathIsThePathThatIsSent(f *testing.F) {
	for _, s := range []string{
		"/user", "/repos/acme/web/contents/src%2Findex.js", "/repos/acme/web/contents/a%20b/%E2%82%AC",
		"/repositories/1/contents/..%2f..", "/repos/a/b/contents/%2e%2e", "/repos/a/b/contents/x%25y", "/repos/a;b/c", "//user",
	} {
		f.Add("GET", s)
	}
	c, err := catalog.Default()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, raw string) {
		m, err := c.Match("github", method, raw)
		if err != nil {
			return
		}
		sent := catalog.Expand(m.Operation.Path, m.Vars)
		again, err := c.Match("github", method, sent)
		if err != nil || again.Operation != m.Operation {
			t.Fatalf("%q was read, but sent as %q it is not (%v)", raw, sent, err)
		}
		if diff := cmp.Diff(m.Vars, again.Vars); diff != "" {
			t.Fatalf("%q and %q differ:\n%s", raw, sent, diff)
		}
		// An upstream that decodes and cleans must not see another path either.
		u, err := url.Parse("https://api.github.com" + sent)
		if err != nil || u.Host != "api.github.com" || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("%q leads elsewhere: %v %v", sent, u, err)
		}
		if clean := u.JoinPath().EscapedPath(); clean != u.EscapedPath() {
			t.Fatalf("%q is cleaned to %q", sent, clean)
		}
	})
}
