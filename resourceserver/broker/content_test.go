package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// taker is an app that takes a file in, and does something at each part of it.
type taker struct {
	got int64
	at  func(got int64) error // nil does nothing
}

func (*taker) Within(time.Duration) error { return nil }

func (r *taker) Write(some []byte) (int, error) {
	r.got += int64(len(some))
	if r.at != nil {
		if err := r.at(r.got); err != nil {
			return 0, err
		}
	}
	return len(some), nil
}

// files lets the provider answer a file's content with send, and that every file is
// in the folder that was picked.
func (w *world) files(send http.HandlerFunc) *world {
	w.t.Helper()
	served := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("alt") == "media" || strings.HasSuffix(r.URL.Path, "/export") {
			out.Header().Set("Content-Type", "application/zip")
			send(out, r)
			return
		}
		out.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(out, `{"id":%q,"parents":[%q]}`, notes, work)
	}))
	w.t.Cleanup(served.Close)
	w.wire.ends[onDesk] = end{served.URL, "provider-token"}
	return w
}

// sized sends n bytes, in parts and without saying how many.
func sized(n int) http.HandlerFunc {
	part := bytes.Repeat([]byte("0123456789abcdef"), 1<<11)
	return func(out http.ResponseWriter, _ *http.Request) {
		for left := n; left > 0; left -= len(part) {
			if _, err := out.Write(part[:min(left, len(part))]); err != nil {
				return
			}
			_ = http.NewResponseController(out).Flush()
		}
	}
}

const (
	download = "?alt=media"
	export   = "/export?mimeType=text/plain" // of 10 MiB at most
)

// fetched asks for a file, and lets app read it when there is one.
func (w *world) fetched(what string, app *taker) (broker.Answer, *broker.Refusal, error) {
	w.t.Helper()
	answer, err := w.broker.Serve(w.t.Context(), w.request("GET", "google", drive("/"+notes+what), ""))
	var refusal *broker.Refusal
	if err != nil && !errors.As(err, &refusal) {
		w.t.Fatal(err)
	}
	if answer.Content == nil {
		return answer, refusal, nil
	}
	return answer, nil, answer.Content.Send(w.t.Context(), app)
}

func TestThreat_B18_AFileIsNeverInMemoryWhole(t *testing.T) {
	const size = 64 << 20
	w := newWorld(t).allowAll().files(sized(size))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var app taker
	answer, refusal, err := w.fetched(download, &app)
	runtime.ReadMemStats(&after)
	if refusal != nil || err != nil || app.got != size {
		t.Fatalf("%v %v: %d bytes", refusal, err, app.got)
	}
	// What the provider in this process uses for its parts is counted, too.
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
	h := answer.Header
	if h.Get("Content-Disposition") != "attachment" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Length") != "" {
		t.Errorf("headers %v", h)
	}
	e := w.audit.last()
	if e.Outcome != broker.Done || e.Bytes != size || e.Operation != "files.download" {
		t.Errorf("on record: %+v", e)
	}
}

// A file that does not come whole is not passed on as if it had: the app is cut off,
// and what happened is on record with what had left by then.
func TestThreat_B18_B19_AFileThatBreaksOff(t *testing.T) {
	const most = 10 << 20
	stalls := func(out http.ResponseWriter, r *http.Request) {
		sized(1000)(out, r)
		<-r.Context().Done()
	}
	for _, tt := range []struct {
		why, what, reason string
		send              http.HandlerFunc
		at                func(*world, int64) error
		least, most       int64
	}{
		{why: "more than it may have", what: export, send: sized(most + 1), reason: broker.CodeTooLarge, most: most},
		{why: "cut off by the provider", what: download, reason: "cut_off", least: 1000, most: 1000, send: func(out http.ResponseWriter, r *http.Request) {
			sized(1000)(out, r)
			panic(http.ErrAbortHandler)
		}},
		{why: "shorter than it said", what: download, reason: "cut_off", most: 1000, send: func(out http.ResponseWriter, r *http.Request) {
			out.Header().Set("Content-Length", "1001")
			sized(1000)(out, r)
			panic(http.ErrAbortHandler)
		}},
		{why: "a provider that stalls", what: download, reason: "too_slow", least: 1000, most: 1000, send: stalls},
		{why: "an app that does not read on", what: download, reason: "app_left", send: sized(1 << 20),
			at: func(*world, int64) error { return os.ErrDeadlineExceeded }},
		{why: "always just in time", what: download, reason: "too_slow", least: 1, most: 1 << 20, send: sized(1 << 20), at: func(w *world, _ int64) error {
			w.now = w.now.Add(4 * time.Second) // for 32 KiB
			return nil
		}},
		{why: "taken back meanwhile", what: download, reason: "ended", least: 1, most: 1 << 20, send: sized(4 << 20), at: func(w *world, got int64) error {
			if got > 1<<19 {
				w.live.grant.Revoked, w.now = true, w.now.Add(2*time.Second)
			}
			return nil
		}},
	} {
		t.Run(tt.why, func(t *testing.T) {
			w := newWorld(t).allowAll().files(tt.send)
			w.broker.SetIdle(200 * time.Millisecond)
			app := &taker{}
			if tt.at != nil {
				app.at = func(got int64) error { return tt.at(w, got) }
			}
			_, refusal, err := w.fetched(tt.what, app)
			e := w.audit.last()
			if refusal != nil || err == nil || e.Outcome != broker.Failed || e.Reason != tt.reason {
				t.Errorf("%v, %v: on record as %s %q, want %q", refusal, err, e.Outcome, e.Reason, tt.reason)
			}
			if e.Bytes < tt.least || e.Bytes > tt.most || e.Connection != onDesk {
				t.Errorf("on record: %d bytes by %q, want %d to %d", e.Bytes, e.Connection, tt.least, tt.most)
			}
		})
	}
}

// What is no file is refused before anything leaves.
func TestThreat_B18_WhatDoesNotBecomeAFile(t *testing.T) {
	for _, tt := range []struct {
		why, what, code string
		send            http.HandlerFunc
	}{
		{"larger than it may be", export, broker.CodeTooLarge, func(out http.ResponseWriter, r *http.Request) {
			out.Header().Set("Content-Length", fmt.Sprint(10<<20+1))
			sized(10<<20+1)(out, r)
		}},
		{"packed all the same", download, "provider_down", func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Content-Encoding", "gzip")
			io.WriteString(out, "\x1f\x8b")
		}},
		{"an error without an end", download, "provider_down", func(out http.ResponseWriter, r *http.Request) {
			out.WriteHeader(http.StatusNotFound)
			sized(64<<20)(out, r)
		}},
		{"elsewhere", download, "resource_unavailable", func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Location", "https://evil.example/?signature=1")
			out.WriteHeader(http.StatusFound)
		}},
	} {
		t.Run(tt.why, func(t *testing.T) {
			w := newWorld(t).allowAll().files(tt.send)
			var app taker
			answer, refusal, err := w.fetched(tt.what, &app)
			if refusal == nil || refusal.Code != tt.code || err != nil || app.got != 0 || len(answer.Header) != 0 {
				t.Errorf("%+v %v %d %v, want %s", refusal, err, app.got, answer.Header, tt.code)
			}
			if e := w.audit.last(); e.Bytes != 0 || e.Outcome == broker.Done {
				t.Errorf("on record: %+v", e)
			}
		})
	}
}

// Without a record of its start no file leaves.
func TestAFileThatCannotBeRecordedDoesNotLeave(t *testing.T) {
	w := newWorld(t).allowAll().files(sized(1000))
	w.audit.fail = true
	req := w.request("GET", "google", drive("/"+notes+download), "")
	for range 20 { // none of them stays on its way
		if answer, err := w.broker.Serve(t.Context(), req); err == nil || answer.Content != nil {
			t.Fatalf("%+v", answer)
		}
	}
	w.audit.fail = false
	if _, refusal, err := w.fetched(download, &taker{}); refusal != nil || err != nil {
		t.Error(refusal, err)
	}
}

// One app reads only so many files of a person at a time.
func TestThreat_B19_FilesOfOneAgreementAtATime(t *testing.T) {
	w := newWorld(t).allowAll().files(sized(1000))
	var open []broker.Answer
	var refusal *broker.Refusal
	for refusal == nil && len(open) < 20 {
		answer, err := w.broker.Serve(t.Context(), w.request("GET", "google", drive("/"+notes+download), ""))
		if err == nil {
			open = append(open, answer)
		} else if !errors.As(err, &refusal) {
			t.Fatal(err)
		}
	}
	if len(open) != 8 || refusal.Status != http.StatusTooManyRequests || refusal.RetryAfter <= 0 {
		t.Errorf("%d at a time, then %+v", len(open), refusal)
	}
	for _, answer := range open {
		if err := answer.Content.Send(t.Context(), &taker{}); err != nil {
			t.Error(err)
		}
	}
	if _, refusal, err := w.fetched(download, &taker{}); refusal != nil || err != nil {
		t.Errorf("after they ended: %v %v", refusal, err)
	}
}
