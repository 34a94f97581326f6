package oauth

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/db"
)

// storage is the rows of codes, families and denials. Each decision that must
// happen at most once is one conditional statement.
type storage struct {
	db     *db.DB
	writes *atomic.Int64
}

// code is a row of codes. Times are milliseconds.
type code struct {
	Hash        []byte
	GrantID     consent.GrantID
	AppID       consent.AppID
	UserID      consent.UserID
	SessionID   consent.SessionID
	RedirectURI string
	Challenge   string
	Nonce       string
	Audience    string
	Scopes      string
	AuthTime    int64
	Thumbprint  string        `gorm:"column:jkt"` // key the code is bound to; "" for none
	Details     string        // what its tokens are narrowed to, in JSON; "" when they are not
	Merges      bool          // other refresh tokens of the grant end when it is used
	Level       consent.Level `gorm:"column:acr"`
	Network     string        // where the browser was, for a program on the same computer; else ""
	From        string        `gorm:"-"` // the address that redeems it
	ExpiresAt   int64
	UsedAt      *int64
	FamilyID    *consent.FamilyID
}

// TableName implements gorm's Tabler.
func (code) TableName() string { return "codes" }

// Family is one installation of an app under a grant.
type Family struct {
	ID          consent.FamilyID
	GrantID     consent.GrantID
	AppID       consent.AppID
	UserID      consent.UserID
	SessionID   consent.SessionID
	Scopes      string // separated by spaces
	Audience    string
	Offline     bool // outlives the sign-in
	Rotates     bool
	Thumbprint  string `gorm:"column:jkt"` // key its tokens are bound to; "" for none
	Details     string // what its tokens are narrowed to, in JSON; "" when they are not
	Generation  int64
	AuthTime    int64         // the sign-in it was born under; 0 when unknown
	Level       consent.Level `gorm:"column:acr"`
	CreatedAt   int64         // milliseconds, like all times here
	RefreshedAt int64
	ExpiresAt   int64
	RevokedAt   *int64
}

// TableName implements gorm's Tabler.
func (Family) TableName() string { return "families" }

func (s storage) addCode(ctx context.Context, c code) error {
	return s.db.Read(ctx).Create(&c).Error
}

func (s storage) findCode(ctx context.Context, hash []byte) (code, error) {
	return db.One[code](s.db.Read(ctx), "SELECT * FROM codes WHERE hash = ?", hash)
}

// useCode marks the code as used for a family. It reports false when somebody
// else was first or the code has ended: this one statement is what makes a code
// count once.
func (s storage) useCode(ctx context.Context, hash []byte, family consent.FamilyID, now time.Time) (bool, error) {
	res := s.db.Read(ctx).Exec("UPDATE codes SET used_at = ?, family_id = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?",
		now.UnixMilli(), family, hash, now.UnixMilli())
	return res.RowsAffected == 1, res.Error
}

func (s storage) addFamily(ctx context.Context, f Family) error {
	return s.db.Read(ctx).Create(&f).Error
}

// advance moves a family from one generation to the next. It reports false when
// the family is at another generation, revoked or ended.
func (s storage) advance(ctx context.Context, id consent.FamilyID, generation int64, now time.Time) (bool, error) {
	res := s.db.Read(ctx).Exec("UPDATE families SET generation = generation + 1, refreshed_at = ? WHERE id = ? AND generation = ? AND revoked_at IS NULL AND expires_at > ?",
		now.UnixMilli(), id, generation, now.UnixMilli())
	return res.RowsAffected == 1, res.Error
}

// touch notes that a family with a lasting refresh token is in use.
func (s storage) touch(ctx context.Context, id consent.FamilyID, now time.Time) error {
	return s.db.Read(ctx).Exec("UPDATE families SET refreshed_at = ? WHERE id = ? AND refreshed_at < ?", now.UnixMilli(), id, now.UnixMilli()).Error
}

func (s storage) revokeFamily(ctx context.Context, id consent.FamilyID, now time.Time) (bool, error) {
	res := s.db.Read(ctx).Exec("UPDATE families SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", now.UnixMilli(), id)
	return res.RowsAffected == 1, res.Error
}

// deny takes one access token back until it would have ended anyway.
func (s storage) deny(ctx context.Context, t token) error {
	err := s.db.Read(ctx).Exec("INSERT INTO denials (id, owner, expires_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
		t.ID, t.owner(), t.Expires*1000).Error
	return err
}

// Every sweepEvery-th write takes sweepBatch ended rows along: more than were
// written meanwhile, so that ended rows cannot outgrow the writes that make them.
const (
	sweepEvery = 16
	sweepBatch = 64
)

// keepEnded is how long ended codes and families stay, so that a late replay is
// still recognised as one.
const keepEnded = 24 * time.Hour

// sweep deletes a few ended rows. It runs on the write path, so that storage
// stays bounded without a job that somebody must remember to run.
func (s storage) sweep(ctx context.Context, now time.Time) error {
	if s.writes.Add(1)%sweepEvery != 0 {
		return nil
	}
	ended, late := now.UnixMilli(), now.Add(-keepEnded).UnixMilli()
	tx := s.db.Read(ctx)
	return errors.Join(
		tx.Exec("DELETE FROM codes WHERE hash IN (SELECT hash FROM codes WHERE expires_at < ? ORDER BY expires_at LIMIT ?)", late, sweepBatch).Error,
		tx.Exec("DELETE FROM families WHERE id IN (SELECT id FROM families WHERE expires_at < ? ORDER BY expires_at LIMIT ?)", late, sweepBatch).Error,
		tx.Exec("DELETE FROM denials WHERE id IN (SELECT id FROM denials WHERE expires_at < ? ORDER BY expires_at LIMIT ?)", ended, sweepBatch).Error,
	)
}
