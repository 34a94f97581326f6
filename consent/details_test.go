package consent_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

// TestThreat_O18_NarrowedTokensNeverReachFurther: along any chain of token
// requests, what a token may touch is part of what its parent may, and Permit
// allows it nothing else.
func TestThreat_O18_NarrowedTokensNeverReachFurther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		v, g := w.req.Vocabulary, w.grant()
		scopes := rapid.SliceOfDistinct(rapid.SampledFrom(names()), rapid.ID).Draw(t, "token")
		own := drawDetails(t)
		parent := consent.Touchable(v, scopes, own, g, noon())
		for range rapid.IntRange(1, 3).Draw(t, "generations") {
			part, _ := parent.Part(drawDetails(t))
			if part == nil {
				part = consent.Details{}
			}
			child := consent.Touchable(v, scopes, part, g, noon())
			for _, d := range child {
				for _, action := range d.Actions {
					if !touches(parent, d, action) {
						t.Fatalf("%s on %s %s is not the parent's:\n%+v\n%+v", action, d.Type, d.ID, parent, child)
					}
				}
			}
			narrower := consent.Bearer{User: g.User, App: g.App, Grant: g.ID, Scopes: scopes, Details: part, Present: true}
			wider := narrower
			wider.Details = parent
			for _, name := range scopes {
				s := v[name]
				c := consent.Call{Scope: name, Access: consent.Read, Provider: s.Provider}
				if len(s.Resources) > 0 {
					c.Resource = drawResource(t, s.Resources...)
				}
				if got := consent.Permit(v, c, narrower, g, w.connections, noon()); got.Denial == consent.Permitted &&
					consent.Permit(v, c, wider, g, w.connections, noon()).Denial != consent.Permitted {
					t.Fatalf("the narrower token may do more: %+v", c)
				}
			}
			parent = child
		}
	})
}

func touches(have consent.Details, want consent.Detail, action consent.ScopeName) bool {
	return slices.ContainsFunc(have, func(d consent.Detail) bool {
		return d.Type == want.Type && (d.ID == want.ID || d.ID == consent.All) && slices.Contains(d.Actions, action)
	})
}

// TestWhatIsToldIsWhatIsPermitted: a resource is listed for a scope exactly when
// the details and the grant allow it there.
func TestWhatIsToldIsWhatIsPermitted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		v, g, own := w.req.Vocabulary, w.grant(), drawDetails(t)
		told := consent.Touchable(v, names(), own, g, noon())
		for _, name := range names() {
			s := v[name]
			if s.Narrowing == consent.NarrowingNone {
				continue
			}
			r := drawResource(t, s.Resources...)
			want := slices.ContainsFunc(g.Items, func(it consent.Item) bool {
				l := it.Limit
				if own != nil {
					l = own.Narrow(s, l)
				}
				return !g.Revoked && it.Live(noon()) && v.Covers(it.Scope, name) && l.Allows(r)
			})
			if got := touches(told, consent.Detail{Type: r.Type, ID: r.ID}, name); got != want {
				t.Fatalf("%s on %v is told: %t, is so: %t\n%+v", name, r, got, want, told)
			}
		}
	})
}

func TestAPartOfWhatWasGranted(t *testing.T) {
	granted := consent.Details{
		{Type: repository, ID: "1", Actions: []consent.ScopeName{readRepos, writeRepos}},
		{Type: folder, ID: consent.All, Actions: []consent.ScopeName{readFiles}},
	}
	one := func(kind consent.ResourceType, id string, actions ...consent.ScopeName) consent.Details {
		return consent.Details{{Type: kind, ID: id, Actions: actions}}
	}
	for says, tt := range map[string]struct{ asked, part, beyond consent.Details }{
		"one action":                  {one(repository, "1", readRepos), one(repository, "1", readRepos), nil},
		"whatever was granted there":  {one(repository, "1"), one(repository, "1", readRepos, writeRepos), nil},
		"another resource":            {one(repository, "2"), nil, one(repository, "2")},
		"another type with its id":    {one(channel, "1"), nil, one(channel, "1")},
		"another action":              {one(repository, "1", deleteRepos), nil, one(repository, "1", deleteRepos)},
		"one of everything":           {one(folder, "x"), one(folder, "x", readFiles), nil},
		"everything":                  {one(folder, consent.All), one(folder, consent.All, readFiles), nil},
		"everything, where one is it": {one(repository, consent.All), nil, one(repository, consent.All)},
	} {
		part, beyond := granted.Part(tt.asked)
		if diff := cmp.Diff(tt.part, part); diff != "" {
			t.Errorf("%s: -want +got\n%s", says, diff)
		}
		if len(beyond) != len(tt.beyond) {
			t.Errorf("%s: beyond is %+v", says, beyond)
		}
	}
}

// TestNamingNeverTakesAnythingAway: what an app names neither narrows nor widens
// what stands, and a no to it is no to nothing else.
func TestNamingNeverTakesAnythingAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		plain := w
		plain.req.Details, plain.req.Offers = nil, nil
		named, before := w.decide(), plain.decide()
		if diff := cmp.Diff(before.Token, named.Token); diff != "" {
			t.Fatalf("the token: -without +with\n%s", diff)
		}
		for _, r := range named.Rows {
			if r.Reason != consent.MoreAsked {
				continue
			}
			if !r.Stands.Within(r.Limit) || slices.Contains(named.Refuses(false), r.Scope.Name) {
				t.Fatalf("what stands does not stay: %+v", r)
			}
		}
		g := consent.Agree(w.grant(), named.Grantable, named.Refuses(true), noon())
		for _, it := range w.grant().Items {
			if have, ok := g.Holds(w.req.Vocabulary, it.Scope, it.Connection, noon()); it.Live(noon()) && (!ok || !it.Limit.Within(have.Limit)) {
				t.Fatalf("a yes took something away: %+v", it)
			}
		}
	})
}
