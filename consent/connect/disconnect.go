package connect

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// tellTimeout bounds how long a person waits for a provider's answer to a
// disconnect that is in force already.
const tellTimeout = 10 * time.Second

// Disconnection is what came of a disconnect.
type Disconnection struct {
	Connection consent.Connection  // as it was
	Answer     provider.Revocation // what the provider said
}

// Disconnect is POST /services/{connection}/disconnect with the field csrf. Our
// side comes first and is durable when the provider is told, so that it works
// while the provider is down; what it answered is shown and recorded.
func (h *Handler) Disconnect(c *gin.Context) error {
	id := consent.ConnectionID(c.Param("connection"))
	p, err := h.formOf(c, disconnectStep, string(id))
	if err != nil {
		return err
	}
	was, bye, err := h.end(c.Request.Context(), p, id)
	if err != nil {
		return err
	}
	h.cfg.Providers.Forget(id)
	// The person may leave; the provider is told all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), tellTimeout)
	defer cancel()
	answer := h.tell(ctx, bye)
	if err := h.told(context.WithoutCancel(ctx), bye, answer); err != nil {
		// Authority was taken away and that is recorded; the answer is an extra.
		h.cfg.Log.Error("provider's answer to a disconnect was not recorded",
			slog.String("connection", string(id)), slog.String("error", err.Error()))
	}
	web.Note(c, slog.String("answer", string(answer)))
	return h.cfg.Disconnected(c, p, Disconnection{Connection: was, Answer: answer})
}

// end takes the tokens out of the vault, with a record of it. What is left of them
// can only be revoked.
func (h *Handler) end(ctx context.Context, p Person, id consent.ConnectionID) (was consent.Connection, bye Farewell, err error) {
	now := h.cfg.Now()
	err = h.cfg.Transactions.Tx(ctx, func(ctx context.Context) error {
		linked, err := h.cfg.Connections.ConnectionOf(ctx, p.User, id)
		if err != nil {
			return err
		}
		was = linked.Connection
		cred, err := h.cfg.Connections.EndConnection(ctx, p.User, id, now)
		if err != nil {
			return err
		}
		bye = Farewell{User: p.User, Connection: id, Provider: was.Provider, Tokens: cred, Due: now.Add(firstPause), Ends: now.Add(tellFor)}
		if err := h.leave(ctx, &bye); err != nil {
			return err
		}
		return h.cfg.Audit.InTx(ctx, audit.Event{
			At: now, Kind: audit.ConnectionRemoved, User: p.User, Connection: id, Outcome: audit.Done, Detail: "tokens deleted",
		})
	})
	if err != nil {
		return consent.Connection{}, Farewell{}, fmt.Errorf("disconnect %s: %w", id, err)
	}
	return was, bye, nil
}

// leave keeps the tokens for the provider to be told. Tokens that do not open are
// gone, and no reason to keep a connection.
func (h *Handler) leave(ctx context.Context, bye *Farewell) error {
	tokens, err := h.cfg.Providers.Unseal(bye.Tokens)
	if err != nil {
		h.cfg.Log.Error("the tokens of a disconnected connection cannot be revoked", slog.String("connection", string(bye.Connection)), slog.String("error", err.Error()))
		bye.Tokens.Sealed = provider.Sealed{}
		return nil
	}
	if bye.Tokens.Sealed, err = h.cfg.Providers.SealForRevocation(bye.Connection, bye.Tokens.Version, tokens); err != nil {
		return err
	}
	return h.cfg.Farewells.PutFarewell(ctx, *bye)
}
