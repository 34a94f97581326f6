package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// calendar is one calendar with its events.
type calendar struct {
	id, name  string
	primaryOf *googleAccount
	roles     map[string]string // person → owner or reader
	events    []*event
	changes   int // how often something changed, for sync tokens
}

// event is one event; body is what callers set of it.
type event struct {
	id        string
	body      object
	organizer string // address
	cancelled bool
	at        time.Time // created
	updated   time.Time
	change    int // of the calendar, when it last changed
}

func (c *calendar) add(e *event) {
	c.events = append(c.events, e)
	c.touch(e, e.at)
}

func (c *calendar) touch(e *event, now time.Time) {
	c.changes++
	e.change, e.updated = c.changes, now
}

func (c *calendar) event(id string) *event {
	for _, e := range c.events {
		if e.id == id {
			return e
		}
	}
	return nil
}

// spanOf reads start or end of an event; ok is false when it is no time.
func spanOf(body object, edge string) (time.Time, bool) {
	raw, err := json.Marshal(body[edge])
	if err != nil {
		return time.Time{}, false
	}
	var at struct{ DateTime, Date string }
	if json.Unmarshal(raw, &at) != nil {
		return time.Time{}, false
	}
	found, err := time.Parse(time.RFC3339, at.DateTime)
	if at.Date != "" {
		found, err = time.Parse(time.DateOnly, at.Date)
	}
	return found, err == nil
}

// calendarRoutes is every route of Calendar that exists here.
func (g *Google) calendarRoutes() {
	lists := []string{"calendar", "calendar.readonly", "calendar.calendarlist.readonly"}
	reads := []string{"calendar", "calendar.readonly", "calendar.events", "calendar.events.readonly", "calendar.events.owned", "calendar.events.owned.readonly"}
	writes := []string{"calendar", "calendar.events", "calendar.events.owned"}
	g.handle("GET /calendar/v3/users/me/calendarList", lists, g.listCalendars)
	g.handle("GET /calendar/v3/users/me/calendarList/{calendar}", lists, g.getCalendar)
	g.handle("POST /calendar/v3/freeBusy", []string{"calendar", "calendar.readonly", "calendar.freebusy"}, g.freeBusy)
	events := "/calendar/v3/calendars/{calendar}/events"
	g.handle("GET "+events, reads, g.listEvents)
	g.handle("GET "+events+"/{event}", reads, g.getEvent)
	g.handle("POST "+events, writes, g.insertEvent)
	g.handle("PATCH "+events+"/{event}", writes, g.patchEvent)
	g.handle("DELETE "+events+"/{event}", writes, g.deleteEvent)
}

// reachCalendar finds a calendar; primary is the caller's own.
func (g *Google) reachCalendar(c googleCall, id string) (*calendar, *apiReply) {
	for _, found := range g.world.calendars {
		if found.roles[c.who.name] != "" && (found.id == id || id == "primary" && found.primaryOf == c.who) {
			owned := !c.may("calendar", "calendar.readonly", "calendar.events", "calendar.events.readonly", "calendar.freebusy", "calendar.calendarlist.readonly")
			if owned && found.roles[c.who.name] != "owner" {
				break
			}
			return found, nil
		}
	}
	refusal := googleError(http.StatusNotFound, "notFound", "Not Found")
	return nil, &refusal
}

func (g *Google) listCalendars(c googleCall) apiReply {
	var mine []*calendar
	for _, found := range g.world.calendars {
		if found.roles[c.who.name] != "" {
			mine = append(mine, found)
		}
	}
	page, next, refusal := googlePage(c, mine, "maxResults", 100, 250, func(found *calendar) string { return found.id })
	if refusal != nil {
		return *refusal
	}
	items := []object{}
	for _, found := range page {
		items = append(items, calendarShape(c, found))
	}
	return c.masked(withNext(object{"kind": "calendar#calendarList", "etag": `"p1"`, "items": items}, next), "")
}

func calendarShape(c googleCall, found *calendar) object {
	shape := object{"kind": "calendar#calendarListEntry", "etag": strconv.Quote(found.id), "id": found.id, "summary": found.name,
		"timeZone": "Europe/Lisbon", "accessRole": found.roles[c.who.name], "selected": true, "colorId": "14", "defaultReminders": []object{}}
	if found.primaryOf == c.who {
		shape["primary"] = true
	}
	return shape
}

func (g *Google) getCalendar(c googleCall) apiReply {
	found, refusal := g.reachCalendar(c, c.PathValue("calendar"))
	if refusal != nil {
		return *refusal
	}
	return c.masked(calendarShape(c, found), "")
}

// freeBusy says when somebody is busy, and nothing else.
func (g *Google) freeBusy(c googleCall) apiReply {
	var asked struct {
		TimeMin, TimeMax time.Time
		Items            []struct{ ID string }
	}
	refusal := c.decode(&asked)
	switch {
	case refusal != nil:
		return *refusal
	case asked.TimeMin.IsZero() || asked.TimeMax.IsZero():
		return googleError(http.StatusBadRequest, "required", "Missing timeMin parameter.")
	case !asked.TimeMax.After(asked.TimeMin):
		return googleError(http.StatusBadRequest, "timeRangeEmpty", "The specified time range is empty.")
	case len(asked.Items) > 50:
		return googleError(http.StatusBadRequest, "tooManyCalendarsRequested", "Too many calendars requested.")
	}
	answers := object{}
	for _, item := range asked.Items {
		found, refusal := g.reachCalendar(c, item.ID)
		if refusal != nil {
			answers[item.ID] = object{"errors": []object{{"domain": "global", "reason": "notFound"}}, "busy": []object{}}
			continue
		}
		answers[item.ID] = object{"busy": found.busy(asked.TimeMin, asked.TimeMax)}
	}
	reply := ok(object{"kind": "calendar#freeBusy", "timeMin": asked.TimeMin.UTC().Format(googleTime), "timeMax": asked.TimeMax.UTC().Format(googleTime), "calendars": answers})
	reply.read = true
	return reply
}

// busy are the times that are taken, in order.
func (c *calendar) busy(from, to time.Time) []object {
	list := []object{}
	for _, e := range c.events {
		begins, _ := spanOf(e.body, "start")
		ends, _ := spanOf(e.body, "end")
		if e.cancelled || e.body["transparency"] == "transparent" || !ends.After(from) || !begins.Before(to) {
			continue
		}
		list = append(list, object{"start": begins.UTC().Format(time.RFC3339), "end": ends.UTC().Format(time.RFC3339)})
	}
	slices.SortFunc(list, func(a, b object) int { return cmp.Compare(fmt.Sprint(a["start"]), fmt.Sprint(b["start"])) })
	return list
}
