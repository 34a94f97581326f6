package layers_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/deputy-oauth/deputy/"

// may lists, for each package, which packages of ours its files may import. Tests
// are bound by it too, except for what is in testsMay.
var may = map[string]string{
	// The domain and other leaves.
	"consent":               "",
	"consent/catalog":       "consent",
	"templates":             "",
	"migrations":            "",
	"internal/fault":        "",
	"internal/secret":       "",
	"internal/seal":         "",
	"internal/loopback":     "",
	"internal/outward":      "internal/loopback",
	"internal/picture":      "",
	"internal/lookalike":    "",
	"internal/config":       "internal/loopback internal/secret",
	"internal/mail":         "internal/loopback internal/secret",
	"internal/layers":       "",
	"internal/simulator":    "",
	"internal/sampleapp":    "",
	"resourceserver/vault":  "internal/secret",
	"resourceserver/bearer": "",
	"resourceserver/letter": "",

	// Plumbing.
	"internal/db":    "",
	"internal/web":   "internal/fault internal/loopback",
	"internal/audit": "consent internal/db",

	// The authorization server.
	"authserver/clients":          "consent internal/lookalike internal/loopback internal/outward internal/secret",
	"authserver/keys":             "internal/secret",
	"authserver/metadata":         "consent",
	"authserver/identity":         "consent internal/audit internal/fault internal/secret internal/web templates",
	"authserver/identity/onetime": "authserver/identity consent internal/audit internal/fault internal/seal internal/secret internal/web templates",
	// Its code flow asks a provider who somebody is, and keeps no token: none of what
	// resourceserver/provider is for, and nothing that may reach the broker.
	"authserver/identity/upstream": "authserver/identity consent internal/audit internal/fault internal/seal internal/secret internal/web templates",
	"authserver/identity/passkey":  "authserver/identity consent internal/audit internal/fault internal/seal internal/web templates",
	"authserver/identity/profile":  "authserver/identity consent internal/audit internal/fault internal/picture internal/secret internal/web templates",
	"authserver/oauth":             "authserver/clients consent internal/db internal/fault internal/seal internal/web",
	"authserver":                   "authserver/clients authserver/identity authserver/identity/onetime authserver/identity/passkey authserver/identity/profile authserver/identity/upstream authserver/keys authserver/metadata authserver/oauth consent consent/connect consent/dashboard consent/flow internal/fault internal/web templates",

	// The person's pages. They never import each other.
	"consent/flow":      "authserver/clients authserver/identity authserver/oauth consent consent/catalog internal/audit internal/fault internal/seal internal/web resourceserver/provider templates",
	"consent/connect":   "consent consent/catalog internal/audit internal/fault internal/secret internal/web resourceserver/provider resourceserver/vault",
	"consent/dashboard": "authserver/identity consent consent/catalog internal/audit internal/fault internal/web templates",

	// The broker. Nothing here imports the authorization server.
	"resourceserver/provider": "consent consent/catalog internal/fault internal/loopback internal/outward internal/secret resourceserver/vault",
	"resourceserver/broker":   "consent consent/catalog resourceserver/letter resourceserver/pace",
	"resourceserver/events":   "consent consent/catalog internal/fault internal/secret resourceserver/provider",
	"resourceserver/pace":     "consent consent/catalog",
	"resourceserver/meter":    "consent",
	"resourceserver":          "consent consent/catalog internal/web resourceserver/bearer resourceserver/broker resourceserver/events resourceserver/provider",

	// Rows and what is read from them; only the assembly imports store.
	"internal/store": "authserver/clients authserver/identity authserver/identity/passkey authserver/identity/upstream authserver/keys authserver/oauth consent consent/catalog consent/connect consent/dashboard consent/flow internal/audit internal/db internal/fault internal/mail internal/secret resourceserver/events resourceserver/provider",
	"internal/live":  "authserver/clients authserver/oauth consent",

	// The assembly may import everything; nothing but programs and tests imports it.
	"internal/server":     "*",
	"internal/demo":       "internal/fault internal/sampleapp internal/secret internal/server internal/simulator",
	"internal/deputytest": "*",
	"internal/db/dbtest":  "internal/db migrations",
	"cmd/deputy":          "consent internal/config internal/demo internal/fault internal/secret internal/server internal/simulator",
	"bench":               "*",
	"scripts/mutate":      "",
	"scripts/torture":     "*",
	"e2e":                 "",
}

// testsMay is what tests may import besides: real databases, simulators and the
// whole program.
var testsMay = []string{"internal/db", "internal/db/dbtest", "internal/deputytest", "internal/simulator", "internal/store", "internal/audit", "internal/fault", "internal/secret", "internal/web", "templates", "migrations"}

// homes says which packages may import a library. The rest of the house goes
// through them.
var homes = map[string]string{
	"github.com/ory/fosite":             "authserver/oauth",
	"github.com/go-jose/go-jose":        "authserver/oauth", // fosite's own types
	"github.com/hashicorp":              "authserver/oauth", // likewise
	"github.com/lestrrat-go/jwx":        "authserver/clients authserver/keys resourceserver/bearer",
	"code.dny.dev/ssrf":                 "internal/outward",
	"golang.org/x/image":                "internal/picture",
	"golang.org/x/oauth2":               "resourceserver/provider authserver/identity/upstream internal/sampleapp e2e",
	"github.com/coreos/go-oidc":         "authserver/identity/upstream e2e", // in e2e, somebody else's client
	"gorm.io":                           "internal/db internal/store authserver/oauth",
	"modernc.org/sqlite":                "internal/db",
	"github.com/jackc/pgx":              "internal/db internal/db/dbtest bench",
	"github.com/pressly/goose":          "internal/db",
	"github.com/tink-crypto":            "resourceserver/vault",
	"github.com/goccy/go-yaml":          "consent/catalog",
	"github.com/spf13/cobra":            "cmd/deputy",
	"github.com/knadh/koanf":            "internal/config",
	"github.com/gin-gonic/gin":          "authserver authserver/identity authserver/identity/onetime authserver/identity/passkey authserver/identity/profile authserver/identity/upstream authserver/metadata authserver/oauth consent/connect consent/dashboard consent/flow internal/server internal/web resourceserver",
	"github.com/wneessen/go-mail":       "internal/mail",
	"github.com/emersion/go-smtp":       "internal/mail internal/deputytest", // in tests, somebody else's server
	"github.com/emersion/go-message":    "resourceserver/letter",
	"github.com/pquerna/otp":            "authserver/identity/onetime internal/deputytest",
	"github.com/boombuler/barcode":      "authserver/identity/onetime",
	"github.com/go-webauthn":            "authserver/identity/passkey",
	"golang.org/x/crypto/argon2":        "authserver/identity",
	"golang.org/x/text":                 "templates internal/lookalike authserver/clients", // which language fits; what letters are made of
	"github.com/go-playground/locales":  "templates",                                       // plurals and dates
	"golang.org/x/crypto/chacha20poly1": "internal/seal",
	"github.com/sony/gobreaker":         "resourceserver/pace",
}

func TestWhoImportsWhom(t *testing.T) {
	seen := map[string]bool{}
	for file, imports := range sources(t) {
		pkg := path.Dir(file)
		seen[pkg] = true
		allowed, known := may[pkg]
		if !known {
			t.Errorf("%s: package %s is not in the table; decide what it may import and add it", file, pkg)
			continue
		}
		for _, imp := range imports {
			if own, ok := strings.CutPrefix(imp, module); ok {
				if own != pkg && allowed != "*" && !slices.Contains(strings.Fields(allowed), own) && !(strings.HasSuffix(file, "_test.go") && testMay(pkg, own)) {
					t.Errorf("%s imports %s; %s may import: %s", file, own, pkg, allowed)
				}
				continue
			}
			checkHome(t, file, pkg, imp)
		}
	}
	for pkg := range may {
		if !seen[pkg] && pkg != "bench" && pkg != "e2e" && pkg != "internal/deputytest" {
			t.Errorf("the table has %s, but there is no such package", pkg)
		}
	}
}

// testMay reports whether a test of pkg may import own. A test may use what its
// package's neighbours are made of, but the pages stay apart even there.
func testMay(pkg, own string) bool {
	if slices.Contains(testsMay, own) {
		return true
	}
	pages := []string{"consent/flow", "consent/connect", "consent/dashboard"}
	if slices.Contains(pages, pkg) && slices.Contains(pages, own) {
		return false
	}
	return !strings.HasPrefix(pkg, "resourceserver/bearer")
}

func checkHome(t *testing.T, file, pkg, imp string) {
	t.Helper()
	for library, home := range homes {
		if strings.HasPrefix(imp, library) && !slices.Contains(strings.Fields(home), pkg) && !strings.HasSuffix(file, "_test.go") {
			t.Errorf("%s imports %s, whose home is %s", file, imp, home)
		}
	}
}

// TestTheBrokerRunsWithoutTheAuthorizationServer follows the imports all the way
// down.
func TestTheBrokerRunsWithoutTheAuthorizationServer(t *testing.T) {
	direct := map[string]map[string]bool{}
	for file, imports := range sources(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		pkg := path.Dir(file)
		if direct[pkg] == nil {
			direct[pkg] = map[string]bool{}
		}
		for _, imp := range imports {
			if own, ok := strings.CutPrefix(imp, module); ok {
				direct[pkg][own] = true
			}
		}
	}
	reached := map[string]bool{}
	var follow func(string)
	follow = func(pkg string) {
		if reached[pkg] {
			return
		}
		reached[pkg] = true
		for _, next := range slices.Sorted(maps.Keys(direct[pkg])) {
			follow(next)
		}
	}
	follow("resourceserver")
	follow("resourceserver/provider")
	for pkg := range reached {
		if strings.HasPrefix(pkg, "authserver") || pkg == "internal/store" {
			t.Errorf("the broker reaches %s", pkg)
		}
	}
}

func TestFilesStayShort(t *testing.T) {
	for file := range sources(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join("..", "..", file))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(raw), "\n"); n > 400 {
			t.Errorf("%s has %d lines; more than 400 are two ideas", file, n)
		}
	}
}

// sources returns the imports of every Go file of the module, by path.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	root := filepath.Join("..", "..")
	out := map[string][]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(name, root+string(filepath.Separator)))
		if d.IsDir() {
			if slices.Contains([]string{".git", "third_party", "e2e/node_modules", "bin", "data", "docs"}, rel) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		imports := []string{}
		for _, i := range f.Imports {
			imports = append(imports, strings.Trim(i.Path.Value, `"`))
		}
		out[rel] = imports
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("only %d Go files were found", len(out))
	}
	return out
}
