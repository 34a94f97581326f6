package identity

import (
	"context"
	"fmt"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
)

// Rename gives a person another name. The error is a fault.Invalid for what is none.
func (i *Identity) Rename(ctx context.Context, user consent.UserID, name string) error {
	name = strings.TrimSpace(name)
	if err := checkName(name); err != nil {
		return err
	}
	if err := i.cfg.Users.RenameAccount(ctx, user, name); err != nil {
		return fmt.Errorf("rename %s: %w", user, err)
	}
	return nil
}
