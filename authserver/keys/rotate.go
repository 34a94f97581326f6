package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrWaiting is returned by Rotate while the key after the one that signs is
// published already.
var ErrWaiting = errors.New("the next signing key is published already and waits for its time")

// Rotate makes the next key. It is published now, signs after Config.Lead, and
// the one before it is dropped Config.Keep after that. There is one next key at a
// time, whoever asks, so that the keys stay few.
func (r *Ring) Rotate(ctx context.Context) (Key, error) {
	if err := r.Reload(ctx); err != nil {
		return Key{}, err
	}
	next, made, err := r.rotate(ctx)
	if err == nil && !made {
		err = ErrWaiting
	}
	return next, err
}

func (r *Ring) rotate(ctx context.Context) (next Key, made bool, err error) {
	now := r.cfg.Now()
	last, err := r.newest()
	if err != nil {
		return Key{}, false, err
	}
	if last.Active.After(now) {
		return Key{}, false, nil
	}
	if next, err = r.generate(now.Add(r.cfg.Lead)); err != nil {
		return Key{}, false, err
	}
	made, err = r.cfg.Store.AddNextSigningKey(ctx, next, last.ID, next.Active.Add(r.cfg.Keep))
	if err != nil {
		return Key{}, false, fmt.Errorf("store signing key %s: %w", next.ID, err)
	}
	return next, made, r.Reload(ctx)
}

// newest is the key that signs, or will.
func (r *Ring) newest() (Key, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.keys) == 0 {
		return Key{}, errors.New("there is no signing key")
	}
	return r.keys[0].Key, nil
}

// Tend does what is due: it makes the next key in time for the one that signs to
// be replaced Config.Every after it began, and deletes keys that have ended. Any
// number of replicas may do it at any time.
func (r *Ring) Tend(ctx context.Context) error {
	if err := r.Reload(ctx); err != nil {
		return err
	}
	last, err := r.newest()
	if err != nil {
		return err
	}
	if r.cfg.Every > 0 && !r.cfg.Now().Before(last.Active.Add(r.cfg.Every-r.cfg.Lead)) {
		next, made, err := r.rotate(ctx)
		if err != nil {
			return err
		}
		if made {
			r.cfg.Log.InfoContext(ctx, "the next signing key is published", "kid", next.ID, "signs_from", next.Active)
		}
	}
	r.mu.RLock()
	ended := r.ended
	r.mu.RUnlock()
	if !ended {
		return nil
	}
	return r.cfg.Store.DropSigningKeys(ctx, r.cfg.Now())
}

// tendEvery is how often TendUntil looks. Nothing here is due to the minute.
const tendEvery = time.Minute

// TendUntil tends the ring until ctx ends.
func (r *Ring) TendUntil(ctx context.Context) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		if err := r.Tend(ctx); err != nil && ctx.Err() == nil {
			r.cfg.Log.WarnContext(ctx, "signing keys were not tended", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Stage is where a key is in its life.
type Stage string

// The stages, in this order.
const (
	Waiting Stage = "next"    // published, signs later
	Signing Stage = "signing" // signs now
	Retired Stage = "retired" // published, so that what it signed can be verified
)

// Staged is a key with where it is.
type Staged struct {
	Key
	Stage Stage
}

// Keys returns the published keys, newest first.
func (r *Ring) Keys(ctx context.Context) []Staged {
	held, _ := r.current(ctx)
	now, out, stage := r.cfg.Now(), make([]Staged, 0, len(held)), Waiting
	for _, k := range held {
		switch {
		case k.expired(now):
			continue
		case stage == Waiting && !k.Active.After(now):
			stage = Signing
		case stage == Signing:
			stage = Retired
		}
		out = append(out, Staged{k.Key, stage})
	}
	return out
}
