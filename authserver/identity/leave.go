package identity

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// An app can ask for a sign-out (OpenID Connect RP-Initiated Logout 1.0). It would
// stop every app that works only while the person is here, so whoever is signed in
// is always asked (section 2): one app does not end the work of others, and a link
// somebody was talked into following ends nothing.

// Leaving is an app's request to sign a person out, checked as far as it can be
// without knowing who is there.
type Leaving struct {
	App    string // its name; "" when nobody says who asks
	Return string // where the browser goes afterwards; "" when it stays here
	Host   string // of Return, as people read it
	Local  bool   // Return is a program on this computer
	// Vouched is true when an operator answers for Return.
	Vouched bool
	// Another reports whether it is about another sign-in than p's.
	Another func(p Person) bool
}

// Leavings reads such requests. The error is a fault.
type Leavings interface {
	Leaving(ctx context.Context, rawQuery string) (Leaving, error)
}

const (
	leavePath = "/oauth/logout"
	leaveStep = "leave"
	maxLeave  = 64 << 10 // bytes
)

// LeaveByForm is POST /oauth/logout: the same request in a form of the app's site.
// Our cookie does not come along with somebody else's form (SameSite=Lax), so the
// browser is asked to come by itself.
func (i *Identity) LeaveByForm(c *gin.Context) error {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxLeave)
	if err := c.Request.ParseForm(); err != nil {
		return fault.Wrap(fault.Invalid, err, "This request to sign out cannot be read. You are still signed in.")
	}
	c.Redirect(http.StatusSeeOther, leavePath+"?"+c.Request.PostForm.Encode())
	return nil
}

// Leave is GET /oauth/logout. It asks whoever is signed in; when nobody is, there
// is nothing to end.
func (i *Identity) Leave(c *gin.Context) error {
	l, err := i.cfg.Leavings.Leaving(c.Request.Context(), c.Request.URL.RawQuery)
	if err != nil {
		return err
	}
	p, in, err := i.Person(c)
	if err != nil {
		return err
	}
	if !in {
		return i.left(c, l)
	}
	page := templates.SignOutConfirm{
		Frame:   templates.Frame{Path: leavePath, Account: p.Email, SignOut: i.SignOutToken(p), CSRF: i.leaveToken(p, l.Return), Now: i.cfg.Now()},
		AppName: l.App, Other: l.Another(p), Goes: l.Return != "", Returns: templates.Return{Host: l.Host, Local: l.Local}, To: l.Return,
	}
	if page.Away, err = i.away(c.Request.Context(), p); err != nil {
		return err
	}
	if l.Return != "" {
		web.AllowFormTo(c, l.Return)
	}
	return i.cfg.Site.Render(c, http.StatusOK, page)
}

// left answers a browser in which nobody is signed in. Only towards an app that an
// operator answers for it goes on by itself: this server is nobody's bouncer
// (OAuth 2.1 section 7.13.2).
func (i *Identity) left(c *gin.Context, l Leaving) error {
	if l.Return != "" && l.Vouched {
		c.Redirect(http.StatusSeeOther, l.Return)
		return nil
	}
	page := i.signedOut("/")
	if l.Host != "" {
		page.Next = templates.Link{Href: l.Return, Text: "Go back to " + l.Host}
	}
	return i.goodbye(c, page)
}

// leaveToken binds the form to where it leads: nobody else's address gets in.
func (i *Identity) leaveToken(p Person, to string) string {
	return i.cfg.Forms.Token(string(p.Session), leaveStep, to)
}

// LeaveApp is POST /signout/app with the fields csrf and to: the yes to Leave.
func (i *Identity) LeaveApp(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return fault.Wrap(fault.Invalid, err, "This form could not be read. You are still signed in. Go back and try again.")
	}
	p, in, err := i.Person(c)
	if err != nil {
		return err
	}
	page, to := i.signedOut("/"), ""
	if in {
		to = c.Request.PostForm.Get("to")
		if err := i.cfg.Forms.Check(c.Request.PostForm.Get("csrf"), string(p.Session), leaveStep, to); err != nil {
			return err
		}
		if page.Away, err = i.signOut(c.Request.Context(), p); err != nil {
			return err
		}
	}
	if to == "" {
		return i.goodbye(c, page)
	}
	if _, err := i.forget(c); err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, to)
	return nil
}
