package simulator

import "strings"

// fieldMask is Google's `fields`: names, each with what is wanted inside it.
// An empty mask wants everything.
type fieldMask map[string]fieldMask

// parseFields reads a mask such as "files(id,name),nextPageToken" or
// "shortcutDetails/targetId". ok is false when it cannot be read.
func parseFields(text string) (mask fieldMask, ok bool) {
	p := fieldParser{rest: strings.ReplaceAll(text, " ", "")}
	mask, ok = p.list()
	return mask, ok && p.rest == ""
}

type fieldParser struct {
	rest  string
	depth int
}

func (p *fieldParser) list() (fieldMask, bool) {
	mask := fieldMask{}
	for {
		if !p.item(mask) {
			return nil, false
		}
		if !strings.HasPrefix(p.rest, ",") {
			return mask, true
		}
		p.rest = p.rest[1:]
	}
}

// item reads one name with what follows it, into mask.
func (p *fieldParser) item(mask fieldMask) bool {
	end := strings.IndexAny(p.rest, ",()/")
	if end < 0 {
		end = len(p.rest)
	}
	name := p.rest[:end]
	p.rest = p.rest[end:]
	if name == "" || p.depth > 20 {
		return false
	}
	inside, known := mask[name]
	if !known {
		inside = fieldMask{}
		mask[name] = inside
	}
	p.depth++
	defer func() { p.depth-- }()
	switch {
	case strings.HasPrefix(p.rest, "/"):
		p.rest = p.rest[1:]
		return p.item(inside)
	case strings.HasPrefix(p.rest, "("):
		p.rest = p.rest[1:]
		more, ok := p.list()
		for field, deeper := range more {
			inside[field] = deeper
		}
		if !ok || !strings.HasPrefix(p.rest, ")") {
			return false
		}
		p.rest = p.rest[1:]
	}
	return true
}

// apply keeps what the mask names.
func (m fieldMask) apply(body object) object {
	if _, all := m["*"]; all || len(m) == 0 {
		return body
	}
	kept := object{}
	for name, inside := range m {
		value, has := body[name]
		if !has {
			continue
		}
		switch v := value.(type) {
		case object:
			kept[name] = inside.apply(v)
		case []object:
			list := []object{}
			for _, item := range v {
				list = append(list, inside.apply(item))
			}
			kept[name] = list
		default:
			kept[name] = value
		}
	}
	return kept
}
