package broker

import (
	"context"
	"fmt"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// Item is something that an app made at a provider: a message in a channel.
type Item struct {
	Kind  string
	Place string // the id of what it was made in, "" where nothing is picked
	ID    string
}

// own refuses a call that is for an app's own things, and about another one. Whose the
// other one is, and whether there is one, is not looked at.
func (c *call) own(ctx context.Context, on consent.ConnectionID) error {
	if c.op.Own == nil {
		return nil
	}
	id, _ := catalog.Lookup(map[string]any(c.values), c.op.Own.At)
	item := Item{Kind: c.op.Own.Kind, Place: c.target}
	item.ID, _ = id.(string)
	own, err := c.b.cfg.Made.Has(ctx, c.req.Bearer.Grant, on, item)
	if err != nil {
		return fmt.Errorf("look whether the app made a %s: %w", item.Kind, err)
	}
	if !own {
		return unavailable()
	}
	return nil
}

// made notes what the call made, to be recorded with it.
func (c *call) made(d *document) error {
	if c.op.Posts == nil {
		return nil
	}
	at, err := d.find(0, catalog.Keys(c.op.Posts.At))
	if err != nil || at < 0 {
		return errShape
	}
	id, ok := d.scalar(at)
	if !ok || id == "" {
		return errShape
	}
	c.event.Made = Item{Kind: c.op.Posts.Kind, Place: c.target, ID: id}
	return nil
}
