package oauth

import (
	"context"
	"errors"
	"net/url"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
)

// Need reads what an app needs of a person outside of an authorization request:
// it asks what is missing, or was refused a call. scope and details are as in a
// request (RFC 6749 section 3.3, RFC 9396 section 2); empty means the app's usual
// scopes. There is nobody to send back to: the answer changes the grant, and the app
// finds that out by itself. The error is an *Error, or clients.ErrUnknown.
func (s *Server) Need(ctx context.Context, app consent.AppID, scope, details string) (Ask, error) {
	client, err := s.Clients.Client(ctx, app)
	if err != nil {
		return Ask{}, err
	}
	form := url.Values{"client_id": {string(app)}}
	for name, value := range map[string]string{"scope": scope, detailsParam: details} {
		if value != "" {
			form.Set(name, value)
		}
	}
	if err := once(form); err != nil {
		return Ask{}, err
	}
	ask := Ask{Client: client, Here: true}
	if ask.Words, err = s.Vocabulary.Scopes(ctx); err != nil {
		return Ask{}, err
	}
	if err := s.what(&ask, form); err != nil {
		return Ask{}, err
	}
	ask.Audience, err = s.audience(ctx, nil, ask.Scopes)
	return ask, err
}

// Registered returns the OAuth error in err, false when it is another failure.
func Registered(err error) (*Error, bool) {
	var e *Error
	if errors.As(err, &e) {
		return e, true
	}
	if errors.Is(err, clients.ErrUnknown) {
		return registered(err), true
	}
	return nil, false
}
