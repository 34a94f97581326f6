package consent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deputy-oauth/deputy/consent"
)

// TestWhatIsOnlyDoneWhileThePersonIsThere: no permission to work in the background
// helps, so none is named as missing.
func TestWhatIsOnlyDoneWhileThePersonIsThere(t *testing.T) {
	v := vocabulary()
	s := v[readRepos]
	s.Attended = true
	v[readRepos] = s
	a := attempted()
	a.bearer.Scopes = append(a.bearer.Scopes, consent.Background)
	a.grant.Items = append(a.grant.Items, yes(consent.Background, "", consent.Limit{}))
	for _, present := range []bool{true, false} {
		a.bearer.Present = present
		got := consent.Permit(v, a.call, a.bearer, a.grant, a.connections, noon())
		if want := map[bool]consent.Denial{true: consent.Permitted, false: consent.PersonAway}[present]; got.Denial != want || len(got.Missing) != 0 {
			t.Errorf("there %t: %q, missing %v", present, got.Denial, got.Missing)
		}
	}
}

// TestATokenWithDetailsTouchesWhatTheyName, and what has no resources at all.
func TestATokenWithDetailsTouchesWhatTheyName(t *testing.T) {
	for says, tt := range map[string]struct {
		details consent.Details
		want    consent.Denial
		limit   consent.Limit
	}{
		"the resource":            {consent.Details{{Type: repository, ID: "R_site", Actions: []consent.ScopeName{readRepos}}}, consent.Permitted, only(repo("site"))},
		"whatever the scopes may": {consent.Details{{Type: repository, ID: "R_site"}}, consent.Permitted, only(repo("site"))},
		"all of the type":         {consent.Details{{Type: repository, ID: consent.All}}, consent.Permitted, only(repo("site"))},
		"another one":             {consent.Details{{Type: repository, ID: "R_other"}}, consent.OutsideLimit, consent.Limit{}},
		"its id, as another type": {consent.Details{{Type: channel, ID: "R_site"}}, consent.OutsideLimit, consent.Limit{}},
		"another action":          {consent.Details{{Type: repository, ID: "R_site", Actions: []consent.ScopeName{writeRepos}}}, consent.OutsideLimit, consent.Limit{}},
		"nothing":                 {consent.Details{}, consent.OutsideLimit, consent.Limit{}},
	} {
		a := attempted()
		a.bearer.Details = tt.details
		got := a.verdict()
		if got.Denial != tt.want {
			t.Errorf("%s: %q, want %q", says, got.Denial, tt.want)
		}
		if diff := cmp.Diff(tt.limit, got.Limit); tt.want == consent.Permitted && diff != "" {
			t.Errorf("%s: -want +got\n%s", says, diff)
		}
		a.call, a.bearer.Scopes = consent.Call{Scope: readProfile, Access: consent.Read}, []consent.ScopeName{readProfile}
		if got := a.verdict().Denial; got != consent.Permitted {
			t.Errorf("%s, and a profile: %q", says, got)
		}
	}
}

func TestNarrow(t *testing.T) {
	everything := consent.Limit{Everything: true}
	file := func(id string) consent.Resource { return consent.Resource{Type: folder, ID: id} }
	s := vocabulary()[readFiles]
	one := consent.Detail{Type: folder, ID: "one"}
	all := consent.Detail{Type: folder, ID: consent.All, Actions: []consent.ScopeName{readFiles}}
	for says, tt := range map[string]struct {
		details consent.Details
		in, out consent.Limit
	}{
		"everything stays everything":       {consent.Details{one, all}, everything, everything},
		"of everything, the named one":      {consent.Details{one}, everything, only(file("one"))},
		"of everything, nothing":            {nil, everything, consent.Limit{}},
		"all of another scope is not all":   {consent.Details{{Type: folder, ID: consent.All, Actions: []consent.ScopeName{readRepos}}}, everything, consent.Limit{}},
		"of two, the named one":             {consent.Details{one}, only(file("one"), file("two")), only(file("one"))},
		"of two, both":                      {consent.Details{all}, only(file("one"), file("two")), only(file("one"), file("two"))},
		"of two, one that is not there":     {consent.Details{{Type: folder, ID: "three"}}, only(file("one"), file("two")), consent.Limit{}},
		"an id that is another type's":      {consent.Details{{Type: channel, ID: "one"}}, only(file("one")), consent.Limit{}},
		"what is named is not given beside": {consent.Details{one}, only(file("two")), consent.Limit{}},
	} {
		if diff := cmp.Diff(tt.out, tt.details.Narrow(s, tt.in)); diff != "" {
			t.Errorf("%s: -want +got\n%s", says, diff)
		}
	}
	if two := vocabulary()[readRepos]; (consent.Details{{Type: repository, ID: consent.All}}).Narrow(two, everything).Everything {
		t.Error("all of one type of two is everything")
	}
}

func TestTouchable(t *testing.T) {
	v := vocabulary()
	g := agreed(
		yes(writeRepos, "octocat", only(repo("site"))), yes(readRepos, "octocat", only(repo("site"), repo("app"))),
		yes(readFiles, "drive", consent.Limit{Everything: true}), yes(readProfile, "", consent.Limit{}), over(yes(readChannels, "acme", only(consent.Resource{Type: channel, ID: "C1"}))),
	)
	want := consent.Details{
		{Type: repository, ID: "R_app", Actions: []consent.ScopeName{readRepos}},
		{Type: repository, ID: "R_site", Actions: []consent.ScopeName{writeRepos, readRepos}},
		{Type: folder, ID: consent.All, Actions: []consent.ScopeName{readFiles}},
	}
	scopes := []consent.ScopeName{writeRepos, readRepos, readFiles, readProfile, readChannels}
	if diff := cmp.Diff(want, consent.Touchable(v, scopes, nil, g, noon())); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff(consent.Details{want[0]}, consent.Touchable(v, scopes, consent.Details{{Type: repository, ID: "R_app"}}, g, noon())); diff != "" {
		t.Errorf("of a token with details: -want +got\n%s", diff)
	}
	if got := consent.Touchable(v, scopes, consent.Details{}, g, noon()); got == nil || len(got) != 0 {
		t.Errorf("of a token whose details are empty: %#v", got)
	}
}

func TestHanded(t *testing.T) {
	v := vocabulary()
	have := consent.Details{
		{Type: repository, ID: "1", Actions: []consent.ScopeName{writeRepos}},
		{Type: repository, ID: "2", Actions: []consent.ScopeName{deleteRepos}}, // of a scope that the token does not have
		{Type: channel, ID: "C1"},
	}
	for says, tt := range map[string]struct {
		lesser []consent.ScopeName
		want   consent.Details
	}{
		"what is implied":        {[]consent.ScopeName{readRepos}, consent.Details{{Type: repository, ID: "1", Actions: []consent.ScopeName{readRepos}}}},
		"what was not there":     {[]consent.ScopeName{readFiles}, consent.Details{}},
		"without resources":      {[]consent.ScopeName{readAccount}, consent.Details{}},
		"a channel, without ask": {[]consent.ScopeName{readChannels}, consent.Details{{Type: channel, ID: "C1", Actions: []consent.ScopeName{readChannels}}}},
	} {
		if diff := cmp.Diff(tt.want, have.Handed(v, []consent.ScopeName{writeRepos, readChannels}, tt.lesser)); diff != "" {
			t.Errorf("%s: -want +got\n%s", says, diff)
		}
	}
}

// TestSettled: what an app named, what the person picked instead, and everything of
// the scopes that it named nothing for.
func TestSettled(t *testing.T) {
	v := vocabulary()
	row := func(s consent.ScopeName, l, stands consent.Limit) consent.Row {
		return consent.Row{Scope: v[s], Status: consent.Ready, On: true, Limit: l, Stands: stands}
	}
	named := consent.Details{{Type: repository, ID: "R_site"}}
	off := row(readPackages, only(consent.Resource{Type: "github.package", ID: "p"}), consent.Limit{})
	off.On = false
	late := row(readRepos, only(repo("late")), consent.Limit{})
	late.Reason = consent.EndsSoon
	plan := consent.Plan{Rows: []consent.Row{
		row(readProfile, consent.Limit{}, consent.Limit{}),
		row(readRepos, only(repo("site"), repo("app"), repo("old")), only(repo("old"))),
		late, off,
		row(readChannels, only(consent.Resource{Type: channel, ID: "C1"}), consent.Limit{}),
	}}
	want := consent.Details{
		named[0],
		{Type: "github.organization", ID: consent.All, Actions: []consent.ScopeName{readPackages}},
		{Type: "github.package", ID: consent.All, Actions: []consent.ScopeName{readPackages}},
		{Type: repository, ID: "R_app", Actions: []consent.ScopeName{readRepos}},
		{Type: channel, ID: consent.All, Actions: []consent.ScopeName{readChannels}},
	}
	if diff := cmp.Diff(want, plan.Settled(named)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	everything := consent.Plan{Rows: []consent.Row{row(readFiles, consent.Limit{Everything: true}, consent.Limit{})}}
	asked := consent.Details{{Type: folder, ID: "one"}}
	if diff := cmp.Diff(append(asked, consent.Detail{Type: folder, ID: consent.All, Actions: []consent.ScopeName{readFiles}}), everything.Settled(asked)); diff != "" {
		t.Errorf("everything instead: -want +got\n%s", diff)
	}
	if got := plan.Settled(nil); got != nil {
		t.Errorf("an app that names nothing: %+v", got)
	}
}

// TestEveryBudgetCounts: what gives no budget takes none of the others away.
func TestEveryBudgetCounts(t *testing.T) {
	a := writing()
	got := a.verdict().Budgets
	want := []consent.Budget{{Scope: consent.Background, Rate: consent.Rate{Daily: 100}}, {Scope: consent.UnattendedWrites, Rate: consent.Rate{Daily: 50}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
