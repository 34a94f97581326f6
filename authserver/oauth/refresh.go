package oauth

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/ory/fosite"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// refreshGrant refreshes (OAuth 2.1 section 4.3).
type refreshGrant struct{ *Server }

func (refreshGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

func (refreshGrant) CanHandleTokenEndpointRequest(_ context.Context, req fosite.AccessRequester) bool {
	return req.GetGrantTypes().ExactOne("refresh_token")
}

func (refreshGrant) PopulateTokenEndpointResponse(_ context.Context, req fosite.AccessRequester, res fosite.AccessResponder) error {
	if !req.GetGrantTypes().ExactOne("refresh_token") {
		return fosite.ErrUnknownRequest
	}
	return populate(req, res)
}

// verdict is what a presented refresh token deserves.
type verdict int

const (
	dead    verdict = iota // nothing
	rotate                 // the next generation
	again                  // the successor that was given already
	lasting                // the same token once more
	reused                 // stolen or long outdated: the family ends
)

// judge decides about a presented generation from where the family stands. The
// string is the reason, for the log.
func judge(st Standing, client clients.Client, generation int64, now time.Time) (verdict, string) {
	f := st.Family
	switch {
	case f.AppID != client.ID:
		return dead, "the token is another client's"
	case st.Agreed != client.Digest():
		return dead, "the app's return addresses or keys are not those that were agreed to"
	case f.RevokedAt != nil:
		return dead, "the family was revoked"
	case st.Dead != "":
		return dead, st.Dead
	case now.UnixMilli() >= f.ExpiresAt, now.Sub(time.UnixMilli(f.RefreshedAt)) >= RefreshIdle:
		return dead, "the family ended"
	case !f.Offline && !st.Present:
		return dead, "the person signed out"
	case generation == f.Generation && !f.Rotates:
		return lasting, ""
	case generation == f.Generation:
		return rotate, ""
	case generation == f.Generation-1 && now.Sub(time.UnixMilli(f.RefreshedAt)) < RefreshGrace:
		return again, ""
	case generation > f.Generation:
		return dead, "a generation that was never given" // after a restored backup
	}
	return reused, "an old refresh token was used again"
}

func (h refreshGrant) HandleTokenEndpointRequest(ctx context.Context, req fosite.AccessRequester) error {
	client, form, now := clientOf(req), req.GetRequestForm(), h.Now()
	if !client.Grants("refresh_token") {
		return &Error{Code: "unauthorized_client", Description: "This client may not use refresh_token.", Status: 400}
	}
	family, generation, err := h.refresh.read(form.Get("refresh_token"))
	if err != nil {
		return invalidGrant("not a refresh token")
	}
	session := req.GetSession().(*session)
	var have share
	f, next, err := h.step(ctx, family, client, session.key, generation, now, func(f Family) (err error) {
		have, err = h.asked(ctx, f, client, form, now)
		return err
	})
	if err != nil {
		return err
	}
	out := issued{scopes: have.scopes, details: have.listed(now), key: session.key, grant: told(client, f.GrantID), expiry: f.expiry(have.ends, now)}
	if out.access, out.life, err = h.mint(ctx, h.newToken(f, have, session.key, now)); err != nil {
		return err
	}
	if out.refresh, err = h.refresh.mint(f.ID, next); err != nil {
		return err
	}
	session.issued = out
	return nil
}

// expiry is how long a refresh token lasts, in seconds
// (draft-ietf-oauth-refresh-token-expiration-03 section 4.1).
type expiry struct {
	idle       int64 // while nobody uses it
	authorized int64 // until the first of its scopes ends: nothing but the person can prolong that
}

// expiry tells apps when to ask the person again before something stops. ends is
// when the first of the scopes does.
func (f Family) expiry(ends, now time.Time) expiry {
	last := time.UnixMilli(f.ExpiresAt)
	if ends.Before(last) {
		last = ends
	}
	idle := time.UnixMilli(f.RefreshedAt).Add(RefreshIdle)
	if last.Before(idle) {
		idle = last
	}
	return expiry{idle: int64(idle.Sub(now) / time.Second), authorized: int64(last.Sub(now) / time.Second)}
}

// asked returns what the answer gives, or why the request cannot have one. It runs
// before anything moves: a refusal leaves the client the token it has.
func (h refreshGrant) asked(ctx context.Context, f Family, client clients.Client, form url.Values, now time.Time) (share, error) {
	for _, r := range form["resource"] {
		if h.canonical(r) != f.Audience {
			return share{}, invalidTarget("The refresh token was issued for another resource.")
		}
	}
	// Whether the grant stands was read with the family. Which scopes of it are left
	// may be half a second old: they are looked at again whenever the token is used.
	have, err := h.standing(ctx, h.Live, f.GrantID, f.Scopes, f.Details, now)
	if err != nil {
		return share{}, err
	}
	if have.scopes, err = narrow(have.scopes, form.Get("scope")); err != nil {
		return share{}, err
	}
	return h.narrowDetails(have, form, client, now)
}

// step moves the family on and returns it with the generation to hand out. Of
// two requests with the same token one moves it; the other then finds the token
// to be the generation just passed and gets the same successor.
func (h refreshGrant) step(ctx context.Context, id consent.FamilyID, client clients.Client, key string, generation int64, now time.Time, check func(Family) error) (Family, int64, error) {
	for range 2 {
		st, err := h.Authority.Standing(ctx, id)
		if errors.Is(err, db.ErrNone) {
			return Family{}, 0, invalidGrant("no such family")
		}
		if err != nil {
			return Family{}, 0, err
		}
		if !st.Family.mayRefresh(key) {
			return Family{}, 0, invalidGrant("the token is bound to another key")
		}
		v, why := judge(st, client, generation, now)
		if v != dead && v != reused {
			if err := check(st.Family); err != nil {
				return Family{}, 0, err
			}
		}
		switch v {
		case rotate:
			moved, err := h.move(ctx, id, generation, now)
			if err != nil || moved {
				st.Family.RefreshedAt = now.UnixMilli()
				return st.Family, generation + 1, err
			}
		case again:
			return st.Family, st.Family.Generation, nil
		case lasting:
			at, err := h.used(ctx, st.Family, now)
			st.Family.RefreshedAt = at
			return st.Family, generation, err
		case reused:
			if err := h.endFamily(ctx, st.Family, now); err != nil {
				return Family{}, 0, err
			}
			return Family{}, 0, invalidGrant(why)
		default:
			return Family{}, 0, invalidGrant(why)
		}
	}
	return Family{}, 0, invalidGrant("the family moved on twice meanwhile")
}

func (h refreshGrant) move(ctx context.Context, id consent.FamilyID, generation int64, now time.Time) (bool, error) {
	var moved bool
	err := h.DB.Once(ctx, func(ctx context.Context) (err error) {
		moved, err = h.storage.advance(ctx, id, generation, now)
		return err
	})
	return moved, err
}

// usedEvery is how exactly the last use of a lasting refresh token is known.
const usedEvery = time.Minute

// used notes a use, and returns the last that is noted, in milliseconds.
func (h refreshGrant) used(ctx context.Context, f Family, now time.Time) (int64, error) {
	if now.Sub(time.UnixMilli(f.RefreshedAt)) < usedEvery {
		return f.RefreshedAt, nil
	}
	err := h.DB.Once(ctx, func(ctx context.Context) error { return h.storage.touch(ctx, f.ID, now) })
	return now.UnixMilli(), err
}

// endFamily revokes a family whose old refresh token came back (OAuth 2.1
// section 4.3.1). It commits whatever the answer will be.
func (h refreshGrant) endFamily(ctx context.Context, f Family, now time.Time) error {
	defer h.Live.Forget(f.ID)
	return h.DB.Tx(ctx, func(ctx context.Context) error {
		revoked, err := h.storage.revokeFamily(ctx, f.ID, now)
		if err != nil || !revoked {
			return err
		}
		return h.Audit.Issued(ctx, Event{Kind: "token.replayed", User: f.UserID, App: f.AppID, Grant: f.GrantID, Family: f.ID, Detail: "refresh token"})
	})
}
