package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/db/dbtest"
	"github.com/deputy-oauth/deputy/internal/simulator"
)

// binary is the program under test. `make test` has built it; without
// DEPUTY_TEST_BINARY it is built here.
var binary = sync.OnceValues(func() (string, error) {
	if built := os.Getenv("DEPUTY_TEST_BINARY"); built != "" {
		return built, nil
	}
	out := filepath.Join(os.TempDir(), fmt.Sprintf("deputy-e2e-%d", os.Getpid()))
	build := exec.Command("go", "build", "-tags", "nomsgpack", "-o", out, "../cmd/deputy")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, said)
	}
	return out, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv("DEPUTY_TEST_BINARY") == "" {
		if built, err := binary(); err == nil {
			os.Remove(built)
		}
	}
	os.Exit(code)
}

// Secrets that are recognised wherever they turn up.
const (
	email        = "ana@example.com"
	password     = "canary-Password-3f9c2a71"
	githubSecret = "canary-GitHub-Secret-b81d44e0"
	slackSecret  = "canary-Slack-Secret-5c07e6fa"
)

// program is `deputy serve` with one person and the two simulated providers.
type program struct {
	t         *testing.T
	url       string
	data      string
	database  string // "" is SQLite in data
	github    *simulator.GitHub
	slack     *simulator.Slack
	githubURL string
	slackURL  string
	log       *journal
	stop      func() // ends it as an operator does, and waits
	rotates   bool   // the providers' tokens end and are renewed
}

// options say how a program is to run.
type options struct {
	postgres      bool
	githubVariant string
	quirks        simulator.Quirks
}

// start runs the program until the test ends.
func start(t *testing.T, o options) *program {
	t.Helper()
	p := &program{t: t, data: t.TempDir(), log: &journal{}, rotates: o.quirks.Rotate}
	if o.postgres {
		p.database = dbtest.PostgresURL(t)
	}
	port := freePort(t)
	p.url = "http://localhost:" + port
	p.providers(o.quirks)
	file, err := binary()
	must(t, err)
	cmd := exec.Command(file, append([]string{"serve", "--listen", "127.0.0.1:" + port, "--log-level", "debug"}, p.settings()...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(), p.log, p.log
	must(t, cmd.Start())
	p.stop = sync.OnceFunc(func() {
		must(t, cmd.Process.Signal(syscall.SIGTERM))
		ended := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		defer ended.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("after SIGTERM the program should end by itself: %v\n%s", err, p.log.tail())
		}
	})
	t.Cleanup(p.stop)
	p.ready()
	p.run(password, "user", "create", "--email", email, "--name", "Ana", "--password-stdin")
	p.run(githubSecret, "provider", "set", "github", "--client-id", "simulated-app", "--client-secret-stdin",
		"--variant", o.githubVariant, "--web-url", p.githubURL, "--api-url", p.githubURL+"/api/v3")
	p.run(slackSecret, "provider", "set", "slack", "--client-id", "simulated-app", "--client-secret-stdin",
		"--web-url", p.slackURL, "--api-url", p.slackURL+"/api")
	return p
}

func (p *program) settings() []string {
	s := []string{"--data", p.data, "--external-url", p.url, "--allow-loopback"}
	if p.database != "" {
		s = append(s, "--database-url", p.database)
	}
	return s
}

func (p *program) providers(q simulator.Quirks) {
	p.github = simulator.NewGitHub(simulator.Config{ClientSecret: githubSecret, Quirks: q})
	p.slack = simulator.NewSlack(simulator.Config{ClientSecret: slackSecret, Quirks: q})
	github, slack := httptest.NewServer(p.github), httptest.NewServer(p.slack)
	p.t.Cleanup(github.Close)
	p.t.Cleanup(slack.Close)
	p.githubURL, p.slackURL = github.URL, slack.URL
}

func (p *program) ready() {
	p.t.Helper()
	for range 400 {
		if answer, err := http.Get(p.url + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatalf("the program did not get ready:\n%s", p.log.tail())
}

// run runs another command on the same data and returns what it printed.
func (p *program) run(stdin string, args ...string) string {
	p.t.Helper()
	file, err := binary()
	must(p.t, err)
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, file, append(args, p.settings()...)...)
	cmd.Env, cmd.Stdin = environment(), strings.NewReader(stdin)
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		p.t.Fatalf("deputy %s: %s", strings.Join(args, " "), failed.Stderr)
	}
	must(p.t, err)
	return string(out)
}

// credentials are what an operator hands to an app or an API.
type credentials struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

func (p *program) register(args ...string) credentials {
	p.t.Helper()
	var c credentials
	must(p.t, json.Unmarshal([]byte(p.run("", append(args, "--json")...)), &c))
	return c
}

// callback is where apps are answered. Nothing listens there: whoever plays the
// app reads the answer off the redirect.
const callback = "https://app.example/callback"

// app registers a confidential app.
func (p *program) app(name string, more ...string) credentials {
	p.t.Helper()
	return p.register(append([]string{"app", "create", "--name", name, "--publisher", "Somebody", "--redirect-uri", callback}, more...)...)
}

// environment is ours without settings of whoever runs the tests.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "DEPUTY_") })
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return port
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// journal is everything the program prints.
type journal struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.said.Write(p)
}

func (j *journal) bytes() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Clone(j.said.Bytes())
}

func (j *journal) tail() string {
	all := j.bytes()
	return string(all[max(0, len(all)-4000):])
}
