package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// heldRow is a row of grants with one of its grant_items, or with none: then Scope
// is empty.
type heldRow struct {
	ID        consent.GrantID
	UserID    consent.UserID
	AppID     consent.AppID
	AppDigest string
	AppFace   string
	CreatedAt int64
	UpdatedAt int64
	RevokedAt *int64

	Scope        consent.ScopeName
	ConnectionID consent.ConnectionID
	Everything   bool
	Resources    string
	Since        int64
	Until        int64
	UsedAt       *int64
	Daily        int
	Every        int64
}

// storedResource is one element of grant_items.resources.
type storedResource struct {
	Type consent.ResourceType `json:"t"`
	ID   string               `json:"i"`
	Name string               `json:"n"`
}

// Grant returns a grant with its items, revoked or not.
func (s *Store) Grant(ctx context.Context, id consent.GrantID) (consent.Grant, error) {
	all, err := s.grants(ctx, "g.id = ?", id)
	if err != nil {
		return consent.Grant{}, err
	}
	if len(all) == 0 {
		return consent.Grant{}, fmt.Errorf("grant %s: %w", id, db.ErrNone)
	}
	return all[0], nil
}

// GrantsOf returns what a decision about one app is made from: the person's live
// grant for it with its items and refusals, which come in a grant without an id
// when there is none, and of the person's other apps what they hold, as far as a
// plan can name it. Those have neither ids nor resources.
func (s *Store) GrantsOf(ctx context.Context, user consent.UserID, app consent.AppID) ([]consent.Grant, error) {
	own, err := s.grants(ctx, "g.user_id = ? AND g.app_id = ? AND g.revoked_at IS NULL", user, app)
	if err != nil {
		return nil, err
	}
	refused, err := s.refusals(ctx, user, app)
	if err != nil {
		return nil, err
	}
	if len(own) == 0 && len(refused) > 0 {
		own = []consent.Grant{{User: user, App: app}}
	}
	if len(own) > 0 {
		own[0].Refused = refused
	}
	others, err := s.others(ctx, user, app)
	return append(own, others...), err
}

func (s *Store) refusals(ctx context.Context, user consent.UserID, app consent.AppID) ([]consent.Refusal, error) {
	var rows []struct {
		Scope     consent.ScopeName
		RefusedAt int64
	}
	err := s.DB.Read(ctx).Raw("SELECT scope, refused_at FROM refusals WHERE user_id = ? AND app_id = ? ORDER BY scope", user, app).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read refusals: %w", err)
	}
	var refused []consent.Refusal
	for _, r := range rows {
		refused = append(refused, consent.Refusal{Scope: r.Scope, At: time.UnixMilli(r.RefusedAt)})
	}
	return refused, nil
}

// others returns what other apps may do now, of each scope and account one app
// more than a plan names: somebody with a thousand apps reads no longer page.
func (s *Store) others(ctx context.Context, user consent.UserID, app consent.AppID) ([]consent.Grant, error) {
	order := "g.app_id" // by bytes, as consent.Decide orders them
	if !s.DB.SQLite() {
		order += ` COLLATE "C"`
	}
	var rows []struct {
		AppID        consent.AppID
		Scope        consent.ScopeName
		ConnectionID consent.ConnectionID
		Until        int64
	}
	err := s.DB.Read(ctx).Raw(`SELECT app_id, scope, connection_id, until FROM (
			SELECT g.app_id, i.scope, i.connection_id, i.until, ROW_NUMBER() OVER (PARTITION BY i.scope, i.connection_id ORDER BY `+order+`) AS nth
			FROM grants g JOIN grant_items i ON i.grant_id = g.id
			WHERE g.user_id = ? AND g.app_id <> ? AND g.revoked_at IS NULL AND i.until > ?) AS held
		WHERE nth <= ? ORDER BY app_id`, user, app, s.Now().UnixMilli(), consent.MostAlso+1).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read what other apps may do: %w", err)
	}
	var out []consent.Grant
	for _, r := range rows {
		if len(out) == 0 || out[len(out)-1].App != r.AppID {
			out = append(out, consent.Grant{User: user, App: r.AppID})
		}
		g := &out[len(out)-1]
		g.Items = append(g.Items, consent.Item{Scope: r.Scope, Connection: r.ConnectionID, Until: time.UnixMilli(r.Until)})
	}
	return out, nil
}

func (s *Store) grants(ctx context.Context, where string, args ...any) ([]consent.Grant, error) {
	var rows []heldRow
	err := s.DB.Read(ctx).Raw(`SELECT g.id, g.user_id, g.app_id, g.app_digest, g.app_face, g.created_at, g.updated_at, g.revoked_at,
			i.scope, i.connection_id, i.everything, i.resources, i.since, i.until, i.used_at, i.daily, i.every
		FROM grants g LEFT JOIN grant_items i ON i.grant_id = g.id
		WHERE `+where+` ORDER BY g.created_at, g.id, i.scope, i.connection_id`, args...).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	var out []consent.Grant
	for _, r := range rows {
		if len(out) == 0 || out[len(out)-1].ID != r.ID {
			g, err := r.grant()
			if err != nil {
				return nil, err
			}
			out = append(out, g)
		}
		if r.Scope == "" {
			continue
		}
		it, err := r.item()
		if err != nil {
			return nil, err
		}
		g := &out[len(out)-1]
		g.Items = append(g.Items, it)
		if it.LastUsed.After(g.LastUsed) {
			g.LastUsed = it.LastUsed
		}
	}
	return out, nil
}

func (r heldRow) grant() (consent.Grant, error) {
	g := consent.Grant{
		ID: r.ID, User: r.UserID, App: r.AppID, AppDigest: r.AppDigest, Revoked: r.RevokedAt != nil,
		Created: time.UnixMilli(r.CreatedAt), Updated: time.UnixMilli(max(r.CreatedAt, r.UpdatedAt)),
	}
	if err := json.Unmarshal([]byte(r.AppFace), &g.Face); err != nil {
		return g, fmt.Errorf("app of grant %s: %w", r.ID, err)
	}
	return g, nil
}

func (r heldRow) item() (consent.Item, error) {
	it := consent.Item{
		Scope: r.Scope, Connection: r.ConnectionID, Limit: consent.Limit{Everything: r.Everything},
		Since: time.UnixMilli(r.Since), Until: time.UnixMilli(r.Until),
		Rate: consent.Rate{Daily: r.Daily, Every: time.Duration(r.Every) * time.Millisecond},
	}
	if r.UsedAt != nil {
		it.LastUsed = time.UnixMilli(*r.UsedAt)
	}
	var stored []storedResource
	if err := json.Unmarshal([]byte(r.Resources), &stored); err != nil {
		return it, fmt.Errorf("resources of grant %s: %w", r.ID, err)
	}
	for _, sr := range stored {
		it.Limit.Resources = append(it.Limit.Resources, consent.Resource(sr))
	}
	return it, nil
}

// SaveGrant writes what Agree returned: the items and refusals of one person and
// app. It gives a new grant its id and returns it. It never deletes an item.
func (s *Store) SaveGrant(ctx context.Context, g consent.Grant) (consent.GrantID, error) {
	err := s.DB.Tx(ctx, func(ctx context.Context) error {
		if g.ID == "" && len(g.Items) > 0 {
			var err error
			if g.ID, err = s.openGrant(ctx, g.User, g.App); err != nil {
				return err
			}
		}
		if err := s.saveYes(ctx, g); err != nil {
			return err
		}
		for _, it := range g.Items {
			if err := s.saveItem(ctx, g.ID, it); err != nil {
				return err
			}
		}
		return s.saveRefusals(ctx, g)
	})
	return g.ID, err
}

// openGrant returns the live grant of a person for an app, made if there is
// none. Two pages decided at once meet in the same grant.
func (s *Store) openGrant(ctx context.Context, user consent.UserID, app consent.AppID) (consent.GrantID, error) {
	id := consent.GrantID("grant_" + uuid.Must(uuid.NewV7()).String())
	tx := s.DB.Read(ctx)
	err := tx.Exec(`INSERT INTO grants (id, user_id, app_id, created_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (user_id, app_id) WHERE revoked_at IS NULL DO NOTHING`, id, user, app, s.Now().UnixMilli()).Error
	if err != nil {
		return "", fmt.Errorf("add grant: %w", err)
	}
	return db.One[consent.GrantID](tx, "SELECT id FROM grants WHERE user_id = ? AND app_id = ? AND revoked_at IS NULL", user, app)
}

// saveYes notes when the last yes was and what it rests on.
func (s *Store) saveYes(ctx context.Context, g consent.Grant) error {
	updated := g.Updated.UnixMilli()
	face, err := json.Marshal(g.Face)
	if err != nil {
		return fmt.Errorf("encode the app: %w", err)
	}
	err = s.DB.Read(ctx).Exec("UPDATE grants SET app_digest = ?, app_face = ?, updated_at = ? WHERE id = ? AND (app_digest <> ? OR app_face <> ? OR updated_at <> ?)",
		g.AppDigest, string(face), updated, g.ID, g.AppDigest, string(face), updated).Error
	if err != nil {
		return fmt.Errorf("note the app as it was agreed to: %w", err)
	}
	return nil
}

func (s *Store) saveItem(ctx context.Context, id consent.GrantID, it consent.Item) error {
	stored := make([]storedResource, len(it.Limit.Resources))
	for i, r := range it.Limit.Resources {
		stored[i] = storedResource(r)
	}
	encoded, err := json.Marshal(stored)
	if err != nil {
		return fmt.Errorf("encode resources: %w", err)
	}
	err = s.DB.Read(ctx).Exec(`INSERT INTO grant_items (grant_id, scope, connection_id, everything, resources, since, until, daily, every) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (grant_id, scope, connection_id) DO UPDATE
		SET everything = excluded.everything, resources = excluded.resources, since = excluded.since, until = excluded.until, daily = excluded.daily, every = excluded.every`,
		id, it.Scope, it.Connection, it.Limit.Everything, string(encoded), it.Since.UnixMilli(), it.Until.UnixMilli(), it.Rate.Daily, it.Rate.Every.Milliseconds()).Error
	if err != nil {
		return fmt.Errorf("save grant item: %w", err)
	}
	return nil
}

func (s *Store) saveRefusals(ctx context.Context, g consent.Grant) error {
	tx := s.DB.Read(ctx)
	if err := tx.Exec("DELETE FROM refusals WHERE user_id = ? AND app_id = ?", g.User, g.App).Error; err != nil {
		return fmt.Errorf("replace refusals: %w", err)
	}
	for _, r := range g.Refused {
		err := tx.Exec("INSERT INTO refusals (user_id, app_id, scope, refused_at) VALUES (?, ?, ?, ?)", g.User, g.App, r.Scope, r.At.UnixMilli()).Error
		if err != nil {
			return fmt.Errorf("save refusal: %w", err)
		}
	}
	return nil
}

// GrantLive reports whether a grant of the person for the app stands, inside a
// transaction that will give new authority under it.
func (s *Store) GrantLive(ctx context.Context, id consent.GrantID) (bool, error) {
	_, err := db.One[int](s.DB.Read(ctx), "SELECT 1 FROM grants WHERE id = ? AND revoked_at IS NULL", id)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	return err == nil, err
}
