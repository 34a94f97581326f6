package dashboard

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// ServicesPage is GET /services. Its forms are answered by package connect.
func (d *Dashboard) ServicesPage(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	list, held, err := d.connected(v)
	if err != nil {
		return err
	}
	offers, err := d.cfg.Services.Offers(v.ctx())
	if err != nil {
		return fmt.Errorf("load the services on offer: %w", err)
	}
	page := templates.Services{
		Frame:       d.frame(v, "/services", ""),
		Notices:     d.notices(v, byID(list)),
		Connections: d.connections(v, list, v.standing(held)),
		Removed:     d.removed(list),
	}
	if err := d.allowTrips(v, offers); err != nil {
		return err
	}
	for _, id := range offers {
		page.Others = append(page.Others, templates.Connectable{
			Provider: d.provider(id),
			Again:    slices.ContainsFunc(list, func(a Account) bool { return a.Provider == id && a.Health != consent.Disconnected }),
			CSRF:     d.cfg.Connect.StartToken(v.person.Session, id),
		})
	}
	return d.cfg.Site.Render(c, http.StatusOK, page)
}

// allowTrips lets the page's forms end at the providers, where package connect
// sends the browser.
func (d *Dashboard) allowTrips(v visit, offers []consent.ProviderID) error {
	var ends []string
	for _, id := range offers {
		end, err := d.cfg.Connect.Destination(v.ctx(), id)
		if err != nil {
			return fmt.Errorf("find where %s is: %w", id, err)
		}
		ends = append(ends, end)
	}
	web.AllowFormTo(v.Context, ends...)
	return nil
}

// connected loads what is connected and who may use it.
func (d *Dashboard) connected(v visit) ([]Account, []Held, error) {
	list, err := d.cfg.Services.Accounts(v.ctx(), v.user())
	if err != nil {
		return nil, nil, fmt.Errorf("load accounts: %w", err)
	}
	held, err := d.cfg.Holdings.Apps(v.ctx(), v.user())
	if err != nil {
		return nil, nil, fmt.Errorf("load apps: %w", err)
	}
	return list, held, nil
}

// connections words the accounts that are connected.
func (d *Dashboard) connections(v visit, list []Account, held []Held) []templates.Connection {
	var out []templates.Connection
	for _, a := range list {
		if a.Health == consent.Disconnected {
			continue
		}
		c := templates.Connection{
			ID:       string(a.ID),
			Provider: d.provider(a.Provider),
			Account:  a.Login,
			Since:    a.Since,
			LastUsed: a.LastUsed,
			Holds:    v.holds(a.Connection),
			CSRF:     d.cfg.Connect.ReconnectToken(v.person.Session, a.ID),
		}
		switch {
		case a.Health != consent.Healthy:
			c.State, c.Lost = templates.StateReconnect, a.Lost
		case a.Rests.After(v.now):
			c.Rests = a.Rests
		}
		for _, h := range held {
			if len(v.onAccount(h, a.ID)) > 0 {
				c.Apps = append(c.Apps, app(h))
			}
		}
		out = append(out, c)
	}
	return out
}

// removed are the accounts of which their provider may not know that we are done.
func (d *Dashboard) removed(list []Account) []templates.Removed {
	var out []templates.Removed
	for _, a := range list {
		if a.Telling || a.Unconfirmed {
			out = append(out, templates.Removed{Provider: d.provider(a.Provider), Account: a.Login, GivenUp: !a.Telling})
		}
	}
	return out
}

// holds words what Deputy may do at the account: the scopes it could serve.
func (v visit) holds(c consent.Connection) []string {
	var words []string
	for _, s := range v.words {
		if s.Provider != c.Provider {
			continue
		}
		if serves, _ := c.Serves(s); serves {
			words = append(words, s.Words)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// onAccount lists what an app may do there.
func (v visit) onAccount(h Held, id consent.ConnectionID) []string {
	var rows []string
	for _, it := range v.live(h.Grant) {
		if it.Connection == id {
			rows = append(rows, v.scope(it.Scope).Words)
		}
	}
	return rows
}

// DisconnectPage is GET /services/:connection/disconnect: what stops, when, and
// what stays. Its form is answered by package connect.
func (d *Dashboard) DisconnectPage(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	list, held, err := d.connected(v)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(a Account) bool {
		return string(a.ID) == c.Param("connection") && a.Health != consent.Disconnected
	})
	if i < 0 {
		return absent()
	}
	a := list[i]
	page := templates.DisconnectConfirm{
		Frame:    d.frame(v, "/services/"+string(a.ID)+"/disconnect", d.cfg.Connect.DisconnectToken(v.person.Session, a.ID)),
		ID:       string(a.ID),
		Provider: d.provider(a.Provider),
		Account:  a.Login,
		Blast:    d.blast(a.Connection),
	}
	for _, h := range v.standing(held) {
		if rows := v.onAccount(h, a.ID); len(rows) > 0 {
			page.Stops = append(page.Stops, templates.Stop{App: app(h), Rows: rows})
		}
	}
	return d.cfg.Site.Render(c, http.StatusOK, page)
}

// blast words what a revocation ends at the provider.
func (d *Dashboard) blast(c consent.Connection) string {
	p, known := d.cfg.Catalog.Providers[c.Provider]
	if !known {
		return ""
	}
	for _, variant := range p.Variants {
		if variant.ID == c.Variant {
			return variant.Blast
		}
	}
	return ""
}
