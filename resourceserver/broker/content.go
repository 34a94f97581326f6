package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// A file is passed on as it comes, and is never in memory whole. What that opens is
// shut here: it has a size of its own, neither the provider nor the app may let the
// other one hang, one grant has only so many on their way, and one that breaks off
// does not look whole.

// Content is a file on its way from a provider to an app. Send must be called once,
// whether or not somebody is still there to read.
type Content struct {
	call   *call
	body   io.ReadCloser
	length int64 // -1 when the provider does not say it
	most   int64
	kept   *kept
	leave  func()
	began  time.Time
	looked time.Time
	status int
	sent   int64
}

// Sink takes what is in a file.
type Sink interface {
	io.Writer
	// Within bounds the time that the next Write may take.
	Within(time.Duration) error
}

const (
	// chunk is how much of a file is in memory, in bytes.
	chunk = 32 << 10
	// idle is how long either side may let the other wait.
	idle = 30 * time.Second
	// leastRate is how fast a file must get on after its first idle, in bytes a second.
	leastRate = 16 << 10
	// maxFlows is how many files of one grant may be on their way at a time.
	maxFlows = 8
	// lookAgain is how often it is looked whether the app still may.
	lookAgain = 2 * time.Second
	// maxNoFile is how long what comes instead of a file may be, in bytes.
	maxNoFile = 1 << 20
)

// The reasons on record of a file that did not arrive whole.
const (
	CodeTooLarge = "content_too_large"
	reasonSlow   = "too_slow"
	reasonCut    = "cut_off"  // by the provider
	reasonLeft   = "app_left" // or did not read on
	reasonEnded  = "ended"    // the person took back what they allowed
)

var (
	errSlow = errors.New("the file came too slowly")
	errLeft = errors.New("the app does not read on")
	errEnds = errors.New("the app may not read on")
)

// Send copies the file and records how that ended, with its bytes. After an error
// the app must see that what it has is not whole.
func (f *Content) Send(ctx context.Context, to Sink) error {
	err := f.copy(ctx, to)
	f.close()
	f.call.event.Bytes = f.sent
	e := f.call.event
	e.Took = f.call.b.cfg.Now().Sub(e.At)
	e.Outcome, e.Status = Done, f.status
	if err != nil {
		e.Outcome, e.Reason = Failed, reasonOf(err)
	}
	return errors.Join(err, f.call.write(ctx, e))
}

func (f *Content) copy(ctx context.Context, to Sink) error {
	buffer := make([]byte, chunk)
	for {
		left, err := f.patience()
		if err == nil {
			err = f.still(ctx)
		}
		if err != nil {
			return err
		}
		f.kept.alive(left)
		n, readErr := f.body.Read(buffer)
		f.kept.rest()
		switch {
		case f.sent+int64(n) > f.most:
			return errLarge
		case n == 0:
		default:
			if err := f.pass(to, buffer[:n], left); err != nil {
				return err
			}
		}
		switch {
		case readErr == io.EOF:
			return nil
		case readErr != nil && ctx.Err() != nil:
			return errors.Join(errLeft, ctx.Err())
		case readErr != nil && f.kept.over():
			return errSlow
		case readErr != nil:
			return &cut{readErr}
		}
	}
}

func (f *Content) pass(to Sink, some []byte, left time.Duration) error {
	if err := to.Within(left); err != nil {
		return fmt.Errorf("bound a write: %w", err)
	}
	n, err := to.Write(some)
	f.sent += int64(n)
	if err != nil {
		return errors.Join(errLeft, err)
	}
	return nil
}

// patience is how long the next step may take: no longer than idle, and no longer
// than a file of this many bytes may have taken up to now.
func (f *Content) patience() (time.Duration, error) {
	b := f.call.b
	may := b.idle + time.Duration(f.sent)*time.Second/leastRate
	left := min(b.idle, may-b.cfg.Now().Sub(f.began))
	if left <= 0 {
		return 0, errSlow
	}
	return left, nil
}

// still reports whether the app may read on: what a person takes back ends at once
// (threats R9).
func (f *Content) still(ctx context.Context) error {
	c := f.call
	now := c.b.cfg.Now()
	if now.Sub(f.looked) < lookAgain {
		return nil
	}
	f.looked = now
	var err error
	c.grant, c.connections, err = c.b.cfg.Authority.Live(ctx, c.req.Bearer.Grant)
	if err != nil {
		return fmt.Errorf("load authority of grant %s: %w", c.req.Bearer.Grant, err)
	}
	c.began = now // what has run out since counts, too
	on := c.event.Connection
	verdict := c.permit(c.event.Resource)
	c.event.Connection = on // on record it is the one that the file came through
	if verdict.Denial != consent.Permitted || verdict.Connection.ID != on {
		return errEnds
	}
	return nil
}

func (f *Content) close() {
	_ = f.body.Close() // whatever is left of it is not wanted
	f.kept.end()
	f.leave()
}

func reasonOf(err error) string {
	var broken *cut
	switch {
	case errors.Is(err, errLarge):
		return CodeTooLarge
	case errors.Is(err, errSlow):
		return reasonSlow
	case errors.As(err, &broken):
		return reasonCut
	case errors.Is(err, errLeft):
		return reasonLeft
	case errors.Is(err, errEnds):
		return reasonEnded
	}
	return "internal"
}

// open makes a call whose answer is a file. What it is made with lasts until the
// file has passed.
func (c *call) open(ctx context.Context, on consent.ConnectionID, base string, out outgoing) (incoming, error) {
	leave, err := c.b.flows.enter(c.req.Bearer.Grant)
	if err != nil {
		return incoming{}, err
	}
	ctx, k := keep(ctx)
	k.alive(c.b.cfg.Timeout)
	got, err := c.tried(ctx, on, base, out, c.op.Max, false)
	if err != nil && k.over() {
		err = errors.Join(context.DeadlineExceeded, err)
	}
	if got.file == nil {
		k.end()
		leave()
		return got, err
	}
	k.rest()
	got.file.kept, got.file.leave = k, leave
	return got, nil
}

// flowing takes over the body of a successful answer, unless it says that it is too
// large, or is coded: nobody here looks into it.
func (c *call) flowing(resp *http.Response, most int64) (incoming, error) {
	got := incoming{status: resp.StatusCode, header: resp.Header}
	switch coding := resp.Header.Get("Content-Encoding"); {
	case resp.ContentLength > most:
		_ = resp.Body.Close()
		return incoming{}, tooLarge(most)
	case coding != "" && coding != "identity":
		_ = resp.Body.Close()
		return incoming{}, &cut{fmt.Errorf("it is coded as %.20q", coding)}
	}
	now := c.b.cfg.Now()
	got.file = &Content{call: c, status: resp.StatusCode, body: resp.Body, length: resp.ContentLength, most: most, began: now, looked: now}
	return got, nil
}

// headers are those that go with a file. Whatever it is, no browser shows it as a
// page of ours.
func (f *Content) headers(from, to http.Header) {
	kind, parameters, err := mime.ParseMediaType(from.Get("Content-Type"))
	if err != nil {
		kind, parameters = "application/octet-stream", nil
	}
	to.Set("Content-Type", mime.FormatMediaType(kind, parameters))
	to.Set("Content-Disposition", "attachment")
	to.Set("X-Content-Type-Options", "nosniff")
	if f.length >= 0 {
		to.Set("Content-Length", strconv.FormatInt(f.length, 10))
	}
}

// announce records that a file is about to be passed on: its first byte leaves
// after that, and how it ends is recorded at its end.
func (c *call) announce(ctx context.Context, a Answer) (Answer, error) {
	if err := c.start(ctx); err != nil {
		a.Content.close()
		return Answer{}, err
	}
	return a, nil
}

func tooLarge(most int64) *Refusal {
	return &Refusal{
		Class: catalog.CallerFault, Status: http.StatusUnprocessableEntity, Code: CodeTooLarge,
		Message: fmt.Sprintf("The file has more than %d bytes, which is the most that Deputy passes on.", most),
	}
}

// kept is a context that ends when nothing happened for a time.
type kept struct {
	cancel context.CancelFunc
	timer  *time.Timer
	late   func() bool
}

func keep(ctx context.Context) (context.Context, *kept) {
	ctx, cancel := context.WithCancelCause(ctx)
	k := &kept{cancel: func() { cancel(nil) }, late: func() bool { return errors.Is(context.Cause(ctx), errSlow) }}
	k.timer = time.AfterFunc(time.Hour, func() { cancel(errSlow) })
	return ctx, k
}

// alive lets it go on for d from now.
func (k *kept) alive(d time.Duration) { k.timer.Reset(d) }

// rest stops the clock.
func (k *kept) rest() { k.timer.Stop() }

// over reports whether it ended because nothing happened.
func (k *kept) over() bool { return k.late() }

func (k *kept) end() {
	k.timer.Stop()
	k.cancel()
}

// flows counts the files of each grant that are on their way.
type flows struct {
	mu  sync.Mutex
	now map[consent.GrantID]int
}

func (f *flows) enter(id consent.GrantID) (leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now[id] >= maxFlows {
		return nil, &Refusal{
			Status: http.StatusTooManyRequests, Code: "too_many_downloads", RetryAfter: time.Second,
			Message: fmt.Sprintf("The app is reading %d files for this person. The next one waits until one of them has ended.", maxFlows),
		}
	}
	if f.now == nil {
		f.now = map[consent.GrantID]int{}
	}
	f.now[id]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.now[id]--; f.now[id] == 0 {
			delete(f.now, id)
		}
	}, nil
}
