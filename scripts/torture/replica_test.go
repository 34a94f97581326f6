package torture_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/config"
	"github.com/deputy-oauth/deputy/internal/deputytest"
	"github.com/deputy-oauth/deputy/internal/server"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// orders is what a replica is told, as JSON in this variable. A program that has
// them is a replica and no test.
const orders = "DEPUTY_TORTURE_REPLICA"

type order struct {
	URL, Data, Database string        // settings of those names
	Ahead               time.Duration // of its clock
	Die                 provider.Step // "" for never
}

func TestMain(m *testing.M) {
	if raw := os.Getenv(orders); raw != "" {
		if err := serve(raw); err != nil {
			fmt.Fprintln(os.Stderr, "replica:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve is the whole program, until whoever started it lets go of its input.
func serve(raw string) error {
	var o order
	if err := json.Unmarshal([]byte(raw), &o); err != nil {
		return err
	}
	external, err := url.Parse(o.URL)
	if err != nil {
		return err
	}
	ctx := context.Background()
	cfg := config.Config{ExternalURL: external, Data: o.Data, DatabaseURL: o.Database, AllowLoopback: true, Operator: "Northwind"}
	f, err := server.Prepare(ctx, cfg, func() time.Time { return time.Now().Add(o.Ahead) })
	if err != nil {
		return err
	}
	f.Watch = func(at provider.Step) {
		if at != o.Die {
			return
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			panic(err)
		}
		select {} // the signal is on its way
	}
	s, err := server.New(ctx, f, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // how it ended makes no difference
		h.Close()
	}()
	fmt.Println(l.Addr())
	if err := h.Serve(l); err != http.ErrServerClosed {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	return f.Close()
}

// replica is a process of its own.
type replica struct {
	t       *testing.T
	cmd     *exec.Cmd
	in      io.Closer
	address string
	host    string // that it answers for
	http    *http.Client
}

// start starts a replica on d's database, keys and clock, that dies at a step.
func start(t *testing.T, d *deputytest.Deputy, die provider.Step) *replica {
	t.Helper()
	cfg := d.Foundation.Config
	raw, err := json.Marshal(order{URL: cfg.ExternalURL.String(), Data: cfg.Data, Database: cfg.DatabaseURL, Ahead: time.Until(d.Clock.Now()), Die: die})
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{t: t, cmd: exec.Command(os.Args[0]), host: cfg.ExternalURL.Host,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}, Timeout: time.Minute}}
	r.cmd.Env = append(os.Environ(), orders+"="+string(raw))
	r.cmd.Stderr = os.Stderr
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the replica did not start: %v", err)
	}
	r.address = strings.TrimSpace(line)
	return r
}

// call makes one brokered call and returns its status and body.
func (r *replica) call(token string) (int, string, error) {
	req, err := http.NewRequest("GET", "http://"+r.address+"/api/github/repos/acme/web", nil)
	if err != nil {
		return 0, "", err
	}
	req.Host = r.host
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := r.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// stop ends it as an operator does.
func (r *replica) stop() {
	r.t.Helper()
	r.http.CloseIdleConnections()
	if err := r.in.Close(); err != nil {
		r.t.Error(err)
	}
	if err := r.cmd.Wait(); err != nil {
		r.t.Errorf("the replica ended with %v", err)
	}
}

// kill ends it with SIGKILL.
func (r *replica) kill() {
	r.t.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		r.t.Fatal(err)
	}
	r.killed()
}

// killed waits for its end, which must be by SIGKILL.
func (r *replica) killed() {
	r.t.Helper()
	_ = r.cmd.Wait() // its error is the signal, looked at below
	if s, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
		r.t.Errorf("the replica ended with %s, want kill -9", r.cmd.ProcessState)
	}
}
