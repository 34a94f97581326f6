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
	was, cred, err := h.end(c.Request.Context(), p, id)
	if err != nil {
		return err
	}
	h.cfg.Providers.Forget(id)
	// The person may leave; the provider is told all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), tellTimeout)
	defer cancel()
	answer := h.tell(ctx, was, cred)
	event := audit.Event{
		Kind: audit.ConnectionTold, User: p.User, Connection: id, Outcome: audit.Done, Detail: string(answer),
	}
	if answer == provider.Unconfirmed || answer == provider.Unreachable {
		event.Outcome = audit.Failed
	}
	if err := h.cfg.Audit.Record(ctx, event); err != nil {
		// Authority was taken away and that is recorded; the answer is an extra.
		h.cfg.Log.Error("provider's answer to a disconnect was not recorded",
			slog.String("connection", string(id)), slog.String("error", err.Error()))
	}
	web.Note(c, slog.String("answer", string(answer)))
	return h.cfg.Disconnected(c, p, Disconnection{Connection: was, Answer: answer})
}

// end takes the tokens out of the vault, with a record of it.
func (h *Handler) end(ctx context.Context, p Person, id consent.ConnectionID) (was consent.Connection, cred provider.Credential, err error) {
	err = h.cfg.Transactions.Tx(ctx, func(ctx context.Context) error {
		linked, err := h.cfg.Connections.ConnectionOf(ctx, p.User, id)
		if err != nil {
			return err
		}
		was = linked.Connection
		if cred, err = h.cfg.Connections.EndConnection(ctx, p.User, id, h.cfg.Now()); err != nil {
			return err
		}
		return h.cfg.Audit.InTx(ctx, audit.Event{
			At: h.cfg.Now(), Kind: audit.ConnectionRemoved, User: p.User, Connection: id, Outcome: audit.Done, Detail: "tokens deleted",
		})
	})
	if err != nil {
		return consent.Connection{}, provider.Credential{}, fmt.Errorf("disconnect %s: %w", id, err)
	}
	return was, cred, nil
}

// tell revokes at the provider.
func (h *Handler) tell(ctx context.Context, was consent.Connection, cred provider.Credential) provider.Revocation {
	answer, err := h.revoke(ctx, cred)
	if err != nil {
		h.cfg.Log.Warn("provider did not confirm a disconnect", slog.String("provider", string(was.Provider)),
			slog.String("connection", string(was.ID)), slog.String("answer", string(answer)), slog.String("error", err.Error()))
	}
	return answer
}

func (h *Handler) revoke(ctx context.Context, cred provider.Credential) (provider.Revocation, error) {
	tokens, err := h.cfg.Providers.Unseal(cred)
	if err != nil {
		return provider.Unconfirmed, err
	}
	reg, err := h.cfg.Providers.Registration(ctx, cred.Registration)
	if err != nil {
		return provider.Unconfirmed, err
	}
	return h.cfg.Providers.Revoke(ctx, reg, tokens)
}
