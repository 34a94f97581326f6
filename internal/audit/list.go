package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
)

// MaxPage is the most rows List returns at once.
const MaxPage = 200

// Filter narrows a list. The zero Filter lets everything through.
type Filter struct {
	App        consent.AppID
	Grant      consent.GrantID
	Connection consent.ConnectionID
	Outcome    Outcome
	Kinds      []Kind
}

// Entry is a recorded event. ID sorts by time and says where the next page begins.
type Entry struct {
	ID string
	Event
}

// row is an audit row as the database has it.
type row struct {
	ID           string
	At           int64
	Kind         string
	UserID       string
	AppID        string
	GrantID      string
	FamilyID     string
	ConnectionID string
	Scope        string
	Operation    string
	Resource     string
	Outcome      string
	Detail       string
	Actors       string
	Bytes        int64
}

// List returns the user's events, newest first: at most limit of them, and only
// those before the entry with the given id ("" begins at the newest). Nobody
// else's are ever in it.
func (r *Recorder) List(ctx context.Context, user consent.UserID, f Filter, before string, limit int) ([]Entry, error) {
	if user == "" {
		return nil, errors.New("list events of nobody") // events without a person are not everybody's
	}
	where, args := f.where(user, before)
	args = append(args, max(1, min(limit, MaxPage)))
	var rows []row
	err := r.cfg.DB.Read(ctx).Raw("SELECT * FROM audit WHERE "+where+" ORDER BY id DESC LIMIT ?", args...).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list events of %s: %w", user, err)
	}
	entries := make([]Entry, len(rows))
	for i, row := range rows {
		entries[i] = row.entry()
	}
	return entries, nil
}

func (f Filter) where(user consent.UserID, before string) (string, []any) {
	conditions, args := []string{"user_id = ?"}, []any{string(user)}
	add := func(column, value string) {
		if value != "" {
			conditions, args = append(conditions, column), append(args, value)
		}
	}
	add("id < ?", before)
	add("app_id = ?", string(f.App))
	add("grant_id = ?", string(f.Grant))
	add("connection_id = ?", string(f.Connection))
	add("outcome = ?", string(f.Outcome))
	if len(f.Kinds) > 0 {
		conditions = append(conditions, "kind IN ("+repeat("?", len(f.Kinds))+")")
		for _, k := range f.Kinds {
			args = append(args, string(k))
		}
	}
	return strings.Join(conditions, " AND "), args
}

func (r row) entry() Entry {
	var actors []consent.AppID
	for _, id := range strings.Fields(r.Actors) {
		actors = append(actors, consent.AppID(id))
	}
	return Entry{ID: r.ID, Event: Event{
		At:         time.UnixMilli(r.At).UTC(),
		Kind:       Kind(r.Kind),
		User:       consent.UserID(r.UserID),
		App:        consent.AppID(r.AppID),
		Grant:      consent.GrantID(r.GrantID),
		Family:     consent.FamilyID(r.FamilyID),
		Connection: consent.ConnectionID(r.ConnectionID),
		Scope:      consent.ScopeName(r.Scope),
		Operation:  r.Operation,
		Resource:   r.Resource,
		Outcome:    Outcome(r.Outcome),
		Detail:     r.Detail,
		Actors:     actors,
		Bytes:      r.Bytes,
	}}
}
