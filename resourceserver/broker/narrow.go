package broker

import (
	"cmp"
	"errors"
	"regexp"
	"strings"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

// errShape: the answer is not built as the catalogue says, so nothing of it can be
// trusted to be inside the limit.
var errShape = errors.New("the provider's answer has an unknown shape")

// errOther: the answer is about another resource than the one that was checked.
var errOther = errors.New("the provider's answer is about another resource")

// errNotThere: the answer is of something that the scope does not mean.
var errNotThere = errors.New("the provider's answer is about something else")

// narrow marks everything in a successful answer that may not leave and returns
// how many items of a list are left. It fails closed: what cannot be checked is
// an error, never an answer (threats B12).
// inside tells of the items of a filtered list; target is the id the call is about.
func (p *plan) narrow(d *document, op *catalog.Operation, inside func(item int) (bool, error), target string) (items int, err error) {
	if err := p.confirms(d, target); err != nil {
		return 0, err
	}
	d.dropFields(p.fields)
	if err := d.dropTypes(p.types); err != nil {
		return 0, err
	}
	if p.root != nil {
		if d.kind(0) != '{' {
			return 0, errShape
		}
		d.keepRoot(p.root)
	}
	for _, keys := range p.hide {
		i, err := d.find(0, keys)
		if err != nil {
			return 0, err
		}
		if i > 0 {
			d.nodes[i].drop = true
		}
	}
	if err := p.excluded(d); err != nil {
		return 0, err
	}
	if err := p.keepItems(d); err != nil {
		return 0, err
	}
	// A list that a request named the customer of is looked through as well: a provider
	// that forgets a condition gives everything.
	if len(p.itemID) == 0 && !p.keyed {
		return d.count(0), nil
	}
	checked := func(item int) (bool, error) {
		if d.like(item, op.Unlike) {
			return false, nil
		}
		return inside(item)
	}
	if op.Filter.One {
		return p.one(d, checked)
	}
	kept, err := p.filter(d, checked)
	if err == nil && kept == 0 && op.Filter.Some {
		err = errNotThere
	}
	return kept, err
}

// keepItems marks in every item all members that are not named.
func (p *plan) keepItems(d *document) error {
	if p.keep == nil {
		return nil
	}
	at, err := d.find(0, p.items)
	if err != nil {
		return err
	}
	if at < 0 && p.root != nil {
		return nil // a list that is empty is left out, and nothing unnamed stands beside it
	}
	if at < 0 || (d.kind(at) != '[' && d.kind(at) != '{') {
		return errShape
	}
	if d.kind(at) == '{' && !p.keyed {
		d.keepOnly(at, p.keep)
		return p.keepParts(d, at)
	}
	var failed error
	d.children(at, func(item int) {
		if d.kind(item) != '{' {
			d.nodes[item].drop = true
			return
		}
		d.keepOnly(item, p.keep)
		failed = cmp.Or(failed, p.keepParts(d, item))
	})
	return failed
}

// keepParts marks in the parts of an item all members that are not named.
func (p *plan) keepParts(d *document, item int) error {
	for _, part := range p.parts {
		at, err := d.find(item, part.at)
		switch {
		case err != nil:
			return err
		case at < 0:
		case len(part.by) == 0 && d.kind(at) == '{':
			d.keepOnly(at, part.keep)
		case len(part.by) > 0 && d.kind(at) == '[':
			d.children(at, func(one int) {
				name, err := d.find(one, part.by)
				if err != nil || name < 0 {
					d.nodes[one].drop = true
					return
				}
				text, _ := d.scalar(name)
				d.nodes[one].drop = d.nodes[one].drop || !part.keep[strings.ToLower(text)]
			})
		default:
			return errShape
		}
	}
	return nil
}

// one checks an answer about a single thing, which is not there when it is outside.
func (p *plan) one(d *document, inside func(item int) (bool, error)) (int, error) {
	at, err := d.find(0, p.items)
	if err != nil {
		return 0, err
	}
	if at < 0 || d.kind(at) != '{' {
		return 0, errShape
	}
	in, err := inside(at)
	if err == nil && !in {
		err = errNotThere
	}
	return 1, err
}

// maxLike is how much of a text is looked at, in bytes: a file has megabytes.
const maxLike = 8 << 10

// like reports whether a text in what stands at node i matches, near its beginning.
func (d *document) like(i int, of *regexp.Regexp) bool {
	if of == nil {
		return false
	}
	for at := i; at < int(d.nodes[i].next); at++ {
		if text, is := d.scalar(at); is && of.MatchString(text[:min(len(text), maxLike)]) {
			return true
		}
	}
	return false
}

// excluded drops what the scope does not mean although the provider puts it
// there.
func (p *plan) excluded(d *document) error {
	if len(p.without) == 0 {
		return nil
	}
	if d.kind(0) == '{' {
		has, err := d.has(0, p.without)
		if has {
			return errNotThere
		}
		return err
	}
	if d.kind(0) != '[' {
		return errShape
	}
	var failed error
	d.children(0, func(item int) {
		has, err := d.has(item, p.without)
		if err != nil {
			failed = err
		}
		d.nodes[item].drop = d.nodes[item].drop || has
	})
	return failed
}

// has reports whether there is something other than null at keys.
func (d *document) has(i int, keys []string) (bool, error) {
	at, err := d.find(i, keys)
	return err == nil && at >= 0 && string(d.raw(at)) != "null", err
}

// confirms takes a second look at whose answer it is.
func (p *plan) confirms(d *document, checked string) error {
	if len(p.confirm) == 0 || checked == "" {
		return nil
	}
	i, err := d.find(0, p.confirm)
	if err != nil {
		return err
	}
	if i < 0 {
		return nil
	}
	if id, ok := d.scalar(i); !ok || id != checked {
		return errOther
	}
	return nil
}

// filter keeps the items that are inside the limit. An item without a readable id
// is outside.
func (p *plan) filter(d *document, inside func(item int) (bool, error)) (int, error) {
	list, err := d.find(0, p.items)
	if err != nil {
		return 0, err
	}
	if want := map[bool]byte{false: '[', true: '{'}[p.keyed]; list < 0 || d.kind(list) != want {
		return 0, errShape
	}
	kept := 0
	var failed error
	d.children(list, func(item int) {
		if failed != nil {
			return
		}
		keep, err := inside(item)
		failed = err
		if keep {
			kept++
			return
		}
		d.nodes[item].drop = true
	})
	return kept, failed
}

// keepRoot marks every member of the root object that is not named.
func (d *document) keepRoot(names map[string]bool) { d.keepOnly(0, names) }

// keepOnly marks every member of the object i that is not named.
func (d *document) keepOnly(i int, names map[string]bool) {
	d.children(i, func(c int) {
		if !names[d.key(c)] {
			d.nodes[c].drop = true
		}
	})
}

// count returns how many items of a list leave, 0 for anything else.
func (d *document) count(i int) int {
	n := 0
	if d.kind(i) == '[' {
		d.children(i, func(c int) {
			if !d.nodes[c].drop {
				n++
			}
		})
	}
	return n
}
