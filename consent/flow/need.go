package flow

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/templates"
)

// An app can find out what it lacks without bothering anybody, and hand the person
// an address where that can be allowed: in a chat, in a mail. The address is ours,
// sealed, and for this person and this app only. It is no ticket: whoever opens it
// signs in as always, reads the same page and answers it. Nobody is sent back
// anywhere; what was allowed is in the grant.

// NeedLife is how long such an address can be opened.
const NeedLife = 7 * 24 * time.Hour

const (
	needStep = "need"
	needPath = "/allow"
)

// need is what an app lacks of one person.
type need struct {
	User    consent.UserID `json:"u"`
	App     consent.AppID  `json:"a"`
	Scope   string         `json:"s,omitempty"`
	Details string         `json:"d,omitempty"` // authorization_details
	Made    int64          `json:"t"`           // milliseconds
}

// Outlook compares what an app needs of a person with what stands, as the page
// would. It asks no provider. The error of a need that cannot be read is an
// *oauth.Error.
func (f *Flow) Outlook(ctx context.Context, user consent.UserID, app consent.AppID, scope, details string) (consent.Plan, error) {
	ask, err := f.Protocol.Need(ctx, app, scope, details)
	if err != nil {
		return consent.Plan{}, err
	}
	return f.decide(ctx, ask, identity.Person{User: user}, consent.Choices{})
}

// NeedPath is where a person can allow what an app needs, relative to the issuer.
func (f *Flow) NeedPath(user consent.UserID, app consent.AppID, scope, details string) (string, error) {
	plain, err := json.Marshal(need{User: user, App: app, Scope: scope, Details: details, Made: f.Now().UnixMilli()})
	if err != nil {
		return "", err
	}
	return needPath + "?need=" + url.QueryEscape(f.Box.Seal(plain, needStep)), nil
}

// Allow is GET /allow: the way in for a person whom an app has sent.
func (f *Flow) Allow(c *gin.Context) error {
	n, err := f.openNeed(c.Query("need"))
	if err != nil {
		return err
	}
	p, in, err := f.People.Person(c)
	if err != nil {
		return err
	}
	if !in {
		return f.People.Ask(c, c.Request.URL.RequestURI())
	}
	if err := n.of(p); err != nil {
		return err
	}
	v, err := f.beginNeed(c, n)
	if err != nil {
		return err
	}
	return to(c, v.path())
}

func (f *Flow) openNeed(sealed string) (need, error) {
	const start = "This address is not complete, or it has ended. Nothing was shared. Go back to the app and start again."
	plain, err := f.Box.Open(sealed, needStep)
	if err != nil {
		return need{}, fault.Wrap(fault.Invalid, err, start)
	}
	var n need
	if err := json.Unmarshal(plain, &n); err != nil {
		return need{}, err
	}
	if f.Now().Sub(time.UnixMilli(n.Made)) >= NeedLife {
		return need{}, fault.New(fault.Conflict, start)
	}
	return n, nil
}

// of refuses anybody but the person it is about, and says nothing about that one.
func (n need) of(p identity.Person) error {
	if p.User == n.User {
		return nil
	}
	return fault.New(fault.Denied, "This page is about another account here. Nothing was shared. Choose the account that the app works for, then open the address again.")
}

// readNeed reads what the app needs anew: it may have been switched off meanwhile.
func (f *Flow) readNeed(ctx context.Context, n need) (oauth.Ask, error) {
	ask, err := f.Protocol.Need(ctx, n.App, n.Scope, n.Details)
	if bad, ok := oauth.Registered(err); ok || errors.Is(err, clients.ErrUnknown) {
		return oauth.Ask{}, fault.Wrap(fault.Conflict, bad, "What the app asks for here does not exist any more. Nothing was shared. Go back to the app and start again.")
	}
	return ask, err
}

// Allowed is GET /allow/done: what the app has now of what it asked for.
func (f *Flow) Allowed(c *gin.Context) error {
	p, in, err := f.People.Person(c)
	if err != nil {
		return err
	}
	v, err := f.open(c.Query("flow"))
	if err != nil {
		return err
	}
	switch {
	case !in:
		return f.People.Ask(c, "/")
	case v.Need == nil:
		return fault.New(fault.Invalid, "This address is not complete. Go back to the app and start again.")
	}
	if err := v.Need.of(p); err != nil {
		return err
	}
	ask, err := f.readNeed(c.Request.Context(), *v.Need)
	if err != nil {
		return err
	}
	plan, err := f.decide(c.Request.Context(), ask, p, consent.Choices{})
	if err != nil {
		return err
	}
	page := templates.Done{Frame: f.frame(p), App: app(ask, 0)}
	for _, name := range plan.Token {
		page.Allowed = append(page.Allowed, ask.Words[name].Words)
	}
	return f.Site.Render(c, 200, page)
}
