package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/deputy-oauth/deputy/internal/store"
)

// remindEvery is how often the server looks for what ends soon. A week before the
// end nothing is due to the minute.
const remindEvery = 10 * time.Minute

// Remind records everything that ends soon and was not recorded yet. The server
// does it on its own.
func (s *Server) Remind(ctx context.Context) error {
	r := &store.Reminder{Store: s.Store, Audit: s.audit}
	for {
		if more, err := r.Remind(ctx); err != nil || !more {
			return err
		}
	}
}

// TellAgain tells providers again what they have not confirmed and is due, for who
// cannot wait until the server does it on its own: tests.
func (s *Server) TellAgain(ctx context.Context) error { return s.connect.TellAgain(ctx) }

// SendMail sends the mails that are due, for who cannot wait until the server does it
// on its own: tests.
func (s *Server) SendMail(ctx context.Context) error {
	if s.letters == nil {
		return nil
	}
	return s.letters.outbox.Send(ctx)
}

// remindUntil reminds until ctx ends.
func (s *Server) remindUntil(ctx context.Context) {
	tick := time.NewTicker(remindEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.Remind(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "nobody was reminded of what ends soon", slog.Any("error", err))
		}
	}
}
