package identity

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/deputy-oauth/deputy/internal/fault"
)

// Invite adds an account that waits for its person, and returns it. For an address
// that was invited before and whose person has not come it is the same account, and
// every link made for it before ends. name and language may be empty. The error is a fault.Invalid
// for what cannot be an account, and a fault.Conflict when the address has one whose
// person is here.
func (i *Identity) Invite(ctx context.Context, email, name, language string) (Account, error) {
	a, found, err := i.cfg.Users.AccountByEmail(ctx, Canonical(email))
	if err != nil {
		return Account{}, fmt.Errorf("load the account to invite: %w", err)
	}
	now := i.cfg.Now()
	if !found {
		if strings.TrimSpace(name) == "" {
			name = strings.TrimSpace(email) // until the person says another
		}
		a, err = newAccount(email, name, now)
		if err != nil {
			return Account{}, err
		}
		a.Invited, a.Language = now, language
		return a, i.cfg.Users.AddAccount(ctx, a, Canonical(email))
	}
	if a.Invited.IsZero() || a.Disabled {
		return Account{}, fault.New(fault.Conflict, "There is an account with this e-mail address already.")
	}
	before := a.Invited
	a.Invited, a.Language = now, cmp.Or(language, a.Language)
	if name = strings.TrimSpace(name); name != "" {
		if err := checkName(name); err != nil {
			return Account{}, err
		}
		a.Name = name
	}
	again, err := i.cfg.Users.InviteAgain(ctx, a, before)
	if err == nil && !again {
		err = fault.New(fault.Conflict, "This person has just come, or was invited by somebody else. Look again.")
	}
	return a, err
}
