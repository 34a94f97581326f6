package main

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, c := range []struct {
		values []time.Duration
		p      int
		want   time.Duration
	}{
		{hundred, 50, 50}, {hundred, 95, 95}, {hundred, 99, 99}, {hundred[:1], 99, 1}, {hundred[:3], 50, 2},
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("p%d of %d values is %d, want %d", c.p, len(c.values), got, c.want)
		}
	}
}

func TestConnReadsWhatNetHTTPWrites(t *testing.T) {
	long := strings.Repeat("long", 5000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long": // more than net/http buffers: chunked
			io.WriteString(w, long)
		case "/form":
			io.WriteString(w, r.PostFormValue("a")+r.PostFormValue("b")+r.Header.Get("Authorization"))
		case "/away":
			http.Redirect(w, r, "/there?code=1", http.StatusSeeOther)
		}
	}))
	defer s.Close()
	host := s.Listener.Addr().String()
	c, err := dial(host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for range 2 { // on one connection
		for _, r := range []struct {
			request []byte
			status  int
			want    string
		}{
			{get(nil, host, "/long", "X-More: yes"), 200, long},
			{post(nil, host, "/form", "Basic x", "a=1&", "b=2"), 200, "12Basic x"},
			{get(nil, host, "/away"), 303, ""},
			{get(nil, host, "/nothing"), 200, ""},
		} {
			body, err := c.want(r.status, r.request)
			if err != nil {
				t.Fatal(err)
			}
			if r.status == 200 && string(body) != r.want {
				t.Errorf("read %d bytes, want %d", len(body), len(r.want))
			}
			if r.status == 303 && string(c.location) != "/there?code=1" {
				t.Errorf("sent to %q", c.location)
			}
		}
	}
	if _, err := c.want(200, get(nil, host, "/away")); err == nil || !strings.Contains(err.Error(), "303") {
		t.Errorf("a wrong status gives %v", err)
	}
}

func TestMeasureEndsWithTheFirstError(t *testing.T) {
	sorry := errors.New("sorry")
	calm := func() error { time.Sleep(time.Millisecond); return nil }
	began := time.Now()
	if _, err := measure([]client{calm, func() error { return sorry }}, 0, time.Minute); !errors.Is(err, sorry) {
		t.Errorf("got %v", err)
	}
	if time.Since(began) > 10*time.Second {
		t.Error("the other client went on")
	}
	f, err := measure([]client{calm, calm}, 10*time.Millisecond, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if f.P50 < time.Millisecond || f.PerSecond > 2000 || f.PerSecond < 1 || f.Clients != 2 {
		t.Errorf("two clients that need a millisecond each: %+v", f)
	}
}

func TestSQLiteLedgerCountsCommits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	d, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	run := func(statement string) {
		t.Helper()
		if _, err := d.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")
	for range 2 { // opening it again begins anew
		l := &sqliteLedger{path: path}
		if err := l.open(context.Background()); err != nil {
			t.Fatal(err)
		}
		before, err := l.books(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for range 2000 { // more than a checkpoint waits for
			run("INSERT INTO meta (name, value) VALUES (hex(randomblob(8)), '')")
		}
		after, err := l.books(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got := after.minus(before)
		if got.commits != 2000 || got.rows["meta"] != 2000 || got.size <= 0 || got.logBytes < 2000*4120 {
			t.Errorf("2000 rows, each committed alone, are counted as %+v", got)
		}
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFormReadsAPicker(t *testing.T) {
	page, err := html.Parse(strings.NewReader(`<form method="post" action="/signout"></form><form method="post" action="/consent/pick">
		<button name="do" value="search"></button><input type="hidden" name="csrf" value="t">
		<li><input type="checkbox" name="pick" value="7"><div><label>acme/<b>web</b></label></div></li>
		<li><input type="checkbox" name="pick" value="8" checked><div><label>acme/infra</label></div></li>
		<select name="days"><option value="1"><option value="2" selected></select></form>`))
	if err != nil {
		t.Fatal(err)
	}
	f, ok := formOf(page)
	if !ok || f.action != "/consent/pick" || f.boxes["acme/web"] != "7" || f.button("do", "se") != "search" || f.button("do", "x") != "" {
		t.Errorf("read %+v", f)
	}
	if got := f.values.Encode(); got != "csrf=t&days=2&pick=8" {
		t.Errorf("would send %s", got)
	}
}
