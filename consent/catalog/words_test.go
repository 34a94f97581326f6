package catalog_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/deputy-oauth/deputy/consent"
)

// Names that apps already ask for. Taking one away breaks them.
func TestTheNamesAppsAskForStay(t *testing.T) {
	c := load(t)
	for _, name := range []consent.ScopeName{
		"openid", "profile", "email", "offline_access",
		"identity.basic.read", "identity.profile.read", "identity.email.read",
		"agents.jobs.background", "agents.sync.recurring", "agents.writes.unattended",
		"services.github.account.read", "services.github.repositories.metadata.read",
		"services.github.repositories.read", "services.github.repositories.write",
		"services.github.issues.read", "services.github.issues.write",
		"services.github.pull_requests.read", "services.github.pull_requests.write", "services.github.pull_requests.merge",
		"services.github.actions.read", "services.github.actions.run",
		"services.slack.workspace.read", "services.slack.channels.read",
		"services.slack.messages.read", "services.slack.messages.write", "services.slack.messages.delete",
		"services.slack.messages.private.read", "services.slack.dms.read", "services.slack.files.read", "services.slack.search.read", "services.slack.users.read",
		"services.notion.workspace.read", "services.notion.pages.read", "services.notion.pages.write", "services.notion.pages.trash",
		"services.notion.databases.read", "services.notion.databases.write", "services.notion.comments.read", "services.notion.comments.write",
		"services.stripe.account.read", "services.stripe.balance.read", "services.stripe.customers.read", "services.stripe.customers.write",
		"services.stripe.invoices.read", "services.stripe.invoices.write", "services.stripe.payments.read", "services.stripe.refunds.create",
		"services.stripe.subscriptions.read", "services.stripe.subscriptions.write",
		"services.google.account.read", "services.google.calendar.availability.read",
		"services.google.calendar.events.read", "services.google.calendar.events.write", "services.google.calendar.events.delete",
		"services.google.drive.metadata.read", "services.google.drive.files.read", "services.google.drive.files.write", "services.google.drive.files.trash",
		"services.gmail.metadata.read", "services.gmail.messages.read", "services.gmail.drafts.write",
	} {
		if _, ok := c.Scopes[name]; !ok {
			t.Errorf("%s is not there", name)
		}
	}
}

// The wording rules of a consent row: a verb first, 12 words at most, no
// provider's scope string, none of the words that hide what happens.
func TestTheWordsPeopleReadAreShortAndPlain(t *testing.T) {
	c := load(t)
	forbidden := regexp.MustCompile(`(?i)\b(manage|access|recommended|trusted|deauthorize|token|scope|oauth|api)\b|[a-z]:[a-z]`)
	verbs := []string{"See", "Read", "Know", "Post", "Open", "Change", "Come", "Keep", "Make", "Stay", "Open,", "Merge", "Start", "Search", "Add", "Move", "Comment", "Give", "Delete", "Create", "Write"}
	for _, name := range slices.Sorted(maps.Keys(c.Scopes)) {
		s := c.Scopes[name]
		words := strings.Fields(s.Words)
		if len(words) > 12 || len(words) == 0 {
			t.Errorf("%s: %q has %d words", name, s.Words, len(words))
			continue
		}
		if !slices.Contains(verbs, words[0]) {
			t.Errorf("%s: %q does not start with a verb", name, s.Words)
		}
		if bad := forbidden.FindString(s.Words + " " + s.Detail); bad != "" {
			t.Errorf("%s: says %q", name, bad)
		}
		for sentence := range strings.SplitSeq(s.Detail, ". ") {
			if n := len(strings.Fields(sentence)); n > 20 {
				t.Errorf("%s: a sentence of %d words: %q", name, n, sentence)
			}
		}
		if s.Narrowing == consent.NarrowingRequired && !strings.Contains(s.Words, "you pick") {
			t.Errorf("%s: %q does not say that the person picks", name, s.Words)
		}
	}
}

// What people read is there in every language of the pages.
func TestTheCatalogueSpeaksGerman(t *testing.T) {
	c := load(t)
	said := func(where, english string) {
		t.Helper()
		if english != "" && c.Said["de"][english] == "" {
			t.Errorf("%s: %q is not said in German", where, english)
		}
	}
	for name, s := range c.Scopes {
		said(string(name), s.Words)
		said(string(name), s.Detail)
		if s.Narrowing == consent.NarrowingRequired && !strings.Contains(c.Said["de"][s.Words], "Sie auswählen") {
			t.Errorf("%s: %q does not say that the person picks", name, c.Said["de"][s.Words])
		}
	}
	for id, p := range c.Providers {
		for _, v := range p.Variants {
			said(string(id), v.Blast)
			said(string(id), v.Wider)
		}
		for _, r := range p.Resources {
			said(string(id), r.Word)
			said(string(id), r.Words)
		}
		for _, o := range p.Operations {
			said(o.ID, o.Words)
			if in := strings.HasSuffix(o.Words, " in") || strings.HasSuffix(o.Words, " of") || strings.HasSuffix(o.Words, " at"); in != strings.Contains(c.Said["de"][o.Words], "{in}") {
				t.Errorf("%s: %q says where in one language only", o.ID, c.Said["de"][o.Words])
			}
		}
	}
}
