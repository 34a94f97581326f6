package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// poll is what a device's question deserves.
type poll int

const (
	pollForeign poll = iota // another client's code
	pollUsed                // its tokens were given
	pollEnded
	pollRefused
	pollWait
	pollTooEarly
	pollAllowed
)

// answer decides about a question at now.
func (d device) answer(client consent.AppID, now time.Time) poll {
	switch {
	case d.AppID != client: // O30: bound to its client
		return pollForeign
	case d.State == deviceUsed:
		return pollUsed
	case now.UnixMilli() >= d.ExpiresAt:
		return pollEnded
	case d.State == deviceRefused:
		return pollRefused
	case d.State == deviceAllowed:
		return pollAllowed
	case now.UnixMilli()-d.PolledAt < d.Wait*1000:
		return pollTooEarly
	}
	return pollWait
}

// deviceGrant turns a device code into tokens (RFC 8628 section 3.4).
type deviceGrant struct{ *Server }

func (deviceGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

func (deviceGrant) CanHandleTokenEndpointRequest(_ context.Context, req fosite.AccessRequester) bool {
	return req.GetGrantTypes().ExactOne(deviceGrantType)
}

func (h deviceGrant) HandleTokenEndpointRequest(ctx context.Context, req fosite.AccessRequester) (err error) {
	session := req.GetSession().(*session)
	session.issued, err = h.handle(ctx, clientOf(req), req.GetRequestForm(), session.key)
	return err
}

func (deviceGrant) PopulateTokenEndpointResponse(_ context.Context, req fosite.AccessRequester, res fosite.AccessResponder) error {
	if !req.GetGrantTypes().ExactOne(deviceGrantType) {
		return fosite.ErrUnknownRequest
	}
	return populate(req, res)
}

func (h deviceGrant) handle(ctx context.Context, client clients.Client, form url.Values, key string) (issued, error) {
	now, presented := h.Now(), form.Get("device_code")
	if !client.Grants(deviceGrantType) {
		return issued{}, &Error{Code: "unauthorized_client", Description: "This client may not use " + deviceGrantType + ".", Status: http.StatusBadRequest}
	}
	if !strings.HasPrefix(presented, devicePrefix) {
		return issued{}, invalidGrant("not a device code")
	}
	d, err := h.storage.findDevice(ctx, codeHash(presented))
	if errors.Is(err, db.ErrNone) {
		return issued{}, invalidGrant("unknown device code")
	}
	if err != nil {
		return issued{}, err
	}
	switch v := d.answer(client.ID, now); v {
	case pollEnded:
		return issued{}, notYet("expired_token", "The device code has ended. Ask for a new one.")
	case pollRefused:
		return issued{}, notYet("access_denied", "The person said no.")
	case pollTooEarly, pollWait:
		return issued{}, h.wait(ctx, d, v, now)
	case pollAllowed:
		return h.redeem(ctx, d, client, form, key, now)
	case pollUsed:
		return issued{}, h.replayed(ctx, d.Hash, now)
	}
	return issued{}, invalidGrant("the device code is another client's")
}

// replayed takes back what the first use of a device code gave, as for any other
// code (OAuth 2.1 section 4.1.3): one of the two who have it is a stranger.
func (h deviceGrant) replayed(ctx context.Context, hash []byte, now time.Time) error {
	err := h.DB.Tx(ctx, func(ctx context.Context) error {
		d, err := h.storage.findDevice(ctx, hash)
		if err != nil || d.FamilyID == "" {
			return err
		}
		return h.takeBack(ctx, d.FamilyID, Event{User: d.UserID, App: d.AppID, Grant: d.GrantID, Detail: "device code"}, now)
	})
	if err != nil {
		return err
	}
	return invalidGrant("the device code was used")
}

// notYet is an answer that is no token (RFC 8628 section 3.5).
func notYet(code, description string) *Error {
	return &Error{Code: code, Description: description, Status: http.StatusBadRequest}
}

// wait notes a question that has no answer yet. Each one that comes too early
// makes the device wait longer from then on.
func (h deviceGrant) wait(ctx context.Context, d device, v poll, now time.Time) error {
	refusal, seconds := notYet("authorization_pending", "The person has not answered yet."), d.Wait
	if v == pollTooEarly {
		refusal, seconds = notYet("slow_down", "Wait 5 seconds longer between questions."), d.Wait+slowerBy
	}
	if err := h.storage.polled(ctx, d, seconds, now); err != nil {
		return err
	}
	return refusal
}

// redeem uses the device code and makes the tokens in one transaction.
func (h deviceGrant) redeem(ctx context.Context, d device, client clients.Client, form url.Values, key string, now time.Time) (issued, error) {
	var out issued
	var refused error
	err := h.DB.Tx(ctx, func(ctx context.Context) error {
		codes := codeGrant{h.Server}
		c := code{
			GrantID: d.GrantID, AppID: d.AppID, UserID: d.UserID, SessionID: d.SessionID, Audience: d.Audience, Scopes: d.Scopes,
			AuthTime: d.AuthTime, Level: d.Level, Thumbprint: key, Details: d.Details, Merges: d.merges(),
		}
		f := codes.newFamily(c, client, now)
		first, err := h.storage.useDevice(ctx, d.Hash, f.ID, now)
		if err != nil {
			return err
		}
		if !first {
			refused = invalidGrant("the device code was used or has ended")
			return nil
		}
		// From here on it is as if a code had come back.
		out, refused, err = codes.firstTokens(ctx, c, f, client, form, now)
		return err
	})
	if err != nil {
		return issued{}, err
	}
	return h.merged(out), refused
}
