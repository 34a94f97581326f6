package broker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// An app that lost the answer to a write sends it again under the same key
// (draft-ietf-httpapi-idempotency-key-header-07): then it is made once, and the
// answer is the one of before.

// Attempt is a write under a key of the app's.
type Attempt struct {
	Grant   consent.GrantID
	App     consent.AppID     // who calls: several may act under one grant
	Key     string            // of the app's choice
	Request [sha256.Size]byte // digest of what is asked
	Began   time.Time
}

// Stage is how far an attempt came.
type Stage string

// The stages.
const (
	Fresh  Stage = ""       // nobody made it before
	Begun  Stage = "begun"  // somebody is at it, or broke off
	Ended  Stage = "ended"  // it was made, and Past has the answer
	Unseen Stage = "unseen" // it may have been made
	Full   Stage = "full"   // too many keys of the grant are remembered
)

// Past is what became of an earlier attempt under the same key.
type Past struct {
	Stage   Stage
	Request [sha256.Size]byte
	Began   time.Time
	Answer  Answer // with Ended
}

// Outcomes remembers writes under keys.
type Outcomes interface {
	// Begin notes an attempt until a time, or returns the one before it under the same
	// key. Of attempts at the same time one is Fresh.
	Begin(ctx context.Context, a Attempt, until time.Time) (Past, error)
	// End notes what became of an attempt that is still Begun.
	End(ctx context.Context, a Attempt, p Past) error
	// Forget takes it back: nothing was changed, and the key is free again.
	Forget(ctx context.Context, a Attempt) error
}

const (
	// keyLife is how long a key is remembered.
	keyLife = 24 * time.Hour
	// longestKey is how long one may be, in bytes.
	longestKey = 255
	// settleTime is how long after its timeout an attempt is still believed to go on.
	settleTime = time.Minute
)

// The codes of refusals about keys.
const (
	CodeKeyReused = "idempotency_key_reused"
	CodeKeyBusy   = "idempotency_key_in_use"
	CodeKeysFull  = "too_many_idempotency_keys"
)

// The headers: the second is Stripe's, and tells an answer of before.
const (
	headerKey      = "Idempotency-Key"
	headerReplayed = "Idempotent-Replayed"
)

// Replayed is the reason on record of a call that was answered by what is known of its
// key: nothing was sent for it.
const Replayed = "replayed"

// key returns the app's key, "" for a call that has none or needs none. The draft
// writes it in quotes; apps, most of which know Stripe's, write it without.
func (c *call) key() (string, error) {
	key := c.req.Header.Get(headerKey)
	if key == "" || !c.writes() {
		return "", nil
	}
	if len(key) >= 2 && strings.HasPrefix(key, `"`) && strings.HasSuffix(key, `"`) {
		key = key[1 : len(key)-1]
	}
	visible := !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
	if key == "" || len(key) > longestKey || !visible {
		return "", invalid("The Idempotency-Key has 1 to %d visible ASCII characters, and no quote or backslash.", longestKey)
	}
	return key, nil
}

// once makes a write under the app's key, if it has one, at most once.
func (c *call) once(ctx context.Context, write func(context.Context) (Answer, error)) (Answer, error) {
	key, err := c.key()
	if err != nil {
		return Answer{}, err
	}
	if key == "" {
		return write(ctx)
	}
	a := Attempt{Grant: c.req.Bearer.Grant, App: c.req.Bearer.App, Key: key, Request: c.digest(), Began: c.began}
	past, err := c.b.cfg.Outcomes.Begin(ctx, a, c.began.Add(keyLife))
	if err != nil {
		return Answer{}, fmt.Errorf("begin a write under a key: %w", err)
	}
	if past.Stage != Fresh {
		return c.earlier(a, past)
	}
	answer, err := write(ctx)
	switch unsettled := c.settle(ctx, a, answer, err); {
	case unsettled == nil:
		return answer, err
	case err == nil:
		return Answer{}, errors.Join(unknownOutcome(), unsettled)
	default:
		return Answer{}, errors.Join(err, unsettled)
	}
}

// digest is over everything that an app says in a call.
func (c *call) digest() [sha256.Size]byte {
	sum := sha256.New()
	for _, part := range []string{string(c.req.Provider), c.req.Method, c.req.RawPath, c.req.RawQuery, c.req.Header.Get("Content-Type"), string(c.req.Body)} {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// earlier answers a call whose key was used before.
func (c *call) earlier(a Attempt, past Past) (Answer, error) {
	c.replayed = true
	switch {
	case past.Stage == Full:
		return Answer{}, &Refusal{Status: http.StatusTooManyRequests, Code: CodeKeysFull, RetryAfter: time.Hour, Message: "Too many Idempotency-Keys of this app were used within a day. Nothing was changed."}
	case past.Request != a.Request:
		return Answer{}, &Refusal{Status: http.StatusUnprocessableEntity, Code: CodeKeyReused, Message: "This Idempotency-Key was used for another call. Nothing was changed now."}
	case past.Stage == Begun && c.began.Sub(past.Began) < c.b.cfg.Timeout+settleTime:
		return Answer{}, &Refusal{Status: http.StatusConflict, Code: CodeKeyBusy, RetryAfter: time.Second, Message: "The same call is being made. Ask again in a moment."}
	case past.Stage != Ended:
		return Answer{}, unknownOutcome()
	}
	past.Answer.Header.Set(headerReplayed, "true")
	return past.Answer, nil
}

// settle notes what became of a. What changed nothing is forgotten. When that fails
// after a change, the attempt stays begun: a later one is told that nobody knows.
func (c *call) settle(ctx context.Context, a Attempt, answer Answer, failed error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	var r *Refusal
	switch {
	case failed == nil && !c.faulted:
		return c.b.cfg.Outcomes.End(ctx, a, Past{Stage: Ended, Answer: answer})
	case errors.As(failed, &r) && r.Code == CodeOutcome:
		return c.b.cfg.Outcomes.End(ctx, a, Past{Stage: Unseen})
	}
	return c.b.cfg.Outcomes.Forget(ctx, a)
}
