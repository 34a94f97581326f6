package dashboard

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/templates"
)

const activityEntries = 50

// Activity is GET /activity, with the filters app (the id of a grant), service
// (the id of a connection) and result, and before, the id of an entry.
func (d *Dashboard) Activity(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	list, held, err := d.connected(v)
	if err != nil {
		return err
	}
	page := templates.Activity{
		Frame:    d.frame(v, "/activity", ""),
		Apps:     []templates.Option{{Text: "All apps"}},
		Services: []templates.Option{{Text: "All services"}},
		Results: options(v.Query("result"), []templates.Option{
			{Text: "All results"}, {Value: string(audit.Done), Text: "Done"},
			{Value: string(audit.Denied), Text: "Refused"}, {Value: string(audit.Failed), Text: "Failed"},
		}),
	}
	for _, h := range held {
		page.Apps = append(page.Apps, templates.Option{Value: string(h.Grant.ID), Text: h.App.Name})
	}
	for _, a := range list {
		page.Services = append(page.Services, templates.Option{Value: string(a.ID), Text: d.provider(a.Provider).Name + ", " + a.Login})
	}
	page.Apps, page.Services = options(v.Query("app"), page.Apps), options(v.Query("service"), page.Services)
	filter, err := d.filter(v, page, held)
	if err != nil {
		return err
	}
	entries, err := d.happened(v, filter, v.Query("before"), activityEntries, held, list)
	if err != nil {
		return err
	}
	query := url.Values{}
	for _, name := range []string{"app", "service", "result"} {
		if value := v.Query(name); value != "" {
			query.Set(name, value)
		}
	}
	page.Entries, page.Filtered = entries.shown, len(query) > 0
	if v.Query("before") != "" {
		page.Newer = address("/activity", query)
	}
	if entries.last != "" {
		query.Set("before", entries.last)
		page.Older = address("/activity", query)
	}
	return d.cfg.Site.Render(c, http.StatusOK, page)
}

func address(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// options marks the chosen one.
func options(chosen string, list []templates.Option) []templates.Option {
	for i := range list {
		list[i].Chosen = list[i].Value == chosen
	}
	return list
}

// filter reads the filters. Only what the page offers can be chosen: somebody
// else's ids are not on it.
func (d *Dashboard) filter(v visit, page templates.Activity, held []Held) (audit.Filter, error) {
	for _, list := range [][]templates.Option{page.Apps, page.Services, page.Results} {
		if !slices.ContainsFunc(list, func(o templates.Option) bool { return o.Chosen }) {
			return audit.Filter{}, absent()
		}
	}
	if before := v.Query("before"); len(before) > 64 {
		return audit.Filter{}, fault.New(fault.Invalid, "This page of the list does not exist. Go back to the newest.")
	}
	f := audit.Filter{Connection: consent.ConnectionID(v.Query("service")), Outcome: audit.Outcome(v.Query("result"))}
	for _, h := range held {
		if string(h.Grant.ID) == v.Query("app") {
			f.App = h.App.ID
		}
	}
	return f, nil
}

// page is a part of the list. last is the id to go on from, "" at its end.
type page struct {
	shown []templates.Entry
	last  string
}

// happened loads a part of the list and words it.
func (d *Dashboard) happened(v visit, f audit.Filter, before string, limit int, held []Held, list []Account) (page, error) {
	f.Kinds = told()
	records, err := d.cfg.Records.List(v.ctx(), v.user(), f, before, limit+1)
	if err != nil {
		return page{}, err
	}
	var p page
	if len(records) > limit {
		records = records[:limit]
		p.last = records[limit-1].ID
	}
	t := teller{d: d, v: v, accounts: byID(list), resources: map[string]string{}}
	if t.apps, err = d.appNames(v, records, held); err != nil {
		return page{}, err
	}
	for _, h := range held {
		for _, it := range h.Grant.Items {
			for _, r := range it.Limit.Resources {
				t.resources[string(r.Type)+":"+r.ID] = cmp.Or(r.Name, r.ID)
			}
		}
	}
	for _, r := range ends(records, before != "") {
		if e, ok := t.entry(r.Event); ok {
			p.shown = join(p.shown, e)
		}
	}
	return p, nil
}

// appNames names the apps of some records, with one more query only when there
// are apps that have nothing any more.
func (d *Dashboard) appNames(v visit, records []audit.Entry, held []Held) (map[consent.AppID]string, error) {
	known := map[consent.AppID]string{}
	for _, h := range held {
		known[h.App.ID] = h.App.Name
	}
	var missing []consent.AppID
	for _, r := range records {
		for _, id := range append([]consent.AppID{r.App}, r.Actors...) {
			if _, ok := known[id]; !ok && id != "" && !slices.Contains(missing, id) {
				missing = append(missing, id)
			}
		}
	}
	if len(missing) == 0 {
		return known, nil
	}
	more, err := d.cfg.Holdings.AppNames(v.ctx(), missing)
	if err != nil {
		return nil, fmt.Errorf("name apps: %w", err)
	}
	for id, name := range more {
		known[id] = name
	}
	return known, nil
}
