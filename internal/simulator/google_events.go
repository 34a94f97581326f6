package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (g *Google) eventShape(found *calendar, e *event) object {
	status := "confirmed"
	if e.cancelled {
		status = "cancelled"
	}
	organizer := object{"email": cmp.Or(e.organizer, found.id), "self": e.organizer == ""}
	shape := object{"kind": "calendar#event", "etag": fmt.Sprintf(`"%d"`, e.change), "id": e.id, "status": status,
		"htmlLink": "https://www.google.com/calendar/event?eid=" + e.id, "created": e.at.UTC().Format(googleTime), "updated": e.updated.UTC().Format(googleTime),
		"creator": organizer, "organizer": organizer, "iCalUID": e.id + "@google.com", "sequence": 0, "eventType": "default", "reminders": object{"useDefault": true}}
	for name, value := range e.body {
		shape[name] = value
	}
	return shape
}

// listEvents lists by time, or what changed since a sync token.
func (g *Google) listEvents(c googleCall) apiReply {
	found, refusal := g.reachCalendar(c, c.PathValue("calendar"))
	if refusal != nil {
		return *refusal
	}
	if order := c.query.Get("orderBy"); order == "startTime" && c.query.Get("singleEvents") != "true" || !slices.Contains([]string{"", "startTime", "updated"}, order) {
		return googleInvalid("orderBy", "The requested ordering is not available for the particular query.")
	}
	list, refusal := eventsWanted(c, found)
	if refusal != nil {
		return *refusal
	}
	page, next, refusal := googlePage(c, list, "maxResults", 250, 2500, func(e *event) string { return e.id })
	if refusal != nil {
		return *refusal
	}
	items := []object{}
	for _, e := range page {
		items = append(items, g.eventShape(found, e))
	}
	body := withNext(object{"kind": "calendar#events", "etag": fmt.Sprintf(`"p%d"`, found.changes), "summary": found.name, "timeZone": "Europe/Lisbon",
		"accessRole": found.roles[c.who.name], "defaultReminders": []object{}, "items": items}, next)
	if next == "" {
		body["nextSyncToken"] = syncToken(found.changes)
	}
	return c.masked(body, "")
}

func syncToken(change int) string { return cursor("sync" + strconv.Itoa(change)) }

// eventsWanted applies the filters of a list.
func eventsWanted(c googleCall, found *calendar) ([]*event, *apiReply) {
	since, from, to := -1, time.Time{}, time.Time{}
	if sent := c.query.Get("syncToken"); sent != "" {
		key, _ := cursorKey(sent)
		change, err := strconv.Atoi(strings.TrimPrefix(key, "sync"))
		if err != nil || change > found.changes {
			refusal := googleError(http.StatusGone, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.").at("syncToken")
			return nil, &refusal
		}
		since = change
	}
	for name, place := range map[string]*time.Time{"timeMin": &from, "timeMax": &to} {
		if sent := c.query.Get(name); sent != "" {
			at, err := time.Parse(time.RFC3339, sent)
			if err != nil {
				refusal := googleError(http.StatusBadRequest, "badRequest", "Bad Request").at(name)
				return nil, &refusal
			}
			*place = at
		}
	}
	words := strings.ToLower(c.query.Get("q"))
	var list []*event
	for _, e := range found.events {
		begins, _ := spanOf(e.body, "start")
		ends, _ := spanOf(e.body, "end")
		text := strings.ToLower(fmt.Sprint(e.body["summary"], " ", e.body["description"], " ", e.body["location"]))
		switch {
		case e.cancelled && since < 0 && c.query.Get("showDeleted") != "true", e.change <= since:
		case !from.IsZero() && !ends.After(from), !to.IsZero() && !begins.Before(to), !strings.Contains(text, words):
		default:
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b *event) int {
		if c.query.Get("orderBy") == "updated" {
			return a.change - b.change
		}
		beginsA, _ := spanOf(a.body, "start")
		beginsB, _ := spanOf(b.body, "start")
		return beginsA.Compare(beginsB)
	})
	return list, nil
}

// reachEvent finds an event for reading, or with change for changing.
func (g *Google) reachEvent(c googleCall, change bool) (*calendar, *event, *apiReply) {
	found, refusal := g.reachCalendar(c, c.PathValue("calendar"))
	if refusal != nil {
		return nil, nil, refusal
	}
	e := found.event(c.PathValue("event"))
	var no apiReply
	switch {
	case e == nil:
		no = googleError(http.StatusNotFound, "notFound", "Not Found")
	case change && found.roles[c.who.name] != "owner":
		no = googleError(http.StatusForbidden, "requiredAccessLevel", "You need to have writer access to this calendar.")
	case change && e.cancelled:
		no = googleError(http.StatusGone, "deleted", "Resource has been deleted")
	default:
		return found, e, nil
	}
	return nil, nil, &no
}

func (g *Google) getEvent(c googleCall) apiReply {
	found, e, refusal := g.reachEvent(c, false)
	if refusal != nil {
		return *refusal
	}
	return c.masked(g.eventShape(found, e), "")
}

// eventID reports whether Google takes this as an id: base32hex, lower case.
func eventID(id string) bool {
	return len(id) >= 5 && len(id) <= 1024 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuv") == ""
}

// eventBody checks what a caller says of an event. Repeating events and video
// calls do not exist here.
func eventBody(body object) *apiReply {
	known := []string{"id", "summary", "description", "location", "start", "end", "attendees", "colorId", "transparency", "visibility", "reminders"}
	for name := range body {
		if !slices.Contains(known, name) {
			refusal := googleInvalid(name, "Not simulated: "+name)
			return &refusal
		}
	}
	begins, hasStart := spanOf(body, "start")
	ends, hasEnd := spanOf(body, "end")
	var refusal apiReply
	switch {
	case !hasStart:
		refusal = googleError(http.StatusBadRequest, "required", "Missing start time.")
	case !hasEnd:
		refusal = googleError(http.StatusBadRequest, "required", "Missing end time.")
	case ends.Before(begins):
		refusal = googleError(http.StatusBadRequest, "timeRangeEmpty", "The specified time range is empty.")
	default:
		return nil
	}
	return &refusal
}

// insertEvent adds an event. A caller that chooses the id can repeat the call
// without making two.
func (g *Google) insertEvent(c googleCall) apiReply {
	found, refusal := g.reachCalendar(c, c.PathValue("calendar"))
	if refusal != nil {
		return *refusal
	}
	body := object{}
	refusal = c.decode(&body)
	if refusal == nil {
		refusal = eventBody(body)
	}
	if refusal != nil {
		return *refusal
	}
	id, _ := body["id"].(string)
	delete(body, "id")
	g.world.serial++
	id = cmp.Or(id, fmt.Sprintf("made%08d", g.world.serial))
	switch {
	case found.roles[c.who.name] != "owner":
		return googleError(http.StatusForbidden, "requiredAccessLevel", "You need to have writer access to this calendar.")
	case !eventID(id):
		return googleInvalid("resource.id", "Invalid resource id value.")
	case found.event(id) != nil:
		return googleError(http.StatusConflict, "duplicate", "The requested identifier already exists.")
	case len(found.events) >= maxDates:
		return googleError(http.StatusForbidden, "quotaExceeded", "Calendar usage limits exceeded.")
	}
	added := &event{id: id, body: body, organizer: c.who.email, at: g.cfg.Now()}
	found.add(added)
	return c.masked(g.eventShape(found, added), "")
}

func (g *Google) patchEvent(c googleCall) apiReply {
	found, e, refusal := g.reachEvent(c, true)
	if refusal != nil {
		return *refusal
	}
	change, merged := object{}, object{}
	refusal = c.decode(&change)
	if refusal != nil {
		return *refusal
	}
	for name, value := range e.body {
		merged[name] = value
	}
	for name, value := range change {
		merged[name] = value
		if value == nil {
			delete(merged, name)
		}
	}
	refusal = eventBody(merged)
	if refusal != nil {
		return *refusal
	}
	delete(merged, "id")
	e.body = merged
	found.touch(e, g.cfg.Now())
	return c.masked(g.eventShape(found, e), "")
}

// deleteEvent cancels an event; it stays for those who synchronise.
func (g *Google) deleteEvent(c googleCall) apiReply {
	found, e, refusal := g.reachEvent(c, true)
	if refusal != nil {
		return *refusal
	}
	e.cancelled = true
	found.touch(e, g.cfg.Now())
	return apiReply{status: http.StatusNoContent}
}
