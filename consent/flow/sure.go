package flow

import (
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/templates"
)

// mostStakes bounds how many are named in an address.
const mostStakes = 3

// sure reports whether the sign-in is sure enough for what the person is about to
// allow. When it is not, their choices are kept, and the browser is on its way to
// show once more who they are and back to this page, where they decide.
func (f *Flow) sure(c *gin.Context, v visit) (bool, error) {
	var names []consent.ScopeName
	for _, s := range v.plan.Stakes() {
		names = append(names, s.Scope.Name)
	}
	if len(names) == 0 {
		return true, nil
	}
	if err := f.keep(c.Request.Context(), v); err != nil {
		return false, err
	}
	next := v.path() + "&outcome=" + string(templates.NoticeSaved) + "&stakes=" + url.QueryEscape(joined(names[:min(mostStakes, len(names))]))
	return f.People.ProveIfAble(c, v.person, templates.ToAllow, next)
}

// Stakes implements identity.Conversations: it words what a path of sure names. An
// address can only name what the catalogue has words for.
func (f *Flow) Stakes(next string) []string {
	u, err := url.Parse(next)
	if err != nil {
		return nil
	}
	var out []string
	for _, name := range strings.Fields(u.Query().Get("stakes")) {
		if s, known := f.Catalog.Scopes[consent.ScopeName(name)]; known && len(out) < mostStakes {
			out = append(out, s.Words)
		}
	}
	return out
}
