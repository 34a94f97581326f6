// Package dashboard is the person's pages: which apps can act, which services
// are connected, what happened, where they are signed in, and the buttons to
// take all of it away.
//
// Every read and every write names the person first, so that somebody else's id
// in an address is an id that does not exist. Taking away needs no provider and
// no app: it works while any of them is down, it is committed before the page
// answers, and other replicas follow within a second. A form's token is bound to
// the sign-in, to what the form does and to what it does it to.
//
// It does not own how authority is given (package flow), how services are
// connected (package connect), nor how pages look (package templates). It only
// reads, and takes away.
package dashboard

import (
	"context"
	"fmt"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// People knows who is at the browser and where else they are signed in.
type People interface {
	Require(c *gin.Context) (identity.Person, bool, error)
	SignOutToken(p identity.Person) string
	Sessions(ctx context.Context, user consent.UserID) ([]identity.Session, error)
	End(ctx context.Context, user consent.UserID, id consent.SessionID) error
	EndOthers(ctx context.Context, user consent.UserID, keep consent.SessionID) (int, error)
}

// Held is one app with what the person agreed to for it.
type Held struct {
	Grant consent.Grant // with its refusals only from Holdings.App
	App   consent.App
	Host  string // of its return addresses when they agree on one; ASCII
}

// Run is one installation of an app: a refresh chain that still works.
type Run struct {
	ID          consent.FamilyID
	Session     consent.SessionID // the sign-in it was born under
	Offline     bool              // outlives that sign-in
	First, Last time.Time
}

// Tally counts calls of one kind on one day. Only Done and Denied are counted.
type Tally struct {
	Day       time.Time // its first moment
	Grant     consent.GrantID
	Operation string
	Outcome   audit.Outcome
	Count     int
}

// Holdings reads what apps have of one person.
type Holdings interface {
	// Apps lists the grants that were not revoked.
	Apps(ctx context.Context, user consent.UserID) ([]Held, error)
	// App is one of them; false when the person has no such grant.
	App(ctx context.Context, user consent.UserID, grant consent.GrantID) (Held, bool, error)
	// Runs lists the installations of an app that can still refresh.
	Runs(ctx context.Context, user consent.UserID, grant consent.GrantID) ([]Run, error)
	// AppUsers counts the people who use an app, up to most.
	AppUsers(ctx context.Context, app consent.AppID, most int) (int, error)
	// AppNames names apps, also those that have nothing any more.
	AppNames(ctx context.Context, ids []consent.AppID) (map[consent.AppID]string, error)
}

// Account is one account at a provider.
type Account struct {
	consent.Connection
	Since    time.Time
	LastUsed time.Time // zero when never used
	// Lost says that it ended because an answer of the provider got lost.
	Lost bool
	// Rests is until when the provider is not asked for fresh tokens; zero or past:
	// it is.
	Rests time.Time
	// Telling says that the provider has not confirmed yet that the account was
	// disconnected, Unconfirmed that it never did.
	Telling, Unconfirmed bool
}

// Services reads what is connected and what could be.
type Services interface {
	// Accounts lists the person's accounts, also those disconnected since.
	Accounts(ctx context.Context, user consent.UserID) ([]Account, error)
	// Offers lists the providers that this server is registered at, by id.
	Offers(ctx context.Context) ([]consent.ProviderID, error)
}

// Records reads what happened.
type Records interface {
	List(ctx context.Context, user consent.UserID, f audit.Filter, before string, limit int) ([]audit.Entry, error)
}

// Counts adds up what happened.
type Counts interface {
	// Tallies counts the person's calls since a moment, by day in the zone that is
	// offset from UTC.
	Tallies(ctx context.Context, user consent.UserID, since time.Time, offset time.Duration) ([]Tally, error)
}

// Revoker takes authority away. When a method returns nil it is gone, on this
// replica at once and on every other within a second. The error is a
// fault.NotFound for what the person does not have.
type Revoker interface {
	// RevokeGrant ends a grant and everything issued under it. Ending one that has
	// ended is no error.
	RevokeGrant(ctx context.Context, user consent.UserID, grant consent.GrantID) error
	// RemoveItems takes scopes on one connection out of a grant, and ends the grant
	// when nothing that lives is left in it.
	RemoveItems(ctx context.Context, user consent.UserID, grant consent.GrantID, scopes []consent.ScopeName, on consent.ConnectionID) error
	// LowerItems takes less than all out of scopes on one connection.
	LowerItems(ctx context.Context, user consent.UserID, grant consent.GrantID, scopes []consent.ScopeName, on consent.ConnectionID, less consent.Less) error
	// RevokeFamily ends one installation.
	RevokeFamily(ctx context.Context, user consent.UserID, family consent.FamilyID) error
}

// ConnectForms makes the tokens of forms that package connect answers.
type ConnectForms interface {
	// Destination is where a form that connects p ends: at the provider.
	Destination(ctx context.Context, p consent.ProviderID) (string, error)
	StartToken(session consent.SessionID, p consent.ProviderID) string
	ReconnectToken(session consent.SessionID, id consent.ConnectionID) string
	DisconnectToken(session consent.SessionID, id consent.ConnectionID) string
}

// Config is what the dashboard is made of. All of it is needed but Zone.
type Config struct {
	People    People
	Holdings  Holdings
	Services  Services
	Records   Records
	Counts    Counts
	Answers   Answers
	Petitions Petitions
	Revoker   Revoker
	Connect   ConnectForms
	Mails     Mails // nil when this server sends none

	Catalog *catalog.Catalog
	// Vocabulary is every scope there is, operators' own included.
	Vocabulary func(context.Context) (consent.Vocabulary, error)
	// Passkeys is true when people can have passkeys here.
	Passkeys bool
	// Companies reports whether people can sign in with company accounts here. Nil
	// means that they cannot.
	Companies func(context.Context) (bool, error)

	Site  *web.Site
	Forms web.Forms
	Zone  *time.Location // in which days begin; nil means UTC
	Now   func() time.Time
}

// Dashboard answers the person's pages. It is safe for concurrent use.
type Dashboard struct {
	cfg        Config
	operations map[string]*catalog.Operation
}

// New returns a Dashboard.
func New(cfg Config) *Dashboard {
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	d := &Dashboard{cfg: cfg, operations: map[string]*catalog.Operation{}}
	for _, p := range cfg.Catalog.Providers {
		for i := range p.Operations {
			d.operations[p.Operations[i].ID] = &p.Operations[i]
		}
	}
	return d
}

// visit is one request of somebody who is signed in.
type visit struct {
	*gin.Context
	person identity.Person
	now    time.Time
	words  consent.Vocabulary
}

// visit begins a page; false when nobody is signed in and the answer is written.
func (d *Dashboard) visit(c *gin.Context) (visit, bool, error) {
	p, ok, err := d.cfg.People.Require(c)
	if err != nil || !ok {
		return visit{}, false, err
	}
	words, err := d.cfg.Vocabulary(c.Request.Context())
	if err != nil {
		return visit{}, false, fmt.Errorf("load the vocabulary: %w", err)
	}
	return visit{Context: c, person: p, now: d.cfg.Now(), words: words}, true, nil
}

func (v visit) ctx() context.Context { return v.Request.Context() }

func (v visit) user() consent.UserID { return v.person.User }

// frame is what every page has around it. form is the token of the page's own
// form, "" when it has none.
func (d *Dashboard) frame(v visit, path, form string) templates.Frame {
	return templates.Frame{
		Account: v.person.Email, SignOut: d.cfg.People.SignOutToken(v.person),
		Return: "/", CSRF: form, Path: path, Here: path, Now: v.now,
	}
}

// token is the token of a form that does step to the object.
func (d *Dashboard) token(v visit, step string, object ...string) string {
	return d.cfg.Forms.Token(append([]string{string(v.person.Session), step}, object...)...)
}

// form reads a posted form and checks its token. An error means nothing changed.
func (d *Dashboard) form(v visit) error {
	if err := v.Request.ParseForm(); err != nil {
		return fault.Wrap(fault.Invalid, err, "This form could not be read. Nothing was changed. Go back and try again.")
	}
	return nil
}

func (d *Dashboard) check(v visit, step string, object ...string) error {
	return d.cfg.Forms.Check(v.Request.PostForm.Get("csrf"), append([]string{string(v.person.Session), step}, object...)...)
}

// absent answers for what is not there and for what is somebody else's.
func absent() error {
	return fault.New(fault.NotFound, "There is no such page for you. It was removed, or it never was yours.")
}
