package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxMembers bounds the members of one object.
const maxMembers = 100

// object is a JSON object of a stranger, not yet believed.
type object map[string]json.RawMessage

// readObject reads one JSON object and nothing after it. A name that is there
// twice is refused, and names are compared as they are written: the standard
// decoder would take the last one and ignore case, another reader the first, and
// a document must not mean two things.
func readObject(raw []byte) (object, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	out := object{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errors.New("it is not valid JSON")
		}
		if _, twice := out[name]; twice {
			return nil, errors.New("it has a member twice")
		}
		if len(out) == maxMembers {
			return nil, errors.New("it has too many members")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errors.New("it is not valid JSON")
		}
		out[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("it is not valid JSON")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows it")
	}
	return out, nil
}

// has reports whether a member is there and not null.
func (o object) has(name string) bool {
	raw, ok := o[name]
	return ok && string(raw) != "null"
}

// text returns a string member, "" when it is absent.
func (o object) text(name string) (string, error) {
	if !o.has(name) {
		return "", nil
	}
	var s string
	if err := json.Unmarshal(o[name], &s); err != nil {
		return "", fmt.Errorf("%s is not a string", name)
	}
	return s, nil
}

// texts returns a member that is a list of strings, nil when it is absent.
func (o object) texts(name string) ([]string, error) {
	if !o.has(name) {
		return nil, nil
	}
	var list []*string
	if err := json.Unmarshal(o[name], &list); err != nil {
		return nil, fmt.Errorf("%s is not a list of strings", name)
	}
	out := make([]string, 0, len(list))
	for _, s := range list {
		if s == nil {
			return nil, fmt.Errorf("%s is not a list of strings", name)
		}
		out = append(out, *s)
	}
	return out, nil
}
