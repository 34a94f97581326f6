package provider

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"github.com/deputy-oauth/deputy/consent/catalog"
)

// Rest is how a connection is left alone after refreshes that failed, so that ten
// thousand jobs do not ask a provider that is down. The zero value is no rest.
type Rest struct {
	Class    catalog.ErrorClass // of the last failure
	Failures int                // in a row
	Until    time.Time
}

// How long a rest may be at first and in the end. The bound doubles with each
// failure.
const (
	firstRest   = 30 * time.Second
	longestRest = 6 * time.Hour
)

// after is the rest after one more failure. The wait is anywhere between a second
// and the bound, so that not everybody comes back at once; what the provider asks
// for counts when it is longer. chance is a random number.
func (r Rest) after(cause error, now time.Time, chance uint64) Rest {
	next := Rest{Failures: r.Failures + 1}
	next.Class, _ = ClassOf(cause)
	bound := min(firstRest<<min(r.Failures, 20), longestRest)
	wait := time.Second + time.Duration(chance%uint64(bound))
	var e *Error
	if errors.As(cause, &e) {
		wait = max(wait, min(e.Wait, longestRest))
	}
	next.Until = now.Add(wait)
	return next
}

func chance() uint64 {
	var raw [8]byte
	rand.Read(raw[:])
	return binary.BigEndian.Uint64(raw[:])
}

// resting is the error of tokens that are left alone for now, nil when they are
// not.
func (c *Client) resting(h held) error {
	wait := h.rest.Until.Sub(c.cfg.Now())
	if wait <= 0 {
		return nil
	}
	return &Error{Provider: h.at.provider.ID, Doing: "refresh tokens (resting)", Kind: h.rest.Class, Wait: wait}
}

// Trouble is how a registration has been refused lately. A client secret that was
// changed and a registration that was deleted look, to some providers' answers,
// like a person who took their yes back; but not many people do that at once.
type Trouble struct {
	Refused int       // refusals with no refresh between that went well
	Since   time.Time // the first of them
	Until   time.Time // no connection is given up before
}

// Many refusals of one registration in a few minutes are about the registration.
const (
	manyRefused = 5
	fewMinutes  = 10 * time.Minute
)

// Judge says whether a refusal ends its connection, and what to remember of it.
// Only ReauthRequired does, and not while the registration itself is in doubt:
// after the provider refused the client, or many connections with nothing between
// that went well. Further refusals keep the doubt alive.
func (t Trouble) Judge(class catalog.ErrorClass, now time.Time) (dead bool, next Trouble) {
	switch class {
	case catalog.Misconfigured:
		t.Until = now.Add(fewMinutes)
		return false, t
	case catalog.ReauthRequired:
		if now.Sub(t.Since) >= fewMinutes {
			t.Refused, t.Since = 0, now
		}
		t.Refused++
		if t.Refused >= manyRefused || now.Before(t.Until) {
			t.Until = now.Add(fewMinutes)
		}
		return !now.Before(t.Until), t
	}
	return false, t
}
