package catalog

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
)

// Tree says what is inside what at a provider, so that whoever picks a page picks
// the pages below it, and a charge is its customer's. The broker goes up from a
// thing, one call a step, until something that was picked.
type Tree struct {
	Kinds map[string]Branch
	Up    []Ref // where an answer about a thing says what the thing is in; the first that is there counts
}

// Branch is one kind of thing in a tree.
type Branch struct {
	Types   []consent.ResourceType // what such a thing can be picked as; none when it cannot
	Pattern *regexp.Regexp         // the whole id matches
	Call    Call                   // reads one; {id} is its id. Without a path nothing is above it
}

// Ref is a place that holds the id of a thing of a kind.
type Ref struct {
	At   string // JSON pointer
	Kind string
}

func buildTree(f treeFile, at *problems) Tree {
	t := Tree{Kinds: map[string]Branch{}, Up: buildRefs(f.Up)}
	for name, k := range f.Kinds {
		kind := Branch{Pattern: whole(k.Pattern, at.in("kind "+name)), Call: buildCall(k.Call)}
		for _, r := range k.Types {
			kind.Types = append(kind.Types, consent.ResourceType(r))
		}
		t.Kinds[name] = kind
	}
	return t
}

func buildRef(f *refFile) *Ref {
	if f == nil {
		return nil
	}
	r := Ref(*f)
	return &r
}

func buildRefs(list []refFile) []Ref {
	var out []Ref
	for _, r := range list {
		out = append(out, Ref(r))
	}
	return out
}

// proveTree: every step of the way up is a plain reading call of the provider's
// API that is not denied, and leads to a kind that is declared.
func (p *Provider) proveTree(at *problems) {
	for _, name := range slices.Sorted(maps.Keys(p.Tree.Kinds)) {
		k, at := p.Tree.Kinds[name], at.in("kind "+name)
		if k.Pattern == nil {
			at.add("pattern must say how its ids look")
		}
		for _, t := range k.Types {
			if _, ok := p.Resources[t]; !ok {
				at.add("resource %q is not declared", t)
			}
		}
		if k.Call.Path == "" {
			if len(k.Types) == 0 {
				at.add("is at the top and cannot be picked, so nothing leads anywhere")
			}
			continue
		}
		proveLook(k.Call, map[string]bool{"id": true}, at)
		if !slices.Contains(slots(k.Call), "id") {
			at.add("the call does not say which one: {id} is missing")
		}
		p.proveAllowed(k.Call, at)
	}
	p.proveRefs(p.Tree.Up, at.in("up"))
	if len(p.Tree.Kinds) > 0 && len(p.Tree.Up) == 0 {
		at.add("nothing says what a thing is in")
	}
}

func (p *Provider) proveRefs(refs []Ref, at *problems) {
	for _, r := range refs {
		if _, ok := p.Tree.Kinds[r.Kind]; !ok {
			at.add("kind %q is not declared", r.Kind)
		}
		if !strings.HasPrefix(r.At, "/") {
			at.add("%q is not a JSON pointer", r.At)
		}
	}
}

// proveNamed: what the request names in a tree is a value of its own that is sent
// on, so that what was checked is what is called.
func (p *Provider) proveNamed(s consent.Scope, o Operation, at *problems) {
	p.proveRefs(o.Named, at)
	if o.All && s.Narrowing != consent.NarrowingOptional {
		at.add("names nothing when everything is allowed, and its scope never allows everything")
	}
	sent := slots(o.Upstream)
	for _, r := range o.Named {
		keys := Keys(r.At)
		if len(keys) == 0 {
			continue
		}
		v, ok := o.param(keys[0])
		switch {
		case !ok || !v.holds(keys[1:]):
			at.add("%q is not in a value of the request", r.At)
		case !slices.Contains(sent, keys[0]) && !slices.Contains(sent, "resource"):
			at.add("the checked %q is not in the call", r.At)
		case len(o.Named) == 1 && !v.Required && !o.All:
			at.add("%q can be left out, and then nothing names the resource", r.At)
		}
	}
}

// holds reports whether there can be a text at keys below the value.
func (p Param) holds(keys []string) bool {
	if len(keys) == 0 {
		return p.Kind == KindString || p.Kind == KindUUID
	}
	if p.Kind == KindList && p.Max == 1 && keys[0] == "0" {
		return p.Of.holds(keys[1:])
	}
	for _, m := range p.Members {
		if p.Kind == KindObject && m.Name == keys[0] {
			return m.holds(keys[1:])
		}
	}
	return false
}

// Names returns the id in a text of this value: what the group "id" of Match takes
// of it, or all of it.
func (p Param) Names(text string) string {
	if p.Match == nil || p.Match.SubexpIndex("id") < 0 {
		return text
	}
	if found := p.Match.FindStringSubmatch(text); found != nil {
		return found[p.Match.SubexpIndex("id")]
	}
	return ""
}

// pickable reports whether some kind of thing can be picked as t, so that going up
// can arrive there.
func (t Tree) pickable(of consent.ResourceType) bool {
	for _, k := range t.Kinds {
		if slices.Contains(k.Types, of) {
			return true
		}
	}
	return false
}

// KindOf says of which kind an item of a list is: what said, the text at the
// filter's pointer, names, or the one kind the filter names itself.
func (t Tree) KindOf(f *Filter, said string) (string, bool) {
	name := f.Kind
	if strings.HasPrefix(f.Kind, "/") {
		name = said
	}
	_, ok := t.Kinds[name]
	return name, ok
}
