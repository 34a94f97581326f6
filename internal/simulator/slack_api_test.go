package simulator_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

const everySlackScope = "channels:read,channels:history,groups:read,groups:history,im:read,im:history,mpim:read,chat:write,users:read,team:read"

func TestSlackErrors(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	token := d.token(everySlackScope)
	for _, c := range []struct {
		name, method, token string
		args                url.Values
		want                string
	}{
		{"no token", "auth.test", "", nil, "not_authed"},
		{"a made-up token", "auth.test", "xoxp-made-up", nil, "invalid_auth"},
		{"an unknown method", "users.setPhoto", token, nil, "unknown_method"},
		{"an unknown channel", "conversations.history", token, url.Values{"channel": {"C01NOTHING"}}, "channel_not_found"},
		{"a channel's name where an id belongs", "conversations.history", token, url.Values{"channel": {"general"}}, "channel_not_found"},
		{"a cursor from elsewhere", "conversations.list", token, url.Values{"cursor": {"bm9wZQ=="}}, "invalid_cursor"},
		{"an unknown kind", "conversations.list", token, url.Values{"types": {"everything"}}, "invalid_types"},
		{"an unknown person", "users.info", token, url.Values{"user": {"U01NOBODY0"}}, "user_not_found"},
		{"an unknown thread", "conversations.replies", token, url.Values{"channel": {"C01GENERAL"}, "ts": {"1.0"}}, "thread_not_found"},
		{"posting nothing", "chat.postMessage", token, url.Values{"channel": {"C01GENERAL"}}, "no_text"},
		{"posting too much", "chat.postMessage", token, url.Values{"channel": {"C01GENERAL"}, "text": {strings.Repeat("x", 40001)}}, "msg_too_long"},
		{"posting nowhere", "chat.postMessage", token, url.Values{"channel": {"nowhere"}, "text": {"x"}}, "channel_not_found"},
		{"posting where she is not", "chat.postMessage", token, url.Values{"channel": {"C01NORTHOF"}, "text": {"x"}}, "not_in_channel"},
		{"posting to an archive", "chat.postMessage", token, url.Values{"channel": {"C01OLDSITE"}, "text": {"x"}}, "is_archived"},
		{"answering nothing", "chat.postMessage", token, url.Values{"channel": {"C01GENERAL"}, "text": {"x"}, "thread_ts": {"1.0"}}, "thread_not_found"},
		{"reading where she is not, but public", "conversations.history", token, url.Values{"channel": {"C01NORTHOF"}}, ""},
	} {
		answer := d.call(c.method, c.token, c.args)
		got, _ := answer["error"].(string)
		if got != c.want || answer["ok"] != (c.want == "") {
			t.Errorf("%s gives %v, want %q", c.name, answer, c.want)
		}
	}
}

func TestSlackMissingScope(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	token := d.token("channels:read")
	for _, c := range []struct {
		method string
		args   url.Values
		needed string
	}{
		{"conversations.history", url.Values{"channel": {"C01GENERAL"}}, "channels:history"},
		{"conversations.history", url.Values{"channel": {"G01LEADERS"}}, "groups:history"},
		{"conversations.info", url.Values{"channel": {"D01ANABEN1"}}, "im:read"},
		{"conversations.list", url.Values{"types": {"public_channel,private_channel"}}, "groups:read"},
		{"users.conversations", url.Values{"types": {"mpim"}}, "mpim:read"},
		{"chat.postMessage", url.Values{"channel": {"C01GENERAL"}, "text": {"x"}}, "chat:write"},
		{"users.info", url.Values{"user": {"U01ANA0001"}}, "users:read"},
		{"team.info", nil, "team:read"},
	} {
		want := map[string]any{"ok": false, "error": "missing_scope", "needed": c.needed, "provided": "channels:read"}
		if diff := cmp.Diff(d.call(c.method, token, c.args), want); diff != "" {
			t.Errorf("%s %v: %s", c.method, c.args, diff)
		}
	}
	_, header, _ := raw(t, request(t, "GET", d.srv.URL+"/api/auth.test", token, ""))
	wantText(t, "X-OAuth-Scopes", header.Get("X-OAuth-Scopes"), "channels:read")
}

// channelNames reads every page of a channel list.
func (d *desk) channelNames(method, token string, args url.Values) ([]string, int) {
	d.t.Helper()
	var list []string
	for pages := 1; ; pages++ {
		answer := d.call(method, token, args)
		if answer["ok"] != true {
			d.t.Fatalf("%s: %v", method, answer)
		}
		for _, item := range answer["channels"].([]any) {
			name, _ := item.(map[string]any)["name"].(string)
			list = append(list, name)
		}
		args = url.Values{"types": args["types"], "limit": args["limit"], "exclude_archived": args["exclude_archived"],
			"cursor": {answer["response_metadata"].(map[string]any)["next_cursor"].(string)}}
		if args.Get("cursor") == "" {
			return list, pages
		}
	}
}

func TestSlackChannelLists(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	token := d.token(everySlackScope)
	mine, pages := d.channelNames("users.conversations", token, url.Values{
		"types": {"public_channel,private_channel"}, "exclude_archived": {"true"}, "limit": {"2"}})
	if diff := cmp.Diff(mine, []string{"general", "releases", "random", "deploys", "leadership"}); diff != "" || pages != 3 {
		t.Errorf("ana's channels on %d pages: %s", pages, diff)
	}
	all, _ := d.channelNames("conversations.list", token, nil)
	if diff := cmp.Diff(all, []string{"general", "releases", "random", "deploys", "north-office", "old-website"}); diff != "" {
		t.Errorf("public channels: %s", diff)
	}
	d.sim.SetQuirks(simulator.Quirks{SwitchAccount: "ben"})
	ben := d.token(everySlackScope)
	seen, _ := d.channelNames("conversations.list", ben, url.Values{"types": {"public_channel,private_channel"}})
	if slices.Contains(seen, "leadership") {
		t.Error("ben sees ana's private channel")
	}
	wantText(t, "ben asking for it", d.call("conversations.info", ben, url.Values{"channel": {"G01LEADERS"}})["error"], "channel_not_found")
	info := d.call("conversations.info", token, url.Values{"channel": {"G01LEADERS"}})["channel"].(map[string]any)
	if info["is_private"] != true || info["is_member"] != true || info["name"] != "leadership" {
		t.Errorf("leadership is %v", info)
	}
	direct := d.call("conversations.info", token, url.Values{"channel": {"D01ANABEN1"}})["channel"].(map[string]any)
	if direct["is_im"] != true || direct["user"] != "U01BEN0002" {
		t.Errorf("the direct message is %v", direct)
	}
}

func texts(answer map[string]any) []string {
	var list []string
	items, _ := answer["messages"].([]any)
	for _, item := range items {
		list = append(list, item.(map[string]any)["text"].(string))
	}
	return list
}

func TestSlackHistory(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	token := d.token(everySlackScope)
	args := url.Values{"channel": {"C01RELEASE"}, "limit": {"3"}}
	first := d.call("conversations.history", token, args)
	if diff := cmp.Diff(texts(first), []string{"Rolling 2.4 out to everybody", "2.4 is live, all checks are green", "Release notes are in acme/docs"}); diff != "" || first["has_more"] != true {
		t.Errorf("newest three: %s", diff)
	}
	args.Set("cursor", first["response_metadata"].(map[string]any)["next_cursor"].(string))
	last := d.call("conversations.history", token, args)
	if diff := cmp.Diff(texts(last), []string{"Release 2.4 is cut"}); diff != "" || last["has_more"] != false || last["response_metadata"] != nil {
		t.Errorf("the rest: %s %v", diff, last)
	}
	kept := d.sim.Messages("releases")
	window := url.Values{"channel": {"C01RELEASE"}, "oldest": {kept[1].TS}, "latest": {kept[3].TS}}
	if diff := cmp.Diff(texts(d.call("conversations.history", token, window)), []string{kept[2].Text}); diff != "" {
		t.Errorf("between two timestamps: %s", diff)
	}
	window.Set("inclusive", "true")
	if got := texts(d.call("conversations.history", token, window)); len(got) != 3 {
		t.Errorf("with both ends: %v", got)
	}
}

func TestSlackPosting(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	token := d.token(everySlackScope)
	sent := d.call("chat.postMessage", token, url.Values{"channel": {"C01RELEASE"}, "text": {"Release 2.5 <soon>"}})
	kept := d.sim.Messages("C01RELEASE")
	last := kept[len(kept)-1]
	if sent["ok"] != true || sent["ts"] != last.TS || last.Text != "Release 2.5 <soon>" || last.User != "U01ANA0001" {
		t.Errorf("posted %v, kept %+v", sent, last)
	}
	body := `{"channel":"#releases","text":"As JSON","thread_ts":"` + last.TS + `"}`
	req := request(t, "POST", d.srv.URL+"/api/chat.postMessage", token, body)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	_, answered := do(t, req)
	wantText(t, "channel found by name", answered["channel"], "C01RELEASE")
	thread := d.call("conversations.replies", token, url.Values{"channel": {"C01RELEASE"}, "ts": {last.TS}})
	if diff := cmp.Diff(texts(thread), []string{"Release 2.5 <soon>", "As JSON"}); diff != "" {
		t.Errorf("the thread: %s", diff)
	}
	newest := d.call("conversations.history", token, url.Values{"channel": {"C01RELEASE"}, "limit": {"1"}})["messages"].([]any)[0].(map[string]any)
	if newest["text"] != "Release 2.5 <soon>" || newest["reply_count"] != float64(1) {
		t.Errorf("history shows %v, want the question with one reply and not the reply", newest)
	}
	direct := d.call("chat.postMessage", token, url.Values{"channel": {"U01BEN0002"}, "text": {"Psst"}})
	wantText(t, "a person's id leads to", direct["channel"], "D01ANABEN1")
	opened := d.call("chat.postMessage", token, url.Values{"channel": {"U01ANA0001"}, "text": {"Note to self"}})
	if id, _ := opened["channel"].(string); !strings.HasPrefix(id, "D") || id == "D01ANABEN1" {
		t.Errorf("her own id leads to %v", opened)
	}
	req = request(t, "POST", d.srv.URL+"/api/chat.postMessage", token, "{")
	req.Header.Set("Content-Type", "application/json")
	_, broken := do(t, req)
	wantText(t, "broken JSON", broken["error"], "invalid_json")
}

func TestSlackForgetsTheOldestMessages(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	token := d.token(everySlackScope)
	for range 510 {
		d.call("chat.postMessage", token, url.Values{"channel": {"C01RANDOM1"}, "text": {"again"}})
	}
	if got := len(d.sim.Messages("random")); got != 500 {
		t.Errorf("%d messages kept, want 500", got)
	}
}

func TestSlackPeopleAndTeam(t *testing.T) {
	d := newDesk(t, simulator.Quirks{})
	token := d.token(everySlackScope)
	user := d.call("users.info", token, url.Values{"user": {"U01BEN0002"}})["user"].(map[string]any)
	team := d.call("team.info", token, nil)["team"].(map[string]any)
	if user["name"] != "ben" || user["profile"].(map[string]any)["real_name"] != "Ben Okafor" || team["name"] != "Northwind" {
		t.Errorf("users.info %v, team.info %v", user, team)
	}
}
