package catalog

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
)

func (c *Catalog) proveOperation(p *Provider, o Operation, at *problems) {
	s, ok := c.Scopes[o.Scope]
	switch {
	case !ok:
		at.add("scope %q is not defined", o.Scope)
	case s.Provider != p.ID:
		at.add("scope %q belongs to another provider", o.Scope)
	case s.Access != o.Access:
		at.add("access is %s, but that of its scope is %s", o.Access, s.Access)
	}
	if o.Words == "" {
		at.add("says is missing: what an audit line calls it")
	}
	if len(o.Methods) == 0 || !strings.HasPrefix(o.Path, "/") {
		at.add("needs methods and a path that starts with /")
	}
	if o.Access == consent.Read && (o.Upstream.Method != "GET" && o.Upstream.Method != "POST") {
		at.add("reads, but calls with %s", o.Upstream.Method)
	}
	if o.Access != consent.Read && o.Preview == "" {
		at.add("changes something, so it needs the preview a person reads before")
	}
	p.proveRule(s, o, at)
	for _, u := range o.Also {
		c.proveAlso(p, o, u, at.in("also "+string(u.Scope)))
	}
	p.proveValues(o, at)
	o.proveFilter(at)
	p.proveWhen(o, at)
	p.proveOwn(o, at)
	p.proveDeny(o, at)
	proveCall(o.Upstream, at.in("call"))
	if !strings.HasPrefix(o.Upstream.Path, "/") {
		at.add("call must stay at the provider's API")
	}
}

// proveAlso: a further scope is bounded as the first one is, by a resource that the
// same value of the request names.
func (c *Catalog) proveAlso(p *Provider, o Operation, u Use, at *problems) {
	s, ok := c.Scopes[u.Scope]
	switch r := p.Resources[u.Resource]; {
	case !ok || s.Provider != p.ID:
		at.add("is not a scope of this provider")
	case s.Access != o.Access:
		at.add("access is %s, but that of its scope is %s", o.Access, s.Access)
	case s.Narrowing == consent.NarrowingNone || !slices.Contains(s.Resources, u.Resource):
		at.add("resource %q is not one its scope is limited to", u.Resource)
	case o.Rule != NoResource && o.inTree() && p.Tree.pickable(u.Resource):
	case u.Steps != AnyDepth:
		at.add("steps are counted in a tree only")
	case o.Rule != FromRequest || !slices.Equal(o.Names, []string{r.Variable}):
		at.add("the request must name %q as it names the operation's own resource, by its id", u.Resource)
	}
}

// proveRule: a scope that is limited to resources has only operations that look
// at the resource, before the call or after it.
func (p *Provider) proveRule(s consent.Scope, o Operation, at *problems) {
	narrowed := s.Narrowing == consent.NarrowingRequired || s.Narrowing == consent.NarrowingOptional
	if narrowed && o.Rule == NoResource {
		at.add("its scope is limited to resources, so it needs a resource rule")
	}
	if o.Rule != NoResource && !slices.Contains(s.Resources, o.Resource) {
		at.add("resource %q is not one its scope is limited to", o.Resource)
	}
	switch o.Rule {
	case FromRequest:
		if len(o.Named) > 0 || o.All {
			p.proveNamed(s, o, at)
			break
		}
		if len(o.Names) == 0 {
			at.add("nothing in the request %q names the resource", o.Path)
		}
		if !strings.Contains(fmt.Sprint(o.Upstream), "{resource}") && !o.answersFor() {
			at.add("the checked resource is not in the call")
		}
	case FromAnswer:
		if o.Before != nil && o.Before.Inside != "" {
			if len(o.Pick) == 0 || o.Filter != nil {
				at.add("what is looked at before bounds the answer, so pick must say which fields leave, and there is nothing to filter")
			}
			break
		}
		if o.Filter == nil || (o.Filter.ID != "") == o.Filter.Keyed {
			at.add("a list needs a filter that says where an item's id is")
			break
		}
		if kind := o.Filter.Kind; kind != "" && !strings.HasPrefix(kind, "/") {
			p.proveRefs([]Ref{{At: "/", Kind: kind}}, at)
		}
		if len(o.Pick) > 0 {
			at.add("a list is filtered by item; pick is for single answers")
		}
	case NoResource:
		if len(o.Pick) == 0 {
			at.add("no resource bounds the answer, so pick must say which fields leave")
		}
	default:
		at.add("resource rule %q is not request, response or none", o.Rule)
	}
	if o.inTree() && !p.Tree.pickable(o.Resource) {
		at.add("resource %q is no kind of thing in the tree", o.Resource)
	}
}

// answersFor reports whether the answer says by its id which resource it is about.
// A provider that is called by names alone may have given a name to another one
// since it was looked up; of what is read, that is found out before it leaves.
func (o Operation) answersFor() bool {
	return o.Access == consent.Read && (o.Confirm != "" || o.Filter != nil && o.Filter.ID != "")
}

// inTree reports whether the operation is about things of the provider's tree.
func (o Operation) inTree() bool {
	return len(o.Named) > 0 || o.Filter != nil && o.Filter.Kind != ""
}

// proveFilter: what is said of items is said where items are checked.
func (o Operation) proveFilter(at *problems) {
	checked := o.Filter != nil && o.Filter.ID != ""
	looked := o.Before != nil && o.Before.Inside != ""
	if looked && o.Rule != FromAnswer {
		at.add("what is looked at before says whose it is only when neither the request nor the answer does")
	}
	if o.Unlike != nil && !checked && !looked {
		at.add("unlike holds back items that are checked one by one")
	}
	if o.Filter == nil {
		return
	}
	switch {
	case (o.Filter.One || o.Filter.Some) && !checked:
		at.add("one and some are about items that are checked one by one")
	case o.Filter.One && (o.Filter.Some || o.Filter.Cursor != "" || o.Access != consent.Read):
		at.add("one is a single thing that is read: no list, no pages")
	}
	for _, part := range o.Filter.Parts {
		if len(o.Filter.Keep) == 0 || len(part.Keep) == 0 {
			at.add("a part of an item needs keep, and so does the item")
		}
	}
}

// proveDeny: no path an operation can be asked under or calls may match the list.
func (p *Provider) proveDeny(o Operation, at *problems) {
	for _, d := range p.Deny {
		for _, method := range o.Methods {
			if d.overlaps(method, o.Path) {
				at.add("%s %s is on the deny list: %s %s", method, o.Path, d.Method, d.Path)
			}
		}
		if d.overlaps(o.Upstream.Method, o.Upstream.Path) {
			at.add("it calls %s %s, which is on the deny list: %s %s", o.Upstream.Method, o.Upstream.Path, d.Method, d.Path)
		}
	}
	if o.Before != nil {
		p.proveAllowed(o.Before.Call, at)
	}
}

// proveAllowed: nothing on the deny list is looked at either.
func (p *Provider) proveAllowed(c Call, at *problems) {
	for _, d := range p.Deny {
		if d.overlaps(c.Method, c.Path) {
			at.add("it looks at %s, which is on the deny list: %s %s", c.Path, d.Method, d.Path)
		}
	}
}

func (d Pattern) overlaps(method, template string) bool {
	return (d.Method == "*" || d.Method == method) &&
		overlap(strings.Split(d.Path, "/")[1:], strings.Split(template, "/")[1:])
}

// overlap reports whether some path matches both the pattern and the template.
func overlap(pattern, template []string) bool {
	if len(pattern) == 0 {
		return len(template) == 0
	}
	if pattern[0] == "**" {
		if overlap(pattern[1:], template) {
			return true
		}
		return len(template) > 0 && overlap(pattern, template[1:])
	}
	if len(template) == 0 {
		return false
	}
	name, isVariable := variable(template[0])
	if isVariable && strings.HasSuffix(name, "...") {
		// The rest takes one segment here and any number after it.
		return overlap(pattern[1:], nil) || overlap(pattern[1:], template)
	}
	if !isVariable {
		if ok, err := path.Match(pattern[0], template[0]); err != nil || !ok {
			return false
		}
	}
	return overlap(pattern[1:], template[1:])
}

// proveDistinct: a method and path means one operation.
func (p *Provider) proveDistinct(at *problems) {
	owner := map[string]string{}
	for _, o := range p.Operations {
		segments := strings.Split(o.Path, "/")
		for i, s := range segments {
			if name, ok := variable(s); ok {
				segments[i] = "{}"
				if strings.HasSuffix(name, "...") {
					segments[i] = "{...}"
				}
			}
		}
		for _, method := range o.Methods {
			key := method + " " + strings.Join(segments, "/") + o.When
			if other, taken := owner[key]; taken {
				at.add("operations %s and %s share %s", other, o.ID, key)
			}
			owner[key] = o.ID
		}
	}
}

// proveServed: a scope without an operation promises what nothing does.
func (c *Catalog) proveServed(p *Provider, at *problems) {
	served := map[consent.ScopeName]bool{}
	for _, o := range p.Operations {
		for _, u := range o.Uses() {
			served[u.Scope] = true
		}
	}
	for name, s := range c.Scopes {
		if s.Provider == p.ID && !served[name] {
			at.add("scope %q has no operation", name)
		}
	}
}

// provePointers: what is written as a JSON pointer is one.
func (p *Provider) provePointers(at *problems) {
	pointers := []string{p.OK, p.Fault, p.Identity.Realm, p.Identity.Subject, p.Identity.Login, p.Identity.Name, p.Identity.Picture}
	for _, v := range p.Variants {
		pointers = append(pointers, v.OK)
		pointers = append(pointers, v.Error...)
		for _, r := range []Reply{v.Reply, v.OfRefresh()} {
			pointers = slices.Concat(pointers, r.Access, r.Refresh, r.ExpiresIn, r.Scope, r.Subject)
		}
	}
	for _, k := range p.Pickers {
		pointers = append(pointers, k.Items, k.Cursor, k.Without, k.ID, k.Label, k.Detail, k.Private, k.Updated)
		if k.Names != nil {
			pointers = append(pointers, k.Names.Items, k.Names.Cursor, k.Names.ID, k.Names.Label)
		}
	}
	for _, r := range p.Resources {
		if r.Resolve != nil {
			pointers = append(pointers, r.Resolve.ID)
		}
		if r.Alias != nil {
			pointers = append(pointers, r.Alias.ID)
		}
	}
	for _, o := range p.Operations {
		pointers = append(pointers, o.Confirm, o.Without)
		for _, r := range []*Ref{o.Posts, o.Own} {
			if r != nil {
				pointers = append(pointers, r.At)
			}
		}
		if o.Before != nil {
			pointers = append(pointers, o.Before.Pointer, o.Before.Absent, o.Before.Inside)
		}
		if o.Filter != nil {
			pointers = append(append(pointers, o.Filter.Items, o.Filter.ID, o.Filter.Cursor), o.Filter.Hide...)
			for _, part := range o.Filter.Parts {
				pointers = append(pointers, part.At, part.By)
			}
		}
	}
	for _, text := range pointers {
		if text != "" && !strings.HasPrefix(text, "/") {
			at.add("%q is not a JSON pointer", text)
		}
	}
}
