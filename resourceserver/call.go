package resourceserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver/bearer"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// target is what a request is about, as far as its path tells.
type target struct {
	provider consent.ProviderID
	path     string             // after the provider, as it was written
	op       *catalog.Operation // nil when there is none
	scope    consent.ScopeName  // that it is refused under; the operation's own unless the broker says another
	door     door
}

// call is the handler of every method under /api.
func (s *server) call(c *gin.Context) {
	crossOrigin(c.Writer.Header())
	answer, p := s.serve(c)
	switch {
	case answer.Content != nil:
		stream(c, answer)
	case errors.Is(c.Request.Context().Err(), context.Canceled):
		return // nobody is there to read it
	case p != nil:
		p.write(c)
	default:
		write(c, answer)
	}
}

// serve takes one request through. A panic is our mistake like any other.
func (s *server) serve(c *gin.Context) (answer broker.Answer, p *problem) {
	defer func() {
		if v := recover(); v != nil {
			p = internal(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	t, p := s.target(c.Request)
	if p != nil {
		return answer, p
	}
	who, p := s.admit(c.Request, t)
	if p != nil {
		return answer, p
	}
	web.Note(c, slog.String("app", who.ClientID), slog.String("operation", t.name()))
	req, p := read(c.Request, t)
	if p != nil {
		return answer, p
	}
	req.ID, req.Bearer = c.Writer.Header().Get("X-Request-Id"), of(who)
	answer, err := s.broker.Serve(c.Request.Context(), req)
	if err != nil {
		return answer, s.problem(c.Request.Context(), err, t, who)
	}
	return answer, nil
}

// target reads the path. It is read as it was written and not as the router
// decoded it: an escaped slash must not end the provider's name.
func (s *server) target(r *http.Request) (target, *problem) {
	// A request line with a host in it (RFC 9112 section 3.2.2) is for a proxy.
	if r.URL.Scheme != "" || r.URL.Host != "" || r.URL.Opaque != "" || r.URL.User != nil {
		return target{}, invalid("The request must name a path, not a whole URL.")
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(r.URL.EscapedPath(), "/api"), "/")
	id, path, slash := strings.Cut(rest, "/")
	t := target{provider: consent.ProviderID(id), door: s.front}
	if slash {
		t.path = "/" + path
	}
	if d, known := s.doors[t.provider]; known {
		t.door = d
	}
	// What cannot be matched is the broker's to refuse, in its words and on record.
	if m, err := s.catalog.Match(t.provider, r.Method, t.path); err == nil {
		t.op, t.scope = m.Operation, m.Operation.Scope
	}
	return t, nil
}

func (t target) name() string {
	if t.op == nil {
		return ""
	}
	return t.op.ID
}

// octokit is the scheme that GitHub's own client sends tokens under.
const octokit = "token"

// admit verifies the token. A refusal names the scope of the operation, or those
// of basic use.
func (s *server) admit(r *http.Request, t target) (bearer.Authority, *problem) {
	who, challenge, err := bearer.Admit(r, bearer.Config{Verifier: s.verifier, Proofs: s.proofs, Realm: realm, Metadata: t.door.metadata}, octokit)
	switch {
	case err != nil:
		return who, &problem{
			status: http.StatusServiceUnavailable, code: "temporarily_unavailable", message: "The access token could not be verified just now.",
			retry: 1, cause: fmt.Errorf("verify access token: %w", err),
		}
	case challenge != nil:
		challenge.Scope = names(t.door.basics)
		if t.op != nil {
			challenge.Scope = []string{string(t.scope)}
		}
		p := &problem{status: challenge.Status(), code: challenge.Error, message: challenge.Description, challenge: challenge}
		if p.code == "" {
			p.code, p.message = "unauthorized", "This needs an access token. Send it in the Authorization header."
		}
		return who, p
	}
	return who, nil
}

// of is the authority in the domain's words. A token an app has for itself has no
// grant: the broker refuses it.
func of(who bearer.Authority) consent.Bearer {
	b := consent.Bearer{
		User: consent.UserID(who.Subject), App: consent.AppID(who.ClientID), Grant: consent.GrantID(who.Grant), Present: who.Present,
		Scopes: make([]consent.ScopeName, len(who.Scopes)),
	}
	for i, name := range who.Scopes {
		b.Scopes[i] = consent.ScopeName(name)
	}
	if who.Details != nil {
		b.Details = details(who.Details)
	}
	for _, id := range who.Actors {
		b.Actors = append(b.Actors, consent.AppID(id))
	}
	return b
}

// details are never nil: an empty list narrows to nothing.
func details(listed []bearer.Detail) consent.Details {
	out := make(consent.Details, len(listed))
	for i, d := range listed {
		out[i] = consent.Detail{Type: consent.ResourceType(d.Type), ID: d.Identifier}
		for _, a := range d.Actions {
			out[i].Actions = append(out[i].Actions, consent.ScopeName(a))
		}
	}
	return out
}

// read takes from a request what the broker may see. The method is the request
// line's: nothing can override it. Cookies, forwarding and hop-by-hop headers and
// everything else stay here.
func read(r *http.Request, t target) (broker.Request, *problem) {
	req := broker.Request{Provider: t.provider, Method: r.Method, RawPath: t.path, RawQuery: r.URL.RawQuery, Header: http.Header{}}
	if accept := r.Header["Accept"]; len(accept) > 0 {
		req.Header.Set("Accept", strings.Join(accept, ", ")) // a list may stand in several lines
	}
	for _, name := range []string{"Content-Type", "Idempotency-Key", "If-None-Match"} {
		switch values := r.Header[name]; {
		case len(values) > 1:
			return req, invalid("The header " + name + " stands twice.")
		case len(values) == 1:
			req.Header.Set(name, values[0])
		}
	}
	if coding := r.Header["Content-Encoding"]; len(coding) > 1 || (len(coding) == 1 && !strings.EqualFold(coding[0], "identity")) {
		return req, &problem{status: http.StatusUnsupportedMediaType, code: "unsupported_encoding", message: "Send the body without compression."}
	}
	if r.ContentLength > broker.MaxBody {
		return req, tooLarge()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, broker.MaxBody+1))
	if err != nil {
		return req, &problem{status: http.StatusBadRequest, code: codeInvalid, message: "The body could not be read.", cause: fmt.Errorf("read body: %w", err)}
	}
	if len(body) > broker.MaxBody {
		return req, tooLarge()
	}
	req.Body = body
	return req, nil
}

func tooLarge() *problem {
	return &problem{status: http.StatusRequestEntityTooLarge, code: "too_large", message: "The body is larger than 1 MiB."}
}

// write sends the broker's answer.
func write(c *gin.Context, a broker.Answer) {
	h := c.Writer.Header()
	for name, values := range a.Header {
		h[name] = values
	}
	if len(a.Body) == 0 {
		c.Status(a.Status)
		c.Writer.WriteHeaderNow()
		return
	}
	c.Data(a.Status, a.Header.Get("Content-Type"), a.Body)
}
