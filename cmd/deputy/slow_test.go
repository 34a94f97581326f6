package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// slowServer serves h on a loopback port with less patience than is shipped, in
// the same proportions but quick, and returns the address.
func slowServer(t *testing.T, p patience, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := p.server(h)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return l.Addr().String()
}

// held opens a connection, sends a beginning and then a byte every pause, and
// returns when the server has ended it and what the server said before.
func held(t *testing.T, address, beginning, drip string, pause, most time.Duration) (said string, after time.Duration) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return "", 0
	}
	defer c.Close()
	began := time.Now()
	if _, err := io.WriteString(c, beginning); err != nil {
		t.Error(err)
		return "", 0
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(pause):
			}
			if _, err := io.WriteString(c, drip); err != nil {
				return
			}
		}
	}()
	if err := c.SetReadDeadline(began.Add(most)); err != nil {
		t.Error(err)
	}
	raw, err := io.ReadAll(c)
	if e, timeout := err.(net.Error); timeout && e.Timeout() {
		t.Errorf("%.30q: the connection is still there after %v", beginning, most)
	}
	return string(raw), time.Since(began)
}

// Threat B19: whoever sends a head or a body slowly, does not read, or stays without
// asking is put out in the time that the server has for it, and the others are
// answered meanwhile.
func TestThreat_B19_SlowClientsAreEndedAndHoldNobodyUp(t *testing.T) {
	t.Parallel()
	p := patience{header: 500 * time.Millisecond, read: time.Second, write: 1500 * time.Millisecond, idle: 700 * time.Millisecond}
	unread := make(chan error, 1)
	address := slowServer(t, p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/upload":
			if _, err := io.ReadAll(r.Body); err != nil {
				return
			}
		case "/large":
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					unread <- err
					return
				}
			}
		}
		fmt.Fprint(w, "fine")
	}))
	const most = 5 * time.Second
	var slow sync.WaitGroup
	for range 500 {
		slow.Go(func() {
			if said, after := held(t, address, "GET / HTTP/1.1\r\nHost: deputy.example\r\n", "X", 100*time.Millisecond, most); after < p.header/2 || strings.Contains(said, "200 OK") {
				t.Errorf("half a head: ended after %v with %q", after, said)
			}
		})
	}
	slow.Go(func() {
		if said, after := held(t, address, "POST /upload HTTP/1.1\r\nHost: deputy.example\r\nContent-Length: 100000\r\n\r\n", "x", 100*time.Millisecond, most); after < p.read/2 || strings.Contains(said, "fine") {
			t.Errorf("half a body: ended after %v with %q", after, said)
		}
	})
	slow.Go(func() {
		if said, after := held(t, address, "GET / HTTP/1.1\r\nHost: deputy.example\r\n\r\n", "", most, most); !strings.Contains(said, "200 OK") || after < p.idle/2 {
			t.Errorf("nothing more is asked: ended after %v with %q", after, said)
		}
	})
	slow.Go(func() {
		if said, _ := held(t, address, "GET / HTTP/1.1\r\nHost: deputy.example\r\nX-Long: "+strings.Repeat("x", 80<<10)+"\r\n\r\n", "", most, most); !strings.HasPrefix(said, "HTTP/1.1 431 ") {
			t.Errorf("a head of 80 kB: %.60q", said)
		}
	})
	slow.Go(func() {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /large HTTP/1.1\r\nHost: deputy.example\r\n\r\n"); err != nil {
			t.Error(err)
		}
		select {
		case <-unread:
		case <-time.After(most):
			t.Error("an answer that nobody reads is still being written")
		}
	})
	for range 50 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(most)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: deputy.example\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("somebody else among them: %v %v", resp, err)
		}
		resp.Body.Close()
		c.Close()
	}
	slow.Wait()
}

// What is shipped has an end for each of them.
func TestPatienceIsBounded(t *testing.T) {
	for name, d := range map[string]time.Duration{"header": patient.header, "read": patient.read, "write": patient.write, "idle": patient.idle} {
		if d <= 0 || d > 2*time.Minute {
			t.Errorf("%s: %v", name, d)
		}
	}
	if patient.header > 5*time.Second {
		t.Errorf("a head may take %v", patient.header)
	}
}
