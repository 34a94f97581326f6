package oauth

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
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
	Details  consent.Details     // what it may touch at most; nil for whatever the grant gives
	sealed   string              // Details as the token itself carries them; "" for those of its family
	Audience string
	Issued   time.Time
	Expires  time.Time
	AuthTime time.Time
	Level    consent.Level // of the sign-in
	Present  bool          // the sign-in it was born under lives
	// Thumbprint is the key the token is bound to, "" for none. Who takes the token
	// must see a proof of it (RFC 9449).
	Thumbprint string
	// Actors are the apps that act for App, the one that holds the token first.
	Actors  []consent.AppID
	parents []string // ids of the tokens it was exchanged for
}

// holder is the one client that may hand the token on: who acts now, or the app
// that the person agreed to when nobody acts for it.
func (a Authorization) holder() consent.AppID { return token{App: a.App, Actors: a.Actors}.holder() }

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

func (a Authorization) holdsAll(names []consent.ScopeName) bool {
	return !slices.ContainsFunc(names, func(n consent.ScopeName) bool { return !a.holds(n) })
}

// Verify opens an access token and reads from live state what it still means.
// Anything else than a live token is inactive, without a reason.
func (s *Server) Verify(ctx context.Context, raw string) (Authorization, error) {
	return s.verify(ctx, s.Live, raw)
}

// state says where tokens stand: Authority from the newest state, Live from memory.
type state interface {
	grants
	Standing(ctx context.Context, family consent.FamilyID) (Standing, error)
	Denied(ctx context.Context, token string) (bool, error)
}

func (s *Server) verify(ctx context.Context, from state, raw string) (Authorization, error) {
	t, err := s.open(ctx, raw)
	now := s.Now()
	if errors.Is(err, errNotAToken) || (err == nil && seconds(now) >= t.Expires) {
		return Authorization{}, nil
	}
	if err != nil {
		return Authorization{}, err
	}
	a := Authorization{
		Active: true, Token: t.ID, User: t.User, App: t.App, Grant: t.Grant, Family: t.Family, Audience: t.Audience,
		Issued: time.Unix(t.Issued, 0), Expires: time.Unix(t.Expires, 0), AuthTime: time.Unix(t.AuthTime, 0), Level: t.Level,
		Thumbprint: t.Thumbprint, Actors: t.Actors, parents: t.Parents,
	}
	if t.Family == "" {
		return s.verifyOwn(ctx, from, a, t)
	}
	st, err := from.Standing(ctx, t.Family)
	if errors.Is(err, db.ErrNone) {
		return Authorization{}, nil
	}
	if err != nil {
		return Authorization{}, err
	}
	if st.Dead != "" || st.Family.RevokedAt != nil || now.UnixMilli() >= st.Family.ExpiresAt || t.denied(st.Denied) {
		return Authorization{}, nil
	}
	if known, err := s.actorsKnown(ctx, t); err != nil || !known {
		return Authorization{}, err
	}
	return s.effective(ctx, from, a, t, st, now)
}

// effective narrows the token to what its grant gives now.
func (s *Server) effective(ctx context.Context, from grants, a Authorization, t token, st Standing, now time.Time) (Authorization, error) {
	g, err := from.Grant(ctx, t.Grant)
	if err != nil {
		return Authorization{}, err
	}
	words, err := s.Vocabulary.Scopes(ctx)
	if err != nil {
		return Authorization{}, err
	}
	kept, _ := living(g, words, t.Scopes, now)
	for _, name := range strings.Fields(kept) {
		a.Scopes = append(a.Scopes, consent.ScopeName(name))
	}
	a.sealed = t.Details
	if a.Details, err = keptDetails(cmp.Or(t.Details, st.Family.Details)); err != nil {
		return Authorization{}, err
	}
	a.Present = st.Present
	if g.Revoked || len(a.Scopes) == 0 || !lasts(a, st, words) {
		return Authorization{}, nil
	}
	return a, nil
}

// lasts reports whether the token rests on more than a sign-in that has ended. In
// the session mode it does not: it ends with the sign-in, like its refresh token.
func lasts(a Authorization, st Standing, words consent.Vocabulary) bool {
	return st.Present || st.Family.Offline || slices.ContainsFunc(a.Scopes, func(have consent.ScopeName) bool {
		return words.Covers(have, consent.Background)
	})
}

// verifyOwn is for a token an app has for itself.
func (s *Server) verifyOwn(ctx context.Context, from state, a Authorization, t token) (Authorization, error) {
	denied, err := from.Denied(ctx, t.ID)
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

// denied reports whether the token, or one that it was exchanged for, was taken
// back.
func (t token) denied(ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return id == t.ID || slices.Contains(t.Parents, id) })
}

// actorsKnown reports whether every app in the chain is still registered.
func (s *Server) actorsKnown(ctx context.Context, t token) (bool, error) {
	for _, id := range t.Actors {
		switch _, err := s.Clients.Client(ctx, id); {
		case errors.Is(err, clients.ErrUnknown):
			return false, nil
		case err != nil:
			return false, err
		}
	}
	return true, nil
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
		tooOften(c, err)
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
	out := s.introspection(a)
	if err := s.addDetails(ctx, out, a); err != nil {
		writeError(c, err)
		return
	}
	c.JSON(http.StatusOK, out)
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
	if a.Level != "" {
		out["acr"] = a.Level // RFC 9470 section 6.2
	}
	if len(a.Actors) > 0 {
		out["act"] = act(a.Actors)
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
		return func(a Authorization) bool { return a.Audience == rs.Identifier }, s.callers.admit(cred.ID)
	}
	client, err := s.Clients.Authenticate(ctx, cred)
	if err != nil {
		return nil, err
	}
	if !client.Confidential {
		return nil, &clients.Refused{Reason: "a public client cannot introspect"}
	}
	return func(a Authorization) bool { return a.App == client.ID || a.holder() == client.ID }, s.callers.admit(cred.ID)
}

// tooOften adds when to ask again to a refusal that is about how often.
func tooOften(c *gin.Context, err error) {
	if registered(err).Status == http.StatusTooManyRequests {
		c.Header("Retry-After", "1")
	}
}
