package deputytest

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

// Clock is the time that everything in the test lives by. It stands still until
// it is moved. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock(at time.Time) *Clock {
	if at.IsZero() {
		at = time.Now().Truncate(time.Millisecond) // what a database keeps
	}
	return &Clock{at: at}
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Add moves the time on.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Journal is what the server logged. It is safe for concurrent use.
type Journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (j *Journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

// String returns all of it.
func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// Errors returns the last lines about what went wrong on the server's side.
func (j *Journal) Errors() string {
	var out []string
	for line := range strings.Lines(j.String()) {
		if strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN") {
			out = append(out, line)
		}
	}
	return strings.Join(out[max(0, len(out)-5):], "")
}
