package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep a JSON text may nest, theirs and ours (threats B18).
const maxDepth = 32

var (
	errNotJSON   = errors.New("not JSON")
	errTooDeep   = errors.New("JSON nests too deep")
	errTwoValues = errors.New("a JSON member stands twice")
)

// document is a JSON text with an index over its values. What leaves is written
// from the index, so that only what was looked at can leave; numbers and the
// order of members stay as the provider wrote them.
type document struct {
	text    []byte
	nodes   []node // in the order of the text: a value, then what is inside it
	replace map[int]string
}

// node is one value. Its children follow it; next is where its subtree ends.
type node struct {
	keyStart, keyEnd int32 // inside the quotes; both 0 in arrays and at the root
	start, end       int32
	next             int32
	drop             bool
}

// parse indexes text. It refuses what is not one JSON value or nests too deep.
func parse(text []byte) (*document, error) {
	// JSON between systems is UTF-8 (RFC 8259 section 8.1); two readers mend anything
	// else in two ways.
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, errNotJSON
	}
	d := &document{text: text, nodes: make([]node, 0, 16+len(text)/24)}
	r := reader{d: d}
	r.space()
	r.value(0, 0, 0)
	if r.deep {
		return nil, errTooDeep
	}
	return d, nil
}

// reader walks a text that is known to be valid, so it checks nothing but depth.
type reader struct {
	d    *document
	at   int
	deep bool
}

func (r *reader) space() {
	for r.at < len(r.d.text) {
		switch r.d.text[r.at] {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			return
		}
	}
}

func (r *reader) value(keyStart, keyEnd, depth int) {
	if depth > maxDepth {
		r.deep = true
		return
	}
	i := len(r.d.nodes)
	r.d.nodes = append(r.d.nodes, node{keyStart: int32(keyStart), keyEnd: int32(keyEnd), start: int32(r.at)})
	switch r.d.text[r.at] {
	case '{', '[':
		r.inside(r.d.text[r.at] == '{', depth)
	case '"':
		r.text()
	default:
		for r.at < len(r.d.text) && !strings.ContainsRune(" \t\r\n,]}", rune(r.d.text[r.at])) {
			r.at++
		}
	}
	n := &r.d.nodes[i]
	n.end, n.next = int32(r.at), int32(len(r.d.nodes))
}

func (r *reader) inside(object bool, depth int) {
	r.at++
	r.space()
	for !r.deep && r.d.text[r.at] != '}' && r.d.text[r.at] != ']' {
		var from, to int
		if object {
			from = r.at + 1
			r.text()
			to = r.at - 1
			r.space()
			r.at++ // the colon
			r.space()
		}
		r.value(from, to, depth+1)
		if r.deep {
			return
		}
		r.space()
		if r.d.text[r.at] == ',' {
			r.at++
			r.space()
		}
	}
	r.at++
}

// text skips a string with its quotes.
func (r *reader) text() {
	r.at++
	for {
		i := bytes.IndexAny(r.d.text[r.at:], `"\`)
		r.at += i
		if r.d.text[r.at] == '"' {
			r.at++
			return
		}
		r.at += 2
	}
}

func (d *document) kind(i int) byte { return d.text[d.nodes[i].start] }

func (d *document) raw(i int) []byte { return d.text[d.nodes[i].start:d.nodes[i].end] }

// key returns the member name of a node, decoded.
func (d *document) key(i int) string {
	raw := d.text[d.nodes[i].keyStart:d.nodes[i].keyEnd]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	return decodeString(raw)
}

// named reports whether the member is called name, however it is written.
func (d *document) named(i int, name string) bool {
	raw := d.text[d.nodes[i].keyStart:d.nodes[i].keyEnd]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == name
	}
	return decodeString(raw) == name
}

// decodeString decodes what stands between the quotes of a valid JSON string.
func decodeString(inner []byte) string {
	quoted := make([]byte, 0, len(inner)+2)
	quoted = append(append(append(quoted, '"'), inner...), '"')
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		// It is part of a text that was valid; a name nobody lists is the safe reading.
		return "\x00"
	}
	return s
}

// scalar returns a string's content or a number's text; ok is false for the rest.
func (d *document) scalar(i int) (string, bool) {
	raw := d.raw(i)
	switch {
	case raw[0] == '"':
		return decodeString(raw[1 : len(raw)-1]), true
	case raw[0] == '-' || (raw[0] >= '0' && raw[0] <= '9'):
		return string(raw), true
	}
	return "", false
}

// children calls visit for each member or item of i.
func (d *document) children(i int, visit func(child int)) {
	if k := d.kind(i); k != '{' && k != '[' {
		return
	}
	for c := i + 1; c < int(d.nodes[i].next); c = int(d.nodes[c].next) {
		visit(c)
	}
}

// find follows member names from node i. It returns -1 when something is absent,
// and errTwoValues when a name on the way stands twice: two readers could then
// disagree about which one was checked.
func (d *document) find(i int, keys []string) (int, error) {
	for _, key := range keys {
		if d.kind(i) == '[' {
			if i = d.item(i, key); i < 0 {
				return -1, nil
			}
			continue
		}
		if d.kind(i) != '{' {
			return -1, nil
		}
		found := -1
		var twice bool
		d.children(i, func(c int) {
			if d.named(c, key) {
				twice = twice || found >= 0
				found = c
			}
		})
		if twice {
			return -1, errTwoValues
		}
		if found < 0 {
			return -1, nil
		}
		i = found
	}
	return i, nil
}

// item returns the item of list i at the place that key says (RFC 6901 section 4),
// -1 when there is none.
func (d *document) item(i int, key string) int {
	place, err := strconv.Atoi(key)
	found := -1
	if err != nil || strconv.Itoa(place) != key {
		return found
	}
	d.children(i, func(c int) {
		if place == 0 {
			found = c
		}
		place--
	})
	return found
}

// dropTypes marks every object whose member "type" is one of names, wherever it
// stands. That the whole answer is such an object is errNotThere.
func (d *document) dropTypes(names map[string]bool) error {
	if len(names) == 0 {
		return nil
	}
	for i := range d.nodes {
		if d.kind(i) != '{' {
			continue
		}
		at, err := d.find(i, []string{"type"})
		if err != nil {
			return err
		}
		if at < 0 {
			continue
		}
		if said, ok := d.scalar(at); !ok || !names[said] {
			continue
		}
		if i == 0 {
			return errNotThere
		}
		d.nodes[i].drop = true
	}
	return nil
}

// dropFields marks every member with one of the names, wherever it stands.
func (d *document) dropFields(names map[string]bool) {
	for i := range d.nodes {
		n := &d.nodes[i]
		if n.keyEnd == 0 {
			continue
		}
		raw := d.text[n.keyStart:n.keyEnd]
		if bytes.IndexByte(raw, '\\') >= 0 {
			n.drop = n.drop || names[decodeString(raw)]
		} else if names[string(raw)] {
			n.drop = true
		}
	}
}

// write renders what is left, with every string that patterns match blanked.
func (d *document) write(patterns []*regexp.Regexp) []byte {
	out := bytes.NewBuffer(make([]byte, 0, len(d.text)))
	w := writer{d: d, out: out}
	if suspicious(d.text, patterns) {
		w.patterns = patterns
	}
	w.value(0)
	return out.Bytes()
}

// suspicious reports whether some pattern could match: its literal beginning is
// in the text, or an escape may hide it. Most texts are cleared by this alone.
func suspicious(text []byte, patterns []*regexp.Regexp) bool {
	if bytes.Contains(text, []byte(`\u00`)) {
		return true
	}
	for _, p := range patterns {
		literal, _ := p.LiteralPrefix()
		// A slash may be written as \/ and a literal can hold one.
		head, _, _ := strings.Cut(literal, "/")
		if bytes.Contains(text, []byte(head)) {
			return true
		}
	}
	return false
}

type writer struct {
	d        *document
	out      *bytes.Buffer
	patterns []*regexp.Regexp
}

func (w *writer) value(i int) {
	if text, ok := w.d.replace[i]; ok {
		w.quote(text)
		return
	}
	switch w.d.kind(i) {
	case '{':
		w.inside(i, '{', '}')
	case '[':
		w.inside(i, '[', ']')
	case '"':
		raw := w.d.raw(i)
		w.text(raw[1 : len(raw)-1])
	default:
		w.out.Write(w.d.raw(i))
	}
}

func (w *writer) inside(i int, open, end byte) {
	w.out.WriteByte(open)
	first := true
	w.d.children(i, func(c int) {
		n := w.d.nodes[c]
		if n.drop {
			return
		}
		if !first {
			w.out.WriteByte(',')
		}
		first = false
		if open == '{' {
			w.text(w.d.text[n.keyStart:n.keyEnd])
			w.out.WriteByte(':')
		}
		w.value(c)
	})
	w.out.WriteByte(end)
}

// text writes a string from what stands between its quotes.
func (w *writer) text(inner []byte) {
	if len(w.patterns) > 0 {
		plain := decodeString(inner)
		blank := plain
		for _, p := range w.patterns {
			blank = p.ReplaceAllString(blank, "[removed]")
		}
		if blank != plain {
			w.quote(blank)
			return
		}
	}
	w.out.WriteByte('"')
	w.out.Write(inner)
	w.out.WriteByte('"')
}

func (w *writer) quote(text string) {
	// A string always encodes.
	quoted, _ := json.Marshal(text)
	w.out.Write(quoted)
}
