package oauth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// Logout is an app's request to sign a person out (OpenID Connect RP-Initiated
// Logout 1.0 section 2) that passed every check. It is a wish: who is at the
// browser decides.
type Logout struct {
	App string // its name; "" when the request does not say who asks
	// Return is where the browser goes afterwards, with the app's state; "" when it
	// stays here.
	Return string
	Host   string // of Return; "" when it is no website
	Local  bool   // Return is a program on the person's computer
	// Vouched is true when an operator answers for where Return leads: such a browser
	// may go there without anybody's click.
	Vouched bool
	app     consent.AppID
	subject string // of the ID token that came along; "" without one
	sid     string
}

// Another reports whether the request is about another sign-in than the one of
// user and session. Without an ID token it is about whoever is there.
func (s *Server) Another(l Logout, user consent.UserID, session consent.SessionID) bool {
	return l.subject != "" && (l.subject != string(user) || l.sid != s.sid(l.app, session))
}

// ParseLogout reads a request to sign out. Its error is a fault for a page: the
// browser is sent nowhere on an error (section 4). logout_hint and ui_locales are
// ignored, as section 2 allows.
func (s *Server) ParseLogout(ctx context.Context, rawQuery string) (Logout, error) {
	if len(rawQuery) > maxForm {
		return Logout{}, fault.New(fault.Invalid, "This request to sign out is too long. You are still signed in.")
	}
	form, err := parse(rawQuery)
	if err == nil {
		err = once(form)
	}
	if err != nil {
		return Logout{}, fault.Wrap(fault.Invalid, err, "This request to sign out cannot be read. You are still signed in.")
	}
	l := Logout{app: consent.AppID(form.Get("client_id"))}
	if raw := form.Get("id_token_hint"); raw != "" {
		if err := s.hint(ctx, &l, raw); err != nil {
			return Logout{}, err
		}
	}
	if l.app == "" {
		if form.Has("post_logout_redirect_uri") { // section 3: nobody could say whether it is right
			return Logout{}, fault.New(fault.Invalid, "This request does not say which app wants you back after signing out. You are still signed in.")
		}
		return l, nil
	}
	return l, s.afterLogout(ctx, &l, form)
}

// hint reads the ID token that says whom a logout is about. It may have ended:
// people sign out long after they signed in (section 4).
func (s *Server) hint(ctx context.Context, l *Logout, raw string) error {
	claims, err := s.Signer.Hint(ctx, raw, "JWT")
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "This request to sign out does not hold together: what it says about your sign-in is not from here. You are still signed in.")
	}
	issuer, _ := claims["iss"].(string) // absent and of another type are both not ours
	audience, _ := claims["aud"].(string)
	subject, _ := claims["sub"].(string)
	sid, _ := claims["sid"].(string)
	switch {
	case issuer != s.Issuer, audience == "", subject == "":
		return fault.New(fault.Invalid, "This request to sign out does not hold together: what it says about your sign-in is not from here. You are still signed in.")
	case l.app != "" && audience != string(l.app): // section 2
		return fault.New(fault.Invalid, "This request to sign out does not hold together: it is from one app and about another. You are still signed in.")
	}
	l.app, l.subject, l.sid = consent.AppID(audience), subject, sid
	return nil
}

// afterLogout finds out who asks and where the browser goes afterwards.
func (s *Server) afterLogout(ctx context.Context, l *Logout, form url.Values) error {
	c, err := s.Clients.Client(ctx, l.app)
	switch {
	case errors.Is(err, clients.ErrUnknown):
		return fault.Wrap(fault.Invalid, err, "We do not know the app that wants you to sign out. You are still signed in.")
	case errors.Is(err, clients.ErrUnreachable):
		return fault.Wrap(fault.Upstream, err, "The app that wants you to sign out could not be checked, because its own website does not answer. You are still signed in.")
	case err != nil:
		return err
	}
	l.App, l.Vouched = c.Name, c.ByOperator()
	target := form.Get("post_logout_redirect_uri")
	if target == "" {
		return nil
	}
	if !slices.Contains(c.LogoutURIs, target) { // section 3.1: byte for byte
		return fault.New(fault.Invalid, "The address this app wants you back at is not one it has registered. You are still signed in.")
	}
	u, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("a registered address after a sign-out: %w", err)
	}
	if l.Local = clients.ThisComputer(target); !l.Local {
		l.Host = u.Host
	}
	if l.Return = target; form.Has("state") {
		joint := "?"
		if strings.Contains(target, "?") {
			joint = "&"
		}
		l.Return += joint + url.Values{"state": {form.Get("state")}}.Encode()
	}
	return nil
}

// sid names a sign-in for one app, the same in each of its ID tokens (OpenID
// Connect Front-Channel Logout section 3). Two apps cannot find out by it that
// they share a browser.
func (s *Server) sid(app consent.AppID, session consent.SessionID) string {
	mac := hmac.New(sha256.New, s.sids)
	mac.Write([]byte(string(app) + "\x00" + string(session)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}
