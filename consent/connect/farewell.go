package connect

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// A provider that did not confirm a disconnect is told again for tellFor: after
// firstPause, then after twice as long each time, up to longestPause. Who tells it
// has it for takeFor, which is longer than telling takes.
const (
	tellFor      = 24 * time.Hour
	firstPause   = time.Minute
	longestPause = 2 * time.Hour
	takeFor      = 2 * time.Minute
	tellEvery    = 20 * time.Second
)

// TellUntil tells providers again what they have not confirmed, until ctx ends. Of
// several replicas one tells each.
func (h *Handler) TellUntil(ctx context.Context) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := h.TellAgain(ctx); err != nil && ctx.Err() == nil {
			h.cfg.Log.WarnContext(ctx, "providers could not be told again of disconnects", slog.Any("error", err))
		}
	}
}

// TellAgain tells all that are due now. The server does it on its own.
func (h *Handler) TellAgain(ctx context.Context) error {
	for ctx.Err() == nil {
		now := h.cfg.Now()
		bye, found, err := h.cfg.Farewells.TakeFarewell(ctx, now, now.Add(takeFor))
		if err != nil || !found {
			return err
		}
		if bye.Again {
			err = h.cfg.Farewells.EndFarewell(ctx, bye.Connection, true)
		} else {
			err = h.tellOnce(ctx, bye)
		}
		if err != nil {
			return fmt.Errorf("tell of %s: %w", bye.Connection, err)
		}
	}
	return ctx.Err()
}

func (h *Handler) tellOnce(ctx context.Context, bye Farewell) error {
	// When the program ends, an answer that is on its way still counts.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeFor/2)
	defer cancel()
	answer := h.tell(ctx, bye)
	now := h.cfg.Now()
	if !answer.Settled() && now.Before(bye.Ends) {
		return h.cfg.Farewells.PutFarewellOff(ctx, bye.Connection, earlier(now.Add(pause(bye.Tries)), bye.Ends))
	}
	return h.told(ctx, bye, answer)
}

// pause is how long to wait after so many tries.
func pause(tries int) time.Duration {
	return min(firstPause<<min(tries, 10), longestPause)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// told records an answer, and ends the farewell when nothing more is to come.
func (h *Handler) told(ctx context.Context, bye Farewell, answer provider.Revocation) error {
	e := audit.Event{At: h.cfg.Now(), Kind: audit.ConnectionTold, User: bye.User, Connection: bye.Connection, Outcome: audit.Done, Detail: string(answer)}
	if !answer.Settled() {
		e.Outcome = audit.Failed
	}
	return h.cfg.Transactions.Tx(ctx, func(ctx context.Context) error {
		if answer.Settled() || !e.At.Before(bye.Ends) || len(bye.Tokens.Sealed.Access) == 0 {
			if err := h.cfg.Farewells.EndFarewell(ctx, bye.Connection, answer.Settled()); err != nil {
				return err
			}
		}
		return h.cfg.Audit.InTx(ctx, e)
	})
}

// tell revokes at the provider.
func (h *Handler) tell(ctx context.Context, bye Farewell) provider.Revocation {
	answer, err := h.revoke(ctx, bye)
	if err != nil {
		h.cfg.Log.Warn("provider did not confirm a disconnect", slog.String("provider", string(bye.Provider)),
			slog.String("connection", string(bye.Connection)), slog.String("answer", string(answer)), slog.String("error", err.Error()))
	}
	return answer
}

func (h *Handler) revoke(ctx context.Context, bye Farewell) (provider.Revocation, error) {
	tokens, err := h.cfg.Providers.UnsealForRevocation(bye.Tokens)
	if err != nil {
		return provider.Unconfirmed, err
	}
	reg, err := h.cfg.Providers.Registration(ctx, bye.Tokens.Registration)
	if err != nil {
		return provider.Unconfirmed, err
	}
	return h.cfg.Providers.Revoke(ctx, reg, tokens, func(fresh provider.Tokens) error { return h.keep(ctx, bye.Tokens, fresh) })
}

// keep stores what a refresh gave before it is used: the old tokens may be spent, and
// telling may fail.
func (h *Handler) keep(ctx context.Context, was provider.Credential, fresh provider.Tokens) error {
	next := was
	next.Version, next.IssuedAt, next.ExpiresAt = was.Version+1, fresh.IssuedAt, fresh.ExpiresAt
	var err error
	if next.Sealed, err = h.cfg.Providers.SealForRevocation(was.Connection, next.Version, fresh); err != nil {
		return err
	}
	return h.cfg.Farewells.KeepFarewell(ctx, next)
}
