package consent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Receipt is what a person was shown and what they answered. It is written once,
// with a digest, and never changed.
type Receipt struct {
	App       string        `json:"app"`
	Claimed   string        `json:"claimed,omitempty"` // what the app called itself, when that was only quoted
	Publisher string        `json:"publisher"`
	Host      string        `json:"host,omitempty"`     // of the app's own site
	Checked   Check         `json:"checked,omitempty"`  // what was known about who built it
	Face      *Face         `json:"face,omitempty"`     // nil in receipts older than it
	Changes   []Change      `json:"changes,omitempty"`  // of the app since the last yes
	Returns   string        `json:"returns_to"`         // where the app was answered; "" for nowhere
	Language  string        `json:"language,omitempty"` // of the words, BCP 47; "" in old ones, for English
	Rows      []ReceiptRow  `json:"rows"`               // as they were shown
	Agreed    []ReceiptItem `json:"agreed"`
	Refused   []ScopeName   `json:"refused"`
}

// ReceiptRow is one row of the page.
type ReceiptRow struct {
	Scope   ScopeName `json:"scope"`
	Words   string    `json:"words"`
	Status  Status    `json:"status"`
	Reason  Reason    `json:"reason"`
	Ticked  bool      `json:"ticked"`
	Account string    `json:"account,omitempty"`
	// Admin is what an administrator had said about it, "" when none was asked or needed.
	Admin PetitionState `json:"admin,omitempty"`
}

// ReceiptItem is one thing that was agreed to.
type ReceiptItem struct {
	Scope      ScopeName    `json:"scope"`
	Connection ConnectionID `json:"connection,omitempty"`
	Everything bool         `json:"everything,omitempty"`
	Resources  []string     `json:"resources,omitempty"` // type:id
	Names      []string     `json:"names,omitempty"`     // of Resources, as they were then
	Until      time.Time    `json:"until"`
	Daily      int          `json:"daily,omitempty"` // calls in a day
	Hours      int          `json:"hours,omitempty"` // between visits
}

// NewReceipt records a plan as its page was made from, and the answer: the items
// agreed to and the scopes refused.
func NewReceipt(app App, returns string, p Plan, items []Item, refused []ScopeName) Receipt {
	out := Receipt{
		App: app.Name, Claimed: app.Claimed, Publisher: app.Publisher, Host: app.Host, Checked: app.Check, Face: &app.Face, Changes: p.Changes, Returns: returns,
		Rows: []ReceiptRow{}, Agreed: []ReceiptItem{}, Refused: append([]ScopeName{}, refused...),
	}
	for _, r := range p.Rows {
		out.Rows = append(out.Rows, ReceiptRow{
			Scope: r.Scope.Name, Words: r.Scope.Words, Status: r.Status, Reason: r.Reason, Ticked: r.On && r.Status != NeedsAdmin, Account: r.Connection.Login, Admin: r.Admin,
		})
	}
	for _, it := range items {
		agreed := ReceiptItem{Scope: it.Scope, Connection: it.Connection, Everything: it.Limit.Everything, Until: it.Until.UTC(), Daily: it.Rate.Daily, Hours: int(it.Rate.Every / time.Hour)}
		for _, r := range it.Limit.Resources {
			agreed.Resources = append(agreed.Resources, string(r.Type)+":"+r.ID)
			agreed.Names = append(agreed.Names, r.Name)
		}
		out.Agreed = append(out.Agreed, agreed)
	}
	return out
}

// In returns the receipt with its words in the language in which they were read.
func (r Receipt) In(language string, say func(english string) string) Receipt {
	r.Language, r.Rows = language, slices.Clone(r.Rows)
	for i := range r.Rows {
		r.Rows[i].Words = say(r.Rows[i].Words)
	}
	return r
}

// Encode returns the receipt in JSON and the SHA-256 of that, in hex.
func (r Receipt) Encode() (body, digest string, err error) {
	encoded, err := json.Marshal(r)
	if err != nil {
		return "", "", fmt.Errorf("encode receipt: %w", err)
	}
	return string(encoded), digestOf(encoded), nil
}

// ErrReceiptChanged is returned for a receipt that is not what was written.
var ErrReceiptChanged = errors.New("the receipt is not what was written")

// ReadReceipt is the way back. A body that does not have the digest comes with
// ErrReceiptChanged, as far as it can be read.
func ReadReceipt(body, digest string) (Receipt, error) {
	var r Receipt
	if err := json.Unmarshal([]byte(body), &r); err != nil || digestOf([]byte(body)) != digest {
		return r, ErrReceiptChanged
	}
	return r, nil
}

func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
