package oauth

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/deputy-oauth/deputy/consent"
)

// detail is one object of authorization_details (RFC 9396 section 2).
type detail struct {
	Type       consent.ResourceType `json:"type"`
	Identifier string               `json:"identifier"`
	Actions    []consent.ScopeName  `json:"actions,omitempty"`
	Locations  []string             `json:"locations,omitempty"`
}

func (d detail) domain() consent.Detail {
	return consent.Detail{Type: d.Type, ID: d.Identifier, Actions: d.Actions}
}

// Bounds of what one request may name.
const (
	maxDetails    = 50
	maxDetailList = 20  // actions or locations of one object
	maxDetailText = 500 // bytes of one string
)

// parseDetails reads the JSON. It is strict, because two readers of one request
// must not understand two things: one list of objects and nothing after it, each
// member once and known, each value of its type, names as they are written (the
// standard decoder would take the last of two and ignore case).
func parseDetails(raw string) ([]detail, error) {
	p := detailParser{json.NewDecoder(strings.NewReader(raw))}
	out, err := p.list(utf8.ValidString(raw))
	if err != nil {
		return nil, err
	}
	if _, err := p.Token(); err != io.EOF {
		return nil, errDetailsJSON()
	}
	return out, nil
}

func errDetailsJSON() *Error {
	return invalidDetails("The authorization_details are not a JSON list of objects.")
}

type detailParser struct{ *json.Decoder }

func (p detailParser) is(want json.Delim) bool {
	t, err := p.Token()
	return err == nil && t == want
}

func (p detailParser) list(readable bool) ([]detail, error) {
	if !readable || !p.is('[') {
		return nil, errDetailsJSON()
	}
	var out []detail
	for p.More() {
		if len(out) == maxDetails {
			return nil, invalidDetails("There are more than " + strconv.Itoa(maxDetails) + " objects in authorization_details.")
		}
		d, err := p.object()
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if !p.is(']') {
		return nil, errDetailsJSON()
	}
	if len(out) == 0 {
		return nil, invalidDetails("The authorization_details name nothing.")
	}
	return out, nil
}

func (p detailParser) object() (detail, error) {
	var d detail
	if !p.is('{') {
		return d, errDetailsJSON()
	}
	seen := map[string]bool{}
	for p.More() {
		t, err := p.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return d, errDetailsJSON()
		}
		if seen[name] {
			return d, invalidDetails("The member " + printable(name) + " is there more than once.")
		}
		seen[name] = true
		if err := p.member(&d, name); err != nil {
			return d, err
		}
	}
	switch {
	case !p.is('}'):
		return d, errDetailsJSON()
	case d.Type == "":
		return d, invalidDetails("An object has no type.")
	case d.Identifier == "":
		return d, invalidDetails("An object has no identifier.")
	}
	return d, nil
}

func (p detailParser) member(d *detail, name string) (err error) {
	var text string
	switch name {
	case "type":
		text, err = p.text(name)
		d.Type = consent.ResourceType(text)
	case "identifier":
		d.Identifier, err = p.text(name)
	case "locations":
		d.Locations, err = p.texts(name)
	case "actions":
		var names []string
		names, err = p.texts(name)
		for _, a := range names {
			d.Actions = append(d.Actions, consent.ScopeName(a))
		}
	default:
		err = invalidDetails("There is no member " + printable(name) + ".")
	}
	return err
}

func (p detailParser) text(name string) (string, error) {
	t, err := p.Token()
	text, ok := t.(string)
	switch {
	case err != nil:
		return "", errDetailsJSON()
	case !ok || text == "" || len(text) > maxDetailText:
		return "", invalidDetails("The member " + name + " is not what it should be: text, not empty and not too long.")
	}
	return text, nil
}

// texts reads a list that has something in it, nothing twice.
func (p detailParser) texts(name string) ([]string, error) {
	wrong := invalidDetails("The member " + name + " is not a list of different texts, not empty and not too long.")
	if !p.is('[') {
		return nil, wrong
	}
	seen := map[string]bool{}
	var out []string
	for p.More() {
		text, err := p.text(name)
		if err != nil {
			return nil, err
		}
		if seen[text] || len(out) == maxDetailList {
			return nil, wrong
		}
		seen[text] = true
		out = append(out, text)
	}
	if !p.is(']') || len(out) == 0 {
		return nil, wrong
	}
	return out, nil
}
