// Package authserver is the OAuth 2.1 server as browsers and apps see it: one
// table of every route with who may call it. What a route does is in the
// packages below it and in consent/flow, consent/connect and consent/dashboard.
package authserver

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/authserver/identity/onetime"
	"github.com/deputy-oauth/deputy/authserver/identity/passkey"
	"github.com/deputy-oauth/deputy/authserver/identity/profile"
	"github.com/deputy-oauth/deputy/authserver/identity/upstream"
	"github.com/deputy-oauth/deputy/authserver/keys"
	"github.com/deputy-oauth/deputy/authserver/metadata"
	"github.com/deputy-oauth/deputy/authserver/oauth"
	"github.com/deputy-oauth/deputy/consent/connect"
	"github.com/deputy-oauth/deputy/consent/dashboard"
	"github.com/deputy-oauth/deputy/consent/flow"
	"github.com/deputy-oauth/deputy/internal/web"
	"github.com/deputy-oauth/deputy/templates"
)

// Parts are what the routes lead to.
type Parts struct {
	Site      *web.Site
	OAuth     *oauth.Server
	Keys      *keys.Ring
	Metadata  metadata.Config
	Identity  *identity.Identity
	Flow      *flow.Flow
	Connect   *connect.Handler
	Dashboard *dashboard.Dashboard
	Codes     *onetime.OneTime
	Profile   *profile.Profile
	Companies *upstream.Companies
	Passkeys  *passkey.Passkeys // nil when browsers cannot use passkeys here
	Documents *clients.Documents
	Registrar *clients.Registrar // nil while apps may not register themselves
	Logos     Logos
	// Changed runs after a form that changed what a person has connected.
	Changed func()
	Now     func() time.Time

	guesses *guesses
}

// who says who may call a route, and with it what guards it.
type who int

const (
	anyone  who = iota // public documents, for scripts of any origin
	client             // an app or resource server: its own credentials are the guard
	browser            // a page; the handler asks who is signed in
	form               // a form of ours: same origin, bounded, form token
	upload             // a form of ours with a picture
	request            // an app's request in a person's browser: package oauth reads it
)

type route struct {
	method, path string
	who          who
	handler      gin.HandlerFunc
}

// maxForm bounds the forms of people, in bytes: a picker may send a thousand ids.
const maxForm = 256 << 10

// Mount adds every route of the authorization server.
func Mount(r gin.IRouter, p Parts) {
	p.guesses = newGuesses(p.Now)
	f, d, i, k, page := p.Flow, p.Dashboard, p.Identity, p.Connect, p.Site.Page
	table := []route{
		{"GET", "/.well-known/oauth-authorization-server", anyone, page(p.Metadata.Serve)},
		{"GET", "/.well-known/openid-configuration", anyone, page(p.Metadata.Serve)},
		{"GET", metadata.JWKSPath, anyone, gin.WrapH(p.Keys)},
		{"GET", metadata.AuthorizePath, request, page(p.admitted(f.Authorize))},
		{"ANY", metadata.PushPath, client, p.OAuth.Push},
		{"ANY", metadata.DevicePath, client, p.OAuth.DeviceAuthorization},
		{"ANY", metadata.TokenPath, client, p.OAuth.Token},
		{"ANY", metadata.IntrospectPath, client, p.OAuth.Introspect},
		{"ANY", metadata.RevokePath, client, p.OAuth.Revoke},
		{"ANY", metadata.GrantsPath, client, p.OAuth.Grants}, // as discovery names it; a grant's id follows
		{"ANY", metadata.GrantsPath + "/:grant", client, p.OAuth.Grants},
		{"GET", metadata.UserinfoPath, client, p.OAuth.Userinfo},
		{"POST", metadata.UserinfoPath, client, p.OAuth.Userinfo},

		{"GET", "/signin", browser, page(i.SignInPage)},
		{"POST", "/signin", form, page(i.SignIn)},
		{"POST", "/signin/passkey", form, page(i.SignInWithPasskey)},
		{"POST", "/signin/code", form, page(i.SignInCode)},
		{"GET", "/signin/with/:provider", browser, page(i.SignInWith)},
		{"GET", "/signin/with/:provider/callback", browser, page(i.SignInBack)},
		{"GET", "/forgot", browser, page(i.ForgotPage)},
		{"POST", "/forgot", form, page(i.Forgot)},
		{"GET", "/reset", browser, page(i.ResetPage)},
		{"POST", "/reset", form, page(i.Reset)},
		{"GET", "/invitation", browser, page(i.InvitationPage)},
		{"POST", "/invitation", form, page(i.Join)},
		{"POST", "/invitation/passkey", form, page(i.JoinWithPasskey)},
		{"GET", "/signin/again", browser, page(i.ProvePage)},
		{"POST", "/signin/again", form, page(i.Proof)},
		{"POST", "/signin/again/passkey", form, page(i.ProofByPasskey)},
		{"GET", "/accounts", browser, page(i.AccountsPage)},
		{"POST", "/accounts", form, page(i.ChooseAccount)},
		{"POST", "/signout", form, page(i.SignOut)},
		{"GET", metadata.LogoutPath, request, page(p.admitted(i.Leave))},
		{"POST", metadata.LogoutPath, request, page(i.LeaveByForm)},
		{"POST", "/signout/app", form, page(i.LeaveApp)},

		{"POST", "/language", form, page(p.language)},

		{"GET", oauth.DevicePath, browser, page(f.DevicePage)},
		{"POST", oauth.DevicePath, form, page(f.DeviceCode)},
		{"GET", "/device/confirm", browser, page(f.ConfirmDevice)},
		{"POST", "/device/confirm", form, page(f.AnswerDevice)},
		{"GET", "/device/done", browser, page(f.DeviceDone)},

		{"GET", "/allow", browser, page(f.Allow)},
		{"GET", "/allow/done", browser, page(f.Allowed)},

		{"GET", "/consent", browser, page(f.Consent)},
		{"POST", "/consent", form, page(f.Answer)},
		{"GET", "/consent/connect", browser, page(f.Connect)},
		{"GET", "/consent/pick", browser, page(f.Picker)},
		{"POST", "/consent/pick", form, page(f.Pick)},
		{"GET", "/consent/admin", browser, page(f.AdminPage)},
		{"POST", "/consent/admin", form, page(f.AskAdmin)},

		{"POST", "/connect/:provider/start", form, page(k.Start)},
		{"GET", "/connect/:provider/callback", browser, page(p.then(k.Callback))},
		{"POST", "/services/:connection/reconnect", form, page(k.Reconnect)},
		{"POST", "/services/:connection/disconnect", form, page(p.then(k.Disconnect))},

		{"GET", "/", browser, page(d.Home)},
		{"GET", "/apps", browser, page(d.Home)},
		{"GET", "/apps/:grant", browser, page(d.App)},
		{"GET", "/receipts/:receipt", browser, page(d.Receipt)},
		{"GET", "/apps/:grant/less", browser, page(d.LessPage)},
		{"POST", "/apps/:grant/less", form, page(d.Less)},
		{"GET", "/apps/:grant/remove", browser, page(d.RemovePage)},
		{"POST", "/apps/:grant/remove", form, page(d.Remove)},
		{"POST", "/petitions/withdraw", form, page(d.Withdraw)},
		{"GET", "/services", browser, page(d.ServicesPage)},
		{"GET", "/services/:connection/disconnect", browser, page(d.DisconnectPage)},
		{"GET", "/activity", browser, page(d.Activity)},
		{"GET", dashboard.MailsPath, browser, page(d.MailsPage)},
		{"POST", dashboard.MailsPath, form, page(d.ChooseMails)},
		{"GET", "/sessions", browser, page(d.SessionsPage)},
		{"POST", "/sessions", form, page(d.EndSessions)},

		{"GET", profile.Path, browser, page(p.Profile.Page)},
		{"POST", profile.Path, form, page(p.Profile.Rename)},
		{"POST", profile.PicturePath, upload, page(p.Profile.ChangePicture)},
		{"GET", oauth.PicturesPath + "/:picture", browser, page(p.Profile.Picture)},
	}
	o := p.Codes
	table = append(table, []route{
		{"GET", onetime.Path, browser, page(o.Page)},
		{"POST", onetime.Path, form, page(o.TurnOn)},
		{"GET", onetime.NewPath, browser, page(o.NewPage)},
		{"GET", onetime.RecoveryPath, browser, page(o.RenewPage)},
		{"POST", onetime.RecoveryPath, form, page(o.Renew)},
		{"GET", onetime.RemovePath, browser, page(o.RemovePage)},
		{"POST", onetime.RemovePath, form, page(o.TurnOff)},
	}...)
	u := p.Companies
	table = append(table, []route{
		{"GET", upstream.Path, browser, page(u.Page)},
		{"POST", upstream.Path, form, page(u.Add)},
		{"GET", upstream.NewPath, browser, page(u.NewPage)},
		{"GET", upstream.Path + "/connect/:provider", browser, page(u.Connect)},
		{"GET", upstream.Path + "/:link/remove", browser, page(u.RemovePage)},
		{"POST", upstream.Path + "/:link/remove", form, page(u.Remove)},
	}...)
	if s := p.Passkeys; s != nil {
		table = append(table, []route{
			{"GET", passkey.Path, browser, page(s.Page)},
			{"POST", passkey.Path, form, page(s.Add)},
			{"GET", passkey.NewPath, browser, page(s.NewPage)},
			{"GET", passkey.Path + "/:passkey/remove", browser, page(s.RemovePage)},
			{"POST", passkey.Path + "/:passkey/remove", form, page(s.Remove)},
		}...)
	}
	for _, t := range table {
		handlers := append(guards(p, t.who), t.handler)
		if t.method == "ANY" {
			// The handler itself refuses other methods, in OAuth's words.
			r.Any(t.path, handlers...)
			continue
		}
		r.Handle(t.method, t.path, handlers...)
		if t.who == anyone || t.path == metadata.UserinfoPath && t.method == "GET" {
			r.OPTIONS(t.path, handlers...)
		}
	}
	if p.Registrar != nil {
		r.Any(metadata.RegisterPath, append(guards(p, anyone), p.register)...)
		r.Any(metadata.RegisterPath+"/:client", append(guards(p, anyone), p.admitManager, p.manage)...)
	}
	r.GET("/assets/*name", assets())
	r.GET("/logos/:logo", page(logo(p.Logos)))
}

// then runs h and afterwards Changed, whatever came of it.
func (p Parts) then(h web.Handler) web.Handler {
	return func(c *gin.Context) error {
		defer p.Changed()
		return h(c)
	}
}

func guards(p Parts, w who) []gin.HandlerFunc {
	switch w {
	case anyone:
		return []gin.HandlerFunc{crossOrigin}
	case client:
		return []gin.HandlerFunc{crossOrigin, p.admit}
	case browser:
		return []gin.HandlerFunc{p.Site.Readable()}
	case upload:
		return []gin.HandlerFunc{p.Site.SameOrigin(), web.MaxBody(profile.MaxUpload), p.Site.Readable()}
	case form:
		return []gin.HandlerFunc{p.Site.SameOrigin(), web.MaxBody(maxForm), p.Site.Readable()}
	}
	return nil
}

// crossOrigin lets scripts of other sites read the answer. There is nothing in
// it for a site to steal: no cookie counts on these routes (OAuth 2.1 section
// 3.2). The authorization endpoint and all pages have no such header.
func crossOrigin(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if c.Request.Method != http.MethodOptions {
		c.Next()
		return
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
	h.Set("Access-Control-Max-Age", "600")
	c.AbortWithStatus(http.StatusNoContent)
}

// assets serves the one stylesheet and the one script. Their names hold their
// digests, so browsers may keep them for ever.
func assets() gin.HandlerFunc {
	style, css := templates.Stylesheet()
	script, js := templates.Script()
	return func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=31536000, immutable")
		switch strings.TrimPrefix(c.Param("name"), "/") {
		case style:
			c.Data(http.StatusOK, "text/css; charset=utf-8", css)
		case script:
			c.Data(http.StatusOK, "text/javascript; charset=utf-8", js)
		default:
			c.Header("Cache-Control", "no-store")
			c.AbortWithStatus(http.StatusNotFound)
		}
	}
}
