package broker

import (
	"net/url"
	"slices"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

// instead is the operation that the request is: usual, or one in its place whose
// value the request has.
func instead(usual *catalog.Operation, req Request) *catalog.Operation {
	for _, op := range usual.Instead {
		for _, p := range op.Params {
			if p.Name == op.When && carries(req, p) {
				return op
			}
		}
	}
	return usual
}

// carries reports whether the request has something under the value's name; of an
// enum in the query, one of its words. A request that cannot be read has nothing, and
// is refused when it is read.
func carries(req Request, p catalog.Param) bool {
	if p.In == catalog.InQuery {
		query, err := url.ParseQuery(req.RawQuery)
		if err != nil || p.Kind != catalog.KindEnum {
			return err == nil && query.Has(p.Name)
		}
		return slices.ContainsFunc(query[p.Name], func(word string) bool { return slices.Contains(p.Enum, word) })
	}
	d, err := parse(req.Body)
	if err != nil || d.kind(0) != '{' {
		return false
	}
	at, err := d.find(0, []string{p.Name})
	return err != nil || at >= 0
}
