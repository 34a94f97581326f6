package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// Step is how far a refresh is. The steps are where a program may die; see
// Config.Watch.
type Step string

// The steps, in their order.
const (
	Found    Step = "found"    // the tokens must be replaced; nothing is written
	Leased   Step = "leased"   // the attempt is committed; the provider knows nothing
	Answered Step = "answered" // the new tokens are in memory only
	Stored   Step = "stored"   // they are committed; nobody used them yet
)

func (c *Client) at(s Step) {
	if c.cfg.Watch != nil {
		c.cfg.Watch(s)
	}
}

// renew replaces the refused (or ending) generation, or returns the one that
// somebody else made meanwhile. It waits for a lease for at most as long as a
// lease lasts. Its contexts come from nowhere: a caller's cancellation must not
// lose a rotated token, and a caller's transaction must not be held.
func (c *Client) renew(id consent.ConnectionID, refused int64) (held, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.Lease+c.cfg.Poll)
	defer cancel()
	attempt := uuid.Must(uuid.NewV7()).String()
	for {
		h, err := c.load(ctx, id)
		if err != nil {
			return held{}, err
		}
		if h.version != refused && !c.due(h) {
			c.kept.Set(id, h)
			return h, nil
		}
		if !h.refreshable {
			return held{}, errNoRefresh
		}
		if err := c.resting(h); err != nil {
			return held{}, err
		}
		c.at(Found)
		won, cred, err := c.cfg.Credentials.Lease(ctx, Claim{
			Connection: id, Version: h.version, Attempt: attempt, Now: c.cfg.Now(), For: c.cfg.Lease,
		})
		if err != nil {
			return held{}, fmt.Errorf("lease tokens of %s: %w", id, err)
		}
		if won {
			c.at(Leased)
			return c.redeem(h.at, cred, attempt)
		}
		if h.version != refused && !c.ended(h) && !h.at.variant.KillsOldAccess {
			return h, nil // somebody refreshes ahead of time; the old one works meanwhile
		}
		select {
		case <-time.After(c.cfg.Poll):
		case <-ctx.Done():
			return held{}, h.at.unanswered("wait for a refresh elsewhere", ctx.Err(), false)
		}
	}
}

// redeem spends the refresh token. The lease is held.
func (c *Client) redeem(at *endpoint, cred Credential, attempt string) (held, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.Lease)
	defer cancel()
	token, err := c.openRefresh(cred)
	if err != nil {
		return held{}, c.giveUp(at, cred, attempt, err)
	}
	tokens, err := c.refresh(ctx, at, token, cred.Granted)
	if lost(err) && !cred.Unsure {
		// Some providers give the same successor again for a while; for the others
		// this finds out that the old token is spent. Who was in doubt already is
		// the second try.
		cred.Unsure = true
		tokens, err = c.refresh(ctx, at, token, cred.Granted)
	}
	if err != nil {
		return c.refreshFailed(at, cred, attempt, err)
	}
	if tokens.Refresh.Empty() {
		if at.variant.Rotates {
			c.cfg.Log.Error("provider answered a refresh without a new refresh token although it rotates them",
				slog.String("provider", string(at.provider.ID)), slog.String("connection", string(cred.Connection)))
		}
		tokens.Refresh = token // RFC 6749 section 6: the old one stays
	}
	c.at(Answered)
	return c.write(ctx, at, cred, attempt, tokens)
}

// lost reports whether the answer to a token request got lost: it was sent, and
// nobody knows what came of it.
func lost(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == catalog.ProviderDown && e.Sent
}

// write stores the new generation before anybody uses it. A database that fails
// is asked again until the lease ends: these tokens exist nowhere else.
func (c *Client) write(ctx context.Context, at *endpoint, cred Credential, attempt string, tokens Tokens) (held, error) {
	next := cred.Version + 1
	sealed, err := c.Seal(cred.Connection, next, tokens)
	if err != nil {
		return held{}, c.giveUp(at, cred, attempt, err)
	}
	renewal := Renewal{
		Connection: cred.Connection, Version: cred.Version, Attempt: attempt, Sealed: sealed,
		Granted: tokens.Granted, IssuedAt: tokens.IssuedAt, ExpiresAt: tokens.ExpiresAt,
	}
	for {
		stored, err := c.cfg.Credentials.Store(ctx, renewal)
		if err == nil && stored {
			h := held{
				at: at, access: tokens.Access, version: next, issued: tokens.IssuedAt, expires: tokens.ExpiresAt,
				refreshable: !tokens.Refresh.Empty(),
			}
			c.at(Stored)
			c.kept.Set(cred.Connection, h)
			h.renewed = true // for those who waited, not for who finds it in memory later
			return h, nil
		}
		if err == nil {
			return c.overtaken(ctx, cred)
		}
		c.cfg.Log.Error("refreshed tokens could not be stored, trying again",
			slog.String("connection", string(cred.Connection)), slog.String("error", err.Error()))
		select {
		case <-time.After(c.cfg.Poll):
		case <-ctx.Done():
			return held{}, fmt.Errorf("store refreshed tokens of %s: %w", cred.Connection, err)
		}
	}
}

// overtaken returns what somebody else stored: a person who reconnected, or a
// replica that took over after our lease.
func (c *Client) overtaken(ctx context.Context, cred Credential) (held, error) {
	c.cfg.Log.Warn("refreshed tokens were overtaken", slog.String("connection", string(cred.Connection)))
	c.kept.Invalidate(cred.Connection)
	h, err := c.load(ctx, cred.Connection)
	if err != nil {
		return held{}, err
	}
	if h.version == cred.Version {
		return held{}, h.at.unanswered("refresh tokens", errors.New("another refresh is under way"), false)
	}
	return h, nil
}

// refreshFailed notes what a refusal means. Only reauth_required, about the
// generation that is still there, may end a connection; everything else is a rest.
func (c *Client) refreshFailed(at *endpoint, cred Credential, attempt string, cause error) (held, error) {
	class, _ := ClassOf(cause)
	verdict, err := c.note(Failure{
		Connection: cred.Connection, Version: cred.Version, Attempt: attempt, Class: class, Unsure: cred.Unsure || lost(cause),
		Rest: cred.Rest.after(cause, c.cfg.Now(), chance()), At: c.cfg.Now(),
	})
	if err != nil {
		return held{}, errors.Join(cause, err)
	}
	if verdict == Overtaken {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return c.overtaken(ctx, cred)
	}
	level := slog.LevelWarn
	var refused *Error
	if class == catalog.ReauthRequired && verdict == Resting && errors.As(cause, &refused) {
		ours := *refused
		ours.Kind, cause = catalog.Misconfigured, &ours
	}
	if class, _ := ClassOf(cause); class == catalog.Misconfigured || class == catalog.CallerFault {
		level = slog.LevelError // ours to repair: the client secret, the registration
	}
	c.cfg.Log.Log(context.Background(), level, "refresh failed", slog.String("registration", string(at.reg.ID)), slog.String("connection", string(cred.Connection)),
		slog.String("verdict", string(verdict)), slog.String("error", cause.Error()))
	return held{}, cause
}

// note writes a failure down. The caller may be gone, its context does not count.
func (c *Client) note(f Failure) (Verdict, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c.kept.Invalidate(f.Connection)
	verdict, err := c.cfg.Credentials.Fail(ctx, f)
	if err != nil {
		return "", fmt.Errorf("note that tokens of %s failed: %w", f.Connection, err)
	}
	return verdict, nil
}

// giveUp returns the lease after a failure of our own.
func (c *Client) giveUp(at *endpoint, cred Credential, attempt string, cause error) error {
	_, err := c.refreshFailed(at, cred, attempt, cause)
	return err
}
