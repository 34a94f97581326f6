package web

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/internal/loopback"
)

// basePolicy is the content security policy of every page: nothing but our own
// stylesheet and images, no script at all, no frame around us.
const basePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// Headers sets the headers every answer carries. Handlers that serve assets
// replace Cache-Control; AllowFormTo and AllowScript widen the policy of one page.
func (s *Site) Headers(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", basePolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // RFC 9700 section 4.2.4
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
	if s.HTTPS {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
	c.Next()
}

// AllowScript lets this page run a script of ours, which may make no HTML of text.
func AllowScript(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", "script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; "+h.Get("Content-Security-Policy"))
}

// AllowFormTo lets the forms of this page end at the given URLs as well. Browsers
// apply form-action to the whole redirect chain after a form, so a page whose
// form is answered by a redirect to an app or a provider must name where that
// goes. Only scheme and host of each URL count.
func AllowFormTo(c *gin.Context, urls ...string) {
	policy := c.Writer.Header().Get("Content-Security-Policy")
	for _, raw := range urls {
		if source := cspSource(raw); source != "" && !strings.Contains(policy, source) {
			policy += " " + source
		}
	}
	c.Writer.Header().Set("Content-Security-Policy", policy)
}

// cspSource is the part of a URL that a policy can name: an origin for http and
// https, the scheme for a private-use scheme of a native app.
func cspSource(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || strings.ContainsAny(u.Scheme+u.Host, " ;,'\"") {
		return ""
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" {
			return ""
		}
		return u.Scheme + "://" + u.Host
	default:
		return u.Scheme + ":"
	}
}

// OnlyHosts refuses requests that name another host than the external URL's or a
// loopback name. Nothing of the Host header is ever used in an answer; this is
// the fence against DNS rebinding towards a server on somebody's own machine.
func OnlyHosts(external *url.URL) gin.HandlerFunc {
	return func(c *gin.Context) {
		host := c.Request.Host
		if strings.EqualFold(host, external.Host) || thisComputer(host) {
			c.Next()
			return
		}
		c.AbortWithStatus(http.StatusMisdirectedRequest)
	}
}

func thisComputer(hostport string) bool {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return loopback.Is(strings.Trim(hostport, "[]"))
	}
	_, err = strconv.ParseUint(port, 10, 16) // "127.0.0.1:1.evil.example" splits, too
	return err == nil && loopback.Is(host)
}

// EndAfterChunks closes the connection behind a request whose body came in chunks.
// Such a request may have named a length too, which net/http drops unseen: a proxy
// that went by the length would take the rest for a request of its own (RFC 9112
// section 6.1).
func EndAfterChunks(c *gin.Context) {
	if c.Request.ProtoMajor == 1 && len(c.Request.TransferEncoding) > 0 {
		c.Header("Connection", "close")
	}
	c.Next()
}
