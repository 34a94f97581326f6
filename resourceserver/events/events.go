// Package events takes what providers tell us by themselves: that a person took
// our access away there, or uninstalled the app. It verifies a message as the
// provider's file says, reads whom it is about, and has their connections ended.
//
// A message never gives anything. What it takes away it takes at once only when
// the provider signed a time that is clearly later than the tokens that are there;
// otherwise the provider is asked whether they still work. So neither a message
// that was sent again, nor one that comes late, nor a header that somebody else
// wrote ends what a person connected since.
//
// Who cannot sign is told nothing but that, before anything is read that they
// could make long, and costs no row. It does not own rows (Connections), tokens or
// how a provider is asked (Providers).
package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// MaxBody is how much of a message is read, in bytes. Those that count are short.
const MaxBody = 1 << 20

// How long a message is remembered, which is longer than a provider sends it
// again, and how much later than the tokens it must be to end them unasked.
const (
	remember = 4 * 24 * time.Hour
	doubt    = time.Minute
)

// How many connections are asked about after one message, and for how long: the
// provider waits for our answer.
const (
	mostAsked = 10
	askFor    = 2 * time.Second
)

// Providers knows the registrations and how to ask.
type Providers interface {
	// Registration returns one with its secrets. An unknown one is an error of kind
	// fault.NotFound.
	Registration(ctx context.Context, id provider.RegistrationID) (provider.Registration, error)
	// Check asks the provider whether a connection's tokens still work; a refusal
	// ends the connection.
	Check(ctx context.Context, id consent.ConnectionID) error
}

// Message is a verified message about accounts.
type Message struct {
	Registration provider.RegistrationID
	ID           string // of the message, also when it comes again
	Until        time.Time
	// Subjects are the accounts, as connections name them. With Realm, which ends in
	// "/", all accounts that begin with it are meant.
	Subjects []string
	Realm    string
	// Before is when the tokens must have been issued that it ends; zero ends none.
	Before time.Time
}

// Heard is what came of a message.
type Heard struct {
	Ended []consent.ConnectionID
	Doubt []consent.ConnectionID // whose tokens are not clearly older
}

// Connections ends connections.
type Connections interface {
	// Hear marks the accounts' healthy connections whose tokens are older than
	// m.Before as needing the person, with a record of each, and returns them and some
	// of the others, most at most. A message whose ID was heard before does nothing.
	// All of it is one transaction.
	Hear(ctx context.Context, m Message, most int) (Heard, error)
}

// Config is what a Receiver needs. Everything is required.
type Config struct {
	Catalog     *catalog.Catalog
	Providers   Providers
	Connections Connections
	Now         func() time.Time
	Log         *slog.Logger
}

// Receiver takes messages. It is safe for concurrent use.
type Receiver struct{ cfg Config }

// New returns a Receiver. It fails on an incomplete configuration.
func New(cfg Config) (*Receiver, error) {
	if cfg.Catalog == nil || cfg.Providers == nil || cfg.Connections == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("events: incomplete configuration")
	}
	return &Receiver{cfg: cfg}, nil
}

// Answer is what the provider reads.
type Answer struct {
	Status int
	Text   string
}

// The answers. A provider that gets anything but 200 sends the message again.
var (
	taken    = Answer{http.StatusOK, "ok\n"}
	nowhere  = Answer{http.StatusNotFound, "Nothing is received here.\n"}
	unsigned = Answer{http.StatusUnauthorized, "The signature is missing or wrong, or its time is not now.\n"}
	tooLong  = Answer{http.StatusRequestEntityTooLarge, "The message is too long.\n"}
	unread   = Answer{http.StatusBadRequest, "The message cannot be read.\n"}
)

// Receive takes one message for a registration. The error, if any, is ours, and
// the message should come again.
func (r *Receiver) Receive(ctx context.Context, id provider.RegistrationID, header http.Header, body io.Reader) (Answer, error) {
	reg, err := r.cfg.Providers.Registration(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return nowhere, nil
	}
	if err != nil {
		return Answer{}, fmt.Errorf("receive a message: %w", err)
	}
	p := r.cfg.Catalog.Providers[reg.Provider]
	if p == nil || !p.Events.Told() || reg.Webhook.Empty() {
		return nowhere, nil
	}
	signed, ok := read(p.Events.Signature, header, r.cfg.Now())
	if !ok {
		return unsigned, nil
	}
	raw, err := io.ReadAll(io.LimitReader(body, MaxBody+1))
	switch {
	case err != nil:
		return unread, nil
	case len(raw) > MaxBody:
		return tooLong, nil
	case !signed.by(reg.Webhook, raw):
		return unsigned, nil
	}
	return r.take(ctx, reg.ID, p, header, raw)
}

// take acts on a message that is the provider's.
func (r *Receiver) take(ctx context.Context, id provider.RegistrationID, p *catalog.Provider, header http.Header, raw []byte) (Answer, error) {
	var doc any
	numbers := json.NewDecoder(bytes.NewReader(raw))
	numbers.UseNumber() // an id of 64 bits must not pass through a float
	if err := numbers.Decode(&doc); err != nil {
		return unread, nil
	}
	if text, ok := challenged(p.Events, doc); ok {
		return Answer{http.StatusOK, text}, nil
	}
	m, ok := about(p.Events, header, doc)
	if !ok {
		return taken, nil
	}
	m.Registration, m.Until = id, r.cfg.Now().Add(remember)
	heard, err := r.cfg.Connections.Hear(ctx, m, mostAsked)
	if err != nil {
		return Answer{}, fmt.Errorf("hear a message of %s: %w", id, err)
	}
	for _, ended := range heard.Ended {
		r.cfg.Log.Info("a provider told that a connection ended there", slog.String("registration", string(id)), slog.String("connection", string(ended)))
	}
	r.ask(ctx, heard.Doubt)
	return taken, nil
}

// ask has the provider confirm what a message alone does not show. Without an
// answer nothing changes: the next call finds out.
func (r *Receiver) ask(ctx context.Context, doubtful []consent.ConnectionID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor)
	defer cancel()
	for _, id := range doubtful {
		if err := r.cfg.Providers.Check(ctx, id); err != nil {
			r.cfg.Log.Info("a connection was checked after a provider's message", slog.String("connection", string(id)), slog.String("result", err.Error()))
		}
	}
}
