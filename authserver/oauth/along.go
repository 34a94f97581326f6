package oauth

import (
	"net/url"
	"slices"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
)

// along returns the scopes that may come along because the app has them already:
// all that fit the audience when include_granted_scopes=true, or when the request
// merges and so ends the tokens that carried them; else none. The parameter is
// Google's; the draft that would have made it a standard has ended. The consent
// engine keeps of them what the person gave this app.
func (s *Server) along(ask Ask, form url.Values) ([]consent.Scope, error) {
	include := form.Get("include_granted_scopes")
	switch {
	case include != "" && include != "true" && include != "false":
		return nil, invalidRequest("include_granted_scopes is neither true nor false.")
	case include != "true" && !ask.manage.merge:
		return nil, nil
	}
	var out []consent.Scope
	for _, sc := range ask.Words {
		if its := s.audienceOf(sc); (its == "" || its == ask.Audience) && (!ask.Device || forDevice(sc)) {
			out = append(out, sc)
		}
	}
	slices.SortFunc(out, func(a, b consent.Scope) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return out, nil
}
