package server_test

import (
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/internal/server"
)

func settings(t *testing.T, database string) config.Config {
	t.Helper()
	return config.Config{
		Listen: "127.0.0.1:0", ExternalURL: &url.URL{Scheme: "http", Host: "localhost:8080"}, Data: filepath.Join(t.TempDir(), "data"), DatabaseURL: database,
	}
}

// start opens the foundation and closes it again.
func start(t *testing.T, cfg config.Config) error {
	t.Helper()
	f, err := server.Prepare(t.Context(), cfg, time.Now)
	if err != nil {
		return err
	}
	return f.Close()
}

// on runs test with settings for each database.
func on(t *testing.T, test func(t *testing.T, cfg config.Config)) {
	t.Run("sqlite", func(t *testing.T) { test(t, settings(t, "")) })
	t.Run("postgres", func(t *testing.T) { test(t, settings(t, dbtest.PostgresURL(t))) })
}

func TestTheFirstStartMakesKeysAndLaterOnesUseThem(t *testing.T) {
	on(t, func(t *testing.T, cfg config.Config) {
		if err := start(t, cfg); err != nil {
			t.Fatal(err)
		}
		keys := map[string]string{}
		for _, name := range []string{"server.key", "vault.json"} {
			path := filepath.Join(cfg.KeyDir(), name)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", name, info.Mode().Perm())
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			keys[path] = string(raw)
		}
		if cfg.DatabaseURL == "" {
			if info, err := os.Stat(cfg.SQLitePath()); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the database: %v %v", info.Mode(), err)
			}
		}
		if err := start(t, cfg); err != nil {
			t.Fatalf("the second start: %v", err)
		}
		for path, want := range keys {
			if raw, err := os.ReadFile(path); err != nil || string(raw) != want {
				t.Errorf("the second start changed %s (%v)", path, err)
			}
		}
	})
}

// TestThreat_C13_KeysThatAreRefused starts a server that was used before with something
// wrong about its keys: it says what, and makes no new ones (threat C13).
func TestThreat_C13_KeysThatAreRefused(t *testing.T) {
	copied := func(t *testing.T, to, name string) {
		t.Helper()
		other := settings(t, "")
		if err := start(t, other); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(other.KeyDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, file string
		spoil      func(t *testing.T, path string) error
		says       string
	}{
		{"the server key is missing", "server.key", func(_ *testing.T, p string) error { return os.Remove(p) }, "server.key is missing"},
		{"the vault key is missing", "vault.json", func(_ *testing.T, p string) error { return os.Remove(p) }, "vault.json"},
		{"others can read the server key", "server.key", func(_ *testing.T, p string) error { return os.Chmod(p, 0o644) }, "can be read by others"},
		{"a group can read the vault key", "vault.json", func(_ *testing.T, p string) error { return os.Chmod(p, 0o640) }, "has mode 0640"},
		{"the server key is empty", "server.key", func(_ *testing.T, p string) error { return os.WriteFile(p, nil, 0o600) }, "256 random bits"},
		{"the server key is short", "server.key", func(_ *testing.T, p string) error {
			return os.WriteFile(p, []byte(base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))), 0o600)
		}, "256 random bits"},
		{"the server key is zeros", "server.key", func(_ *testing.T, p string) error {
			return os.WriteFile(p, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))), 0o600)
		}, "256 random bits"},
		{"the vault key is garbage", "vault.json", func(_ *testing.T, p string) error { return os.WriteFile(p, []byte("{}"), 0o600) }, "vault.json"},
		{"the server key is another server's", "server.key", func(t *testing.T, p string) error { copied(t, p, "server.key"); return nil }, "not those this database was first used with"},
		{"the vault key is another server's", "vault.json", func(t *testing.T, p string) error { copied(t, p, "vault.json"); return nil }, "not those this database was first used with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			on(t, func(t *testing.T, cfg config.Config) {
				if err := start(t, cfg); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(cfg.KeyDir(), c.file)
				if err := c.spoil(t, path); err != nil {
					t.Fatal(err)
				}
				before, _ := os.ReadFile(path) // absent is as good as empty here
				err := start(t, cfg)
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Fatalf("got %v, want %q", err, c.says)
				}
				if after, _ := os.ReadFile(path); string(after) != string(before) {
					t.Error("it wrote another key")
				}
				if len(before) > 30 && strings.Contains(err.Error(), strings.TrimSpace(string(before))) {
					t.Error("the error shows the key")
				}
			})
		})
	}
}

// A second replica with keys of its own would seal what the first cannot read.
func TestASecondServerWithOtherKeysOnTheSameDatabase(t *testing.T) {
	first := settings(t, dbtest.BarePostgresURL(t))
	if err := start(t, first); err != nil {
		t.Fatal(err)
	}
	second := settings(t, first.DatabaseURL)
	if err := start(t, second); err == nil || !strings.Contains(err.Error(), "server.key is missing") {
		t.Errorf("without keys: %v", err)
	}
	third := settings(t, "")
	if err := start(t, third); err != nil {
		t.Fatal(err)
	}
	third.DatabaseURL = first.DatabaseURL
	if err := start(t, third); err == nil || !strings.Contains(err.Error(), "copy the key folder") {
		t.Errorf("with other keys: %v", err)
	}
	if err := start(t, first); err != nil {
		t.Errorf("the first one afterwards: %v", err)
	}
}

func TestWhatAnOperatorCannotRegister(t *testing.T) {
	f, err := server.Prepare(t.Context(), settings(t, ""), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for says, n := range map[string]server.NewApp{
		"name: people must be able to read who asks":     {RedirectURIs: []string{"https://a.example/cb"}},
		"redirect-uri http://a.example/cb":               {Name: "A", RedirectURIs: []string{"http://a.example/cb"}},
		"redirect-uri javascript:alert(1)":               {Name: "A", RedirectURIs: []string{"javascript:alert(1)"}},
		"authorization_code needs at least one":          {Name: "A"},
		"grant-type password":                            {Name: "A", GrantTypes: []string{"password"}},
		"only for --type confidential":                   {Name: "A", GrantTypes: []string{"client_credentials"}},
		"scope services.nobody.read: there is no such":   {Name: "A", RedirectURIs: []string{"https://a.example/cb"}, Scopes: []string{"services.nobody.read"}},
		"scope x: there is no such scope":                {Name: "", GrantTypes: []string{"implicit"}, Scopes: []string{"x"}},
		"grant-type implicit: there are authorization_c": {Name: "", GrantTypes: []string{"implicit"}, Scopes: []string{"x"}},
	} {
		if _, _, err := f.CreateApp(t.Context(), n); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %q", n, err, says)
		}
	}
	for says, n := range map[string]server.NewProvider{
		"There is no provider \"gitlab\"":   {Provider: "gitlab", ClientID: "a", Secret: secret.New("b")},
		"has no variant \"x\"":              {Provider: "github", Variant: "x", ClientID: "a", Secret: secret.New("b")},
		"name \"The App\": use up to 32":    {Provider: "github", Name: "The App", ClientID: "a", Secret: secret.New("b")},
		"client id and a client secret":     {Provider: "github", ClientID: "a"},
		"web-url http://127.0.0.1:1 cannot": {Provider: "github", ClientID: "a", Secret: secret.New("b"), WebURL: "http://127.0.0.1:1"},
		"api-url file:///etc/passwd cannot": {Provider: "github", ClientID: "a", Secret: secret.New("b"), APIURL: "file:///etc/passwd"},
		"GitHub has no host \"login\"":      {Provider: "github", ClientID: "a", Secret: secret.New("b"), Hosts: map[string]string{"login": "https://a.example"}},
	} {
		if _, err := f.SetProvider(t.Context(), n); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %q", n, err, says)
		}
	}
	for says, identifier := range map[string]string{"a URL without a fragment": "https://a.example/#x", "must be a URL": "notes", "without a slash at its end": "https://a.example/"} {
		if _, _, err := f.CreateResourceServer(t.Context(), server.NewResourceServer{Identifier: identifier}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", identifier, err, says)
		}
	}
}
