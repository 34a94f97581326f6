package broker

import (
	"context"
	"errors"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/pace"
)

// paced makes one exchange when it is its turn. Everything that goes to a provider
// for an app goes through here: what Deputy looks up first counts there, too, but
// not as a change. Of a file the turn ends with what comes before it: how long it takes
// to pass says nothing about the provider.
func (c *call) paced(ctx context.Context, on consent.ConnectionID, base string, out outgoing, most int64, write bool) (incoming, error) {
	leave, err := c.b.pacer.Enter(ctx, pace.Trip{
		API: base, Provider: c.plan.provider, Connection: on, App: c.req.Bearer.App, Operation: c.op.ID, Change: write,
	})
	if err != nil {
		return incoming{}, err
	}
	back := pace.Return{Unknown: true} // also when what follows panics
	defer func() { leave(back) }()
	got, err := c.exchange(ctx, on, base, out, most)
	back = c.returned(ctx, got, err)
	return got, err
}

// returned says how an exchange came back. A failure that comes with a time to wait
// is one of the connection's own tokens, and not of the provider.
func (c *call) returned(ctx context.Context, got incoming, err error) pace.Return {
	if err == nil {
		limit, left, _ := c.plan.provider.Pace.Window(got.header)
		return pace.Return{Class: got.class, Wait: got.wait, Limit: limit, Left: left}
	}
	var f Failure
	if errors.As(err, &f) && f.RetryAfter() == 0 && !errors.Is(context.Cause(ctx), context.Canceled) {
		return pace.Return{Class: f.Class()}
	}
	return pace.Return{Unknown: true}
}
