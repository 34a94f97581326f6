package oauth

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

var errForeign = &Error{Code: "unauthorized_client", Description: "The token was issued to another client.", Status: http.StatusBadRequest}

// revoke takes back one token of the client. Only the owner may (RFC 7009
// section 2.1): who holds it, or the app it was handed on by in the end.
func (s *Server) revoke(c *gin.Context, client consent.AppID, raw string) error {
	ctx := c.Request.Context()
	if t, err := s.open(ctx, raw); err == nil {
		if t.App != client && t.holder() != client {
			return errForeign
		}
		return s.revokeAccess(ctx, t)
	} else if !errors.Is(err, errNotAToken) {
		return err
	}
	family, _, err := s.refresh.read(raw)
	if err != nil {
		return nil // not a token of ours: as good as revoked
	}
	st, err := s.Authority.Standing(ctx, family)
	switch {
	case errors.Is(err, db.ErrNone):
		return nil
	case err != nil:
		return err
	case st.Family.AppID != client:
		return errForeign
	}
	return s.EndFamily(ctx, st.Family, "app")
}

func (s *Server) revokeAccess(ctx context.Context, t token) error {
	if seconds(s.Now()) >= t.Expires {
		return nil
	}
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		return errors.Join(s.storage.deny(ctx, t), s.storage.sweep(ctx, s.Now()),
			s.Audit.Issued(ctx, Event{Kind: "token.revoked", User: t.User, App: t.App, Grant: t.Grant, Family: t.Family, Actors: t.Actors, Detail: "access token"}))
	})
	s.Live.Forget(consent.FamilyID(t.owner()))
	return err
}

// EndFamily revokes one installation of an app: its refresh token and every
// access token of it. who is for the record: "app", "person".
func (s *Server) EndFamily(ctx context.Context, f Family, who string) error {
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		revoked, err := s.storage.revokeFamily(ctx, f.ID, s.Now())
		if err != nil || !revoked {
			return err
		}
		return s.Audit.Issued(ctx, Event{Kind: "token.revoked", User: f.UserID, App: f.AppID, Grant: f.GrantID, Family: f.ID, Detail: who})
	})
	s.Live.Forget(f.ID)
	return err
}
