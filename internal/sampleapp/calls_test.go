package sampleapp_test

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestCalls(t *testing.T) {
	b := newBrowser(t, nil)
	b.connect("slack")
	for _, c := range []struct {
		button, want, body string
	}{
		{"web", "GET /api/github/repos/acme/web", ""},
		{"infra", "GET /api/github/repos/acme/infra", ""},
		{"list", "GET /api/github/user/repos?per_page=20", ""},
		{"packages", "GET /api/github/repos/acme/web/contents/package.json", ""},
		{"issues", "GET /api/github/repos/acme/web/issues?per_page=10", ""},
		{"create", "POST /api/github/repos/acme/web/issues", `{"title":"lodash is out of date","body":"4.17.15 is installed, 4.17.21 is out."}`},
		{"channels", "GET /api/slack/users.conversations?limit=50", ""},
	} {
		b.deputy.set(func(s *server) { s.calls, s.bodies, s.answer = nil, nil, reply(200, "", "", `{"id":1}`) })
		shown := b.press("/call", "call", c.button)
		b.says(shown, 200, "200 OK", "Authorization: Bearer dpa_ac…", "\"id\": 1", "There is none.")
		got := b.deputy.calls[0]
		if got.Method+" "+got.RequestURI != c.want || b.deputy.bodies[0] != c.body || got.Header.Get("Authorization") != "Bearer dpa_access_token_1" {
			t.Errorf("%s sends %s %s %q", c.button, got.Method, got.RequestURI, b.deputy.bodies[0])
		}
		b.says(shown, 200, strings.Replace(c.want, " /", " "+b.deputy.URL+"/", 1))
	}
}

func TestRefusalsAreShown(t *testing.T) {
	b := newBrowser(t, nil)
	b.connect("github")
	b.deputy.set(func(s *server) {
		s.answer = reply(403, "WWW-Authenticate", `Bearer error="insufficient_scope", scope="services.github.issues.write"`, `{"error":"scope_missing"}`)
	})
	b.says(b.press("/call", "call", "create"), 200, "403 Forbidden", `WWW-Authenticate: Bearer error="insufficient_scope"`, `"error": "scope_missing"`)
	b.deputy.set(func(s *server) { s.answer = reply(429, "Retry-After", "30", `{}`) })
	b.says(b.press("/call", "call", "web"), 200, "429 Too Many Requests", "Retry-After: 30")
	b.deputy.set(func(s *server) { s.answer = reply(302, "Location", "https://evil.example/", ``) })
	b.says(b.press("/call", "call", "web"), 200, "302 Found")
}

func TestAnswersAreEscapedAndCut(t *testing.T) {
	b := newBrowser(t, nil)
	b.connect("github")
	b.deputy.set(func(s *server) { s.answer = reply(200, "", "", `{"name":"<script>alert(1)</script>"}`) })
	if shown := b.press("/call", "call", "web"); strings.Contains(shown.body, "<script") {
		t.Error("the answer is not escaped")
	}
	b.deputy.set(func(s *server) { s.answer = reply(200, "", "", `"`+strings.Repeat("é", 9000)+`"`) })
	shown := b.press("/call", "call", "web")
	b.says(shown, 200, "Only its beginning is shown")
	if strings.Count(shown.body, "é") > 4000 || strings.Contains(shown.body, "�") {
		t.Errorf("%d letters shown, or half a one", strings.Count(shown.body, "é"))
	}
	b.deputy.set(func(s *server) { s.answer = reply(502, "", "", "no JSON <here>") })
	b.says(b.press("/call", "call", "web"), 200, "no JSON <here>")
}

func TestAFileIsDecoded(t *testing.T) {
	b := newBrowser(t, nil)
	b.connect("github")
	content := base64.StdEncoding.EncodeToString([]byte("lodash 4.17.15"))
	b.deputy.set(func(s *server) {
		s.answer = reply(200, "", "", `{"encoding":"base64","content":"`+content[:8]+`\n`+content[8:]+`"}`)
	})
	b.says(b.press("/call", "call", "packages"), 200, "The file", "lodash 4.17.15")
}

func TestALeakedKeyIsNoticed(t *testing.T) {
	b := newBrowser(t, nil)
	b.connect("github")
	for _, key := range []string{"gho_abcdefghijklmnopqrstuvwxyz", "ghu_abcdefghijklmnopqrstuvwxyz", "xoxp-1-abcdefghijkl", "xoxe.xoxp-1-abcdefgh", "http://x/raw?token=ABCDEFGHIJKL"} {
		b.deputy.set(func(s *server) { s.answer = reply(200, "", "", `{"x":"`+key+`"}`) })
		b.says(b.press("/call", "call", "web"), 200, "That must never happen")
	}
}

func TestSlackMessagesNeedAChannel(t *testing.T) {
	b := newBrowser(t, nil)
	b.says(b.connect("slack"), 200, "List the channels first.")
	b.deputy.set(func(s *server) {
		s.answer = reply(200, "", "", `{"ok":true,"channels":[{"id":"C01RELEASE","name":"releases"}]}`)
	})
	b.says(b.press("/call", "call", "channels"), 200, `<option value="C01RELEASE">#releases</option>`)
	b.read(b.http.PostForm(b.app.URL+"/call", map[string][]string{"call": {"messages"}, "channel": {"C01RELEASE&limit=999"}}))
	last := b.deputy.calls[len(b.deputy.calls)-1]
	if last.RequestURI != "/api/slack/conversations.history?limit=10&channel=C01RELEASE%26limit%3D999" {
		t.Errorf("messages are asked for with %s", last.RequestURI)
	}
}

func TestCallsThatAreNone(t *testing.T) {
	b := newBrowser(t, nil)
	b.says(b.press("/call", "call", "web"), 403, "You are not connected")
	b.says(b.press("/call", "call", "format"), 400, "not one of our buttons")
	b.says(b.press("/connect", "want", "everything"), 400, "not one of our buttons")
	b.says(b.get("/nowhere"), 404, "There is no such page")
	if shown := b.get("/style.css"); shown.status != 200 || !strings.Contains(shown.body, "notebook") {
		t.Errorf("the stylesheet gives %d", shown.status)
	}
}
