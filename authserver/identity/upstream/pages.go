package upstream

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/templates"
)

// A person connects an account elsewhere from these pages. The provider may be asked
// by any link, and says who is signed in there, whoever that is: so nothing is
// connected on the way back. A page shows the account, and the person says yes to it
// (threat C1).

// People knows who is at the browser. Package identity implements it.
type People interface {
	Require(c *gin.Context) (identity.Person, bool, error)
	// Prove is Require for pages that need a sign-in made just now.
	Prove(c *gin.Context, what templates.Purpose, next string) (identity.Person, bool, error)
	Browser(c *gin.Context) string
	SignOutToken(p identity.Person) string
}

// Audit records a change in its transaction.
type Audit interface {
	InTx(ctx context.Context, e audit.Event) error
}

// Link is an account elsewhere that signs somebody in here.
type Link struct {
	Issuer, Subject string
	Account         string // how the provider called it when it was connected; may be ""
	Since           time.Time
}

// ID names the link in addresses.
func (l Link) ID() string {
	sum := sha256.Sum256([]byte(l.Issuer + "\x00" + l.Subject))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// The pages.
const (
	Path        = "/sessions/companies"
	NewPath     = Path + "/new"
	connectPath = Path + "/connect/"
)

const (
	linkStep   = "company account"
	unlinkStep = "company account removal"
	mostLinks  = 10 // of one person
)

// offer is an account that a provider named, on its way to the person's yes.
type offer struct {
	Provider string
	Link     Link
	Until    int64 // milliseconds
}

// offered is the page that asks for the yes, of the sign-in that set out.
func (u *Companies) offered(p Provider, s State, c claims) (string, error) {
	plain, err := json.Marshal(offer{p.ID, c.link(), u.cfg.Now().Add(stateLife).UnixMilli()})
	if err != nil {
		return "", err
	}
	return NewPath + "?ticket=" + url.QueryEscape(u.cfg.Box.Seal(plain, linkStep, string(s.Session))), nil
}

// openOffer reads an offer that was made to who.
func (u *Companies) openOffer(ctx context.Context, who identity.Person, ticket string) (offer, Provider, error) {
	const ended = "This page is too old, or was made for another sign-in. Nothing was changed. Start again."
	plain, err := u.cfg.Box.Open(ticket, linkStep, string(who.Session))
	if err != nil {
		return offer{}, Provider{}, fault.Wrap(fault.Conflict, err, ended)
	}
	var o offer
	if err := json.Unmarshal(plain, &o); err != nil {
		return offer{}, Provider{}, err
	}
	p, found, err := u.cfg.Rows.SignInProvider(ctx, o.Provider)
	if err != nil {
		return offer{}, Provider{}, fmt.Errorf("load sign-in provider: %w", err)
	}
	if !found || p.Issuer != o.Link.Issuer || !u.cfg.Now().Before(time.UnixMilli(o.Until)) {
		return offer{}, Provider{}, fault.New(fault.Conflict, ended)
	}
	return o, p, nil
}

// Page is GET /sessions/companies: which accounts sign the person in.
func (u *Companies) Page(c *gin.Context) error {
	who, ok, err := u.cfg.People.Require(c)
	if err != nil || !ok {
		return err
	}
	page := templates.CompanyAccounts{Frame: u.frame(who, "")}
	if page.Offers, err = u.List(c.Request.Context()); err != nil {
		return err
	}
	if page.Accounts, err = u.accounts(c.Request.Context(), who.User); err != nil {
		return err
	}
	page.Full = len(page.Accounts) >= mostLinks
	return u.cfg.Site.Render(c, http.StatusOK, page)
}

// accounts lists what a person has connected.
func (u *Companies) accounts(ctx context.Context, user consent.UserID) ([]templates.CompanyAccount, error) {
	links, err := u.cfg.Rows.LinksOf(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("list the company accounts of %s: %w", user, err)
	}
	all, err := u.cfg.Rows.SignInProviders(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sign-in providers: %w", err)
	}
	names := map[string]string{}
	for _, p := range all {
		names[p.Issuer] = p.Name
	}
	list := make([]templates.CompanyAccount, len(links))
	for i, l := range links {
		list[i] = templates.CompanyAccount{ID: l.ID(), Company: names[l.Issuer], Account: l.Account, Since: l.Since}
	}
	return list, nil
}

// Connect is GET /sessions/companies/connect/:provider: the way there.
func (u *Companies) Connect(c *gin.Context) error {
	id := c.Param("provider")
	who, ok, err := u.cfg.People.Prove(c, templates.ToChangeCompanies, connectPath+url.PathEscape(id))
	if err != nil || !ok {
		return err
	}
	target, err := u.begin(c.Request.Context(), id, State{Session: who.Session}, u.cfg.People.Browser(c), "select_account")
	if err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, target)
	return nil
}

// NewPage is GET /sessions/companies/new with ticket: it shows the account and asks.
func (u *Companies) NewPage(c *gin.Context) error {
	who, ok, err := u.cfg.People.Require(c)
	if err != nil || !ok {
		return err
	}
	o, p, err := u.openOffer(c.Request.Context(), who, c.Query("ticket"))
	if err != nil {
		return err
	}
	return u.cfg.Site.Render(c, http.StatusOK, templates.NewCompanyAccount{
		Frame: u.frame(who, u.cfg.Forms.Token(string(who.Session), linkStep)), Company: p.Name, Account: o.Link.Account, Ticket: c.Query("ticket"),
	})
}

// Add is POST /sessions/companies with the fields csrf and ticket: the yes.
func (u *Companies) Add(c *gin.Context) error {
	who, ok, err := u.cfg.People.Prove(c, templates.ToChangeCompanies, Path)
	if err != nil || !ok {
		return err
	}
	form, ctx := c.Request.PostForm, c.Request.Context()
	if err := u.cfg.Forms.Check(form.Get("csrf"), string(who.Session), linkStep); err != nil {
		return err
	}
	o, p, err := u.openOffer(ctx, who, form.Get("ticket"))
	if err != nil {
		return err
	}
	err = u.link(ctx, who.User, o.Link)
	if fault.Is(err, fault.Conflict) {
		return fault.Wrap(fault.Conflict, err, "This account at %s is connected already, or you have %d. Nothing was changed.", p.Name, mostLinks)
	}
	if err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, Path)
	return nil
}

// link makes a link, with a record of it.
func (u *Companies) link(ctx context.Context, user consent.UserID, l Link) error {
	return u.cfg.Tx(ctx, func(ctx context.Context) error {
		if err := u.cfg.Rows.LinkUser(ctx, user, l, mostLinks); err != nil {
			return fmt.Errorf("link %s: %w", user, err)
		}
		return u.cfg.Audit.InTx(ctx, audit.Event{At: u.cfg.Now(), Kind: audit.CompanyLinked, User: user, Outcome: audit.Done})
	})
}

// RemovePage is GET /sessions/companies/:link/remove. It asks once.
func (u *Companies) RemovePage(c *gin.Context) error {
	who, ok, err := u.cfg.People.Prove(c, templates.ToChangeCompanies, c.Request.URL.Path)
	if err != nil || !ok {
		return err
	}
	list, err := u.accounts(c.Request.Context(), who.User)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.ID == c.Param("link") {
			return u.cfg.Site.Render(c, http.StatusOK, templates.RemoveCompanyAccount{
				Frame: u.frame(who, u.cfg.Forms.Token(string(who.Session), unlinkStep, a.ID)), Account: a,
			})
		}
	}
	return absent()
}

// Remove is POST /sessions/companies/:link/remove with the field csrf.
func (u *Companies) Remove(c *gin.Context) error {
	id, ctx := c.Param("link"), c.Request.Context()
	who, ok, err := u.cfg.People.Prove(c, templates.ToChangeCompanies, Path)
	if err != nil || !ok {
		return err
	}
	if err := u.cfg.Forms.Check(c.Request.PostForm.Get("csrf"), string(who.Session), unlinkStep, id); err != nil {
		return err
	}
	links, err := u.cfg.Rows.LinksOf(ctx, who.User)
	if err != nil {
		return fmt.Errorf("list the company accounts of %s: %w", who.User, err)
	}
	for _, l := range links {
		if l.ID() == id {
			if err := u.unlink(ctx, who.User, l); err != nil {
				return err
			}
			c.Redirect(http.StatusSeeOther, Path)
			return nil
		}
	}
	return absent()
}

func (u *Companies) unlink(ctx context.Context, user consent.UserID, l Link) error {
	return u.cfg.Tx(ctx, func(ctx context.Context) error {
		removed, err := u.cfg.Rows.UnlinkUser(ctx, user, l)
		if err != nil {
			return fmt.Errorf("unlink %s: %w", user, err)
		}
		if !removed {
			return absent()
		}
		return u.cfg.Audit.InTx(ctx, audit.Event{At: u.cfg.Now(), Kind: audit.CompanyUnlinked, User: user, Outcome: audit.Done})
	})
}

func (u *Companies) frame(who identity.Person, csrf string) templates.Frame {
	return templates.Frame{Account: who.Email, SignOut: u.cfg.People.SignOutToken(who), Return: "/", CSRF: csrf, Path: Path, Now: u.cfg.Now()}
}

// absent answers for what is not there and for what is somebody else's.
func absent() error {
	return fault.Wrap(fault.NotFound, errors.New("no such link"), "There is no such company account here. It was removed, or it never was yours.")
}
