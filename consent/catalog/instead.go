package catalog

import (
	"slices"

	"github.com/deputy-oauth/deputy/consent"
)

// usual is the operation in op's place that has no When; nil when there is none.
func (p *Provider) usual(op *Operation) *Operation {
	for i := range p.Operations {
		if o := &p.Operations[i]; o.When == "" && o.Path == op.Path && slices.Equal(o.Methods, op.Methods) {
			return o
		}
	}
	return nil
}

// proveWhen: what tells an operation from the usual one in its place is in each of
// its requests and in none of the other's.
func (p *Provider) proveWhen(o Operation, at *problems) {
	if o.Content && (o.Filter != nil || len(o.Pick) > 0 || o.Rule != FromRequest || o.Access != consent.Read) {
		at.add("a file's content is read and named by the request, and has nothing to pick")
	}
	for _, v := range o.Params {
		if v.Kind == KindContent && (v.In != InBody || !v.Required || o.Access == consent.Read) {
			at.add("%s is a file's content: it belongs into the body, is required, and changes something", v.Name)
		}
	}
	if o.When == "" {
		return
	}
	usual := p.usual(&o)
	if usual == nil {
		at.add("when needs an operation with the same methods and path, without one")
		return
	}
	v, ok := o.param(o.When)
	other, both := usual.param(o.When)
	if both {
		// One word of a query tells them apart: format=full, and format=metadata.
		both = v.Kind != KindEnum || other.Kind != KindEnum || v.In != InQuery || other.In != InQuery ||
			slices.ContainsFunc(v.Enum, func(word string) bool { return slices.Contains(other.Enum, word) })
	}
	if !ok || both || !v.Required || (v.In != InQuery && v.In != InBody) {
		at.add("when must be a required value of its query or body, which %s has not", usual.ID)
	}
}
