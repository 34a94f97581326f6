package flow

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// chooses sends the browser to the account chooser, if the app wants the person to
// say as whom (OpenID Connect Core section 3.1.2.1, select_account), or expects one
// of those who are signed in here and do not act now (login_hint). A hint that names
// anybody else changes nothing: the app learns nothing about who has an account.
func (f *Flow) chooses(c *gin.Context, ask oauth.Ask) (bool, error) {
	choose := ask.Choose
	if !choose && !ask.Silent && ask.LoginHint != "" {
		others, err := f.People.Others(c)
		if err != nil {
			return false, err
		}
		for _, p := range others {
			choose = choose || identity.Canonical(p.Email) == identity.Canonical(ask.LoginHint)
		}
	}
	if !choose {
		return false, nil
	}
	return true, f.hold(c, f.People.Choose)
}

// otherAccount answers a form that check refused: when it was shown to somebody else
// who is signed in at this browser, the page says who acts now. check is asked about
// a session.
func (f *Flow) otherAccount(c *gin.Context, v visit, refused error, check func(session string) error) error {
	others, err := f.People.Others(c)
	if err != nil {
		return err
	}
	for _, p := range others {
		if check(string(p.Session)) != nil {
			continue
		}
		return f.Site.Render(c, http.StatusForbidden, templates.Error{
			Frame: f.frameOf(v), Title: "Nothing was shared.", Lead: "This page was made for " + p.Email + ". Meanwhile you chose another account in this browser. You are " + v.person.Email + " now.",
			What: "An account was chosen in another tab or window", At: f.Now(), Next: templates.Link{Href: accountsPath(v.path()), Text: "Choose an account"}, Reference: web.Reference(),
		})
	}
	return refused
}

// accountsPath is the account chooser, which goes on to next.
func accountsPath(next string) string { return "/accounts?next=" + url.QueryEscape(next) }
