package dashboard

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/templates"
)

const (
	stripDays   = 30
	homeEntries = 8
)

// Home is GET /.
func (d *Dashboard) Home(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	held, err := d.cfg.Holdings.Apps(v.ctx(), v.user())
	if err != nil {
		return fmt.Errorf("load apps: %w", err)
	}
	list, err := d.cfg.Services.Accounts(v.ctx(), v.user())
	if err != nil {
		return fmt.Errorf("load accounts: %w", err)
	}
	tallies, err := d.tallies(v)
	if err != nil {
		return err
	}
	entries, err := d.happened(v, audit.Filter{}, "", homeEntries, held, list)
	if err != nil {
		return err
	}
	sessions, err := d.cfg.People.Sessions(v.ctx(), v.user())
	if err != nil {
		return err
	}
	petitions, err := d.petitions(v)
	if err != nil {
		return err
	}
	held = v.standing(held)
	return d.cfg.Site.Render(c, http.StatusOK, templates.Home{
		Frame:       d.frame(v, "/", ""),
		Notices:     d.notices(v, nil),
		Apps:        d.appLines(v, held, byID(list), tallies),
		Ending:      v.ending(held),
		Petitions:   petitions,
		Connections: d.connections(v, list, held),
		Days:        d.days(v, tallies),
		Entries:     entries.shown,
		Sessions:    len(sessions),
	})
}

// standing lists the apps that can do something now, those that can do most harm
// first, and of equals the one used last.
func (v visit) standing(held []Held) []Held {
	live := slices.DeleteFunc(slices.Clone(held), func(h Held) bool { return len(v.live(h.Grant)) == 0 })
	slices.SortStableFunc(live, func(a, b Held) int {
		return cmp.Or(cmp.Compare(v.harm(b), v.harm(a)), lastUsed(b.Grant).Compare(lastUsed(a.Grant)), cmp.Compare(a.App.Name, b.App.Name))
	})
	return live
}

// ending lists what ends soon of what apps may do, the next one first.
func (v visit) ending(held []Held) []templates.Ending {
	var list []templates.Ending
	for _, h := range held {
		for _, it := range v.live(h.Grant) {
			if it.EndsSoon(v.now) {
				list = append(list, templates.Ending{App: app(h), Label: v.scope(it.Scope).Words, On: it.Until})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b templates.Ending) int { return a.On.Compare(b.On) })
	return list
}

// harm is the greatest risk among an app's permissions.
func (v visit) harm(h Held) int {
	most := 0
	for _, it := range v.live(h.Grant) {
		s := v.scope(it.Scope)
		most = max(most, 10*s.Access.Rank()+s.Risk)
	}
	return most
}

func (d *Dashboard) appLines(v visit, held []Held, acc accounts, tallies []Tally) []templates.AppLine {
	uses := map[consent.GrantID]int{}
	for _, t := range tallies {
		if t.Outcome == audit.Done {
			uses[t.Grant] += t.Count
		}
	}
	var lines []templates.AppLine
	for _, h := range held {
		line := templates.AppLine{App: app(h), LastUsed: lastUsed(h.Grant), Uses: uses[h.Grant.ID]}
		for _, it := range v.live(h.Grant) {
			s := v.scope(it.Scope)
			switch group(s) {
			case see:
				line.See = append(line.See, s.Words)
			case change:
				line.Change = append(line.Change, s.Words)
			default:
				line.Away = append(line.Away, s.Words)
			}
			if it.Until.After(line.Ends) {
				line.Ends = it.Until
			}
			line.Broken = line.Broken || acc.state(s, it) != templates.StateReady
		}
		lines = append(lines, line)
	}
	return lines
}

// tallies counts the calls of the last days, today included.
func (d *Dashboard) tallies(v visit) ([]Tally, error) {
	local := v.now.In(d.cfg.Zone)
	_, offset := local.Zone()
	since := time.Date(local.Year(), local.Month(), local.Day()-stripDays+1, 0, 0, 0, 0, d.cfg.Zone)
	list, err := d.cfg.Counts.Tallies(v.ctx(), v.user(), since, time.Duration(offset)*time.Second)
	if err != nil {
		return nil, fmt.Errorf("count calls: %w", err)
	}
	return list, nil
}

// days is the strip of the last days; nil when nothing happened on any.
func (d *Dashboard) days(v visit, tallies []Tally) []templates.Day {
	if len(tallies) == 0 {
		return nil
	}
	local := v.now.In(d.cfg.Zone)
	strip := make([]templates.Day, stripDays)
	at := map[string]*templates.Day{}
	for i := range strip {
		strip[i].On = time.Date(local.Year(), local.Month(), local.Day()-stripDays+1+i, 0, 0, 0, 0, d.cfg.Zone)
		at[strip[i].On.Format(time.DateOnly)] = &strip[i]
	}
	for _, t := range tallies {
		day, inside := at[t.Day.In(d.cfg.Zone).Format(time.DateOnly)]
		switch op := d.operations[t.Operation]; {
		case !inside:
		case t.Outcome == audit.Denied:
			day.Refused += t.Count
		case op != nil && op.Access == consent.Read:
			day.Reads += t.Count
		default:
			day.Changes += t.Count
		}
	}
	return strip
}
