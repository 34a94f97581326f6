package broker

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// plan is an operation made ready: pointers split, names looked up.
type plan struct {
	provider *catalog.Provider
	uses     []use // the operation's own first
	confirm  []string
	items    []string
	keep     map[string]bool // the only members of an item that leave; nil for all
	parts    []itemPart
	itemID   []string
	anyID    bool     // at itemID is a list of ids
	keyed    bool     // the items are members of an object
	itemKind []string // nil when the filter names the kind itself
	cursor   []string
	whole    []string // members of the root that leave only when nothing is filtered
	hide     [][]string
	without  []string
	root     map[string]bool // the only members of the answer that leave; nil for all
	fields   map[string]bool // dropped wherever they stand
	types    map[string]bool // objects of these types are dropped wherever they stand
	patterns []*regexp.Regexp
	faults   map[string]bool // the only members of an error answer that leave
}

// compile makes every operation ready.
func compile(c *catalog.Catalog) map[*catalog.Operation]*plan {
	plans := map[*catalog.Operation]*plan{}
	for _, p := range c.Providers {
		fields, types, faults := set(p.Scrub.Fields), set(p.Scrub.Types), set(p.FaultFields)
		for i := range p.Operations {
			op := &p.Operations[i]
			one := &plan{
				provider: p, uses: usesOf(c, p, op), confirm: catalog.Keys(op.Confirm),
				without: catalog.Keys(op.Without), fields: scrubbed(fields, op), types: types, faults: faults, patterns: p.Scrub.Patterns,
			}
			one.shape(op)
			plans[op] = one
		}
	}
	return plans
}

// scrubbed are the fields that are dropped wherever they stand. What an operation
// is about is none of them, when it says which members of it leave: a message's files
// are dropped, a list of files is not.
func scrubbed(fields map[string]bool, op *catalog.Operation) map[string]bool {
	if op.Filter == nil || len(op.Filter.Keep) == 0 || op.Filter.Items == "" {
		return fields
	}
	out := maps.Clone(fields)
	for _, key := range catalog.Keys(op.Filter.Items) {
		delete(out, key)
	}
	return out
}

// use is a scope with the resource it is about; the zero Resource when it is about
// none.
type use struct {
	scope    consent.ScopeName
	resource catalog.Resource
	types    map[consent.ResourceType]bool // all that the scope is limited to
	steps    int                           // in a tree: how far below what was picked; catalog.AnyDepth
}

func usesOf(c *catalog.Catalog, p *catalog.Provider, op *catalog.Operation) []use {
	var out []use
	for _, u := range op.Uses() {
		one := use{scope: u.Scope, resource: p.Resources[u.Resource], types: map[consent.ResourceType]bool{}, steps: u.Steps}
		for _, t := range c.Scopes[u.Scope].Resources {
			one.types[t] = true
		}
		out = append(out, one)
	}
	return out
}

// shape prepares the filter. The root of a list that is inside an object keeps
// only the list, its cursor and the sign that it worked: totals and whatever a
// provider adds later could speak of items that were taken out.
func (p *plan) shape(op *catalog.Operation) {
	if len(op.Pick) > 0 {
		p.root = set(op.Pick)
	}
	f := op.Filter
	if f == nil {
		return
	}
	if len(f.Keep) > 0 {
		p.keep = set(f.Keep)
	}
	p.keyed = f.Keyed
	for _, one := range f.Parts {
		keep := set(one.Keep)
		if one.By != "" {
			keep = set(strings.Split(strings.ToLower(strings.Join(one.Keep, "\n")), "\n"))
		}
		p.parts = append(p.parts, itemPart{catalog.Keys(one.At), catalog.Keys(one.By), keep})
	}
	p.items, p.cursor = catalog.Keys(f.Items), catalog.Keys(f.Cursor)
	p.itemID, p.anyID = ids(f.ID)
	if strings.HasPrefix(f.Kind, "/") {
		p.itemKind = catalog.Keys(f.Kind)
	}
	for _, pointer := range f.Hide {
		p.hide = append(p.hide, catalog.Keys(pointer))
	}
	if (f.ID == "" && !f.Keyed) || f.Items == "" {
		return
	}
	p.root = set(slices.Concat(f.Beside, f.Whole, p.items[:1]))
	p.whole = f.Whole
	for _, keys := range [][]string{p.cursor, catalog.Keys(p.provider.OK)} {
		if len(keys) > 0 {
			p.root[keys[0]] = true
		}
	}
}

// itemPart is a catalog.Part made ready.
type itemPart struct {
	at, by []string
	keep   map[string]bool // in small letters when by says where an item's name is
}

// ids splits a pointer to an id, or to a list of ids, of which any counts.
func ids(pointer string) (keys []string, any bool) {
	pointer, any = strings.CutSuffix(pointer, "/*")
	return catalog.Keys(pointer), any
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
