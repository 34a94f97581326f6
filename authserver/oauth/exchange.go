package oauth

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/ory/fosite"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
)

// Token exchange (RFC 8693) is for sub-agents: who holds a token of a person gets
// a lesser one, for itself or for another app that acts for it. Only tokens of
// this server are taken, and only from who holds them. What may come of it is
// decided in delegation.go.

const (
	exchangeGrantType = "urn:ietf:params:oauth:grant-type:token-exchange"
	// accessTokenType is the one type of token that is taken and given (RFC 8693
	// section 3).
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
)

type exchangeGrant struct{ *Server }

func (exchangeGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

func (exchangeGrant) CanHandleTokenEndpointRequest(_ context.Context, req fosite.AccessRequester) bool {
	return req.GetGrantTypes().ExactOne(exchangeGrantType)
}

func (exchangeGrant) PopulateTokenEndpointResponse(_ context.Context, req fosite.AccessRequester, res fosite.AccessResponder) error {
	if !req.GetGrantTypes().ExactOne(exchangeGrantType) {
		return fosite.ErrUnknownRequest
	}
	res.SetExtra("issued_token_type", accessTokenType) // RFC 8693 section 2.2.1
	return populate(req, res)
}

func (h exchangeGrant) HandleTokenEndpointRequest(ctx context.Context, req fosite.AccessRequester) error {
	client, form, now := clientOf(req), req.GetRequestForm(), h.Now()
	// A public client cannot show that it holds the token and did not find it.
	if !client.Confidential || !client.Grants(exchangeGrantType) {
		return &Error{Code: "unauthorized_client", Description: "This client may not use " + exchangeGrantType + ".", Status: http.StatusBadRequest}
	}
	if err := exchangeable(form); err != nil {
		return err
	}
	session := req.GetSession().(*session)
	d, err := h.delegation(ctx, form)
	if err != nil {
		return err
	}
	d.by, d.key = client.ID, session.key
	words, err := h.Vocabulary.Scopes(ctx)
	if err != nil {
		return err
	}
	child, err := d.decide(words, now, h.AccessLife)
	if err != nil {
		return err
	}
	child, details, err := h.handDetails(ctx, d.subject, child, client, form, words, now)
	if err != nil {
		return err
	}
	session.issued, err = h.hand(ctx, child)
	session.issued.details = details
	return err
}

// handDetails keeps the child within what its parent may touch, narrowed further
// by what the request names, and lists it.
func (h exchangeGrant) handDetails(ctx context.Context, parent Authorization, child token, client clients.Client, form url.Values, words consent.Vocabulary, now time.Time) (token, []detail, error) {
	if parent.Details == nil && !form.Has(detailsParam) {
		return child, nil, nil
	}
	g, err := h.Authority.Grant(ctx, child.Grant)
	if err != nil {
		return child, nil, err
	}
	have := share{scopes: child.Scopes, details: parent.Details, sealed: parent.sealed, grant: g, words: words}
	if implied := scopeNames(child.Scopes); parent.Details != nil && !parent.holdsAll(implied) {
		// The details speak of the parent's scopes; some of the child's are only implied.
		have.details = parent.Details.Handed(words, parent.Scopes, implied)
		have.sealed = storedDetails(have.details)
	}
	if have, err = h.narrowDetails(have, form, client, now); err != nil {
		return child, nil, err
	}
	if len(have.sealed) > maxSealed {
		return child, nil, invalidDetails("The subject token may touch too many resources for that. Name fewer.")
	}
	child.Scopes, child.Details = have.scopes, have.sealed
	return child, have.listed(now), nil
}

// exchangeable checks the kinds of token that a request names (RFC 8693 section
// 2.1).
func exchangeable(form url.Values) error {
	kind, actorKind, wanted := form.Get("subject_token_type"), form.Get("actor_token_type"), form.Get("requested_token_type")
	switch {
	case !form.Has("subject_token"):
		return invalidRequest("The parameter subject_token is missing.")
	case kind != accessTokenType:
		return invalidRequest("The subject_token_type must be " + accessTokenType + ".")
	case form.Has("actor_token") != form.Has("actor_token_type"):
		return invalidRequest("Send actor_token and actor_token_type together, or neither.")
	case actorKind != "" && actorKind != accessTokenType:
		return invalidRequest("The actor_token_type must be " + accessTokenType + ".")
	case wanted != "" && wanted != accessTokenType:
		return invalidRequest("Only access tokens are issued in exchange.")
	}
	return nil
}

// delegation reads what a request is about. What the tokens stand for is read
// from the newest state: new authority is given on it.
func (h exchangeGrant) delegation(ctx context.Context, form url.Values) (delegation, error) {
	d := delegation{scope: form.Get("scope")}
	for _, name := range []string{"resource", "audience"} {
		for _, target := range form[name] {
			d.targets = append(d.targets, h.canonical(target))
		}
	}
	var err error
	if d.subject, err = h.verify(ctx, h.Authority, form.Get("subject_token")); err != nil {
		return d, err
	}
	if raw := form.Get("actor_token"); raw != "" {
		actor, err := h.verify(ctx, h.Authority, raw)
		if err != nil {
			return d, err
		}
		d.actor = &actor
	}
	return d, nil
}

// hand records the child with everybody in its chain and makes the answer. There
// is no refresh token: who wants another one exchanges again.
func (h exchangeGrant) hand(ctx context.Context, child token) (issued, error) {
	access, life, err := h.mint(ctx, child)
	if err != nil {
		return issued{}, err
	}
	err = h.Audit.Issued(ctx, Event{
		Kind: "token.exchanged", User: child.User, App: child.App, Grant: child.Grant, Family: child.Family, Actors: child.Actors, Detail: child.Scopes,
	})
	return issued{access: access, life: life, scopes: child.Scopes, key: child.Thumbprint}, err
}

// act is how a chain of actors is told (RFC 8693 section 4.1): who acts now on the
// outside, who handed the token to it within.
func act(actors []consent.AppID) map[string]any {
	if len(actors) == 0 {
		return nil
	}
	out := map[string]any{"sub": actors[0], "client_id": actors[0]}
	if before := act(actors[1:]); before != nil {
		out["act"] = before
	}
	return out
}
