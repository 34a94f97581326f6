package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

func TestTheEmbeddedFilesAreSound(t *testing.T) {
	if _, err := catalog.Default(); err != nil {
		t.Fatal(err)
	}
}

func TestTheValidExampleLoads(t *testing.T) {
	if _, err := catalog.Load(os.DirFS("testdata/valid")); err != nil {
		t.Fatal(err)
	}
}

// Every file in testdata/broken says which line of the valid example to replace,
// with what, and what Load must then say.
func TestEachBrokenFileIsRefusedInWords(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no broken files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, find, with := readBroken(t, file)
			valid := read(t, "testdata/valid/providers/acme.yaml")
			if !strings.Contains(valid, find) {
				t.Fatalf("the valid example has no %q", find)
			}
			_, err := catalog.Load(example(t, strings.Replace(valid, find, with, 1)))
			if err == nil {
				t.Fatal("it was loaded")
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("said:\n%v\nwant:\n%s", err, want)
			}
		})
	}
}

func TestAllViolationsAreReportedAtOnce(t *testing.T) {
	text := read(t, "testdata/valid/providers/acme.yaml")
	text = strings.Replace(text, "client_auth: form", "client_auth: auto", 1)
	text = strings.Replace(text, "    retry: never\n", "", 1)
	text = strings.Replace(text, "    pick: [id]\n", "", 1)
	_, err := catalog.Load(example(t, text))
	if err == nil {
		t.Fatal("it was loaded")
	}
	for _, want := range []string{"client_auth must say", "retry must say", "pick must say"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not reported: %s\nin:\n%v", want, err)
		}
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !strings.HasPrefix(line, "providers/acme.yaml: ") {
			t.Errorf("does not name the file: %s", line)
		}
	}
}

func TestAFileThatIsMissingIsNamed(t *testing.T) {
	_, err := catalog.Load(fstest.MapFS{})
	if err == nil || !strings.Contains(err.Error(), "platform.yaml") || !strings.Contains(err.Error(), "no provider file") {
		t.Errorf("said: %v", err)
	}
}

func example(t *testing.T, provider string) fstest.MapFS {
	t.Helper()
	return fstest.MapFS{
		"platform.yaml":       {Data: []byte(read(t, "testdata/valid/platform.yaml"))},
		"providers/acme.yaml": {Data: []byte(provider)},
	}
}

func readBroken(t *testing.T, file string) (want, find, with string) {
	t.Helper()
	text := read(t, file)
	_, text, _ = strings.Cut(text, "-- want --\n")
	want, text, _ = strings.Cut(text, "\n-- find --\n")
	find, with, ok := strings.Cut(text, "-- with --\n")
	if !ok || want == "" || find == "" {
		t.Fatalf("%s has no want, find and with", file)
	}
	return want, strings.TrimSuffix(find, "\n"), strings.TrimSuffix(with, "\n")
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// An operator's files are held to the proofs of those that come along, and none can
// take the place of one.
func TestAnOperatorsOwnFiles(t *testing.T) {
	c, err := catalog.With(os.DirFS("../../docs/providers"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Providers["gitea"] == nil || c.Providers["gitlab"] == nil || c.Providers["github"] == nil {
		t.Errorf("providers: %d", len(c.Providers))
	}
	gitea := read(t, "../../docs/providers/gitea.yaml")
	for name, c := range map[string]struct {
		file, text, want string
	}{
		"no file":                        {"README.md", "", "there is no provider file"},
		"one that is there already":      {"github.yaml", strings.Replace(gitea, "id: gitea", "id: github", 1), `provider "github" is defined twice`},
		"a scope of another provider":    {"gitea.yaml", strings.Replace(gitea, "- name: services.gitea.account.read", "- name: services.github.account.read", 1), "defined twice"},
		"a call by name that says no id": {"gitea.yaml", strings.Replace(gitea, "    confirm: /repository/id\n", "", 1), "the checked resource is not in the call"},
		"a change by name":               {"gitea.yaml", strings.Replace(gitea, "    methods: [GET]\n    paths: [\"/api/v1/repos/{owner}/{repo}/issues\"]", "    methods: [DELETE]\n    paths: [\"/api/v1/repos/{owner}/{repo}/issues\"]", 1), "deny list"},
		"an address in clear":            {"gitea.yaml", strings.Replace(gitea, "api: https://gitea.com", "api: http://gitea.com", 1), "is not an https address"},
	} {
		if _, err := catalog.With(fstest.MapFS{c.file: {Data: []byte(c.text)}}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
