package oauth

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/ory/fosite"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
)

// clientCredentialsGrant gives an app a token for itself (OAuth 2.1 section 4.2).
// Such a token never reaches a person's things: nobody agreed to anything.
type clientCredentialsGrant struct{ *Server }

func (clientCredentialsGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool {
	return false
}

func (clientCredentialsGrant) CanHandleTokenEndpointRequest(_ context.Context, req fosite.AccessRequester) bool {
	return req.GetGrantTypes().ExactOne("client_credentials")
}

func (clientCredentialsGrant) PopulateTokenEndpointResponse(_ context.Context, req fosite.AccessRequester, res fosite.AccessResponder) error {
	if !req.GetGrantTypes().ExactOne("client_credentials") {
		return fosite.ErrUnknownRequest
	}
	return populate(req, res)
}

func (h clientCredentialsGrant) HandleTokenEndpointRequest(ctx context.Context, req fosite.AccessRequester) error {
	client, form, now := clientOf(req), req.GetRequestForm(), h.Now()
	if !client.Confidential || !client.Grants("client_credentials") {
		return &Error{Code: "unauthorized_client", Description: "This client may not use client_credentials.", Status: 400}
	}
	if form.Has(detailsParam) {
		return invalidDetails("A token without a person touches nothing of a person's.")
	}
	words, err := h.Vocabulary.Scopes(ctx)
	if err != nil {
		return err
	}
	scopes, err := h.ownScopes(words, client, form.Get("scope"))
	if err != nil {
		return err
	}
	audience, err := h.audience(ctx, form["resource"], scopes)
	if err != nil {
		return err
	}
	session := req.GetSession().(*session)
	t := token{
		ID: uuid.NewString(), App: client.ID, Scopes: joinScopes(scopes), Audience: audience,
		Issued: seconds(now), Expires: seconds(now.Add(h.AccessLife)), Thumbprint: session.key,
	}
	out := issued{scopes: t.Scopes, key: session.key}
	if out.access, out.life, err = h.mint(ctx, t); err != nil {
		return err
	}
	session.issued = out
	return nil
}

// ownScopes are the asked scopes that an operator registered for the app itself:
// those of operators' resource servers. Asking for none means all of them. Every
// such app may also look after its grants, when it says so.
func (s *Server) ownScopes(words consent.Vocabulary, client clients.Client, asked string) ([]consent.Scope, error) {
	var out []consent.Scope
	if asked == "" {
		for _, name := range client.Scopes {
			if s, ok := words[name]; ok && s.Audience != "" {
				out = append(out, s)
			}
		}
		return out, nil
	}
	for _, name := range strings.Fields(asked) {
		if managing, is := s.managing(consent.ScopeName(name)); is {
			out = append(out, managing)
			continue
		}
		s, ok := words[consent.ScopeName(name)]
		if !ok || s.Audience == "" || !slices.Contains(client.Scopes, s.Name) {
			return nil, invalidScope("A token without a person can only have scopes that the operator registered for this client at a resource server.")
		}
		out = append(out, s)
	}
	return out, nil
}

func joinScopes(scopes []consent.Scope) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s.Name)
	}
	return strings.Join(names, " ")
}
