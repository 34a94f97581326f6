package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// build makes the program as it is shipped and returns its path and size in
// bytes.
func build(ctx context.Context, dir string) (string, int64, error) {
	path := filepath.Join(dir, "deputy")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "nomsgpack", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/deputy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", 0, fmt.Errorf("build deputy: %w\n%s", err, out)
	}
	return path, size(path), nil
}

// size of a file in bytes, 0 when it cannot be read.
func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// process is a server in a process of its own.
type process struct {
	cmd   *exec.Cmd
	said  *bytes.Buffer // what it wrote, for when it ends unasked
	ended chan error
	over  bool
	Ready time.Duration // from being started to the first 200 of its probe
}

// start runs a program and waits until the probe answers 200.
func start(ctx context.Context, probe, path string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, path, args...), said: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	// When this process is killed, the server must not stay.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	c := &http.Client{Timeout: time.Second}
	for time.Since(began) < 20*time.Second {
		select {
		case err := <-p.ended:
			return nil, fmt.Errorf("%s ended: %w\n%s", path, err, p.said)
		default:
		}
		if resp, err := c.Get(probe); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				p.Ready = time.Since(began)
				c.CloseIdleConnections()
				return p, nil
			}
		}
		time.Sleep(time.Millisecond)
	}
	return nil, errors.Join(fmt.Errorf("%s does not get ready", path), p.stop())
}

// stop asks the process to end and waits until it has. Stopping it again does
// nothing.
func (p *process) stop() error {
	if p.over {
		return nil
	}
	p.over = true
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("end the server: %w", err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			return fmt.Errorf("the server ended with: %w\n%s", err, p.said)
		}
		return nil
	case <-time.After(40 * time.Second):
		return errors.Join(errors.New("the server does not end"), p.cmd.Process.Kill())
	}
}

// memory is what the process holds now and held at most, in bytes.
func (p *process) memory() (now, most int64, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0, 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch {
		case name == "VmRSS" && err == nil:
			now = kilobytes << 10
		case name == "VmHWM" && err == nil:
			most = kilobytes << 10
		}
	}
	return now, most, lines.Err()
}

// tick is the unit of /proc/PID/stat, the same on every Linux.
const tick = 10 * time.Millisecond

// worked is how long the process has used a core, in ticks.
func (p *process) worked() (time.Duration, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// The name in brackets may hold anything; utime and stime are the 12th and 13th
	// fields after it.
	_, rest, _ := bytes.Cut(text, []byte(") "))
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0, fmt.Errorf("process statistics have %d fields", len(fields))
	}
	user, err := strconv.Atoi(fields[11])
	kernel, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+kernel) * tick, errors.Join(err, err2)
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// echo is the yardstick: the least a server of net/http does for a form and a
// small JSON answer.
func echo(address string) error {
	answer := []byte(`{"access_token":"` + strings.Repeat("a", 300) + `","token_type":"Bearer","expires_in":600}`)
	h := http.NewServeMux()
	h.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	h.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("grant_type") == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(answer) // an error here is the client's to report
	})
	s := &http.Server{Addr: address, Handler: h, ReadHeaderTimeout: 5 * time.Second}
	return s.ListenAndServe()
}

// kill ends a process that has nothing to lose.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("end the process: %w", err)
	}
	<-p.ended // it says that it was killed
	return nil
}

// diskSyncs is how often a second the disk below dir makes 8 kB durable, one
// after the other: what bounds commits that do not share a sync.
func diskSyncs(dir string, span time.Duration) (perSecond float64, err error) {
	f, err := os.Create(filepath.Join(dir, "syncs"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page, began, n := make([]byte, 8<<10), time.Now(), 0
	for ; time.Since(began) < span; n++ {
		// Over the same 16 MB again and again, as databases write their logs.
		if _, err := f.WriteAt(page, int64(n%2048)*int64(len(page))); err != nil {
			return 0, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}
