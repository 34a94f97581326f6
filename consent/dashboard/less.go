package dashboard

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/templates"
)

const lessStep = "less"

// sooner are the ends that are offered, in days from now, where they are earlier
// than the one that stands.
var sooner = [...]int{1, 7, 30, 90}

// lowering is what one form takes less of: an item, and the others that include it
// on the same account, since through those the app would keep what was dropped.
type lowering struct{ removal }

func (d *Dashboard) lowering(v visit, scope string) (lowering, error) {
	if scope == "" {
		return lowering{}, absent()
	}
	r, err := d.removal(v, scope, "")
	return lowering{r}, err
}

// resources are what can be dropped: the item's own and those of what includes it.
// Where one of them is for everything, dropping single ones would drop nothing.
func (l lowering) resources() []consent.Resource {
	limit := l.item.Limit
	for _, it := range l.also {
		limit = limit.Union(it.Limit)
	}
	return limit.Resources
}

func resourceID(r consent.Resource) string { return string(r.Type) + ":" + r.ID }

// LessPage is GET /apps/:grant/less with scope: fewer resources, or an earlier end.
// More than stands is asked for on the consent page only.
func (d *Dashboard) LessPage(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	l, err := d.lowering(v, c.Query("scope"))
	if err != nil {
		return err
	}
	page := templates.LessForm{
		Frame: d.frame(v, "/apps/"+string(l.held.Grant.ID)+"/less", d.token(v, lessStep, l.object()...)), App: app(l.held),
		Scope: itemID(l.item), Label: v.scope(l.item.Scope).Words, Until: l.item.Until,
	}
	page.Here = "" // its query says what it is about
	for _, it := range l.also {
		page.Also = append(page.Also, v.scope(it.Scope).Words)
	}
	list := l.resources()
	for i, name := range names(consent.Limit{Resources: list}) {
		page.Keeps = append(page.Keeps, templates.Keep{ID: resourceID(list[i]), Name: name})
	}
	for _, n := range sooner {
		if on := v.now.AddDate(0, 0, n); on.Before(l.item.Until) {
			page.Ends = append(page.Ends, templates.End{Days: n, On: on})
		}
	}
	return d.cfg.Site.Render(c, http.StatusOK, page)
}

// Less is POST /apps/:grant/less with the fields csrf, scope, shown, keep and days.
func (d *Dashboard) Less(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	if err := d.form(v); err != nil {
		return err
	}
	form := v.Request.PostForm
	l, err := d.lowering(v, form.Get("scope"))
	if err != nil {
		return err
	}
	if err := d.check(v, lessStep, l.object()...); err != nil {
		return err
	}
	// Only what the form showed and was unticked there: what came meanwhile stays.
	var less consent.Less
	list := l.resources()
	for _, r := range list {
		if id := resourceID(r); slices.Contains(form["shown"], id) && !slices.Contains(form["keep"], id) {
			less.Drop = append(less.Drop, r)
		}
	}
	if n, err := strconv.Atoi(form.Get("days")); err == nil && slices.Contains(sooner[:], n) {
		if on := v.now.AddDate(0, 0, n); on.Before(l.item.Until) {
			less.Until = on
		}
	}
	back := "/apps/" + string(l.held.Grant.ID)
	switch {
	case len(less.Drop) == 0 && less.Until.IsZero():
		return d.done(v, back, note{kind: templates.NoticeSame})
	case len(list) > 0 && len(less.Drop) == len(list):
		return fault.New(fault.Conflict, "Nothing would be left of this. Nothing was changed. Go back and keep one, or remove it on the page of the app.")
	}
	scopes := []consent.ScopeName{l.item.Scope}
	for _, it := range l.also {
		scopes = append(scopes, it.Scope)
	}
	if err := d.cfg.Revoker.LowerItems(v.ctx(), v.user(), l.held.Grant.ID, scopes, l.item.Connection, less); err != nil {
		return fmt.Errorf("lower %s of grant %s: %w", l.item.Scope, l.held.Grant.ID, err)
	}
	return d.done(v, back, note{kind: templates.NoticeLowered, what: v.scope(l.item.Scope).Words})
}
