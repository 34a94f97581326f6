package dashboard

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/templates"
)

const (
	appEntries = 12
	// manyPeople bounds counting: beyond it the exact number tells nobody more.
	manyPeople = 1000
)

// App is GET /apps/:grant.
func (d *Dashboard) App(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	h, err := d.held(v)
	if err != nil {
		return err
	}
	list, err := d.cfg.Services.Accounts(v.ctx(), v.user())
	if err != nil {
		return fmt.Errorf("load accounts: %w", err)
	}
	runs, err := d.runs(v, h)
	if err != nil {
		return err
	}
	people, err := d.cfg.Holdings.AppUsers(v.ctx(), h.App.ID, manyPeople)
	if err != nil {
		return fmt.Errorf("count who uses %s: %w", h.App.ID, err)
	}
	entries, err := d.happened(v, audit.Filter{App: h.App.ID}, "", appEntries, []Held{h}, list)
	if err != nil {
		return err
	}
	page := templates.AppDetail{
		Frame:    d.frame(v, "/apps/"+string(h.Grant.ID), ""),
		Notices:  d.notices(v, nil),
		App:      app(h),
		Since:    h.Grant.Created,
		LastUsed: lastUsed(h.Grant),
		Allowed:  d.allowed(v, h, byID(list)),
		Runs:     runs,
		Entries:  entries.shown,
		// A change without the person's general yes is refused.
		Unattended: has(v.live(h.Grant), consent.UnattendedWrites),
		Writes:     templates.WritesRefused,
	}
	page.App.People, page.App.New = people, h.App.Check != consent.CheckedOperator && people < consent.FewPeople
	if page.Answers, err = d.answered(v, h.App.ID); err != nil {
		return err
	}
	for _, r := range h.Grant.Refused {
		page.Refused = append(page.Refused, templates.Refused{Label: v.scope(r.Scope).Words, On: r.At})
	}
	return d.cfg.Site.Render(c, http.StatusOK, page)
}

// held is the grant that the address names, if it is the person's.
func (d *Dashboard) held(v visit) (Held, error) {
	id := consent.GrantID(v.Param("grant"))
	h, found, err := d.cfg.Holdings.App(v.ctx(), v.user(), id)
	switch {
	case err != nil:
		return Held{}, fmt.Errorf("load grant: %w", err)
	case !found:
		return Held{}, absent()
	}
	return h, nil
}

func (d *Dashboard) allowed(v visit, h Held, acc accounts) []templates.Allowed {
	items := v.live(h.Grant)
	_, background := h.Grant.Holds(v.words, consent.Background, "", v.now)
	var rows []templates.Allowed
	for _, it := range items {
		s := v.scope(it.Scope)
		rows = append(rows, templates.Allowed{
			Scope:      itemID(it),
			Label:      s.Words,
			Limit:      names(it.Limit),
			Everything: it.Limit.Everything && s.Narrowing != consent.NarrowingNone,
			Group:      group(s),
			Provider:   d.provider(s.Provider),
			Account:    acc[it.Connection].Login,
			Background: background,
			Until:      it.Until,
			LastUsed:   it.LastUsed,
			State:      acc.state(s, it),
			Rate:       rate(s.Bounded(it.Rate)),
		})
	}
	return rows
}

// runs lists where the app runs. A copy that ends with a sign-in goes by the
// device of that sign-in.
func (d *Dashboard) runs(v visit, h Held) ([]templates.Run, error) {
	list, err := d.cfg.Holdings.Runs(v.ctx(), v.user(), h.Grant.ID)
	if err != nil {
		return nil, fmt.Errorf("load installations: %w", err)
	}
	if len(list) == 0 {
		return nil, nil
	}
	sessions, err := d.cfg.People.Sessions(v.ctx(), v.user())
	if err != nil {
		return nil, err
	}
	device := map[consent.SessionID]string{}
	for _, s := range sessions {
		device[s.ID] = s.Device()
	}
	var runs []templates.Run
	for _, r := range list {
		at, here := device[r.Session]
		if !here && !r.Offline {
			continue // the sign-in it hung on has ended, and it with it
		}
		runs = append(runs, templates.Run{ID: string(r.ID), Name: copyName(h.App.Name, at), First: r.First, Last: r.Last, Background: r.Offline})
	}
	return runs, nil
}

// copyName names one installation by where the person was when it began; "" when
// that sign-in is over.
func copyName(app, device string) string {
	if device == "" {
		return ""
	}
	return app + ", allowed with " + device
}
