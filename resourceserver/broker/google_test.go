package broker_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
)

// What Google calls primary is looked up once, and from then on it is the calendar's
// id that counts.
func TestAWordThatStandsForACalendarIsLookedUp(t *testing.T) {
	w := newWorld(t).allow(onDesk, []consent.ScopeName{"services.google.calendar.events.read"}, private)
	for i, calls := range []int{2, 1} {
		before := w.wire.count()
		answer, refusal := w.ask("GET", "google", "/calendar/v3/calendars/primary/events", "")
		if refusal != nil || !strings.Contains(string(answer.Body), "Dentist") {
			t.Fatalf("got %v %s", refusal, answer.Body)
		}
		if got := w.wire.count() - before; got != calls {
			t.Errorf("time %d: %d calls, want %d", i+1, got, calls)
		}
		if sent, _ := w.wire.last(); !strings.Contains(sent.URL.Path, private) {
			t.Errorf("asked %s", sent.URL)
		}
		if got := w.audit.last().Resource; got.ID != private || got.Name != "primary" {
			t.Errorf("recorded %+v", got)
		}
	}
	w = newWorld(t).allowAll()
	_, refusal := w.ask("GET", "google", "/calendar/v3/calendars/primary/events", "")
	if refusal == nil || refusal.Status != http.StatusNotFound || refusal.Outside == nil || refusal.Outside.ID != "" {
		t.Errorf("another calendar is primary: %+v", refusal)
	}
}

// Of the calendars an app asks about, the answer has those that were picked, and of
// each nothing but when it is taken.
func TestAnAnswerByCalendarLosesWhatIsOutsideTheLimit(t *testing.T) {
	w := newWorld(t).allowAll()
	r := &reply{body: `{"kind":"calendar#freeBusy","groups":{"all@northwind.example":{"calendars":["` + private + `"]}},"calendars":{` +
		`"` + private + `":{"busy":[{"start":"a","end":"b"}]},"` + team + `":{"busy":[],"title":"Secret"},"` + strings.ToUpper(team) + `":{"busy":[]},"c\u005fteam0northwind@group.calendar.google.com":{"busy":[]}}}`}
	w.against(r)
	ask := `{"timeMin":"2026-11-24T00:00:00Z","timeMax":"2026-12-24T00:00:00Z","items":[{"id":"` + private + `"}]}`
	answer, refusal := w.ask("POST", "google", "/calendar/v3/freeBusy", ask)
	if refusal != nil {
		t.Fatal(refusal)
	}
	want := `{"kind":"calendar#freeBusy","calendars":{"` + team + `":{"busy":[]},"c\u005fteam0northwind@group.calendar.google.com":{"busy":[]}}}`
	if diff := cmp.Diff(want, string(answer.Body)); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
	r.body = `{"calendars":[{"id":"` + team + `"}]}`
	if _, refusal := w.ask("POST", "google", "/calendar/v3/freeBusy", ask); refusal == nil || refusal.Status != http.StatusServiceUnavailable {
		t.Errorf("a list instead of an object: %v", refusal)
	}
}

// How people join a call and what is attached does not leave, in a list or alone.
func TestAnEventHasNoKeysInIt(t *testing.T) {
	w := newWorld(t).allowAll()
	event := `{"id":"x","summary":"Call","hangoutLink":"https://meet.example/abc","conferenceData":{"entryPoints":[{"pin":"1234"}]},"attachments":[{"fileUrl":"https://drive.example/x"}],"extendedProperties":{"private":{"key":"1234"}}}`
	for target, body := range map[string]string{
		calendars("calendars", team, "/events/x"): event,
		calendars("calendars", team, "/events"):   `{"summary":"Team","nextSyncToken":"sync-1234","items":[` + event + `]}`,
	} {
		w.against(&reply{body: body})
		answer, refusal := w.ask("GET", "google", target, "")
		if refusal != nil || !strings.Contains(string(answer.Body), `"summary":"Call"`) {
			t.Fatalf("%s: %v %s", target, refusal, answer.Body)
		}
		for _, never := range []string{"1234", "meet.example", "drive.example"} {
			if strings.Contains(string(answer.Body), never) {
				t.Errorf("%s: %s leaves: %s", target, never, answer.Body)
			}
		}
	}
}

// What the provider is asked for is ours to say: all fields, and no mail to guests.
func TestGoogleIsAskedInOurWords(t *testing.T) {
	w := newWorld(t).allowAll()
	event := `{"summary":"A","start":{"date":"2026-12-01"},"end":{"date":"2026-12-02"}}`
	for _, tt := range []struct{ method, target, body, want string }{
		{"GET", calendars("calendars", team, "/events?fields=items(id)&maxResults=5"), "", "fields=%2A&maxResults=5"},
		{"POST", calendars("calendars", team, "/events?sendUpdates=none"), event, "fields=%2A&sendUpdates=none"},
		{"PATCH", calendars("calendars", team, "/events/launch00000000001"), `{"summary":"B"}`, "fields=%2A&sendUpdates=none"},
		{"DELETE", calendars("calendars", team, "/events/launch00000000001"), "", "sendUpdates=all"},
	} {
		if _, refusal := w.ask(tt.method, "google", tt.target, tt.body); refusal != nil {
			t.Errorf("%s %s: %v", tt.method, tt.target, refusal)
		}
		if sent, _ := w.wire.last(); sent.URL.RawQuery != tt.want {
			t.Errorf("%s %s was asked with %s, want %s", tt.method, tt.target, sent.URL.RawQuery, tt.want)
		}
	}
}

func TestACalendarPagesByOurTokens(t *testing.T) {
	w := newWorld(t).allow(onDesk, []consent.ScopeName{"services.google.calendar.events.read"}, private)
	var names []string
	token := ""
	for range 10 {
		answer, refusal := w.ask("GET", "google", calendars("calendars", private, "/events?maxResults=1&orderBy=startTime&singleEvents=true"+token), "")
		if refusal != nil {
			t.Fatal(refusal)
		}
		var page struct {
			Items         []struct{ Summary string }
			NextPageToken string
		}
		if err := json.Unmarshal(answer.Body, &page); err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Items {
			names = append(names, i.Summary)
		}
		if token = "&pageToken=" + page.NextPageToken; page.NextPageToken == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"Dentist", "Talk with Ben", "Accounts"}, names); diff != "" {
		t.Errorf("the events (-want +got):\n%s", diff)
	}
	for why, target := range map[string]string{
		"Google's own token": "/events?pageToken=ZGVudGlzdA",
		"a token to sync":    "/events?syncToken=c3luYzE",
	} {
		if _, refusal := w.ask("GET", "google", calendars("calendars", private, target), ""); refusal == nil || refusal.Status != http.StatusBadRequest {
			t.Errorf("%s: %v", why, refusal)
		}
	}
}

// What would reach people or calendars that nobody agreed to does not reach Google.
func TestWhatAnAppMayNotDoToACalendar(t *testing.T) {
	w := newWorld(t).allowAll()
	when := `"start":{"date":"2026-12-01"},"end":{"date":"2026-12-02"}`
	for _, tt := range []struct {
		why, method, target, body string
		status                    int
	}{
		{"inviting somebody", "POST", "/events", `{"summary":"x",` + when + `,"attendees":[{"email":"carla@customer.example"}]}`, 400},
		{"mail to guests", "POST", "/events?sendUpdates=all", `{"summary":"x",` + when + `}`, 400},
		{"deleting without a word to guests", "DELETE", "/events/launch00000000001?sendUpdates=none", "", 400},
		{"a call", "POST", "/events?conferenceDataVersion=1", `{"summary":"x",` + when + `}`, 400},
		{"a time with more in it", "POST", "/events", `{"summary":"x","start":{"date":"2026-12-01","calendar":"x"},"end":{"date":"2026-12-02"}}`, 400},
		{"quick text that Google reads", "POST", "/events/quickAdd?text=x", "", 404},
		{"who may see it", "GET", "/acl", "", 404},
		{"moving to another calendar", "POST", "/events/launch00000000001/move?destination=" + private, "", 404},
		{"telling another server", "POST", "/events/watch", `{}`, 404},
		{"emptying", "POST", "/clear", "", 404},
		{"the calendar itself", "DELETE", "", "", 404},
	} {
		before := w.wire.count()
		_, refusal := w.ask(tt.method, "google", calendars("calendars", team, tt.target), tt.body)
		if refusal == nil || refusal.Status != tt.status || w.wire.count() != before {
			t.Errorf("%s: %v after %d calls, want %d", tt.why, refusal, w.wire.count()-before, tt.status)
		}
	}
}

// A file is inside when a folder above it was picked, however far above; a shortcut
// lets nobody read what it leads to.
func TestAFolderHasWhatIsInItAndNothingElse(t *testing.T) {
	w := newWorld(t).allowAll()
	for _, tt := range []struct {
		why, method, target, body string
		status                    int
	}{
		{"the folder", "GET", drive("/" + work), "", 200},
		{"a file in a folder in it", "GET", drive("/" + plan), "", 200},
		{"a shortcut in it", "GET", drive("/1AnaShortcutToDiary000000000000000"), "", 200},
		{"what the shortcut leads to", "GET", drive("/" + diary), "", 404},
		{"its content", "GET", drive("/" + diary + "/export?mimeType=text/plain"), "", 404},
		{"the top", "GET", drive("/0AAnaMyDriveUk9PVA"), "", 404},
		{"the top by its other name", "GET", drive("/root"), "", 404},
		{"somebody else's", "GET", drive("/1BenShopTextDoc0000000000000000000"), "", 404},
		{"what is no id", "GET", drive("/generateIds"), "", 400},
		{"the content asked for twice", "GET", drive("/" + notes + "?alt=media&alt=media"), "", 400},
		{"the content in another form", "GET", drive("/" + notes + "?alt=json"), "", 400},
		{"a harmful file all the same", "GET", drive("/" + notes + "?alt=media&acknowledgeAbuse=true"), "", 400},
		{"a search without a folder", "GET", drive("?q=" + url.QueryEscape("name contains 'a'")), "", 400},
		{"no search", "GET", drive(""), "", 400},
		{"a search with another one in it", "GET", drive("?q=" + url.QueryEscape("'"+work+"' in parents or name contains 'a'")), "", 400},
		{"a search that closes a quote", "GET", drive("?q=" + url.QueryEscape("'"+work+"' in parents and name contains 'a\\' or name contains 'b'")), "", 400},
		{"a search in what files say", "GET", drive("?q=" + url.QueryEscape("'"+work+"' in parents and fullText contains 'a'")), "", 400},
		{"sharing", "POST", drive("/" + plan + "/permissions"), `{"role":"reader","type":"anyone"}`, 404},
		{"moving", "PATCH", drive("/" + plan + "?addParents=" + diaries + "&removeParents=" + plans), `{"name":"x"}`, 400},
		{"moving in the body", "PATCH", drive("/" + plan), `{"parents":["` + diaries + `"]}`, 400},
		{"adding in two places", "POST", drive(""), `{"name":"x","parents":["` + plans + `","` + diaries + `"]}`, 400},
		{"adding nowhere in particular", "POST", drive(""), `{"name":"x"}`, 400},
		{"adding nowhere", "POST", drive(""), `{"name":"x","parents":[]}`, 400},
		{"a shortcut to elsewhere", "POST", drive(""), `{"name":"x","parents":["` + plans + `"],"mimeType":"application/vnd.google-apps.shortcut","shortcutDetails":{"targetId":"` + diary + `"}}`, 400},
		{"renaming on the way to the bin", "PATCH", drive("/" + plan), `{"trashed":true,"name":"x"}`, 400},
		{"deleting for good", "DELETE", drive("/" + plan), "", 404},
	} {
		answer, refusal := w.ask(tt.method, "google", tt.target, tt.body)
		status := answer.Status
		if refusal != nil {
			status = refusal.Status
		}
		if status != tt.status {
			t.Errorf("%s: %d, want %d: %v", tt.why, status, tt.status, refusal)
		}
		if strings.Contains(string(answer.Body), diary) || strings.Contains(string(answer.Body), "@northwind") {
			t.Errorf("%s: says too much: %s", tt.why, answer.Body)
		}
	}
}

// Who may trash may not rename, and who may look at a file may not read it: a request
// is the operation that it carries the value of.
func TestARequestIsTheOperationItCarriesTheValueOf(t *testing.T) {
	trash := newWorld(t).allow("", []consent.ScopeName{"agents.writes.unattended"}).allow(onDesk, []consent.ScopeName{"services.google.drive.files.trash"}, work)
	look := newWorld(t).allow(onDesk, []consent.ScopeName{"services.google.drive.metadata.read"}, work)
	for _, tt := range []struct {
		w                               *world
		method, target, body, operation string
		status                          int
	}{
		{trash, "PATCH", drive("/" + notes), `{"trashed":true}`, "files.trash", 200},
		{trash, "PATCH", drive("/" + notes), `{"\u0074rashed":false}`, "files.trash", 200},
		{trash, "PATCH", drive("/" + notes), `{"name":"x"}`, "files.update", 403},
		{trash, "PATCH", drive("/" + notes), `{"name":"trashed"}`, "files.update", 403},
		{look, "GET", drive("/" + notes), "", "files.get", 200},
		{look, "GET", drive("/" + notes + "?fields=alt"), "", "files.get", 200},
		{look, "GET", drive("/" + notes + "?a%6Ct=media"), "", "files.download", 403},
	} {
		answer, refusal := tt.w.ask(tt.method, "google", tt.target, tt.body)
		status := answer.Status
		if refusal != nil {
			status = refusal.Status
		}
		if got := tt.w.audit.last().Operation; status != tt.status || got != tt.operation {
			t.Errorf("%s %s %s: %d as %s, want %d as %s: %v", tt.method, tt.target, tt.body, status, got, tt.status, tt.operation, refusal)
		}
	}
}

// A file is passed on as it is, and as nothing a browser would run here.
func TestAFilesContentIsPassedOnAsAnAttachment(t *testing.T) {
	w := newWorld(t).allowAll()
	page := "<script>ya29.a0AAAAAAAAAAAAAAAAAAAAAAAAAAAA</script>\x00"
	for sent, want := range map[string]string{"text/html; charset=utf-8": "text/html; charset=utf-8", "": "application/octet-stream", "text/html\tx": "application/octet-stream"} {
		served := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("alt") != "media" {
				out.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(out, `{"id":%q,"parents":[%q]}`, notes, work)
				return
			}
			out.Header()["Content-Type"] = []string{sent}
			fmt.Fprint(out, page)
		}))
		t.Cleanup(served.Close)
		w.wire.ends[onDesk] = end{served.URL, "provider-token"}
		req := w.request("GET", "google", drive("/"+notes+"?alt=media"), "")
		req.Header.Set("Accept", "text/html")
		answer, refusal := w.send(req)
		if refusal != nil || string(answer.Body) != page || answer.Header.Get("Content-Type") != want || answer.Header.Get("Content-Disposition") != "attachment" {
			t.Errorf("%q: %v %q %v", sent, refusal, answer.Body, answer.Header)
		}
	}
}

// Of an upload two parts are read, each once, and written anew.
func TestAnUploadIsTwoParts(t *testing.T) {
	w := newWorld(t).allowAll()
	const to, first, text = "/upload/drive/v3/files?uploadType=multipart", "--x\r\nContent-Type: application/json\r\n\r\n", "\r\n--x\r\nContent-Type: text/plain\r\n\r\n"
	said := `{"name":"list.txt","parents":["` + plans + `"]}`
	answer, refusal := w.ask("POST", "google", to, first+said+text+"four\r\n--y\r\nboxes\x00\r\n--x--\r\n")
	var made struct{ ID string }
	if err := json.Unmarshal(answer.Body, &made); refusal != nil || err != nil {
		t.Fatal(refusal, err)
	}
	if file, _ := w.google.File(made.ID); file.Content != "four\r\n--y\r\nboxes\x00" || file.Parent != plans {
		t.Errorf("stored %+v", file)
	}
	if sent, body := w.wire.last(); strings.Contains(body, "--x\r\n") || !strings.HasPrefix(sent.Header.Get("Content-Type"), "multipart/related; boundary=") {
		t.Errorf("sent as %s: %s", sent.Header.Get("Content-Type"), body)
	}
	for why, body := range map[string]string{
		"one part":                 first + said + "\r\n--x--\r\n",
		"three parts":              first + said + text + "a" + text + "b\r\n--x--\r\n",
		"no end":                   first + said + text + "a",
		"the file first":           "--x\r\nContent-Type: text/plain\r\n\r\n" + said + text + "a\r\n--x--\r\n",
		"a part encoded once more": first + said + "\r\n--x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--x--\r\n",
		"no type":                  first + said + "\r\n--x\r\n\r\na\r\n--x--\r\n",
		"another member":           first + `{"name":"x","parents":["` + plans + `"],"permissions":[]}` + text + "a\r\n--x--\r\n",
		"the file in the JSON":     first + `{"name":"x","parents":["` + plans + `"],"media":"a"}` + text + "a\r\n--x--\r\n",
		"too large":                first + said + text + strings.Repeat("a", 1_000_001) + "\r\n--x--\r\n",
		"JSON only":                said,
	} {
		before := w.wire.count()
		if _, refusal := w.ask("POST", "google", to, body); refusal == nil || refusal.Status != http.StatusBadRequest || w.wire.count() != before {
			t.Errorf("%s: %v", why, refusal)
		}
	}
	if _, refusal := w.ask("POST", "google", "/upload/drive/v3/files?uploadType=resumable", first+said+text+"a\r\n--x--\r\n"); refusal == nil || refusal.Status != http.StatusBadRequest {
		t.Errorf("another way to upload: %v", refusal)
	}
}
