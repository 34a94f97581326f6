package oauth

import (
	"context"
	"net/url"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
)

// audience decides whom a token is for: one resource, named by the request or
// implied by its scopes, else the broker (RFC 8707).
func (s *Server) audience(ctx context.Context, resources []string, scopes []consent.Scope) (string, error) {
	chosen := ""
	for _, r := range resources {
		a := s.canonical(r)
		if chosen != "" && a != chosen {
			return "", invalidTarget("A token is for one resource. Ask for one at a time.")
		}
		known, err := s.known(ctx, a)
		if err != nil {
			return "", err
		}
		if !known {
			return "", invalidTarget("There is no such resource here.")
		}
		chosen = a
	}
	for _, sc := range scopes {
		its := s.audienceOf(sc)
		switch {
		case its == "" || its == chosen:
		case chosen == "":
			chosen = its
		default:
			return "", invalidTarget("The scope " + string(sc.Name) + " belongs to another resource. A token is for one resource.")
		}
	}
	if chosen == "" {
		chosen = s.Broker
	}
	return chosen, nil
}

// audienceOf is whom a token with the scope must be for; "" for any.
func (s *Server) audienceOf(sc consent.Scope) string {
	if sc.Audience == "" && sc.Provider != "" {
		return s.Broker
	}
	return sc.Audience
}

func (s *Server) known(ctx context.Context, audience string) (bool, error) {
	if audience == s.Broker {
		return true, nil
	}
	_, known, err := s.ResourceServers.Known(ctx, audience)
	return known, err
}

// canonical gives a resource indicator its one form: clients send it with and
// without a trailing slash, a default port, or capital letters in the host. The
// issuer itself and every path of the broker mean the broker. What is not an
// absolute URI without a fragment comes back as it is, and is then not known
// (RFC 8707 section 2).
func (s *Server) canonical(resource string) string {
	u, err := url.Parse(resource)
	if err != nil || !u.IsAbs() || u.Fragment != "" || strings.Contains(resource, "#") || u.User != nil {
		return resource
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if (u.Scheme == "https" && u.Port() == "443") || (u.Scheme == "http" && u.Port() == "80") {
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	plain := strings.TrimSuffix(u.String(), "/")
	if plain == s.Issuer || plain == s.Broker || strings.HasPrefix(plain, s.Broker+"/") {
		return s.Broker
	}
	return plain
}
