package simulator_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/internal/simulator"
)

const (
	calendars = "/calendar/v3/calendars/"
	team      = "c_team0northwind@group.calendar.google.com"
)

func (c *campus) events(token, calendar string, query url.Values) ([]string, map[string]any) {
	c.t.Helper()
	status, answer := c.api("GET", calendars+url.PathEscape(calendar)+"/events?"+query.Encode(), token, "")
	if status != 200 {
		return []string{reason(answer)}, answer
	}
	var titles []string
	for _, e := range answer["items"].([]any) {
		title, _ := e.(map[string]any)["summary"].(string)
		titles = append(titles, title+" "+e.(map[string]any)["status"].(string))
	}
	return titles, answer
}

func TestCalendarReading(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	token := c.token("calendar.readonly")
	_, list := c.api("GET", "/calendar/v3/users/me/calendarList", token, "")
	roles := map[string]any{}
	for _, item := range list["items"].([]any) {
		entry := item.(map[string]any)
		roles[entry["summary"].(string)] = entry["accessRole"]
	}
	if diff := cmp.Diff(map[string]any{"ana@northwind.example": "owner", "Team": "owner", "Holidays in Portugal": "reader"}, roles); diff != "" {
		t.Errorf("ana's calendars: %s", diff)
	}
	for _, k := range []struct {
		calendar string
		query    url.Values
		want     []string
	}{
		{"primary", nil, []string{"Dentist confirmed", "Talk with Ben confirmed", "Accounts confirmed"}},
		{"primary", url.Values{"timeMax": {"2026-11-26T00:00:00Z"}, "singleEvents": {"true"}, "orderBy": {"startTime"}}, []string{"Dentist confirmed", "Talk with Ben confirmed"}},
		{"primary", url.Values{"timeMin": {"2026-11-25T10:30:00+00:00"}, "q": {"ben"}}, []string{"Talk with Ben confirmed"}},
		{team, url.Values{"maxResults": {"1"}}, []string{"Stand-up confirmed"}},
		{"primary", url.Values{"orderBy": {"startTime"}}, []string{"invalid"}},
		{"primary", url.Values{"timeMin": {"tomorrow"}}, []string{"badRequest"}},
		{"primary", url.Values{"syncToken": {"stale"}}, []string{"fullSyncRequired"}},
		{"ben@northwind.example", nil, []string{"notFound"}},
	} {
		got, _ := c.events(token, k.calendar, k.query)
		if diff := cmp.Diff(k.want, got); diff != "" {
			t.Errorf("%s %v: %s", k.calendar, k.query, diff)
		}
	}
	status, _ := c.api("GET", calendars+"primary/events/nothing", token, "")
	wantText(t, "an unknown event", status, 404)
	owned := c.token("calendar.events.owned.readonly")
	got, _ := c.events(owned, "en.portuguese#holiday@group.v.calendar.google.com", nil)
	if diff := cmp.Diff([]string{"notFound"}, got); diff != "" {
		t.Errorf("a calendar that is not hers, with a scope for her own: %s", diff)
	}
}

func TestCalendarWriting(t *testing.T) {
	c := newCampus(t, simulator.Quirks{})
	token := c.token("calendar.events")
	_, before := c.events(token, "primary", nil)
	event := `{"id":"lunch1","summary":"Lunch","start":{"dateTime":"2026-11-25T12:00:00Z"},"end":{"dateTime":"2026-11-25T13:00:00Z"}}`
	_, made := c.api("POST", calendars+"primary/events", token, event)
	if made["id"] != "lunch1" || made["status"] != "confirmed" || made["iCalUID"] != "lunch1@google.com" {
		t.Errorf("made %v", made)
	}
	_, changed := c.api("PATCH", calendars+"primary/events/lunch1", token, `{"summary":"Long lunch","location":"Harbour"}`)
	if changed["summary"] != "Long lunch" || changed["location"] != "Harbour" || changed["start"] == nil {
		t.Errorf("changed %v", changed)
	}
	for _, k := range []struct {
		name, method, path, body string
		status                   int
		reason                   string
	}{
		{"the same id again", "POST", "primary/events", event, 409, "duplicate"},
		{"an odd id", "POST", "primary/events", `{"id":"x","start":{"date":"2026-11-25"},"end":{"date":"2026-11-26"}}`, 400, "invalid"},
		{"no end", "POST", "primary/events", `{"start":{"date":"2026-11-25"}}`, 400, "required"},
		{"an end before the start", "POST", "primary/events", `{"start":{"date":"2026-11-25"},"end":{"date":"2026-11-24"}}`, 400, "timeRangeEmpty"},
		{"something repeating", "POST", "primary/events", `{"recurrence":["RRULE:FREQ=DAILY"],"start":{"date":"2026-11-25"},"end":{"date":"2026-11-26"}}`, 400, "invalid"},
		{"no JSON", "POST", "primary/events", `{`, 400, "parseError"},
		{"a calendar to read", "POST", url.PathEscape("en.portuguese#holiday@group.v.calendar.google.com") + "/events", event, 403, "requiredAccessLevel"},
	} {
		status, answer := c.api(k.method, calendars+k.path, token, k.body)
		if status != k.status || reason(answer) != k.reason {
			t.Errorf("%s: %d %v, want %d %s", k.name, status, answer, k.status, k.reason)
		}
	}
	deleted, _ := c.api("DELETE", calendars+"primary/events/lunch1", token, "")
	again, answer := c.api("DELETE", calendars+"primary/events/lunch1", token, "")
	if deleted != 204 || again != 410 || reason(answer) != "deleted" {
		t.Errorf("deleting: %d, again %d %v", deleted, again, answer)
	}
	since, _ := c.events(token, "primary", url.Values{"syncToken": {before["nextSyncToken"].(string)}})
	if diff := cmp.Diff([]string{"Long lunch cancelled"}, since); diff != "" {
		t.Errorf("what changed since: %s", diff)
	}
}

func TestCalendarFreeBusy(t *testing.T) {
	c := newCampus(t, simulator.Quirks{LoseReply: true}) // it is a POST that changes nothing
	token := c.token("calendar.freebusy")
	status, answer := c.api("POST", "/calendar/v3/freeBusy", token,
		`{"timeMin":"2026-11-25T00:00:00Z","timeMax":"2026-11-26T00:00:00Z","items":[{"id":"primary"},{"id":"ben@northwind.example"}]}`)
	want := map[string]any{
		"primary":               map[string]any{"busy": []any{map[string]any{"start": "2026-11-25T09:00:00Z", "end": "2026-11-25T10:00:00Z"}, map[string]any{"start": "2026-11-25T14:00:00Z", "end": "2026-11-25T14:30:00Z"}}},
		"ben@northwind.example": map[string]any{"busy": []any{}, "errors": []any{map[string]any{"domain": "global", "reason": "notFound"}}},
	}
	if diff := cmp.Diff(want, answer["calendars"]); diff != "" {
		t.Errorf("busy (%d): %s", status, diff)
	}
	events, _ := c.events(token, "primary", nil)
	if diff := cmp.Diff([]string{"insufficientPermissions"}, events); diff != "" {
		t.Errorf("events with a scope for busy times: %s", diff)
	}
}
