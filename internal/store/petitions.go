package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/consent/dashboard"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/internal/db"
	"github.com/deputy-oauth/deputy/internal/fault"
)

// petitionRow is a row of petitions.
type petitionRow struct {
	ID         consent.PetitionID
	UserID     consent.UserID
	AppID      consent.AppID
	AppDigest  string
	Scopes     string
	State      consent.PetitionState
	Why        string
	Answer     string
	AskedAt    int64
	AnsweredAt int64
	ExpiresAt  int64
}

func (r petitionRow) petition() consent.Petition {
	p := consent.Petition{
		ID: r.ID, User: r.UserID, App: r.AppID, AppDigest: r.AppDigest, Scopes: scopeNames(r.Scopes), State: r.State, Why: r.Why, Answer: r.Answer,
		Asked: time.UnixMilli(r.AskedAt), Until: time.UnixMilli(r.ExpiresAt),
	}
	if r.AnsweredAt > 0 {
		p.Answered = time.UnixMilli(r.AnsweredAt)
	}
	return p
}

// PetitionsOf implements flow.Admins: what a person asked about an app, the newest
// first.
func (s *Store) PetitionsOf(ctx context.Context, user consent.UserID, app consent.AppID) ([]consent.Petition, error) {
	return s.petitions(ctx, "user_id = ? AND app_id = ? AND expires_at > ?", user, app, s.Now().UnixMilli())
}

// mostShown bounds a list of petitions. Those that wait are fewer for one person,
// and an operator answers them from the oldest on.
const mostShown = 200

func (s *Store) petitions(ctx context.Context, where string, args ...any) ([]consent.Petition, error) {
	var rows []petitionRow
	err := s.DB.Read(ctx).Raw("SELECT * FROM petitions WHERE "+where+" ORDER BY asked_at DESC, id DESC LIMIT ?", append(args, mostShown)...).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read petitions: %w", err)
	}
	out := make([]consent.Petition, len(rows))
	for i, r := range rows {
		out[i] = r.petition()
	}
	return out, nil
}

// Petitioner changes what was asked of administrators. Each method is one
// transaction with its audit record.
type Petitioner struct {
	*Store
	Audit RevokeAudit
}

// Petition implements flow.Admins.
func (p Petitioner) Petition(ctx context.Context, ask consent.Petition) error {
	return p.DB.Tx(ctx, func(ctx context.Context) error {
		if err := p.holdAccount(ctx, string(ask.User)); err != nil {
			return err
		}
		have, err := p.PetitionsOf(ctx, ask.User, ask.App)
		if err != nil {
			return err
		}
		if ask = ask.Beyond(have, p.Now()); len(ask.Scopes) == 0 {
			return nil
		}
		if err := p.addPetition(ctx, ask); err != nil {
			return err
		}
		return p.Audit.InTx(ctx, audit.Event{At: ask.Asked, Kind: audit.PetitionMade, User: ask.User, App: ask.App, Outcome: audit.Done, Detail: joinNames(ask.Scopes)})
	})
}

func (p Petitioner) addPetition(ctx context.Context, ask consent.Petition) error {
	tx, now := p.DB.Read(ctx), p.Now().UnixMilli()
	waiting, err := db.One[int](tx, "SELECT count(*) FROM petitions WHERE user_id = ? AND state = ? AND expires_at > ?", ask.User, consent.PetitionWaits, now)
	switch {
	case err != nil:
		return fmt.Errorf("count petitions: %w", err)
	case waiting >= consent.MostPetitions:
		return fault.New(fault.Conflict, "Too many of your requests wait for your admin. Nothing was sent. Take some back on your home page first.")
	}
	err = tx.Exec("INSERT INTO petitions (id, user_id, app_id, app_digest, scopes, state, why, answer, asked_at, answered_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, 0, ?)",
		"petition_"+uuid.Must(uuid.NewV7()).String(), ask.User, ask.App, ask.AppDigest, joinNames(ask.Scopes), consent.PetitionWaits, ask.Why, ask.Asked.UnixMilli(), ask.Until.UnixMilli()).Error
	if err != nil {
		return fmt.Errorf("add petition: %w", err)
	}
	return p.deleteExpired(ctx, "petitions", "id", now)
}

// Withdraw implements flow.Admins and dashboard.Petitions.
func (p Petitioner) Withdraw(ctx context.Context, user consent.UserID, id consent.PetitionID) error {
	return p.DB.Tx(ctx, func(ctx context.Context) error {
		app, err := db.One[consent.AppID](p.DB.Read(ctx), "DELETE FROM petitions WHERE id = ? AND user_id = ? AND state = ? RETURNING app_id", id, user, consent.PetitionWaits)
		if errors.Is(err, db.ErrNone) {
			return p.answeredBefore(ctx, user, id)
		}
		if err != nil {
			return fmt.Errorf("withdraw petition: %w", err)
		}
		return p.Audit.InTx(ctx, audit.Event{At: p.Now(), Kind: audit.PetitionWithdrawn, User: user, App: app, Outcome: audit.Done})
	})
}

func (p Petitioner) answeredBefore(ctx context.Context, user consent.UserID, id consent.PetitionID) error {
	if _, err := db.One[int](p.DB.Read(ctx), "SELECT 1 FROM petitions WHERE id = ? AND user_id = ?", id, user); err != nil {
		return notYours(err)
	}
	return fault.New(fault.Conflict, "Your admin has answered this request already. Nothing was changed.")
}

// Answer is an administrator's yes or no, with a sentence for the person. A yes may
// follow a no and the other way round; what was agreed to under an earlier yes
// stays. It returns db.ErrNone for what cannot be answered so: it ended, was
// withdrawn, or has this answer already.
func (p Petitioner) Answer(ctx context.Context, id consent.PetitionID, state consent.PetitionState, answer string) (consent.Petition, error) {
	life, kind := consent.RefusalLife, audit.PetitionRefused
	if state == consent.PetitionApproved {
		life, kind = consent.ApprovalLife, audit.PetitionApproved
	}
	var out consent.Petition
	err := p.DB.Tx(ctx, func(ctx context.Context) error {
		now := p.Now()
		r, err := db.One[petitionRow](p.DB.Read(ctx), "UPDATE petitions SET state = ?, answer = ?, answered_at = ?, expires_at = ? WHERE id = ? AND state <> ? AND expires_at > ? RETURNING *",
			state, answer, now.UnixMilli(), now.Add(life).UnixMilli(), id, state, now.UnixMilli())
		if err != nil {
			return fmt.Errorf("answer petition: %w", err)
		}
		out = r.petition()
		return p.Audit.InTx(ctx, audit.Event{At: now, Kind: kind, User: out.User, App: out.App, Outcome: audit.Done, Detail: r.Scopes})
	})
	return out, err
}

// Asked is a petition for an operator's list.
type Asked struct {
	consent.Petition
	Email    string // of who asked
	AppName  string
	Reviewed bool // an operator answers for the app as it is now
}

// AskedFor lists the petitions in a state, the oldest first: those are answered
// first.
func (s *Store) AskedFor(ctx context.Context, state consent.PetitionState) ([]Asked, error) {
	var rows []struct {
		Petition petitionRow `gorm:"embedded"`
		Email    string
		AppName  string
		Reviewed bool
	}
	err := s.DB.Read(ctx).Raw(`SELECT p.*, u.email, a.name AS app_name, a.origin = 'operator' OR (a.approved = a.digest AND a.approved_name = COALESCE(NULLIF(a.claimed, ''), a.name)) AS reviewed
		FROM petitions p JOIN users u ON u.id = p.user_id JOIN apps a ON a.id = p.app_id
		WHERE p.state = ? AND p.expires_at > ? ORDER BY p.asked_at, p.id LIMIT ?`, state, s.Now().UnixMilli(), mostShown).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list petitions: %w", err)
	}
	out := make([]Asked, len(rows))
	for i, r := range rows {
		out[i] = Asked{r.Petition.petition(), r.Email, r.AppName, r.Reviewed}
	}
	return out, nil
}

// Petitions implements dashboard.Petitions.
func (p Petitioner) Petitions(ctx context.Context, user consent.UserID) ([]dashboard.Petition, error) {
	list, err := p.petitions(ctx, "user_id = ? AND expires_at > ?", user, p.Now().UnixMilli())
	if err != nil || len(list) == 0 {
		return nil, err
	}
	var apps []consent.AppID
	for _, one := range list {
		apps = append(apps, one.App)
	}
	names, err := p.AppNames(ctx, apps)
	if err != nil {
		return nil, err
	}
	out := make([]dashboard.Petition, len(list))
	for i, one := range list {
		out[i] = dashboard.Petition{Petition: one, AppName: names[one.App]}
	}
	return out, nil
}
