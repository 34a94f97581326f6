package consent_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

// storiesOfAdmins are about what an administrator has to approve first.
func storiesOfAdmins() []story {
	connections := []consent.Connection{octocat("contents", "contents:write")}
	standing := []consent.Grant{agreed(yes(readRepos, "octocat", only(repo("site"))))}
	ruled := func(scopes ...consent.ScopeName) consent.Request {
		req := asks(scopes...)
		req.Rules = consent.Rules{{Scope: readRepos, Who: consent.DecidesAdmin}}
		return req
	}
	petition := func(req consent.Request, state consent.PetitionState, left time.Duration, scopes ...consent.ScopeName) consent.Request {
		req.Petitions = append(req.Petitions, consent.Petition{User: asha, App: bot, Scopes: scopes, State: state, Until: noon().Add(left)})
		return req
	}
	stranger := petition(ruled(readRepos), consent.PetitionApproved, day, readRepos)
	stranger.Petitions[0].User = "bruno"
	picked := petition(ruled(readRepos), consent.PetitionApproved, day, readRepos)
	picked.Choices.Picked = map[consent.ResourceType]consent.Limit{repository: only(repo("site"))}
	more := ruled(readRepos)
	more.Details = consent.Details{{Type: repository, ID: "R_api"}}
	more.Offers = []consent.Offer{{Connection: "octocat", Resource: repo("api")}}
	ending := yes(readRepos, "octocat", only(repo("site")))
	ending.Until = noon().Add(3 * day)
	required := ruled(readRepos, readProfile)
	required.Required = []consent.ScopeName{readRepos}
	return []story{
		{name: "an administrator has to approve before an account is connected", req: ruled(readRepos, readProfile)},
		{name: "what would bring it along needs the administrator as well", req: ruled(writeRepos), connections: connections},
		{name: "the administrator was asked", req: petition(ruled(readRepos), consent.PetitionWaits, day, readRepos), connections: connections},
		{name: "the administrator was asked, and the rest was allowed", req: petition(ruled(readRepos, readProfile), consent.PetitionWaits, day, readRepos),
			connections: connections, grants: []consent.Grant{agreed(yes(readProfile, "", consent.Limit{}))}},
		{name: "the administrator said no", req: petition(ruled(readRepos), consent.PetitionRefused, day, readRepos), connections: connections},
		{name: "the administrator approved", req: petition(ruled(readRepos), consent.PetitionApproved, day, readRepos), connections: connections},
		{name: "the administrator approved, and something is picked", req: picked, connections: connections},
		{name: "a yes to writing is one to the reading that comes along", req: petition(ruled(readRepos), consent.PetitionApproved, day, writeRepos), connections: connections},
		{name: "the approval has ended", req: petition(ruled(readRepos), consent.PetitionApproved, 0, readRepos), connections: connections},
		{name: "the approval is somebody else's", req: stranger, connections: connections},
		{name: "what was agreed before the rule stands", req: ruled(readRepos), connections: connections, grants: standing},
		{name: "more of what stands needs the administrator", req: more, connections: connections, grants: standing},
		{name: "what ends soon is not offered again", req: ruled(readRepos), connections: connections, grants: []consent.Grant{agreed(ending)}},
		{name: "without what is required and not approved nothing can be allowed", req: required, connections: connections},
	}
}

// TestNothingIsGivenBeforeTheAdministratorApproves: nothing that a yes would give
// has in it what an administrator decides, unless there is their yes, and what
// stands is what would stand without any rule.
func TestNothingIsGivenBeforeTheAdministratorApproves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		plan := w.decide()
		for _, it := range plan.Grantable {
			approved := slices.ContainsFunc(w.req.Petitions, func(p consent.Petition) bool {
				return p.User == asha && p.App == bot && p.State == consent.PetitionApproved && p.Until.After(noon()) &&
					slices.ContainsFunc(p.Scopes, func(s consent.ScopeName) bool { return w.req.Vocabulary.Covers(s, it.Scope) })
			})
			for part := range w.req.Vocabulary.Closure(it.Scope) {
				if w.req.Rules.Decider(bot, w.req.Vocabulary[part]) == consent.DecidesAdmin && !approved {
					t.Fatalf("a yes gives %s with %s in it, and no administrator approved it:\n%s", it.Scope, part, sentences(plan))
				}
			}
		}
		free := w
		free.req.Rules = nil
		if was := free.decide(); !slices.Equal(was.Token, plan.Token) {
			t.Fatalf("a rule changed what stands from %v to %v", was.Token, plan.Token)
		}
	})
}

func TestTheClosestRuleDecides(t *testing.T) {
	const person, admin = consent.DecidesPerson, consent.DecidesAdmin
	scope := consent.Scope{Name: readRepos, Risk: 3}
	for _, c := range []struct {
		name  string
		rules consent.Rules
		want  consent.Decider
	}{
		{"no rule", nil, person},
		{"another app's", consent.Rules{{App: "notes", Who: admin}}, person},
		{"another scope's", consent.Rules{{Scope: writeRepos, Who: admin}}, person},
		{"a higher risk", consent.Rules{{Risk: 4, Who: admin}}, person},
		{"this risk", consent.Rules{{Risk: 3, Who: admin}}, admin},
		{"everything", consent.Rules{{Who: admin}}, admin},
		{"the nearer risk", consent.Rules{{Risk: 3, Who: person}, {Risk: 1, Who: admin}}, person},
		{"the scope before its risk", consent.Rules{{Risk: 3, Who: admin}, {Scope: readRepos, Who: person}}, person},
		{"the app before the scope", consent.Rules{{Scope: readRepos, Who: admin}, {App: bot, Who: person}}, person},
		{"the app's scope before the app", consent.Rules{{App: bot, Who: person}, {App: bot, Scope: readRepos, Who: admin}}, admin},
	} {
		if got := c.rules.Decider(bot, scope); got != c.want {
			t.Errorf("%s: the %s decides", c.name, got)
		}
		slices.Reverse(c.rules)
		if got := c.rules.Decider(bot, scope); got != c.want {
			t.Errorf("%s, in the other order: the %s decides", c.name, got)
		}
	}
}

// TestAskingIsNoRefusal: what somebody asked their administrator for they did not
// say no to, whatever they answer to the rest.
func TestAskingIsNoRefusal(t *testing.T) {
	req := asks(readRepos, readProfile)
	req.Rules = consent.Rules{{Scope: readRepos, Who: consent.DecidesAdmin}}
	if no := consent.Decide(req, nil, nil, noon()).Refuses(true); !slices.Equal(no, []consent.ScopeName{readRepos}) {
		t.Errorf("nobody was asked, and %v is refused", no)
	}
	req.Petitions = []consent.Petition{{User: asha, App: bot, Scopes: []consent.ScopeName{readRepos}, State: consent.PetitionWaits, Until: noon().Add(day)}}
	if no := consent.Decide(req, nil, nil, noon()).Refuses(true); len(no) > 0 {
		t.Errorf("the administrator was asked, and %v is refused", no)
	}
	if no := consent.Decide(req, nil, nil, noon()).Refuses(false); !slices.Equal(no, []consent.ScopeName{readProfile}) {
		t.Errorf("a no is one to %v", no)
	}
}
