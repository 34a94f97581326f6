package sampleapp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxAnswer is how much of an answer is read, maxShown how much is shown.
	maxAnswer = 1 << 20
	maxShown  = 8000
)

// offer is one call a visitor can try, as Octokit or Slack's client would make it.
type offer struct {
	ID, Label, Note string
	Slack           bool
	method, path    string
	body            string
}

// offers is every call there is, in the order of the page.
func offers() []offer {
	return []offer{
		{ID: "web", Label: "Read acme/web", Note: "Works if you picked it.", method: "GET", path: "/api/github/repos/acme/web"},
		{ID: "infra", Label: "Read acme/infra", Note: "Not there for us unless you picked it.", method: "GET", path: "/api/github/repos/acme/infra"},
		{ID: "list", Label: "List repositories", Note: "Only the ones you picked.", method: "GET", path: "/api/github/user/repos?per_page=20"},
		{ID: "packages", Label: "Read package.json of acme/web", Note: "The file this app is about.", method: "GET", path: "/api/github/repos/acme/web/contents/package.json"},
		{ID: "issues", Label: "List issues of acme/web", Note: "To skip what is known already.", method: "GET", path: "/api/github/repos/acme/web/issues?per_page=10"},
		{ID: "create", Label: "Try to open an issue in acme/web", Note: "We never asked for this, so it must fail.", method: "POST", path: "/api/github/repos/acme/web/issues",
			body: `{"title":"lodash is out of date","body":"4.17.15 is installed, 4.17.21 is out."}`},
		{ID: "channels", Label: "List channels", Note: "Only the ones you picked.", Slack: true, method: "GET", path: "/api/slack/users.conversations?limit=50"},
		{ID: "messages", Label: "Read messages", Note: "Of one of those channels.", Slack: true, method: "GET", path: "/api/slack/conversations.history?limit=10"},
	}
}

// answer is what came back, ready to be shown.
type answer struct {
	Label      string
	Request    string // request line
	Bearer     string // the start of our token
	Sent       string // body we sent
	Status     string
	Good       bool
	Challenge  string // WWW-Authenticate, on 401 and 403
	RetryAfter string
	Body       string
	Cut        bool
	File       string // decoded content, for a file
	LeakedKey  bool   // true if a provider's key was in the answer
	channels   []channel
}

// call makes one call and shows what came back.
func (a *App) call(w http.ResponseWriter, r *http.Request) error {
	wanted := r.PostFormValue("call")
	at := slices.IndexFunc(offers(), func(o offer) bool { return o.ID == wanted })
	if at < 0 {
		return trouble{status: http.StatusBadRequest, Headline: "That is not one of our buttons", Text: "Go back to the first page and choose again."}
	}
	v := a.visitOf(r)
	if v == nil {
		return notConnected()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.token == nil {
		return notConnected()
	}
	chosen := offers()[at]
	if chosen.ID == "messages" {
		chosen.path += "&" + url.Values{"channel": {r.PostFormValue("channel")}}.Encode()
	}
	token, err := a.freshToken(r, v)
	if err != nil {
		return err
	}
	got, err := a.ask(r, chosen, token.AccessToken)
	if err != nil {
		return unreachable(err)
	}
	if chosen.ID == "channels" && got.Good {
		v.channels = got.channels
	}
	return a.render(w, http.StatusOK, "home.html", a.homePage(v, got))
}

func notConnected() error {
	return trouble{status: http.StatusForbidden, Headline: "You are not connected", Text: "Connect with Deputy first."}
}

// ask sends one request with our token.
func (a *App) ask(r *http.Request, chosen offer, token string) (*answer, error) {
	req, err := http.NewRequestWithContext(r.Context(), chosen.method, a.cfg.DeputyURL+chosen.path, strings.NewReader(chosen.body))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", chosen.path, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("User-Agent", "repo-scout/1.0")
	req.Header.Set("Accept", "application/vnd.github+json")
	if chosen.Slack {
		req.Header.Set("Accept", "application/json")
	}
	if chosen.body != "" {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", chosen.path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer of %s: %w", chosen.path, err)
	}
	got := readAnswer(body)
	got.Label, got.Request, got.Sent = chosen.Label, chosen.method+" "+req.URL.String(), chosen.body
	got.Bearer, got.Status, got.RetryAfter = start(token), resp.Status, resp.Header.Get("Retry-After")
	got.Good = resp.StatusCode < 300
	if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
		got.Challenge = resp.Header.Get("WWW-Authenticate")
	}
	return got, nil
}

// start is the beginning of a token: enough to recognise it, not to use it.
func start(token string) string {
	return token[:min(len(token)/3, 10)] + "…"
}

// readAnswer makes a body readable.
func readAnswer(body []byte) *answer {
	got := &answer{LeakedKey: holdsProviderKey(body)}
	var shown bytes.Buffer
	err := json.Indent(&shown, body, "", "  ")
	if err != nil {
		// Not JSON: shown as it came.
		shown.Reset()
		shown.Write(body)
	}
	got.Body, got.Cut = cut(strings.ToValidUTF8(shown.String(), "�"), maxShown)
	var known struct {
		Encoding, Content string
		Channels          []channel
	}
	// A list or a text has neither field; then there is nothing to add.
	if json.Unmarshal(body, &known) != nil {
		return got
	}
	got.channels = known.Channels
	if known.Encoding == "base64" {
		content, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(known.Content, "\n", ""))
		if err == nil && utf8.Valid(content) {
			got.File, _ = cut(string(content), maxShown)
		}
	}
	return got
}

// cut shortens a text at a character.
func cut(text string, limit int) (string, bool) {
	if len(text) <= limit {
		return text, false
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit], true
}

// holdsProviderKey looks for the forms of GitHub's and Slack's own tokens.
func holdsProviderKey(body []byte) bool {
	return regexp.MustCompile(`gh[opusr]_[A-Za-z0-9]{20}|xox[a-z][.-][A-Za-z0-9-]{10}|token=[A-Za-z0-9]{10}`).Match(body)
}
