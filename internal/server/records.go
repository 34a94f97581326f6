package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/live"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// calls is broker.Audit: the event is durable when Record returns, and the times
// of last use follow in their own rhythm.
type calls struct {
	recorder *audit.Recorder
	live     *live.State
	store    *store.Store
}

// madeLife is how long it is remembered that an app made something.
const madeLife = 90 * 24 * time.Hour

func (a calls) Record(ctx context.Context, e broker.Event) error {
	if err := a.keep(ctx, e); err != nil {
		return err
	}
	if e.Outcome != broker.Done || e.Grant == "" {
		return nil
	}
	return a.touch(ctx, e)
}

// keep makes an event durable, with what was made in the same commit.
func (a calls) keep(ctx context.Context, e broker.Event) error {
	if e.Made == (broker.Item{}) {
		return a.recorder.Record(ctx, event(e))
	}
	return a.store.DB.Tx(ctx, func(ctx context.Context) error {
		if err := a.store.AddMade(ctx, madeID(e.Grant, e.Connection, e.Made), e.Grant, e.At.Add(madeLife)); err != nil {
			return err
		}
		return a.recorder.InTx(ctx, event(e))
	})
}

// made is broker.Made.
type made struct{ store *store.Store }

func (m made) Has(ctx context.Context, grant consent.GrantID, on consent.ConnectionID, i broker.Item) (bool, error) {
	return m.store.IsMade(ctx, madeID(grant, on, i))
}

// madeID is what is kept of an item: it tells nobody what was made where.
func madeID(grant consent.GrantID, on consent.ConnectionID, i broker.Item) string {
	sum := sha256.New()
	for _, part := range []string{string(grant), string(on), i.Kind, i.Place, i.ID} {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// touch notes the last use of the agreed item that the call was made under: the
// operation's scope may be one that the item only implies.
func (a calls) touch(ctx context.Context, e broker.Event) error {
	g, err := a.live.Grant(ctx, e.Grant)
	if err != nil {
		return err
	}
	words, err := a.live.Scopes(ctx)
	if err != nil {
		return err
	}
	if item, ok := g.Holds(words, e.Scope, e.Connection, e.At); ok {
		a.recorder.Touch(e.Grant, item.Scope, item.Connection)
	}
	return nil
}

func event(e broker.Event) audit.Event {
	out := audit.Event{
		At: e.At, User: e.User, App: e.App, Actors: e.Actors, Grant: e.Grant, Connection: e.Connection, Scope: e.Scope, Operation: e.Operation,
		Resource: resource(e.Resource), Detail: e.Reason, Bytes: e.Bytes,
	}
	if e.Away && out.Detail == "" {
		out.Detail = audit.Away
	}
	switch e.Outcome {
	case broker.Started:
		// A record that stays alone tells of a write whose end nobody saw.
		out.Kind, out.Outcome, out.Detail = audit.CallAllowed, audit.Unknown, "started"
	case broker.Done:
		out.Kind, out.Outcome = audit.CallAllowed, audit.Done
	case broker.Denied:
		out.Kind, out.Outcome = audit.CallDenied, audit.Denied
	case broker.Unknown:
		out.Kind, out.Outcome = audit.CallFailed, audit.Unknown
	default:
		out.Kind, out.Outcome = audit.CallFailed, audit.Failed
	}
	if e.Reason == broker.Replayed {
		out.Kind = audit.CallReplayed
	}
	return out
}

// resource is how a record names a resource: by what never changes. A name that
// was never resolved is the app's own word and stays out.
func resource(r consent.Resource) string {
	if r.ID == "" {
		return ""
	}
	return string(r.Type) + ":" + r.ID
}
