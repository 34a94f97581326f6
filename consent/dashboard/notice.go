package dashboard

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/templates"
)

const noticeStep = "notice"

// note is what a page says about the form that led to it. It travels in the
// address, with a proof that it is ours and this person's: nobody can make our
// page say something by a link.
type note struct {
	kind  templates.NoticeKind
	what  string
	count int
}

// done answers a form: the change is made, and page tells about it.
func (d *Dashboard) done(v visit, page string, n note) error {
	q := url.Values{"did": {string(n.kind)}}
	if n.what != "" {
		q.Set("what", n.what)
	}
	if n.count != 0 {
		q.Set("count", strconv.Itoa(n.count))
	}
	q.Set("proof", d.token(v, noticeStep, q.Get("did"), q.Get("what"), q.Get("count")))
	v.Redirect(http.StatusSeeOther, page+"?"+q.Encode())
	return nil
}

// notices reads the note of the address. One that is not ours is no note.
func (d *Dashboard) notices(v visit, acc accounts) []templates.Notice {
	did, what, count := v.Query("did"), v.Query("what"), v.Query("count")
	if did == "" || d.cfg.Forms.Check(v.Query("proof"), string(v.person.Session), noticeStep, did, what, count) != nil {
		return d.outcome(v, acc)
	}
	n := templates.Notice{Kind: templates.NoticeKind(did), What: what}
	if count != "" {
		number, err := strconv.Atoi(count)
		if err != nil {
			return nil // never with a proof of ours
		}
		n.Count = number
	}
	return []templates.Notice{n}
}

// outcome words how a trip to a provider ended: package connect comes back with
// an outcome and the ids of accounts, which say something only about the
// person's own.
func (d *Dashboard) outcome(v visit, acc accounts) []templates.Notice {
	connected, here := acc[consent.ConnectionID(v.Query("connection"))]
	n := templates.Notice{Provider: d.provider(connected.Provider).Name, Account: connected.Login}
	switch v.Query("outcome") {
	case "refused":
		name := d.provider(consent.ProviderID(v.Query("provider"))).Name
		if name == "" {
			return nil
		}
		return []templates.Notice{{Kind: templates.NoticeRefused, Provider: name}}
	case "connected":
		n.Kind = templates.NoticeConnected
	case "reconnected":
		n.Kind = templates.NoticeReconnected
	case "widened":
		n.Kind = templates.NoticeWidened
	case "less":
		n.Kind = templates.NoticeLess
	case "other_account":
		n.Kind, n.Other = templates.NoticeOtherAccount, acc[consent.ConnectionID(v.Query("wanted"))].Login
		here = here && n.Other != ""
	default:
		return nil
	}
	if !here {
		return nil
	}
	return []templates.Notice{n}
}
