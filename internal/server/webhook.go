package server

import (
	"context"
	"net/url"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// shortestWebhookSecret is in bytes. Providers make longer ones; at some the operator
// chooses it.
const shortestWebhookSecret = 16

// SetWebhook stores what a provider signs its messages to us with, and returns where
// it is to send them. name is that of the registration, if it has one. An empty secret
// takes no more messages.
func (f *Foundation) SetWebhook(ctx context.Context, at, name string, key secret.Text) (address string, err error) {
	known := f.Catalog.Providers[consent.ProviderID(at)]
	switch {
	case known == nil:
		return "", f.noProvider(at)
	case !known.Events.Told():
		return "", fault.New(fault.Invalid, "%s tells nothing that we could take.", known.Name)
	}
	id, err := registrationID(at, name)
	if err != nil {
		return "", err
	}
	var sealed []byte
	if !key.Empty() {
		if len(key.Reveal()) < shortestWebhookSecret {
			return "", fault.New(fault.Invalid, "Take a secret of %d characters or more.", shortestWebhookSecret)
		}
		if sealed, err = f.Vault.Seal(provider.WebhookPlace(id), key); err != nil {
			return "", err
		}
	}
	found, err := f.Store.SetWebhook(ctx, id, sealed)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "There is no registration %s. Use deputy provider set first.", id)
	}
	return f.Config.ExternalURL.String() + "/webhooks/" + url.PathEscape(string(id)), err
}
