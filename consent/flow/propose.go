package flow

import (
	"context"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// propose is decide for a page. Resources that the app names are looked up in the
// live list of the account: those it has are picked before the person has picked
// anything, the others are not mentioned to anybody. It may ask a provider, so it
// is not for transactions.
func (f *Flow) propose(ctx context.Context, ask oauth.Ask, p identity.Person, choices consent.Choices) (consent.Plan, error) {
	w, err := f.stands(ctx, ask, p, choices)
	if err != nil {
		return consent.Plan{}, err
	}
	plan := w.decide()
	if w.req.Offers, err = f.offers(ctx, plan); err != nil || len(w.req.Offers) == 0 {
		return plan, err
	}
	return w.decide(), nil
}

// offers looks for what the plan's rows name. An account whose provider does not
// answer has nothing to offer.
func (f *Flow) offers(ctx context.Context, plan consent.Plan) ([]consent.Offer, error) {
	var out []consent.Offer
	asked := map[listKey]bool{}
	for _, r := range plan.Rows {
		if r.Status == consent.NeedsConnect || r.Status == consent.NeedsReconnect || r.Status == consent.NeedsWiden {
			continue
		}
		for _, want := range r.Named {
			key := listKey{r.Connection.ID, want.Type}
			if asked[key] {
				continue
			}
			asked[key] = true
			have, err := f.list(ctx, key.connection, key.resource)
			if _, theirs := provider.ClassOf(err); err != nil && !theirs {
				return nil, err
			}
			for _, it := range have.items {
				out = append(out, consent.Offer{Connection: key.connection, Resource: it.Resource})
			}
		}
	}
	return out, nil
}
