package catalog

import (
	"slices"
	"strings"
)

func (p *Provider) proveValues(o Operation, at *problems) {
	seen := map[string]bool{}
	for _, v := range o.Params {
		if seen[v.Name] {
			at.add("value %q stands in two places", v.Name)
		}
		seen[v.Name] = true
		proveParam(&v, map[*Param]bool{}, at.in("value "+v.Name))
	}
	filled := map[string]bool{"resource": o.Rule == FromRequest}
	for name := range seen {
		filled[name] = true
	}
	used := map[string]bool{}
	for _, slot := range slots(o.Upstream) {
		used[slot] = true
		if !filled[slot] {
			at.add("the call uses {%s}, which is not declared", slot)
		}
	}
	for key := range o.Upstream.Query {
		used[key] = true // replaced by a constant: what is sent does not matter
	}
	for key := range o.Upstream.JSON {
		used[key] = true
	}
	for _, v := range o.Params {
		if !used[v.Name] && v.Kind != KindContent && !slices.Contains(o.Names, v.Name) {
			at.add("value %q is never used", v.Name)
		}
	}
	for i, segment := range strings.Split(o.Path, "/") {
		if name, ok := variable(segment); ok && strings.HasSuffix(name, "...") && i != strings.Count(o.Path, "/") {
			at.add("{%s} must be the last segment", name)
		} else if !ok && strings.ContainsAny(segment, "{}*") {
			at.add("segment %q of the path must be one variable or none", segment)
		}
	}
	if o.Before != nil {
		o.Before.prove(filled, at.in("before"))
	}
}

// prove: filled are the values there are for the call.
func (b Before) prove(filled map[string]bool, at *problems) {
	proveLook(b.Call, filled, at)
	ways := 0
	for _, said := range []bool{b.DiffersFrom != "", b.Absent != "", b.Some, b.Inside != ""} {
		if said {
			ways++
		}
	}
	if ways != 1 {
		at.add("must say one of differs_from, absent, some and inside")
	}
	if b.DiffersFrom != "" && (!filled[b.DiffersFrom] || b.Pointer == "") {
		at.add("compares a pointer with a declared value")
	}
}

// proveLook: a call that only looks, filled with values there are.
func proveLook(c Call, filled map[string]bool, at *problems) {
	proveCall(c, at)
	if c.Method != "GET" {
		at.add("looks with %s; only GET looks", c.Method)
	}
	if !strings.HasPrefix(c.Path, "/") {
		at.add("must stay at the provider's API")
	}
	for _, slot := range slots(c) {
		if !filled[slot] {
			at.add("uses {%s}, which is not declared", slot)
		}
	}
}

// proveParam: every value is bounded, and so is what is inside of it. seen are
// those that were proved: a value can be inside itself.
func proveParam(v *Param, seen map[*Param]bool, at *problems) {
	if seen[v] {
		return
	}
	seen[v] = true
	for _, m := range v.Members {
		proveParam(m.Param, seen, at.in(m.Name))
	}
	if v.Of != nil {
		proveParam(v.Of, seen, at.in(v.Of.Name))
	}
	if len(v.Members) > 0 && v.Kind != KindObject {
		at.add("only an object has members")
	}
	switch v.Kind {
	case KindList:
		if v.Max <= 0 || v.Of == nil {
			at.add("needs a max, and of: what it holds")
		}
	case KindString, KindInt, KindStrings, KindMap, KindPage, KindContent, KindMail:
		if v.Max <= 0 {
			at.add("needs a max")
		}
	case KindEnum:
		if len(v.Enum) == 0 {
			at.add("needs its enum")
		}
	case KindBool, KindCursor, KindUUID, KindNumber, KindObject:
	default:
		at.add("kind %q is not known", v.Kind)
	}
}

// slots lists the variables of a call: in its path, query and body.
func slots(c Call) []string {
	found := variables(c.Path)
	for _, v := range c.Query {
		if name, ok := variable(v); ok {
			found = append(found, name)
		}
	}
	return append(found, slotsIn(c.JSON)...)
}

// slotsIn lists the variables of a JSON template, however deep they stand.
func slotsIn(template any) []string {
	var found []string
	switch t := template.(type) {
	case string:
		if name, ok := variable(t); ok {
			found = append(found, name)
		}
	case map[string]any:
		for _, inner := range t {
			found = append(found, slotsIn(inner)...)
		}
	case []any:
		for _, inner := range t {
			found = append(found, slotsIn(inner)...)
		}
	}
	return found
}
