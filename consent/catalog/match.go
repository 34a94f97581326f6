package catalog

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deputy-oauth/deputy/consent"
)

// Why a call matches nothing.
var (
	// ErrUnknown: there is no such provider, or no operation has this method and path.
	ErrUnknown = errors.New("no such operation")
	// ErrPath: the path could be read in more than one way, so nobody reads it.
	ErrPath = errors.New("the path is not plain")
)

// maxPath is the longest path that is looked at, in bytes.
const maxPath = 4096

// Match is an operation and the values of its path variables, decoded once. The
// value of a "{path...}" keeps its slashes.
type Match struct {
	Operation *Operation
	Vars      map[string]string
}

// Match finds the operation behind a provider's own method and path, as they
// stand after /api/{provider}. rawPath is the escaped path as it arrived; it is
// decoded exactly once and refused with ErrPath when anything in it could be a
// dot segment, a separator or an escape to somebody else.
func (c *Catalog) Match(id consent.ProviderID, method, rawPath string) (Match, error) {
	p, ok := c.Providers[id]
	if !ok {
		return Match{}, fmt.Errorf("provider %q: %w", id, ErrUnknown)
	}
	segments, err := split(rawPath)
	if err != nil {
		return Match{}, err
	}
	var values []string
	op := p.routes[method].find(segments, &values)
	if op == nil {
		return Match{}, ErrUnknown
	}
	m := Match{Operation: op, Vars: make(map[string]string, len(values))}
	for i, name := range variables(op.Path) {
		if i < len(values) {
			m.Vars[name] = values[i]
		}
	}
	return m, nil
}

// Expand fills a path template; every value is escaped for one segment, and that
// of a "{path...}" segment by segment. Values come from Match or a resource's
// checked id.
func Expand(template string, values map[string]string) string {
	var b strings.Builder
	for segment := range strings.SplitSeq(strings.TrimPrefix(template, "/"), "/") {
		name, ok := variable(segment)
		if !ok {
			b.WriteByte('/')
			b.WriteString(segment)
			continue
		}
		name, rest := strings.CutSuffix(name, "...")
		if !rest {
			b.WriteByte('/')
			b.WriteString(url.PathEscape(values[name]))
			continue
		}
		for part := range strings.SplitSeq(values[name], "/") {
			b.WriteByte('/')
			b.WriteString(url.PathEscape(part))
		}
	}
	return b.String()
}

// node is one position in the tree of paths.
type node struct {
	static   map[string]*node
	variable *node
	rest     *Operation // takes what is left
	op       *Operation // ends here
}

// route builds the tree of every method. Load has proved that no two operations
// share a place.
func (p *Provider) route() {
	p.routes = map[string]*node{}
	for i := range p.Operations {
		op := &p.Operations[i]
		if op.When != "" {
			usual := p.usual(op)
			usual.Instead = append(usual.Instead, op)
			continue
		}
		for _, method := range op.Methods {
			if p.routes[method] == nil {
				p.routes[method] = &node{}
			}
			p.routes[method].add(op)
		}
	}
}

func (n *node) add(op *Operation) {
	for segment := range strings.SplitSeq(strings.TrimPrefix(op.Path, "/"), "/") {
		name, isVariable := variable(segment)
		switch {
		case isVariable && strings.HasSuffix(name, "..."):
			n.rest = op
			return
		case isVariable:
			if n.variable == nil {
				n.variable = &node{}
			}
			n = n.variable
		default:
			if n.static == nil {
				n.static = map[string]*node{}
			}
			if n.static[segment] == nil {
				n.static[segment] = &node{}
			}
			n = n.static[segment]
		}
	}
	n.op = op
}

// find walks the segments; a literal wins over a variable, a variable over the
// rest. values receives what the variables stand for.
func (n *node) find(segments []string, values *[]string) *Operation {
	if n == nil {
		return nil
	}
	if len(segments) == 0 {
		return n.op
	}
	// SDKs write "contents/" for a path variable that is empty: the list itself.
	if len(segments) == 1 && segments[0] == "" {
		if n.rest != nil {
			return n.op
		}
		return nil
	}
	if op := n.static[segments[0]].find(segments[1:], values); op != nil {
		return op
	}
	if n.variable != nil && segments[0] != "" && !strings.Contains(segments[0], "/") {
		kept := len(*values)
		*values = append(*values, segments[0])
		if op := n.variable.find(segments[1:], values); op != nil {
			return op
		}
		*values = (*values)[:kept]
	}
	if n.rest == nil {
		return nil
	}
	// SDKs escape the slashes of such a value; they separate all the same.
	whole := strings.Join(segments, "/")
	for part := range strings.SplitSeq(whole, "/") {
		if part == "" || onlyDots(part) {
			return nil
		}
	}
	*values = append(*values, whole)
	return n.rest
}

// split cuts the path into segments and decodes each once. A segment may still
// hold a slash that was escaped; only a "{path...}" takes such a one. The last
// segment is empty when the path ends in a slash, no other is.
func split(raw string) ([]string, error) {
	if len(raw) > maxPath || !strings.HasPrefix(raw, "/") {
		return nil, ErrPath
	}
	for i := range len(raw) {
		switch b := raw[i]; {
		case b <= ' ', b >= 0x7f, b == '\\', b == ';', b == '?', b == '#':
			return nil, ErrPath
		}
	}
	segments := strings.Split(raw[1:], "/")
	for i, s := range segments {
		if s == "" && (i == 0 || i < len(segments)-1) {
			return nil, ErrPath
		}
		plain, err := url.PathUnescape(s)
		if err != nil || onlyDots(plain) || !plainText(plain) {
			return nil, ErrPath
		}
		segments[i] = plain
	}
	return segments, nil
}

func onlyDots(s string) bool { return s != "" && strings.Trim(s, ".") == "" }

// plainText refuses what somebody behind us might decode, fold or cut again.
func plainText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for i, r := range s {
		switch {
		case unicode.IsControl(r), r == '\\', r == ';', strings.ContainsRune("．﹒․／＼﹨％﹪∕⁄", r):
			return false
		case r == '%' && hidesSeparator(s[i+1:]):
			return false
		}
	}
	return true
}

// hidesSeparator reports whether the two digits after a "%" that survived one
// decoding would decode to a dot, a separator, a control character or another "%".
func hidesSeparator(s string) bool {
	if len(s) < 2 {
		return false
	}
	b, err := url.PathUnescape("%" + s[:2])
	if err != nil || b == "" {
		return false
	}
	return b[0] < ' ' || b[0] == 0x7f || b[0] >= 0x80 || strings.Contains("./\\%;?#", b)
}
