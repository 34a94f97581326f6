package flow

import (
	"time"

	"github.com/google/uuid"

	"github.com/deputy-oauth/deputy/consent"
)

// Receipt is the record of one answer, as it is stored.
type Receipt struct {
	ID      string
	User    consent.UserID
	App     consent.AppID
	Grant   consent.GrantID // "" when the answer was no and nothing stood
	Yes     bool
	Body    string // what was shown and answered, in JSON
	Digest  string // SHA-256 of Body, in hex
	Decided time.Time
}

func (f *Flow) receipt(v visit, grant consent.GrantID, yes bool, items []consent.Item, no []consent.ScopeName, now time.Time) (Receipt, error) {
	shown := consent.NewReceipt(v.ask.Client.App(), v.ask.RedirectURI, v.plan, items, no)
	read := shown.In(v.language, func(english string) string { return f.Site.Renderer.Say(v.language, english) })
	body, digest, err := read.Encode()
	return Receipt{
		ID: "receipt_" + uuid.Must(uuid.NewV7()).String(), User: v.person.User, App: v.ask.Client.ID, Grant: grant, Yes: yes,
		Body: body, Digest: digest, Decided: now,
	}, err
}
