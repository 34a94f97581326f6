package flow

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
)

// Authorize is GET /oauth/authorize: the way in.
func (f *Flow) Authorize(c *gin.Context) error {
	ctx := c.Request.Context()
	ask, err := f.Protocol.ParseAuthorize(ctx, c.Request.URL.RawQuery)
	f.Site.AskLanguage(c, ask.Locales)
	p, in, perr := f.People.Person(c)
	if perr != nil {
		return perr
	}
	if err != nil {
		return f.tell(c, err, in)
	}
	if !in || ask.Fits(p.SignedInAt, p.Level, time.Time{}, f.Now()) != oauth.SignInFits {
		if ask.Silent {
			return to(c, f.Protocol.Refuse(ask, "login_required", "Nobody is signed in."))
		}
		return f.hold(c, f.People.Ask)
	}
	if choose, err := f.chooses(c, ask); err != nil || choose {
		return err
	}
	plan, err := f.decide(ctx, ask, p, consent.Choices{})
	if err != nil {
		return err
	}
	if u := ask.Misfit(plan.Grant); u != nil {
		return to(c, f.Protocol.Tell(u))
	}
	if done, err := f.unreviewed(c, ask, p, plan); err != nil || done {
		return err
	}
	switch {
	case plan.Done() && len(plan.Token) > 0:
		return f.issue(c, ask, p, plan)
	case ask.Silent:
		return to(c, f.Protocol.Refuse(ask, missing(plan), "The person has to answer a page first."))
	}
	v, err := f.begin(c, c.Request.URL.RawQuery)
	if err != nil {
		return err
	}
	return to(c, v.path())
}

// tell answers a request that cannot be answered. The app learns of it only when
// somebody is signed in, so that this server is nobody's bouncer (OAuth 2.1
// section 7.13.2); a silent request shows nobody anything, so it may.
func (f *Flow) tell(c *gin.Context, err error, in bool) error {
	var u *oauth.Unanswerable
	if !errors.As(err, &u) {
		return err
	}
	if in || u.Silent {
		return to(c, f.Protocol.Tell(u))
	}
	return f.hold(c, f.People.Ask)
}

// hold sends the browser to one of identity's pages and then back to this very
// request.
func (f *Flow) hold(c *gin.Context, send func(c *gin.Context, next string) error) error {
	v, err := f.begin(c, c.Request.URL.RawQuery)
	if err != nil {
		return err
	}
	return send(c, v.path())
}

// missing is the error code for a silent request that needs the person.
func missing(plan consent.Plan) string {
	for _, s := range plan.Steps {
		if s.Kind != consent.Approve && s.Kind != consent.Confirm && !s.Optional {
			return "interaction_required"
		}
	}
	return "consent_required"
}

// decide reads what stands and asks the consent engine. It asks no provider.
func (f *Flow) decide(ctx context.Context, ask oauth.Ask, p identity.Person, choices consent.Choices) (consent.Plan, error) {
	w, err := f.stands(ctx, ask, p, choices)
	if err != nil {
		return consent.Plan{}, err
	}
	return w.decide(), nil
}

// world is everything that one decision is made from.
type world struct {
	req         consent.Request
	connections []consent.Connection
	grants      []consent.Grant
	now         time.Time
}

func (w world) decide() consent.Plan {
	return consent.Decide(w.req, w.connections, w.grants, w.now)
}

func (f *Flow) stands(ctx context.Context, ask oauth.Ask, p identity.Person, choices consent.Choices) (world, error) {
	w := world{req: request(ask, p, choices), now: f.Now()}
	var err error
	if w.grants, err = f.Ledger.GrantsOf(ctx, p.User, ask.Client.ID); err != nil {
		return world{}, err
	}
	if w.connections, err = f.Ledger.ConnectionsOf(ctx, p.User); err != nil {
		return world{}, err
	}
	if w.req.Rules, err = f.Rules(ctx); err != nil {
		return world{}, err
	}
	if len(w.req.Rules) > 0 {
		if w.req.Petitions, err = f.petitions(ctx, ask.Client, p.User); err != nil {
			return world{}, err
		}
	}
	w.req.Asked, _ = f.offered(ask.Client, w.req.Asked)
	w.req.Along, _ = f.offered(ask.Client, w.req.Along)
	return w, nil
}

func request(ask oauth.Ask, p identity.Person, choices consent.Choices) consent.Request {
	return consent.Request{
		User: p.User, App: ask.Client.ID, Asked: ask.Scopes, Along: ask.Along, Required: ask.Client.Required, Vocabulary: ask.Words,
		// Only a client with a secret can prove that a repeated request is its own
		// (OAuth 2.1 section 7.3.1).
		Proven: ask.Client.Confidential || ask.Here, Ask: ask.AskAgain, Choices: choices, Details: ask.Details,
		Face: ask.Client.App().Face, Digest: ask.Client.Digest(),
	}
}

// issue answers a request for which nothing is left to do.
func (f *Flow) issue(c *gin.Context, ask oauth.Ask, p identity.Person, plan consent.Plan) error {
	target, err := f.Protocol.Issue(c.Request.Context(), ask, approval(p, c.ClientIP(), plan.Grant, plan.Token, plan.Settled(ask.Details)))
	if err != nil {
		return err
	}
	return to(c, target)
}

func approval(p identity.Person, address string, grant consent.GrantID, scopes []consent.ScopeName, details consent.Details) oauth.Approval {
	return oauth.Approval{Grant: grant, User: p.User, Session: p.Session, Scopes: scopes, Details: details, SignedIn: p.SignedInAt, Level: p.Level, Address: address}
}

// to redirects with 303: whatever was posted to us must not be posted on (RFC
// 9700 section 4.12).
func to(c *gin.Context, target string) error {
	c.Redirect(http.StatusSeeOther, target)
	return nil
}
