package consent_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

// TestNothingIsGivenWithoutWhatIsRequired: with something lacking a yes gives
// nothing, and nothing is lacking that is given or was given before.
func TestNothingIsGivenWithoutWhatIsRequired(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		p := w.decide()
		if len(p.Lacking) > 0 && len(p.Grantable) > 0 {
			t.Fatalf("%v is lacking, but a yes gives %v", p.Lacking, p.Grantable)
		}
		after := w
		after.grants = slices.DeleteFunc(slices.Clone(w.grants), func(g consent.Grant) bool { return g.ID == w.grant().ID })
		after.grants = append(after.grants, consent.Agree(w.grant(), p.Grantable, nil, noon()))
		after.req.Choices = consent.Choices{}
		carried := after.decide().Token
		for _, r := range p.Rows {
			lacks := slices.Contains(p.Lacking, r.Scope.Name)
			switch {
			case lacks && (r.Scope.Modifier || !slices.Contains(w.req.Required, r.Scope.Name)):
				t.Fatalf("%s is lacking, but nobody needs it", r.Scope.Name)
			case lacks && r.Held():
				t.Fatalf("%s is lacking, but it stands", r.Scope.Name)
			case r.Required && len(p.Lacking) == 0 && !slices.Contains(carried, r.Scope.Name):
				t.Fatalf("%s is required and nothing is lacking, but after a yes a token carries only %v", r.Scope.Name, carried)
			}
		}
	})
}

func TestRequired(t *testing.T) {
	connections := []consent.Connection{octocat("contents", "contents:write")}
	req := func(required consent.ScopeName, ticked map[consent.ScopeName]bool) consent.Request {
		r := asks(readRepos, writeRepos, readProfile, consent.Background)
		r.Required = []consent.ScopeName{required}
		r.Choices.Ticked = ticked
		r.Choices.Picked = map[consent.ResourceType]consent.Limit{repository: only(repo("site"))}
		return r
	}
	for _, tt := range []struct {
		name    string
		req     consent.Request
		lacking bool
		given   int
	}{
		{"reading is ticked at first", req(readRepos, nil), false, 2},
		{"reading is unticked", req(readRepos, map[consent.ScopeName]bool{readRepos: false}), true, 0},
		{"reading is unticked, and writing brings it along", req(readRepos, map[consent.ScopeName]bool{readRepos: false, writeRepos: true}), false, 2},
		{"writing is unticked at first", req(writeRepos, nil), true, 0},
		{"writing is ticked", req(writeRepos, map[consent.ScopeName]bool{writeRepos: true}), false, 3},
		{"working alone cannot be required", req(consent.Background, nil), false, 2},
		{"what was not asked cannot be required", req(readFiles, nil), false, 2},
	} {
		p := consent.Decide(tt.req, connections, nil, noon())
		if (len(p.Lacking) > 0) != tt.lacking || len(p.Grantable) != tt.given {
			t.Errorf("%s: lacking %v, a yes gives %d things, want %d", tt.name, p.Lacking, len(p.Grantable), tt.given)
		}
	}
	p := consent.Decide(req(readRepos, nil), connections, nil, noon())
	if r, _ := p.Row(readRepos); !slices.Equal(r.With, []consent.ScopeName{writeRepos}) || !r.Required {
		t.Errorf("reading comes along with %v, required %t", r.With, r.Required)
	}
	if r, _ := p.Row(writeRepos); r.With != nil || r.Required {
		t.Errorf("writing comes along with %v, required %t", r.With, r.Required)
	}
}
