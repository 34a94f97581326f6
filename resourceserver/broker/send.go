package broker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
)

// outgoing is a request to a provider, made from a template only.
type outgoing struct {
	method string
	path   string // escaped, below the API base
	query  url.Values
	body   []byte // nil for none
	kind   string // media type of the body; "" is JSON
	etag   string // If-None-Match, when the app has an older answer
	file   bool   // what comes back is a file, passed on as it comes
}

// incoming is a provider's answer, read whole; of a file, what comes before it.
type incoming struct {
	status int
	header http.Header
	body   []byte
	file   *Content
	class  catalog.ErrorClass // "" for a plain success
	wait   time.Duration
}

var errLarge = errors.New("the provider's answer is too large")

// send makes one call and classifies its answer. The error is a *Refusal when the
// call did not come to an answer. write marks calls that must not be sent twice.
func (c *call) send(ctx context.Context, on consent.ConnectionID, out outgoing, most int64, write bool) (incoming, error) {
	base, err := c.b.cfg.Credentials.APIBase(ctx, on)
	if err != nil {
		return incoming{}, c.unsent(err, false)
	}
	if out.file {
		got, err := c.open(ctx, on, base, out)
		if err != nil {
			return incoming{}, c.unsent(err, false)
		}
		return got, nil
	}
	if write {
		// The app may hang up; half a write helps nobody.
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, c.b.cfg.Timeout)
	defer cancel()
	got, err := c.tried(ctx, on, base, out, most, write)
	if err != nil {
		return incoming{}, c.unsent(err, write)
	}
	return got, nil
}

// tried makes a call, and once more when that may help and can do no harm.
func (c *call) tried(ctx context.Context, on consent.ConnectionID, base string, out outgoing, most int64, write bool) (incoming, error) {
	got, err := c.paced(ctx, on, base, out, most, write)
	if err != nil && !write && c.op.Retry && ctx.Err() == nil && isDown(err) {
		got, err = c.paced(ctx, on, base, out, most, write)
	}
	return got, err
}

func (c *call) exchange(ctx context.Context, on consent.ConnectionID, base string, out outgoing, most int64) (incoming, error) {
	target := base + out.path
	if len(out.query) > 0 {
		target += "?" + out.query.Encode()
	}
	var body io.Reader
	if out.body != nil {
		body = bytes.NewReader(out.body)
	}
	req, err := http.NewRequestWithContext(ctx, out.method, target, body)
	if err != nil {
		return incoming{}, errors.New("build request: the target is not a URL")
	}
	for name, value := range c.plan.provider.Headers {
		req.Header.Set(name, value)
	}
	if out.body != nil {
		req.Header.Set("Content-Type", cmp.Or(out.kind, "application/json; charset=utf-8"))
	}
	if out.etag != "" {
		req.Header.Set("If-None-Match", out.etag)
	}
	fetch := c.b.cfg.Credentials.Do
	if out.file {
		// A file that was packed on the way would be larger than its size says.
		req.Header.Set("Accept-Encoding", "identity")
		fetch = c.b.cfg.Credentials.Fetch
	}
	resp, err := fetch(ctx, on, req)
	if err != nil {
		return incoming{}, err
	}
	if out.file && resp.StatusCode == http.StatusOK {
		return c.flowing(resp, most)
	}
	defer resp.Body.Close()
	if out.file {
		most = maxNoFile
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return incoming{}, &cut{err}
	}
	if int64(len(text)) > most {
		return incoming{}, errLarge
	}
	got := incoming{status: resp.StatusCode, header: resp.Header, body: text}
	got.class, got.wait, _ = c.plan.provider.Classify(got.status, got.header, text)
	return got, nil
}

// cut is an answer that ended before its end.
type cut struct{ cause error }

func (c *cut) Error() string           { return "the provider's answer was cut off: " + c.cause.Error() }
func (*cut) Class() catalog.ErrorClass { return catalog.ProviderDown }
func (*cut) RetryAfter() time.Duration { return 0 }
func (*cut) MayHaveHappened() bool     { return true }

// isDown reports whether trying once more at once may help.
func isDown(err error) bool {
	var f Failure
	return errors.As(err, &f) && f.Class() == catalog.ProviderDown && f.RetryAfter() == 0
}

// unsent turns an error on the way into a refusal.
func (c *call) unsent(err error, write bool) error {
	var f Failure
	var ours *Refusal
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &f):
		r := refused(f.Class(), f.RetryAfter(), c.now.scope, write && f.MayHaveHappened())
		return fmt.Errorf("call %s: %w", c.req.Provider, errors.Join(r, err))
	case c.b.cfg.Disconnected != nil && errors.Is(err, c.b.cfg.Disconnected):
		return denied(consent.Verdict{Denial: consent.ConnectionMissing})
	case errors.Is(err, errLarge) && !write:
		return errors.Join(refused(catalog.ProviderDown, 0, c.now.scope, false), err)
	case write:
		// Not one of the failures that are known to come before sending.
		return errors.Join(unknownOutcome(), err)
	case errors.Is(err, context.DeadlineExceeded):
		return errors.Join(refused(catalog.ProviderDown, 0, c.now.scope, false), err)
	}
	return fmt.Errorf("call %s: %w", c.req.Provider, err)
}

// isJSON reports whether an answer says that it is JSON.
func isJSON(header http.Header) bool {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

// build fills the operation's own call. resource is the checked id.
func (c *call) build(resource string, page url.Values) (outgoing, error) {
	up := c.op.Upstream
	filled := map[string]string{"resource": resource}
	for _, p := range c.op.Params {
		if p.In == catalog.InPath {
			filled[p.Name] = c.values.text(p.Name)
		}
	}
	out := outgoing{method: up.Method, path: catalog.Expand(up.Path, filled), query: url.Values{}}
	for name, template := range up.Query {
		if value, ok := c.fill(template, resource); ok {
			flatten(out.query, name, value)
		}
	}
	inBody := c.pagesInBody()
	if !inBody {
		maps.Copy(out.query, page)
	}
	file, has := uploads(c.op)
	if len(up.JSON) == 0 && !has {
		return out, nil
	}
	value, _ := c.typed(up.JSON, resource)
	doc, _ := value.(map[string]any)
	if inBody {
		for name := range page {
			doc[name] = page.Get(name)
		}
	}
	var err error
	sent, is := c.values[file.Name].(upload)
	switch {
	case is:
		out.body, out.kind, err = writeParts(doc, sent)
	case c.op.Form:
		out.body, out.kind = formBody(doc), formEncoded
	default:
		out.body, err = json.Marshal(doc)
	}
	if err != nil {
		return out, fmt.Errorf("write the body of %s: %w", c.op.ID, err)
	}
	return out, nil
}

// slotOf returns the name in a template that is one variable.
func slotOf(template string) (string, bool) {
	name, isSlot := strings.CutPrefix(template, "{")
	name, closed := strings.CutSuffix(name, "}")
	return name, isSlot && closed
}

// fill returns a template's value; ok is false when the app left it out, or the
// template is empty: then nothing is sent, whatever the app said.
func (c *call) fill(template, resource string) (any, bool) {
	name, isSlot := slotOf(template)
	switch {
	case !isSlot:
		return template, template != ""
	case name == "resource":
		return resource, true
	case c.paging(name):
		return nil, false
	}
	value, ok := c.values[name]
	return value, ok
}

// typed is fill for a JSON body, where numbers and booleans are themselves. Of an
// object, members that the app left out are left out.
func (c *call) typed(template any, resource string) (any, bool) {
	switch t := template.(type) {
	case string:
		value, ok := c.fill(t, resource)
		if !ok {
			return nil, false
		}
		for _, p := range c.op.Params {
			if "{"+p.Name+"}" == t && (p.Kind == catalog.KindBool || p.Kind == catalog.KindInt) {
				return json.RawMessage(fmt.Sprint(value)), true
			}
		}
		return value, true
	case map[string]any:
		out := make(map[string]any, len(t))
		for name, inner := range t {
			if value, ok := c.typed(inner, resource); ok {
				out[name] = value
			}
		}
		return out, true
	}
	return template, true
}
