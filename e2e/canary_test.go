package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

// The whole path with secrets that are recognised wherever they turn up. What
// belongs to a provider never leaves the program; what belongs to the app or the
// browser goes to it and nowhere else. Nothing of either is in the log or the
// database, in clear or in a common encoding.
func TestCanary(t *testing.T) {
	for _, kind := range []struct {
		name string
		options
	}{
		{"SQLite, tokens that stay", options{githubVariant: "oauth_app"}},
		{"SQLite, tokens that rotate", options{githubVariant: "github_app", quirks: simulator.Quirks{Expiring: true, Rotate: true}}},
		{"PostgreSQL, tokens that rotate", options{githubVariant: "github_app", quirks: simulator.Quirks{Expiring: true, Rotate: true}, postgres: true}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			p := start(t, kind.options)
			s := newStory(t, p)
			s.play()
			running := s.database()
			s.p.stop()
			s.judge("the database of the running server", running, s.provider(), s.given)
			s.judge("the database afterwards", s.database(), s.provider(), s.given)
			s.judge("the log", p.log.bytes(), s.provider(), s.given)
			s.judge("the answers to the browser and the app", s.answers(), s.provider())
		})
	}
}

// story is one run of the path and what was secret in it.
type story struct {
	t       *testing.T
	p       *program
	seen    *recorder
	app     credentials
	api     credentials
	oauth   oauth2.Config
	given   map[string]string // secrets of ours, by what they are
	rotates bool              // the providers' tokens end and are renewed
}

func newStory(t *testing.T, p *program) *story {
	s := &story{t: t, p: p, seen: &recorder{}, app: p.app("Canary App"), given: map[string]string{}, rotates: p.rotates}
	s.api = p.register("resource-server", "create", "--identifier", "https://notes.example/mcp", "--scope", "mcp:read=Read your notes")
	s.given["secret of the app"], s.given["secret of the API"], s.given["password"] = s.app.Secret, s.api.Secret, password
	s.oauth = oauth2.Config{
		ClientID: s.app.ID, ClientSecret: s.app.Secret, RedirectURL: callback,
		Scopes:   []string{"services.github.repositories.read", "services.github.issues.read", "services.slack.messages.read", "identity.email.read", "offline_access", "agents.jobs.background"},
		Endpoint: oauth2.Endpoint{AuthURL: p.url + "/oauth/authorize", TokenURL: p.url + "/oauth/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	return s
}

// play goes the whole way, with every wrong turn on which secrets get into
// errors.
func (s *story) play() {
	s.t.Helper()
	ana := newPerson(s.t, s.seen)
	signIn := ana.open(s.p.url + "/signin")
	ana.press(signIn, "Sign in", url.Values{"email": {password}, "password": {password + "x"}}) // typed into the wrong field
	verifier := oauth2.GenerateVerifier()
	s.given["verifier of the app"] = verifier
	back := ana.complete(s.oauth.AuthCodeURL("canary-State-77aa", oauth2.S256ChallengeOption(verifier)), []string{"acme/web"}, []string{"#releases"})
	s.given["code"] = back.Get("code")
	token := s.redeem(back.Get("code"), verifier)
	s.calls(token.AccessToken, http.StatusOK)
	s.p.github.ExpireTokens()
	s.p.slack.ExpireTokens()
	if s.rotates {
		s.calls(token.AccessToken, http.StatusOK)
	} else {
		s.calls(token.AccessToken, http.StatusFailedDependency) // only the person can help
	}

	renewed := s.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}})
	s.given["access token after a refresh"] = renewed["access_token"]
	s.direct("/oauth/introspect", url.Values{"token": {renewed["access_token"]}})
	s.misuse(token, back.Get("code"), verifier)

	s.p.github.SetDown(true)
	s.call("GET", "/api/github/repos/acme/web", token.AccessToken)
	home := ana.open(s.p.url + "/services")
	ana.press(s.linked(ana, home, "Disconnect GitHub"), "Disconnect", nil)
	s.p.github.SetDown(false)
	ana.press(s.linked(ana, ana.open(s.p.url+"/services"), "Disconnect Slack"), "Disconnect", nil)
	ana.open(s.p.url + "/activity")
	s.call("GET", "/api/github/repos/acme/web", token.AccessToken)
	s.direct("/oauth/revoke", url.Values{"token": {token.RefreshToken}})
	s.noteCookies()
}

// linked follows the link with these words.
func (s *story) linked(who *person, at page, words string) page {
	s.t.Helper()
	for n := range at.root.Descendants() {
		if n.Data == "a" && strings.HasPrefix(text(n), words) {
			to, err := at.url.Parse(attribute(n, "href"))
			must(s.t, err)
			return who.open(to.String())
		}
	}
	s.t.Fatalf("%s has no link %q: %s", at.url, words, text(at.root))
	return page{}
}

// token posts to the token endpoint and returns the members that are text.
func (s *story) token(form url.Values) map[string]string {
	s.t.Helper()
	_, body := s.direct("/oauth/token", form)
	var members map[string]any
	must(s.t, json.Unmarshal([]byte(body), &members))
	out := map[string]string{}
	for name, v := range members {
		if words, ok := v.(string); ok {
			out[name] = words
		}
	}
	return out
}

func (s *story) redeem(code, verifier string) *oauth2.Token {
	s.t.Helper()
	got := s.token(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}})
	s.given["access token"], s.given["refresh token"] = got["access_token"], got["refresh_token"]
	if got["access_token"] == "" || got["refresh_token"] == "" {
		s.t.Fatalf("the app should get an access and a refresh token, got %v; %s", got, s.p.log.tail())
	}
	return &oauth2.Token{AccessToken: got["access_token"], RefreshToken: got["refresh_token"]}
}

// misuse sends secrets to where they do not belong.
func (s *story) misuse(token *oauth2.Token, code, verifier string) {
	s.t.Helper()
	s.call("GET", "/api/github/repos/acme/web?access_token="+token.AccessToken, "")
	s.call("GET", "/api/github/repos/acme/"+token.AccessToken, token.AccessToken)
	s.call("GET", "/api/github/repos/acme/web", token.RefreshToken)
	s.call("GET", "/api/github/repos/acme/web", token.AccessToken+"x")
	s.call("GET", "/"+token.AccessToken, token.AccessToken)
	s.call("GET", "/oauth/token?client_secret="+s.app.Secret, "")
	s.call("GET", "/oauth/authorize?client_id="+s.app.Secret+"&redirect_uri="+url.QueryEscape("https://evil.example/?"+s.app.Secret), "")
	s.direct("/oauth/introspect", url.Values{"token": {s.app.Secret}, s.app.Secret: {s.app.Secret, s.app.Secret}})
	s.direct("/oauth/token", url.Values{"grant_type": {token.RefreshToken}})
	s.direct("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken + "x"}})
	s.direct("/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {code + "x"}, "redirect_uri": {callback}, "code_verifier": {verifier}})
	s.call("GET", "/connect/github/callback?state="+code+"&code="+token.RefreshToken, "")
	s.call("GET", "/consent?flow="+token.AccessToken, "")
}

// calls reads everything that the broker knows here.
func (s *story) calls(token string, want int) {
	s.t.Helper()
	for _, path := range []string{
		"/api/github/user/repos", "/api/github/repos/acme/web", "/api/github/repos/acme/web/contents/package.json",
		"/api/github/repos/acme/web/contents/src", "/api/github/repos/acme/web/issues",
		"/api/slack/users.conversations", "/api/slack/conversations.history?channel=C01RELEASE",
	} {
		if status, body := s.call("GET", path, token); status != want {
			s.t.Errorf("GET %s should be %d, got %d: %s", path, want, status, body)
		}
	}
	s.call("GET", "/api/github/repos/acme/infra", token)
	s.call("POST", "/api/github/repos/acme/web/issues", token)
	s.call("GET", "/oauth/userinfo", token)
}

// call asks as the app would and returns the status and the answer.
func (s *story) call(method, path, token string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.p.url+path, nil)
	must(s.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return s.do(req)
}

// direct posts a form with the app's credentials.
func (s *story) direct(path string, form url.Values) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "POST", s.p.url+path, strings.NewReader(form.Encode()))
	must(s.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(s.app.ID), url.QueryEscape(s.app.Secret))
	return s.do(req)
}

func (s *story) do(req *http.Request) (int, string) {
	s.t.Helper()
	res, err := s.seen.RoundTrip(req)
	must(s.t, err)
	body, err := io.ReadAll(res.Body)
	must(s.t, err)
	return res.StatusCode, string(body)
}

// provider returns everything that only the program and its providers may know.
func (s *story) provider() map[string]string {
	out := map[string]string{"secret at GitHub": githubSecret, "secret at Slack": slackSecret}
	for name, tokens := range map[string][]string{
		"token of GitHub": s.p.github.IssuedTokens(), "token of Slack": s.p.slack.IssuedTokens(), "token in GitHub's answers": s.p.github.PlantedSecrets(),
	} {
		if len(tokens) == 0 {
			s.t.Errorf("there is no %s to look for", name)
		}
		for i, token := range tokens {
			out[name+strings.Repeat("'", i)] = token
		}
	}
	return out
}

// noteCookies adds what was seen on the way: cookies, and the codes and states
// that went through the browser.
func (s *story) noteCookies() {
	for _, a := range s.seen.all() {
		for _, c := range (&http.Response{Header: a.header}).Cookies() {
			if a.from.Host == host(s.p.url) && len(c.Value) > 16 {
				s.given["cookie "+c.Name+" "+c.Value[:4]] = c.Value
			}
		}
		to, err := url.Parse(a.header.Get("Location"))
		if err != nil || a.from.Host == host(s.p.url) {
			continue
		}
		for _, name := range []string{"code", "state"} {
			if v := to.Query().Get(name); v != "" {
				s.given[name+" of "+a.from.Host+" "+v[:4]] = v
			}
		}
	}
	if len(s.given) < 14 {
		s.t.Errorf("cookies, codes and states are missing among %q", slices.Collect(maps.Keys(s.given)))
	}
}

func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

// answers are what the program answered, all of it.
func (s *story) answers() []byte {
	var out bytes.Buffer
	for _, a := range s.seen.all() {
		if a.from.Host == host(s.p.url) {
			out.WriteString(a.from.Path + "\n")
			must(s.t, a.header.Write(&out))
			out.WriteString(a.body + "\n")
		}
	}
	return out.Bytes()
}

// database is every byte at rest: the data folder, and PostgreSQL's rows.
func (s *story) database() []byte {
	s.t.Helper()
	var out bytes.Buffer
	must(s.t, filepath.WalkDir(s.p.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		out.Write(raw)
		return err
	}))
	if s.p.database != "" {
		dump, err := exec.Command("pg_dump", "--inserts", s.p.database).Output()
		must(s.t, err)
		out.Write(dump)
	}
	return out.Bytes()
}

// judge looks for secrets, in clear and in the encodings in which they could
// have got there. The address of the person and the id of the app prove that it
// looks at the right place.
func (s *story) judge(place string, found []byte, kinds ...map[string]string) {
	s.t.Helper()
	if !bytes.Contains(found, []byte(s.app.ID)) {
		s.t.Errorf("%s does not even hold the id of the app: it was not looked at", place)
	}
	for _, secrets := range kinds {
		for name, secret := range secrets {
			if len(secret) < 10 {
				s.t.Errorf("%s is too short to be recognised: %q", name, secret)
			}
			for form, needle := range encodings(secret) {
				if bytes.Contains(found, []byte(needle)) {
					s.t.Errorf("%s holds a %s (%s): …%s…", place, name, form, around(found, needle))
				}
			}
		}
	}
}

// encodings are the forms in which a secret can lie somewhere.
func encodings(secret string) map[string]string {
	out := map[string]string{
		"clear": secret, "URL": url.QueryEscape(secret), "path": url.PathEscape(secret),
		"hex": hex.EncodeToString([]byte(secret)), "upper hex": strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
	for shift := range 3 {
		padded := append(make([]byte, shift), secret...)
		whole := base64.StdEncoding.EncodeToString(padded[:len(padded)/3*3])
		own := whole[(shift*8+5)/6:] // without the characters that hold bits from before it
		out["base64 +"+string('0'+rune(shift))] = own
		out["base64url +"+string('0'+rune(shift))] = strings.NewReplacer("+", "-", "/", "_").Replace(own)
	}
	return out
}

func around(found []byte, needle string) string {
	at := bytes.Index(found, []byte(needle))
	return strings.ToValidUTF8(string(found[max(0, at-80):min(len(found), at+len(needle)+20)]), "?")
}

func TestEncodingsAreFound(t *testing.T) {
	const secret = "canary-secret-0123456789"
	for _, before := range []string{"", "a", "ab", "abc"} {
		hidden := []string{
			before + secret, base64.StdEncoding.EncodeToString([]byte(before + secret + "z")), base64.URLEncoding.EncodeToString([]byte(before + secret)),
			hex.EncodeToString([]byte(before + secret)), url.QueryEscape(before + "&" + secret),
		}
		for _, h := range hidden {
			seen := slices.ContainsFunc(slices.Collect(maps.Values(encodings(secret))), func(needle string) bool { return strings.Contains(h, needle) })
			if !seen {
				t.Errorf("the secret in %s is not found", h)
			}
		}
	}
}
