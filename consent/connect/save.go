package connect

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// errOvertaken says that a row changed between reading and writing it.
var errOvertaken = errors.New("the connection changed meanwhile")

// save stores the tokens under the account they belong to. A refresh may replace
// the tokens between reading and writing, so it is tried a few times.
func (h *Handler) save(ctx context.Context, reg provider.Registration, st State, tokens provider.Tokens, account provider.Account) (result, error) {
	for range 5 {
		done, err := h.saveOnce(ctx, reg, st, tokens, account)
		if errors.Is(err, errOvertaken) {
			continue
		}
		return done, err
	}
	return result{}, fault.Wrap(fault.Conflict, errOvertaken, "This account was connected somewhere else at the same time. Go back and look at your services.")
}

func (h *Handler) saveOnce(ctx context.Context, reg provider.Registration, st State, tokens provider.Tokens, account provider.Account) (result, error) {
	have, found, err := h.cfg.Connections.FindConnection(ctx, st.User, reg.ID, account.Subject)
	if err != nil {
		return result{}, fmt.Errorf("find connection: %w", err)
	}
	if !found {
		have = Linked{Connection: consent.Connection{ID: consent.ConnectionID("conn_" + uuid.Must(uuid.NewV7()).String())}}
	}
	done := judge(st, have, found, tokens.Granted)
	if found && done.keep {
		return done.result, nil
	}
	sealed, err := h.cfg.Providers.Seal(have.ID, have.Version+1, tokens)
	if err != nil {
		return result{}, fmt.Errorf("seal new connection: %w", err)
	}
	link := Link{
		ID: have.ID, User: st.User, Registration: reg.ID, Provider: reg.Provider, Variant: reg.Variant, Account: account,
		Granted: tokens.Granted, Replaces: have.Version, Sealed: sealed, IssuedAt: tokens.IssuedAt, ExpiresAt: tokens.ExpiresAt, At: h.cfg.Now(),
	}
	err = h.cfg.Transactions.Tx(ctx, func(ctx context.Context) error {
		saved, err := h.cfg.Connections.SaveConnection(ctx, link)
		if err != nil {
			return fmt.Errorf("save connection: %w", err)
		}
		if !saved {
			return errOvertaken
		}
		return h.cfg.Audit.InTx(ctx, audit.Event{
			At: link.At, Kind: done.event, User: st.User, Connection: have.ID, Outcome: audit.Done, Detail: "provider " + string(reg.Provider),
		})
	})
	if err != nil {
		return result{}, err
	}
	h.cfg.Providers.Forget(have.ID)
	return done.result, nil
}

// judgement is what to do with the tokens of an account, and what to say.
type judgement struct {
	result
	keep  bool // what is stored is better than what came back
	event audit.Kind
}

// judge compares the account that came back with the one the trip was for.
//
// Tokens replace those of the connection the trip was for, whatever they can do:
// that was the person's last word. Those of a connection that merely turns out
// to be the same account are replaced only by ones that can do as much, so that
// connecting it once more for less takes nothing away from other apps.
func judge(st State, have Linked, found bool, granted []string) judgement {
	j := judgement{result: result{connection: have.ID, outcome: Connected}, event: audit.ConnectionAdded}
	expected := st.Connection == have.ID
	if found {
		j.event = audit.ConnectionReconnected
		j.keep = !expected && have.Health == consent.Healthy && !includes(granted, have.Granted)
		if have.Health == consent.NeedsPerson {
			j.outcome = Reconnected
		}
	}
	switch {
	case st.Purpose != Connect && !expected:
		// Threat C7: grants on the wanted account must not act on this one.
		j.outcome, j.wanted = OtherAccount, st.Connection
		return j
	case st.Purpose == Widen:
		j.outcome, j.event = Widened, audit.ConnectionWidened
	case st.Purpose == Reconnect:
		j.outcome = Reconnected
	}
	held := granted
	if j.keep {
		held = have.Granted
	}
	if !includes(held, st.Scopes) {
		j.outcome = Less
	}
	return j
}
