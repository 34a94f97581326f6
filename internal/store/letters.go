package store

import (
	"context"
	"fmt"
	"time"

	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/mail"
)

// letterRow is a row of letters.
type letterRow struct {
	ID        string
	Recipient string
	About     string
	Content   []byte
	Tries     int64
	DueAt     int64
	ExpiresAt int64
}

func (r letterRow) letter() mail.Letter {
	return mail.Letter{
		ID: r.ID, For: r.Recipient, About: r.About, Content: r.Content, Tries: int(r.Tries), Due: time.UnixMilli(r.DueAt).UTC(), Ends: time.UnixMilli(r.ExpiresAt).UTC(),
	}
}

// AddLetter implements mail.Rows.
func (s *Store) AddLetter(ctx context.Context, l mail.Letter, most int) (bool, error) {
	return s.changedOne(ctx, `INSERT INTO letters (about, content, id, recipient, tries, due_at, expires_at)
		SELECT ?, ?, ?, ?, 0, ?, ? WHERE (SELECT count(*) FROM letters WHERE recipient = ?) < ?
		ON CONFLICT (about) DO UPDATE SET expires_at = CASE WHEN letters.expires_at < excluded.expires_at THEN excluded.expires_at ELSE letters.expires_at END`,
		l.About, l.Content, l.ID, l.For, l.Due.UnixMilli(), l.Ends.UnixMilli(), l.For, most)
}

// TakeLetters implements mail.Rows. It writes only when something is due.
func (s *Store) TakeLetters(ctx context.Context, until time.Time, most int) ([]mail.Letter, error) {
	now := s.Now().UnixMilli()
	due, err := db.One[bool](s.DB.Read(ctx), "SELECT EXISTS (SELECT 1 FROM letters WHERE due_at <= ?)", now)
	if err != nil || !due {
		return nil, err
	}
	lock := " FOR UPDATE SKIP LOCKED"
	if s.DB.SQLite() {
		lock = ""
	}
	var rows []letterRow
	err = s.DB.Once(ctx, func(ctx context.Context) error {
		return s.DB.Read(ctx).Raw(`UPDATE letters SET due_at = ?, tries = tries + 1 WHERE id IN (
			SELECT id FROM letters WHERE due_at <= ? ORDER BY due_at LIMIT ?`+lock+`) RETURNING *`, until.UnixMilli(), now, most).Scan(&rows).Error
	})
	if err != nil {
		return nil, fmt.Errorf("take letters: %w", err)
	}
	letters := make([]mail.Letter, len(rows))
	for i, r := range rows {
		letters[i] = r.letter()
	}
	return letters, nil
}

// PutOff implements mail.Rows.
func (s *Store) PutOff(ctx context.Context, id string, taken, due time.Time) error {
	_, err := s.changedOne(ctx, "UPDATE letters SET due_at = ? WHERE id = ? AND due_at = ?", due.UnixMilli(), id, taken.UnixMilli())
	return err
}

// RemoveLetter implements mail.Rows.
func (s *Store) RemoveLetter(ctx context.Context, id string) error {
	_, err := s.changedOne(ctx, "DELETE FROM letters WHERE id = ?", id)
	return err
}
