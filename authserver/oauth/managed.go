package oauth

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// The scopes of that endpoint (Grant Management section 6.1). A client has them for
// itself only; no person is ever asked for them.
const (
	queryGrants  consent.ScopeName = "grant_management_query"
	revokeGrants consent.ScopeName = "grant_management_revoke"
)

// Revoker takes back what a person agreed to.
type Revoker interface {
	// GiveBack ends a person's grant, with everything under it, at the wish of the
	// app that has it, and records that.
	GiveBack(ctx context.Context, user consent.UserID, grant consent.GrantID) error
}

// managing returns the scope of that name, if it is one of this endpoint.
func (s *Server) managing(name consent.ScopeName) (consent.Scope, bool) {
	return consent.Scope{Name: name, Audience: s.GrantsEndpoint}, name == queryGrants || name == revokeGrants
}

// Grants is GET and DELETE /oauth/grants/:grant (Grant Management sections 6.4 and
// 6.5).
func (s *Server) Grants(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	needs, known := map[string]consent.ScopeName{http.MethodGet: queryGrants, http.MethodDelete: revokeGrants}[c.Request.Method]
	if !known {
		c.Header("Allow", "GET, DELETE")
		writeError(c, &Error{Code: "invalid_request", Description: "Use GET or DELETE.", Status: http.StatusMethodNotAllowed})
		return
	}
	a, err := s.bearer(c.Request)
	var bad *BadProof
	switch {
	case err != nil && !errors.As(err, &bad):
		writeError(c, err)
	case !a.Active || a.User != "" || a.Audience != s.GrantsEndpoint:
		challengeToken(c, err)
	case !a.holds(needs):
		challengeScope(c, a, needs)
	case c.Request.Method == http.MethodGet:
		s.showGrant(c, a.App)
	default:
		s.giveBack(c, a.App)
	}
}

var grantForm = regexp.MustCompile(`^grant_[0-9a-f-]{36}$`) // as package store makes them

var errNoGrant = &Error{Code: "invalid_grant_id", Description: "This client has no such grant.", Status: http.StatusNotFound}

// grantOf returns a living grant of the client. A grant of another client and one
// that never was or has ended are the same to it (section 6.6).
func (s *Server) grantOf(c *gin.Context, client consent.AppID) (consent.Grant, error) {
	id := c.Param("grant")
	if !grantForm.MatchString(id) {
		return consent.Grant{}, errNoGrant
	}
	g, err := s.Authority.Grant(c.Request.Context(), consent.GrantID(id))
	if err != nil && !errors.Is(err, db.ErrNone) {
		return consent.Grant{}, err
	}
	if err != nil || g.App != client || g.Revoked {
		return consent.Grant{}, errNoGrant
	}
	return g, nil
}

func (s *Server) showGrant(c *gin.Context, client consent.AppID) {
	g, err := s.grantOf(c, client)
	if err != nil {
		writeError(c, err)
		return
	}
	words, err := s.Vocabulary.Scopes(c.Request.Context())
	if err != nil {
		writeError(c, err)
		return
	}
	c.JSON(http.StatusOK, s.describe(g, words, s.Now()))
}

func (s *Server) giveBack(c *gin.Context, client consent.AppID) {
	g, err := s.grantOf(c, client)
	if err == nil {
		err = s.Revoker.GiveBack(c.Request.Context(), g.User, g.ID)
	}
	if err != nil {
		if registered(err).Status == http.StatusInternalServerError {
			// Storage failed: the grant still counts, and the client must know it.
			c.Header("Retry-After", "5")
			err = &Error{Code: "temporarily_unavailable", Description: "The grant was not revoked. Try again.", Status: http.StatusServiceUnavailable, Cause: err}
		}
		writeError(c, err)
		return
	}
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
}

// described is a grant as its app sees it (Grant Management section 6.4). Times are
// seconds.
type described struct {
	Scopes      []describedScopes `json:"scopes"`
	Details     []detail          `json:"authorization_details,omitempty"` // all of it: a grant is not sealed into a header
	CreatedAt   int64             `json:"created_at"`
	LastUpdated int64             `json:"last_updated"`
	ExpiresAt   int64             `json:"expires_at,omitempty"` // when the last of it ends
}

// describedScopes are scopes that tokens for the same resources carry.
type describedScopes struct {
	Scope    string   `json:"scope"`
	Resource []string `json:"resource,omitempty"` // none: whatever the token is for
}

// describe lists what of a grant lives at now, by resource.
func (s *Server) describe(g consent.Grant, words consent.Vocabulary, now time.Time) described {
	out := described{Scopes: []describedScopes{}, CreatedAt: seconds(g.Created), LastUpdated: seconds(g.Updated)}
	var resources []string
	var living []consent.ScopeName
	names := map[string][]consent.Scope{}
	for _, it := range g.Items {
		sc, known := words[it.Scope]
		if !known || !it.Live(now) {
			continue
		}
		living = append(living, it.Scope)
		out.ExpiresAt = max(out.ExpiresAt, seconds(it.Until))
		at := s.audienceOf(sc)
		if !slices.Contains(resources, at) {
			resources = append(resources, at)
		}
		if !slices.ContainsFunc(names[at], func(have consent.Scope) bool { return have.Name == sc.Name }) { // once, on however many accounts
			names[at] = append(names[at], sc)
		}
	}
	slices.Sort(resources)
	for _, at := range resources {
		group := describedScopes{Scope: joinScopes(names[at])}
		if at != "" {
			group.Resource = []string{at}
		}
		out.Scopes = append(out.Scopes, group)
	}
	out.Details = wire(consent.Touchable(words, living, nil, g, now))
	return out
}
