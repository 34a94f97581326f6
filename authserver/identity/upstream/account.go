package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/deputy-oauth/deputy/authserver/identity"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// claims are what a provider says about who signed in.
type claims struct {
	Issuer, Subject string `json:"-"`
	For             string `json:"azp"`
	Email           string `json:"email"`
	// Verified is the provider's word for it, as some providers send it.
	Verified boolean `json:"email_verified"`
	Name     string  `json:"name"`
}

// boolean is true or "true": some providers send a string.
type boolean bool

// UnmarshalJSON implements json.Unmarshaler.
func (b *boolean) UnmarshalJSON(raw []byte) error {
	switch string(raw) {
	case "true", `"true"`:
		*b = true
	case "false", `"false"`, "null":
		*b = false
	default:
		return errors.New("email_verified is no boolean")
	}
	return nil
}

// verdict is what becomes of somebody whom a provider vouches for.
type verdict int

const (
	signIn   verdict = iota // to the account it is linked to
	link                    // to the account with this e-mail address, from now on
	create                  // a new account
	noMail                  // no address that could be believed
	taken                   // an account has the address, and the operator does not answer for addresses
	stranger                // the domain gets no accounts
)

// judge decides it. linked and known say whether there is a linked account, and
// one with this e-mail address. An address that the provider itself does not call
// verified counts for nothing.
func judge(p Provider, c claims, linked, known bool) verdict {
	switch {
	case linked:
		return signIn
	case c.Email == "" || !bool(c.Verified):
		return noMail
	case known && p.VerifiedMail:
		return link
	case known:
		return taken
	case p.admits(c.Email):
		return create
	}
	return stranger
}

// account finds or makes the account of who signed in.
func (u *Companies) account(ctx context.Context, p Provider, c claims) (consent.UserID, error) {
	user, linked, err := u.cfg.Rows.LinkedUser(ctx, c.Issuer, c.Subject)
	if err != nil {
		return "", fmt.Errorf("find the account of a sign-in at %s: %w", p.ID, err)
	}
	var a identity.Account
	known := false
	if !linked && c.Email != "" {
		if a, known, err = u.cfg.Rows.AccountByEmail(ctx, identity.Canonical(c.Email)); err != nil {
			return "", fmt.Errorf("find the account of a sign-in at %s: %w", p.ID, err)
		}
	}
	switch judge(p, c, linked, known) {
	case signIn:
		return user, nil
	case link:
		return a.ID, u.link(ctx, a.ID, c.link())
	case create:
		return u.create(ctx, c)
	case noMail:
		return "", fault.New(fault.Denied, "%s did not tell an e-mail address that it has checked. You are not signed in.", p.Name)
	case taken:
		return "", fault.New(fault.Denied, "Your account here is not connected with %s. Sign in another way, then connect it on your page of sign-ins.", p.Name)
	}
	return "", fault.New(fault.Denied, "You have no account here. Ask whoever runs this server for one.")
}

func (c claims) link() Link {
	return Link{Issuer: c.Issuer, Subject: c.Subject, Account: cmp.Or(c.Email, c.Name)}
}

// create makes account and link together: of two first sign-ins at the same time
// one makes them, and the other is told to try again.
func (u *Companies) create(ctx context.Context, c claims) (user consent.UserID, err error) {
	name := c.Name
	if name == "" {
		name = c.Email
	}
	err = u.cfg.Tx(ctx, func(ctx context.Context) error {
		if user, err = u.cfg.Create(ctx, c.Email, name); err != nil {
			return fmt.Errorf("add an account: %w", err)
		}
		return u.link(ctx, user, c.link())
	})
	return user, err
}
