package broker_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// follow reads the address of the next page from a Link header, as Octokit does.
func follow(t *testing.T, a broker.Answer) string {
	t.Helper()
	link := a.Header.Get("Link")
	if link == "" {
		return ""
	}
	target, params, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	rest, ours := strings.CutPrefix(target, "https://deputy.example/api/github")
	if !ours || !strings.Contains(params, `rel="next"`) {
		t.Fatalf("the link is %s", link)
	}
	return rest
}

func TestPagesOfAListLeadThroughTheWholeOfIt(t *testing.T) {
	w := newWorld(t).allow(onHub, []consent.ScopeName{"services.github.repositories.metadata.read"}, "acme/web", "octocat/experiment-01", "octocat/experiment-36")
	var names []string
	pages := 0
	for target := "/user/repos?per_page=10&sort=full_name"; target != ""; pages++ {
		answer, refusal := w.ask("GET", "github", target, "")
		if refusal != nil {
			t.Fatal(refusal)
		}
		var list []struct {
			FullName string `json:"full_name"`
		}
		if err := json.Unmarshal(answer.Body, &list); err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			names = append(names, r.FullName)
		}
		target = follow(t, answer)
		if strings.Contains(target, "page=2") || pages > 10 {
			t.Fatalf("the provider's own page shows: %s", target)
		}
	}
	if got := strings.Join(names, " "); got != "acme/web octocat/experiment-01 octocat/experiment-36" {
		t.Errorf("saw %s in %d pages", got, pages)
	}
	if pages < 4 {
		t.Errorf("only %d pages", pages)
	}
}

func TestSlackPagesByCursor(t *testing.T) {
	w := newWorld(t).allowAll()
	seen, cursor := 0, ""
	for range 20 {
		answer, refusal := w.ask("GET", "slack", "/conversations.history?channel=C01GENERAL&limit=1&cursor="+url.QueryEscape(cursor), "")
		if refusal != nil {
			t.Fatal(refusal)
		}
		var page struct {
			Messages []any
			Meta     struct {
				Next string `json:"next_cursor"`
			} `json:"response_metadata"`
		}
		if err := json.Unmarshal(answer.Body, &page); err != nil {
			t.Fatal(err)
		}
		seen += len(page.Messages)
		if cursor = page.Meta.Next; cursor == "" {
			break
		}
	}
	if want := len(w.slack.Messages("general")); seen != want {
		t.Errorf("saw %d messages of %d", seen, want)
	}
}

// Threat B13: a cursor works for whom it was made and for nothing else.
func TestThreat_B13_ACursorIsBoundToItsQuestion(t *testing.T) {
	w := newWorld(t).allowAll()
	answer, refusal := w.ask("GET", "github", "/repos/acme/web/issues?per_page=2&state=all", "")
	if refusal != nil {
		t.Fatal(refusal)
	}
	same := follow(t, answer)
	cursor := same[strings.Index(same, "page=")+len("page="):]
	cursor, _, _ = strings.Cut(cursor, "&")
	for _, ok := range []string{
		same, "/repositories/" + w.ids["acme/web"] + "/issues?state=all&per_page=2&page=" + cursor,
	} {
		if _, refusal := w.ask("GET", "github", ok, ""); refusal != nil {
			t.Errorf("%s: %v", ok, refusal)
		}
	}
	refuse := func(why, target string) {
		t.Helper()
		_, refusal := w.ask("GET", "github", target, "")
		if refusal == nil || refusal.Status != 400 {
			t.Errorf("%s: got %v", why, refusal)
		}
	}
	refuse("another state", "/repos/acme/web/issues?per_page=2&state=open&page="+cursor)
	refuse("another size", "/repos/acme/web/issues?per_page=3&state=all&page="+cursor)
	refuse("another operation", "/repos/acme/web/commits?per_page=2&page="+cursor)
	refuse("changed", "/repos/acme/web/issues?per_page=2&state=all&page=A"+cursor[1:])
	refuse("made up", "/repos/acme/web/issues?per_page=2&state=all&page=abc")
	refuse("a number that is too large", "/repos/acme/web/issues?per_page=2&state=all&page=99999999")
	refuse("a number written otherwise", "/repos/acme/web/issues?per_page=2&state=all&page=02")

	w.live.grant.ID, w.bearer.Grant = "grant-2", "grant-2"
	refuse("another grant", same)
	w.live.grant.ID, w.bearer.Grant = grant, grant
	w.live.grant.App, w.bearer.App = "other", "other"
	refuse("another app", same)
}

func TestACursorEnds(t *testing.T) {
	w := newWorld(t).allowAll()
	answer, refusal := w.ask("GET", "github", "/repos/acme/web/issues?per_page=2&state=all", "")
	if refusal != nil {
		t.Fatal(refusal)
	}
	w.later(2 * time.Hour)
	_, refusal = w.ask("GET", "github", follow(t, answer), "")
	if refusal == nil || refusal.Status != 400 {
		t.Errorf("after two hours: %v", refusal)
	}
}

// A name is looked up once; what is outside and what is absent are remembered
// alike, so that time does not tell them apart.
func TestNamesAreLookedUpOnce(t *testing.T) {
	w := newWorld(t).allowAll()
	for _, tt := range []struct {
		name  string
		first int
		then  int
	}{{"acme/web", 2, 1}, {"acme/api", 1, 0}, {"acme/nothing", 1, 0}} {
		for i, want := range []int{tt.first, tt.then} {
			before := w.wire.count()
			w.ask("GET", "github", "/repos/"+tt.name, "")
			if got := w.wire.count() - before; got != want {
				t.Errorf("%s, time %d: %d calls, want %d", tt.name, i+1, got, want)
			}
		}
	}
}

// Another person's names are not mine: the cache is by connection.
func TestThreat_B21_B22_NamesAreRememberedByConnection(t *testing.T) {
	w := newWorld(t).allowAll()
	w.ask("GET", "github", "/repos/acme/web", "")
	other := w.live.connections[0]
	other.ID, other.User = "conn-other", "ben"
	w.wire.ends["conn-other"] = w.wire.ends[onHub]
	w.live.connections = append(w.live.connections, other)
	w.live.grant = consent.Grant{ID: grant, User: "ben", App: scout}
	w.bearer.User = "ben"
	w.allow("conn-other", []consent.ScopeName{"services.github.repositories.metadata.read"}, "acme/web")
	before := w.wire.count()
	if _, refusal := w.ask("GET", "github", "/repos/acme/web", ""); refusal != nil {
		t.Fatal(refusal)
	}
	if got := w.wire.count() - before; got != 2 {
		t.Errorf("%d calls, want 2: one to look the name up", got)
	}
}

// A repository that takes over a name does not take over an agreement.
func TestARenamedRepositoryIsFoundByIdAndItsOldNameIsNothing(t *testing.T) {
	w := newWorld(t).allowAll()
	if err := w.github.Rename("acme/web", "acme/shop"); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]int{
		"/repositories/" + w.ids["acme/web"]: 0, "/repos/acme/shop": 0, "/repos/acme/web": 404,
	} {
		_, refusal := w.ask("GET", "github", target, "")
		if got := refusal != nil; got != (want != 0) {
			t.Errorf("%s: %v", target, refusal)
		}
	}
	if err := w.github.Rename("acme/api", "acme/web"); err != nil {
		t.Fatal(err)
	}
	w.broker = w.build(w.audit) // a minute later
	if answer, refusal := w.ask("GET", "github", "/repos/acme/web", ""); refusal == nil {
		t.Errorf("the name's new owner is shown: %s", fmt.Sprintf("%.80s", answer.Body))
	}
}
