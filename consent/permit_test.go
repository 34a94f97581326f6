package consent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
)

// attempt is one call with everything Permit looks at. The one of attempted is
// permitted; tests spoil it.
type attempt struct {
	call        consent.Call
	bearer      consent.Bearer
	grant       consent.Grant
	connections []consent.Connection
}

func (a attempt) verdict() consent.Verdict {
	return consent.Permit(vocabulary(), a.call, a.bearer, a.grant, a.connections, noon())
}

// attempted is bot reading acme/site for asha, who is there.
func attempted() attempt {
	return attempt{
		call:        consent.Call{Scope: readRepos, Access: consent.Read, Provider: "github", Resource: repo("site")},
		bearer:      consent.Bearer{User: asha, App: bot, Grant: "grant", Scopes: []consent.ScopeName{readRepos}, Present: true},
		grant:       agreed(yes(readRepos, "octocat", only(repo("site"))), yes(readProfile, "", consent.Limit{})),
		connections: []consent.Connection{octocat("contents", "contents:write")},
	}
}

// writing is bot writing to acme/site while asha is away, with all it takes.
func writing() attempt {
	a := attempted()
	a.call.Scope, a.call.Access = writeRepos, consent.Write
	a.bearer.Scopes = []consent.ScopeName{writeRepos, consent.Background, consent.UnattendedWrites}
	a.bearer.Present = false
	a.grant = agreed(
		yes(writeRepos, "octocat", only(repo("site"))),
		yes(consent.Background, "", consent.Limit{}), yes(consent.UnattendedWrites, "", consent.Limit{}),
	)
	return a
}

// without returns the scopes but the named one.
func without(scopes []consent.ScopeName, name consent.ScopeName) []consent.ScopeName {
	var out []consent.ScopeName
	for _, s := range scopes {
		if s != name {
			out = append(out, s)
		}
	}
	return out
}

// edit changes the grant's item of the named scope.
func (a *attempt) edit(name consent.ScopeName, change func(*consent.Item)) {
	for i := range a.grant.Items {
		if a.grant.Items[i].Scope == name {
			change(&a.grant.Items[i])
		}
	}
}

func expire(it *consent.Item) { it.Until = noon() }

func TestPermitReading(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(a *attempt)
		want  consent.Denial
	}{
		{"what was agreed is permitted", func(*attempt) {}, consent.Permitted},
		{"a renamed repository is the same one", func(a *attempt) { a.call.Resource.Name = "acme/www" }, consent.Permitted},
		{"a list needs no resource", func(a *attempt) { a.call.Resource = consent.Resource{} }, consent.Permitted},
		{"a write agreed reads too", func(a *attempt) { a.grant.Items[0].Scope = writeRepos }, consent.Permitted},
		{"a write in the token reads too", func(a *attempt) { a.bearer.Scopes[0] = writeRepos }, consent.Permitted},
		{"a scope without a provider needs no connection", func(a *attempt) {
			a.call = consent.Call{Scope: readProfile, Access: consent.Read}
			a.bearer.Scopes[0] = readProfile
			a.connections = nil
		}, consent.Permitted},
		{"everything is inside everything", func(a *attempt) {
			a.grant.Items[0].Limit = consent.Limit{Everything: true}
			a.call.Resource = repo("whatever comes later")
		}, consent.Permitted},

		{"the grant was revoked", func(a *attempt) { a.grant.Revoked = true }, consent.GrantGone},
		{"there is no grant", func(a *attempt) { a.grant = consent.Grant{} }, consent.GrantGone},
		{"nothing at all is nobody's permission", func(a *attempt) { *a = attempt{call: a.call} }, consent.GrantGone},
		{"the token is of another grant", func(a *attempt) { a.bearer.Grant = "other" }, consent.GrantGone},
		{"the token is of another user", func(a *attempt) { a.bearer.User = "bruno" }, consent.GrantGone},
		{"the token is of another app", func(a *attempt) { a.bearer.App = "notes" }, consent.GrantGone},

		{"it is not in the token", func(a *attempt) { a.bearer.Scopes = nil }, consent.ScopeMissing},
		{"it is not agreed", func(a *attempt) { a.grant.Items = a.grant.Items[1:] }, consent.ScopeMissing},
		{"it has expired this moment", func(a *attempt) { a.edit(readRepos, expire) }, consent.ScopeMissing},
		{"reading does not write", func(a *attempt) { a.call.Scope = writeRepos }, consent.ScopeMissing},
		{"nobody knows the scope", func(a *attempt) { a.call.Scope = "services.github.unknown" }, consent.ScopeMissing},

		{"the person is away", func(a *attempt) { a.bearer.Present = false }, consent.PersonAway},

		{"the account is gone", func(a *attempt) { a.connections = nil }, consent.ConnectionMissing},
		{"the account was disconnected", func(a *attempt) { a.connections[0].Health = consent.Disconnected }, consent.ConnectionMissing},
		{"the account's state is unknown", func(a *attempt) { a.connections[0].Health = "" }, consent.ConnectionMissing},
		{"the account is another person's", func(a *attempt) { a.connections[0].User = "bruno" }, consent.ConnectionMissing},
		{"the account is at another provider", func(a *attempt) { a.connections[0].Provider = "slack" }, consent.ConnectionMissing},
		{"only another account is there", func(a *attempt) { a.connections[0].ID = "work" }, consent.ConnectionMissing},
		{"the call goes to another provider", func(a *attempt) { a.call.Provider = "slack" }, consent.ConnectionMissing},
		{"the call names no provider but its scope has one", func(a *attempt) { a.call.Provider = "" }, consent.ConnectionMissing},
		{"the provider wants the person again", func(a *attempt) { a.connections[0].Health = consent.NeedsPerson }, consent.ConnectionBroken},
		{"the account lacks a permission", func(a *attempt) { a.connections[0].Granted = nil }, consent.ProviderLacks},
		{"the account can never serve the scope", func(a *attempt) { a.connections[0].Variant = "unheard_of" }, consent.ProviderLacks},

		{"the repository was not picked", func(a *attempt) { a.call.Resource = repo("secret") }, consent.OutsideLimit},
		{"a thing of another type has the same id", func(a *attempt) { a.call.Resource.Type = channel }, consent.OutsideLimit},
		{"the last repository was taken away", func(a *attempt) { a.grant.Items[0].Limit = consent.Limit{} }, consent.OutsideLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := attempted()
			tt.spoil(&a)
			if got := a.verdict().Denial; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPermitWritingAndBeingAway(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(a *attempt)
		want  consent.Denial
	}{
		{"with everything it takes", func(*attempt) {}, consent.Permitted},
		{"background is not in the token", func(a *attempt) { a.bearer.Scopes = without(a.bearer.Scopes, consent.Background) }, consent.PersonAway},
		{"background has expired", func(a *attempt) { a.edit(consent.Background, expire) }, consent.PersonAway},
		{"background has expired, but the person is there", func(a *attempt) {
			a.edit(consent.Background, expire)
			a.bearer.Present = true
		}, consent.Permitted},
		{"unattended writes are not in the token", func(a *attempt) { a.bearer.Scopes = without(a.bearer.Scopes, consent.UnattendedWrites) }, consent.WriteNeedsYes},
		{"unattended writes have expired", func(a *attempt) { a.edit(consent.UnattendedWrites, expire) }, consent.WriteNeedsYes},
		{"being there is not a yes", func(a *attempt) {
			a.edit(consent.UnattendedWrites, expire)
			a.bearer.Present = true
		}, consent.WriteNeedsYes},
		{"destroying waits for a yes as well", func(a *attempt) {
			a.edit(consent.UnattendedWrites, expire)
			a.call.Access = consent.Destructive
		}, consent.WriteNeedsYes},
		{"an operation of unknown class counts as a write", func(a *attempt) {
			a.edit(consent.UnattendedWrites, expire)
			a.call.Access = ""
		}, consent.WriteNeedsYes},
		{"a read under a write scope needs no yes", func(a *attempt) {
			a.edit(consent.UnattendedWrites, expire)
			a.call.Access = consent.Read
		}, consent.Permitted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := writing()
			tt.spoil(&a)
			if got := a.verdict().Denial; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestTheWorstReasonIsGivenFirst spoils everything and then mends one thing
// after the other. An outside resource is told before a missing yes, so that
// nobody is asked to approve a write that cannot happen.
func TestTheWorstReasonIsGivenFirst(t *testing.T) {
	a, good := writing(), writing()
	a.bearer.User, a.bearer.Present = "bruno", false
	a.call.Resource = repo("secret")
	a.connections = nil
	for i := range a.grant.Items {
		expire(&a.grant.Items[i])
	}
	broken := with(octocat(), consent.NeedsPerson)
	steps := []struct {
		denial consent.Denial
		mend   func()
	}{
		{consent.GrantGone, func() { a.bearer.User = asha }},
		{consent.ScopeMissing, func() { a.edit(writeRepos, func(it *consent.Item) { it.Until = noon().Add(day) }) }},
		{consent.PersonAway, func() { a.bearer.Present = true }},
		{consent.ConnectionMissing, func() { a.connections = []consent.Connection{broken} }},
		{consent.ConnectionBroken, func() { a.connections[0].Health = consent.Healthy }},
		{consent.ProviderLacks, func() { a.connections = good.connections }},
		{consent.OutsideLimit, func() { a.call.Resource = repo("site") }},
		{consent.WriteNeedsYes, func() { a.grant = good.grant }},
	}
	for _, s := range steps {
		if got := a.verdict().Denial; got != s.denial {
			t.Fatalf("got %q, want %q", got, s.denial)
		}
		s.mend()
	}
	if got := a.verdict().Denial; got != consent.Permitted {
		t.Errorf("all is mended, but got %q", got)
	}
}

func TestAVerdictSaysWhatIsMissing(t *testing.T) {
	missing := attempted()
	missing.bearer.Scopes = nil
	away := attempted()
	away.bearer.Present = false
	asking := writing()
	asking.edit(consent.UnattendedWrites, expire)
	outside := attempted()
	outside.call.Resource = repo("secret")
	site := only(repo("site"))
	tests := []struct {
		name string
		a    attempt
		want consent.Verdict
	}{
		{"permitted", attempted(), consent.Verdict{Connection: attempted().connections[0], Limit: site}},
		{"not in the token", missing, consent.Verdict{Denial: consent.ScopeMissing, Missing: []consent.ScopeName{readRepos}}},
		{"away", away, consent.Verdict{Denial: consent.PersonAway, Missing: []consent.ScopeName{consent.Background}}},
		{"outside", outside, consent.Verdict{Denial: consent.OutsideLimit, Connection: attempted().connections[0], Limit: site}},
		{"waits for a yes", asking, consent.Verdict{
			Denial: consent.WriteNeedsYes, Connection: attempted().connections[0], Limit: site,
			Missing: []consent.ScopeName{consent.UnattendedWrites},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.a.verdict()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestPermitWithTwoAccounts: a scope agreed on two accounts is used on the one
// that can serve the call.
func TestPermitWithTwoAccounts(t *testing.T) {
	work := octocat("contents")
	work.ID = "work"
	both := attempted()
	both.grant = agreed(yes(readRepos, "octocat", only(repo("site"))), yes(readRepos, "work", only(repo("api"))))
	both.connections = append(both.connections, work)
	tests := []struct {
		name   string
		spoil  func(a *attempt)
		want   consent.Denial
		serves consent.ConnectionID
	}{
		{"the first has the repository", func(*attempt) {}, consent.Permitted, "octocat"},
		{"the second has the repository", func(a *attempt) { a.call.Resource = repo("api") }, consent.Permitted, "work"},
		{"neither has it", func(a *attempt) { a.call.Resource = repo("secret") }, consent.OutsideLimit, "octocat"},
		{"a list comes from the first", func(a *attempt) { a.call.Resource = consent.Resource{} }, consent.Permitted, "octocat"},
		{"a list comes from the second when the first is gone", func(a *attempt) {
			a.call.Resource = consent.Resource{}
			a.connections = a.connections[1:]
		}, consent.Permitted, "work"},
		{"what the lost account had is not on the other", func(a *attempt) { a.connections = a.connections[1:] }, consent.OutsideLimit, "work"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := both
			tt.spoil(&a)
			got := a.verdict()
			if got.Denial != tt.want || got.Connection.ID != tt.serves {
				t.Errorf("got %q on %q, want %q on %q", got.Denial, got.Connection.ID, tt.want, tt.serves)
			}
		})
	}
}
