package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// Event is one brokered call as the audit keeps it. It holds no parameters and
// nothing of the answer.
type Event struct {
	Request    string
	At         time.Time
	Took       time.Duration
	User       consent.UserID
	App        consent.AppID
	Actors     []consent.AppID // who acts for App, the one that made the call first
	Grant      consent.GrantID
	Provider   consent.ProviderID
	Operation  string // "" when none matched
	Scope      consent.ScopeName
	Access     consent.Access
	Connection consent.ConnectionID
	Resource   consent.Resource // with the name the app used, if any
	Words      string           // "read files in"
	Outcome    Outcome
	Reason     string // the refusal's code, or Replayed; "" when done
	Away       bool   // the person was not signed in
	Status     int    // what the app was answered
	Items      int    // items of a list that left
	Made       Item   // what the call made, when that is to be remembered; else the zero Item
	Bytes      int64  // of a file that left
}

// Outcome says how a call ended.
type Outcome string

// The outcomes. Started is recorded before a write is sent, and before the first
// byte of a file leaves; one of the others follows it.
const (
	Started Outcome = "started"
	Done    Outcome = "done"
	Denied  Outcome = "denied"  // by us
	Failed  Outcome = "failed"  // by the provider, or our own mistake
	Unknown Outcome = "unknown" // a write whose end nobody saw
)

// recordTime is how long a record may take. It does not end with the request: an
// app that hangs up must not go unrecorded.
const recordTime = 5 * time.Second

// record writes down how the call ended.
func (c *call) record(ctx context.Context, answer Answer, err error) error {
	e := c.event
	e.Took = c.b.cfg.Now().Sub(c.began)
	var refusal *Refusal
	switch {
	case err == nil:
		e.Outcome, e.Status = Done, answer.Status
		if c.faulted {
			e.Outcome, e.Reason = Failed, string(catalog.CallerFault)
		}
	case errors.As(err, &refusal):
		e.Outcome, e.Reason, e.Status = Denied, refusal.Code, refusal.Status
		switch {
		case refusal.Code == CodeOutcome:
			e.Outcome = Unknown
		case refusal.Class != "":
			e.Outcome = Failed
		}
	default:
		e.Outcome, e.Reason, e.Status = Failed, "internal", 500
	}
	if c.replayed {
		e.Reason = Replayed
	}
	return c.write(ctx, e)
}

// start writes down that a write is about to be sent, or a file to leave.
func (c *call) start(ctx context.Context) error {
	e := c.event
	e.Outcome = Started
	return c.write(ctx, e)
}

func (c *call) write(ctx context.Context, e Event) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := c.b.cfg.Audit.Record(ctx, e); err != nil {
		return fmt.Errorf("record %s call: %w", e.Provider, err)
	}
	return nil
}
