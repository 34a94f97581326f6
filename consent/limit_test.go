package consent_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

func drawAnyLimit(t *rapid.T) consent.Limit { return drawLimit(t, repository, channel) }

func TestAUnionAllowsWhatEitherAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, r := drawAnyLimit(t), drawAnyLimit(t), drawResource(t, repository, channel)
		if got, want := a.Union(b).Allows(r), a.Allows(r) || b.Allows(r); got != want {
			t.Fatalf("%v in %v and %v: got %t, want %t", r, a, b, got, want)
		}
	})
}

func TestALimitIsWithinAnotherWhenTheOtherAllowsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, r := drawAnyLimit(t), drawAnyLimit(t), drawResource(t, repository, channel)
		if a.Within(b) && a.Allows(r) && !b.Allows(r) {
			t.Fatalf("%v is within %v, but %v is not", a, b, r)
		}
		if a.Within(b) != sameLimit(a.Union(b), b) {
			t.Fatalf("%v within %v: %t, but their union is %v", a, b, a.Within(b), a.Union(b))
		}
	})
}

func TestLimitLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawAnyLimit(t), drawAnyLimit(t), drawAnyLimit(t)
		laws := []struct {
			name string
			ok   bool
		}{
			{"a union is as wide as either", a.Within(a.Union(b)) && b.Within(a.Union(b))},
			{"order does not matter", sameLimit(a.Union(b), b.Union(a))},
			{"grouping does not matter", sameLimit(a.Union(b).Union(c), a.Union(b.Union(c)))},
			{"twice is once", sameLimit(a.Union(a), a)},
			{"nothing adds nothing", sameLimit(a.Union(consent.Limit{}), a)},
			{"within is reflexive", a.Within(a)},
			{"within is transitive", !a.Within(b) || !b.Within(c) || a.Within(c)},
			{"nothing is within all", consent.Limit{}.Within(a)},
			{"all is within everything", a.Within(consent.Limit{Everything: true})},
			{"only nothing is empty", a.Empty() == a.Within(consent.Limit{})},
		}
		for _, law := range laws {
			if !law.ok {
				t.Fatalf("%s: a=%v b=%v c=%v", law.name, a, b, c)
			}
		}
	})
}

func sameLimit(a, b consent.Limit) bool { return a.Within(b) && b.Within(a) }

func TestAUnionLeavesItsPartsAlone(t *testing.T) {
	parts := make([]consent.Resource, 1, 4)
	parts[0] = repo("site")
	a := only(parts...)
	first := a.Union(only(repo("api")))
	a.Union(only(repo("docs")))
	if got := first.Resources[1]; !got.Same(repo("api")) {
		t.Errorf("a second union changed the first: %v", first)
	}
}

func TestAUnionNamesNothingTwice(t *testing.T) {
	renamed := repo("site")
	renamed.Name = "acme/www"
	if got := only(repo("site"), repo("api")).Union(only(renamed, repo("docs"))); len(got.Resources) != 3 {
		t.Errorf("got %v", got)
	}
}

func TestAllowsGoesByTypeAndID(t *testing.T) {
	l := only(consent.Resource{Type: repository, ID: "1", Name: "acme/site"})
	tests := []struct {
		name string
		r    consent.Resource
		want bool
	}{
		{"the same", consent.Resource{Type: repository, ID: "1", Name: "acme/site"}, true},
		{"renamed since", consent.Resource{Type: repository, ID: "1", Name: "acme/www"}, true},
		{"another of the same name", consent.Resource{Type: repository, ID: "2", Name: "acme/site"}, false},
		{"the same id of another type", consent.Resource{Type: channel, ID: "1", Name: "acme/site"}, false},
		{"nothing", consent.Resource{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := l.Allows(tt.r); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
	if (consent.Limit{}).Allows(repo("site")) {
		t.Error("the zero limit allows something")
	}
}

func TestImplications(t *testing.T) {
	v := vocabulary()
	v["loop.a"] = consent.Scope{Name: "loop.a", Implies: []consent.ScopeName{"loop.b"}}
	v["loop.b"] = consent.Scope{Name: "loop.b", Implies: []consent.ScopeName{"loop.a"}}
	tests := []struct {
		have, want consent.ScopeName
		covers     bool
	}{
		{readRepos, readRepos, true},
		{writeRepos, readRepos, true},
		{deleteRepos, readRepos, true},
		{readRepos, writeRepos, false},
		{writeRepos, deleteRepos, false},
		{postMessages, readChannels, false},
		{"loop.a", "loop.b", true},
		{"loop.b", "loop.a", true},
		{"loop.a", readRepos, false},
		{"nobody.knows.it", readRepos, false},
	}
	for _, tt := range tests {
		if got := v.Covers(tt.have, tt.want); got != tt.covers {
			t.Errorf("%s covers %s: %t, want %t", tt.have, tt.want, got, tt.covers)
		}
	}
}

func TestAnUnknownAccessRanksAsTheWorst(t *testing.T) {
	if consent.Read.Rank() >= consent.Write.Rank() || consent.Write.Rank() >= consent.Destructive.Rank() {
		t.Error("read, write and destructive are not in this order")
	}
	if got := consent.Access("").Rank(); got != consent.Destructive.Rank() {
		t.Errorf("the zero access ranks %d", got)
	}
}
