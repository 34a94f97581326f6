package broker_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/simulator"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

// later makes it d after noon for the broker; the agreements last longer.
func (w *world) later(d time.Duration) {
	w.now = noon.Add(d)
	for i := range w.live.grant.Items {
		w.live.grant.Items[i].Until = w.now.Add(time.Hour)
	}
}

// world is one person with GitHub and Slack connected, one app, and the broker
// between them.
type world struct {
	t        testing.TB
	broker   *broker.Broker
	github   *simulator.GitHub
	slack    *simulator.Slack
	notion   *simulator.Notion
	google   *simulator.Google
	stripe   *simulator.Stripe
	live     *authority
	budgets  *budgets
	outcomes outcomes
	wire     *wire
	audit    *audit
	cursors  *cursors
	bearer   consent.Bearer
	ids      map[string]string // "acme/web" → repository id
	now      time.Time
}

const (
	ana    consent.UserID       = "ana"
	scout  consent.AppID        = "scout"
	grant  consent.GrantID      = "grant-1"
	onHub  consent.ConnectionID = "conn-github"
	onChat consent.ConnectionID = "conn-slack"
	onWiki consent.ConnectionID = "conn-notion"
	onDesk consent.ConnectionID = "conn-google"
	onTill consent.ConnectionID = "conn-stripe"
	onPost consent.ConnectionID = "conn-gmail"
)

// Things at the simulated Notion that always exist.
const (
	handbook = "1a000000-0000-4000-8000-000000000001"
	holidays = "1a000000-0000-4000-8000-000000000002" // in the handbook
	finance  = "1a000000-0000-4000-8000-000000000004"
	budget   = "1a000000-0000-4000-8000-000000000006" // in finance
	tasks    = "1a000000-0000-4000-8000-000000000009" // in projects
)

// Customers at the simulated Stripe: two with drafts of invoices, one of them with a
// subscription, and one more.
const (
	one   = "cus_NW000000000001"
	two   = "cus_NW000000000002"
	three = "cus_NW000000000003"
	five  = "cus_NW000000000005"
)

// Calendars at the simulated Google.
const (
	team    = "c_team0northwind@group.calendar.google.com"
	private = "ana@northwind.example"
)

// Labels at the simulated Gmail, and mails: one under each, one in the inbox.
const (
	customers = "Label_1"
	receipts  = "Label_2"
	order     = "18c0000000000003"
	receipt   = "18c0000000000004"
	texts     = "18c0000000000001"
	noMail    = "18c0000000000999"
)

var googleScopes = []string{
	"openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile",
	"https://www.googleapis.com/auth/drive", "https://www.googleapis.com/auth/calendar.events", "https://www.googleapis.com/auth/calendar.freebusy", "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
}

var gmailScopes = []string{"openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/gmail.readonly", "https://www.googleapis.com/auth/gmail.compose"}

var slackScopes = []string{"channels:read", "channels:history", "groups:read", "groups:history", "chat:write", "team:read", "users:read", "search:read", "im:read", "im:history", "files:read"}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, now: noon,
		github: simulator.NewGitHub(simulator.Config{Now: clock}), slack: simulator.NewSlack(simulator.Config{Now: clock}), notion: simulator.NewNotion(simulator.Config{Now: clock}), google: simulator.NewGoogle(simulator.Config{Now: clock}), stripe: simulator.NewStripe(simulator.Config{Now: clock}),
		live: &authority{}, budgets: &budgets{}, audit: &audit{}, cursors: newCursors(t), wire: &wire{ends: map[consent.ConnectionID]end{}},
		bearer: consent.Bearer{User: ana, App: scout, Grant: grant, Present: true},
	}
	hub, chat, wiki, desk := httptest.NewServer(w.github), httptest.NewServer(w.slack), httptest.NewServer(w.notion), httptest.NewServer(w.google)
	till := httptest.NewServer(w.stripe)
	for _, s := range []*httptest.Server{hub, chat, wiki, desk, till} {
		t.Cleanup(s.Close)
	}
	code := dance(t, hub.URL, "/login/oauth/authorize", "octocat", "repo read:user")
	token, _ := redeem(t, hub.URL+"/login/oauth/access_token", code)["access_token"].(string)
	w.wire.ends[onHub] = end{hub.URL + "/api/v3", token}
	code = dance(t, chat.URL, "/oauth/v2_user/authorize", "ana", strings.Join(slackScopes, ","))
	token, _ = redeem(t, chat.URL+"/api/oauth.v2.user.access", code)["access_token"].(string)
	w.wire.ends[onChat] = end{chat.URL + "/api", token}
	code = dance(t, wiki.URL, "/v1/oauth/authorize", "ana", "")
	w.wire.ends[onWiki] = end{wiki.URL, redeemJSON(t, wiki.URL+"/v1/oauth/token", code)}
	code = dance(t, desk.URL, "/o/oauth2/v2/auth", "ana", strings.Join(googleScopes, " "))
	token, _ = redeem(t, desk.URL+"/token", code)["access_token"].(string)
	w.wire.ends[onDesk] = end{desk.URL, token}
	code = dance(t, desk.URL, "/o/oauth2/v2/auth", "ana", strings.Join(gmailScopes, " "))
	token, _ = redeem(t, desk.URL+"/token", code)["access_token"].(string)
	w.wire.ends[onPost] = end{desk.URL, token}
	w.wire.ends[onTill] = end{till.URL, redeemKey(t, till.URL+"/v1/oauth/token", dance(t, till.URL, "/oauth/v2/authorize", "ana", ""))}
	w.live.connections = []consent.Connection{
		{ID: onHub, User: ana, Provider: "github", Variant: "oauth_app", Granted: []string{"repo", "read:user"}, Health: consent.Healthy},
		{ID: onChat, User: ana, Provider: "slack", Variant: "user_token", Granted: slackScopes, Health: consent.Healthy},
		{ID: onWiki, User: ana, Provider: "notion", Variant: "public_connection", Health: consent.Healthy},
		{ID: onDesk, User: ana, Provider: "google", Variant: "oauth", Granted: append(googleScopes, "https://www.googleapis.com/auth/calendar.events.readonly", "https://www.googleapis.com/auth/drive.readonly", "https://www.googleapis.com/auth/drive.metadata.readonly"), Health: consent.Healthy},
	}
	w.live.connections = append(w.live.connections, consent.Connection{ID: onTill, User: ana, Provider: "stripe", Variant: "stripe_app_oauth", Health: consent.Healthy},
		consent.Connection{ID: onPost, User: ana, Provider: "gmail", Variant: "oauth", Granted: append(gmailScopes, "https://www.googleapis.com/auth/gmail.metadata"), Health: consent.Healthy})
	w.live.grant = consent.Grant{ID: grant, User: ana, App: scout}
	w.ids = w.repositories()
	w.broker = w.build(w.audit)
	return w
}

func (w *world) build(a broker.Audit) *broker.Broker {
	w.t.Helper()
	files, err := catalog.Default()
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := broker.New(broker.Config{
		Catalog: files, Authority: w.live, Budgets: w.budgets, Meter: w.budgets, Credentials: w.wire, Outcomes: &w.outcomes, Audit: a, Made: w.audit, Cursors: w.cursors, Now: func() time.Time { return w.now },
		BaseURL: "https://deputy.example/api", Disconnected: errGone, Timeout: 5 * time.Second,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// allow adds agreed scopes with the named resources: repositories, or ids of
// channels, pages, the two databases and calendars.
func (w *world) allow(on consent.ConnectionID, scopes []consent.ScopeName, names ...string) *world {
	w.t.Helper()
	var limit consent.Limit
	for _, n := range names {
		r := consent.Resource{Type: "slack.channel", ID: n}
		if strings.Contains(n, "/") {
			id, ok := w.ids[n]
			if !ok {
				w.t.Fatalf("no repository %s", n)
			}
			r = consent.Resource{Type: "github.repository", ID: id}
		}
		switch {
		case strings.HasPrefix(n, "cus_"):
			r.Type = "stripe.customer"
		case on == onPost:
			r.Type = "gmail.label"
		case strings.HasPrefix(n, "D0"):
			r.Type = "slack.dm"
		case strings.HasPrefix(n, "G"):
			r.Type = "slack.private_channel"
		case strings.HasPrefix(n, "1Ana"):
			r.Type = "google.folder"
		case strings.Contains(n, "@"):
			r.Type = "google.calendar"
		case n == tasks || n == budget:
			r.Type = "notion.data_source"
		case len(n) == len(handbook):
			r.Type = "notion.page"
		}
		limit.Resources = append(limit.Resources, r)
	}
	for _, s := range scopes {
		w.live.grant.Items = append(w.live.grant.Items, consent.Item{Scope: s, Connection: on, Limit: limit, Until: noon.Add(time.Hour)})
		w.bearer.Scopes = append(w.bearer.Scopes, s)
	}
	return w
}

// allowEverything adds agreed scopes without a limit.
func (w *world) allowEverything(on consent.ConnectionID, scopes ...consent.ScopeName) *world {
	for _, s := range scopes {
		w.live.grant.Items = append(w.live.grant.Items, consent.Item{Scope: s, Connection: on, Limit: consent.Limit{Everything: true}, Until: noon.Add(time.Hour)})
		w.bearer.Scopes = append(w.bearer.Scopes, s)
	}
	return w
}

// allowAll agrees to everything, limited to acme/web, two channels, the handbook,
// the tasks, the team's calendar, a folder and two labels.
func (w *world) allowAll() *world {
	w.allow("", []consent.ScopeName{"agents.writes.unattended"})
	w.allow(onHub, []consent.ScopeName{
		"services.github.account.read", "services.github.repositories.write", "services.github.issues.write",
		"services.github.pull_requests.write", "services.github.pull_requests.merge", "services.github.actions.run",
	}, "acme/web")
	w.allow(onChat, []consent.ScopeName{"services.slack.messages.private.read"}, "G01LEADERS")
	w.allow(onWiki, []consent.ScopeName{"services.notion.workspace.read", "services.notion.pages.write", "services.notion.pages.trash", "services.notion.comments.write"}, handbook)
	w.allow(onWiki, []consent.ScopeName{"services.notion.databases.write"}, tasks)
	w.allow(onTill, []consent.ScopeName{"services.stripe.account.read", "services.stripe.balance.read"})
	w.allow(onTill, []consent.ScopeName{"services.stripe.customers.write", "services.stripe.invoices.write", "services.stripe.refunds.create", "services.stripe.subscriptions.write"}, one, three, five)
	w.allow(onDesk, []consent.ScopeName{"services.google.account.read", "services.google.calendar.events.write", "services.google.calendar.events.delete"}, team)
	w.allow(onDesk, []consent.ScopeName{"services.google.drive.files.write", "services.google.drive.files.trash"}, work)
	w.allow(onPost, []consent.ScopeName{"services.gmail.messages.read"}, customers, receipts)
	w.allow(onPost, []consent.ScopeName{"services.gmail.drafts.write"})
	return w.allow(onChat, []consent.ScopeName{
		"services.slack.workspace.read", "services.slack.messages.delete", "services.slack.search.read", "services.slack.users.read", "services.slack.files.read",
	}, "C01GENERAL", "C01RELEASE")
}

// ask makes one call: "GET", "github", "/repos/acme/web?x=y", and a JSON body.
func (w *world) ask(method string, provider consent.ProviderID, target, body string) (broker.Answer, *broker.Refusal) {
	w.t.Helper()
	return w.send(w.request(method, provider, target, body))
}

func (w *world) request(method string, provider consent.ProviderID, target, body string) broker.Request {
	path, query, _ := strings.Cut(target, "?")
	req := broker.Request{
		ID: "req-1", Bearer: w.bearer, Provider: provider, Method: method, RawPath: path, RawQuery: query, Header: http.Header{},
	}
	if body != "" {
		req.Body = []byte(body)
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
		switch {
		case provider == "stripe":
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		case strings.HasPrefix(body, "--x\r\n"):
			req.Header.Set("Content-Type", "multipart/related; boundary=x")
		}
	}
	return req
}

func (w *world) send(req broker.Request) (broker.Answer, *broker.Refusal) {
	w.t.Helper()
	answer, err := w.broker.Serve(w.t.Context(), req)
	var refusal *broker.Refusal
	if err != nil && !errors.As(err, &refusal) {
		w.t.Fatalf("%s %s: %v", req.Method, req.RawPath, err)
	}
	if answer.Content != nil {
		var all drain
		if err := answer.Content.Send(w.t.Context(), &all); err != nil {
			w.t.Fatalf("%s %s: %v", req.Method, req.RawPath, err)
		}
		answer.Body = all.Bytes()
	}
	return answer, refusal
}

// drain is an app that reads a file to its end.
type drain struct{ bytes.Buffer }

func (*drain) Within(time.Duration) error { return nil }

// status is what an app would be answered with; 500 for a mistake of ours or an
// answer nobody can read.
func (w *world) status(req broker.Request) int {
	w.t.Helper()
	answer, err := w.broker.Serve(w.t.Context(), req)
	var refusal *broker.Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal.Status
	case err != nil:
		return http.StatusInternalServerError
	case answer.Content != nil:
		if err := answer.Content.Send(w.t.Context(), &drain{}); err != nil {
			w.t.Fatalf("%s %s: %v", req.Method, req.RawPath, err)
		}
	}
	return answer.Status
}

// repositories asks the provider itself for every repository's id.
func (w *world) repositories() map[string]string {
	w.t.Helper()
	ids := map[string]string{}
	for page := 1; page < 5; page++ {
		req, err := http.NewRequest(http.MethodGet, w.wire.ends[onHub].base+"/user/repos?per_page=100&page="+strconv.Itoa(page), nil)
		if err != nil {
			w.t.Fatal(err)
		}
		resp, err := w.wire.Do(w.t.Context(), onHub, req)
		if err != nil {
			w.t.Fatal(err)
		}
		var list []struct {
			ID       int64  `json:"id"`
			FullName string `json:"full_name"`
		}
		err = json.NewDecoder(resp.Body).Decode(&list)
		resp.Body.Close()
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range list {
			ids[r.FullName] = strconv.FormatInt(r.ID, 10)
		}
	}
	return ids
}
