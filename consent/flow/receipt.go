package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
)

// Receipt is the record of one answer. It is written once and never changed.
type Receipt struct {
	ID      string
	User    consent.UserID
	App     consent.AppID
	Grant   consent.GrantID // "" when the answer was no and nothing stood
	Yes     bool
	Body    string // JSON
	Digest  string // SHA-256 of Body, in hex
	Decided time.Time
}

// receiptBody is what a receipt says: the app as it was shown, every row as it
// was shown, and what was answered.
type receiptBody struct {
	App       string         `json:"app"`
	Publisher string         `json:"publisher"`
	Returns   string         `json:"returns_to"`
	Rows      []receiptRow   `json:"rows"`
	Agreed    []receiptGrant `json:"agreed"`
	Refused   []string       `json:"refused"`
}

type receiptRow struct {
	Scope   consent.ScopeName `json:"scope"`
	Words   string            `json:"words"`
	Status  consent.Status    `json:"status"`
	Reason  consent.Reason    `json:"reason"`
	Ticked  bool              `json:"ticked"`
	Account string            `json:"account,omitempty"`
}

type receiptGrant struct {
	Scope      consent.ScopeName    `json:"scope"`
	Connection consent.ConnectionID `json:"connection,omitempty"`
	Everything bool                 `json:"everything,omitempty"`
	Resources  []string             `json:"resources,omitempty"`
	Until      time.Time            `json:"until"`
	Daily      int                  `json:"daily,omitempty"` // calls in a day
	Hours      int                  `json:"hours,omitempty"` // between visits
}

func newReceipt(v visit, grant consent.GrantID, yes bool, items []consent.Item, no []consent.ScopeName, now time.Time) (Receipt, error) {
	body := receiptBody{App: v.ask.Client.Name, Publisher: v.ask.Client.Publisher, Returns: v.ask.RedirectURI, Refused: []string{}, Agreed: []receiptGrant{}}
	for _, r := range v.plan.Rows {
		body.Rows = append(body.Rows, receiptRow{
			Scope: r.Scope.Name, Words: r.Scope.Words, Status: r.Status, Reason: r.Reason, Ticked: r.On, Account: r.Connection.Login,
		})
	}
	for _, it := range items {
		g := receiptGrant{Scope: it.Scope, Connection: it.Connection, Everything: it.Limit.Everything, Until: it.Until.UTC(), Daily: it.Rate.Daily, Hours: int(it.Rate.Every / time.Hour)}
		for _, r := range it.Limit.Resources {
			g.Resources = append(g.Resources, string(r.Type)+":"+r.ID)
		}
		body.Agreed = append(body.Agreed, g)
	}
	for _, n := range no {
		body.Refused = append(body.Refused, string(n))
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return Receipt{}, fmt.Errorf("encode receipt: %w", err)
	}
	sum := sha256.Sum256(encoded)
	return Receipt{
		ID: "receipt_" + uuid.Must(uuid.NewV7()).String(), User: v.person.User, App: v.ask.Client.ID, Grant: grant, Yes: yes,
		Body: string(encoded), Digest: hex.EncodeToString(sum[:]), Decided: now,
	}, nil
}
