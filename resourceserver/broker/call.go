package broker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// call is one call on its way through the pipeline.
type call struct {
	b      *Broker
	req    Request
	began  time.Time
	op     *catalog.Operation
	plan   *plan
	vars   map[string]string
	values values
	event  Event
	// now is the use that the call is decided under, nearest the one of several that
	// came nearest to a yes.
	now, nearest use
	// target is the checked id of what the call is about: the resource, or in a tree
	// the thing inside it. "" when the request names nothing.
	target string
	// permitted are the uses that the call is permitted for; a list shows what is
	// inside the limit of one of them.
	permitted []permitted
	climbs    *climber
	// short is true when a list may lack items that are inside the limit.
	short bool
	// replayed is true when the call was answered by what is known of its key.
	replayed bool
	// faulted is true when the answer is the provider's own refusal, passed on.
	faulted bool

	grant       consent.Grant
	connections []consent.Connection
}

// serve is the pipeline: match, decode, authorise, find, authorise again with the
// resource, look whether the app made it, count, call, narrow.
func (c *call) serve(ctx context.Context) (Answer, error) {
	if err := c.match(); err != nil {
		return Answer{}, err
	}
	verdict, err := c.authorise(ctx)
	if err != nil {
		return Answer{}, err
	}
	if err := c.own(ctx, verdict.Connection.ID); err != nil {
		return Answer{}, err
	}
	page, err := c.page(c.target)
	if err != nil {
		return Answer{}, err
	}
	out, err := c.build(c.target, page)
	if err != nil {
		return Answer{}, err
	}
	return c.once(ctx, func(ctx context.Context) (Answer, error) { return c.make(ctx, verdict, out) })
}

// make counts the call, and makes it.
func (c *call) make(ctx context.Context, verdict consent.Verdict, out outgoing) (Answer, error) {
	if err := c.spend(ctx, verdict.Budgets); err != nil {
		return Answer{}, err
	}
	if err := c.before(ctx, verdict.Connection.ID, c.target); err != nil {
		return Answer{}, err
	}
	write := c.writes()
	if write {
		if err := c.start(ctx); err != nil {
			return Answer{}, err
		}
	} else if c.tagged() {
		// A list's tag would tell about items that were taken out.
		out.etag = etag(c.req.Header.Get("If-None-Match"))
	}
	out.file = c.op.Content
	got, err := c.send(ctx, verdict.Connection.ID, out, c.op.Max, write)
	if err != nil {
		return Answer{}, err
	}
	return c.finish(ctx, got, write)
}

// writes reports whether the call can change something.
func (c *call) writes() bool { return c.op != nil && c.op.Access != consent.Read }

// match finds the operation and reads what the app sent for it.
func (c *call) match() error {
	m, err := c.b.cfg.Catalog.Match(c.req.Provider, c.req.Method, c.req.RawPath)
	switch {
	case errors.Is(err, catalog.ErrPath):
		return invalid("The path cannot be read in one way only.")
	case err != nil:
		return &Refusal{Status: http.StatusNotFound, Code: CodeUnknown, Message: "Deputy does not offer this call."}
	}
	c.op, c.vars = instead(m.Operation, c.req), m.Vars
	c.plan = c.b.plans[c.op]
	c.event.Operation, c.event.Scope, c.event.Access, c.event.Words = c.op.ID, c.op.Scope, c.op.Access, c.op.Words
	if !c.op.Content && !accepts(c.plan.provider, c.req.Header) {
		return &Refusal{Status: http.StatusNotAcceptable, Code: "not_acceptable", Message: "Deputy answers in plain JSON only."}
	}
	c.values, err = read(c.op, m.Vars, c.req)
	if err != nil {
		return invalid("Something in the request is wrong: %v.", err)
	}
	return nil
}

// authorise decides from live state, first whether the app may do this at all,
// then, knowing the resource, whether it may do it there. Of several scopes the
// first that lets the call through counts.
func (c *call) authorise(ctx context.Context) (consent.Verdict, error) {
	var err error
	c.grant, c.connections, err = c.b.cfg.Authority.Live(ctx, c.req.Bearer.Grant)
	if err != nil {
		return consent.Verdict{}, fmt.Errorf("load authority of grant %s: %w", c.req.Bearer.Grant, err)
	}
	var verdict consent.Verdict
	var resource consent.Resource
	uses := c.possible()
	for i, u := range uses {
		v, r, tried := c.try(ctx, u)
		if tried == nil {
			c.further(ctx, u, v, uses[i+1:])
			return v, nil
		}
		if !refusesOnly(tried) {
			return v, tried
		}
		// The first says why not; a later one counts when it comes nearer: the app may
		// do it, only not there.
		if i == 0 || (v.Denial == consent.OutsideLimit && verdict.Denial != consent.OutsideLimit) {
			verdict, resource, err = v, r, tried
			c.nearest = u
		}
	}
	c.use(c.nearest)
	c.event.Resource, c.event.Connection = resource, verdict.Connection.ID
	return verdict, err
}

// possible lists the uses that the request can be about: when it names a resource
// by its id, those whose ids look like that; else all.
func (c *call) possible() []use {
	if c.op.Rule != catalog.FromRequest || len(c.plan.uses) == 1 || len(c.op.Named) > 0 || c.op.All {
		return c.plan.uses
	}
	var out []use
	for _, u := range c.plan.uses {
		if u.resource.Pattern.MatchString(c.values.text(u.resource.Variable)) {
			out = append(out, u)
		}
	}
	if len(out) == 0 {
		return c.plan.uses[:1]
	}
	return out
}

// use makes u the one that the call is made under.
func (c *call) use(u use) { c.now, c.event.Scope = u, u.scope }

// try decides for one use. A refusal is nothing but that, see refusesOnly.
func (c *call) try(ctx context.Context, u use) (consent.Verdict, consent.Resource, error) {
	c.use(u)
	verdict := c.permit(consent.Resource{})
	if verdict.Denial != consent.Permitted {
		return verdict, consent.Resource{}, c.denied(verdict)
	}
	if c.op.Rule != catalog.FromRequest {
		return verdict, consent.Resource{}, nil
	}
	if c.namesNone() {
		return c.everything(verdict)
	}
	resource, err := c.locate(ctx, verdict)
	c.event.Resource = resource
	if err != nil {
		return verdict, resource, err
	}
	limit := verdict.Limit
	if resource.ID == "" {
		verdict.Denial = consent.OutsideLimit
		return verdict, resource, c.outside(unavailable(), limit)
	}
	verdict = c.permit(resource)
	switch verdict.Denial {
	case consent.Permitted:
		return verdict, resource, nil
	case consent.OutsideLimit:
		return verdict, resource, c.outside(c.denied(verdict), limit)
	}
	return verdict, resource, c.denied(verdict)
}

// locate finds the resource the request is about.
func (c *call) locate(ctx context.Context, verdict consent.Verdict) (consent.Resource, error) {
	if len(c.op.Named) > 0 {
		return c.climb(ctx, verdict)
	}
	resource, err := c.find(ctx, verdict.Connection.ID)
	c.target = resource.ID
	return resource, err
}

// refusesOnly reports whether err is our own no, and not a failure on the way to it.
func refusesOnly(err error) bool {
	r, only := err.(*Refusal) // a joined one is more than a no
	return only && r.Class == ""
}

// denied is the refusal of a verdict, under the scope of the use.
func (c *call) denied(v consent.Verdict) *Refusal {
	r := denied(v)
	r.Scope = c.now.scope
	return r
}

// outside says in r what could be agreed so that the call goes through. It looks
// at the call and at the limit, never at what was found: what is outside the limit
// and what does not exist stay the same.
func (c *call) outside(r *Refusal, limit consent.Limit) *Refusal {
	r.Scope = c.now.scope
	if limit.Everything {
		return r // it is not there; nothing is left to agree to
	}
	r.Outside = &consent.Resource{Type: c.now.resource.Type}
	switch variable := c.now.resource.Variable; {
	case len(c.op.Named) > 0:
		r.Outside.ID = c.pickable()
	case c.op.Names[0] == variable && !c.now.resource.IsAlias(c.values.text(variable)):
		r.Outside.ID = c.values.text(variable)
	}
	return r
}

func (c *call) permit(resource consent.Resource) consent.Verdict {
	v := consent.Permit(c.b.cfg.Catalog.Scopes, consent.Call{
		Scope: c.now.scope, Access: c.op.Access, Provider: c.req.Provider, Resource: resource,
	}, c.req.Bearer, c.grant, c.connections, c.began)
	c.event.Connection = v.Connection.ID
	return v
}

// spend counts the call: against what the operator allows, and against what the
// person allowed so many of in a time. It comes last: what is refused for another
// reason uses up nothing. What the person looks on at is not counted the second time.
func (c *call) spend(ctx context.Context, budgets []consent.Budget) error {
	short, err := c.b.cfg.Meter.Count(ctx, c.req.Bearer.Grant, c.writes())
	if err == nil && short.Denial == consent.Permitted && len(budgets) > 0 {
		short, err = c.b.cfg.Budgets.Spend(ctx, c.req.Bearer.Grant, budgets)
	}
	switch {
	case err != nil:
		return fmt.Errorf("count the call: %w", err)
	case short.Denial != consent.Permitted:
		return spent(short)
	}
	return nil
}

// tagged reports whether the provider's entity tag speaks of nothing but what
// leaves.
func (c *call) tagged() bool {
	return c.op.Rule == catalog.FromRequest && c.op.Without == "" && !c.writes()
}

// finish turns the provider's answer into ours.
func (c *call) finish(ctx context.Context, got incoming, write bool) (Answer, error) {
	switch got.class {
	case "", catalog.Incomplete:
	case catalog.CallerFault:
		return c.fault(got)
	default:
		if write && got.status == http.StatusSeeOther {
			return Answer{}, unknownOutcome() // it may be done: what says so is elsewhere
		}
		return Answer{}, refused(got.class, got.wait, c.now.scope, write)
	}
	answer := Answer{Status: got.status, Header: http.Header{}}
	if tag := etag(got.header.Get("ETag")); tag != "" && c.tagged() {
		answer.Header.Set("ETag", tag)
	}
	if got.file != nil {
		got.file.headers(got.header, answer.Header)
		answer.Content = got.file
		return answer, nil
	}
	if len(got.body) == 0 {
		return answer, nil
	}
	err := c.content(ctx, got, &answer)
	if got.class == catalog.Incomplete || c.short {
		answer.Header.Set("Deputy-Incomplete", "true")
	}
	if err != nil {
		if errors.Is(err, errNotThere) && !write {
			return Answer{}, errors.Join(unavailable(), err)
		}
		if write {
			// It was done; only its answer cannot be shown.
			return Answer{}, errors.Join(unknownOutcome(), err)
		}
		return Answer{}, errors.Join(refused(catalog.ProviderDown, 0, c.now.scope, false), err)
	}
	return answer, nil
}

// content reads, narrows, scrubs and writes the body.
func (c *call) content(ctx context.Context, got incoming, answer *Answer) error {
	if !isJSON(got.header) {
		return errNotJSON
	}
	d, err := parse(got.body)
	if err != nil {
		return err
	}
	c.event.Items, err = c.plan.narrow(d, c.op, c.inside(ctx, d), c.target)
	if err != nil {
		return err
	}
	if err := c.made(d); err != nil {
		return err
	}
	if !c.permitted[0].limit.Everything {
		d.dropRoot(c.plan.whole)
	}
	if err := c.cursor(d, c.target); err != nil {
		return err
	}
	link, err := c.link(got.header, c.target)
	if err != nil {
		return err
	}
	if link != "" {
		answer.Header.Set("Link", link)
	}
	answer.Header.Set("Content-Type", "application/json; charset=utf-8")
	answer.Body = d.write(c.plan.patterns)
	return nil
}

// fault passes on what the provider says about the content it was sent: only the
// fields listed for it, scrubbed. Anything else it says is not passed on at all.
func (c *call) fault(got incoming) (Answer, error) {
	c.faulted = true
	answer := Answer{Status: got.status, Header: http.Header{}}
	d, err := parse(got.body)
	if err != nil || !isJSON(got.header) || d.kind(0) != '{' {
		return Answer{}, &Refusal{
			Class: catalog.CallerFault, Status: http.StatusUnprocessableEntity, Code: "refused_by_provider",
			Message: "The service refuses the content of this call.",
		}
	}
	d.dropFields(c.plan.fields)
	d.keepRoot(c.plan.faults)
	answer.Header.Set("Content-Type", "application/json; charset=utf-8")
	answer.Body = d.write(c.plan.patterns)
	return answer, nil
}

// maxTag is the longest entity tag that is passed on, in bytes.
const maxTag = 200

// etag returns text when it is one entity tag as RFC 9110 section 8.8.3 writes it,
// else "".
func etag(text string) string {
	inner, weak := strings.CutPrefix(text, "W/")
	if len(text) > maxTag || len(inner) < 2 || inner[0] != '"' || inner[len(inner)-1] != '"' {
		return ""
	}
	for _, b := range []byte(inner[1 : len(inner)-1]) {
		if b < 0x21 || b == '"' || b >= 0x7f {
			return ""
		}
	}
	if weak {
		return "W/" + inner
	}
	return inner
}
