package provider

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// longestCooldown bounds how long a connection is left alone after a failure that
// was not its own.
const longestCooldown = 2 * time.Minute

// cooldown is a pause after a failed refresh, so that ten thousand jobs do not
// ask a provider that is down.
type cooldown struct {
	version  int64
	until    time.Time
	failures int
	class    catalog.ErrorClass
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
		if pause, ok := c.cooling.GetIfPresent(id); ok && pause.version == h.version && c.cfg.Now().Before(pause.until) {
			return held{}, &Error{
				Provider: h.at.provider.ID, Doing: "refresh tokens (paused)", Kind: pause.class, Wait: pause.until.Sub(c.cfg.Now()),
			}
		}
		won, cred, err := c.cfg.Credentials.Lease(ctx, Claim{
			Connection: id, Version: h.version, Attempt: attempt, Now: c.cfg.Now(), For: c.cfg.Lease,
		})
		if err != nil {
			return held{}, fmt.Errorf("lease tokens of %s: %w", id, err)
		}
		if won {
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
	var refused *Error
	if errors.As(err, &refused) && refused.Kind == catalog.ProviderDown && refused.Sent {
		// The answer got lost. Some providers give the same successor again for a
		// while; for the others this finds out that the old token is spent.
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
	return c.write(ctx, at, cred, attempt, tokens)
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
			c.cooling.Invalidate(cred.Connection)
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

// refreshFailed decides what a refusal means. Only reauth_required, about the
// generation that is still there, ends a connection; everything else is a pause.
func (c *Client) refreshFailed(at *endpoint, cred Credential, attempt string, cause error) (held, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	class, known := ClassOf(cause)
	dead := known && class == catalog.ReauthRequired
	ok, err := c.cfg.Credentials.Fail(ctx, Failure{
		Connection: cred.Connection, Version: cred.Version, Attempt: attempt, Class: class, NeedsPerson: dead, At: c.cfg.Now(),
	})
	if err != nil {
		return held{}, errors.Join(cause, fmt.Errorf("note failed refresh of %s: %w", cred.Connection, err))
	}
	if !ok {
		return c.overtaken(ctx, cred)
	}
	c.kept.Invalidate(cred.Connection)
	if !dead {
		c.pause(cred, cause)
	}
	level := slog.LevelWarn
	if class == catalog.Misconfigured || class == catalog.CallerFault {
		level = slog.LevelError // ours to repair: the client secret, the registration
	}
	c.cfg.Log.Log(ctx, level, "refresh failed", slog.String("connection", string(cred.Connection)), slog.String("error", cause.Error()))
	return held{}, cause
}

// giveUp returns the lease after a failure of our own.
func (c *Client) giveUp(at *endpoint, cred Credential, attempt string, cause error) error {
	_, err := c.refreshFailed(at, cred, attempt, cause)
	return err
}

// pause lets a connection rest: what the provider asks for, else from two seconds
// to two minutes, doubling, with a tenth of chance so that not all come back at
// once.
func (c *Client) pause(cred Credential, cause error) {
	before, _ := c.cooling.GetIfPresent(cred.Connection)
	next := cooldown{version: cred.Version, failures: before.failures + 1}
	next.class, _ = ClassOf(cause)
	wait := min(2*time.Second<<min(before.failures, 6), longestCooldown)
	var e *Error
	if errors.As(cause, &e) && e.Wait > wait {
		wait = min(e.Wait, longestCooldown)
	}
	var chance [8]byte
	rand.Read(chance[:])
	wait += time.Duration(binary.BigEndian.Uint64(chance[:]) % uint64(wait/10))
	next.until = c.cfg.Now().Add(wait)
	c.cooling.Set(cred.Connection, next)
}
