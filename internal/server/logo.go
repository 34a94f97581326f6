package server

import (
	"bytes"
	"context"
	"errors"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/outward"
	"github.com/deputy-oauth/deputy/internal/picture"
)

// SetLogo fetches the logo of an app that an operator answers for, once, and keeps
// a small picture of it. A stranger's is never fetched nor shown: a logo persuades
// more than a name does. uri is where an operator's app has it; an app that was
// approved said so itself. It returns the picture's digest.
func (f *Foundation) SetLogo(ctx context.Context, id consent.AppID, uri string) (string, error) {
	c, err := f.sources(f.documents()).Client(ctx, id)
	switch {
	case errors.Is(err, clients.ErrUnknown):
		return "", fault.Wrap(fault.NotFound, err, "There is no app %s, or its document cannot be read.", id)
	case err != nil:
		return "", err
	case !c.Reviewed():
		return "", fault.New(fault.Conflict, "Nobody has approved this app as it is now. Its logo is not shown: deputy app approve.")
	case uri == "":
		uri = c.LogoURI
	case !c.ByOperator() && uri != c.LogoURI:
		return "", fault.New(fault.Invalid, "This app says itself where its logo is. Leave the address out.")
	}
	if uri == "" {
		return "", fault.New(fault.Invalid, "The app does not say where its logo is.")
	}
	raw, err := outward.NewFetcher(f.Config.AllowLoopback).Picture(ctx, uri, int64(picture.Logo.Bytes))
	if err != nil {
		return "", fault.Wrap(fault.Upstream, err, "The logo could not be fetched")
	}
	png, err := picture.Square(ctx, bytes.NewReader(raw), picture.Logo)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "The logo cannot be used")
	}
	return f.Store.SetLogo(ctx, c.ID, uri, png)
}
