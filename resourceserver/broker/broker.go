// Package broker makes the calls of the catalogue for apps: authorise from live
// state, find the resource by its stable id, check it, call the provider from a
// template, look at what came back, cut it to what was agreed, and record it
// before it leaves.
//
// Nothing of a request reaches a provider as it came. The path is matched and
// written anew, parameters are declared and checked one by one, headers and hosts
// are never the app's, names become ids before anything is decided. Nothing of an
// answer leaves unread, but the content of a file that was asked for, as an
// attachment: it must be JSON, lists lose the items outside the limit,
// keys and keyless links are dropped by name and by pattern, provider cursors are
// sealed to this grant and question, redirects end the call. What is outside the
// limit and what does not exist get the same answer.
//
// A write is recorded before it is sent and never sent twice: when it is not
// known whether it happened, the answer says so. Under a key of the app's it is made
// once however often it is asked for.
//
// It does not own HTTP routing or challenges (packages resourceserver and bearer),
// provider tokens (package provider), the decision itself (package consent) or
// the rows behind any of its interfaces.
package broker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/resourceserver/pace"
)

// Authority reads what stands now.
type Authority interface {
	// Live returns the grant with every connection of its user. An absent grant is
	// the zero Grant, not an error.
	Live(ctx context.Context, id consent.GrantID) (consent.Grant, []consent.Connection, error)
}

// Budgets counts calls that a person allowed so many of in a time.
type Budgets interface {
	// Spend uses up one call of each budget of the grant, or of none: then it says
	// which one has no room. Of calls at the same time, as many pass as there is room
	// for.
	Spend(ctx context.Context, grant consent.GrantID, budgets []consent.Budget) (consent.Shortage, error)
}

// Meter counts every call against what the operator allows.
type Meter interface {
	// Count uses up one call of the grant, and of a change one change too, or nothing:
	// then the Shortage says how long there is no room.
	Count(ctx context.Context, grant consent.GrantID, change bool) (consent.Shortage, error)
}

// Credentials attaches provider tokens to calls.
type Credentials interface {
	// APIBase returns the URL that paths of this connection's API begin with,
	// without a trailing slash.
	APIBase(ctx context.Context, id consent.ConnectionID) (string, error)
	// Do sends req with a fresh token and follows no redirect. An error that has the
	// methods of Failure says what it means.
	Do(ctx context.Context, id consent.ConnectionID, req *http.Request) (*http.Response, error)
	// Fetch is Do for an answer that is read as it comes, for as long as ctx lasts.
	Fetch(ctx context.Context, id consent.ConnectionID, req *http.Request) (*http.Response, error)
}

// Failure is what an error of Credentials can say about itself.
type Failure interface {
	error
	Class() catalog.ErrorClass
	RetryAfter() time.Duration
	MayHaveHappened() bool // a write may have been done although no answer came
}

// Audit keeps events. Record returns only when the event is durable, and with it that
// its grant made an item.
type Audit interface {
	Record(ctx context.Context, e Event) error
}

// Made knows what apps made: what Audit recorded with their calls.
type Made interface {
	// Has reports whether the grant made the item on the connection, and that is still
	// remembered.
	Has(ctx context.Context, grant consent.GrantID, on consent.ConnectionID, i Item) (bool, error)
}

// Cursors seals what a provider calls its next page, so that an app can carry it
// but neither read, change nor use it elsewhere.
type Cursors interface {
	// Seal returns URL-safe text that Open turns back only with the same bound.
	Seal(plain []byte, bound string) (string, error)
	Open(sealed, bound string) ([]byte, error)
}

// Config is what a Broker needs. All but Disconnected and Timeout is required.
type Config struct {
	Catalog     *catalog.Catalog
	Authority   Authority
	Budgets     Budgets
	Meter       Meter
	Credentials Credentials
	Outcomes    Outcomes
	Audit       Audit
	Made        Made
	Cursors     Cursors
	Now         func() time.Time
	// Disconnected is what Credentials returns when the connection went away since
	// authority was read.
	Disconnected error
	// BaseURL is where apps reach the broker: "https://deputy.example/api". Links to
	// further pages start with it.
	BaseURL string
	// Timeout bounds one call to a provider, of a file until its first byte; 25 s when
	// zero.
	Timeout time.Duration
}

// Broker makes calls. It is safe for concurrent use.
type Broker struct {
	cfg      Config
	plans    map[*catalog.Operation]*plan
	resolved *otter.Cache[named, string]
	pacer    *pace.Pacer
	flows    flows
	idle     time.Duration
}

// New returns a broker for the catalogue.
func New(cfg Config) (*Broker, error) {
	if cfg.Catalog == nil || cfg.Authority == nil || cfg.Budgets == nil || cfg.Meter == nil || cfg.Credentials == nil || cfg.Outcomes == nil || cfg.Audit == nil || cfg.Made == nil || cfg.Cursors == nil || cfg.Now == nil || cfg.BaseURL == "" {
		return nil, errors.New("broker: incomplete configuration")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 25 * time.Second
	}
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	resolved, err := otter.New(&otter.Options[named, string]{
		MaximumSize: maxNames, ExpiryCalculator: otter.ExpiryWriting[named, string](nameLife),
	})
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	pacer, err := pace.New()
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	return &Broker{cfg: cfg, plans: compile(cfg.Catalog), resolved: resolved, pacer: pacer, idle: idle}, nil
}

// Request is one call of an app, after its token was verified.
type Request struct {
	ID       string // of the HTTP request, for the log
	Bearer   consent.Bearer
	Provider consent.ProviderID
	Method   string
	RawPath  string      // what stands after /api/{provider}, still escaped
	RawQuery string      // still encoded
	Header   http.Header // only Accept, Content-Type, Idempotency-Key and If-None-Match are looked at
	Body     []byte      // MaxBody at most
}

// Answer is what goes back to the app.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // JSON or empty
	// Content is a file, instead of a Body; nil for most answers.
	Content *Content
}

// Serve makes one call. The error is a *Refusal for everything that is an answer
// in itself; any other error is ours and says nothing to the app. Either way what
// happened is recorded first: without a record there is no answer.
func (b *Broker) Serve(ctx context.Context, req Request) (Answer, error) {
	c := &call{b: b, req: req, began: b.cfg.Now()}
	c.event = Event{
		Request: req.ID, At: c.began, User: req.Bearer.User, App: req.Bearer.App, Actors: req.Bearer.Actors, Grant: req.Bearer.Grant, Provider: req.Provider,
		Away: !req.Bearer.Present,
	}
	answer, err := c.serve(ctx)
	if answer.Content != nil {
		return c.announce(ctx, answer)
	}
	recordErr := c.record(ctx, answer, err)
	switch {
	case recordErr != nil && err == nil && c.writes():
		// It was done, and the record of its start is there; the app must not try again.
		return Answer{}, errors.Join(unknownOutcome(), recordErr)
	case recordErr != nil:
		return Answer{}, errors.Join(recordErr, err)
	case err != nil:
		return Answer{}, err
	}
	return answer, nil
}
