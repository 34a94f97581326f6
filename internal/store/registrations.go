package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// registrationRow is a row of registrations.
type registrationRow struct {
	ID            provider.RegistrationID
	Provider      consent.ProviderID
	Variant       string
	ClientID      string
	Secret        []byte // sealed
	WebhookSecret []byte // sealed; NULL when the provider tells us nothing
	WebURL        string
	APIURL        string
	Hosts         string // name=URL, separated by spaces
	UpdatedAt     int64
}

// TableName implements gorm's Tabler.
func (registrationRow) TableName() string { return "registrations" }

func (r registrationRow) sealed() provider.SealedRegistration {
	return provider.SealedRegistration{
		Registration: provider.Registration{ID: r.ID, Provider: r.Provider, Variant: r.Variant, ClientID: r.ClientID, WebURL: r.WebURL, APIURL: r.APIURL, Hosts: hostsOf(r.Hosts)},
		Sealed:       r.Secret, SealedWebhook: r.WebhookSecret,
	}
}

// hostsText writes further hosts as name=URL, separated by spaces: no URL that can
// be used has one in it.
func hostsText(hosts map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		list = append(list, name+"="+hosts[name])
	}
	return strings.Join(list, " ")
}

func hostsOf(text string) map[string]string {
	if text == "" {
		return nil
	}
	hosts := map[string]string{}
	for one := range strings.FieldsSeq(text) {
		name, url, _ := strings.Cut(one, "=")
		hosts[name] = url
	}
	return hosts
}

// Registration implements provider.Registrations.
func (s *Store) Registration(ctx context.Context, id provider.RegistrationID) (provider.SealedRegistration, error) {
	return s.registration(ctx, "SELECT * FROM registrations WHERE id = ?", string(id))
}

// CurrentRegistration implements provider.Registrations.
func (s *Store) CurrentRegistration(ctx context.Context, p consent.ProviderID) (provider.SealedRegistration, error) {
	return s.registration(ctx, "SELECT * FROM registrations WHERE provider = ? ORDER BY updated_at DESC, id LIMIT 1", string(p))
}

func (s *Store) registration(ctx context.Context, query, arg string) (provider.SealedRegistration, error) {
	r, err := db.One[registrationRow](s.DB.Read(ctx), query, arg)
	if errors.Is(err, db.ErrNone) {
		return provider.SealedRegistration{}, fault.Wrap(fault.NotFound, err, "The operator has not set this service up yet.")
	}
	if err != nil {
		return provider.SealedRegistration{}, fmt.Errorf("read registration: %w", err)
	}
	return r.sealed(), nil
}

// Registrations lists how this server is registered, by provider.
func (s *Store) Registrations(ctx context.Context) ([]provider.SealedRegistration, error) {
	var rows []registrationRow
	if err := s.DB.Read(ctx).Raw("SELECT * FROM registrations ORDER BY provider, id").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("read registrations: %w", err)
	}
	out := make([]provider.SealedRegistration, len(rows))
	for i, r := range rows {
		out[i] = r.sealed()
	}
	return out, nil
}

// RegistrationUse is a registration as operators see it.
type RegistrationUse struct {
	ID        provider.RegistrationID `json:"registration"`
	Provider  consent.ProviderID      `json:"provider"`
	Variant   string                  `json:"variant"`
	ClientID  string                  `json:"client_id"`
	Connected int                     `json:"connected"` // live connections
	Current   bool                    `json:"current"`   // new connections are made by it
}

// RegistrationUse lists all registrations, by provider.
func (s *Store) RegistrationUse(ctx context.Context) ([]RegistrationUse, error) {
	var out []RegistrationUse
	err := s.DB.Read(ctx).Raw(`SELECT r.id, r.provider, r.variant, r.client_id,
			(SELECT count(*) FROM connections c WHERE c.registration_id = r.id AND c.ended_at IS NULL) AS connected,
			r.id = (SELECT n.id FROM registrations n WHERE n.provider = r.provider ORDER BY n.updated_at DESC, n.id LIMIT 1) AS current
		FROM registrations r ORDER BY r.provider, r.id`).Scan(&out).Error
	if err != nil {
		return nil, fmt.Errorf("read registrations: %w", err)
	}
	return out, nil
}

// SetWebhook stores what a provider signs its messages with, sealed; nil takes no
// more messages. The answer is false when there is no such registration.
func (s *Store) SetWebhook(ctx context.Context, id provider.RegistrationID, sealed []byte) (bool, error) {
	found, err := s.changedOne(ctx, "UPDATE registrations SET webhook_secret = ? WHERE id = ?", sealed, id)
	if err != nil {
		return false, fmt.Errorf("save webhook secret: %w", err)
	}
	return found, nil
}

// SetRegistration stores how this server is registered at a provider, replacing
// the registration of the same id.
func (s *Store) SetRegistration(ctx context.Context, r provider.SealedRegistration) error {
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		err := s.DB.Read(ctx).Exec(`INSERT INTO registrations (id, provider, variant, client_id, secret, web_url, api_url, hosts, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET variant = excluded.variant, client_id = excluded.client_id, secret = excluded.secret,
				web_url = excluded.web_url, api_url = excluded.api_url, hosts = excluded.hosts, updated_at = excluded.updated_at`,
			r.ID, r.Provider, r.Variant, r.ClientID, r.Sealed, r.WebURL, r.APIURL, hostsText(r.Hosts), s.Now().UnixMilli()).Error
		if err != nil {
			return fmt.Errorf("save registration: %w", err)
		}
		return nil
	})
}
