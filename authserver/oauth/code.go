package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// codeGrant turns a code into tokens (OAuth 2.1 section 4.1.3): code, PKCE and
// OpenID Connect in one decision and one transaction.
type codeGrant struct{ *Server }

func (codeGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

func (codeGrant) CanHandleTokenEndpointRequest(_ context.Context, req fosite.AccessRequester) bool {
	return req.GetGrantTypes().ExactOne("authorization_code")
}

func (codeGrant) PopulateTokenEndpointResponse(_ context.Context, req fosite.AccessRequester, res fosite.AccessResponder) error {
	if !req.GetGrantTypes().ExactOne("authorization_code") {
		return fosite.ErrUnknownRequest
	}
	return populate(req, res)
}

func (h codeGrant) HandleTokenEndpointRequest(ctx context.Context, req fosite.AccessRequester) error {
	client, form, now := clientOf(req), req.GetRequestForm(), h.Now()
	if !client.Grants("authorization_code") {
		return &Error{Code: "unauthorized_client", Description: "This client may not use authorization_code.", Status: 400}
	}
	presented := form.Get("code")
	if !strings.HasPrefix(presented, codePrefix) {
		return invalidGrant("not a code")
	}
	c, err := h.storage.findCode(ctx, codeHash(presented))
	if errors.Is(err, db.ErrNone) {
		return invalidGrant("unknown code")
	}
	if err != nil {
		return err
	}
	if err := fits(c, client, form.Get("redirect_uri"), form.Get("code_verifier"), form["resource"], h.canonical); err != nil {
		return err
	}
	session := req.GetSession().(*session)
	if c.Thumbprint != "" && c.Thumbprint != session.key { // RFC 9449 section 10
		return invalidGrant("the code is bound to another key")
	}
	c.Thumbprint, c.From = session.key, session.from
	session.issued, err = h.redeem(ctx, c, client, form, now)
	return err
}

// fits checks a code against the request before anything is changed: a code in
// the wrong hands has no effect at all, so that nobody can end somebody else's
// tokens with a guess (OAuth 2.1 section 7.5.2).
func fits(c code, client clients.Client, redirect, verifier string, resources []string, canonical func(string) string) error {
	switch {
	case c.AppID != client.ID:
		return invalidGrant("the code is another client's")
	case redirect != "" && redirect != c.RedirectURI: // OAuth 2.1 section 10.2: may be left out
		return invalidGrant("another redirect_uri")
	case !verified(c.Challenge, verifier):
		return invalidGrant("the code_verifier does not fit")
	}
	for _, r := range resources {
		if canonical(r) != c.Audience {
			return invalidTarget("The code was issued for another resource.")
		}
	}
	return nil
}

var verifierForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`) // RFC 7636 section 4.1

func verified(challenge, verifier string) bool {
	if !verifierForm.MatchString(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	got := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(got), []byte(challenge)) == 1
}

// redeem uses the code and makes the tokens in one transaction. A replay is not
// an error of that transaction: taking the first use's tokens back must stay.
func (h codeGrant) redeem(ctx context.Context, c code, client clients.Client, form url.Values, now time.Time) (issued, error) {
	var out issued
	var refused error
	err := h.DB.Tx(ctx, func(ctx context.Context) error {
		f := h.newFamily(c, client, now)
		used, err := h.storage.useCode(ctx, c.Hash, f.ID, now)
		if err != nil {
			return err
		}
		if !used {
			refused = invalidGrant("the code was used or has ended")
			return h.replayed(ctx, c.Hash, now)
		}
		out, refused, err = h.firstTokens(ctx, c, f, client, form, now)
		return err
	})
	if err != nil {
		return issued{}, err
	}
	return h.merged(out), refused
}

func (h codeGrant) newFamily(c code, client clients.Client, now time.Time) Family {
	f := Family{
		ID: newFamilyID(), GrantID: c.GrantID, AppID: c.AppID, UserID: c.UserID, SessionID: c.SessionID,
		Scopes: c.Scopes, Details: c.Details, Audience: c.Audience, Offline: contains(c.Scopes, consent.OfflineAccess), Rotates: !client.Confidential,
		AuthTime: c.AuthTime, Level: c.Level,
		CreatedAt: now.UnixMilli(), RefreshedAt: now.UnixMilli(), ExpiresAt: now.Add(RefreshLife).UnixMilli(),
	}
	if !client.Grants("refresh_token") {
		f.ExpiresAt = now.Add(h.AccessLife).UnixMilli()
	}
	return f.bind(c.Thumbprint, client.Confidential)
}

// firstTokens makes the tokens of a new family. Its second result is a refusal,
// which keeps the code used; asking for a part of what there is not, is an error
// that does not.
func (h codeGrant) firstTokens(ctx context.Context, c code, f Family, client clients.Client, form url.Values, now time.Time) (issued, error, error) {
	have, err := h.agreed(ctx, c, client, now)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			return issued{}, e, nil
		}
		return issued{}, nil, err
	}
	if have, err = h.narrowDetails(have, form, client, now); err != nil {
		return issued{}, nil, err
	}
	if !f.Offline {
		present, err := h.Authority.SignedIn(ctx, c.SessionID)
		if err != nil {
			return issued{}, nil, err
		}
		if !present {
			return issued{}, invalidGrant("the person signed out"), nil
		}
	}
	out, err := h.answer(ctx, f, have, c, client, now)
	if err != nil {
		return issued{}, nil, err
	}
	if out.ended, err = h.endOthers(ctx, c, f.ID, now); err != nil {
		return issued{}, nil, err
	}
	event := Event{Kind: "token.issued", User: c.UserID, App: c.AppID, Grant: c.GrantID, Family: f.ID, Detail: have.scopes}
	err = errors.Join(h.storage.addFamily(ctx, f), h.Audit.Issued(ctx, event), h.storage.sweep(ctx, now))
	if err == nil && elsewhere(c.Network, c.From) {
		out.elsewhere = true
		event.Kind, event.Detail = "token.elsewhere", "the code was given to a program on the person's computer"
		err = h.Audit.Issued(ctx, event)
	}
	return out, nil, err
}

// agreed is what the grant of a code still gives, or why it gives nothing: also
// when the app is not the one that was agreed to any more.
func (h codeGrant) agreed(ctx context.Context, c code, client clients.Client, now time.Time) (share, error) {
	have, err := h.standing(ctx, h.Authority, c.GrantID, c.Scopes, c.Details, now)
	if err == nil && have.grant.AppDigest != client.Digest() {
		return share{}, invalidGrant("the app's return addresses or keys are not those that were agreed to")
	}
	return have, err
}

func (h codeGrant) answer(ctx context.Context, f Family, have share, c code, client clients.Client, now time.Time) (issued, error) {
	out := issued{scopes: have.scopes, details: have.listed(now), key: c.Thumbprint, grant: told(client, c.GrantID)}
	var err error
	if out.access, out.life, err = h.mint(ctx, h.newToken(f, have, c.Thumbprint, now)); err != nil {
		return issued{}, err
	}
	if client.Grants("refresh_token") {
		if out.refresh, err = h.refresh.mint(f.ID, f.Generation); err != nil {
			return issued{}, err
		}
		out.expiry = f.expiry(have.ends, now)
	}
	if contains(have.scopes, consent.OpenID) {
		out.idToken, err = h.idToken(ctx, c, out.access, now)
	}
	return out, err
}

// replayed takes back what the first use of the code gave (OAuth 2.1 section
// 4.1.3). The request was verified before: client, redirect and verifier fit.
func (h codeGrant) replayed(ctx context.Context, hash []byte, now time.Time) error {
	c, err := h.storage.findCode(ctx, hash)
	if err != nil || c.UsedAt == nil || c.FamilyID == nil {
		return err
	}
	return h.takeBack(ctx, *c.FamilyID, Event{User: c.UserID, App: c.AppID, Grant: c.GrantID, Detail: "code"}, now)
}

// takeBack revokes a family whose code came back, in the transaction of ctx. e
// says whose it is.
func (s *Server) takeBack(ctx context.Context, family consent.FamilyID, e Event, now time.Time) error {
	revoked, err := s.storage.revokeFamily(ctx, family, now)
	if err != nil || !revoked {
		return err
	}
	s.Live.Forget(family)
	e.Kind, e.Family = "token.replayed", family
	return s.Audit.Issued(ctx, e)
}

// idToken signs who the person is (OpenID Connect Core 2).
func (h codeGrant) idToken(ctx context.Context, c code, access string, now time.Time) (string, error) {
	sum := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": h.Issuer, "sub": string(c.UserID), "aud": string(c.AppID),
		"iat": seconds(now), "exp": seconds(now.Add(h.AccessLife)), "auth_time": c.AuthTime / 1000, "sid": h.sid(c.AppID, c.SessionID),
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:sha256.Size/2]),
	}
	if c.Level != "" {
		claims["acr"] = c.Level
	}
	if c.Nonce != "" {
		claims["nonce"] = c.Nonce
	}
	return h.Signer.Sign(ctx, claims, "JWT")
}
