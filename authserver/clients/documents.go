package clients

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/outward"
)

// Documents finds clients by the address of their document. It stores nothing:
// until a person has answered, a client is only what was fetched a moment ago.
type Documents struct {
	cfg    DocumentsConfig
	remote *remote[Client]
}

// Known says what is stored about documents that people have answered.
type Known interface {
	// Document returns what is stored about the client; the zero value means nothing.
	Document(ctx context.Context, id consent.AppID) (Stored, error)
}

// Stored is what is stored about a document.
type Stored struct {
	Known    bool
	Disabled bool // an operator switched it off
	// What an operator approved, and the logo that was made then; see Client.
	Approved, ApprovedName, LogoURI, Logo string
}

// on adds what is stored to what was fetched. The logo is that of one address.
func (s Stored) on(c Client) Client {
	c.Approved, c.ApprovedName = s.Approved, s.ApprovedName
	if c.LogoURI == s.LogoURI {
		c.Logo = s.Logo
	}
	return c
}

// DocumentsConfig is what Documents needs.
type DocumentsConfig struct {
	Fetch    Fetcher
	Known    Known
	Counters Counters
	Now      func() time.Time
	// AllowLoopback lets documents be on this computer, over plain http.
	AllowLoopback bool
	// Step is what the time of a failure is rounded up to, so that it does not tell
	// what was found at an address. Zero means one second.
	Step time.Duration
}

// NewDocuments returns a source of clients.
func NewDocuments(cfg DocumentsConfig) *Documents {
	if cfg.Step == 0 {
		cfg.Step = time.Second
	}
	d := &Documents{cfg: cfg}
	d.remote = newRemote(cfg.Fetch, maxDocument, cfg.Now, func(address string, raw []byte) (Client, error) {
		return readDocument(address, raw, cfg.AllowLoopback)
	})
	return d
}

// Client implements Source. ErrUnknown stands for everything that may be wrong
// with an address or its document; only for a client that somebody has agreed to
// is it told apart that its site does not answer.
func (d *Documents) Client(ctx context.Context, id consent.AppID) (Client, error) {
	if err := validDocumentID(string(id), d.cfg.AllowLoopback); err != nil {
		return Client{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	stored, err := d.cfg.Known.Document(ctx, id)
	if err != nil {
		return Client{}, err
	}
	if stored.Disabled {
		return Client{}, ErrUnknown
	}
	if c, ok := d.remote.have(string(id)); ok {
		return stored.on(c.value), nil
	}
	c, err := d.fetch(ctx, string(id))
	switch {
	case err == nil:
		return stored.on(c), nil
	case stored.Known && errors.Is(err, outward.ErrNotFetched):
		return Client{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return Client{}, fmt.Errorf("%w: %w", ErrUnknown, err)
}

func (d *Documents) fetch(ctx context.Context, address string) (Client, error) {
	began := time.Now() // not the injected clock: this is about how long it really takes
	c, err := d.remote.fresh(ctx, address)
	if err != nil {
		return Client{}, errors.Join(err, d.blur(ctx, began))
	}
	return c.value, nil
}

// blur waits until the time since began is a whole number of steps: a port that
// refuses and one that answers nonsense take equally long.
func (d *Documents) blur(ctx context.Context, began time.Time) error {
	spent := time.Since(began)
	timer := time.NewTimer(d.cfg.Step - spent%d.cfg.Step)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TooMany is returned when one place made us do too much. Wait is how long at
// most until it may again.
type TooMany struct{ Wait time.Duration }

// Error implements error.
func (e *TooMany) Error() string { return "too many requests from one place" }

// Admit counts a request that would make us fetch a document, by where it came
// from. It costs nothing for every other request. The error is *TooMany.
func (d *Documents) Admit(ctx context.Context, id consent.AppID, address string) error {
	if !IsDocument(id) || validDocumentID(string(id), d.cfg.AllowLoopback) != nil {
		return nil
	}
	if _, ok := d.remote.have(string(id)); ok {
		return nil
	}
	return within(ctx, d.cfg.Counters, d.cfg.Now(), network("document", address, fetchesPerPlace))
}
