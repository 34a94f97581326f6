package passkey

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/templates"
)

// Offer is what a page needs to ask for any passkey of this site: who holds one
// says with it who they are. It is good in one browser.
func (p *Passkeys) Offer(browser string) (templates.Ceremony, error) {
	options, session, err := p.lib.BeginDiscoverableLogin()
	if err != nil {
		return templates.Ceremony{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	return p.offer(options.Response, session, signInStep, browser)
}

// Check says whose passkey answered an offer. The error is a fault.Conflict when
// the offer has ended or was used, and a fault.Denied when the answer proves
// nothing; why, is for the log only.
func (p *Passkeys) Check(ctx context.Context, browser, ticket, answer string) (consent.UserID, error) {
	c, err := p.open(ticket, signInStep, browser)
	if err != nil {
		return "", err
	}
	given, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return "", unfit(err)
	}
	k, found, err := p.cfg.Keys.PasskeyByCredential(ctx, given.RawID)
	if err != nil {
		return "", fmt.Errorf("find a passkey: %w", err)
	}
	if !found {
		return "", unfit(errors.New("there is no such passkey"))
	}
	// The library compares the user handle with the owner (section 7.2 step 6).
	who := func(_, _ []byte) (webauthn.User, error) {
		return owner{id: k.User, keys: []webauthn.Credential{k.credential()}}, nil
	}
	used, err := p.lib.ValidateDiscoverableLogin(who, c.Session, given)
	if err != nil {
		return "", unfit(err)
	}
	if err := p.once(ctx, c); err != nil {
		return "", err
	}
	return k.User, p.use(ctx, k, given.Response.AuthenticatorData.Counter, used.Flags)
}

// use writes the use of a key down. It is here that a copy shows (section 7.2 step
// 22): the count decides between two at the same time, too.
func (p *Passkeys) use(ctx context.Context, k Key, counter uint32, flags webauthn.CredentialFlags) error {
	k.Counter, k.Flags, k.Used = counter, byte(flags.ProtocolValue()), p.cfg.Now()
	grown, err := p.cfg.Keys.UsePasskey(ctx, k)
	if err != nil {
		return fmt.Errorf("write down the use of %s: %w", k.ID, err)
	}
	if grown {
		return nil
	}
	err = p.cfg.Tx(ctx, func(ctx context.Context) error {
		if err := p.cfg.Keys.MarkCopied(ctx, k.ID, k.Used); err != nil {
			return fmt.Errorf("mark %s as copied: %w", k.ID, err)
		}
		return p.cfg.Audit.InTx(ctx, audit.Event{At: k.Used, Kind: audit.PasskeyCopied, User: k.User, Outcome: audit.Denied})
	})
	if err != nil {
		return err
	}
	return unfit(fmt.Errorf("the counter of %s did not grow: there may be a copy", k.ID))
}

func unfit(cause error) error {
	return fault.Wrap(fault.Denied, cause, "This passkey does not belong to an account here.")
}
