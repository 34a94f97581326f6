package dashboard

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/templates"
)

const removeStep = "remove"

// itemID names one agreed scope in a form: the same scope can be agreed on
// several accounts. Neither part contains an "@".
func itemID(it consent.Item) string {
	if it.Connection == "" {
		return string(it.Scope)
	}
	return string(it.Scope) + "@" + string(it.Connection)
}

// removal is what one form takes away from an app.
type removal struct {
	held   Held
	item   consent.Item      // zero unless one permission is removed
	also   []consent.Item    // permissions that include it, and go with it
	family consent.FamilyID  // "" unless one installation is removed
	run    templates.Run     // that installation
	what   templates.Removal // which of the three
}

// removal finds what scope and family name among what the person has. Both empty
// mean the whole app; both at once mean nothing that exists.
func (d *Dashboard) removal(v visit, scope, family string) (removal, error) {
	h, err := d.held(v)
	if err != nil {
		return removal{}, err
	}
	r := removal{held: h, what: templates.RemoveApp}
	switch {
	case scope != "" && family != "":
		return removal{}, absent()
	case scope != "":
		r.what = templates.RemoveRow
		return r, r.findItem(v, scope)
	case family != "":
		r.what, r.family = templates.RemoveRun, consent.FamilyID(family)
		runs, err := d.runs(v, h)
		if err != nil {
			return removal{}, err
		}
		i := slices.IndexFunc(runs, func(run templates.Run) bool { return run.ID == family })
		if i < 0 {
			return removal{}, absent()
		}
		r.run = runs[i]
	}
	return r, nil
}

// findItem finds the item and every other on the same account that includes it:
// as long as one of those stands, the app could still do what was removed.
func (r *removal) findItem(v visit, id string) error {
	items := v.live(r.held.Grant)
	i := slices.IndexFunc(items, func(it consent.Item) bool { return itemID(it) == id })
	if i < 0 {
		return absent()
	}
	r.item = items[i]
	for n, it := range items {
		if n != i && it.Connection == r.item.Connection && v.words.Covers(it.Scope, r.item.Scope) {
			r.also = append(r.also, it)
		}
	}
	return nil
}

func (r removal) token(d *Dashboard, v visit) string { return d.token(v, removeStep, r.object()...) }

func (r removal) object() []string {
	item := ""
	if r.what == templates.RemoveRow {
		item = itemID(r.item)
	}
	return []string{string(r.held.Grant.ID), item, string(r.family)}
}

// RemovePage is GET /apps/:grant/remove, with scope or family when only that is
// taken away. It asks once.
func (d *Dashboard) RemovePage(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	r, err := d.removal(v, c.Query("scope"), c.Query("family"))
	if err != nil {
		return err
	}
	page := templates.RemoveConfirm{
		Frame:  d.frame(v, "/apps/"+string(r.held.Grant.ID)+"/remove", r.token(d, v)),
		App:    app(r.held),
		What:   r.what,
		Family: string(r.family),
	}
	page.Here = "" // its query says what is removed
	switch r.what {
	case templates.RemoveRow:
		page.Scope, page.Label = itemID(r.item), v.scope(r.item.Scope).Words
		for _, it := range r.also {
			page.Also = append(page.Also, v.scope(it.Scope).Words)
		}
	case templates.RemoveRun:
		page.Label = r.run.Name
		if page.Label == "" {
			page.Label = "A copy of " + r.held.App.Name
		}
	}
	page.Services, err = d.services(v, r.held)
	if err != nil {
		return err
	}
	return d.cfg.Site.Render(c, http.StatusOK, page)
}

// services names the services an app uses, which stay connected.
func (d *Dashboard) services(v visit, h Held) ([]string, error) {
	list, err := d.cfg.Services.Accounts(v.ctx(), v.user())
	if err != nil {
		return nil, fmt.Errorf("load accounts: %w", err)
	}
	acc := byID(list)
	var names []string
	for _, it := range v.live(h.Grant) {
		a, there := acc[it.Connection]
		if name := d.provider(a.Provider).Name; there && a.Health != consent.Disconnected && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// Remove is POST /apps/:grant/remove with the fields csrf, scope and family.
func (d *Dashboard) Remove(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	if err := d.form(v); err != nil {
		return err
	}
	r, err := d.removal(v, v.Request.PostForm.Get("scope"), v.Request.PostForm.Get("family"))
	if err != nil {
		return err
	}
	if err := d.check(v, removeStep, r.object()...); err != nil {
		return err
	}
	return d.remove(v, r)
}

func (d *Dashboard) remove(v visit, r removal) error {
	page, id := "/apps/"+string(r.held.Grant.ID), r.held.Grant.ID
	switch r.what {
	case templates.RemoveRow:
		scopes := []consent.ScopeName{r.item.Scope}
		for _, it := range r.also {
			scopes = append(scopes, it.Scope)
		}
		if err := d.cfg.Revoker.RemoveItems(v.ctx(), v.user(), id, scopes, r.item.Connection); err != nil {
			return fmt.Errorf("remove %s from grant %s: %w", r.item.Scope, id, err)
		}
		if len(scopes) == len(v.live(r.held.Grant)) {
			page = "/" // that was the last: the app has nothing, and no page
		}
		return d.done(v, page, note{kind: templates.NoticeRemoved, what: v.scope(r.item.Scope).Words})
	case templates.RemoveRun:
		if err := d.cfg.Revoker.RevokeFamily(v.ctx(), v.user(), r.family); err != nil {
			return fmt.Errorf("remove installation %s: %w", r.family, err)
		}
		what := r.run.Name
		if what == "" {
			what = "A copy of " + r.held.App.Name
		}
		return d.done(v, page, note{kind: templates.NoticeRemoved, what: what})
	}
	if err := d.cfg.Revoker.RevokeGrant(v.ctx(), v.user(), id); err != nil {
		return fmt.Errorf("remove grant %s: %w", id, err)
	}
	return d.done(v, "/", note{kind: templates.NoticeRemoved, what: strings.TrimSpace(r.held.App.Name)})
}
