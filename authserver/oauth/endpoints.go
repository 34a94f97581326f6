package oauth

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/web"
)

var grantTypes = []string{"authorization_code", "refresh_token", "client_credentials", deviceGrantType, exchangeGrantType}

// GrantTypes lists what the token endpoint answers; discovery publishes it.
func GrantTypes() []string { return append([]string(nil), grantTypes...) }

// FullGrantTypes turns the last words of grant types that are URNs into those:
// token-exchange, device_code.
func FullGrantTypes(names []string) []string {
	out := slices.Clone(names)
	for i, name := range out {
		for _, full := range grantTypes {
			if strings.HasSuffix(full, ":"+name) {
				out[i] = full
			}
		}
	}
	return out
}

// Token is POST /oauth/token.
func (s *Server) Token(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	form, err := readForm(c.Request)
	if err != nil {
		methodOnly(c, err)
		return
	}
	grant := form.Get("grant_type")
	switch {
	case grant == "":
		writeError(c, invalidRequest("The parameter grant_type is missing."))
		return
	case !offered(grant):
		writeError(c, &Error{Code: "unsupported_grant_type", Description: "This grant_type is not offered.", Status: http.StatusBadRequest})
		return
	}
	key, err := s.proven(c.Request, "")
	if err != nil {
		writeError(c, err)
		return
	}
	ctx := c.Request.Context()
	session := &session{key: key, from: c.ClientIP()}
	req, err := s.fosite.NewAccessRequest(ctx, c.Request, session)
	if err != nil {
		writeError(c, err)
		return
	}
	res, err := s.fosite.NewAccessResponse(ctx, req)
	if err != nil {
		writeError(c, err)
		return
	}
	if session.issued.elsewhere {
		web.Note(c, slog.String("warning", "the code was redeemed from another network than the browser's"))
	}
	c.Header("Pragma", "no-cache")
	c.JSON(http.StatusOK, res.ToMap())
}

func offered(grant string) bool {
	for _, g := range grantTypes {
		if g == grant {
			return true
		}
	}
	return false
}

func methodOnly(c *gin.Context, err error) {
	if registered(err).Status == http.StatusMethodNotAllowed {
		c.Header("Allow", http.MethodPost)
	}
	writeError(c, err)
}

// Revoke is POST /oauth/revoke (RFC 7009). A refresh token takes its family
// along, an access token only itself. Whatever is not a token of ours is as good
// as revoked.
func (s *Server) Revoke(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	form, err := readForm(c.Request)
	if err != nil {
		methodOnly(c, err)
		return
	}
	ctx := c.Request.Context()
	client, err := s.client(ctx, c.Request, form)
	if err != nil {
		writeError(c, err)
		return
	}
	if form.Get("token") == "" {
		writeError(c, invalidRequest("The parameter token is missing."))
		return
	}
	if err := s.revoke(c, client.ID, form.Get("token")); err != nil {
		if registered(err).Status == http.StatusInternalServerError {
			// Storage failed: the token still counts, and the client must know it
			// (RFC 7009 section 2.2.1).
			c.Header("Retry-After", "5")
			err = &Error{Code: "temporarily_unavailable", Description: "The token was not revoked. Try again.", Status: http.StatusServiceUnavailable, Cause: err}
		}
		writeError(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{})
}

// PicturesPath is where people's pictures are.
const PicturesPath = "/pictures"

// Userinfo is GET and POST /oauth/userinfo (OpenID Connect Core 5.3).
func (s *Server) Userinfo(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	a, err := s.bearer(c.Request)
	var bad *BadProof
	if err != nil && !errors.As(err, &bad) {
		writeError(c, err)
		return
	}
	if !a.Active || a.User == "" {
		challengeToken(c, err)
		return
	}
	out := gin.H{"sub": a.User}
	name, email, picture, err := s.People.Profile(c.Request.Context(), a.User)
	if err != nil {
		writeError(c, err)
		return
	}
	if a.holds(consent.ScopeName("profile"), "identity.profile.read") {
		out["name"] = name
		if picture != "" {
			out["picture"] = s.Issuer + PicturesPath + "/" + picture // section 5.1
		}
	}
	if a.holds(consent.ScopeName("email"), "identity.email.read") {
		out["email"] = email
	}
	c.JSON(http.StatusOK, out)
}
