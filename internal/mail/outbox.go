// Package mail gets short plain letters to people, by SMTP, without anybody
// waiting for it.
//
// The hard part, once. Who writes a letter puts it into the outbox, in the
// transaction of what it tells about: both are there, or neither. A worker in each
// replica takes what is due by one conditional write that also moves it out of the
// others' sight for a while (the lease), speaks to the mail server outside of any
// transaction, and then deletes the row, or puts it off for longer and longer.
// A replica that dies in between leaves a letter that comes a second time when the
// lease is over, and never one that is lost. Every letter has an end, after which
// nobody wants it any more.
//
// What waits is sealed: a letter tells who uses which app. The text is written when
// it is sent, so that a link in it is never stored.
//
// The package does not know what a letter says (its Writer does), nor who may want
// one.
package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// lease is how long a letter belongs to the worker that took it: longer than a
	// try takes, with a server that thinks about each of its answers.
	lease = 5 * time.Minute
	// firstPause is how long a letter rests after the first try; it doubles with
	// every other one, up to longestPause.
	firstPause   = 30 * time.Second
	longestPause = 2 * time.Hour
	// mostWaiting is how many letters of one person may wait.
	mostWaiting = 50
	// batch is how many a worker takes at once: a slow one must not outlast the lease
	// of others.
	batch = 1
	// every is how often a worker looks for what is due.
	every = 2 * time.Second
)

// Letter is what waits to be written and sent.
type Letter struct {
	ID string
	// For says whose it is, an id or a digest: it bounds how many wait.
	For string
	// About is the same in two letters that tell the same: only one of them waits. ""
	// is for letters that are all different.
	About   string
	Content []byte    // for the Writer
	Tries   int       // with the one that begins
	Due     time.Time // not before
	Ends    time.Time // not after
}

// Message is a letter as it is sent.
type Message struct{ To, Subject, Text string }

// Rows keeps the letters that wait, sealed.
type Rows interface {
	// AddLetter stores one, unless most of the same person wait: false. When one about the
	// same waits, that one may wait as long as this one might.
	AddLetter(ctx context.Context, l Letter, most int) (added bool, err error)
	// TakeLetters returns letters that are due, those that have ended too, and makes
	// them due again at until. Nobody else gets them before.
	TakeLetters(ctx context.Context, until time.Time, most int) ([]Letter, error)
	// PutOff makes a letter that was taken until a time due at another one, if it is
	// still whose took it.
	PutOff(ctx context.Context, id string, taken, due time.Time) error
	// RemoveLetter forgets one.
	RemoveLetter(ctx context.Context, id string) error
}

// Sealer seals what waits.
type Sealer interface {
	Seal(plain []byte, bound ...string) string
	Open(sealed string, bound ...string) ([]byte, error)
}

// Writer makes the message of a letter; false when it is not wanted any more.
type Writer func(ctx context.Context, content []byte) (Message, bool, error)

// Carrier takes a message to whom it is for. The error is ErrRefused when no other
// try would do better.
type Carrier interface {
	Carry(ctx context.Context, m Message) error
}

// ErrRefused says that the receiving side will never take the message.
var ErrRefused = errors.New("the message is refused for good")

// Outbox keeps letters until they are sent. It is safe for concurrent use.
type Outbox struct {
	Rows    Rows
	Box     Sealer
	Write   Writer
	Carrier Carrier
	Now     func() time.Time
	Log     *slog.Logger

	round sync.Mutex // of one worker at a time; another replica has its own
}

// Put stores a letter in the transaction of ctx. Its ID is made here.
func (o *Outbox) Put(ctx context.Context, l Letter) error {
	l.ID = "letter_" + uuid.Must(uuid.NewV7()).String()
	if l.About == "" {
		l.About = l.ID
	}
	l.Content = []byte(o.Box.Seal(l.Content, l.ID))
	added, err := o.Rows.AddLetter(ctx, l, mostWaiting)
	if err != nil {
		return fmt.Errorf("put a letter into the outbox: %w", err)
	}
	if !added {
		o.Log.WarnContext(ctx, "a mail is not sent: too many of this person wait", "for", l.For, "waiting", mostWaiting)
	}
	return nil
}

// SendUntil sends what is due until ctx ends.
func (o *Outbox) SendUntil(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := o.Send(ctx); err != nil && ctx.Err() == nil {
			o.Log.WarnContext(ctx, "the outbox cannot be read", slog.Any("error", err))
		}
	}
}

// Send sends what is due now, after whoever is at it in this process. A message that
// cannot be sent is no error: it is put off.
func (o *Outbox) Send(ctx context.Context) error {
	o.round.Lock()
	defer o.round.Unlock()
	for {
		until := o.Now().Add(lease)
		letters, err := o.Rows.TakeLetters(ctx, until, batch)
		if err != nil || len(letters) == 0 {
			return err
		}
		for _, l := range letters {
			// What began is finished, so that a letter that arrived is not sent again.
			if err := errors.Join(ctx.Err(), o.send(context.WithoutCancel(ctx), l, until)); err != nil {
				return err
			}
		}
	}
}

func (o *Outbox) send(ctx context.Context, l Letter, taken time.Time) error {
	if o.Now().After(l.Ends) {
		o.Log.WarnContext(ctx, "a letter came to its end unsent", slog.String("letter", l.ID), slog.Int("tries", l.Tries))
		return o.Rows.RemoveLetter(ctx, l.ID)
	}
	err := o.carry(ctx, l)
	switch {
	case err == nil:
		return o.Rows.RemoveLetter(ctx, l.ID)
	case errors.Is(err, ErrRefused):
		o.Log.WarnContext(ctx, "a letter was refused", slog.String("letter", l.ID), slog.Any("error", err))
		return o.Rows.RemoveLetter(ctx, l.ID)
	}
	due := o.Now().Add(pause(l.Tries))
	o.Log.WarnContext(ctx, "a letter was not sent; there will be another try", slog.String("letter", l.ID), slog.Time("next", due), slog.Any("error", err))
	return o.Rows.PutOff(ctx, l.ID, taken, due)
}

func (o *Outbox) carry(ctx context.Context, l Letter) error {
	content, err := o.Box.Open(string(l.Content), l.ID)
	if err != nil {
		return fmt.Errorf("open the letter: %w: %w", ErrRefused, err)
	}
	m, wanted, err := o.Write(ctx, content)
	if err != nil || !wanted {
		return err
	}
	return o.Carrier.Carry(ctx, m)
}

// pause is how long a letter rests after so many tries.
func pause(tries int) time.Duration {
	return min(firstPause<<min(tries-1, 20), longestPause)
}
