package flow

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
	"github.com/deputy-oauth/deputy/templates"
)

// shelf is how many things one page of a picker shows.
const shelf = 20

// choosing is a visit to the picker of one resource type.
type choosing struct {
	visit
	kind       consent.ResourceType
	rows       []consent.Row // the rows that the choice limits
	connection consent.Connection
	listing    listing
	failed     bool // the provider did not answer
}

// Picker is GET /consent/pick.
func (f *Flow) Picker(c *gin.Context) error {
	p, ok, err := f.choosing(c, c.Query("flow"), c.Query("type"))
	if err != nil || !ok {
		return err
	}
	return f.showPicker(c, p, picking{ticked: ids(p.choices.Picked[p.kind], p), far: p.choices.Picked[p.kind].Everything})
}

// ids are the things that are picked before anything was ticked: what was chosen
// on this page earlier, else what the app has already.
func ids(chosen consent.Limit, p choosing) []string {
	var out []string
	for _, r := range chosen.Resources {
		out = append(out, r.ID)
	}
	if len(out) > 0 {
		return out
	}
	for _, row := range p.rows {
		for _, r := range row.Limit.Resources {
			if r.Type == p.kind && !slices.Contains(out, r.ID) {
				out = append(out, r.ID)
			}
		}
	}
	return out
}

// choosing opens the picker for the account that the plan uses.
func (f *Flow) choosing(c *gin.Context, flow, kind string) (choosing, bool, error) {
	v, ok, err := f.enter(c, flow)
	if err != nil || !ok {
		return choosing{}, false, err
	}
	p := choosing{visit: v, kind: consent.ResourceType(kind)}
	for _, r := range v.plan.Rows {
		if r.Connection.ID == "" || r.Reason == consent.AgreedBefore || r.Reason == consent.EndsSoon || !slices.Contains(r.Scope.Resources, p.kind) {
			continue
		}
		if p.connection.ID == "" {
			p.connection = r.Connection
		}
		if r.Connection.ID == p.connection.ID {
			p.rows = append(p.rows, r)
		}
	}
	if p.connection.ID == "" {
		return choosing{}, false, errNoPicker()
	}
	p.listing, err = f.list(c.Request.Context(), p.connection.ID, p.kind)
	switch class, theirs := provider.ClassOf(err); {
	case err == nil || !theirs:
	case class == catalog.ReauthRequired:
		return choosing{}, false, to(c, v.path()) // the page says what is missing now
	default:
		p.failed, err = true, nil
	}
	return p, err == nil, err
}

// picking is what the form of a picker holds.
type picking struct {
	search string
	page   int
	ticked []string
	far    bool // everything, also new ones
	sure   bool
	none   bool // use was pressed with nothing ticked
	second bool // the second look at everything
}

// Pick is POST /consent/pick.
func (f *Flow) Pick(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return unreadable(err)
	}
	form := c.Request.PostForm
	p, ok, err := f.choosing(c, form.Get("flow"), form.Get("type"))
	if err != nil || !ok {
		return err
	}
	check := func(session string) error {
		return f.Forms.Check(form.Get("csrf"), session, "pick", p.flow, string(p.kind))
	}
	if err := check(string(p.person.Session)); err != nil {
		return f.otherAccount(c, p.visit, err, check)
	}
	k := picking{search: form.Get("q"), ticked: form["pick"], far: form.Get("far") == "all" && p.all(), sure: form.Get("sure") == "yes"}
	if k.page, err = strconv.Atoi(form.Get("page")); err != nil || k.page < 0 {
		k.page = 0
	}
	switch form.Get("do") {
	case "back":
		return to(c, p.path())
	case "next":
		k.page++
	case "prev":
		k.page = max(0, k.page-1)
	case "search":
		k.page = 0
	case "use":
		return f.use(c, p, k)
	default:
		return fault.New(fault.Invalid, "This form has no such button. Nothing was changed. Go back and try again.")
	}
	return f.showPicker(c, p, k)
}

// all reports whether everything may be chosen: never where a row must be
// limited.
func (p choosing) all() bool {
	for _, r := range p.rows {
		if r.Scope.Narrowing != consent.NarrowingOptional {
			return false
		}
	}
	return true
}

// use keeps the choice and goes back to the page.
func (f *Flow) use(c *gin.Context, p choosing, k picking) error {
	limit := consent.Limit{Everything: k.far}
	if !k.far {
		limit.Resources = p.resources(k.ticked)
	}
	switch {
	case k.far && !k.sure:
		k.second = true
		return f.showPicker(c, p, k)
	case limit.Empty():
		k.none = true
		return f.showPicker(c, p, k)
	}
	picked := map[consent.ResourceType]consent.Limit{p.kind: limit}
	for t, l := range p.choices.Picked {
		if t != p.kind {
			picked[t] = l
		}
	}
	p.choices.Picked = picked
	if p.choices.Account == nil {
		p.choices.Account = map[consent.ProviderID]consent.ConnectionID{}
	}
	p.choices.Account[p.connection.Provider] = p.connection.ID
	return f.keepAndGo(c, p.visit, p.path()+"&outcome="+string(templates.NoticePicked)+"&count="+strconv.Itoa(len(limit.Resources)))
}

// resources turns ticked ids into resources with their names. An id that neither
// the provider listed nor was picked before is nothing a person could tick.
func (p choosing) resources(ticked []string) []consent.Resource {
	known := map[string]consent.Resource{}
	for _, r := range p.choices.Picked[p.kind].Resources {
		known[r.ID] = r
	}
	for _, row := range p.rows {
		for _, r := range row.Limit.Resources {
			known[r.ID] = r
		}
	}
	for _, it := range p.listing.items {
		known[it.ID] = it.Resource
	}
	var out []consent.Resource
	for _, id := range ticked {
		r, ok := known[id]
		if ok && r.Type == p.kind && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

func (f *Flow) showPicker(c *gin.Context, p choosing, k picking) error {
	res := f.Catalog.Providers[p.connection.Provider].Resources[p.kind]
	found := search(p.listing.items, k.search)
	from := min(k.page*shelf, max(0, (len(found)-1)/shelf*shelf))
	until := min(from+shelf, len(found))
	page := templates.Picker{
		Frame: f.frameOf(p.visit), Flow: p.flow, Type: string(p.kind), App: app(p.ask, 0), Word: res.Word, Words: res.Words,
		Provider: f.provider(p.connection.Provider), Account: p.connection.Login, Search: k.search, Page: strconv.Itoa(from / shelf),
		From: from + 1, To: until, Total: len(found), Prev: from > 0, Next: until < len(found),
		Incomplete: p.listing.incomplete, Failed: p.failed, Everything: p.all(), Far: k.far, Sure: k.second, NoneTicked: k.none,
	}
	page.CSRF = f.Forms.Token(string(p.person.Session), "pick", p.flow, string(p.kind))
	for _, r := range p.rows {
		page.For = append(page.For, r.Scope.Words)
	}
	here := map[string]bool{}
	for _, it := range found[from:until] {
		here[it.ID] = true
		page.Items = append(page.Items, templates.Item{
			ID: it.ID, Name: it.Name, Detail: it.Detail, Private: it.Private, Updated: it.Updated, Ticked: slices.Contains(k.ticked, it.ID),
		})
	}
	for _, r := range p.resources(k.ticked) {
		if !here[r.ID] {
			page.Kept = append(page.Kept, templates.Item{ID: r.ID, Name: r.Name})
		}
	}
	if p.failed {
		return f.Site.Render(c, http.StatusServiceUnavailable, page)
	}
	return f.Site.Render(c, http.StatusOK, page)
}

// search filters by name, here and not at the provider: a person's words are not
// sent anywhere.
func search(items []provider.Item, words string) []provider.Item {
	words = strings.ToLower(strings.TrimSpace(words))
	if words == "" {
		return items
	}
	var out []provider.Item
	for _, it := range items {
		if strings.Contains(strings.ToLower(it.Name), words) {
			out = append(out, it)
		}
	}
	return out
}

// pickerPath is the address of the picker of a resource type.
func pickerPath(flow, kind string) string {
	return "/consent/pick?flow=" + url.QueryEscape(flow) + "&type=" + url.QueryEscape(kind)
}
