package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/deputy-oauth/deputy/consent"
)

// A ticket is the form token of the consent page. Its first half is bound to the
// sign-in and the exact request; its second half also to what the page showed and
// in which language, so that an answer never grants anything else than what was
// read.

// ticket returns the ticket of a page.
func (f *Flow) ticket(v visit) string {
	return f.formToken(v) + "." + f.shownToken(v)
}

func (f *Flow) formToken(v visit) string {
	return f.Forms.Token(string(v.person.Session), "consent", v.flow)
}

func (f *Flow) shownToken(v visit) string {
	return f.Forms.Token(v.seen(v.language)...)
}

// seen is what a page says in a language, to one sign-in.
func (v visit) seen(language string) []string {
	return []string{string(v.person.Session), "shown", v.flow, shown(v.plan), language, v.ask.Client.Name, v.ask.Client.Digest()}
}

// checkTicket returns an error for a form that is not this page's, and reports
// whether the page still shows what it showed when it was sent out.
func (f *Flow) checkTicket(v visit, ticket string) (same bool, err error) {
	if err := f.checkForm(string(v.person.Session), v, ticket); err != nil {
		return false, err
	}
	return f.showed(v, ticket, v.language), nil
}

// showed reports whether the ticket's page said what it would say now, in a language.
func (f *Flow) showed(v visit, ticket, language string) bool {
	_, page, _ := strings.Cut(ticket, ".")
	return f.Forms.Check(page, v.seen(language)...) == nil
}

// readIn is the language that the ticket's page was read in: the browser may have
// chosen another one since. A page that would say something else now is not known.
func (f *Flow) readIn(v visit, ticket string) string {
	for _, language := range f.Site.Renderer.Languages() {
		if f.showed(v, ticket, language) {
			return language
		}
	}
	return v.language
}

// checkForm returns an error for a form that was not made for the session.
func (f *Flow) checkForm(session string, v visit, ticket string) error {
	form, _, _ := strings.Cut(ticket, ".")
	return f.Forms.Check(form, session, "consent", v.flow)
}

// shown is a digest of what a page says changed about the app, and of what would be
// granted: scopes, where they stand, on which account and limited to what.
func shown(plan consent.Plan) string {
	type line struct {
		Scope      consent.ScopeName
		Words      string
		Connection consent.ConnectionID
		Status     consent.Status
		Reason     consent.Reason
		Everything bool
		Resources  []string
	}
	lines := make([]line, len(plan.Rows))
	for i, r := range plan.Rows {
		l := line{Scope: r.Scope.Name, Words: r.Scope.Words, Connection: r.Connection.ID, Status: r.Status, Reason: r.Reason, Everything: r.Limit.Everything}
		for _, res := range r.Limit.Resources {
			l.Resources = append(l.Resources, string(res.Type)+" "+res.ID)
		}
		slices.Sort(l.Resources)
		lines[i] = l
	}
	encoded, err := json.Marshal(struct {
		Lines   []line
		Changes []consent.Change
	}{lines, plan.Changes})
	if err != nil {
		panic(err) // strings and bools always encode
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}
