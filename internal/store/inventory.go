package store

import (
	"context"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// Which says which connections an operator means; empty fields mean any.
type Which struct {
	Provider     consent.ProviderID
	Registration provider.RegistrationID
	Email        string // of the person
}

// Held is a live connection as an operator sees it: whose tokens are in the vault.
type Held struct {
	ID           consent.ConnectionID    `json:"connection"`
	User         consent.UserID          `json:"user"`
	Email        string                  `json:"email"`
	Provider     consent.ProviderID      `json:"provider"`
	Registration provider.RegistrationID `json:"registration"`
	Login        string                  `json:"account"`
	Granted      string                  `json:"granted"` // the provider's scopes
	Health       consent.Health          `json:"health"`
	Since        time.Time               `json:"since"`
	Used         time.Time               `json:"used,omitzero"`
}

// heldPage is how many connections are read at once.
const heldPage = 1000

// Inventory tells each live connection that is meant, by its id, until one is
// refused.
func (s *Store) Inventory(ctx context.Context, w Which, tell func(Held) error) error {
	type row struct {
		ID             consent.ConnectionID
		UserID         consent.UserID
		Email          string
		Provider       consent.ProviderID
		RegistrationID provider.RegistrationID
		Login, Granted string
		Health         consent.Health
		CreatedAt      int64
		UsedAt         *int64
	}
	for after := consent.ConnectionID(""); ; {
		var rows []row
		err := s.DB.Read(ctx).Raw(`SELECT c.id, c.user_id, u.email, c.provider, c.registration_id, c.login, c.granted, c.health, c.created_at, c.used_at
			FROM connections c JOIN users u ON u.id = c.user_id
			WHERE c.id > ? AND c.ended_at IS NULL AND (? = '' OR c.provider = ?) AND (? = '' OR c.registration_id = ?) AND (? = '' OR u.email = ?)
			ORDER BY c.id LIMIT ?`,
			after, w.Provider, w.Provider, w.Registration, w.Registration, w.Email, w.Email, heldPage).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("read connections: %w", err)
		}
		for _, r := range rows {
			h := Held{r.ID, r.UserID, r.Email, r.Provider, r.RegistrationID, r.Login, r.Granted, r.Health, time.UnixMilli(r.CreatedAt).UTC(), time.Time{}}
			if r.UsedAt != nil {
				h.Used = time.UnixMilli(*r.UsedAt).UTC()
			}
			if err := tell(h); err != nil {
				return err
			}
			after = r.ID
		}
		if len(rows) < heldPage {
			return nil
		}
	}
}
