package broker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// Going up costs the person's share of the provider's calls, so it ends: after so
// many steps from one thing, and after so many calls for one request, whatever its
// list holds. What was not reached by then is outside.
const (
	maxClimb = 25
	maxLooks = 40
)

// errLooks: a request needs more calls than it may make to find out what is inside.
var errLooks = errors.New("too many things to look at")

// thing is one thing in a provider's tree; the zero thing is the top.
type thing struct{ kind, id string }

// climber goes up in a provider's tree for one request. What it learns is not kept
// longer: a page that was moved out must not be read at its old place.
type climber struct {
	c      *call
	on     consent.ConnectionID
	within map[thing]thing
	looks  int
}

func (c *call) climber(on consent.ConnectionID) *climber {
	if c.climbs == nil || c.climbs.on != on {
		c.climbs = &climber{c: c, on: on, within: map[thing]thing{}}
	}
	return c.climbs
}

// find goes up from a thing to what was picked: the thing itself or the nearest one
// above it that limit allows the use. It is the zero Resource when there is none.
func (cl *climber) find(ctx context.Context, from thing, u use, limit consent.Limit) (consent.Resource, error) {
	most := maxClimb
	if u.steps != catalog.AnyDepth {
		most = u.steps
	}
	at := from
	for step := 0; ; step++ {
		for _, t := range cl.tree().Kinds[at.kind].Types {
			r := consent.Resource{Type: t, ID: at.id}
			if u.types[t] && limit.Allows(r) {
				return r, nil
			}
		}
		if step == most {
			return consent.Resource{}, nil
		}
		up, err := cl.above(ctx, at)
		if err != nil || up == (thing{}) {
			return consent.Resource{}, err
		}
		at = up
	}
}

func (cl *climber) tree() *catalog.Tree { return &cl.c.plan.provider.Tree }

// above returns what a thing is in, the zero thing at the top. A thing that the
// connection does not see is at the top too: nobody can tell it from one that is
// not there.
func (cl *climber) above(ctx context.Context, of thing) (thing, error) {
	if up, known := cl.within[of]; known {
		return up, nil
	}
	if cl.tree().Kinds[of.kind].Call.Path == "" {
		return thing{}, nil
	}
	if cl.looks == maxLooks {
		return thing{}, errLooks
	}
	cl.looks++
	d, class, err := cl.c.look(ctx, cl.on, cl.tree().Kinds[of.kind].Call, map[string]string{"id": of.id})
	if class == catalog.ResourceGone {
		cl.within[of] = thing{}
		return thing{}, nil
	}
	if err != nil {
		return thing{}, err
	}
	return cl.learn(of, d, 0)
}

// learn reads from what stands at node i of an answer what a thing is in.
func (cl *climber) learn(of thing, d *document, i int) (thing, error) {
	up := thing{}
	for _, ref := range cl.tree().Up {
		at, err := d.find(i, catalog.Keys(ref.At))
		if err != nil {
			return thing{}, fmt.Errorf("read what %s is in: %w", of.kind, err)
		}
		if at < 0 || d.kind(at) != '"' {
			continue
		}
		id, _ := d.scalar(at)
		if !cl.tree().Kinds[ref.Kind].Pattern.MatchString(id) {
			return thing{}, fmt.Errorf("read what %s is in: %w", of.kind, errShape)
		}
		up = thing{ref.Kind, id}
		break
	}
	cl.within[of] = up
	return up, nil
}

// namesNone reports whether the request names nothing and may do so when everything
// is allowed.
func (c *call) namesNone() bool {
	for _, ref := range c.op.Named {
		if _, there := catalog.Lookup(map[string]any(c.values), ref.At); there {
			return false
		}
	}
	return c.op.All
}

// everything is the answer to a request that names nothing.
func (c *call) everything(v consent.Verdict) (consent.Verdict, consent.Resource, error) {
	resource := consent.Resource{Type: c.now.resource.Type}
	if v.Limit.Everything {
		return v, resource, nil
	}
	v.Denial = consent.OutsideLimit
	r := c.denied(v)
	r.Status, r.Code = http.StatusForbidden, CodePolicy
	r.Message = fmt.Sprintf("The person picked single %s for this app, and this call names none of them.", c.now.resource.Words)
	r.Outside = &consent.Resource{Type: resource.Type, ID: consent.All}
	return v, resource, r
}

// named returns the thing in the tree that the request names.
func (c *call) named() (thing, error) {
	var found []thing
	for _, ref := range c.op.Named {
		value, _ := catalog.Lookup(map[string]any(c.values), ref.At)
		if id, is := value.(string); is {
			for _, p := range c.op.Params {
				if ref.At == "/"+p.Name {
					id = p.Names(id)
				}
			}
			found = append(found, thing{ref.Kind, id})
		}
	}
	if len(found) != 1 {
		return thing{}, invalid("The request must name one thing that it is about, and %d are named.", len(found))
	}
	return found[0], nil
}

// pickable is the id of what the request names when the person could pick it as what
// the use is about, else "".
func (c *call) pickable() string {
	from, err := c.named()
	if err != nil || !slices.Contains(c.plan.provider.Tree.Kinds[from.kind].Types, c.now.resource.Type) {
		return ""
	}
	return from.id
}

// climb is find for operations in a tree.
func (c *call) climb(ctx context.Context, verdict consent.Verdict) (consent.Resource, error) {
	from, err := c.named()
	if err != nil {
		return consent.Resource{}, err
	}
	c.target = from.id
	none := consent.Resource{Type: c.now.resource.Type}
	if !c.plan.provider.Tree.Kinds[from.kind].Pattern.MatchString(from.id) {
		return none, nil
	}
	if verdict.Limit.Everything {
		return consent.Resource{Type: c.now.resource.Type, ID: from.id}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.b.cfg.Timeout)
	defer cancel()
	found, err := c.climber(verdict.Connection.ID).find(ctx, from, c.now, verdict.Limit)
	if errors.Is(err, errLooks) || (err == nil && found.ID == "") {
		return none, nil
	}
	return found, err
}

// inside returns the test of a list's items: whether item i is inside the limit of
// a use that the call is permitted for.
func (c *call) inside(ctx context.Context, d *document) func(item int) (bool, error) {
	return func(item int) (bool, error) {
		if c.plan.keyed {
			return c.permitted[0].limit.Allows(consent.Resource{Type: c.op.Resource, ID: d.key(item)}), nil
		}
		if c.op.Filter.Kind == "" {
			return c.agreed(d, item, c.plan.itemID, c.plan.anyID)
		}
		at, err := d.find(item, c.plan.itemID)
		if err != nil || at < 0 {
			return false, err
		}
		id, ok := d.scalar(at)
		if !ok {
			return false, nil
		}
		return c.insideTree(ctx, d, item, id)
	}
}

// agreed reports whether the id at keys below node i is inside the limit, or any of
// the list of ids there.
func (c *call) agreed(d *document, i int, keys []string, any bool) (bool, error) {
	at, err := d.find(i, keys)
	if err != nil || at < 0 {
		return false, err
	}
	in := func(node int) bool {
		id, ok := d.scalar(node)
		return ok && c.permitted[0].limit.Allows(consent.Resource{Type: c.op.Resource, ID: id})
	}
	if !any {
		return in(at), nil
	}
	found := false
	if d.kind(at) == '[' {
		d.children(at, func(one int) { found = found || in(one) })
	}
	return found, nil
}

func (c *call) insideTree(ctx context.Context, d *document, item int, id string) (bool, error) {
	said := ""
	if c.plan.itemKind != nil {
		at, err := d.find(item, c.plan.itemKind)
		if err != nil {
			return false, err
		}
		if at >= 0 {
			said, _ = d.scalar(at)
		}
	}
	kind, known := c.plan.provider.Tree.KindOf(c.op.Filter, said)
	if !known || !c.plan.provider.Tree.Kinds[kind].Pattern.MatchString(id) {
		return false, nil
	}
	climbs := c.climber(c.permitted[0].on)
	// The item says itself what it is in.
	if _, err := climbs.learn(thing{kind, id}, d, item); err != nil {
		return false, err
	}
	for _, p := range c.permitted {
		if p.limit.Everything {
			return true, nil
		}
		found, err := climbs.find(ctx, thing{kind, id}, p.use, p.limit)
		if errors.Is(err, errLooks) {
			c.short = true
			return false, nil
		}
		if err != nil || found.ID != "" {
			return found.ID != "", err
		}
	}
	return false, nil
}

// further adds to the permitted uses of a list those that are permitted beside the
// first, on the same connection.
func (c *call) further(ctx context.Context, first use, verdict consent.Verdict, others []use) {
	c.permitted = []permitted{{first, verdict.Connection.ID, verdict.Limit}}
	if c.op.Rule != catalog.FromAnswer {
		return
	}
	for _, u := range others {
		if v, _, err := c.try(ctx, u); err == nil && v.Connection.ID == verdict.Connection.ID {
			c.permitted = append(c.permitted, permitted{u, v.Connection.ID, v.Limit})
		}
	}
	c.use(first)
}

// permitted is one use that the call is permitted for, with its limit.
type permitted struct {
	use
	on    consent.ConnectionID
	limit consent.Limit
}
