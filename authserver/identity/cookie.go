package identity

import (
	"encoding/base64"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/internal/secret"
)

// The names of the cookies. Over https they carry the __Host- prefix, with which
// a browser takes them only from this very host, by https, for all paths.
const (
	sessionName = "deputy_session"
	browserName = "deputy_browser"
	hostPrefix  = "__Host-"
)

const browserKey = "identity.browser"

func (i *Identity) cookieName(name string) string {
	if i.cfg.HTTPS {
		return hostPrefix + name
	}
	return name
}

// setCookie sets a cookie for as long as the browser runs. Lax lets it come along
// when an app or a provider sends the person to us, and with nothing else that
// another site does.
func (i *Identity) setCookie(c *gin.Context, name, value string, age int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: i.cookieName(name), Value: value, MaxAge: age,
		Path: "/", Secure: i.cfg.HTTPS, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (i *Identity) setSessionCookie(c *gin.Context, token secret.Text) {
	i.setCookie(c, sessionName, token.Reveal(), 0)
}

func (i *Identity) dropSessionCookie(c *gin.Context) { i.setCookie(c, sessionName, "", -1) }

func (i *Identity) sessionCookie(c *gin.Context) string { return i.cookie(c, sessionName) }

// cookie returns a cookie of ours, "" when it is absent or cannot be ours.
func (i *Identity) cookie(c *gin.Context, name string) string {
	k, err := c.Request.Cookie(i.cookieName(name))
	if err != nil {
		return "" // the only error is that there is none
	}
	if raw, err := base64.RawURLEncoding.DecodeString(k.Value); err != nil || len(raw) != 32 {
		return ""
	}
	return k.Value
}

// Browser returns what names this browser, signed in or not: conversations and
// forms are bound to it. It is made and set as a cookie when it is absent.
func (i *Identity) Browser(c *gin.Context) string {
	if v := i.cookie(c, browserName); v != "" {
		return v
	}
	// A second call in the same request must not make a second one.
	if v := c.GetString(browserKey); v != "" {
		return v
	}
	v := secret.Random().Reveal()
	c.Set(browserKey, v)
	i.setCookie(c, browserName, v, 0)
	return v
}
