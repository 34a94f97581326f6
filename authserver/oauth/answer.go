package oauth

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
)

// Approval is the consent engine's word that a code may be issued.
type Approval struct {
	Grant    consent.GrantID
	User     consent.UserID
	Session  consent.SessionID
	Scopes   []consent.ScopeName // what the token will carry at most
	Details  consent.Details     // what it may touch at most; nil for whatever the grant gives
	SignedIn time.Time
	Level    consent.Level // of that sign-in
	Address  string        // where the browser is
}

func (a Approval) scopes() string {
	names := make([]string, len(a.Scopes))
	for i, n := range a.Scopes {
		names[i] = string(n)
	}
	return strings.Join(names, " ")
}

// Issue stores a code for the approval and returns where the person goes next;
// "" when they stay here, because a device waits for the answer. It joins the
// transaction of ctx, or commits: the redirect may leave only after that. The
// error is a fault.Conflict for a request that was answered already.
func (s *Server) Issue(ctx context.Context, ask Ask, yes Approval) (target string, err error) {
	commit := s.DB.Tx
	if !ask.Device && ask.pushed == nil {
		commit = s.DB.Once // the code is all there is to write
	}
	err = commit(ctx, func(ctx context.Context) error {
		target, err = s.issue(ctx, ask, yes)
		return err
	})
	return target, err
}

func (s *Server) issue(ctx context.Context, ask Ask, yes Approval) (string, error) {
	if ask.Device {
		return "", s.allowDevice(ctx, ask, yes)
	}
	if ask.pushed != nil {
		first, err := s.storage.usePushed(ctx, ask.pushed)
		if err != nil {
			return "", err
		}
		if !first {
			return "", errNoRequest()
		}
	}
	presented, hash := newCode()
	network := ""
	if clients.ThisComputer(ask.RedirectURI) {
		network = coarse(yes.Address)
	}
	err := s.storage.addCode(ctx, code{
		Hash: hash, GrantID: yes.Grant, AppID: ask.Client.ID, UserID: yes.User, SessionID: yes.Session,
		RedirectURI: ask.RedirectURI, Challenge: ask.challenge, Nonce: ask.Nonce, Audience: ask.Audience,
		Scopes: yes.scopes(), AuthTime: yes.SignedIn.UnixMilli(), Level: yes.Level, Thumbprint: ask.key, Details: storedDetails(yes.Details), Merges: ask.manage.merge, Network: network, ExpiresAt: s.Now().Add(CodeLife).UnixMilli(),
	})
	if err != nil {
		return "", err
	}
	return s.reply(ask.RedirectURI, ask.State, url.Values{"code": {presented}}), nil
}

// Close uses up a request that the person said no to, in the transaction of ctx.
// The error is a fault.Conflict for a pushed request that was answered already.
func (s *Server) Close(ctx context.Context, ask Ask) error {
	if ask.pushed == nil {
		return nil
	}
	first, err := s.storage.usePushed(ctx, ask.pushed)
	if err == nil && !first {
		err = errNoRequest()
	}
	return err
}

// Refuse returns where the person goes when the app does not get what it asked
// for. code is a registered error code; description is for developers.
func (s *Server) Refuse(ask Ask, code, description string) string {
	return s.reply(ask.RedirectURI, ask.State, url.Values{"error": {code}, "error_description": {description}})
}

// Tell returns where the person goes with an error about the request itself.
func (s *Server) Tell(u *Unanswerable) string {
	return s.reply(u.RedirectURI, u.State, url.Values{"error": {u.Err.Code}, "error_description": {u.Err.Description}})
}

// reply adds an answer to a return address. iss goes along always, so that an
// app that talks to several servers knows whose answer it is (RFC 9207 section
// 2). The query the address was registered with is kept.
func (s *Server) reply(redirect, state string, answer url.Values) string {
	if state != "" {
		answer.Set("state", state)
	}
	answer.Set("iss", s.Issuer)
	joint := "?"
	if strings.Contains(redirect, "?") {
		joint = "&"
	}
	return redirect + joint + answer.Encode()
}
