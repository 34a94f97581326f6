package server

import (
	"context"
	"errors"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/consent/flow"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/live"
	"github.com/deputy-oauth/deputy/internal/seal"
	"github.com/deputy-oauth/deputy/resourceserver"
	"github.com/deputy-oauth/deputy/templates"
)

// Each consumer says what it needs in its own words. Here the words of one are
// turned into those of another; nothing is decided.

// issuance is oauth.Audit.
type issuance struct{ recorder *audit.Recorder }

func (i issuance) Issued(ctx context.Context, e oauth.Event) error {
	outcome := audit.Done
	if audit.Kind(e.Kind) == audit.TokenReplayed {
		outcome = audit.Denied
	}
	return i.recorder.InTx(ctx, audit.Event{
		Kind: audit.Kind(e.Kind), User: e.User, App: e.App, Grant: e.Grant, Family: e.Family, Actors: e.Actors, Outcome: outcome, Detail: e.Detail,
	})
}

// asking is identity.Conversations: flow is built after identity.
type asking struct{ server *Server }

func (a asking) Asking(ctx context.Context, next string) (identity.Asking, bool, error) {
	return a.server.flow.Asking(ctx, next)
}

func (a asking) Stakes(next string) []string { return a.server.flow.Stakes(next) }

// people is what the packages below identity ask of it: identity is built after them.
type people struct{ server *Server }

func (p people) Require(c *gin.Context) (identity.Person, bool, error) {
	return p.server.identity.Require(c)
}

func (p people) Prove(c *gin.Context, what templates.Purpose, next string) (identity.Person, bool, error) {
	return p.server.identity.Prove(c, what, next)
}

func (p people) Rename(ctx context.Context, user consent.UserID, name string) error {
	return p.server.identity.Rename(ctx, user, name)
}

func (p people) Browser(c *gin.Context) string { return p.server.identity.Browser(c) }

func (p people) SignOutToken(who identity.Person) string {
	return p.server.identity.SignOutToken(who)
}

// leavings is identity.Leavings: oauth is built after identity.
type leavings struct{ server *Server }

func (l leavings) Leaving(ctx context.Context, rawQuery string) (identity.Leaving, error) {
	ask, err := l.server.oauth.ParseLogout(ctx, rawQuery)
	return identity.Leaving{
		App: ask.App, Return: ask.Return, Host: ask.Host, Local: ask.Local, Vouched: ask.Vouched,
		Another: func(p identity.Person) bool { return l.server.oauth.Another(ask, p.User, p.Session) },
	}, err
}

// travellers is connect.People.
type travellers struct{ identity *identity.Identity }

func (t travellers) Person(c *gin.Context) (connect.Person, bool, error) {
	p, in, err := t.identity.Person(c)
	return connect.Person{User: p.User, Session: p.Session, Browser: p.Browser}, in, err
}

// authority is broker.Authority: an absent grant is one that gives nothing.
type authority struct{ live *live.State }

func (a authority) Live(ctx context.Context, id consent.GrantID) (consent.Grant, []consent.Connection, error) {
	g, connections, err := a.live.Live(ctx, id)
	if errors.Is(err, db.ErrNone) {
		return consent.Grant{}, nil, nil
	}
	return g, connections, err
}

// cursors is broker.Cursors.
type cursors struct{ box seal.Box }

func (c cursors) Seal(plain []byte, bound string) (string, error) {
	return c.box.Seal(plain, bound), nil
}
func (c cursors) Open(sealed, bound string) ([]byte, error) { return c.box.Open(sealed, bound) }

// outlook is resourceserver.Outlook.
type outlook struct {
	flow   *flow.Flow
	issuer string
}

func (o outlook) Plan(ctx context.Context, b consent.Bearer, w resourceserver.Wish) (consent.Plan, error) {
	plan, err := o.flow.Outlook(ctx, b.User, b.App, w.Scope, w.Details)
	if bad, is := oauth.Registered(err); is {
		err = &resourceserver.BadWish{Code: bad.Code, Description: bad.Description}
	}
	return plan, err
}

func (o outlook) Next(b consent.Bearer, w resourceserver.Wish) (string, error) {
	path, err := o.flow.NeedPath(b.User, b.App, w.Scope, w.Details)
	return o.issuer + path, err
}
