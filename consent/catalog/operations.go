package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
)

// buildOperations turns the file's operations into one Operation a path, since
// the same call can be written by name and by id.
func buildOperations(p *Provider, f providerFile, at *problems) {
	if f.Body != "" && f.Body != "json" && f.Body != "form" {
		at.add("body must say json or form")
	}
	values := newDeclared(f.Values)
	seen := map[string]bool{}
	for _, o := range f.Operations {
		here := at.in("operation " + o.ID)
		if seen[o.ID] {
			here.add("is defined twice")
		}
		seen[o.ID] = true
		if len(o.Paths) == 0 {
			here.add("has no path")
		}
		for _, path := range o.Paths {
			built := buildOperation(p, values, o, path, here)
			built.Form = f.Body == "form"
			p.Operations = append(p.Operations, built)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f.Values)) {
		if values.built[key] == nil {
			at.add("value %q is used by no operation", key)
		}
	}
}

func buildOperation(p *Provider, values *declared, f operationFile, path string, at *problems) Operation {
	o := Operation{
		ID: f.ID, Provider: p.ID, Scope: consent.ScopeName(f.Scope), Access: consent.Access(f.Access),
		Methods: f.Methods, Path: path, When: f.When, Content: f.Content, Rule: Rule(f.Resource.From), Resource: consent.ResourceType(f.Resource.Type),
		Named: buildRefs(f.Resource.Named), All: f.Resource.All, Pick: f.Pick, Confirm: f.Confirm, Without: f.Without, Preview: f.Preview, Max: f.Max, Words: f.Says,
		Retry: f.Retry == "safe" || (f.Retry == "" && f.Access == string(consent.Read)),
	}
	if o.Max == 0 {
		o.Max = maxAnswer
	}
	if f.Unlike != "" {
		o.Unlike = compile(f.Unlike, at)
	}
	if o.Access != consent.Read && f.Retry != "never" && f.Retry != "safe" {
		at.add("changes something, so retry must say never or safe")
	}
	if f.Filter != nil {
		o.Filter = buildFilter(*f.Filter)
	}
	for _, a := range f.Also {
		u := Use{consent.ScopeName(a.Scope), consent.ResourceType(a.Type), AnyDepth}
		if a.Steps != nil {
			u.Steps = *a.Steps
		}
		o.Also = append(o.Also, u)
	}
	if f.Before != nil {
		b := *f.Before
		o.Before = &Before{Call: buildCall(b.Call), Pointer: b.Pointer, DiffersFrom: b.DiffersFrom, Absent: b.Absent, Some: b.Some, Inside: b.Inside, Else: b.Else}
	}
	o.Posts, o.Own = buildRef(f.Posts), buildRef(f.Own)
	take := func(in In, keys ...string) {
		for _, key := range keys {
			key, required := strings.CutSuffix(key, "!")
			v := values.param(key, at)
			if v == nil {
				at.add("%s value %q is not declared", in, key)
				continue
			}
			one := *v
			one.In, one.Required = in, required || in == InPath
			o.Params = append(o.Params, one)
		}
	}
	take(InPath, pathKeys(values.files, path, f.Values)...)
	take(InQuery, f.Query...)
	take(InBody, f.Body...)
	take(InArgs, f.Args...)
	if len(o.Named) == 0 && !o.All {
		o.Names = names(p.Resources[o.Resource], o)
	}
	o.Upstream = upstream(f, o, path)
	return o
}

func buildFilter(f filterFile) *Filter {
	out := &Filter{
		Items: f.Items, ID: f.ID, Keyed: f.Keyed, One: f.One, Some: f.Some, Kind: f.Kind,
		Keep: f.Keep, Hide: f.Hide, Beside: f.Beside, Whole: f.Whole, Cursor: f.Cursor,
	}
	for _, p := range f.Parts {
		out.Parts = append(out.Parts, Part(p))
	}
	return out
}

// pathKeys finds the values behind a path's variables. A key in chosen wins over
// the key that is called like the variable.
func pathKeys(values map[string]valueFile, path string, chosen []string) []string {
	var keys []string
	for _, v := range variables(path) {
		key := v
		for _, c := range chosen {
			if values[c].Name == v {
				key = c
			}
		}
		keys = append(keys, key)
	}
	return keys
}

// declared builds the values of a file, each once: one can be inside another, and
// inside itself.
type declared struct {
	files map[string]valueFile
	built map[string]*Param
}

func newDeclared(files map[string]valueFile) *declared {
	return &declared{files: files, built: map[string]*Param{}}
}

// param returns the value of that key, nil when there is none.
func (d *declared) param(key string, at *problems) *Param {
	f, ok := d.files[key]
	if !ok || d.built[key] != nil {
		return d.built[key]
	}
	at = at.in("value " + key)
	p := &Param{Name: cmp.Or(f.Name, key), Kind: Kind(f.Kind), Max: f.Max, Enum: f.Enum, Match: whole(f.Match, at), Null: f.Null}
	d.built[key] = p
	if f.Refuse != "" {
		p.Refuse = compile(f.Refuse, at)
	}
	inside := func(key string) *Param {
		v := d.param(key, at)
		if v == nil {
			at.add("value %q is not declared", key)
		}
		return v
	}
	if f.Of != "" {
		p.Of = inside(f.Of)
	}
	for _, key := range f.Members {
		key, required := strings.CutSuffix(key, "!")
		if v := inside(key); v != nil {
			p.Members = append(p.Members, Member{v, required})
		}
	}
	return p
}

// names returns the values that name the resource in this operation: the
// resource's own variable when it is there, else those it is resolved from.
func names(r Resource, o Operation) []string {
	if o.Rule != FromRequest {
		return nil
	}
	if o.has(r.Variable) {
		return []string{r.Variable}
	}
	if r.Resolve == nil {
		return nil
	}
	for _, from := range r.Resolve.From {
		if !o.has(from) {
			return nil
		}
	}
	return r.Resolve.From
}

func (o Operation) has(name string) bool {
	_, ok := o.param(name)
	return ok
}

func (o Operation) param(name string) (Param, bool) {
	for _, p := range o.Params {
		if p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

// upstream fills in what a file leaves out: the same method and path, and every
// value that is sent on under its own name.
func upstream(f operationFile, o Operation, path string) Call {
	c := buildCall(f.Call)
	c.Query, c.JSON = maps.Clone(c.Query), maps.Clone(c.JSON)
	if c.Method == "" && len(o.Methods) > 0 {
		c.Method = o.Methods[0]
	}
	if c.Path == "" {
		c.Path = path
	}
	for _, p := range o.Params {
		if p.In == InPath || p.Kind == KindContent {
			continue
		}
		slot := "{" + p.Name + "}"
		if len(o.Names) == 1 && p.Name == o.Names[0] {
			slot = "{resource}"
		}
		if p.In == InQuery || (p.In == InArgs && c.Method == "GET") {
			if c.Query == nil {
				c.Query = map[string]string{}
			}
			if _, said := c.Query[p.Name]; !said {
				c.Query[p.Name] = slot
			}
			continue
		}
		if c.JSON == nil {
			c.JSON = map[string]any{}
		}
		if _, said := c.JSON[p.Name]; !said {
			c.JSON[p.Name] = slot
		}
	}
	return c
}

// variables lists the names in braces of a path, without "...".
func variables(path string) []string {
	var names []string
	for segment := range strings.SplitSeq(path, "/") {
		if name, ok := variable(segment); ok {
			names = append(names, strings.TrimSuffix(name, "..."))
		}
	}
	return names
}

// variable returns the name inside a segment that is one variable, with "..."
// when it takes the rest of the path.
func variable(segment string) (string, bool) {
	if len(segment) > 2 && segment[0] == '{' && segment[len(segment)-1] == '}' {
		return segment[1 : len(segment)-1], true
	}
	return "", false
}
