// Package authserver is the OAuth 2.1 server as browsers and apps see it: one
// table of every route with who may call it. What a route does is in the
// packages below it and in consent/flow, consent/connect and consent/dashboard.
package authserver

import (
	"net/http"
	"slices"
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
	for _, t := range slices.Concat(p.protocol(), p.signIn(), p.conversation(), p.pages(), p.waysIn()) {
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
	r.GET("/logos/:logo", p.Site.Page(logo(p.Logos)))
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
