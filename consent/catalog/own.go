package catalog

import (
	"slices"

	"github.com/deputy-oauth/deputy/consent"
)

// proveOwn: what an app made is known by an id that the answer has, where it was made is
// known before, and whatever is only for an app's own things names one that can be made.
func (p *Provider) proveOwn(o Operation, at *problems) {
	if o.Posts != nil {
		at := at.in("posts")
		if o.Posts.At == "" || o.Posts.Kind == "" {
			at.add("needs a pointer and a kind")
		}
		if o.Access == consent.Read || o.Content || o.Rule == FromAnswer {
			at.add("is for a change whose place is known before it is made")
		}
	}
	if o.Own == nil {
		return
	}
	at = at.in("own")
	named := slices.ContainsFunc(o.Params, func(v Param) bool {
		return "/"+v.Name == o.Own.At && v.Kind == KindString && (v.Required || v.In == InPath)
	})
	if !named {
		at.add("%s is no text that each request has", o.Own.At)
	}
	made := slices.ContainsFunc(p.Operations, func(other Operation) bool {
		return other.Posts != nil && other.Posts.Kind == o.Own.Kind && other.Rule == o.Rule && other.Resource == o.Resource
	})
	if !made {
		at.add("no operation posts a %s in such a place", o.Own.Kind)
	}
}
