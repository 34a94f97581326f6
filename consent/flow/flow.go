// Package flow is the conversation between an app's authorization request and
// the code that answers it: sign in, connect, pick, approve. There is one
// dispatcher: every step ends by coming back to it, and it decides anew, from
// what is stored now, what is still missing. Steps never call each other.
//
// # How a request travels
//
// The app's request travels in the flow parameter, sealed: nobody can change it,
// and nothing is stored for a visitor who is not signed in. It is bound to the
// browser it came to and ends after ten minutes. What the person ticks and picks
// is kept on the server, in a draft of this one page, so that a detour to a
// provider loses nothing.
//
// # When something is granted
//
// Only by the button on the page, only for the rows that the page showed, only
// once. The page's form carries a MAC over the session, the request and what was
// shown; if what would be granted has changed since, the page is shown again.
// Grant, receipt, audit record and code are one transaction, and the browser is
// sent away only after it is committed.
//
// This package does not know OAuth's wire format (package oauth), does not
// connect accounts (package connect) and does not decide (package consent).
package flow

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/catalog"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/seal"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
	"github.com/deputy-oauth/deputy/templates"
)

// Life is how long a person may think about a request.
const Life = 10 * time.Minute

// Protocol is OAuth. Package oauth implements it.
type Protocol interface {
	ParseAuthorize(ctx context.Context, rawQuery string) (oauth.Ask, error)
	// Resume is ParseAuthorize for a request that began at a time.
	Resume(ctx context.Context, rawQuery string, began time.Time) (oauth.Ask, error)
	Issue(ctx context.Context, ask oauth.Ask, yes oauth.Approval) (string, error)
	// Need reads what an app needs of a person outside of a request.
	Need(ctx context.Context, app consent.AppID, scope, details string) (oauth.Ask, error)
	// Close uses up a request that the person said no to.
	Close(ctx context.Context, ask oauth.Ask) error
	Refuse(ask oauth.Ask, code, description string) string
	Tell(u *oauth.Unanswerable) string
}

// People says who is at the browser. Package identity implements it.
type People interface {
	Person(c *gin.Context) (identity.Person, bool, error)
	Browser(c *gin.Context) string
	Ask(c *gin.Context, next string) error
	// Choose is Ask for somebody who is signed in: it asks as whom to go on.
	Choose(c *gin.Context, next string) error
	// Others lists who else is signed in at the browser.
	Others(c *gin.Context) ([]identity.Person, error)
	// ProveIfAble reports whether p showed just now who they are, as surely as they
	// can; who has only a password need not. When it is false, the browser is on its
	// way to a page that asks, and goes on to next.
	ProveIfAble(c *gin.Context, p identity.Person, what templates.Purpose, next string) (bool, error)
	SignOutToken(p identity.Person) string
}

// Ledger is what was agreed and connected.
type Ledger interface {
	GrantsOf(ctx context.Context, user consent.UserID, app consent.AppID) ([]consent.Grant, error)
	ConnectionsOf(ctx context.Context, user consent.UserID) ([]consent.Connection, error)
	AppNames(ctx context.Context, ids []consent.AppID) (map[consent.AppID]string, error)
	AppUsers(ctx context.Context, id consent.AppID, most int) (int, error)
}

// Decisions keeps the drafts and answers of consent pages.
type Decisions interface {
	// Draft returns the choices that this person kept for a page, nil when there are
	// none, and whether they decided it.
	Draft(ctx context.Context, page Page) (choices []byte, decided bool, err error)
	// Keep stores the choices of a page that was not decided, in the place of what
	// somebody else at this browser kept.
	Keep(ctx context.Context, page Page, choices []byte, until time.Time) error
	// Decide marks the page as decided. It reports false when it was already, by
	// whomever: this is what makes an answer count once. It holds the person's other
	// decisions back until the transaction ends.
	Decide(ctx context.Context, page Page, until time.Time) (bool, error)
	// Adopt makes sure that the app the person answers has a row, in the transaction
	// of the answer: for an app that nobody registered, nothing is stored before. The
	// error is a fault.Conflict when the app has gone meanwhile.
	Adopt(ctx context.Context, app clients.Client) error
	// SaveGrant stores what consent.Agree returned.
	SaveGrant(ctx context.Context, g consent.Grant) (consent.GrantID, error)
	// AddReceipt stores the record of what was shown and answered.
	AddReceipt(ctx context.Context, r Receipt) error
}

// Admins are the administrators, who decide besides the person.
type Admins interface {
	// Rules says who decides about what, as it is now.
	Rules(ctx context.Context) (consent.Rules, error)
	// PetitionsOf lists what a person asked about an app and what was answered, the
	// newest first.
	PetitionsOf(ctx context.Context, user consent.UserID, app consent.AppID) ([]consent.Petition, error)
	// Petition asks for what was not asked for yet. The error is a fault.Conflict when
	// too many petitions of the person wait.
	Petition(ctx context.Context, p consent.Petition) error
	// Withdraw takes back a petition that waits. The error is a fault.Conflict when it
	// was answered, and a fault.NotFound when it is not the person's.
	Withdraw(ctx context.Context, user consent.UserID, id consent.PetitionID) error
}

// Page names one consent page and the sign-in that has it now.
type Page struct {
	ID      []byte // SHA-256 of the conversation's id
	User    consent.UserID
	Session consent.SessionID
}

// Audit records a decision in its transaction.
type Audit interface {
	InTx(ctx context.Context, e audit.Event) error
}

// Services is what is known about providers' accounts.
type Services interface {
	ListResources(ctx context.Context, id consent.ConnectionID, t consent.ResourceType, cursor string) (provider.Page, error)
}

// Trips makes the form tokens for trips to a provider, and says where they lead.
// Package connect implements it.
type Trips interface {
	// Destination is where the browser is sent. The error is a fault.NotFound when
	// the operator has not set p up.
	Destination(ctx context.Context, p consent.ProviderID) (string, error)
	StartToken(session consent.SessionID, p consent.ProviderID) string
	ReconnectToken(session consent.SessionID, id consent.ConnectionID) string
}

// Config is what the conversation is made of. Every field is needed.
type Config struct {
	Protocol  Protocol
	Devices   Devices
	Attempts  Attempts
	People    People
	Ledger    Ledger
	Decisions Decisions
	Services  Services
	Trips     Trips
	Audit     Audit
	Admins    Admins
	// Rules is Admins.Rules from memory, a moment old: enough for a page.
	Rules func(ctx context.Context) (consent.Rules, error)
	// Review is what waits for an operator; see review.go.
	Review consent.Review
	// Warning is which apps people are warned of; see stranger.go.
	Warning consent.Warning
	// Tx runs fn in one transaction.
	Tx func(ctx context.Context, fn func(ctx context.Context) error) error
	// Changed is called after a grant changed.
	Changed func(consent.GrantID)
	Catalog *catalog.Catalog
	Site    *web.Site
	Forms   web.Forms
	Box     seal.Box
	Now     func() time.Time
}

// Flow serves the conversation.
type Flow struct {
	Config
	lists *listCache
}

// New returns the conversation.
func New(cfg Config) *Flow { return &Flow{Config: cfg, lists: newListCache()} }
