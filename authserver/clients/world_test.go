package clients_test

import (
	"context"
	"time"

	"github.com/deputy-oauth/deputy/internal/deputytest"
)

// later moves the clock, and waits until what the server remembers of clients is
// too old whatever the clock shows: that memory goes by the real time.
func later(d *deputytest.Deputy, by time.Duration) {
	d.Clock.Add(by)
	time.Sleep(600 * time.Millisecond)
}

// once is clients.Seen for a test in which nothing comes twice.
type once struct{}

func (once) First(context.Context, string, time.Time) (bool, error) { return true, nil }
