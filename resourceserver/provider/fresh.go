package provider

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
)

// held is an access token ready for use, with where it may be sent.
type held struct {
	at          *endpoint
	access      secret.Text
	version     int64
	issued      time.Time
	expires     time.Time // zero: no known end
	refreshable bool
	rest        Rest // of its refreshes
	renewed     bool // made by the refresh that was waited for
}

// errNoRefresh says that a token which the provider refused cannot be replaced.
var errNoRefresh = errors.New("there is no refresh token")

// fresh returns a usable access token, refreshed first when it is about to end or
// when it is the generation that the provider refused (refused = 0: none was).
// The refresh itself runs on nobody's context; ctx only bounds the waiting.
func (c *Client) fresh(ctx context.Context, id consent.ConnectionID, refused int64) (held, error) {
	if refused == 0 {
		if h, ok := c.kept.GetIfPresent(id); ok && !c.due(h) {
			return h, nil
		}
	}
	h, err := c.load(ctx, id)
	if err != nil {
		return held{}, err
	}
	if h.version != refused && !c.due(h) {
		if err := c.resting(h); err != nil && !h.refreshable {
			return held{}, err // it was refused, and nothing can replace it
		}
		c.kept.Set(id, h)
		return h, nil
	}
	if !h.refreshable {
		return held{}, errNoRefresh
	}
	replaced, err := c.join(ctx, id, refused)
	if class, known := ClassOf(err); known && class != catalog.ReauthRequired && h.version != refused && !c.ended(h) {
		// Refreshing ahead of time did not work; what is there is still good.
		return h, nil
	}
	return replaced, err
}

// join waits for the one refresh of this process. Callers that saw different
// generations refused wait for different ones; the lease keeps them apart.
func (c *Client) join(ctx context.Context, id consent.ConnectionID, refused int64) (held, error) {
	c.running.Add(1)
	results := c.flights.DoChan(string(id)+" "+strconv.FormatInt(refused, 10), func() (any, error) {
		return c.renew(id, refused)
	})
	done := make(chan struct{})
	var h held
	var err error
	go func() {
		defer c.running.Done()
		result := <-results
		h, _ = result.Val.(held)
		err = result.Err
		close(done)
	}()
	select {
	case <-done:
		return h, err
	case <-ctx.Done():
		return held{}, fmt.Errorf("wait for fresh tokens of %s: %w", id, ctx.Err())
	}
}

// load reads a credential and opens its access token.
func (c *Client) load(ctx context.Context, id consent.ConnectionID) (held, error) {
	cred, err := c.cfg.Credentials.Load(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return held{}, fmt.Errorf("load tokens of %s: %w", id, ErrDisconnected)
	}
	if err != nil {
		return held{}, fmt.Errorf("load tokens of %s: %w", id, err)
	}
	return c.hold(ctx, cred)
}

func (c *Client) hold(ctx context.Context, cred Credential) (held, error) {
	at, err := c.endpoint(ctx, cred.Registration)
	if err != nil {
		return held{}, err
	}
	if cred.Locked {
		return held{}, &Error{Provider: at.provider.ID, Doing: "use tokens", Kind: catalog.VaultLocked}
	}
	switch cred.Health {
	case consent.Healthy:
	case consent.NeedsPerson:
		return held{}, &Error{Provider: at.provider.ID, Doing: "use tokens", Kind: catalog.ReauthRequired}
	default:
		return held{}, fmt.Errorf("use tokens of %s: %w", cred.Connection, ErrDisconnected)
	}
	access, err := c.cfg.Vault.Open(AccessPlace(cred.Connection, cred.Version), cred.Sealed.Access)
	if err != nil {
		return held{}, fmt.Errorf("open tokens of %s: %w", cred.Connection, err)
	}
	return held{
		at: at, access: access, version: cred.Version, issued: cred.IssuedAt, expires: cred.ExpiresAt,
		refreshable: len(cred.Sealed.Refresh) > 0, rest: cred.Rest,
	}, nil
}

// due reports whether a token should be replaced before it is used. A token that
// cannot be replaced never is: only the provider knows when it has really ended.
func (c *Client) due(h held) bool {
	if !h.refreshable || h.expires.IsZero() {
		return false
	}
	life := h.expires.Sub(h.issued)
	margin := h.at.variant.RefreshBefore
	if margin == 0 {
		margin = min(15*time.Minute, life/10)
	}
	// Half a life at most, or a short-lived token would be refreshed at every call.
	return !c.cfg.Now().Before(h.expires.Add(-min(margin, life/2)))
}

func (c *Client) ended(h held) bool {
	return !h.expires.IsZero() && !c.cfg.Now().Before(h.expires)
}
