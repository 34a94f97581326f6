package resourceserver

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver/bearer"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

const (
	realm       = "deputy"
	codeInvalid = bearer.InvalidRequest
)

// problem is a refusal on its way out.
type problem struct {
	status    int
	code      string // for OAuth clients the code of the challenge, else our own
	reason    string // finer than code; "" when code says it all
	message   string
	missing   []consent.ScopeName
	details   []bearer.Detail
	plan      plan
	retry     int // seconds; 0 when waiting does not help
	challenge *bearer.Challenge
	reference string
	cause     error // for the log
}

// document is a problem as apps read it. Message is what Octokit shows, error and
// ok are what Slack's client looks at, error_description is OAuth's.
type document struct {
	OK          bool                `json:"ok"` // always false
	Error       string              `json:"error"`
	Description string              `json:"error_description"`
	Message     string              `json:"message"`
	Reason      string              `json:"reason,omitempty"`
	Missing     []consent.ScopeName `json:"missing_scopes,omitempty"`
	Details     []bearer.Detail     `json:"authorization_details,omitempty"`
	plan
	Reference string `json:"reference,omitempty"`
}

func invalid(message string) *problem {
	return &problem{status: http.StatusBadRequest, code: codeInvalid, message: message}
}

// internal is our own mistake: the app reads a reference, the log has the rest.
func internal(cause error) *problem {
	return &problem{
		status: http.StatusInternalServerError, code: "server_error", message: "Something went wrong on Deputy's side.",
		reference: web.Reference(), cause: cause,
	}
}

// problem turns what the broker says into what the app is told.
func (s *server) problem(ctx context.Context, err error, t target, who bearer.Authority) *problem {
	var r *broker.Refusal
	if !errors.As(err, &r) {
		return internal(err)
	}
	p := &problem{status: r.Status, code: r.Code, message: r.Message, missing: r.Missing, retry: seconds(r.RetryAfter)}
	if err != error(r) {
		p.cause = err // more than the refusal: something for the log
	}
	if r.Scope != "" {
		t.scope = r.Scope
	}
	switch {
	case r.Denial == consent.GrantGone:
		s.challenge(p, t, bearer.InvalidToken)
	case r.Outside != nil:
		s.remedy(p, t, *r.Outside)
	case r.Denial == consent.PersonAway && len(r.Missing) == 0:
		return p // nothing to ask for: it waits for the person
	case r.Denial == consent.ScopeMissing, r.Denial == consent.PersonAway, r.Denial == consent.WriteNeedsYes:
		s.challenge(p, t, bearer.InsufficientScope)
		p.need(s.needs(t, who, r.Missing), s.lacks(who))
		if r.Denial == consent.WriteNeedsYes {
			p.say("This change needs the person's permission to write without asking.")
		}
	case r.Status == http.StatusForbidden && (r.Denial == consent.ProviderLacks || len(r.Missing) > 0):
		// The way to a wider connection leads over the same consent page.
		s.challenge(p, t, bearer.InsufficientScope)
		p.need(s.needs(t, who, r.Missing), s.lacks(who))
		p.missing = r.Missing
		if t.op != nil && len(p.missing) == 0 {
			p.missing = []consent.ScopeName{t.scope}
		}
	}
	// Where there is only to wait, nothing is read: an app that does not wait costs little.
	wait := r.RetryAfter > 0 && len(r.Missing) == 0
	if r.Outside != nil || (r.Denial != consent.GrantGone && r.Denial != consent.Permitted && !wait) {
		s.wayOut(ctx, p, t, who, r.Outside != nil)
	}
	return p
}

// wayOut adds what is left for the person to do, and the address of the page where
// that is done. For a resource outside of what was agreed there is the address
// alone: reading what else stands would take time that tells it from what does not
// exist.
func (s *server) wayOut(ctx context.Context, p *problem, t target, who bearer.Authority, outside bool) {
	b, w := of(who), Wish{}
	var err error
	if p.challenge != nil {
		w.Scope = strings.Join(p.challenge.Scope, " ")
	} else if t.op != nil {
		w.Scope = strings.Join(append([]string{string(t.scope)}, names(p.missing)...), " ")
	}
	if len(p.details) > 0 {
		w.Details = wireDetails(p.details)
	}
	if outside {
		p.plan.Next, err = s.outlook.Next(b, w)
	} else {
		var made consent.Plan
		if made, err = s.outlook.Plan(ctx, b, w); err == nil {
			p.plan, err = s.left(made, b, w)
		}
	}
	p.cause = errors.Join(p.cause, err) // the refusal stands without it
}

func wireDetails(details []bearer.Detail) string {
	encoded, err := json.Marshal(details)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(encoded)
}

// challenge makes p one that a client can answer with a new authorization.
func (s *server) challenge(p *problem, t target, code string) {
	p.reason, p.code = p.code, code
	p.challenge = &bearer.Challenge{Realm: realm, Error: code, Description: p.message, Metadata: t.door.metadata}
	if t.op != nil {
		p.challenge.Scope = []string{string(t.scope)}
	}
}

// remedy tells how to come to a resource that is outside of what was agreed. The
// draft answers 401; but what is outside must look like what does not exist, and
// that is 404: the providers' own clients branch on it, and a 401 would make a
// client throw a good token away. The challenge may stand beside any status (RFC
// 9110 section 11.6.1). Without an id there is nothing exact to ask for, only the
// scope: saying the id would say that the name exists.
func (s *server) remedy(p *problem, t target, outside consent.Resource) {
	code := p.code
	s.challenge(p, t, bearer.InsufficientAuthorization)
	p.code, p.reason = code, ""
	if outside.ID == "" {
		return
	}
	p.details = []bearer.Detail{{Type: string(outside.Type), Identifier: outside.ID, Actions: []string{string(t.scope)}}}
	p.challenge.Details = p.details
}

func (p *problem) say(message string) { p.message, p.challenge.Description = message, message }

// need names in the challenge every scope the call needs, all at once, so that
// the person is asked once; in the body those of them that are missing.
func (p *problem) need(scopes []consent.ScopeName, lacks func(consent.ScopeName) bool) {
	p.challenge.Scope = names(scopes)
	missing := slices.Clone(p.missing)
	for _, name := range scopes {
		if lacks(name) && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	p.missing = missing
}

// needs lists what a call needs as things stand: the operation's scope, for a
// write the permission to write unasked, and without a living sign-in the one to
// work in the background, where that helps. missing are further ones the broker named.
func (s *server) needs(t target, who bearer.Authority, missing []consent.ScopeName) []consent.ScopeName {
	var out []consent.ScopeName
	if t.op != nil {
		out = append(out, t.scope)
		if t.op.Access != consent.Read {
			out = append(out, consent.UnattendedWrites)
		}
	}
	if !who.Present && !s.catalog.Scopes[t.scope].Attended {
		out = append(out, consent.Background)
	}
	for _, name := range missing {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func (s *server) lacks(who bearer.Authority) func(consent.ScopeName) bool {
	covers := func(have, want string) bool {
		return s.catalog.Scopes.Covers(consent.ScopeName(have), consent.ScopeName(want))
	}
	return func(name consent.ScopeName) bool { return !who.Holds(covers, string(name)) }
}

// seconds rounds up: who comes back early is refused again.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// write is the only writer of errors under /api.
func (p *problem) write(c *gin.Context) {
	web.Note(c, slog.String("refused", p.code))
	if p.reason != "" {
		web.Note(c, slog.String("reason", p.reason))
	}
	if p.reference != "" {
		web.Note(c, slog.String("reference", p.reference))
	}
	if p.cause != nil {
		web.Note(c, slog.String("error", p.cause.Error()))
	}
	if c.Writer.Written() {
		return // half an answer is out; the log has the rest
	}
	if p.challenge != nil {
		p.challenge.Set(c.Writer.Header())
	}
	if p.retry > 0 {
		c.Header("Retry-After", strconv.Itoa(p.retry))
	}
	c.JSON(p.status, document{
		Error: p.code, Description: p.message, Message: p.message, Reason: p.reason, Missing: p.missing, Details: p.details, plan: p.plan, Reference: p.reference,
	})
}
