package store

import (
	"context"
	"fmt"
	"time"
)

// lockedName names the row of meta that is there while the vault is locked.
// Credentials.Load looks for it, so that every replica knows as soon as it reads
// tokens anew, and nothing more is read for it.
const lockedName = "vault_locked"

// LockVault stops every use of providers' tokens but taking them back, on all
// replicas. Locking again keeps the first time.
func (s *Store) LockVault(ctx context.Context) error {
	_, err := s.FirstMeta(ctx, lockedName, s.Now().UTC().Format(time.RFC3339))
	return err
}

// UnlockVault lets calls pass again.
func (s *Store) UnlockVault(ctx context.Context) error {
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		return s.DB.Read(ctx).Exec("DELETE FROM meta WHERE name = ?", lockedName).Error
	})
	if err != nil {
		return fmt.Errorf("unlock the vault: %w", err)
	}
	return nil
}

// VaultLocked returns since when the vault is locked, "" when it is not.
func (s *Store) VaultLocked(ctx context.Context) (since string, err error) {
	return s.Meta(ctx, lockedName)
}
