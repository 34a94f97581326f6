package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

// maxBrackets is how deep form-encoded values may be inside others.
const maxBrackets = 8

var errForm = errors.New("the parameters are not form-encoded")

// field is a form-encoded value: a text, or others by their names in brackets.
type field struct {
	text   string
	isText bool
	inside map[string]*field
}

// form reads form-encoded text whose names say where a value is: items[0][price].
func (v values) form(op *catalog.Operation, in catalog.In, text string) error {
	parsed, err := url.ParseQuery(text)
	if err != nil {
		return errForm
	}
	root := &field{inside: map[string]*field{}}
	for name, list := range parsed {
		if len(list) > 1 {
			return fmt.Errorf("parameter %q stands twice", shorten(name))
		}
		if err := root.put(name, list[0]); err != nil {
			return err
		}
	}
	for name, f := range root.inside {
		p, err := param(op, in, name)
		if err != nil {
			return err
		}
		if v[name], err = f.as(p); err != nil {
			return err
		}
	}
	return nil
}

// put places one value under its whole name.
func (f *field) put(name, text string) error {
	first, rest, nested := strings.Cut(name, "[")
	keys := []string{first}
	if nested {
		if !strings.HasSuffix(rest, "]") {
			return errForm
		}
		keys = append(keys, strings.Split(strings.TrimSuffix(rest, "]"), "][")...)
	}
	if len(keys) > maxBrackets {
		return errTooDeep
	}
	at := f
	for _, key := range keys {
		if key == "" || strings.ContainsAny(key, "[]") || at.isText {
			return errForm
		}
		if at.inside == nil {
			at.inside = map[string]*field{}
		}
		if at.inside[key] == nil {
			at.inside[key] = &field{}
		}
		at = at.inside[key]
	}
	if at.inside != nil {
		return errForm
	}
	at.text, at.isText = text, true
	return nil
}

// as reads a value as the declared p, like document.as does of JSON. Texts stay
// texts: that is what goes on.
func (f *field) as(p *catalog.Param) (any, error) {
	switch p.Kind {
	case catalog.KindObject, catalog.KindMap, catalog.KindList:
		if f.isText {
			return nil, wrongKind(p)
		}
	default:
		if !f.isText {
			return nil, wrongKind(p)
		}
		if err := p.Check(f.text); err != nil {
			return nil, err
		}
		return p.Canonical(f.text), nil
	}
	if p.Kind == catalog.KindList {
		return f.asList(p)
	}
	out := map[string]any{}
	for name, inner := range f.inside {
		of, err := within(p, name)
		if err != nil {
			return nil, err
		}
		if out[name], err = inner.as(of); err != nil {
			return nil, err
		}
	}
	for _, m := range p.Members {
		if _, there := out[m.Name]; m.Required && !there {
			return nil, fmt.Errorf("%s is missing in %s", m.Name, p.Name)
		}
	}
	if p.Kind == catalog.KindMap && len(out) > p.Max {
		return nil, fmt.Errorf("%s has more than %d members", p.Name, p.Max)
	}
	return out, nil
}

// within is what the member of that name in p is.
func within(p *catalog.Param, name string) (*catalog.Param, error) {
	for _, m := range p.Members {
		if m.Name == name {
			return m.Param, nil
		}
	}
	if p.Kind != catalog.KindMap || !isLabel(name) {
		return nil, fmt.Errorf("%q is not offered in %s", shorten(name), p.Name)
	}
	if p.Of != nil {
		return p.Of, nil
	}
	member := *p // checks one member's text
	member.Kind, member.Max = catalog.KindString, catalog.MaxMember
	return &member, nil
}

// asList reads items numbered from 0.
func (f *field) asList(p *catalog.Param) (any, error) {
	if len(f.inside) > p.Max {
		return nil, fmt.Errorf("%s has more than %d items", p.Name, p.Max)
	}
	out := make([]any, len(f.inside))
	for i := range out {
		item := f.inside[strconv.Itoa(i)]
		if item == nil {
			return nil, fmt.Errorf("the items of %s must be numbered from 0", p.Name)
		}
		var err error
		if out[i], err = item.as(p.Of); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// flatten writes a value under its name into form-encoded values.
func flatten(into url.Values, name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			flatten(into, name+"["+key+"]", inner)
		}
	case []any:
		for i, inner := range v {
			flatten(into, name+"["+strconv.Itoa(i)+"]", inner)
		}
	case []string:
		into[name] = v
	case json.RawMessage:
		into.Set(name, string(v))
	default:
		into.Set(name, fmt.Sprint(v))
	}
}

// formBody is the body of a form-encoded call.
func formBody(doc map[string]any) []byte {
	out := url.Values{}
	for name, value := range doc {
		flatten(out, name, value)
	}
	return []byte(out.Encode())
}

// dropRoot marks the named members of the root object.
func (d *document) dropRoot(names []string) {
	d.children(0, func(i int) {
		if slices.Contains(names, d.key(i)) {
			d.nodes[i].drop = true
		}
	})
}
