package consent_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/deputy-oauth/deputy/consent"
)

func TestAYesOnlyAdds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		before := w.grant()
		var items []consent.Item
		for range rapid.IntRange(0, 4).Draw(t, "new items") {
			items = append(items, drawItem(t, w.connections))
		}
		after := consent.Agree(before, items, nil, noon())
		for _, old := range slices.Concat(before.Items, items) {
			if !old.Live(noon()) {
				continue
			}
			i := slices.IndexFunc(after.Items, func(it consent.Item) bool {
				return it.Scope == old.Scope && it.Connection == old.Connection
			})
			if i < 0 {
				t.Fatalf("%s on %q is gone", old.Scope, old.Connection)
			}
			if now := after.Items[i]; !old.Limit.Within(now.Limit) || old.Until.After(now.Until) {
				t.Fatalf("%s shrank from %+v to %+v", old.Scope, old, now)
			}
		}
		for _, it := range after.Items {
			mayCome := func(from consent.Item) bool { return from.Scope == it.Scope && from.Connection == it.Connection }
			if !slices.ContainsFunc(before.Items, mayCome) && !slices.ContainsFunc(items, mayCome) {
				t.Fatalf("%s on %q came from nowhere", it.Scope, it.Connection)
			}
		}
		for _, it := range items {
			if wasRefused(after, it.Scope) {
				t.Fatalf("%s is agreed and still refused", it.Scope)
			}
		}
	})
}

func TestANoTakesNothingAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		p := w.decide()
		before := w.grant()
		refused := p.Refuses(false)
		after := consent.Agree(before, nil, refused, noon())
		if diff := cmp.Diff(before.Items, after.Items); diff != "" {
			t.Fatalf("a no changed what stands: -before +after\n%s", diff)
		}
		for _, name := range refused {
			if n := count(after.Refused, name); n != 1 {
				t.Fatalf("the no to %s is remembered %d times", name, n)
			}
			if slices.Contains(p.Token, name) {
				t.Fatalf("%s stands, so it was no question", name)
			}
		}
		for _, r := range p.Rows {
			asked := r.Status == consent.NeedsAdmin && r.Admin != ""
			if r.Reason != consent.AgreedBefore && !r.Held() && !asked && !slices.Contains(refused, r.Scope.Name) {
				t.Fatalf("the no to %s is forgotten", r.Scope.Name)
			}
		}
	})
}

func count(refusals []consent.Refusal, name consent.ScopeName) int {
	n := 0
	for _, r := range refusals {
		if r.Scope == name {
			n++
		}
	}
	return n
}

func TestAYesIsANoToWhatIsNotTicked(t *testing.T) {
	req := asks(readRepos, writeRepos, readProfile, consent.Background)
	req.Choices.Picked = map[consent.ResourceType]consent.Limit{repository: only(repo("api"))}
	req.Choices.Ticked = map[consent.ScopeName]bool{readProfile: false}
	p := consent.Decide(req, []consent.Connection{octocat("contents")}, nil, noon())
	want := []consent.ScopeName{writeRepos, readProfile, consent.Background}
	if diff := cmp.Diff(want, p.Refuses(true)); diff != "" {
		t.Errorf("refused by a yes: -want +got\n%s", diff)
	}
	g := consent.Agree(agreed(), p.Grantable, p.Refuses(true), noon())
	if len(g.Items) != 1 || g.Items[0].Scope != readRepos || len(g.Refused) != 3 {
		t.Errorf("got items %v and refusals %v", g.Items, g.Refused)
	}
}

func TestAgreeAgain(t *testing.T) {
	used := noon().Add(-3 * day)
	standing := yes(readRepos, "octocat", only(repo("site")))
	standing.LastUsed = used
	fresh := consent.Item{Scope: readRepos, Connection: "octocat", Limit: only(repo("api")), Since: noon(), Until: noon().Add(5 * day)}
	tests := []struct {
		name string
		have consent.Item
		want consent.Item
	}{
		{"to what stands: wider, and not shorter", standing, consent.Item{
			Scope: readRepos, Connection: "octocat", Limit: only(repo("site"), repo("api")),
			Since: standing.Since, Until: standing.Until, LastUsed: used,
		}},
		{"to what is over: only what is agreed now", over(standing), consent.Item{
			Scope: readRepos, Connection: "octocat", Limit: only(repo("api")), Since: noon(), Until: fresh.Until, LastUsed: used,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := consent.Agree(agreed(tt.have), []consent.Item{fresh}, nil, noon())
			if diff := cmp.Diff([]consent.Item{tt.want}, got.Items); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestALongerYesLengthens(t *testing.T) {
	long := yes(readProfile, "", consent.Limit{})
	long.Until = noon().Add(90 * day)
	got := consent.Agree(agreed(yes(readProfile, "", consent.Limit{})), []consent.Item{long}, nil, noon())
	if !got.Items[0].Until.Equal(long.Until) {
		t.Errorf("ends %s, want %s", got.Items[0].Until, long.Until)
	}
}

func TestDefaultLifetime(t *testing.T) {
	tests := []struct {
		name  string
		scope consent.Scope
		want  time.Duration
	}{
		{"reading lasts 90 days", consent.Scope{Access: consent.Read}, 90 * day},
		{"writing lasts 30 days", consent.Scope{Access: consent.Write}, 30 * day},
		{"destroying lasts 30 days", consent.Scope{Access: consent.Destructive}, 30 * day},
		{"an unknown access lasts like the worst", consent.Scope{Access: "?"}, 30 * day},
		{"a modifier lasts 7 days", consent.Scope{Access: consent.Read, Modifier: true}, 7 * day},
		{"unattended writes last a week", consent.Scope{Name: consent.UnattendedWrites, Access: consent.Write, Modifier: true}, 7 * day},
		{"the catalogue may say otherwise", consent.Scope{Access: consent.Write, Lifetime: 45 * day}, 45 * day},
		{"but never more than its bound", consent.Scope{Access: consent.Read, Lifetime: 45 * day, MaxLifetime: day}, day},
		{"the bound holds for the default too", consent.Scope{Access: consent.Read, MaxLifetime: day}, day},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := consent.DefaultLifetime(tt.scope); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDefaultLifetimeIsWithinTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, s := range drawVocabulary(t) {
			life := consent.DefaultLifetime(s)
			if life <= 0 || (s.MaxLifetime > 0 && life > s.MaxLifetime) {
				t.Fatalf("%s lasts %s of at most %s", s.Name, life, s.MaxLifetime)
			}
		}
	})
}

func TestHolds(t *testing.T) {
	site, api := only(repo("site")), only(repo("api"))
	longer := yes(readRepos, "octocat", site)
	longer.Until = noon().Add(60 * day)
	tests := []struct {
		name string
		g    consent.Grant
		on   consent.ConnectionID
		want consent.Item // zero when nothing is held
	}{
		{"what was agreed", agreed(longer), "octocat", longer},
		{"on whichever account was agreed first", agreed(yes(readRepos, "work", api), longer), "", yes(readRepos, "work", api)},
		{"on the account asked for", agreed(yes(readRepos, "work", api), longer), "octocat", longer},
		{"a write joins the read: both limits, the later end", agreed(yes(writeRepos, "octocat", api), longer), "octocat", consent.Item{
			Scope: writeRepos, Connection: "octocat", Limit: api.Union(site), Since: longer.Since, Until: longer.Until,
		}},
		{"an earlier end does not shorten", agreed(longer, yes(writeRepos, "octocat", api)), "octocat", consent.Item{
			Scope: readRepos, Connection: "octocat", Limit: site.Union(api), Since: longer.Since, Until: longer.Until,
		}},
		{"what is over adds nothing", agreed(longer, over(yes(writeRepos, "octocat", api))), "octocat", longer},
		{"nothing on another account", agreed(longer), "work", consent.Item{}},
		{"nothing when it is over", agreed(over(longer)), "", consent.Item{}},
		{"nothing when the grant is revoked", consent.Grant{Revoked: true, Items: []consent.Item{longer}}, "", consent.Item{}},
		{"nothing when only something else is agreed", agreed(yes(readProfile, "", consent.Limit{})), "", consent.Item{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.g.Holds(vocabulary(), readRepos, tt.on, noon())
			if ok != (tt.want.Scope != "") {
				t.Fatalf("held: %t", ok)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
