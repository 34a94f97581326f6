package server

import (
	"context"

	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/resourceserver"
	"github.com/deputy-oauth/deputy/resourceserver/bearer"
)

// verifier is bearer.Verifier without a request: broker and authorization server
// are the same process here.
type verifier struct{ server *oauth.Server }

func (v verifier) Verify(ctx context.Context, token string) (bearer.Authority, error) {
	a, err := v.server.Verify(ctx, token)
	if err != nil || !a.Active {
		return bearer.Authority{}, err
	}
	out := bearer.Authority{
		Active: true, Subject: string(a.User), ClientID: string(a.App), Grant: string(a.Grant), Family: string(a.Family),
		Audience: []string{a.Audience}, Expires: a.Expires, IssuedAt: a.Issued, Present: a.Present, TokenType: "Bearer", Thumbprint: a.Thumbprint, ACR: string(a.Level),
	}
	if a.AuthTime.Unix() > 0 {
		out.AuthTime = a.AuthTime
	}
	if a.Thumbprint != "" {
		out.TokenType = "DPoP"
	}
	if a.Details != nil {
		out.Details = narrowed(a.Details)
	}
	for _, id := range a.Actors {
		out.Actors = append(out.Actors, string(id))
	}
	for _, s := range a.Scopes {
		out.Scopes = append(out.Scopes, string(s))
	}
	return out, nil
}

// narrowed is never nil: an empty list narrows to nothing.
func narrowed(details consent.Details) []bearer.Detail {
	out := make([]bearer.Detail, len(details))
	for i, d := range details {
		out[i] = bearer.Detail{Type: string(d.Type), Identifier: d.ID}
		for _, a := range d.Actions {
			out[i].Actions = append(out[i].Actions, string(a))
		}
	}
	return out
}

// detailTypes are the kinds of things that people pick: what authorization_details
// can name.
func detailTypes(c *catalog.Catalog) oauth.DetailTypes {
	types := oauth.DetailTypes{}
	for _, p := range c.Providers {
		for name, r := range p.Resources {
			types[name] = r.Pattern
		}
	}
	return types
}

func (s *Server) brokerConfig() resourceserver.Config {
	return resourceserver.Config{Verifier: verifier{s.oauth}, Proofs: s.proofs(), Broker: s.broker, Outlook: outlook{s.flow, s.issuer()}, Events: s.events, Catalog: s.Catalog, ExternalURL: s.issuer()}
}
