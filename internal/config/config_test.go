package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/deputy-oauth/deputy/internal/config"
)

func load(t *testing.T, environ []string, args ...string) (config.Config, error) {
	t.Helper()
	f := pflag.NewFlagSet("deputy", pflag.ContinueOnError)
	config.Flags(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	return config.Load(f, environ)
}

func yamlFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deputy.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	cfg, err := load(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "127.0.0.1:8080" || cfg.ExternalURL.String() != "http://localhost:8080" || cfg.Data != "./data" || cfg.DatabaseURL != "" || cfg.AllowLoopback {
		t.Errorf("got %+v", cfg)
	}
}

func TestTheLaterWins(t *testing.T) {
	path := yamlFile(t, "listen: ':1'\nexternal-url: https://file.example/\noperator: File\nallow-loopback: true\ntrusted-proxies: [10.0.0.0/8]\n")
	cfg, err := load(t, []string{"DEPUTY_LISTEN=:2", "DEPUTY_OPERATOR=Env", "DEPUTY_CONFIG=" + path, "HOME=/x"}, "--listen", ":3")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != ":3" || cfg.Operator != "Env" || cfg.ExternalURL.String() != "https://file.example" || !cfg.AllowLoopback || len(cfg.TrustedProxies) != 1 {
		t.Errorf("got %+v with external URL %s", cfg, cfg.ExternalURL)
	}
}

func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	_, err := load(t, []string{"DEPUTY_LISTN=:2", "DEPUTY_LOG_LEVEL=loud"}, "--listen", "nowhere", "--external-url", "http://deputy.example", "--database-url", "mysql://x:secret@y/z", "--trusted-proxies", "everybody")
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range []string{"DEPUTY_LISTN", "log-level", "nowhere", "travel in clear", "postgres://", "everybody"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not speak of %q:\n%v", word, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Error("the error repeats the database password")
	}
}

func TestBadValues(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"a rotation that is no number": {[]string{"--config", yamlFile(t, "key-rotation: often\n")}, `"often" is no number of days`},
		"a rotation in the past":       {[]string{"--key-rotation", "-1"}, "no number of days"},
		"external URL with a path":     {[]string{"--external-url", "https://deputy.example/x"}, "more than scheme"},
		"external URL without scheme":  {[]string{"--external-url", "deputy.example"}, "not an http"},
		"a missing file":               {[]string{"--config", "/nonexistent.yaml"}, "there is no file"},
		"an unknown key in the file":   {[]string{"--config", yamlFile(t, "listn: x\n")}, `"listn"`},
		"a file that is not YAML":      {[]string{"--config", yamlFile(t, "a: [")}, "not valid YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := load(t, nil, c.args...); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error that says %q", err, c.says)
			}
		})
	}
}
