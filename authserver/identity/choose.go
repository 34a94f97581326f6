package identity

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/secret"
	"github.com/deputy-oauth/deputy/templates"
)

const (
	accountsPath = "/accounts"
	accountsStep = "accounts"
)

// Choose sends the browser to the account chooser, which goes on to next.
func (i *Identity) Choose(c *gin.Context, next string) error {
	next, err := Next(next)
	if err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, accountsPath+"?next="+url.QueryEscape(next))
	return nil
}

// AccountsPage is GET /accounts with next: who is signed in in this browser, and as
// whom to go on.
func (i *Identity) AccountsPage(c *gin.Context) error {
	next, err := Next(c.Query("next"))
	if err != nil {
		return err
	}
	list, err := i.present(c)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return i.Ask(c, next)
	}
	page := templates.Accounts{Frame: templates.Frame{
		CSRF: i.cfg.Forms.Token(i.Browser(c), accountsStep, next), Path: accountsPath, Return: next, Now: i.cfg.Now(), Here: accountsPath + "?next=" + url.QueryEscape(next),
	}}
	asks, err := i.asking(c, next)
	if err != nil {
		return err
	}
	page.AppName, page.AppHost = asks.App, asks.Host
	for _, p := range list {
		page.Accounts = append(page.Accounts, templates.Account{
			ID: string(p.session.ID), Name: p.account.Name, Picture: p.account.Picture, Email: p.account.Email, Since: p.session.Created, Acts: p.acts,
		})
	}
	// An app's hint says who it expects; it is compared with who is here already.
	if at := slices.IndexFunc(page.Accounts, func(a templates.Account) bool { return Canonical(a.Email) == Canonical(asks.Hint) }); at > 0 {
		hinted := page.Accounts[at]
		page.Accounts = slices.Insert(slices.Delete(page.Accounts, at, at+1), 0, hinted)
	}
	return i.cfg.Site.Render(c, http.StatusOK, page)
}

// ChooseAccount is POST /accounts with the fields csrf, return and do: "use:ID" to
// go on as somebody, "end:ID" to sign somebody out, "end-all" for everybody.
func (i *Identity) ChooseAccount(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return fault.Wrap(fault.Invalid, err, "This form could not be read. Nothing was changed. Go back and try again.")
	}
	form := c.Request.PostForm
	next, err := Next(form.Get("return"))
	if err != nil {
		return err
	}
	if err := i.cfg.Forms.Check(form.Get("csrf"), i.cookie(c, browserName), accountsStep, next); err != nil {
		return err
	}
	list, err := i.present(c)
	if err != nil {
		return err
	}
	verb, id, _ := strings.Cut(form.Get("do"), ":")
	one := slices.IndexFunc(list, func(p present) bool { return p.session.ID == consent.SessionID(id) })
	switch {
	case verb == "end-all":
		return i.endPresent(c, list, next)
	case verb != "use" && verb != "end":
		return fault.New(fault.Invalid, "This form asked for something the page does not offer. Nothing was changed.")
	case one < 0:
		return fault.New(fault.NotFound, "This sign-in has ended already, or it is not yours.")
	case verb == "end":
		return i.endPresent(c, list[one:one+1], next)
	}
	if chosen := list[one]; !chosen.acts {
		i.setSessionCookie(c, secret.New(chosen.token))
		i.setAside(c, slices.Delete(list, one, one+1))
	}
	c.Redirect(http.StatusSeeOther, next)
	return nil
}

// endPresent signs some out who are signed in in the browser of c. When the one that
// acted is among them, the page says what goes on without them.
func (i *Identity) endPresent(c *gin.Context, gone []present, next string) error {
	page, acted := i.signedOut(next), false
	for _, p := range gone {
		away, err := i.signOut(c.Request.Context(), p.person(""))
		if err != nil {
			return err
		}
		page.Away, acted = append(page.Away, away...), acted || p.acts
	}
	left, err := i.present(c)
	if err != nil {
		return err
	}
	if acted || len(left) == 0 {
		return i.goodbye(c, page)
	}
	i.setAside(c, slices.DeleteFunc(left, func(p present) bool { return p.acts }))
	return i.Choose(c, next)
}

// goodbye answers a browser in which nobody acts any more, and names who else is
// signed in there.
func (i *Identity) goodbye(c *gin.Context, page templates.SignedOut) error {
	left, err := i.forget(c)
	if err != nil {
		return err
	}
	for _, p := range left {
		page.Others = append(page.Others, p.account.Email)
	}
	page.CSRF = i.cfg.Forms.Token(i.Browser(c), accountsStep, page.Return)
	return i.cfg.Site.Render(c, http.StatusOK, page)
}

// forget drops the cookie of the sign-in that acted, which has ended, and returns
// those that are set aside.
func (i *Identity) forget(c *gin.Context) ([]present, error) {
	i.dropSessionCookie(c)
	left, err := i.present(c)
	if err == nil {
		i.setAside(c, left)
	}
	return left, err
}
