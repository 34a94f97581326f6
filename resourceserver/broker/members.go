package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"unicode"
	"unicode/utf8"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

// json reads an object whose members are the operation's parameters.
func (v values) json(op *catalog.Operation, in catalog.In, body []byte) error {
	d, err := parse(body)
	if err != nil {
		return fmt.Errorf("the body is %w", err)
	}
	if d.kind(0) != '{' {
		return errors.New("the body must be a JSON object")
	}
	return d.members(0, func(name string, i int) error { return v.member(op, in, name, d, i) })
}

// members calls visit for each member of the object i, and refuses a name that
// stands twice: two readers would take different ones.
func (d *document) members(i int, visit func(name string, i int) error) error {
	var first error
	seen := map[string]bool{}
	d.children(i, func(c int) {
		if first != nil {
			return
		}
		name := d.key(c)
		if seen[name] {
			first = fmt.Errorf("parameter %q stands twice", shorten(name))
			return
		}
		seen[name] = true
		first = visit(name, c)
	})
	return first
}

// member checks one JSON value against its declared kind. null is "not sent",
// unless the parameter can be taken away.
func (v values) member(op *catalog.Operation, in catalog.In, name string, d *document, i int) error {
	p, err := param(op, in, name)
	if err != nil {
		return err
	}
	raw := d.raw(i)
	switch {
	case string(raw) == "null":
		if p.Null {
			v[name] = nil
		}
		return nil
	case p.Kind == catalog.KindStrings:
		return v.list(p, raw)
	case p.Kind == catalog.KindMap && p.Of == nil:
		return v.texts(p, d, i)
	case nested(p):
		v[name], err = d.as(p, i)
		return err
	case raw[0] == '"' && in == catalog.InArgs:
		text, _ := d.scalar(i)
		return v.put(op, in, name, text) // Slack takes a number or a boolean as a text too
	}
	text, ok := d.plain(p, i)
	if !ok {
		return wrongKind(p)
	}
	return v.put(op, in, name, text)
}

// nested reports whether p is read by as: it has something inside, or is a number or an
// e-mail, which as alone keeps one.
func nested(p *catalog.Param) bool {
	switch p.Kind {
	case catalog.KindObject, catalog.KindList, catalog.KindMap, catalog.KindNumber, catalog.KindMail:
		return true
	}
	return false
}

func wrongKind(p *catalog.Param) error {
	return fmt.Errorf("%s is not of the kind it should be", p.Name)
}

// plain returns the text of a JSON value that is written as p's kind is.
func (d *document) plain(p *catalog.Param, i int) (string, bool) {
	raw := d.raw(i)
	switch p.Kind {
	case catalog.KindBool:
		return string(raw), raw[0] == 't' || raw[0] == 'f'
	case catalog.KindInt:
		return string(raw), raw[0] >= '0' && raw[0] <= '9'
	}
	text, _ := d.scalar(i)
	return text, raw[0] == '"'
}

// maxNumber is how long a number may be written.
const maxNumber = 32

// as reads the value at node i, with everything inside of it, as the declared p: a
// new value made of what was checked and nothing else. null gives nil where p can
// be taken away, and errAbsent elsewhere.
func (d *document) as(p *catalog.Param, i int) (any, error) {
	raw := d.raw(i)
	switch {
	case string(raw) == "null" && p.Null:
		return nil, nil
	case string(raw) == "null":
		return nil, errAbsent
	case p.Kind == catalog.KindObject:
		return d.asObject(p, i)
	case p.Kind == catalog.KindMap:
		return d.asMap(p, i)
	case p.Kind == catalog.KindList:
		return d.asList(p, i)
	case p.Kind == catalog.KindNumber:
		if (raw[0] != '-' && (raw[0] < '0' || raw[0] > '9')) || len(raw) > maxNumber {
			return nil, wrongKind(p)
		}
		return json.Number(raw), nil
	}
	text, ok := d.plain(p, i)
	if !ok {
		return nil, wrongKind(p)
	}
	if err := p.Check(text); err != nil {
		return nil, err
	}
	if p.Kind == catalog.KindMail {
		return compose(p, text)
	}
	if p.Kind == catalog.KindBool || p.Kind == catalog.KindInt {
		return json.RawMessage(text), nil
	}
	return p.Canonical(text), nil
}

// errAbsent: a member that is null is not there.
var errAbsent = errors.New("null is not a value here")

func (d *document) asObject(p *catalog.Param, i int) (any, error) {
	if d.kind(i) != '{' {
		return nil, wrongKind(p)
	}
	out := map[string]any{}
	err := d.members(i, func(name string, c int) error {
		for _, m := range p.Members {
			if m.Name == name {
				return d.member(out, m.Param, name, c)
			}
		}
		return fmt.Errorf("%q is not offered in %s", shorten(name), p.Name)
	})
	if err != nil {
		return nil, err
	}
	for _, m := range p.Members {
		if _, there := out[m.Name]; m.Required && !there {
			return nil, fmt.Errorf("%s is missing in %s", m.Name, p.Name)
		}
	}
	return out, nil
}

// member puts the value at node i into out, unless it is not there.
func (d *document) member(out map[string]any, p *catalog.Param, name string, i int) error {
	value, err := d.as(p, i)
	switch {
	case errors.Is(err, errAbsent):
		return nil
	case err != nil:
		return err
	}
	out[name] = value
	return nil
}

func (d *document) asMap(p *catalog.Param, i int) (any, error) {
	if d.kind(i) != '{' {
		return nil, wrongKind(p)
	}
	of := p.Of
	out := map[string]any{}
	err := d.members(i, func(name string, c int) error {
		if !isLabel(name) || len(out) == p.Max {
			return fmt.Errorf("%s can have %d members at most, with plain names", p.Name, p.Max)
		}
		return d.member(out, of, name, c)
	})
	return out, err
}

func (d *document) asList(p *catalog.Param, i int) (any, error) {
	if d.kind(i) != '[' {
		return nil, wrongKind(p)
	}
	out := []any{}
	var first error
	d.children(i, func(c int) {
		if first != nil {
			return
		}
		if len(out) == p.Max {
			first = fmt.Errorf("%s has more than %d items", p.Name, p.Max)
			return
		}
		value, err := d.as(p.Of, c)
		first = err
		out = append(out, value)
	})
	return out, first
}

// maxLabel is how long a name that people gave may be, in characters.
const maxLabel = 200

// isLabel reports whether name is one people gave to something of theirs: a column.
func isLabel(name string) bool {
	if name == "" || utf8.RuneCountInString(name) > maxLabel {
		return false
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}

func (v values) list(p *catalog.Param, raw []byte) error {
	var items []string
	if err := json.Unmarshal(raw, &items); err != nil {
		return fmt.Errorf("%s must be a list of texts", p.Name)
	}
	if len(items) > p.Max {
		return fmt.Errorf("%s has more than %d items", p.Name, p.Max)
	}
	for _, item := range items {
		if err := p.Check(item); err != nil {
			return err
		}
	}
	v[p.Name] = items
	return nil
}

// member names of a map: what providers call inputs and fields.
var memberName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_-]{0,63}\z`)

// texts reads an object whose members are all texts.
func (v values) texts(p *catalog.Param, d *document, at int) error {
	if d.kind(at) != '{' {
		return fmt.Errorf("%s must be an object of texts", p.Name)
	}
	out := map[string]string{}
	err := d.members(at, func(name string, i int) error {
		text, isText := d.scalar(i)
		if !isText || d.kind(i) != '"' || !memberName.MatchString(name) {
			return fmt.Errorf("%s must be an object of texts, each once", p.Name)
		}
		out[name] = text
		return p.Check(text)
	})
	if err == nil && len(out) > p.Max {
		err = fmt.Errorf("%s has more than %d members", p.Name, p.Max)
	}
	v[p.Name] = out
	return err
}
