package broker

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// Names are remembered for a minute: a rename is seen that late, and only by
// those who still use the old name. Absent names are remembered as long as
// present ones, so that how fast an answer comes does not tell which it was.
const (
	maxNames = 50_000
	nameLife = time.Minute
)

// named is one name at one connection.
type named struct {
	connection consent.ConnectionID
	resource   consent.ResourceType
	name       string
}

// find returns the resource a request names: type, stable id and the name used.
// An empty id means that there is none.
func (c *call) find(ctx context.Context, on consent.ConnectionID) (consent.Resource, error) {
	op, r := c.op, c.now.resource
	out := consent.Resource{Type: r.Type}
	if op.Names[0] == r.Variable {
		out.ID = c.values.text(r.Variable)
		if r.IsAlias(out.ID) {
			var err error
			out.Name = r.Alias.Name
			out.ID, err = c.known(ctx, on, r, out.Name, r.Alias.Call, r.Alias.ID, nil)
			return out, err
		}
		if !r.Pattern.MatchString(out.ID) {
			out.ID = ""
		}
		return out, nil
	}
	parts := make([]string, 0, len(op.Names))
	filled := make(map[string]string, len(op.Names))
	for _, name := range op.Names {
		filled[name] = c.values.text(name)
		parts = append(parts, filled[name])
	}
	out.Name = strings.Join(parts, "/")
	var err error
	out.ID, err = c.known(ctx, on, r, out.Name, r.Resolve.Call, r.Resolve.ID, filled)
	return out, err
}

// known returns the id behind a name, "" when there is none: from memory, else from
// the provider, with call, in whose answer it stands at the pointer.
func (c *call) known(ctx context.Context, on consent.ConnectionID, r catalog.Resource, name string, call catalog.Call, pointer string, filled map[string]string) (string, error) {
	// GitHub's names ignore case. No part holds a slash, so the key is unambiguous.
	key := named{on, r.Type, strings.ToLower(name)}
	if id, ok := c.b.resolved.GetIfPresent(key); ok {
		return id, nil
	}
	id, err := c.ask(ctx, on, r, call, pointer, filled)
	if err == nil {
		c.b.resolved.Set(key, id)
	}
	return id, err
}

// ask asks the provider for the id behind a name; "" when there is none.
func (c *call) ask(ctx context.Context, on consent.ConnectionID, r catalog.Resource, call catalog.Call, pointer string, filled map[string]string) (string, error) {
	d, class, err := c.look(ctx, on, call, filled)
	if class == catalog.ResourceGone {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	i, err := d.find(0, catalog.Keys(pointer))
	if err != nil || i < 0 {
		return "", fmt.Errorf("resolve %s: %w", r.Type, errShape)
	}
	id, ok := d.scalar(i)
	if !ok || !r.Pattern.MatchString(id) {
		return "", fmt.Errorf("resolve %s: %w", r.Type, errShape)
	}
	return id, nil
}

// look makes a reading call of our own and returns its answer, never shown to the
// app. A refusal comes with its class.
func (c *call) look(ctx context.Context, on consent.ConnectionID, call catalog.Call, filled map[string]string) (*document, catalog.ErrorClass, error) {
	out := outgoing{method: http.MethodGet, path: catalog.Expand(call.Path, filled), query: url.Values{}}
	for name, template := range call.Query {
		if slot, isSlot := slotOf(template); isSlot {
			template = filled[slot]
		}
		out.query.Set(name, template)
	}
	got, err := c.send(ctx, on, out, c.op.Max, false)
	if err != nil {
		return nil, "", err
	}
	if got.class != "" && got.class != catalog.Incomplete {
		return nil, got.class, refused(got.class, got.wait, c.now.scope, false)
	}
	d, err := parse(got.body)
	if err != nil {
		return nil, "", fmt.Errorf("read %s answer: %w", c.req.Provider, err)
	}
	return d, "", nil
}

// before makes the read that the call depends on, if there is one.
func (c *call) before(ctx context.Context, on consent.ConnectionID, resource string) error {
	rule := c.op.Before
	if rule == nil {
		return nil
	}
	filled := map[string]string{}
	for _, p := range c.op.Params {
		filled[p.Name] = c.values.text(p.Name)
	}
	filled["resource"] = resource // the checked one, whatever a value is called
	d, _, err := c.look(ctx, on, rule.Call, filled)
	if err != nil {
		return err
	}
	fits, err := c.fits(rule, d)
	switch {
	case err != nil:
		return fmt.Errorf("look before %s: %w", c.op.ID, err)
	case fits:
		return nil
	case rule.Else == "":
		return unavailable()
	}
	return &Refusal{Status: http.StatusForbidden, Code: CodePolicy, Message: rule.Else}
}

// fits reports whether what was found lets the call be made.
func (c *call) fits(rule *catalog.Before, d *document) (bool, error) {
	switch {
	case rule.Inside != "" && d.like(0, c.op.Unlike):
		return false, nil
	case rule.Inside != "":
		keys, any := ids(rule.Inside)
		return c.agreed(d, 0, keys, any)
	case rule.Some && d.kind(0) != '[':
		return false, errShape
	case rule.Some:
		return d.count(0) > 0, nil
	case rule.Absent != "":
		has, err := d.has(0, catalog.Keys(rule.Absent))
		return !has, err
	}
	i, err := d.find(0, catalog.Keys(rule.Pointer))
	if err != nil || i < 0 {
		return false, errShape
	}
	text, ok := d.scalar(i)
	if !ok {
		return false, errShape
	}
	return text != c.values.text(rule.DiffersFrom), nil
}
