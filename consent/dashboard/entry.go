package dashboard

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/deputy-oauth/deputy/consent"
	"github.com/deputy-oauth/deputy/internal/audit"
	"github.com/deputy-oauth/deputy/templates"
)

// together is how close in time equal things are told as one.
const together = 10 * time.Minute

// told lists the kinds of records that people read. The others are the protocol
// at work: a token for every sign-in and every hour says nothing new, and what an app
// asked for again under its key was done once and is told once.
func told() []audit.Kind {
	return []audit.Kind{
		audit.GrantAgreed, audit.GrantRefused, audit.GrantNarrowed, audit.GrantRevoked, audit.GrantEnding, audit.TokenReplayed,
		audit.PetitionMade, audit.PetitionWithdrawn, audit.PetitionApproved, audit.PetitionRefused,
		audit.CallAllowed, audit.CallDenied, audit.CallFailed,
		audit.ConnectionAdded, audit.ConnectionWidened, audit.ConnectionReconnected, audit.ConnectionBroken, audit.ConnectionRemoved,
		audit.SignedIn, audit.SignedOut, audit.PasskeyAdded, audit.PasskeyRemoved, audit.PasskeyCopied,
		audit.PasswordChanged, audit.Joined, audit.ProfileChanged, audit.CompanyLinked, audit.CompanyUnlinked, audit.SignInReset, audit.CodesOn, audit.CodesOff, audit.RecoveryCodesMade, audit.RecoveryCodeUsed,
	}
}

// teller turns records into entries.
type teller struct {
	d         *Dashboard
	v         visit
	apps      map[consent.AppID]string
	accounts  accounts
	resources map[string]string // names the person picked things by, under type:id
}

// entry words a record; false when it tells nothing.
func (t teller) entry(e audit.Event) (templates.Entry, bool) {
	a := t.accounts[e.Connection]
	out := templates.Entry{
		At: e.At, App: cmp.Or(t.apps[e.App], string(e.App)),
		Provider: cmp.Or(t.d.provider(a.Provider).Name, "A service"), Account: cmp.Or(a.Login, "an account"),
	}
	switch e.Kind {
	case audit.CallAllowed, audit.CallDenied, audit.CallFailed:
		return t.call(e, out)
	case audit.GrantAgreed:
		out.Kind, out.What = templates.EntryAllowed, t.scopes(e)
	case audit.GrantRefused:
		out.Kind = templates.EntryDenied
	case audit.GrantNarrowed:
		out.Kind, out.What = templates.EntryRemoved, t.removed(e)
		if e.Detail == audit.Less {
			out.Kind = templates.EntryLowered
		}
	case audit.GrantRevoked:
		out.Kind = templates.EntryRemoved
		if e.Detail == audit.ByApp {
			out.Kind = templates.EntryReturned
		}
	case audit.GrantEnding:
		out.Kind, out.What = templates.EntryEnding, t.v.scope(e.Scope).Words
	case audit.TokenReplayed:
		out.Kind = templates.EntryReplayed
	case audit.ConnectionAdded, audit.ConnectionWidened:
		out.Kind = templates.EntryConnected
	case audit.ConnectionReconnected:
		out.Kind = templates.EntryReconnected
	case audit.ConnectionBroken:
		out.Kind = templates.EntryBroke
	case audit.ConnectionRemoved:
		out.Kind = templates.EntryDisconnected
		// The provider's answer comes as a record of its own, after the one that says
		// it is done.
		return out, !strings.HasPrefix(e.Detail, "provider answered")
	case audit.SignedIn:
		out.Kind, out.What = templates.EntrySignedIn, e.Detail
	case audit.SignedOut:
		out.Kind, out.What = templates.EntrySignedOut, e.Detail
	default:
		known := false
		out.Kind, known = plain(e.Kind)
		return out, known
	}
	return out, true
}

// plain is the entry of a record that says all there is by its kind.
func plain(k audit.Kind) (templates.EntryKind, bool) {
	kind, known := map[audit.Kind]templates.EntryKind{
		audit.PetitionMade: templates.EntryAsked, audit.PetitionWithdrawn: templates.EntryWithdrawn,
		audit.PetitionApproved: templates.EntryApproved, audit.PetitionRefused: templates.EntryBarred,
		audit.PasswordChanged: templates.EntryPassword, audit.Joined: templates.EntryJoined, audit.ProfileChanged: templates.EntryProfile,
		audit.CompanyLinked: templates.EntryCompanyAdded, audit.CompanyUnlinked: templates.EntryCompanyRemoved,
		audit.SignInReset: templates.EntryReset, audit.CodesOn: templates.EntryCodesOn, audit.CodesOff: templates.EntryCodesOff,
		audit.RecoveryCodesMade: templates.EntryRecoveryMade, audit.RecoveryCodeUsed: templates.EntryRecoveryUsed,
		audit.PasskeyAdded: templates.EntryPasskeyAdded, audit.PasskeyRemoved: templates.EntryPasskeyRemoved, audit.PasskeyCopied: templates.EntryPasskeyCopied,
	}[k]
	return kind, known
}

// call words what an app did or tried.
func (t teller) call(e audit.Event, out templates.Entry) (templates.Entry, bool) {
	op := t.d.operations[e.Operation]
	out.Did = "made a call"
	if op != nil {
		out.Did, out.In = op.Words, t.place(e, op.Resource)
		if a := t.d.provider(op.Provider); a.Name != "" {
			out.Provider = a.Name
		}
	}
	switch {
	case e.Kind == audit.CallDenied:
		out.Kind, out.Why = templates.EntryRefused, why(e.Detail)
	case e.Outcome == audit.Unknown:
		// Nobody saw how it ended: the service may have done it.
		out.Kind, out.Provider = templates.EntryFailed, ""
	case e.Kind == audit.CallFailed:
		out.Kind = templates.EntryFailed
	case op == nil || op.Access != consent.Read:
		out.Kind = templates.EntryChanged
	default:
		out.Kind = templates.EntryUsed
	}
	out.Away, out.Through = e.Detail == audit.Away, t.through(e.Actors)
	return out, true
}

// through names who acted for an app, in the order in which it was handed on.
func (t teller) through(actors []consent.AppID) string {
	var names []string
	for _, id := range slices.Backward(actors) {
		names = append(names, cmp.Or(t.apps[id], string(id)))
	}
	return strings.Join(names, " and ")
}

// announced reports whether a record only says that a write is about to be sent.
func announced(e audit.Event) bool {
	return e.Kind == audit.CallAllowed && e.Outcome == audit.Unknown
}

// ends drops the announcements of writes whose end is recorded as well, from a
// list with the newest first. One that stays alone is news: nobody saw the end.
// on is true when the list goes on from a page, where the ends may stand.
func ends(records []audit.Entry, on bool) []audit.Entry {
	type write struct {
		app                 consent.AppID
		grant               consent.GrantID
		operation, resource string
	}
	open := map[write]int{}
	var told []audit.Entry
	for _, r := range records {
		w := write{r.App, r.Grant, r.Operation, r.Resource}
		switch {
		case !announced(r.Event):
			open[w]++
		case open[w] > 0:
			open[w]--
			continue
		case on && records[0].At.Sub(r.At) < together:
			continue
		}
		told = append(told, r)
	}
	return told
}

// place names where a call went: by the name the person knows, else by the
// provider's id, so that a refused try elsewhere is visible as such.
func (t teller) place(e audit.Event, of consent.ResourceType) string {
	if name := t.resources[e.Resource]; name != "" {
		return name
	}
	for _, p := range t.d.cfg.Catalog.Providers {
		kind, known := p.Resources[of]
		switch id, found := strings.CutPrefix(e.Resource, string(of)+":"); {
		case !known:
		case found && id != "":
			return kind.Word + " " + id
		case e.Kind == audit.CallDenied:
			return "a " + kind.Word
		}
	}
	return ""
}

// why turns the broker's code of a refusal into the reason a person reads.
func why(code string) templates.WhyRefused {
	switch code {
	case "grant_gone":
		return templates.WhyGone
	case "scope_missing":
		return templates.WhyNotAllowed
	case "person_away":
		return templates.WhyAway
	case "write_needs_yes":
		return templates.WhyNeedsYes
	case string(consent.DailyLimit):
		return templates.WhyLimit
	case string(consent.RateExceeded):
		return templates.WhyOften
	case string(consent.TooManyCalls):
		return templates.WhyMany
	case "resource_unavailable":
		return templates.WhyOutside
	case "connection_missing", "connection_needs_you", "provider_permission", "blocked_by_organisation":
		return templates.WhyService
	}
	return templates.WhyUnknown
}

// scopes words what was agreed: the record's scope, or the scopes its detail
// names.
func (t teller) scopes(e audit.Event) string {
	var words []string
	for _, name := range append([]string{string(e.Scope)}, strings.Fields(e.Detail)...) {
		if s, known := t.v.words[consent.ScopeName(name)]; known {
			words = append(words, s.Words)
		}
	}
	if len(words) == 0 {
		return "what you ticked"
	}
	return strings.Join(words, "; ")
}

// removed words a part that was taken away.
func (t teller) removed(e audit.Event) string {
	if e.Scope == "" {
		return "one copy of it"
	}
	return t.v.scope(e.Scope).Words
}

// join adds an entry, newest first, or counts it into the one before when both
// tell the same.
func join(list []templates.Entry, e templates.Entry) []templates.Entry {
	if len(list) > 0 {
		last := &list[len(list)-1]
		same := *last
		same.At, same.Count = e.At, e.Count
		if same == e && last.At.Sub(e.At) < together {
			last.Count = max(last.Count, 1) + 1
			return list
		}
	}
	return append(list, e)
}
