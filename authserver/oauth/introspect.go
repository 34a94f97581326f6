package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// Authorization is what a presented access token stands for right now.
type Authorization struct {
	Active   bool
	Token    string // its id
	User     consent.UserID
	App      consent.AppID
	Grant    consent.GrantID
	Family   consent.FamilyID
	Scopes   []consent.ScopeName // of the token, as far as the live grant still gives them
	Audience string
	Issued   time.Time
	Expires  time.Time
	AuthTime time.Time
	Present  bool // the sign-in it was born under lives
	// Thumbprint is the key the token is bound to, "" for none. Who takes the token
	// must see a proof of it (RFC 9449).
	Thumbprint string
}

func (a Authorization) holds(names ...consent.ScopeName) bool {
	for _, have := range a.Scopes {
		for _, n := range names {
			if have == n {
				return true
			}
		}
	}
	return false
}

// Verify opens an access token and reads from live state what it still means.
// Anything else than a live token is inactive, without a reason.
func (s *Server) Verify(ctx context.Context, raw string) (Authorization, error) {
	t, err := s.access.read(raw)
	now := s.Now()
	if errors.Is(err, errNotAToken) || (err == nil && seconds(now) >= t.Expires) {
		return Authorization{}, nil
	}
	if err != nil {
		return Authorization{}, err
	}
	a := Authorization{
		Active: true, Token: t.ID, User: t.User, App: t.App, Grant: t.Grant, Family: t.Family, Audience: t.Audience,
		Issued: time.Unix(t.Issued, 0), Expires: time.Unix(t.Expires, 0), AuthTime: time.Unix(t.AuthTime, 0),
		Thumbprint: t.Thumbprint,
	}
	if t.Family == "" {
		return s.verifyOwn(ctx, a, t)
	}
	st, err := s.Live.Standing(ctx, t.Family)
	if errors.Is(err, db.ErrNone) {
		return Authorization{}, nil
	}
	if err != nil {
		return Authorization{}, err
	}
	if st.Dead != "" || st.Family.RevokedAt != nil || now.UnixMilli() >= st.Family.ExpiresAt || has(st.Denied, t.ID) {
		return Authorization{}, nil
	}
	return s.effective(ctx, a, t, st, now)
}

// effective narrows the token to what its grant gives now.
func (s *Server) effective(ctx context.Context, a Authorization, t token, st Standing, now time.Time) (Authorization, error) {
	g, err := s.Live.Grant(ctx, t.Grant)
	if err != nil {
		return Authorization{}, err
	}
	words, err := s.Vocabulary.Scopes(ctx)
	if err != nil {
		return Authorization{}, err
	}
	for _, name := range strings.Fields(living(g, words, t.Scopes, now)) {
		a.Scopes = append(a.Scopes, consent.ScopeName(name))
	}
	a.Present = st.Present
	if g.Revoked || len(a.Scopes) == 0 {
		return Authorization{}, nil
	}
	return a, nil
}

// verifyOwn is for a token an app has for itself.
func (s *Server) verifyOwn(ctx context.Context, a Authorization, t token) (Authorization, error) {
	denied, err := s.Live.Denied(ctx, t.ID)
	if err != nil || denied {
		return Authorization{}, err
	}
	switch _, err := s.Clients.Client(ctx, t.App); {
	case errors.Is(err, clients.ErrUnknown):
		return Authorization{}, nil
	case err != nil:
		return Authorization{}, err
	}
	for _, name := range strings.Fields(t.Scopes) {
		a.Scopes = append(a.Scopes, consent.ScopeName(name))
	}
	return a, nil
}

func has(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}

// Introspect is POST /oauth/introspect (RFC 7662). A resource server learns about
// tokens for itself, a confidential client about its own tokens; about anything
// else both learn that it is not active, and nothing more.
func (s *Server) Introspect(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	form, err := readForm(c.Request)
	if err != nil {
		methodOnly(c, err)
		return
	}
	ctx := c.Request.Context()
	may, err := s.introspector(ctx, c.Request, form)
	if err != nil {
		writeError(c, err)
		return
	}
	if form.Get("token") == "" {
		writeError(c, invalidRequest("The parameter token is missing."))
		return
	}
	a, err := s.Verify(ctx, form.Get("token"))
	if err != nil {
		writeError(c, err)
		return
	}
	if !a.Active || !may(a) {
		c.JSON(http.StatusOK, gin.H{"active": false})
		return
	}
	c.JSON(http.StatusOK, s.introspection(a))
}

func (s *Server) introspection(a Authorization) gin.H {
	names := make([]string, len(a.Scopes))
	for i, n := range a.Scopes {
		names[i] = string(n)
	}
	out := gin.H{
		"active": true, "iss": s.Issuer, "jti": a.Token, "aud": a.Audience, "client_id": a.App, "token_type": tokenType(a.Thumbprint),
		"scope": strings.Join(names, " "), "iat": a.Issued.Unix(), "nbf": a.Issued.Unix(), "exp": a.Expires.Unix(),
	}
	if a.Thumbprint != "" {
		out["cnf"] = confirmation(a.Thumbprint)
	}
	if a.User == "" {
		out["sub"] = a.App // the app acts for itself; user ids have another prefix
		return out
	}
	out["sub"], out["grant_id"], out["family_id"], out["present"] = a.User, a.Grant, a.Family, a.Present
	if a.AuthTime.Unix() > 0 {
		out["auth_time"] = a.AuthTime.Unix()
	}
	return out
}

// introspector authenticates the caller and returns which tokens it may be told
// about.
func (s *Server) introspector(ctx context.Context, r *http.Request, form url.Values) (func(Authorization) bool, error) {
	cred, err := clients.Present(r.Header.Get("Authorization"), form)
	if err != nil {
		return nil, err
	}
	rs, ok, err := s.ResourceServers.Authenticated(ctx, cred.ID, cred.Secret)
	if err != nil {
		return nil, err
	}
	if ok {
		return func(a Authorization) bool { return a.Audience == rs.Identifier }, nil
	}
	client, err := s.Clients.Authenticate(ctx, cred)
	if err != nil {
		return nil, err
	}
	if !client.Confidential {
		return nil, &clients.Refused{Reason: "a public client cannot introspect"}
	}
	return func(a Authorization) bool { return a.App == client.ID }, nil
}
