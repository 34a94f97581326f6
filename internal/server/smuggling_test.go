package server_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// Threat B23: behind a request that says in two ways where it ends, nothing more is
// answered on the same connection: what follows may be somebody else's.
func TestThreat_B23_ARequestEndsInOneWay(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	host := strings.TrimPrefix(d.URL, "http://")
	const body = "0\r\n\r\n"
	next := "GET /healthz HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"
	for name, c := range map[string]struct {
		framing string
		want    []int
	}{
		"a length":                        {"Content-Length: 5\r\n\r\n" + body, []int{400, 200}},
		"the same length twice":           {"Content-Length: 5\r\nContent-Length: 5\r\n\r\n" + body, []int{400, 200}},
		"chunks":                          {"Transfer-Encoding: chunked\r\n\r\n" + body, []int{400}},
		"a length and chunks":             {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + body, []int{400}},
		"chunks and a length":             {"Transfer-Encoding: chunked\r\nContent-Length: 60\r\n\r\n" + body, []int{400}},
		"chunks behind a tab":             {"Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n" + body, []int{400}},
		"chunks twice":                    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + body, []int{501}},
		"no encoding":                     {"Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n" + body, []int{501}},
		"an encoding like chunks":         {"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n" + body, []int{501}},
		"packed chunks":                   {"Transfer-Encoding: gzip, chunked\r\n\r\n" + body, []int{501}},
		"a name with a space":             {"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n" + body, []int{400}},
		"an encoding behind a control":    {"Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n\r\n" + body, []int{400}},
		"a header behind half a line":     {"X-A: b\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + body, []int{400}},
		"two lengths":                     {"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + body, []int{400}},
		"a list of lengths":               {"Content-Length: 5, 5\r\n\r\n" + body, []int{400}},
		"a length with a sign":            {"Content-Length: +5\r\n\r\n" + body, []int{400}},
		"a chunk's length with a sign":    {"Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n", []int{400}},
		"a chunk's length in another way": {"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n", []int{400}},
		"a chunk with half a line's end":  {"Transfer-Encoding: chunked\r\n\r\n0\n\n", []int{400}},
		"a chunk with words":              {"Transfer-Encoding: chunked\r\n\r\n0;a=\"\n\"\r\n\r\n", []int{400}},
	} {
		got := answers(t, host, "POST /oauth/token HTTP/1.1\r\nHost: "+host+"\r\nContent-Type: application/x-www-form-urlencoded\r\n"+c.framing+next)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: answered %v, want %v", name, got, c.want)
		}
	}
}

// answers sends text as it stands and returns the status of each answer until the
// server closes the connection.
func answers(t *testing.T, host, text string) (statuses []int) {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewReader(conn); ; {
		res, err := http.ReadResponse(in, nil)
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Fatalf("the connection stays open after %v", statuses)
		}
		if err != nil {
			return statuses
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		statuses = append(statuses, res.StatusCode)
	}
}

// Threat B24: a website whose name leads to this computer reaches neither the
// broker nor anything else, and whoever calls it by its own name needs a token.
func TestThreat_B24_ANameThatLeadsHere(t *testing.T) {
	d := deputytest.New(t, deputytest.Options{})
	token := reader(d, d.SignedIn("ana"), "700100001")
	host := strings.TrimPrefix(d.URL, "http://")
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	before := len(d.GitHub.Calls())
	for _, path := range []string{"/api/github/repositories/700100001", "/api/capabilities", "/oauth/token", "/signin", "/.well-known/oauth-protected-resource/api"} {
		for _, name := range []string{"evil.example", "evil.example:" + port, host + ".evil.example", "127.0.0.1.evil.example:" + port, "localhost.evil.example", "10.0.0.1:" + port, "169.254.169.254", "[::ffff:10.0.0.1]"} {
			got := answers(t, host, "GET "+path+" HTTP/1.1\r\nHost: "+name+"\r\nAuthorization: Bearer "+token+"\r\nConnection: close\r\n\r\n")
			if !slices.Equal(got, []int{http.StatusMisdirectedRequest}) {
				t.Errorf("%s of %s: %v", path, name, got)
			}
		}
	}
	if got := d.Send("GET", "/api/github/repositories/700100001", "", "Origin", "http://evil.example"); got.Status != 401 || got.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("without a token: %d %v", got.Status, got.Header)
	}
	if after := len(d.GitHub.Calls()); after != before {
		t.Errorf("GitHub was called %d times", after-before)
	}
	if got := d.API(token, "GET", "/api/github/repositories/700100001"); got.Status != 200 {
		t.Errorf("by its own name: %d %s", got.Status, got.Raw)
	}
}
