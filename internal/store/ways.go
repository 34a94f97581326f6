package store

import (
	"context"
	"fmt"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// keepsAWay returns a fault.Conflict when the transaction of ctx leaves a person no
// way to sign in: neither a password, nor a passkey, nor an account at a company that
// people sign in with here. Whoever takes one away holds the account first.
func (s *Store) keepsAWay(ctx context.Context, user consent.UserID) error {
	left, err := db.One[int](s.DB.Read(ctx), `SELECT
		(SELECT count(*) FROM users WHERE id = ? AND password_hash <> '') +
		(SELECT count(*) FROM passkeys WHERE user_id = ?) +
		(SELECT count(*) FROM sign_in_links l JOIN sign_in_providers p ON p.issuer = l.issuer WHERE l.user_id = ?)`, user, user, user)
	if err != nil {
		return fmt.Errorf("count how %s signs in: %w", user, err)
	}
	if left == 0 {
		return fault.New(fault.Conflict, "This is your only way to sign in. It was not removed. Add another one first.")
	}
	return nil
}
