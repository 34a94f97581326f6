package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// The states of a device's request. It only ever moves down this list.
const (
	deviceWaiting = "waiting"
	deviceClaimed = "claimed" // a person has typed the code
	deviceAllowed = "allowed"
	deviceRefused = "refused"
	deviceUsed    = "used" // the device has its tokens
)

// device is a row of devices. Times are milliseconds.
type device struct {
	Hash      []byte // of the device code
	UserCode  string
	AppID     consent.AppID
	Query     string
	Address   string
	Agent     string
	State     string
	UserID    consent.UserID
	SessionID consent.SessionID
	GrantID   consent.GrantID
	Scopes    string
	Details   string // as in code
	Audience  string
	AuthTime  int64
	Level     consent.Level `gorm:"column:acr"`
	Wait      int64         // seconds between questions
	PolledAt  int64
	CreatedAt int64
	ExpiresAt int64
	FamilyID  consent.FamilyID // what a replay takes back; "" before the first use
}

// TableName implements gorm's Tabler.
func (device) TableName() string { return "devices" }

// merges reports whether the device asked with grant_management_action=merge.
func (d device) merges() bool {
	form, err := parse(d.Query)
	return err == nil && form.Get("grant_management_action") == "merge" // what was stored can be read
}

// How often a user code that somebody has already is drawn anew.
const userCodeDraws = 4

var errNoUserCode = errors.New("every user code drawn was taken")

// addDevice stores a request and returns the user code it got.
func (s storage) addDevice(ctx context.Context, d device, now time.Time) (string, error) {
	err := s.db.Tx(ctx, func(ctx context.Context) error {
		tx := s.db.Read(ctx)
		err := tx.Exec("DELETE FROM devices WHERE hash IN (SELECT hash FROM devices WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
			now.Add(-keepDevices).UnixMilli(), sweepBatch).Error
		if err != nil {
			return err
		}
		for range userCodeDraws {
			d.UserCode = newUserCode()
			// The hash is not the first value: gorm spreads bytes after a parenthesis.
			res := tx.Exec(`INSERT INTO devices (user_code, hash, app_id, query, address, agent, state, wait, created_at, expires_at)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_code) DO NOTHING`,
				d.UserCode, d.Hash, d.AppID, d.Query, d.Address, d.Agent, d.State, d.Wait, d.CreatedAt, d.ExpiresAt)
			if res.Error != nil || res.RowsAffected == 1 {
				return res.Error
			}
		}
		return errNoUserCode
	})
	return d.UserCode, err
}

func (s storage) findDevice(ctx context.Context, hash []byte) (device, error) {
	return db.One[device](s.db.Read(ctx), "SELECT * FROM devices WHERE hash = ?", hash)
}

// polled notes a question and how long to wait for the next.
func (s storage) polled(ctx context.Context, d device, wait int64, now time.Time) error {
	return s.db.Tx(ctx, func(ctx context.Context) error {
		return s.db.Read(ctx).Exec("UPDATE devices SET polled_at = ?, wait = ? WHERE hash = ?", now.UnixMilli(), wait, d.Hash).Error
	})
}

// claimDevice gives a waiting request to a sign-in, or gives it back to the one
// that has it. It returns db.ErrNone for every other.
func (s storage) claimDevice(ctx context.Context, code string, user consent.UserID, session consent.SessionID, now time.Time) (device, error) {
	return db.One[device](s.db.Read(ctx), `UPDATE devices SET state = ?, user_id = ?, session_id = ?
		WHERE user_code = ? AND expires_at > ? AND (state = ? OR (state = ? AND session_id = ?)) RETURNING *`,
		deviceClaimed, user, session, code, now.UnixMilli(), deviceWaiting, deviceClaimed, session)
}

// allowDevice stores a yes. It reports false when the request is not the
// sign-in's any more. A device whose time is up just then gets a little more, to
// ask once again.
func (s storage) allowDevice(ctx context.Context, hash []byte, audience string, yes Approval, now time.Time) (bool, error) {
	least := now.Add(pollGrace).UnixMilli()
	res := s.db.Read(ctx).Exec(`UPDATE devices SET state = ?, grant_id = ?, scopes = ?, details = ?, audience = ?, auth_time = ?, acr = ?,
			expires_at = CASE WHEN expires_at < ? THEN ? ELSE expires_at END
		WHERE hash = ? AND state = ? AND session_id = ? AND user_id = ? AND expires_at > ?`,
		deviceAllowed, yes.Grant, yes.scopes(), storedDetails(yes.Details), audience, yes.SignedIn.UnixMilli(), yes.Level, least, least,
		hash, deviceClaimed, yes.Session, yes.User, now.UnixMilli())
	return res.RowsAffected == 1, res.Error
}

func (s storage) refuseDevice(ctx context.Context, hash []byte, session consent.SessionID, now time.Time) (bool, error) {
	res := s.db.Read(ctx).Exec("UPDATE devices SET state = ? WHERE hash = ? AND state = ? AND session_id = ? AND expires_at > ?",
		deviceRefused, hash, deviceClaimed, session, now.UnixMilli())
	return res.RowsAffected == 1, res.Error
}

// useDevice makes a yes count once, for a family.
func (s storage) useDevice(ctx context.Context, hash []byte, family consent.FamilyID, now time.Time) (bool, error) {
	res := s.db.Read(ctx).Exec("UPDATE devices SET state = ?, family_id = ? WHERE hash = ? AND state = ? AND expires_at > ?",
		deviceUsed, family, hash, deviceAllowed, now.UnixMilli())
	return res.RowsAffected == 1, res.Error
}
