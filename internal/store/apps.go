package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/authserver/clients"
	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// appRow is a row of apps.
type appRow struct {
	ID           consent.AppID
	Name         string
	Claimed      string
	Publisher    string
	Kind         string
	Origin       clients.Origin
	AuthMethod   string
	SecretHash   []byte
	JWKS         string `gorm:"column:jwks"`
	JWKSURI      string `gorm:"column:jwks_uri"`
	RedirectURIs string `gorm:"column:redirect_uris"`
	LogoutURIs   string `gorm:"column:post_logout_uris"`
	GrantTypes   string
	Scopes       string
	Required     string
	DetailTypes  string
	MustPush     bool
	MustProve    bool
	Website      string
	LogoURI      string `gorm:"column:logo_uri"`
	Logo         string
	Metadata     string
	Digest       string
	ManageHash   []byte
	Approved     string
	ApprovedName string
	CreatedAt    int64
	UsedAt       *int64
	DisabledAt   *int64
}

// TableName implements gorm's Tabler.
func (appRow) TableName() string { return "apps" }

const confidential = "confidential"

// Client implements clients.Source. A disabled app is as good as unknown.
func (s *Store) Client(ctx context.Context, id consent.AppID) (clients.Client, error) {
	return s.client(ctx, "SELECT * FROM apps WHERE id = ? AND disabled_at IS NULL", id)
}

// LastSeen returns an app as it was when it was last used, whether or not it may still
// be. The error wraps clients.ErrUnknown when there never was one.
func (s *Store) LastSeen(ctx context.Context, id consent.AppID) (clients.Client, error) {
	return s.client(ctx, "SELECT * FROM apps WHERE id = ?", id)
}

func (s *Store) client(ctx context.Context, query string, id consent.AppID) (clients.Client, error) {
	r, err := db.One[appRow](s.DB.Read(ctx), query, id)
	if errors.Is(err, db.ErrNone) {
		return clients.Client{}, clients.ErrUnknown
	}
	if err != nil {
		return clients.Client{}, fmt.Errorf("read app: %w", err)
	}
	return r.client()
}

func (r appRow) client() (clients.Client, error) {
	c := clients.Client{
		ID: r.ID, Name: r.Name, Claimed: r.Claimed, Publisher: r.Publisher, Origin: r.Origin, Confidential: r.Kind == confidential, AuthMethod: r.AuthMethod,
		SecretHash: r.SecretHash, JWKS: r.JWKS, JWKSURI: r.JWKSURI, GrantTypes: strings.Fields(r.GrantTypes), Scopes: scopeNames(r.Scopes),
		Required: scopeNames(r.Required), DetailTypes: resourceTypes(r.DetailTypes), MustPush: r.MustPush, MustProve: r.MustProve, Website: r.Website, LogoURI: r.LogoURI, Logo: r.Logo, Metadata: r.Metadata, ManageHash: r.ManageHash,
		Approved: r.Approved, ApprovedName: r.ApprovedName,
		Created: time.UnixMilli(r.CreatedAt),
	}
	if r.UsedAt != nil {
		c.Used = time.UnixMilli(*r.UsedAt)
	}
	if err := json.Unmarshal([]byte(r.RedirectURIs), &c.RedirectURIs); err != nil {
		return clients.Client{}, fmt.Errorf("redirect addresses of app %s: %w", r.ID, err)
	}
	if err := json.Unmarshal([]byte(r.LogoutURIs), &c.LogoutURIs); err != nil {
		return clients.Client{}, fmt.Errorf("addresses after a sign-out of app %s: %w", r.ID, err)
	}
	return c, nil
}

func newAppRow(c clients.Client, now time.Time) (appRow, error) {
	uris, err := json.Marshal(c.RedirectURIs)
	if err != nil {
		return appRow{}, fmt.Errorf("encode redirect addresses: %w", err)
	}
	logouts, err := json.Marshal(append([]string{}, c.LogoutURIs...)) // never null
	if err != nil {
		return appRow{}, fmt.Errorf("encode addresses after a sign-out: %w", err)
	}
	r := appRow{
		ID: c.ID, Name: c.Name, Claimed: c.Claimed, Publisher: c.Publisher, Kind: "public", Origin: c.Origin, AuthMethod: c.AuthMethod, SecretHash: c.SecretHash,
		JWKS: c.JWKS, JWKSURI: c.JWKSURI, RedirectURIs: string(uris), LogoutURIs: string(logouts), GrantTypes: strings.Join(c.GrantTypes, " "), Scopes: joinNames(c.Scopes),
		Required: joinNames(c.Required), DetailTypes: joinNames(c.DetailTypes), MustPush: c.MustPush, MustProve: c.MustProve, Website: c.Website, LogoURI: c.LogoURI, Metadata: c.Metadata, Digest: c.Digest(), ManageHash: c.ManageHash, CreatedAt: now.UnixMilli(),
	}
	if c.Confidential {
		r.Kind = confidential
	}
	if r.Origin == "" {
		r.Origin = clients.Operator
	}
	if r.Origin != clients.Operator {
		at := now.UnixMilli()
		r.UsedAt = &at
	}
	return r, nil
}

// AddApp registers an app. When it registered itself, some that nobody uses go.
func (s *Store) AddApp(ctx context.Context, c clients.Client) error {
	r, err := newAppRow(c, s.Now())
	if err != nil {
		return err
	}
	return s.DB.Tx(ctx, func(ctx context.Context) error {
		if err := s.DB.Read(ctx).Create(&r).Error; err != nil {
			return fmt.Errorf("add app: %w", err)
		}
		if r.Origin == clients.Operator {
			return nil
		}
		return s.sweepApps(ctx)
	})
}

// AppNames returns the names of the given apps.
func (s *Store) AppNames(ctx context.Context, ids []consent.AppID) (map[consent.AppID]string, error) {
	names := map[consent.AppID]string{}
	if len(ids) == 0 {
		return names, nil
	}
	var rows []appRow
	if err := s.DB.Read(ctx).Raw("SELECT id, name FROM apps WHERE id IN ?", ids).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("read app names: %w", err)
	}
	for _, r := range rows {
		names[r.ID] = r.Name
	}
	return names, nil
}

// AppUsers counts the people who have a live grant for the app, up to most: the
// consent page says how well known an app is here.
func (s *Store) AppUsers(ctx context.Context, id consent.AppID, most int) (int, error) {
	return db.One[int](s.DB.Read(ctx), "SELECT count(*) FROM (SELECT 1 FROM grants WHERE app_id = ? AND revoked_at IS NULL LIMIT ?) AS counted", id, most)
}

func scopeNames(joined string) []consent.ScopeName {
	var out []consent.ScopeName
	for _, f := range strings.Fields(joined) {
		out = append(out, consent.ScopeName(f))
	}
	return out
}

func resourceTypes(joined string) []consent.ResourceType {
	var out []consent.ResourceType
	for _, f := range strings.Fields(joined) {
		out = append(out, consent.ResourceType(f))
	}
	return out
}

func joinNames[T ~string](names []T) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = string(n)
	}
	return strings.Join(parts, " ")
}

// duplicate turns a unique value that exists already into a sentence.
func duplicate(err error, sentence string) error {
	if db.Duplicate(err) {
		return fault.Wrap(fault.Conflict, err, "%s", sentence)
	}
	return err
}
