package dashboard

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/templates"
)

// Answer is the receipt of one answer, as it is stored.
type Answer struct {
	ID     string
	Grant  consent.GrantID // "" when it was a no and nothing stood
	Yes    bool
	Body   string
	Digest string
	At     time.Time
}

// Answers reads what the person answered to apps.
type Answers interface {
	// Answers lists the newest for one app, most at most.
	Answers(ctx context.Context, user consent.UserID, app consent.AppID, most int) ([]Answer, error)
	// Answer is one of them; false when the person has no such receipt.
	Answer(ctx context.Context, user consent.UserID, id string) (Answer, bool, error)
}

// answersShown is how many answers an app's page lists.
const answersShown = 10

// answered lists what the person answered the app.
func (d *Dashboard) answered(v visit, app consent.AppID) ([]templates.AnswerLine, error) {
	list, err := d.cfg.Answers.Answers(v.ctx(), v.user(), app, answersShown)
	if err != nil {
		return nil, err
	}
	var out []templates.AnswerLine
	for _, a := range list {
		out = append(out, templates.AnswerLine{ID: a.ID, Yes: a.Yes, At: a.At})
	}
	return out, nil
}

// Receipt is GET /receipts/:receipt: what the person was shown once, and what they
// answered. It stays when the app is removed.
func (d *Dashboard) Receipt(c *gin.Context) error {
	v, ok, err := d.visit(c)
	if err != nil || !ok {
		return err
	}
	a, found, err := d.cfg.Answers.Answer(v.ctx(), v.user(), v.Param("receipt"))
	switch {
	case err != nil:
		return err
	case !found:
		return absent()
	}
	// One that was changed is shown with that warning: hiding it would hide the change.
	r, err := consent.ReadReceipt(a.Body, a.Digest)
	page := templates.Receipt{
		Frame: d.frame(v, "/receipts/"+a.ID, ""), App: r.App, Claimed: r.Claimed, Publisher: r.Publisher, Host: r.Host, Check: templates.Check(r.Checked), Checked: r.Face != nil, Returns: r.Returns,
		Yes: a.Yes, At: a.At, Digest: a.Digest, Changed: err != nil,
	}
	for _, ch := range r.Changes {
		page.Changes = append(page.Changes, templates.Change{Kind: templates.ChangeKind(ch.What), Was: ch.Was, Is: ch.Is})
	}
	for _, row := range r.Rows {
		page.Rows = append(page.Rows, d.receiptRow(v, row, r))
	}
	return d.cfg.Site.Render(c, http.StatusOK, page)
}

func (d *Dashboard) receiptRow(v visit, row consent.ReceiptRow, r consent.Receipt) templates.ReceiptRow {
	out := templates.ReceiptRow{Label: row.Words, Account: row.Account, Admin: templates.PetitionState(row.Admin), Had: row.Reason == consent.AgreedBefore, Provider: d.provider(v.scope(row.Scope).Provider)}
	if i := slices.IndexFunc(r.Agreed, func(it consent.ReceiptItem) bool { return it.Scope == row.Scope }); i >= 0 {
		it := r.Agreed[i]
		out.Given, out.Until, out.Limit = true, it.Until, it.Names
		out.Everything = it.Everything && v.scope(row.Scope).Narrowing != consent.NarrowingNone
		out.Daily, out.Hours = it.Daily, it.Hours
	}
	return out
}
