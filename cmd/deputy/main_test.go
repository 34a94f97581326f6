package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// output is what the program wrote. It may be read while the program runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// deputy runs a command to its end.
func deputy(t *testing.T, in string, args ...string) (out string, err error) {
	t.Helper()
	var buf bytes.Buffer
	err = run(t.Context(), args, nil, strings.NewReader(in), &buf, io.Discard)
	return buf.String(), err
}

// made runs a command that prints JSON.
func made(t *testing.T, in string, args ...string) map[string]any {
	t.Helper()
	out, err := deputy(t, in, append(args, "--json")...)
	if err != nil {
		t.Fatalf("deputy %s: %v", strings.Join(args, " "), err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("deputy %s prints %q: %v", strings.Join(args, " "), out, err)
	}
	return got
}

func TestAnOperatorsCommands(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	user := made(t, "correct-horse-battery\n", "user", "create", "--data", data, "--email", "ana@example.com", "--name", "Ana Example", "--password-stdin")
	if !strings.HasPrefix(user["user_id"].(string), "user_") || user["email"] != "ana@example.com" {
		t.Errorf("user: %v", user)
	}
	app := made(t, "", "app", "create", "--data", data, "--name", "Repo Scout", "--publisher", "Scout Labs", "--redirect-uri", "https://a.example/cb",
		"--redirect-uri", "https://b.example/cb", "--scope", "identity.profile.read identity.email.read", "--grant-type", "authorization_code")
	if !strings.HasPrefix(app["client_id"].(string), "app_") || len(app["client_secret"].(string)) < 43 || len(app["redirect_uris"].([]any)) != 2 {
		t.Errorf("app: %v", app)
	}
	public := made(t, "", "app", "create", "--data", data, "--name", "Tool", "--type", "public", "--redirect-uri", "http://127.0.0.1/cb")
	if _, has := public["client_secret"]; has {
		t.Errorf("a public app has a secret: %v", public)
	}
	rs := made(t, "", "resource-server", "create", "--data", data, "--identifier", "https://notes.example/mcp", "--scope", "mcp:read=Read your notes", "--write-scope", "mcp:write=Change your notes")
	if !strings.HasPrefix(rs["client_id"].(string), "rs_") || rs["identifier"] != "https://notes.example/mcp" || rs["introspection_endpoint"] != "http://localhost:8080/oauth/introspect" {
		t.Errorf("resource server: %v", rs)
	}
	if out, err := deputy(t, "", "app", "list", "--data", data); err != nil || strings.Count(out, "\n") != 3 || !strings.Contains(out, `"Repo Scout"`) || !strings.Contains(out, "operator") {
		t.Errorf("app list: %q %v", out, err)
	}
	if out, err := deputy(t, "", "app", "list", "--waiting", "--json", "--data", data); err != nil || out != "[]\n" {
		t.Errorf("app list --waiting: %q %v", out, err)
	}
	made(t, "", "app", "create", "--data", data, "--name", "Robot", "--grant-type", "client_credentials", "--scope", "mcp:read")
	out, err := deputy(t, "s3cret-of-github", "provider", "set", "github", "--data", data, "--client-id", "Iv1.abc", "--client-secret-stdin")
	if err != nil || !strings.Contains(out, "http://localhost:8080/connect/github/callback") || strings.Contains(out, "s3cret") {
		t.Errorf("provider set: %q %v", out, err)
	}
	// What was piped in is nowhere on the disk.
	err = filepath.WalkDir(data, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, secret := range []string{"correct-horse-battery", "s3cret-of-github", app["client_secret"].(string), rs["client_secret"].(string)} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s holds a secret", path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSigningKeysByCommand(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	listed := func() (kids, stages []string) {
		out, err := deputy(t, "", "key", "list", "--data", data, "--json")
		if err != nil {
			t.Fatal(err)
		}
		var keys []struct {
			Kid, Alg, Stage string
			SignsFrom       time.Time `json:"signs_from"`
			Ends            *time.Time
		}
		if err := json.Unmarshal([]byte(out), &keys); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		for _, k := range keys {
			kids, stages = append(kids, k.Kid), append(stages, k.Stage)
			if k.Alg != "ES256" || k.SignsFrom.IsZero() || (k.Ends == nil) == (k.Stage == "signing" && len(keys) == 2) {
				t.Errorf("key %+v", k)
			}
		}
		return kids, stages
	}
	first, stages := listed()
	if diff := cmp.Diff([]string{"signing"}, stages); diff != "" {
		t.Fatal(diff)
	}
	next := made(t, "", "key", "rotate", "--data", data)
	kids, stages := listed()
	if diff := cmp.Diff([]string{"next", "signing"}, stages); diff != "" || kids[0] != next["kid"] || kids[1] != first[0] {
		t.Errorf("%v: %s", kids, diff)
	}
	if _, err := deputy(t, "", "key", "rotate", "--data", data); err == nil || !strings.Contains(err.Error(), "published already") {
		t.Errorf("a second rotation: %v", err)
	}
	if out, err := deputy(t, "", "key", "list", "--data", data); err != nil || strings.Count(out, "\n") != 2 || !strings.Contains(out, ", published until ") {
		t.Errorf("for people: %q %v", out, err)
	}
}

// TestErrorsInWords: what is wrong, and what to do, on one screen and without a
// stack of causes.
func TestErrorsInWords(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	made(t, "correct-horse-battery", "user", "create", "--data", data, "--email", "ana@example.com", "--name", "Ana", "--password-stdin")
	for _, c := range []struct {
		says string
		in   string
		args []string
	}{
		{"There is no app app_nobody", "", []string{"app", "approve", "app_nobody"}},
		{"There is no app app_nobody.", "", []string{"app", "approve", "app_nobody", "--withdraw"}},
		{"There is an account with this e-mail address already.", "correct-horse-battery", []string{"user", "create", "--email", "ANA@example.com", "--name", "Ana", "--password-stdin"}},
		{"This is not an e-mail address", "correct-horse-battery", []string{"user", "create", "--email", "ana", "--name", "Ana", "--password-stdin"}},
		{"pipe the password in", "", []string{"user", "create", "--email", "b@example.com", "--name", "B"}},
		{"standard input is empty", "\n", []string{"user", "create", "--email", "b@example.com", "--name", "B", "--password-stdin"}},
		{"8 characters", "short", []string{"user", "create", "--email", "b@example.com", "--name", "B", "--password-stdin"}},
		{"email", "", []string{"user", "create", "--name", "B"}},
		{"neither public nor confidential", "", []string{"app", "create", "--name", "A", "--type", "secret"}},
		{"redirect-uri http://a.example/cb", "", []string{"app", "create", "--name", "A", "--redirect-uri", "http://a.example/cb"}},
		{"write it like mcp:read=Read your notes", "", []string{"resource-server", "create", "--identifier", "https://n.example", "--scope", "mcp:read"}},
		{"token-format paper: there are opaque, jwt", "", []string{"resource-server", "create", "--identifier", "https://n.example", "--token-format", "paper"}},
		{"There is no provider \"gitlab\"", "x", []string{"provider", "set", "gitlab", "--client-id", "a", "--client-secret-stdin"}},
		{"pipe the client secret in", "", []string{"provider", "set", "github", "--client-id", "a"}},
		{"unknown command", "", []string{"frobnicate"}},
		{"unknown flag", "", []string{"serve", "--frobnicate"}},
		{"external-url: \"http://deputy.example\" is http, but not on this computer", "", []string{"serve", "--external-url", "http://deputy.example"}},
		{"listen: \"nowhere\" is not an address", "", []string{"serve", "--listen", "nowhere"}},
	} {
		out, err := deputy(t, c.in, append(c.args, "--data", data)...)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("deputy %s: %v, want %q", strings.Join(c.args, " "), err, c.says)
			continue
		}
		if strings.Contains(out, "Usage:") || strings.Contains(err.Error(), "correct-horse") || strings.Contains(err.Error(), "SQL") {
			t.Errorf("deputy %s: %q %v", strings.Join(c.args, " "), out, err)
		}
	}
	// Everything that is wrong with the settings, at once.
	_, err := deputy(t, "", "serve", "--data", data, "--listen", "nowhere", "--external-url", "ftp://x", "--log-level", "loud", "--database-url", "mysql://x")
	for _, name := range []string{"listen", "external-url", "log-level", "database-url"} {
		if err == nil || !strings.Contains(err.Error(), name+":") {
			t.Errorf("%s is not mentioned: %v", name, err)
		}
	}
}

// serving runs "deputy serve" until stop, which returns what it came to.
func serving(t *testing.T, data string) (url string, log *output, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	log, ended := &output{}, make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--data", data}, []string{"DEPUTY_LISTEN=" + address, "DEPUTY_EXTERNAL_URL=http://" + address}, strings.NewReader(""), log, log)
	}()
	t.Cleanup(cancel)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get("http://" + address + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == 200 {
				break
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("serve ended: %v\n%s", err, log)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("serve is not ready\n%s", log)
		}
	}
	return "http://" + address, log, func() error { cancel(); return <-ended }
}

// When the program is asked to end, requests under way are answered and new
// connections are not taken.
func TestServeDrains(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	url, log, stop := serving(t, data)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = "grant_type=client_credentials&client_id=app_nobody"
	half := "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\n" + body[:10]
	if _, err := io.WriteString(conn, half); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // the request is under way
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(log.String(), "draining"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not drain\n%s", log)
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended with a request under way: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Error("it takes new connections")
	}
	if _, err := io.WriteString(conn, body[10:]); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") || !strings.Contains(string(answer), "invalid_client") {
		t.Errorf("the request under way got %q %v", answer, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
	if !strings.Contains(log.String(), "stopped") {
		t.Errorf("the log does not say that it stopped:\n%s", log)
	}
}

// Commands work while the server runs, on the same data, and it sees what they
// did.
func TestCommandsBesideARunningServer(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	url, _, stop := serving(t, data)
	made(t, "", "resource-server", "create", "--data", data, "--identifier", "https://notes.example/mcp", "--scope", "mcp:read=Read your notes")
	app := made(t, "", "app", "create", "--data", data, "--name", "Robot", "--grant-type", "client_credentials", "--scope", "mcp:read")
	form := "grant_type=client_credentials&client_id=" + app["client_id"].(string) + "&client_secret=" + app["client_secret"].(string)
	var status int
	for deadline := time.Now().Add(5 * time.Second); status != 200 && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		res, err := http.Post(url+"/oauth/token", "application/x-www-form-urlencoded", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		status = res.StatusCode
	}
	if status != 200 {
		t.Errorf("the new app gets %d", status)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestAnAddressInUseIsSaidInWords(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = deputy(t, "", "serve", "--data", filepath.Join(t.TempDir(), "data"), "--listen", l.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "choose one with --listen") {
		t.Errorf("%v", err)
	}
}
