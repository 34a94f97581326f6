package store

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/dashboard"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/resourceserver/provider"
)

// Dashboard reads what the person's pages show. Every query begins with the
// person.
type Dashboard struct{ *Store }

// tallyLimit bounds how many calls are counted for one page: the newest ones. A
// page must not take longer because an agent was busy.
const tallyLimit = 20_000

// Apps implements dashboard.Holdings.
func (d Dashboard) Apps(ctx context.Context, user consent.UserID) ([]dashboard.Held, error) {
	grants, err := d.grants(ctx, "g.user_id = ? AND g.revoked_at IS NULL", user)
	if err != nil || len(grants) == 0 {
		return nil, err
	}
	ids := make([]consent.AppID, len(grants))
	for i, g := range grants {
		ids[i] = g.App
	}
	var rows []appRow
	if err := d.DB.Read(ctx).Raw("SELECT * FROM apps WHERE id IN ?", ids).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("read apps: %w", err)
	}
	apps := map[consent.AppID]appRow{}
	for _, r := range rows {
		apps[r.ID] = r
	}
	held := make([]dashboard.Held, len(grants))
	for i, g := range grants {
		r := apps[g.App]
		c, err := r.client()
		if err != nil {
			return nil, err
		}
		held[i] = dashboard.Held{Grant: g, App: c.App()}
		held[i].App.Disabled = r.DisabledAt != nil
		if held[i].Host, err = oneHost(r.RedirectURIs); err != nil {
			return nil, fmt.Errorf("redirect addresses of app %s: %w", r.ID, err)
		}
	}
	return held, nil
}

// oneHost returns the host of an app's return addresses when all are https and
// agree on it.
func oneHost(encoded string) (string, error) {
	var uris []string
	if err := json.Unmarshal([]byte(encoded), &uris); err != nil {
		return "", err
	}
	host := ""
	for _, raw := range uris {
		u, err := url.Parse(raw)
		if err != nil {
			return "", err
		}
		if u.Scheme != "https" || (host != "" && u.Host != host) {
			return "", nil
		}
		host = u.Host
	}
	return host, nil
}

// App implements dashboard.Holdings.
func (d Dashboard) App(ctx context.Context, user consent.UserID, grant consent.GrantID) (dashboard.Held, bool, error) {
	all, err := d.Apps(ctx, user)
	if err != nil {
		return dashboard.Held{}, false, err
	}
	for _, h := range all {
		if h.Grant.ID != grant {
			continue
		}
		var rows []struct {
			Scope     consent.ScopeName
			RefusedAt int64
		}
		err := d.DB.Read(ctx).Raw("SELECT scope, refused_at FROM refusals WHERE user_id = ? AND app_id = ? ORDER BY scope", user, h.App.ID).Scan(&rows).Error
		if err != nil {
			return dashboard.Held{}, false, fmt.Errorf("read refusals: %w", err)
		}
		for _, r := range rows {
			h.Grant.Refused = append(h.Grant.Refused, consent.Refusal{Scope: r.Scope, At: time.UnixMilli(r.RefusedAt)})
		}
		return h, true, nil
	}
	return dashboard.Held{}, false, nil
}

// Runs implements dashboard.Holdings.
func (d Dashboard) Runs(ctx context.Context, user consent.UserID, grant consent.GrantID) ([]dashboard.Run, error) {
	var rows []struct {
		ID          consent.FamilyID
		SessionID   consent.SessionID
		Offline     bool
		CreatedAt   int64
		RefreshedAt int64
	}
	err := d.DB.Read(ctx).Raw("SELECT id, session_id, offline, created_at, refreshed_at FROM families"+
		" WHERE user_id = ? AND grant_id = ? AND revoked_at IS NULL AND expires_at > ? ORDER BY refreshed_at DESC, id LIMIT 200",
		user, grant, d.Now().UnixMilli()).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read families: %w", err)
	}
	runs := make([]dashboard.Run, len(rows))
	for i, r := range rows {
		runs[i] = dashboard.Run{
			ID: r.ID, Session: r.SessionID, Offline: r.Offline,
			First: time.UnixMilli(r.CreatedAt), Last: time.UnixMilli(max(r.CreatedAt, r.RefreshedAt)),
		}
	}
	return runs, nil
}

// tellUnconfirmed is how long people read that a provider never confirmed.
const tellUnconfirmed = 30 * 24 * time.Hour

// Accounts implements dashboard.Services.
func (d Dashboard) Accounts(ctx context.Context, user consent.UserID) ([]dashboard.Account, error) {
	var rows []struct {
		Row       connectionRow `gorm:"embedded"`
		NextTryAt int64
		Telling   bool
	}
	err := d.DB.Read(ctx).Raw(`SELECT c.*, COALESCE(k.next_try_at, 0) AS next_try_at, r.connection_id IS NOT NULL AS telling
		FROM connections c LEFT JOIN credentials k ON k.connection_id = c.id LEFT JOIN revocations r ON r.connection_id = c.id
		WHERE c.user_id = ? ORDER BY c.provider, c.login, c.id`, user).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	list := make([]dashboard.Account, len(rows))
	for i, r := range rows {
		list[i] = dashboard.Account{Connection: r.Row.connection(), Since: time.UnixMilli(r.Row.CreatedAt), Lost: r.Row.Reason == provider.AnswerLost, Telling: r.Telling}
		if ended := maybe(r.Row.EndedAt); r.Row.Reason == provider.NotConfirmed {
			list[i].Unconfirmed = d.Now().Sub(ended) < tellUnconfirmed
		}
		if r.Row.UsedAt != nil {
			list[i].LastUsed = time.UnixMilli(*r.Row.UsedAt)
		}
		if r.NextTryAt > 0 {
			list[i].Rests = time.UnixMilli(r.NextTryAt)
		}
	}
	return list, nil
}

// Offers implements dashboard.Services.
func (d Dashboard) Offers(ctx context.Context) ([]consent.ProviderID, error) {
	var ids []consent.ProviderID
	if err := d.DB.Read(ctx).Raw("SELECT DISTINCT provider FROM registrations ORDER BY provider").Scan(&ids).Error; err != nil {
		return nil, fmt.Errorf("read registrations: %w", err)
	}
	return ids, nil
}

// Tallies implements dashboard.Counts.
func (d Dashboard) Tallies(ctx context.Context, user consent.UserID, since time.Time, offset time.Duration) ([]dashboard.Tally, error) {
	day, shift := (24 * time.Hour).Milliseconds(), offset.Milliseconds()
	var rows []struct {
		Day       int64
		GrantID   consent.GrantID
		Operation string
		Outcome   audit.Outcome
		Count     int
	}
	err := d.DB.Read(ctx).Raw(`SELECT (at + ?) / ? AS day, grant_id, operation, outcome, count(*) AS count FROM (
			SELECT at, grant_id, operation, outcome FROM audit
			WHERE user_id = ? AND id >= ? AND kind IN (?, ?) AND outcome IN (?, ?) ORDER BY id DESC LIMIT ?
		) AS recent GROUP BY 1, 2, 3, 4`,
		shift, day, user, firstID(since), audit.CallAllowed, audit.CallDenied, audit.Done, audit.Denied, tallyLimit).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("count calls: %w", err)
	}
	list := make([]dashboard.Tally, len(rows))
	for i, r := range rows {
		list[i] = dashboard.Tally{Day: time.UnixMilli(r.Day*day - shift), Grant: r.GrantID, Operation: r.Operation, Outcome: r.Outcome, Count: r.Count}
	}
	return list, nil
}

// firstID is before every UUIDv7 made at t or later (RFC 9562 section 5.7: the
// first 48 bits are the time).
func firstID(t time.Time) string {
	var id uuid.UUID
	ms := t.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id.String()
}

// AppsAway implements identity.Away: the apps that may work while nobody is
// signed in.
func (d Dashboard) AppsAway(ctx context.Context, user consent.UserID) ([]string, error) {
	var names []string
	err := d.DB.Read(ctx).Raw("SELECT DISTINCT a.name FROM grants g JOIN grant_items i ON i.grant_id = g.id JOIN apps a ON a.id = g.app_id"+
		" WHERE g.user_id = ? AND g.revoked_at IS NULL AND i.scope IN ? AND i.until > ? AND a.disabled_at IS NULL ORDER BY a.name",
		user, []consent.ScopeName{consent.Background, consent.Recurring}, d.Now().UnixMilli()).Scan(&names).Error
	if err != nil {
		return nil, fmt.Errorf("read apps that work alone: %w", err)
	}
	return names, nil
}
