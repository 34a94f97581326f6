package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/deputy-oauth/deputy/internal/seal"
	"github.com/deputy-oauth/deputy/internal/store"
	"github.com/deputy-oauth/deputy/resourceserver/broker"
)

// outcomes is broker.Outcomes. An answer has what is the person's: it is stored sealed
// to its key.
type outcomes struct {
	store *store.Store
	box   seal.Box
}

// mostKept is how long an answer may be to be stored, in bytes.
const mostKept = 64 << 10

func outcome(a broker.Attempt) store.Outcome {
	id := sha256.Sum256([]byte(string(a.Grant) + "\x00" + string(a.App) + "\x00" + a.Key))
	return store.Outcome{ID: hex.EncodeToString(id[:]), Grant: a.Grant, Request: hex.EncodeToString(a.Request[:]), Began: a.Began}
}

// Begin implements broker.Outcomes.
func (o outcomes) Begin(ctx context.Context, a broker.Attempt, until time.Time) (broker.Past, error) {
	row := outcome(a)
	row.Stage = string(broker.Begun)
	before, room, err := o.store.BeginOutcome(ctx, row, until)
	switch {
	case err != nil:
		return broker.Past{}, err
	case !room:
		return broker.Past{Stage: broker.Full}, nil
	case before == nil:
		return broker.Past{Stage: broker.Fresh}, nil
	}
	past := broker.Past{Stage: broker.Stage(before.Stage), Began: before.Began}
	if before.Request == row.Request {
		past.Request = a.Request
	}
	if past.Stage != broker.Ended {
		return past, nil
	}
	plain, err := o.box.Open(before.Answer, before.ID)
	if err == nil {
		err = json.Unmarshal(plain, &past.Answer)
	}
	if err != nil {
		return broker.Past{}, fmt.Errorf("open the answer of a write: %w", err)
	}
	return past, nil
}

// End implements broker.Outcomes. Of an answer that is too long nothing but its status
// is kept, and that something is missing.
func (o outcomes) End(ctx context.Context, a broker.Attempt, p broker.Past) error {
	row := outcome(a)
	row.Stage = string(p.Stage)
	if len(p.Answer.Body) > mostKept {
		p.Answer = broker.Answer{Status: p.Answer.Status, Header: http.Header{"Deputy-Incomplete": {"true"}}}
	}
	plain, err := json.Marshal(p.Answer)
	if err != nil {
		return err
	}
	row.Answer = o.box.Seal(plain, row.ID)
	return o.store.EndOutcome(ctx, row)
}

// Forget implements broker.Outcomes.
func (o outcomes) Forget(ctx context.Context, a broker.Attempt) error {
	return o.store.ForgetOutcome(ctx, outcome(a))
}
